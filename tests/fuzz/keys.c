// SPDX-License-Identifier: GPL-2.0
/* Keys, as threads get them, change what everybody has of them, and give them back. */
#include "fuzz.h"
#include <linux/sched.h>

/* Of all that it does, the least used. */
static int fuzz_least_shared(int flags)
{
	int pkey, best = -ENOSPC;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		if (fuzz.keys[pkey].flags == flags &&
		    (best < 0 || fuzz.keys[pkey].users < fuzz.keys[best].users))
			best = pkey;
	}
	return best;
}

int fuzz_next_key(int flags)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		if (!fuzz.keys[pkey].users)
			return pkey;
	}
	return flags & PKS_FLAG_SHARED ? fuzz_least_shared(flags) : -ENOSPC;
}

void fuzz_key_comes(int pkey, int flags)
{
	struct fuzz_key *key = &fuzz.keys[pkey];
	u8 access = flags & PKS_FLAG_DEFAULT_READONLY ? PKS_READONLY : PKS_NOACCESS;

	if (key->users++)
		return;
	key->flags = flags;
	atomic_set(&key->visits, 0);
	fuzz_change_begin(&key->violations, PKS_POLICY_DENY);
	fuzz_change_begin(&key->key, access | FUZZ_TAKEN);
}

void fuzz_key_goes(int pkey)
{
	struct fuzz_key *key = &fuzz.keys[pkey];
	u8 violations = fuzz_state(&key->violations);

	/* All users are one module: with each, its fault handler goes. */
	fuzz_change_begin(&key->violations, violations & FUZZ_POLICY);
	if (--key->users)
		return;
	fuzz_count(FUZZ_RESETS);
	fuzz_change_begin(&key->violations, PKS_POLICY_DENY);
	fuzz_change_begin(&key->key, PKS_NOACCESS);
}

void fuzz_key_changed(int pkey)
{
	fuzz_change_end(&fuzz.keys[pkey].key);
	fuzz_change_end(&fuzz.keys[pkey].violations);
}

void fuzz_visit_begin(int pkey)
{
	atomic_inc(&fuzz.keys[pkey].visitors);
	smp_mb__after_atomic();	/* before what the call opens */
}

/*
 * Counted behind the call, for the key may have been freed and have come again, with no
 * visits, before it was opened.
 */
void fuzz_visit_end(int pkey, bool counts)
{
	if (counts)
		atomic_inc(&fuzz.keys[pkey].visits);
	smp_mb__before_atomic();	/* pairs with fuzz_visited() */
	atomic_dec(&fuzz.keys[pkey].visitors);
}

/* Under fuzz.mutex: since it came, or now? */
bool fuzz_visited(int pkey)
{
	return atomic_read_acquire(&fuzz.keys[pkey].visitors) ||
	       atomic_read(&fuzz.keys[pkey].visits);
}

struct fuzz_name {
	const char	*name;
	bool		good;
};

static const struct fuzz_name fuzz_names[] = {
	{ "fuzz", true },
	{ "f", true },
	{ "a name of thirty-one characters", true },
	{ "%s%n ~/..", true },
	{ "a\nb", false },
	{ "\xff", false },
	{ "a name of thirty-two characters.", false },
	{ "", false },
	{ NULL, false },
};

/* Under fuzz.mutex. Returns what pks_key_alloc() has. */
static int fuzz_alloc_key(struct fuzz_context *ctx, const struct fuzz_name *name, int flags)
{
	int expected = fuzz_next_key(flags), ret;

	if (!name->good || flags & ~(PKS_FLAG_SHARED | PKS_FLAG_DEFAULT_READONLY))
		expected = -EINVAL;
	if (expected > 0) {
		mutex_lock(&fuzz.keys[expected].mutex);
		fuzz_key_comes(expected, flags);
	}
	ret = pks_key_alloc(name->name, flags);
	fuzz_did(ctx, "pks_key_alloc", flags, 0, 0, ret);
	if (expected > 0) {
		fuzz_key_changed(expected);
		mutex_unlock(&fuzz.keys[expected].mutex);
	}
	/* What there is will be freed. */
	if (expected > 0 && ret != expected)
		fuzz.keys[expected].users--;
	if (ret > 0 && ret != expected)
		fuzz.keys[ret].users++;
	if (ret != expected)
		fuzz_fail(ctx, "pks_key_alloc(name %td, %#x) returned %d instead of %d",
			  name - fuzz_names, flags, ret, expected);
	return ret;
}

/* Likewise. */
static void fuzz_free_key(struct fuzz_context *ctx, int pkey)
{
	mutex_lock(&fuzz.keys[pkey].mutex);
	fuzz_key_goes(pkey);
	pks_key_free(pkey);
	fuzz_did(ctx, "pks_key_free", pkey, 0, 0, 0);
	fuzz_key_changed(pkey);
	mutex_unlock(&fuzz.keys[pkey].mutex);
}

/*
 * One of the thread's first @nr slots, or of those of all, that the caller now has to
 * himself; NULL if someone else has.
 */
static struct fuzz_slot *fuzz_get_slot(struct fuzz_context *ctx, struct rnd_state *rnd,
				       unsigned int nr)
{
	struct fuzz_slot *slot = &ctx->thread->slots[fuzz_pick(rnd, nr)];

	if (fuzz_one_in(rnd, 3))
		slot = &fuzz.common[fuzz_pick(rnd, ARRAY_SIZE(fuzz.common))];
	return mutex_trylock(&slot->mutex) ? slot : NULL;
}

static void fuzz_alloc_or_free(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	static const int flags[] = {
		PKS_FLAG_EXCLUSIVE, PKS_FLAG_EXCLUSIVE, PKS_FLAG_SHARED,
		PKS_FLAG_DEFAULT_READONLY, PKS_FLAG_SHARED | PKS_FLAG_DEFAULT_READONLY,
		-1, BIT(2), INT_MIN,
	};
	const struct fuzz_name *name = &fuzz_names[fuzz_pick(rnd, ARRAY_SIZE(fuzz_names))];
	struct fuzz_slot *slot = fuzz_get_slot(ctx, rnd, FUZZ_SLOTS);
	int pkey;

	if (!slot)
		return;
	mutex_lock(&fuzz.mutex);
	if (slot->pkey) {
		pkey = slot->pkey;
		WRITE_ONCE(slot->pkey, 0);
		fuzz_free_key(ctx, pkey);
	} else {
		pkey = fuzz_alloc_key(ctx, name, flags[fuzz_pick(rnd, ARRAY_SIZE(flags))]);
		WRITE_ONCE(slot->pkey, max(pkey, 0));
	}
	mutex_unlock(&fuzz.mutex);
	mutex_unlock(&slot->mutex);
}

/* What is nobody's, or a domain's, is not freed, nor given up, nor changed. */
static void fuzz_free_badly(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	int pkey = fuzz_bad_key(rnd), key = 1 + fuzz_pick(rnd, PKS_NUM_KEYS - 1), ret;

	mutex_lock(&fuzz.mutex);
	if (!fuzz.keys[key].users)
		pkey = key;
	else if (key == ctx->thread->slots[FUZZ_DOMAIN_SLOT].pkey)
		pks_key_free(key);
	pks_key_free(pkey);
	fuzz_did(ctx, "pks_key_free", pkey, 0, 0, 0);
	pks_abandon(pkey);
	fuzz_did(ctx, "pks_abandon", pkey, 0, 0, 0);
	ret = pks_key_set_default(pkey, PKS_READWRITE);
	fuzz_did(ctx, "pks_key_set_default", pkey, PKS_READWRITE, 0, ret);
	if (ret != -EINVAL)
		fuzz_fail(ctx, "pks_key_set_default(%d) returned %d", pkey, ret);
	ret = pks_set_policy(pkey, PKS_POLICY_REPORT);
	fuzz_did(ctx, "pks_set_policy", pkey, PKS_POLICY_REPORT, 0, ret);
	if (ret != -EINVAL)
		fuzz_fail(ctx, "pks_set_policy(%d) returned %d", pkey, ret);
	ret = pks_set_fault_handler(pkey, fuzz_fault, NULL);
	fuzz_did(ctx, "pks_set_fault_handler", pkey, 0, 0, ret);
	if (ret != -EINVAL)
		fuzz_fail(ctx, "pks_set_fault_handler(%d) returned %d", pkey, ret);
	mutex_unlock(&fuzz.mutex);
}

/* All keys, until there is none; those that share one get one a second time. */
static void fuzz_exhaust(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	static const int flags[] = {
		PKS_FLAG_EXCLUSIVE, PKS_FLAG_SHARED,
		PKS_FLAG_SHARED | PKS_FLAG_DEFAULT_READONLY
	};
	int keys[2 * PKS_NUM_KEYS], nr = 0, pkey;

	mutex_lock(&fuzz.mutex);
	while (nr < ARRAY_SIZE(keys)) {
		pkey = fuzz_alloc_key(ctx, &fuzz_names[0],
				      flags[fuzz_pick(rnd, ARRAY_SIZE(flags))]);
		if (pkey < 0)
			break;
		keys[nr++] = pkey;
	}
	while (nr--)
		fuzz_free_key(ctx, keys[nr]);
	mutex_unlock(&fuzz.mutex);
}

/*
 * Behind a call that would change @history, unless it is to be refused: what it
 * returned, and what it had to.
 */
static void fuzz_changed(struct fuzz_context *ctx, struct fuzz_history *history,
			 const char *call, int pkey, int arg, int ret, int expected)
{
	fuzz_did(ctx, call, pkey, arg, 0, ret);
	if (!expected)
		fuzz_change_end(history);
	if (ret != expected)
		fuzz_fail(ctx, "%s(%d, %d) returned %d instead of %d", call, pkey, arg,
			  ret, expected);
}

static void fuzz_set_default(struct fuzz_context *ctx, struct rnd_state *rnd, int pkey)
{
	struct fuzz_history *key = &fuzz.keys[pkey].key;
	int access = fuzz_pick(rnd, 3), expected = 0, ret;

	if (fuzz_one_in(rnd, 16))
		access = fuzz_one_in(rnd, 2) ? 3 : -1;
	if ((u32)access > PKS_READONLY)
		expected = -EINVAL;
	else if (fuzz_state(key) & FUZZ_ABANDONED)
		expected = -EPERM;
	if (!expected)
		fuzz_change_begin(key, access | FUZZ_TAKEN);
	ret = pks_key_set_default(pkey, access);
	fuzz_changed(ctx, key, "pks_key_set_default", pkey, access, ret, expected);
	fuzz_count(FUZZ_RESETS);
}

static void fuzz_set_policy(struct fuzz_context *ctx, struct rnd_state *rnd, int pkey)
{
	struct fuzz_history *violations = &fuzz.keys[pkey].violations;
	u8 handler = fuzz_state(violations) & ~FUZZ_POLICY;
	int policy = fuzz_pick(rnd, 2), expected = 0, ret;

	if (fuzz_one_in(rnd, 8)) {
		policy = fuzz_one_in(rnd, 2) ? 3 : -1;
		expected = -EINVAL;
	}
	if (!expected)
		fuzz_change_begin(violations, policy | handler);
	ret = pks_set_policy(pkey, policy);
	fuzz_changed(ctx, violations, "pks_set_policy", pkey, policy, ret, expected);
}

/* A probe panics nothing. */
static void fuzz_panic_policy(struct fuzz_context *ctx, struct rnd_state *rnd, int pkey)
{
	u8 policy = fuzz_state(&fuzz.keys[pkey].violations) & FUZZ_POLICY;
	int ret, back;

	fuzz_shield();
	ret = pks_set_policy(pkey, PKS_POLICY_PANIC);
	fuzz_did(ctx, "pks_set_policy", pkey, PKS_POLICY_PANIC, 0, ret);
	fuzz_probe_step(ctx, rnd);
	back = pks_set_policy(pkey, policy);
	fuzz_did(ctx, "pks_set_policy", pkey, policy, 0, back);
	fuzz_unshield();
	if (ret || back)
		fuzz_fail(ctx, "pks_set_policy(%d) returned %d, and back, %d", pkey, ret, back);
}

static void fuzz_set_handler(struct fuzz_context *ctx, struct rnd_state *rnd, int pkey)
{
	struct fuzz_history *violations = &fuzz.keys[pkey].violations;
	enum fuzz_handler had = fuzz_state(violations) >> FUZZ_HANDLER;
	enum fuzz_handler handler = fuzz_pick(rnd, FUZZ_HANDLERS);
	int expected = had && handler ? -EBUSY : 0, ret;

	if (!expected)
		fuzz_change_begin(violations, (fuzz_state(violations) & FUZZ_POLICY) |
				  handler << FUZZ_HANDLER);
	ret = pks_set_fault_handler(pkey, handler ? fuzz_fault : NULL,
				    (void *)(long)(handler * PKS_NUM_KEYS + pkey));
	fuzz_changed(ctx, violations, "pks_set_fault_handler", pkey, handler, ret,
		     expected);
}

static void fuzz_abandon(struct fuzz_context *ctx, int pkey)
{
	struct fuzz_history *key = &fuzz.keys[pkey].key;

	/* A second time says nothing. */
	fuzz_change_begin(key, PKS_READWRITE | FUZZ_TAKEN | FUZZ_ABANDONED);
	pks_abandon(pkey);
	fuzz_did(ctx, "pks_abandon", pkey, 0, 0, 0);
	fuzz_change_end(key);
}

/* To a key that is the caller's, and that no one else changes meanwhile. */
static void fuzz_change(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	struct fuzz_slot *slot = fuzz_get_slot(ctx, rnd, ARRAY_SIZE(ctx->thread->slots));
	unsigned int which = fuzz_pick(rnd, 16);
	int pkey;

	if (!slot)
		return;
	pkey = slot->pkey;
	if (pkey && mutex_trylock(&fuzz.keys[pkey].mutex)) {
		if (which < 8)
			fuzz_set_default(ctx, rnd, pkey);
		else if (which < 11)
			fuzz_set_policy(ctx, rnd, pkey);
		else if (which < 12)
			fuzz_panic_policy(ctx, rnd, pkey);
		else if (which < 15)
			fuzz_set_handler(ctx, rnd, pkey);
		else if (fuzz_one_in(rnd, 4))
			fuzz_abandon(ctx, pkey);
		mutex_unlock(&fuzz.keys[pkey].mutex);
	}
	mutex_unlock(&slot->mutex);
}

void fuzz_key_step(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	unsigned int which = fuzz_pick(rnd, 64);

	if (which < 24)
		fuzz_alloc_or_free(ctx, rnd);
	else if (which < 54)
		fuzz_change(ctx, rnd);
	else if (which < 63)
		fuzz_free_badly(ctx, rnd);
	else
		fuzz_exhaust(ctx, rnd);
}

/* When all threads have gone. */
void fuzz_keys_end(void)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		for (; fuzz.keys[pkey].users; fuzz.keys[pkey].users--)
			pks_key_free(pkey);
	}
}
