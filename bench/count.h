/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included by the compiler ahead of each file that is built to count writes of PKRS (see
 * scripts/bench.sh): the assembler's wrmsr counts itself. The sources are those of the
 * other build, and PKRS is the only MSR that they write.
 */
#define PKS_COUNT_WRITES

asm(".macro wrmsr\n\t"
	"lock incl pks_writes(%rip)\n\t"
	".byte 0x0f, 0x30\n"
	".endm\n");
