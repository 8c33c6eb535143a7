// SPDX-License-Identifier: GPL-2.0
/* What pks does for others, asked for with arguments that it should not take. */
#include "attacks.h"
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/uaccess.h>

/* Memory that is not the domain's, and what is to be written there. */
static u64 argument_target;
static const u64 argument_value = 0x6464646464646464;

/* An owner without pks_write() writes wherever he is told. */
static void argument_write(void *dst, const void *src, size_t len)
{
	if (victim_protected())
		pks_write(victim.domain, dst, src, len);
	else if (dst == &argument_target)
		argument_target = argument_value;
}

static int write_out(void)
{
	const void *user = (void *)current->mm->arg_start;
	const struct pks_write_op ops[] = {
		{ victim.object, &argument_value, sizeof(argument_value) },
		{ &argument_target, &argument_value, sizeof(argument_value) },
	};

	argument_target = 0;
	argument_write(&argument_target, &argument_value, sizeof(argument_value));
	argument_write((void *)victim.area + PAGE_SIZE - 4, &argument_value, 8);
	argument_write((void *)victim.area - 4, &argument_value, 8);
	argument_write(victim.object, &argument_value, SIZE_MAX);
	argument_write(victim.object, &argument_value, -(size_t)victim.object);
	argument_write((void *)0x1000, &argument_value, 8);
	argument_write(victim.object, user, 8);
	argument_write(victim.object, (void *)SIZE_MAX, 8);
	if (victim_protected()) {
		pks_write_batch(victim.domain, ops, ARRAY_SIZE(ops));
		pks_memset(victim.domain, &argument_target, 1, 8);
		pks_assign(victim.domain, &argument_target, 1);
		pks_assign(victim.domain, (u64 *)((void *)victim.object + 4), 1);
	}
	return argument_target || victim_value(victim.object) != victim.secret ||
		victim_value(victim.area) != victim.secret;
}

/* Into memory of the attacker's own, from the victim's. */
static int write_other(void)
{
	u64 got;
	int former;

	pks_memset(victim.other, victim.mine, 0, sizeof(*victim.mine));
	pks_write(victim.other, victim.mine, victim.object, sizeof(*victim.mine));
	former = pks_domain_enter(victim.other, PKS_READONLY);
	got = *victim.mine;
	pks_domain_leave(victim.other, former);
	return got == victim.secret;
}

/* Others' memory, by way of one's own domain; and the middle of things. */
static int free_other(void)
{
	pks_domain_free(victim.other, victim.object);
	pks_domain_free(victim.domain, victim.object + 1);
	pks_domain_free_pages(victim.other, victim.page, 0);
	pks_domain_free_pages(victim.domain, victim.page, 1);
	pks_domain_vfree(victim.other, victim.area);
	pks_domain_vfree(victim.domain, victim.area + 1);
	pks_domain_unprotect(victim.other, victim.own, 1);
	pks_domain_unprotect(victim.domain, victim.page, 1);
	if (!pks_domain_contains(victim.domain, victim.object, 8) ||
	    !pks_domain_contains(victim.domain, victim.page, PAGE_SIZE) ||
	    !pks_domain_contains(victim.domain, victim.area, PAGE_SIZE) ||
	    !pks_domain_contains(victim.domain, victim.own, PAGE_SIZE))
		return ATTACK_THROUGH;
	return victim_value(victim.object) != victim.secret ||
		victim_value(victim.page) != victim.secret ||
		victim_value(victim.area) != victim.secret ||
		victim_value(victim.own) != victim.secret;
}

static u64 *argument_object;

/* The owner's own mistake: past the end of an object, and still in the domain. */
static int overflow(void)
{
	u64 *end;

	argument_object = pks_domain_alloc(victim.domain, SZ_64, GFP_KERNEL);
	if (!argument_object)
		return -ENOMEM;
	end = argument_object + SZ_64 / sizeof(*end);
	if (victim_protected())
		pks_write(victim.domain, end, &argument_value, sizeof(argument_value));
	else
		*end = argument_value;
	return victim_value(end) == argument_value;
}

static void overflow_undo(void)
{
	pks_domain_free(victim.domain, argument_object);
}

const struct attack attack_arguments[] = {
	{ "write_out", write_out },
	{ "write_other", write_other },
	{ "free_other", free_other },
	{ "overflow", overflow, overflow_undo },
	{}
};
