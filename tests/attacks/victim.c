// SPDX-License-Identifier: GPL-2.0
/* The victim: domains with a secret in memory of each kind. And plain stray accesses. */
#include "attacks.h"
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/pgtable.h>

/* 2 MiB, and how often to look for one that one entry maps. */
#define VICTIM_PAGE_ORDER	9
#define VICTIM_TRIES		16

struct victim victim;

static u64 victim_new_secret(void)
{
	char text[sizeof(u64) + 1];
	u64 secret;

	snprintf(text, sizeof(text), "%08x", get_random_u32());
	memcpy(&secret, text, sizeof(secret));
	return secret;
}

static int victim_domains(void)
{
	victim.domain = pks_domain_create("victim", PKS_DOMAIN_OPTIONAL);
	if (IS_ERR(victim.domain))
		return PTR_ERR(victim.domain);
	victim.shown = pks_domain_create("shown", PKS_DOMAIN_OPTIONAL | PKS_DOMAIN_READONLY);
	if (IS_ERR(victim.shown))
		return PTR_ERR(victim.shown);
	victim.other = pks_domain_create("other", PKS_DOMAIN_OPTIONAL);
	return PTR_ERR_OR_ZERO(victim.other);
}

static bool victim_is_large(const void *addr)
{
	unsigned int level;

	return lookup_address((unsigned long)addr, &level) && level == PG_LEVEL_2M;
}

/* Here and there the kernel has split its large entries: the first whole one. */
static void *victim_large_page(void)
{
	void *tried[VICTIM_TRIES], *found = NULL;
	int nr = 0;

	while (!found && nr < VICTIM_TRIES) {
		tried[nr] = pks_domain_alloc_pages(victim.domain, VICTIM_PAGE_ORDER,
						   GFP_KERNEL);
		if (!tried[nr])
			break;
		if (victim_is_large(tried[nr]))
			found = tried[nr];
		else
			nr++;
	}
	while (nr--)
		pks_domain_free_pages(victim.domain, tried[nr], VICTIM_PAGE_ORDER);
	return found;
}

static int victim_memory(void)
{
	int err;

	victim.object = pks_domain_alloc(victim.domain, 64, GFP_KERNEL);
	victim.page = victim_large_page();
	victim.area = pks_domain_vmalloc(victim.domain, PAGE_SIZE);
	victim.shown_area = pks_domain_vmalloc(victim.shown, PAGE_SIZE);
	victim.mine = pks_domain_alloc(victim.other, 64, GFP_KERNEL);
	victim.own = vzalloc(PAGE_SIZE);
	if (!victim.object || !victim.page || !victim.area || !victim.shown_area ||
	    !victim.mine || !victim.own)
		return -ENOMEM;
	err = pks_domain_protect(victim.domain, victim.own, 1);
	if (err) {
		vfree(victim.own);
		victim.own = NULL;
	}
	return err;
}

/* False if it was stopped; they have entries in the exception table. */
bool stray_read(const u64 *where, u64 *value)
{
	__get_kernel_nofault(value, where, u64, stopped);
	return true;
stopped:
	return false;
}

bool stray_write(u64 *where, u64 value)
{
	__put_kernel_nofault(where, &value, u64, stopped);
	return true;
stopped:
	return false;
}

/* What its owner finds there; 0 if even he is stopped. */
u64 victim_value(u64 *where)
{
	int former = pks_domain_enter(victim.domain, PKS_READONLY);
	u64 value = 0;

	stray_read(where, &value);
	pks_domain_leave(victim.domain, former);
	return value;
}

bool stray_got(const u64 *where)
{
	u64 value;

	return stray_read(where, &value) && value == victim.secret;
}

/* The owner puts the secret there, as in the beginning. */
int victim_restore(u64 *where)
{
	return pks_write(victim.domain, where, &victim.secret, sizeof(*where));
}

/* The owner's thread: it comes by on each CPU when it is asked to. */
static struct {
	struct attack_thread	thread;
	struct completion	ask;
	struct completion	came;
	bool			alive;
} victim_owner;

static void victim_come_by(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		victim_value(victim.object);
	}
}

static void victim_owner_main(void *unused)
{
	victim_come_by();
	for (;;) {
		wait_for_completion_interruptible(&victim_owner.ask);
		if (!READ_ONCE(victim_owner.alive))
			return;
		victim_come_by();
		complete(&victim_owner.came);
	}
}

static int victim_live(void)
{
	int err;

	init_completion(&victim_owner.ask);
	init_completion(&victim_owner.came);
	victim_owner.alive = true;
	err = attack_begin(&victim_owner.thread, -1, victim_owner_main, NULL);
	if (err)
		victim_owner.alive = false;
	return err;
}

static void victim_die(void)
{
	if (!victim_owner.alive)
		return;
	WRITE_ONCE(victim_owner.alive, false);
	complete(&victim_owner.ask);
	attack_end(&victim_owner.thread);
}

/* What an owner does now and then: it has its own scopes, wherever it runs. */
void victim_visit(void)
{
	complete(&victim_owner.ask);
	wait_for_completion(&victim_owner.came);
}

int victim_make(void)
{
	int err = victim_domains() ?: victim_memory();

	if (err)
		return err;
	victim.secret = victim_new_secret();
	return victim_restore(victim.object) ?: victim_restore(victim.page) ?:
		victim_restore(victim.area) ?: victim_restore(victim.own) ?:
		victim_live();
}

/* As much of it as there is. */
void victim_drop(void)
{
	victim_die();
	if (victim.own) {
		pks_domain_unprotect(victim.domain, victim.own, 1);
		vfree(victim.own);
	}
	if (victim.mine)
		pks_domain_free(victim.other, victim.mine);
	if (victim.shown_area)
		pks_domain_vfree(victim.shown, victim.shown_area);
	if (victim.area)
		pks_domain_vfree(victim.domain, victim.area);
	if (victim.page)
		pks_domain_free_pages(victim.domain, victim.page, VICTIM_PAGE_ORDER);
	if (victim.object)
		pks_domain_free(victim.domain, victim.object);
	pks_domain_destroy(victim.other);
	pks_domain_destroy(victim.shown);
	pks_domain_destroy(victim.domain);
}

/*
 * Read at @where, and write there: has either had an effect on what the owner has at
 * @owners? Which is put right then.
 */
int stray_reach(u64 *where, u64 *owners)
{
	int outcome = stray_got(where) ? ATTACK_THROUGH : ATTACK_STOPPED;

	stray_write(where, ~victim.secret);
	if (victim_value(owners) == victim.secret)
		return outcome;
	return victim_restore(owners) ?: ATTACK_THROUGH;
}

/* Stray accesses without any trick. */
int stray_plain(void)
{
	int object = stray_reach(victim.object, victim.object);
	int page = stray_reach(victim.page, victim.page);
	int area = stray_reach(victim.area, victim.area);
	int own = stray_reach(victim.own, victim.own);

	return object | page | area | own;
}
