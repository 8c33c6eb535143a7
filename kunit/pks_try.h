/* SPDX-License-Identifier: GPL-2.0 */
/* Accesses that may be stopped, and registers, for all test modules. */
#ifndef PKS_TRY_H
#define PKS_TRY_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/types.h>
#include <asm/asm.h>

/*
 * Accesses that may be stopped: 0, or -EFAULT by their exception-table entry. From
 * any context.
 */
static inline int pks_try_read(const u64 *addr, u64 *val)
{
	int err = -EFAULT;

	*val = 0;
	asm volatile("1:	mov %[mem], %[val]\n"
		     "	xor %[err], %[err]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+&r" (err), [val] "+&r" (*val)
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

/* The instruction of a function that writes an MSR; NULL if it has none. */
static inline void *pks_find_wrmsr(void (*function)(int, int))
{
	const u8 *code = (const u8 *)function;
	unsigned int i;

	/* Or objtool sees a jump into the middle of a function. */
	OPTIMIZER_HIDE_VAR(code);
	for (i = 0; i < 256; i++) {
		if (code[i] == 0x0f && code[i + 1] == 0x30)
			return (void *)(code + i);
	}
	return NULL;
}

#endif /* PKS_TRY_H */
