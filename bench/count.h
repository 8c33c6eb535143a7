/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included ahead of each file of a build with PKS_COUNT_WRITES=y: the assembler's
 * wrmsr counts itself. The sources are those of the other builds, and PKRS is the
 * only MSR that they write.
 */
#define PKS_COUNT_WRITES

#ifndef __ASSEMBLY__
asm(".macro wrmsr\n"
    "	lock incl pks_writes(%rip)\n"
    "	.byte 0x0f, 0x30\n"
    ".endm\n");
#endif
