// SPDX-License-Identifier: GPL-2.0
/*
 * Writing rarely: the domain is open on this CPU for the one write, with interrupts
 * off, so that no other code runs while it is.
 */
#include "pks_domain.h"
#include <linux/uaccess.h>

/* Interrupts are off for so much at once. */
#define PKS_WRITE_PIECE	PAGE_SIZE

static bool pks_may_write(struct pks_domain *domain, void *dst, size_t len)
{
	return !in_nmi() && pks_domain_contains(domain, dst, len);
}

static void pks_count_writes(struct pks_dom *dom, unsigned int nr, size_t bytes)
{
	this_cpu_add(dom->stats->writes, nr);
	this_cpu_add(dom->stats->bytes, bytes);
}

/* What is written can fault: @src is the caller's. */
static int pks_write_piece(struct pks_dom *dom, void *dst, const void *src,
			   size_t len)
{
	struct pks_window window;
	size_t left;

	pks_window_open(&window, dom->pub.pkey);
	left = pks_copy_nofault(dst, src, len);
	pks_window_close(&window);
	return left ? -EFAULT : 0;
}

/*
 * Memory of the domain, which is known to be. False if not all of it can be written: its
 * owner may have made it read-only, or taken it out of the page tables.
 */
bool pks_fill(struct pks_dom *dom, void *dst, int byte, size_t len)
{
	struct pks_window window;
	size_t piece, left = 0;

	for (; len && !left; dst += piece, len -= piece) {
		piece = min_t(size_t, len, PKS_WRITE_PIECE);
		pks_window_open(&window, dom->pub.pkey);
		left = pks_fill_nofault(dst, byte, piece);
		pks_window_close(&window);
	}
	return !left;
}

/**
 * pks_write - write to a domain
 * @domain: the domain
 * @dst: where to; all of it in @domain
 * @src: what; kernel memory that the caller may read
 * @len: bytes
 *
 * Opens the domain on this CPU, for the copy alone, with interrupts off; more than a
 * page is written page by page. Other writers may come in between pages: exclusion
 * is the caller's.
 *
 * Context: any but NMI; never sleeps. Interrupt handlers too, also with
 * irq_isolation off.
 *
 * Return: 0; -EFAULT, with nothing written, if @dst is not all in @domain, if @src is
 * not in the kernel's half of the address space, or in an NMI; -EFAULT if @src can't be
 * read or @dst, which its owner has made read-only, say, not written: what comes before
 * that has been written.
 *
 * Semantics: the write-rarely functions that have been proposed for the kernel more
 * than once (wr_memcpy(), wr_assign()).
 */
int pks_write(struct pks_domain *domain, void *dst, const void *src, size_t len)
{
	struct pks_dom *dom = pks_dom(domain);
	size_t piece;
	int err = 0;

	if (!pks_is_kernel(src, len) || !pks_may_write(domain, dst, len))
		return -EFAULT;
	pks_count_writes(dom, 1, len);
	for (; len && !err; dst += piece, src += piece, len -= piece) {
		piece = min_t(size_t, len, PKS_WRITE_PIECE);
		err = pks_write_piece(dom, dst, src, piece);
	}
	return err;
}
EXPORT_SYMBOL_PKS(pks_write);

/**
 * pks_write_batch - write to several places in a domain
 * @domain: the domain
 * @ops: what to write where
 * @nr: how many they are
 *
 * All of it is checked before anything is written, and the domain is opened once, for
 * all, with interrupts off: at most a page in all.
 *
 * Context: that of pks_write().
 *
 * Return: 0; -EFAULT, with nothing written, where pks_write() would for one of them;
 * -E2BIG, likewise, if they are more than PAGE_SIZE bytes; -EFAULT if a source can't
 * be read or a destination not written: what comes before it has been written.
 *
 * Semantics: own.
 */
int pks_write_batch(struct pks_domain *domain, const struct pks_write_op *ops,
		    unsigned int nr)
{
	struct pks_window window;
	size_t total = 0, left = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!pks_is_kernel(ops[i].src, ops[i].len) ||
		    !pks_may_write(domain, ops[i].dst, ops[i].len))
			return -EFAULT;
		if (ops[i].len > PKS_WRITE_PIECE - total)
			return -E2BIG;
		total += ops[i].len;
	}
	pks_count_writes(pks_dom(domain), nr, total);
	pks_window_open(&window, domain->pkey);
	for (i = 0; i < nr && !left; i++)
		left = pks_copy_nofault(ops[i].dst, ops[i].src, ops[i].len);
	pks_window_close(&window);
	return left ? -EFAULT : 0;
}
EXPORT_SYMBOL_PKS(pks_write_batch);

/**
 * pks_memset - fill memory of a domain
 * @domain: the domain
 * @dst: where; all of it in @domain
 * @byte: with what
 * @len: bytes
 *
 * Context: that of pks_write().
 *
 * Return: 0; -EFAULT, with nothing written, if @dst is not all in @domain, or in an
 * NMI; -EFAULT if some of it can't be written, for its owner has made it read-only, say:
 * what comes before that has been.
 *
 * Semantics: memset(), written rarely.
 */
int pks_memset(struct pks_domain *domain, void *dst, int byte, size_t len)
{
	struct pks_dom *dom = pks_dom(domain);

	if (!pks_may_write(domain, dst, len))
		return -EFAULT;
	pks_count_writes(dom, 1, len);
	return pks_fill(dom, dst, byte, len) ? 0 : -EFAULT;
}
EXPORT_SYMBOL_PKS(pks_memset);

/*
 * A release, as each store of this CPU is once the compiler keeps its place: pairs with
 * what readers do, such as rcu_dereference(). False if it can't be written.
 */
static bool pks_store(void *dst, u64 value, size_t size)
{
	barrier();
	switch (size) {
	case 1:
		__put_kernel_nofault(dst, &value, u8, failed);
		break;
	case 2:
		__put_kernel_nofault(dst, &value, u16, failed);
		break;
	case 4:
		__put_kernel_nofault(dst, &value, u32, failed);
		break;
	default:
		__put_kernel_nofault(dst, &value, u64, failed);
	}
	return true;
failed:
	return false;
}

/* pks_assign() says what this does; @size is 1, 2, 4 or 8. */
int __pks_assign(struct pks_domain *domain, void *dst, u64 value, size_t size)
{
	struct pks_window window;
	bool stored;

	if (!IS_ALIGNED((unsigned long)dst, size) ||
	    !pks_may_write(domain, dst, size))
		return -EFAULT;
	pks_count_writes(pks_dom(domain), 1, size);
	pks_window_open(&window, domain->pkey);
	stored = pks_store(dst, value, size);
	pks_window_close(&window);
	return stored ? 0 : -EFAULT;
}
EXPORT_SYMBOL_PKS(__pks_assign);
