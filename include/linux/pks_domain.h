/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Domains: memory behind a protection key of its own, closed at every mapping of
 * the kernel's. linux/pks.h has the keys themselves; who only wants memory that
 * nobody else touches needs nothing but this.
 *
 * A domain hands out pages, virtually contiguous areas and small objects, takes
 * in pages that its owner already has, and is written to in scopes, or by
 * functions that open it for the one write.
 */
#ifndef _LINUX_PKS_DOMAIN_H
#define _LINUX_PKS_DOMAIN_H

#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/pks.h>
#include <linux/string.h>

/**
 * struct pks_domain - a domain
 * @pkey: its key; 0 if it is not protected
 *
 * The key is for use with what linux/pks.h has for keys, except pks_key_free():
 * pks_set_policy(), pks_set_fault_handler(), pks_key_set_default() and others.
 */
struct pks_domain {
	int	pkey;
};

/**
 * define PKS_DOMAIN_READONLY - every context may read
 *
 * For pks_domain_create(). To write takes a scope, or pks_write() and its like.
 * Without it a context that has not opened the domain may do nothing.
 */
#define PKS_DOMAIN_READONLY	BIT(0)
/**
 * define PKS_DOMAIN_OPTIONAL - where there is no PKS, an unprotected domain
 *
 * For pks_domain_create(), which otherwise gives -EOPNOTSUPP there. Everything works
 * with such a domain; its key is 0, and nothing is protected.
 */
#define PKS_DOMAIN_OPTIONAL	BIT(1)
/**
 * define PKS_DOMAIN_UNPROTECTED - unprotected in any case
 *
 * For pks_domain_create(): to compare with, and for a module parameter of yours that
 * switches the protection off.
 */
#define PKS_DOMAIN_UNPROTECTED	BIT(2)

struct pks_domain *__pks_domain_create(const char *name, int attrs,
				       struct module *owner);
int pks_domain_destroy(struct pks_domain *domain);
struct pks_domain *pks_domain_find(const char *name);

/**
 * pks_domain_create - make a domain
 * @name: what people will read in debugfs and in fault reports; 1 to
 *	PKS_KEY_NAME_LEN - 1 characters, none of them '/', the first not '.'; not the
 *	name of another domain; copied
 * @attrs: any of PKS_DOMAIN_READONLY, PKS_DOMAIN_OPTIONAL, PKS_DOMAIN_UNPROTECTED
 *
 * The calling module is its owner. The domain has a key of its own, of which there are
 * 15, and no memory yet.
 *
 * Context: process context, may sleep.
 *
 * Return: the domain, or an ERR_PTR(): -EOPNOTSUPP without PKS (unless @attrs say
 * that the domain need not be protected); -EINVAL for a bad name or attribute;
 * -EEXIST if there is one of that name; -ENOSPC when no key is left; -ENOMEM.
 *
 * Semantics: own.
 */
static inline struct pks_domain *pks_domain_create(const char *name, int attrs)
{
	return __pks_domain_create(name, attrs, THIS_MODULE);
}

void *pks_domain_alloc_pages(struct pks_domain *domain, unsigned int order,
			     gfp_t gfp);
void pks_domain_free_pages(struct pks_domain *domain, void *addr,
			   unsigned int order);
void *pks_domain_vmalloc(struct pks_domain *domain, size_t size);
void pks_domain_vfree(struct pks_domain *domain, void *addr);
int pks_domain_protect(struct pks_domain *domain, void *addr,
		       unsigned long nr_pages);
int pks_domain_unprotect(struct pks_domain *domain, void *addr,
			 unsigned long nr_pages);

void *pks_domain_alloc(struct pks_domain *domain, size_t size, gfp_t gfp);
void pks_domain_free(struct pks_domain *domain, void *object);
void pks_domain_free_rcu(struct pks_domain *domain, void *object);

struct pks_cache;
struct pks_cache *pks_cache_create(struct pks_domain *domain, const char *name,
				   size_t size, size_t align);
int pks_cache_destroy(struct pks_cache *cache);
void *pks_cache_alloc(struct pks_cache *cache, gfp_t gfp);
void pks_cache_free(struct pks_cache *cache, void *object);
void pks_cache_free_rcu(struct pks_cache *cache, void *object);

/**
 * PKS_CACHE - a cache of objects of a type
 * @domain: the domain
 * @type: the type, whose name, cut if it is long, size and alignment are the cache's
 *
 * Context: process context, may sleep.
 *
 * Return: see pks_cache_create().
 *
 * Semantics: KMEM_CACHE().
 */
#define PKS_CACHE(domain, type)						\
({									\
	char __name[PKS_KEY_NAME_LEN];					\
									\
	strscpy(__name, #type, sizeof(__name));				\
	pks_cache_create(domain, strim(__name), sizeof(type),		\
			 __alignof__(type));				\
})

bool pks_domain_contains(const struct pks_domain *domain, const void *addr,
			 size_t len);

/**
 * struct pks_write_op - one write of a batch
 * @dst: memory of the domain
 * @src: what to write there
 * @len: bytes
 */
struct pks_write_op {
	void		*dst;
	const void	*src;
	size_t		len;
};

int pks_write(struct pks_domain *domain, void *dst, const void *src, size_t len);
int pks_write_batch(struct pks_domain *domain, const struct pks_write_op *ops,
		    unsigned int nr);
int pks_memset(struct pks_domain *domain, void *dst, int byte, size_t len);
int __pks_assign(struct pks_domain *domain, void *dst, u64 value, size_t size);

#define __pks_assign_value(ptr, value)					\
({									\
	typeof(*(ptr)) __value = (value);				\
									\
	BUILD_BUG_ON(sizeof(__value) != 1 && sizeof(__value) != 2 &&	\
		     sizeof(__value) != 4 && sizeof(__value) != 8);	\
	sizeof(__value) == 8 ? *(u64 *)&__value :			\
	sizeof(__value) == 4 ? *(u32 *)&__value :			\
	sizeof(__value) == 2 ? *(u16 *)&__value : *(u8 *)&__value;	\
})

/**
 * pks_assign - set a variable in a domain
 * @domain: the domain
 * @ptr: the variable, of 1, 2, 4 or 8 bytes; naturally aligned
 * @value: of its type
 *
 * Readers see the old value or the new one, and with the new one whatever was
 * written before it: it is a release, as rcu_assign_pointer() is. A variable of
 * another size does not compile.
 *
 * Context: that of pks_write().
 *
 * Return: 0, or -EFAULT, with nothing written, if the variable is not in @domain or not
 * aligned, or in an NMI.
 *
 * Semantics: smp_store_release().
 */
#define pks_assign(domain, ptr, value)					\
	__pks_assign(domain, (void *)(ptr), __pks_assign_value(ptr, value),	\
		     sizeof(*(ptr)))

/**
 * pks_rcu_assign - publish a pointer that is in a domain to readers under RCU
 * @domain: the domain
 * @ptr: an __rcu pointer in it
 * @value: what to publish
 *
 * Read with rcu_dereference(); no scope is needed in a domain that is read-only to
 * all. Otherwise pks_assign(). What is no pointer, or one of another type, does not
 * compile.
 *
 * Context: that of pks_write().
 *
 * Return: 0, or -EFAULT as pks_assign().
 *
 * Semantics: rcu_assign_pointer().
 */
#define pks_rcu_assign(domain, ptr, value)				\
({									\
	typeof(**(ptr)) __force *__pks_value = (value);			\
									\
	rcu_check_sparse(*(ptr), __rcu);				\
	__pks_assign(domain, (void __force *)(ptr),			\
		     (unsigned long)__pks_value, sizeof(unsigned long));	\
})

void __pks_domain_count_scope(struct pks_domain *domain);

/**
 * pks_domain_enter - begin a scope on a domain
 * @domain: the domain
 * @access: what the running context may do from here on
 *
 * pks_enter() on its key, and counted. Nothing for an unprotected domain.
 *
 * Context: that of pks_enter().
 *
 * Return: see pks_enter(); to be given to pks_domain_leave(). 0 for an unprotected
 * domain.
 *
 * Semantics: see pks_enter().
 */
static __always_inline int pks_domain_enter(struct pks_domain *domain,
					    enum pks_access access)
{
	if (!domain->pkey)
		return 0;
	__pks_domain_count_scope(domain);
	return pks_enter(domain->pkey, access);
}

/**
 * pks_domain_leave - end a scope on a domain
 * @domain: the domain
 * @former: what pks_domain_enter() returned
 *
 * pks_leave() on its key. Nothing for an unprotected domain.
 *
 * Context: that of pks_enter(), in the very context that called pks_domain_enter().
 *
 * Semantics: see pks_leave().
 */
static __always_inline void pks_domain_leave(struct pks_domain *domain,
					     int former)
{
	if (domain->pkey)
		pks_leave(domain->pkey, former);
}

#ifdef DEFINE_CLASS
struct __pks_domain_scope {
	struct pks_domain	*domain;
	int			former;
};

/**
 * DOC: guard(pks_domain_write)
 *
 * ``guard(pks_domain_write)(domain);`` opens a domain to the end of the block for
 * reading and writing; else as guard(pks_write).
 */
DEFINE_CLASS(pks_domain_write, struct __pks_domain_scope,
	     pks_domain_leave(_T.domain, _T.former),
	     ((struct __pks_domain_scope){
		domain, pks_domain_enter(domain, PKS_READWRITE) }),
	     struct pks_domain *domain)
/**
 * DOC: guard(pks_domain_read)
 *
 * ``guard(pks_domain_read)(domain);`` opens a domain to the end of the block for
 * reading; else as guard(pks_write).
 */
DEFINE_CLASS(pks_domain_read, struct __pks_domain_scope,
	     pks_domain_leave(_T.domain, _T.former),
	     ((struct __pks_domain_scope){
		domain, pks_domain_enter(domain, PKS_READONLY) }),
	     struct pks_domain *domain)
#endif

#endif /* _LINUX_PKS_DOMAIN_H */
