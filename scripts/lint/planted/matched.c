// SPDX-License-Identifier: GPL-2.0
/*
 * expect coccicheck: ERROR: reference preceded by free
 * expect coccicheck: WARNING: kzalloc should be used
 */
#include <linux/slab.h>
#include <linux/string.h>

int planted_after_free(int *p);
void *planted_zeroed(void);

int planted_after_free(int *p)
{
	kfree(p);
	return *p;
}

void *planted_zeroed(void)
{
	void *p;

	p = kmalloc(64, GFP_KERNEL);
	if (!p)
		return NULL;
	memset(p, 0, 64);
	return p;
}
