// SPDX-License-Identifier: GPL-2.0
/*
 * Writing rarely: the domain is open on this CPU for the one write, with interrupts
 * off, so that no other code runs while it is.
 */
#include "pks_domain.h"
#include <linux/uaccess.h>

/* Interrupts are off for so much at once. */
#define PKS_WRITE_PIECE	PAGE_SIZE

/**
 * struct pks_hold - memory that a CPU writes to
 * @start: its first address
 * @end: the address after its last; 0 if the CPU writes to none
 */
struct pks_hold {
	unsigned long	start;
	unsigned long	end;
};

static DEFINE_PER_CPU(struct pks_hold, pks_held);

/**
 * struct pks_writer - a write under way, with interrupts off
 * @flags: to be restored
 * @outer: what the CPU was writing to, if this is called by who watches that
 * @window: its key, open
 */
struct pks_writer {
	unsigned long		flags;
	struct pks_hold		outer;
	struct pks_window	window;
};

/* How often who frees memory looks whether its writers are through, each less than a page. */
#define PKS_WRITER_TURNS	10000000

/* From here on who frees any of [@start, @end) waits. */
static void pks_hold(struct pks_writer *writer, const void *start, const void *end)
{
	local_irq_save(writer->flags);
	writer->outer = *this_cpu_ptr(&pks_held);
	this_cpu_write(pks_held.start, (unsigned long)start);
	this_cpu_write(pks_held.end, (unsigned long)end);
	/*
	 * Pairs with pks_await_writers(). CPU 0 says what it writes to, and looks whether
	 * it is allocated; CPU 1 frees it, and looks whether anybody writes there. One of
	 * the two sees what the other has done.
	 */
	smp_mb();
}

static void pks_unhold(struct pks_writer *writer)
{
	/* Pairs with pks_await_writers(): what was written comes before this. */
	smp_store_release(this_cpu_ptr(&pks_held.end), writer->outer.end);
	this_cpu_write(pks_held.start, writer->outer.start);
	local_irq_restore(writer->flags);
}

static bool pks_is_held(unsigned int cpu, unsigned long start, unsigned long end)
{
	const struct pks_hold *held = per_cpu_ptr(&pks_held, cpu);

	/* Pairs with pks_unhold(). */
	return smp_load_acquire(&held->end) > start && READ_ONCE(held->start) < end;
}

/*
 * Nobody can begin to write there any more. Those who do are through on return; or false,
 * if one is not, for his CPU was stopped, say. Not asked of this CPU: where interrupts
 * are off, whoever writes is who asks. Any context but NMI.
 */
bool pks_await_writers(const void *start, size_t len)
{
	unsigned int turns = PKS_WRITER_TURNS, cpu;

	/* Pairs with pks_hold(). */
	smp_mb();
	for_each_online_cpu(cpu) {
		while (cpu != raw_smp_processor_id() &&
		       pks_is_held(cpu, (unsigned long)start, (unsigned long)start + len)) {
			if (!--turns)
				return false;
			cpu_relax();
		}
	}
	return true;
}

/* Of what is held. */
static bool pks_may_write(struct pks_domain *domain, const void *dst, size_t len)
{
	return !in_nmi() && pks_domain_contains(domain, dst, len);
}

/* The domain is open for that, or false if it may not be written to. */
static bool pks_writer_begin(struct pks_writer *writer, struct pks_domain *domain,
			     const void *dst, size_t len)
{
	pks_hold(writer, dst, dst + len);
	if (pks_may_write(domain, dst, len)) {
		pks_window_open(&writer->window, domain->pkey);
		return true;
	}
	pks_unhold(writer);
	return false;
}

static void pks_writer_end(struct pks_writer *writer)
{
	pks_window_close(&writer->window);
	pks_unhold(writer);
}

static void pks_count_writes(struct pks_dom *dom, unsigned int nr, size_t bytes)
{
	this_cpu_add(dom->stats->writes, nr);
	this_cpu_add(dom->stats->bytes, bytes);
}

/* What is written can fault: @src is the caller's. Nor need it be there any more. */
static int pks_write_piece(struct pks_domain *domain, void *dst, const void *src,
			   size_t len)
{
	struct pks_writer writer;
	size_t left;

	if (!pks_writer_begin(&writer, domain, dst, len))
		return -EFAULT;
	left = pks_copy_nofault(dst, src, len);
	pks_writer_end(&writer);
	return left ? -EFAULT : 0;
}

static int pks_memset_piece(struct pks_domain *domain, void *dst, int byte, size_t len)
{
	struct pks_writer writer;
	size_t left;

	if (!pks_writer_begin(&writer, domain, dst, len))
		return -EFAULT;
	left = pks_fill_nofault(dst, byte, len);
	pks_writer_end(&writer);
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
	size_t piece;
	int err = 0;

	if (!pks_is_kernel(src, len) || !pks_may_write(domain, dst, len))
		return -EFAULT;
	pks_count_writes(pks_dom(domain), 1, len);
	for (; len && !err; dst += piece, src += piece, len -= piece) {
		piece = min_t(size_t, len, PKS_WRITE_PIECE);
		err = pks_write_piece(domain, dst, src, piece);
	}
	return err;
}
EXPORT_SYMBOL_PKS(pks_write);

/* From the first of the places to the last. */
static void pks_batch_range(const struct pks_write_op *ops, unsigned int nr,
			    const void **start, const void **end)
{
	*start = nr ? ops->dst : NULL;
	*end = *start;
	for (; nr--; ops++) {
		*start = min_t(const void *, *start, ops->dst);
		*end = max_t(const void *, *end, ops->dst + ops->len);
	}
}

static int pks_batch_check(struct pks_domain *domain, const struct pks_write_op *ops,
			   unsigned int nr, size_t *total)
{
	*total = 0;
	for (; nr--; ops++) {
		if (!pks_is_kernel(ops->src, ops->len) ||
		    !pks_may_write(domain, ops->dst, ops->len))
			return -EFAULT;
		if (ops->len > PKS_WRITE_PIECE - *total)
			return -E2BIG;
		*total += ops->len;
	}
	return 0;
}

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
	struct pks_writer writer;
	const void *start, *end;
	size_t total, left = 0;
	unsigned int i;
	int err;

	pks_batch_range(ops, nr, &start, &end);
	pks_hold(&writer, start, end);
	err = pks_batch_check(domain, ops, nr, &total);
	if (!err) {
		pks_window_open(&writer.window, domain->pkey);
		for (i = 0; i < nr && !left; i++)
			left = pks_copy_nofault(ops[i].dst, ops[i].src, ops[i].len);
		pks_window_close(&writer.window);
		pks_count_writes(pks_dom(domain), nr, total);
	}
	pks_unhold(&writer);
	return left ? -EFAULT : err;
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
	size_t piece;
	int err = 0;

	if (!pks_may_write(domain, dst, len))
		return -EFAULT;
	pks_count_writes(pks_dom(domain), 1, len);
	for (; len && !err; dst += piece, len -= piece) {
		piece = min_t(size_t, len, PKS_WRITE_PIECE);
		err = pks_memset_piece(domain, dst, byte, piece);
	}
	return err;
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
	struct pks_writer writer;
	bool stored;

	if (!IS_ALIGNED((unsigned long)dst, size) ||
	    !pks_writer_begin(&writer, domain, dst, size))
		return -EFAULT;
	stored = pks_store(dst, value, size);
	pks_writer_end(&writer);
	pks_count_writes(pks_dom(domain), 1, size);
	return stored ? 0 : -EFAULT;
}
EXPORT_SYMBOL_PKS(__pks_assign);
