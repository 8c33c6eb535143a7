/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is measured is given as a function that does it once and tells how long that
 * took by bench_now(): the TSC, which under QEMU's -icount counts the instructions of
 * the guest and on hardware reference cycles; or, in a build with PKS_COUNT_WRITES,
 * the number of writes of PKRS so far.
 */
#ifndef PKS_BENCH_H
#define PKS_BENCH_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/tsc.h>

extern u32 pks_writes;

static __always_inline u64 bench_now(void)
{
#ifdef PKS_COUNT_WRITES
	return READ_ONCE(pks_writes);
#else
	return rdtsc_ordered();
#endif
}

/* What the statements take. */
#define bench_time(...)							\
({									\
	u64 __start = bench_now();					\
									\
	__VA_ARGS__;							\
	bench_now() - __start;						\
})

#define BENCH_MSR_PKRS		0x6e1
#define BENCH_PKRS_CLOSED	0x55555554U

static __always_inline void bench_wrmsr(u32 pkrs)
{
	asm volatile("wrmsr" : : "a" (pkrs), "c" (BENCH_MSR_PKRS), "d" (0) : "memory");
}

/* cache.c */
void bench_cache_set(int pkey, u32 access);

typedef u64 (*bench_once_t)(void *data);

/*
 * base.c: measure and keep. @load: what else there was, "" for nothing; no comma in it
 * or in @name. The result is divided by @per. Rows that take long ask for fewer rounds
 * than BENCH_ROUNDS.
 */
#define BENCH_ROUNDS	400
#define BENCH_FEW	40

struct bench_row {
	const char	*name;
	const char	*load;
	bench_once_t	once;
	void		*data;
	unsigned int	rounds;
	unsigned int	per;
};

void bench_measure(const struct bench_row *row);

static inline void bench(const char *name, const char *load, bench_once_t once,
			 void *data)
{
	bench_measure(&(struct bench_row){ name, load, once, data, BENCH_ROUNDS, 1 });
}

/* A loop of @per, of which one is the row. */
static inline void bench_each(const char *name, const char *load, bench_once_t once,
			      void *data, unsigned int per)
{
	bench_measure(&(struct bench_row){ name, load, once, data, BENCH_FEW, per });
}

static inline void bench_few(const char *name, const char *load, bench_once_t once,
			     void *data)
{
	bench_each(name, load, once, data, 1);
}

/* What is done when its name is written to the file run, with the load behind it. */
struct bench_group {
	const char	*name;
	void		(*run)(const char *load);
};

void bench_set_groups(const struct bench_group *groups, unsigned int nr);

/*
 * kernel.c: what the kernel does anyway. @begin and @end, which may be NULL, are
 * called in the threads that are switched (in @threads of the two), or in the one that
 * is interrupted.
 */
struct bench_holder {
	void		(*begin)(void);
	void		(*end)(void);
	unsigned int	threads;
};

void bench_switch(const char *load, const struct bench_holder *holder);
void bench_interrupts(const char *load, const struct bench_holder *holder);
void bench_kernel_fault(const char *load);

#endif /* PKS_BENCH_H */
