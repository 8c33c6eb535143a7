// SPDX-License-Identifier: GPL-2.0
/*
 * The second is only looked for with --strict.
 *
 * expect checkpatch: ERROR:SPACING
 * expect checkpatch: CHECK:BRACES
 */
#include <linux/types.h>

int planted_style(int n);

int planted_style(int n)
{
	if(n > 1) {
		n = 1;
	} else if (n) {
		n = 2;
		n++;
	} else
		n = 3;
	return n;
}
