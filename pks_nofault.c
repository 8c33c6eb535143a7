// SPDX-License-Identifier: GPL-2.0
/* Accesses for those who want an errno instead of a fault. */
#include "pks_internal.h"

/**
 * pks_read_nofault - read kernel memory that may be closed, or not there
 * @dst: where to; the caller's own
 * @src: kernel memory
 * @len: bytes
 *
 * Whatever the running context may do, it may do here; the rest gives an errno. A
 * closed key is neither reported nor carried out nor a fault handler's business,
 * whatever its policy; it is counted, and kept in debugfs pks/faults.
 *
 * Context: any, NMI included. Where the kernel's fault path can't be hooked, the
 * kernel itself may warn, once.
 *
 * Return: 0; -EFAULT if a byte can't be read, for its key is closed or nothing is
 * mapped there: those before it have been copied; -ERANGE if @src is not in the
 * kernel's half of the address space.
 *
 * Semantics: copy_from_kernel_nofault(), of which the violation would be reported.
 */
int pks_read_nofault(void *dst, const void *src, size_t len)
{
	if (!pks_is_kernel(src, len))
		return -ERANGE;
	return pks_copy_nofault(dst, src, len) ? -EFAULT : 0;
}
EXPORT_SYMBOL_PKS(pks_read_nofault);

/**
 * pks_write_nofault - write kernel memory that may be closed, or not there
 * @dst: kernel memory
 * @src: where from; the caller's own
 * @len: bytes
 *
 * See pks_read_nofault().
 *
 * Context: any, NMI included.
 *
 * Return: 0; -EFAULT if a byte can't be written: those before it have been;
 * -ERANGE if @dst is not in the kernel's half of the address space.
 *
 * Semantics: copy_to_kernel_nofault(), likewise.
 */
int pks_write_nofault(void *dst, const void *src, size_t len)
{
	if (!pks_is_kernel(dst, len))
		return -ERANGE;
	return pks_copy_nofault(dst, src, len) ? -EFAULT : 0;
}
EXPORT_SYMBOL_PKS(pks_write_nofault);
