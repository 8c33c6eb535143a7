/* SPDX-License-Identifier: GPL-2.0 */
/* A copy, a fill, and a look, that may fail. */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/asm.h>

	.text

/*
 * size_t pks_copy_nofault(void *dst, const void *src, size_t len)
 *
 * Returns how many bytes were not copied. The instruction that can fault has a
 * name, by which pks_decide() knows it.
 */
SYM_FUNC_START(pks_copy_nofault)
	mov	%rdx, %rcx
SYM_INNER_LABEL(pks_copy_nofault_access, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	rep	movsb
.Lfixup:
	mov	%rcx, %rax
	RET
	_ASM_EXTABLE(pks_copy_nofault_access, .Lfixup)
SYM_FUNC_END(pks_copy_nofault)
_ASM_NOKPROBE(pks_copy_nofault)

/*
 * size_t pks_fill_nofault(void *dst, int byte, size_t len)
 *
 * Returns how many bytes were not written.
 */
SYM_FUNC_START(pks_fill_nofault)
	mov	%esi, %eax
	mov	%rdx, %rcx
.Lstore:
	rep	stosb
.Lstored:
	mov	%rcx, %rax
	RET
	_ASM_EXTABLE(.Lstore, .Lstored)
SYM_FUNC_END(pks_fill_nofault)
_ASM_NOKPROBE(pks_fill_nofault)

/*
 * size_t pks_zero_nofault(const void *src, size_t words)
 *
 * Returns how many words of eight bytes are not known to be zero: 0 if all are.
 */
SYM_FUNC_START(pks_zero_nofault)
	mov	%rsi, %rcx
	xor	%eax, %eax
	cmp	%eax, %eax
.Llook:
	repe	scasq
	je	.Llooked
	inc	%rcx
.Llooked:
	mov	%rcx, %rax
	RET
	_ASM_EXTABLE(.Llook, .Llooked)
SYM_FUNC_END(pks_zero_nofault)
_ASM_NOKPROBE(pks_zero_nofault)
