// SPDX-License-Identifier: GPL-2.0
/*
 * Domains and their memory. Each thread has one domain at a time, and nobody else
 * changes it: so it is known what is in it, byte by byte. Each piece of memory is
 * filled with one byte.
 */
#include "fuzz.h"
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#define FUZZ_PIECES	10
#define FUZZ_CACHES	2
/* So much of a piece is looked at. */
#define FUZZ_LOOK	8192UL
#define FUZZ_WRITE	512UL

enum fuzz_kind {
	FUZZ_PAGES,
	FUZZ_AREA,
	FUZZ_OBJECT,
	FUZZ_CACHED,
	FUZZ_OWN_PAGES,		/* and taken in */
	FUZZ_OWN_AREA,
	FUZZ_KINDS,
};

struct fuzz_piece {
	enum fuzz_kind	kind;
	void		*addr;
	size_t		size;
	unsigned int	order;
	unsigned int	cache;
	u8		byte;
};

struct fuzz_domain {
	struct pks_domain	*domain;
	char			name[PKS_KEY_NAME_LEN];
	struct fuzz_piece	pieces[FUZZ_PIECES];
	unsigned int		nr;
	struct pks_cache	*caches[FUZZ_CACHES];
	size_t			sizes[FUZZ_CACHES];
};

static int fuzz_pkey(const struct fuzz_context *ctx)
{
	return ctx->thread->slots[FUZZ_DOMAIN_SLOT].pkey;
}

static void fuzz_expect(struct fuzz_context *ctx, const char *what, long ret, long expected)
{
	fuzz_did(ctx, what, 0, 0, 0, ret);
	if (ret != expected)
		fuzz_fail(ctx, "%s returned %ld instead of %ld", what, ret, expected);
}

/* Is there @byte everywhere? In a scope of its own, which changes nothing. */
static void fuzz_expect_bytes(struct fuzz_context *ctx, const void *addr, int byte,
			      size_t size)
{
	struct pks_domain *domain = ctx->thread->domain->domain;
	int former = pks_domain_enter(domain, PKS_READONLY);
	const void *bad = NULL;

	if (former < 0)
		fuzz_fail(ctx, "pks_domain_enter() returned %d", former);
	else
		bad = memchr_inv(addr, byte, size);
	if (bad)
		fuzz_fail(ctx, "there is %#x at byte %zu of %zu at %#lx, and not %#x",
			  *(const u8 *)bad, (size_t)(bad - addr), size, (long)addr, byte);
	pks_domain_leave(domain, former);
}

static void fuzz_check_piece(struct fuzz_context *ctx, const struct fuzz_piece *piece)
{
	size_t size = min(piece->size, FUZZ_LOOK);

	fuzz_expect_bytes(ctx, piece->addr, piece->byte, size);
	fuzz_expect_bytes(ctx, piece->addr + piece->size - size, piece->byte, size);
	if (!pks_domain_contains(ctx->thread->domain->domain, piece->addr, piece->size))
		fuzz_fail(ctx, "pks_domain_contains() does not know %zu bytes at %#lx",
			  piece->size, (long)piece->addr);
}

static void fuzz_fill(struct fuzz_context *ctx, struct fuzz_piece *piece, u8 byte)
{
	piece->byte = byte;
	fuzz_expect(ctx, "pks_memset", pks_memset(ctx->thread->domain->domain, piece->addr,
						  byte, piece->size), 0);
}

static bool fuzz_domain_attrs_ok(int attrs)
{
	return !(attrs & ~(PKS_DOMAIN_READONLY | PKS_DOMAIN_OPTIONAL |
			   PKS_DOMAIN_UNPROTECTED));
}

static bool fuzz_name_ok(const char *name)
{
	const char *at;

	for (at = name; at && *at; at++) {
		if (*at < ' ' || *at > '~' || *at == '/')
			return false;
	}
	return name && *name && *name != '.' && at - name < PKS_KEY_NAME_LEN;
}

static bool fuzz_name_taken(const char *name)
{
	unsigned int i;

	for (i = 0; i < fuzz.nr_threads; i++) {
		const struct fuzz_domain *other = fuzz.threads[i].domain;

		if (!IS_ERR_OR_NULL(other->domain) && !strcmp(other->name, name))
			return true;
	}
	return false;
}

/* Under fuzz.mutex: what pks_domain_create() will return, the key or an error. */
static int fuzz_domain_expected(const char *name, int attrs)
{
	int flags = attrs & PKS_DOMAIN_READONLY ? PKS_FLAG_DEFAULT_READONLY : 0;

	if (!fuzz_name_ok(name) || !fuzz_domain_attrs_ok(attrs))
		return -EINVAL;
	if (fuzz_name_taken(name))
		return -EEXIST;
	return attrs & PKS_DOMAIN_UNPROTECTED ? 0 : fuzz_next_key(flags);
}

static void fuzz_create_named(struct fuzz_context *ctx, const char *name, int attrs)
{
	struct fuzz_domain *own = ctx->thread->domain;
	int expected = fuzz_domain_expected(name, attrs), ret;

	if (expected > 0) {
		mutex_lock(&fuzz.keys[expected].mutex);
		fuzz_key_comes(expected, attrs & PKS_DOMAIN_READONLY ?
			       PKS_FLAG_DEFAULT_READONLY : 0);
	}
	own->domain = pks_domain_create(name, attrs);
	if (expected > 0) {
		fuzz_key_changed(expected);
		mutex_unlock(&fuzz.keys[expected].mutex);
	}
	ret = IS_ERR(own->domain) ? PTR_ERR(own->domain) : own->domain->pkey;
	fuzz_did(ctx, "pks_domain_create", attrs, 0, 0, ret);
	if (ret != expected)
		fuzz_fail(ctx, "pks_domain_create(\"%s\", %#x) returned %d instead of %d", name,
			  attrs, ret, expected);
	WRITE_ONCE(ctx->thread->slots[FUZZ_DOMAIN_SLOT].pkey, max(ret, 0));
	if (IS_ERR(own->domain))
		own->domain = NULL;
	else
		strscpy(own->name, name, sizeof(own->name));
}

static void fuzz_create(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	static const int attrs[] = {
		0, 0, 0, PKS_DOMAIN_READONLY, PKS_DOMAIN_OPTIONAL,
		PKS_DOMAIN_UNPROTECTED, PKS_DOMAIN_UNPROTECTED | PKS_DOMAIN_READONLY,
		-1, BIT(3), INT_MIN,
	};
	static const char *const odd[] = {
		NULL, "", ".", "..", "a/b", "a name of thirty-two characters.", "fuzz-0",
		"fuzz-1", "%s %n", "a\tb", "\x80",
	};
	char name[16];

	snprintf(name, sizeof(name), "fuzz-%u", ctx->thread->nr);
	mutex_lock(&fuzz.mutex);
	fuzz_create_named(ctx, fuzz_one_in(rnd, 4) ? odd[fuzz_pick(rnd, ARRAY_SIZE(odd))] : name,
			  attrs[fuzz_pick(rnd, ARRAY_SIZE(attrs))]);
	mutex_unlock(&fuzz.mutex);
}

static bool fuzz_holds_more(u8 possible, u8 usual)
{
	/* By how much they allow. */
	static const u8 rank[] = { [PKS_NOACCESS] = 0, [PKS_READONLY] = 1, [PKS_READWRITE] = 2 };
	u8 access;

	for (access = PKS_READWRITE; access <= PKS_READONLY; access++) {
		if (possible & BIT(access) && rank[access] > rank[usual])
			return true;
	}
	return false;
}

/* May it be refused because this thread has it open, or everybody? */
static bool fuzz_maybe_held(struct fuzz_context *ctx, int pkey)
{
	struct fuzz_key *key = &fuzz.keys[pkey];
	u8 state = fuzz_state(&key->key);
	struct fuzz_span span = fuzz_watch(&key->key);

	return state & FUZZ_ABANDONED ||
		fuzz_holds_more(fuzz_possible(&ctx->rights[pkey], pkey, span), state & 3);
}

static bool fuzz_domain_busy(const struct fuzz_domain *own)
{
	return (own->nr || own->caches[0] || own->caches[1]) && fuzz_lie != FUZZ_LIE_BUSY;
}

static int fuzz_destroy_key(struct fuzz_context *ctx, int pkey)
{
	struct fuzz_key *key = &fuzz.keys[pkey];
	int flags = key->flags, ret;

	mutex_lock(&key->mutex);
	fuzz_key_goes(pkey);
	ret = pks_domain_destroy(ctx->thread->domain->domain);
	if (ret) {
		fuzz_change_cancel(&key->key);
		fuzz_change_cancel(&key->violations);
		key->users++;
		key->flags = flags;
	} else {
		fuzz_key_changed(pkey);
	}
	mutex_unlock(&key->mutex);
	return ret;
}

static void fuzz_destroy(struct fuzz_context *ctx)
{
	struct fuzz_domain *own = ctx->thread->domain;
	bool busy = fuzz_domain_busy(own);
	int pkey = fuzz_pkey(ctx), ret;
	bool held;

	mutex_lock(&fuzz.mutex);
	held = pkey && fuzz_maybe_held(ctx, pkey);
	ret = pkey && !busy ? fuzz_destroy_key(ctx, pkey) : pks_domain_destroy(own->domain);
	/* Others come at any time: behind the call all are known that it can have met. */
	held |= pkey && ret && fuzz_visited(pkey);
	fuzz_did(ctx, "pks_domain_destroy", pkey, own->nr, held, ret);
	if (ret != (busy ? -EBUSY : 0) && !(ret == -EBUSY && held))
		fuzz_fail(ctx, "pks_domain_destroy() returned %d; in use: %d, maybe held: %d",
			  ret, busy, held);
	if (!ret) {
		WRITE_ONCE(ctx->thread->slots[FUZZ_DOMAIN_SLOT].pkey, 0);
		own->domain = NULL;
		own->nr = 0;
	}
	mutex_unlock(&fuzz.mutex);
}

/* Pages of the thread's own, which go into the domain as they are. */
static void *fuzz_get_own(struct fuzz_context *ctx, struct fuzz_piece *piece)
{
	unsigned long nr = 1UL << piece->order;

	piece->size = nr << PAGE_SHIFT;
	piece->addr = piece->kind == FUZZ_OWN_AREA ? vmalloc(piece->size) :
		(void *)__get_free_pages(GFP_KERNEL, piece->order);
	if (!piece->addr)
		return NULL;
	memset(piece->addr, piece->byte, piece->size);
	fuzz_expect(ctx, "pks_domain_protect",
		    pks_domain_protect(ctx->thread->domain->domain, piece->addr, nr), 0);
	fuzz_expect(ctx, "pks_domain_protect again",
		    pks_domain_protect(ctx->thread->domain->domain, piece->addr, nr), -EBUSY);
	return piece->addr;
}

static void *fuzz_get(struct fuzz_context *ctx, struct rnd_state *rnd,
		      struct fuzz_piece *piece, gfp_t gfp)
{
	struct fuzz_domain *own = ctx->thread->domain;

	switch (piece->kind) {
	case FUZZ_PAGES:
		piece->size = PAGE_SIZE << piece->order;
		return pks_domain_alloc_pages(own->domain, piece->order, gfp);
	case FUZZ_AREA:
		piece->size = 1 + fuzz_pick(rnd, 5 * PAGE_SIZE);
		return pks_domain_vmalloc(own->domain, piece->size);
	case FUZZ_CACHED:
		piece->cache = fuzz_pick(rnd, FUZZ_CACHES);
		piece->size = own->sizes[piece->cache];
		if (own->caches[piece->cache])
			return pks_cache_alloc(own->caches[piece->cache], gfp);
		piece->kind = FUZZ_OBJECT;
		fallthrough;
	case FUZZ_OBJECT:
		piece->size = 1 + fuzz_pick(rnd, 2048);
		return pks_domain_alloc(own->domain, piece->size, gfp);
	default:
		return fuzz_get_own(ctx, piece);
	}
}

static void fuzz_alloc(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	static const gfp_t gfps[] = { GFP_KERNEL, GFP_KERNEL | __GFP_ZERO, GFP_NOIO,
				      GFP_ATOMIC, GFP_NOWAIT };
	struct fuzz_domain *own = ctx->thread->domain;
	gfp_t gfp = gfps[fuzz_pick(rnd, ARRAY_SIZE(gfps))];
	u8 byte = prandom_u32_state(rnd);
	struct fuzz_piece piece = {
		.kind	= fuzz_pick(rnd, FUZZ_KINDS),
		.order	= fuzz_one_in(rnd, 64) ? 9 : fuzz_pick(rnd, 4),
		.byte	= byte,
	};

	if (piece.kind >= FUZZ_OWN_PAGES)
		piece.order %= 3;
	piece.addr = fuzz_get(ctx, rnd, &piece, gfp);
	fuzz_did(ctx, "alloc", piece.kind, piece.size, (__force long)gfp, (long)piece.addr);
	if (!piece.addr) {
		if (gfpflags_allow_blocking(gfp) && piece.order < 9)
			fuzz_fail(ctx, "no memory: kind %d, %zu bytes", piece.kind, piece.size);
		return;
	}
	if (piece.kind < FUZZ_OWN_PAGES) {
		piece.byte = fuzz_lie == FUZZ_LIE_WRITE;
		fuzz_check_piece(ctx, &piece);
		fuzz_fill(ctx, &piece, byte);
	}
	own->pieces[own->nr++] = piece;
}

static void fuzz_put(struct fuzz_context *ctx, struct rnd_state *rnd,
		     const struct fuzz_piece *piece)
{
	struct fuzz_domain *own = ctx->thread->domain;
	bool later = fuzz_one_in(rnd, 4);

	switch (piece->kind) {
	case FUZZ_PAGES:
		return pks_domain_free_pages(own->domain, piece->addr, piece->order);
	case FUZZ_AREA:
		return pks_domain_vfree(own->domain, piece->addr);
	case FUZZ_OBJECT:
		return later ? pks_domain_free_rcu(own->domain, piece->addr) :
			       pks_domain_free(own->domain, piece->addr);
	case FUZZ_CACHED:
		return later ? pks_cache_free_rcu(own->caches[piece->cache], piece->addr) :
			       pks_cache_free(own->caches[piece->cache], piece->addr);
	default:
		break;
	}
	fuzz_expect(ctx, "pks_domain_unprotect",
		    pks_domain_unprotect(own->domain, piece->addr, 1UL << piece->order), 0);
	if (memchr_inv(piece->addr, piece->byte, piece->size))
		fuzz_fail(ctx, "pks_domain_unprotect() has not left the pages as they were");
	if (piece->kind == FUZZ_OWN_AREA)
		vfree(piece->addr);
	else
		free_pages((unsigned long)piece->addr, piece->order);
}

/* All that is not right about it: an address in the middle, another kind. */
static void fuzz_put_badly(struct fuzz_context *ctx, const struct fuzz_piece *piece)
{
	struct pks_domain *domain = ctx->thread->domain->domain;
	void *addr = piece->addr;

	pks_domain_free_pages(domain, addr, piece->order + 1);
	pks_domain_free_pages(domain, addr, UINT_MAX);
	pks_domain_free_pages(domain, addr + 1, piece->order);
	pks_domain_vfree(domain, addr + PAGE_SIZE);
	pks_domain_free(domain, addr + 1);
	pks_domain_free_rcu(domain, addr + 8);
	if (piece->kind != FUZZ_PAGES)
		pks_domain_free_pages(domain, addr, piece->order);
	else if (piece->order)
		pks_domain_free_pages(domain, addr + PAGE_SIZE, piece->order);
	if (piece->kind != FUZZ_AREA)
		pks_domain_vfree(domain, addr);
	if (piece->kind != FUZZ_OBJECT && piece->kind != FUZZ_CACHED)
		pks_domain_free(domain, addr);
	fuzz_expect(ctx, "pks_domain_unprotect with another size",
		    pks_domain_unprotect(domain, addr, (1UL << piece->order) + 1), -EINVAL);
	fuzz_expect(ctx, "pks_domain_unprotect of nothing",
		    pks_domain_unprotect(domain, addr, 0), -EINVAL);
	fuzz_check_piece(ctx, piece);
}

static void fuzz_free(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	struct fuzz_domain *own = ctx->thread->domain;
	unsigned int at = fuzz_pick(rnd, own->nr);
	struct fuzz_piece piece = own->pieces[at];

	fuzz_check_piece(ctx, &piece);
	if (fuzz_one_in(rnd, 8))
		fuzz_put_badly(ctx, &piece);
	own->pieces[at] = own->pieces[--own->nr];
	fuzz_put(ctx, rnd, &piece);
	fuzz_did(ctx, "free", piece.kind, (long)piece.addr, piece.size, 0);
	/* Of objects the pages may stay. */
	if (piece.kind != FUZZ_OBJECT && piece.kind != FUZZ_CACHED)
		fuzz_expect(ctx, "pks_write to what was freed",
			    pks_write(own->domain, piece.addr, &piece, 1), -EFAULT);
	/* A second time. */
	if (piece.kind < FUZZ_OWN_PAGES && fuzz_one_in(rnd, 8))
		fuzz_put(ctx, rnd, &piece);
}

static int fuzz_assign(struct pks_domain *domain, void *dst, u64 value, size_t *size)
{
	*size = *size >= 8 ? 8 : *size >= 4 ? 4 : *size >= 2 ? 2 : 1;
	return __pks_assign(domain, dst, value, *size);
}

/* Writes @byte to the middle of a piece, by one of the functions for that. */
static int fuzz_do_write(struct pks_domain *domain, unsigned int how, void *dst, u8 byte,
			 size_t *size)
{
	static u8 source[256][FUZZ_WRITE];
	struct pks_write_op ops[2] = {
		{ dst, source[byte], *size / 2 },
		{ dst + *size / 2, source[byte], *size - *size / 2 },
	};

	/* By all threads with the same. */
	memset(source[byte], byte, FUZZ_WRITE);
	switch (how) {
	case 0:
		return pks_write(domain, dst, source[byte], *size);
	case 1:
		return pks_memset(domain, dst, byte, *size);
	case 2:
		return pks_write_batch(domain, ops, ARRAY_SIZE(ops));
	default:
		return fuzz_assign(domain, dst, 0x0101010101010101ULL * byte, size);
	}
}

static void fuzz_write(struct fuzz_context *ctx, struct rnd_state *rnd,
		       struct fuzz_piece *piece)
{
	struct pks_domain *domain = ctx->thread->domain->domain;
	u8 byte = prandom_u32_state(rnd);
	size_t at = fuzz_pick(rnd, piece->size);
	size_t size = min(piece->size - at, 1 + fuzz_pick(rnd, FUZZ_WRITE));
	unsigned int how = fuzz_pick(rnd, 4);
	size_t before;
	int ret;

	/* Assignments must be aligned. */
	if (how == 3)
		at &= ~7UL;
	ret = fuzz_do_write(domain, how, piece->addr + at, byte, &size);
	fuzz_expect(ctx, "write to the domain", ret, 0);
	before = min(at, 64UL);
	fuzz_expect_bytes(ctx, piece->addr + at - before, piece->byte, before);
	fuzz_expect_bytes(ctx, piece->addr + at, byte, size);
	fuzz_expect_bytes(ctx, piece->addr + at + size, piece->byte,
			  min(piece->size - at - size, 64UL));
	fuzz_expect(ctx, "pks_memset", pks_memset(domain, piece->addr + at, piece->byte, size),
		    0);
}

/* With addresses and lengths that are none; nothing may be written. */
static void *fuzz_bad_address(struct rnd_state *rnd)
{
	static u64 ours;
	void *bad[] = {
		NULL, (void *)8, (void *)0x10000, (void *)TASK_SIZE_MAX - 8,
		(void *)0x0100000000000000, (void *)0x8000000000000000,
		(void *)0xff00000000000000, (void *)-8L, (void *)-PAGE_SIZE,
		&ours, fuzz_bad_address, bad, current->stack,
		fuzz.keys[1 + fuzz_pick(rnd, PKS_NUM_KEYS - 1)].page,
	};

	return bad[fuzz_pick(rnd, ARRAY_SIZE(bad))];
}

static void fuzz_write_badly(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	struct pks_domain *domain = ctx->thread->domain->domain;
	size_t size = fuzz_one_in(rnd, 4) ? SIZE_MAX - fuzz_pick(rnd, 64) :
					    1 + fuzz_pick(rnd, 64);
	void *bad = fuzz_bad_address(rnd);
	u64 value[8] = { };
	struct pks_write_op op = { bad, value, size };

	fuzz_expect(ctx, "pks_write to a bad address",
		    pks_write(domain, bad, value, size), -EFAULT);
	fuzz_expect(ctx, "pks_write_batch to a bad address",
		    pks_write_batch(domain, &op, 1), -EFAULT);
	fuzz_expect(ctx, "pks_write_batch of nothing", pks_write_batch(domain, NULL, 0), 0);
	fuzz_expect(ctx, "pks_memset of a bad address",
		    pks_memset(domain, bad, 0, size), -EFAULT);
	fuzz_expect(ctx, "pks_assign to a bad address",
		    __pks_assign(domain, bad, 0, 8), -EFAULT);
	fuzz_expect(ctx, "pks_domain_contains a bad address",
		    pks_domain_contains(domain, bad, size), false);
	fuzz_expect(ctx, "pks_domain_protect a bad address",
		    pks_domain_protect(domain, bad + 1, 1), -EINVAL);
	fuzz_expect(ctx, "pks_domain_protect a stack",
		    pks_domain_protect(domain, current->stack, 1), -EINVAL);
	fuzz_expect(ctx, "pks_domain_unprotect a bad address",
		    pks_domain_unprotect(domain, bad, 1), -EINVAL);
	pks_domain_free(domain, bad);
	pks_domain_free_rcu(domain, bad);
	pks_domain_free_pages(domain, bad, fuzz_pick(rnd, 12));
	pks_domain_vfree(domain, bad);
}

/* Bounds of a piece that is there, and sources that are not. */
static void fuzz_write_beyond(struct fuzz_context *ctx, struct rnd_state *rnd,
			      const struct fuzz_piece *piece)
{
	static const unsigned long bad[] = { 0, 8, 0x10000, 0x0100000000000000,
					     0x8000000000000000, -8L };
	struct pks_domain *domain = ctx->thread->domain->domain;
	size_t size = piece->size;
	u64 value = 0;

	fuzz_expect(ctx, "pks_write of nothing", pks_write(domain, piece->addr, &value, 0), 0);
	fuzz_expect(ctx, "pks_write from a bad address",
		    pks_write(domain, piece->addr,
			      (void *)bad[fuzz_pick(rnd, ARRAY_SIZE(bad))], min(size, 64UL)),
		    -EFAULT);
	fuzz_expect(ctx, "pks_memset without an end",
		    pks_memset(domain, piece->addr, 0, SIZE_MAX - fuzz_pick(rnd, 64)), -EFAULT);
	fuzz_expect(ctx, "pks_assign to an odd address",
		    __pks_assign(domain, PTR_ALIGN(piece->addr, 8) + 1, 0, 8), -EFAULT);
	if (piece->kind == FUZZ_AREA || piece->kind == FUZZ_OWN_AREA) {
		size = PAGE_ALIGN(size);
		fuzz_expect(ctx, "pks_memset beyond the end",
			    pks_memset(domain, piece->addr, 0, size + 1), -EFAULT);
		fuzz_expect(ctx, "pks_memset behind the end",
			    pks_memset(domain, piece->addr + size, 0, 1), -EFAULT);
		fuzz_expect(ctx, "pks_memset from before the start",
			    pks_memset(domain, piece->addr - 1, 0, 2), -EFAULT);
	}
	fuzz_check_piece(ctx, piece);
}

/* What is too much or too little gives nothing. */
static void fuzz_alloc_badly(struct fuzz_context *ctx)
{
	struct pks_domain *domain = ctx->thread->domain->domain;
	gfp_t gfp = GFP_KERNEL;

	if (pks_domain_alloc(domain, 0, gfp) || pks_domain_alloc(domain, 2049, gfp) ||
	    pks_domain_alloc(domain, SIZE_MAX, gfp) || pks_domain_vmalloc(domain, 0) ||
	    pks_domain_vmalloc(domain, SIZE_MAX) || pks_domain_vmalloc(domain, 1UL << 46) ||
	    pks_domain_alloc_pages(domain, 10, gfp) ||
	    pks_domain_alloc_pages(domain, UINT_MAX, gfp))
		fuzz_fail(ctx, "there was memory of a bad size");
	if (PTR_ERR_OR_ZERO(pks_cache_create(domain, NULL, 8, 8)) != -EINVAL ||
	    PTR_ERR_OR_ZERO(pks_cache_create(domain, "", 8, 8)) != -EINVAL ||
	    PTR_ERR_OR_ZERO(pks_cache_create(domain, "c", 0, 8)) != -EINVAL ||
	    PTR_ERR_OR_ZERO(pks_cache_create(domain, "c", 2049, 8)) != -EINVAL ||
	    PTR_ERR_OR_ZERO(pks_cache_create(domain, "c", 8, 0)) != -EINVAL ||
	    PTR_ERR_OR_ZERO(pks_cache_create(domain, "c", 8, 3)) != -EINVAL ||
	    PTR_ERR_OR_ZERO(pks_cache_create(domain, "c", 8, 2 * PAGE_SIZE)) != -EINVAL)
		fuzz_fail(ctx, "there was a cache of a bad size");
	fuzz_expect(ctx, "pks_domain_protect nothing",
		    pks_domain_protect(domain, fuzz.keys[1].page, 0), -EINVAL);
	fuzz_expect(ctx, "pks_domain_protect everything",
		    pks_domain_protect(domain, (void *)PAGE_OFFSET, ULONG_MAX), -EINVAL);
}

static void fuzz_cache(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	struct fuzz_domain *own = ctx->thread->domain;
	unsigned int at = fuzz_pick(rnd, FUZZ_CACHES), i;
	int expected = 0, ret;

	if (!own->caches[at]) {
		own->sizes[at] = 1 + fuzz_pick(rnd, 2048);
		own->caches[at] = pks_cache_create(own->domain, "fuzz", own->sizes[at],
						   1UL << fuzz_pick(rnd, 13));
		fuzz_expect(ctx, "pks_cache_create", PTR_ERR_OR_ZERO(own->caches[at]), 0);
		return;
	}
	for (i = 0; i < own->nr; i++) {
		if (own->pieces[i].kind == FUZZ_CACHED && own->pieces[i].cache == at)
			expected = -EBUSY;
	}
	ret = pks_cache_destroy(own->caches[at]);
	fuzz_expect(ctx, "pks_cache_destroy", ret, expected);
	if (!ret)
		own->caches[at] = NULL;
}

/* At one of its addresses, with what is there: a write changes nothing either. */
void fuzz_memory_look(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	struct fuzz_domain *own = ctx->thread->domain;
	const struct fuzz_piece *piece;
	size_t at;
	void *addr;

	if (!own->nr)
		return;
	piece = &own->pieces[fuzz_pick(rnd, own->nr)];
	if (piece->size < sizeof(u64))
		return;
	at = fuzz_pick(rnd, piece->size / sizeof(u64)) * sizeof(u64);
	addr = piece->addr + at;
	if (is_vmalloc_addr(addr) && fuzz_one_in(rnd, 2))
		addr = page_address(vmalloc_to_page(addr)) + offset_in_page(addr);
	fuzz_probe(ctx, fuzz_pkey(ctx), addr, 0x0101010101010101ULL * piece->byte,
		   fuzz_one_in(rnd, 2));
}

static void fuzz_memory_use(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	struct fuzz_domain *own = ctx->thread->domain;
	struct fuzz_piece *piece = &own->pieces[fuzz_pick(rnd, own->nr)];
	unsigned int which = fuzz_pick(rnd, 16);

	if (which < 8)
		fuzz_memory_look(ctx, rnd);
	else if (which < 13)
		fuzz_write(ctx, rnd, piece);
	else if (which < 14)
		fuzz_write_beyond(ctx, rnd, piece);
	else
		fuzz_check_piece(ctx, piece);
}

void fuzz_memory_step(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	struct fuzz_domain *own = ctx->thread->domain;
	unsigned int which = fuzz_pick(rnd, 32);

	if (!own->domain)
		fuzz_create(ctx, rnd);
	else if (which < 6 && own->nr < FUZZ_PIECES)
		fuzz_alloc(ctx, rnd);
	else if (which < 11 && own->nr)
		fuzz_free(ctx, rnd);
	else if (which < 26 && own->nr)
		fuzz_memory_use(ctx, rnd);
	else if (which < 28)
		fuzz_write_badly(ctx, rnd);
	else if (which < 29)
		fuzz_alloc_badly(ctx);
	else if (which < 31)
		fuzz_cache(ctx, rnd);
	else
		fuzz_destroy(ctx);
}

int fuzz_memory_init(struct fuzz_thread *thread)
{
	thread->domain = kzalloc(sizeof(*thread->domain), GFP_KERNEL);
	return thread->domain ? 0 : -ENOMEM;
}

/* All threads have closed what they had open: now it can be destroyed. */
void fuzz_memory_end(struct fuzz_thread *thread)
{
	struct fuzz_context *ctx = &thread->contexts[0];
	struct fuzz_domain *own = thread->domain;
	struct rnd_state rnd;
	unsigned int i;
	int ret;

	fuzz_rnd_init(&rnd, 0, 0, 0);
	while (own->nr)
		fuzz_put(ctx, &rnd, &own->pieces[--own->nr]);
	for (i = 0; i < FUZZ_CACHES; i++)
		pks_cache_destroy(own->caches[i]);
	if (own->domain) {
		ret = pks_domain_destroy(own->domain);
		if (ret)
			fuzz_fail(ctx, "pks_domain_destroy() returned %d in the end", ret);
		else
			fuzz.keys[fuzz_pkey(ctx)].users = 0;
	}
	kfree(own);
}
