/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of pks_bench.ko share. */
#ifndef PKS_BENCH_PKS_H
#define PKS_BENCH_PKS_H

#include <linux/pks_domain.h>
#include "bench.h"

/* Its key is 1, the lowest there is: where a constant is wanted, it is one. */
#define BENCH_KEY	1

extern struct pks_domain *bench_domain;

/* A key, held by the threads that are switched, or by the one that is interrupted. */
void bench_open(void);
void bench_close(void);

/* flips.c: the size of what maps an address. */
unsigned int bench_level(const void *addr);

/* The groups; see main.c. */
void bench_updates(const char *load);
void bench_flips(const char *load);
void bench_system(const char *load);
void bench_hold(const char *load);
void bench_keys(const char *load);
void bench_domains(const char *load);
void bench_violations(const char *load);
void bench_growth(const char *load);
/* Those that are measured again under load. */
void bench_hot(const char *load);
void bench_one_page(const char *load);

#endif /* PKS_BENCH_PKS_H */
