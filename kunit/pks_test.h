/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites share. A suite is one file test_*.c; main.c lists them.
 */
#ifndef PKS_TEST_H
#define PKS_TEST_H

#include <kunit/test.h>
#include <linux/pks.h>
#include <asm/asm.h>

#define PKS_TEST_CLOSED	0x55555554U

/*
 * fixture.c: the keys and pages of a case, given back when it ends however it
 * ends. Suites name these two as their .init and .exit; init skips a case on a
 * machine without PKS.
 */
int pks_fixture_init(struct kunit *test);
void pks_fixture_exit(struct kunit *test);

/* A key, or the case ends here. */
int pks_test_key(struct kunit *test, int flags);
void pks_test_key_free(struct kunit *test, int pkey);
/* A zeroed page mapped PAGE_KERNEL_PKEY(pkey), or the case ends here. */
u64 *pks_test_page(struct kunit *test, int pkey);

/* fault.c: what the hardware says of a fault. */
struct pks_test_fault {
	unsigned long	address;
	unsigned long	error_code;
	unsigned int	count;
};

#define PKS_TEST_PF_READ	0x21UL	/* present, protection key */
#define PKS_TEST_PF_WRITE	0x23UL	/* and write */

int pks_fault_watch(void);
void pks_fault_unwatch(void);
/* Kernel-mode faults of this task since the last call, and the last of them. */
struct pks_test_fault pks_fault_take(void);

/* The access is let through, or stopped with this error code at this address. */
void pks_expect_read(struct kunit *test, const u64 *addr, bool ok);
void pks_expect_write(struct kunit *test, u64 *addr, bool ok);

/* console.c: the lines that pks wrote to the log since the last call. */
int pks_console_watch(void);
void pks_console_unwatch(void);
void pks_console_clear(void);
/* How many of them contain @text. */
unsigned int pks_console_count(const char *text);

/*
 * Accesses that may be stopped: 0, or -EFAULT by their exception-table entry. From
 * any context.
 */
static inline int pks_try_read(const u64 *addr, u64 *val)
{
	int err = -EFAULT;

	asm volatile("1:	mov %[mem], %[val]\n"
		     "	xor %[err], %[err]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+&r" (err), [val] "=&r" (*val)
		     : [mem] "m" (*addr)
		     : "memory");
	return err;
}

static inline int pks_try_write(u64 *addr, u64 val)
{
	int err = -EFAULT;

	asm volatile("1:	mov %[val], %[mem]\n"
		     "	xor %[err], %[err]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+&r" (err), [mem] "=m" (*addr)
		     : [val] "r" (val)
		     : "memory");
	return err;
}

/* Registers of the CPU that this runs on. */
static inline u32 pks_test_rdmsr(void)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a" (low), "=d" (high) : "c" (0x6e1));
	return low;
}

static inline bool pks_test_cr4_pks(void)
{
	unsigned long cr4;

	asm volatile("mov %%cr4, %0" : "=r" (cr4));
	return cr4 & BIT(24);
}

extern struct kunit_suite pks_keys_suite;
extern struct kunit_suite pks_cpus_suite;
extern struct kunit_suite pks_faults_suite;
extern struct kunit_suite pks_absent_suite;

#endif /* PKS_TEST_H */
