// SPDX-License-Identifier: GPL-2.0
/* Accesses, and what becomes of those that are stopped. */
#include "fuzz.h"
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/string_helpers.h>
#include "../../kunit/pks_try.h"

/* One access of its context, and what came of it. */
struct fuzz_access {
	int			pkey;
	bool			write;
	/* May fault handlers and policies decide it? */
	bool			exposed;
	bool			through;
	u64			value;
	/* The accesses that the context may have had, as bits. */
	u8			possible;
	/* The states of what was to become of a violation. */
	u32			violations;
};

static u8 fuzz_violations_policy(unsigned int state)
{
	return state & FUZZ_POLICY;
}

static enum fuzz_handler fuzz_violations_handler(unsigned int state)
{
	return state >> FUZZ_HANDLER;
}

/* Does a violation get through with what @state says of them? */
static bool fuzz_let_through(const struct fuzz_context *ctx, const struct fuzz_access *access,
			     unsigned int state)
{
	if (!access->exposed || fuzz_violations_handler(state) == FUZZ_SKIPS)
		return false;
	if (ctx->opened >= 0 && fuzz_permits(ctx->opened, access->write))
		return true;
	return fuzz_violations_policy(state) == PKS_POLICY_REPORT;
}

/* May it be let through, or stopped? As bits: BIT(is it let through). */
static unsigned int fuzz_outcomes(const struct fuzz_context *ctx,
				  const struct fuzz_access *access)
{
	unsigned int outcomes = 0, state;
	bool violation = false;
	u8 right;

	for (right = PKS_READWRITE; right <= PKS_READONLY; right++) {
		if (!(access->possible & BIT(right)))
			continue;
		if (fuzz_permits(right, access->write))
			outcomes |= BIT(true);
		else
			violation = true;
	}
	for (state = 0; violation && state < 32; state++) {
		if (access->violations & BIT(state))
			outcomes |= BIT(fuzz_let_through(ctx, access, state));
	}
	return outcomes;
}

/* Was the handler called, if there was one, and something for it to handle? */
static bool fuzz_handled_well(const struct fuzz_context *ctx,
			      const struct fuzz_access *access)
{
	unsigned int state;
	bool may = false, may_not = access->through;

	for (state = 0; state < 32; state++) {
		if (!(access->violations & BIT(state)))
			continue;
		if (access->exposed && fuzz_violations_handler(state) != FUZZ_NO_HANDLER)
			may = true;
		else
			may_not = true;
	}
	return ctx->handled ? may : may_not;
}

static void fuzz_judge(struct fuzz_context *ctx, const struct fuzz_access *access)
{
	unsigned int outcomes = fuzz_outcomes(ctx, access);

	fuzz_count(FUZZ_PROBES);
	if (!access->through)
		fuzz_count(FUZZ_STOPPED);
	if (outcomes != (BIT(true) | BIT(false)))
		fuzz_count(FUZZ_EXACT);
	if (!(outcomes & BIT(access->through)))
		fuzz_fail(ctx, "%s of key %d was %s instead of %s (rights %#x, violations %#x)",
			  str_read_write(!access->write), access->pkey,
			  access->through ? "let through" : "stopped",
			  access->through ? "stopped" : "let through", access->possible,
			  access->violations);
	if (!fuzz_handled_well(ctx, access))
		fuzz_fail(ctx, "%s of key %d: %u calls of its handler (violations %#x)",
			  str_read_write(!access->write), access->pkey, ctx->handled,
			  access->violations);
}

static void fuzz_access_do(struct fuzz_access *access, u64 *addr)
{
	int err;

	if (access->exposed && access->write)
		err = pks_try_write(addr, access->value);
	else if (access->exposed)
		err = pks_try_read(addr, &access->value);
	else if (access->write)
		err = pks_write_nofault(addr, &access->value, sizeof(access->value));
	else
		err = pks_read_nofault(&access->value, addr, sizeof(access->value));
	access->through = !err;
}

static void fuzz_access(struct fuzz_context *ctx, struct fuzz_access *access, u64 *addr)
{
	struct fuzz_key *key = &fuzz.keys[access->pkey];
	/* What it has before: a fault handler may give it more. */
	const struct fuzz_right right = ctx->rights[access->pkey];
	struct fuzz_span span, violations;

	ctx->handled = 0;
	ctx->opened = -1;
	span = fuzz_watch(&key->key);
	violations = fuzz_watch(&key->violations);
	fuzz_access_do(access, addr);
	fuzz_watched(&key->violations, &violations);
	fuzz_watched(&key->key, &span);
	access->possible = fuzz_possible(&right, access->pkey, span);
	access->violations = fuzz_states(&key->violations, violations);
	fuzz_did(ctx, str_read_write(!access->write), access->pkey, access->exposed,
		 (long)addr, access->through ? 0 : -EFAULT);
	fuzz_judge(ctx, access);
}

/* An access that no one decides but the hardware. */
void fuzz_probe(struct fuzz_context *ctx, int pkey, u64 *addr, u64 value, bool write)
{
	struct fuzz_access access = {
		.pkey	= pkey,
		.write	= write,
		.value	= value,
	};

	fuzz_access(ctx, &access, addr);
	if (access.through && access.value != value)
		fuzz_fail(ctx, "read of key %d at %#lx: %#llx instead of %#llx", pkey,
			  (long)addr, access.value, value);
}

/* No violation is under way that is not a probe's, and none begins. */
void fuzz_shield(void)
{
	atomic_inc(&fuzz.shields);
	smp_mb__after_atomic();	/* pairs with fuzz_expose() */
	while (atomic_read(&fuzz.exposed))
		usleep_range(50, 100);
}

void fuzz_unshield(void)
{
	atomic_dec(&fuzz.shields);
}

static bool fuzz_expose(void)
{
	atomic_inc(&fuzz.exposed);
	smp_mb__after_atomic();	/* pairs with fuzz_shield() */
	if (!atomic_read(&fuzz.shields))
		return true;
	atomic_dec(&fuzz.exposed);
	return false;
}

/* To its own place in the page of a key, which nobody else writes to. */
void fuzz_probe_step(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	int pkey = fuzz_one_in(rnd, 32) ? 0 : fuzz_any_key(ctx, rnd);
	struct fuzz_access access = {
		.pkey	= pkey,
		.write	= fuzz_one_in(rnd, 2),
		.value	= prandom_u32_state(rnd),
	};

	access.exposed = fuzz_one_in(rnd, 2) && fuzz_expose();
	fuzz_access(ctx, &access, &fuzz.keys[pkey].page[ctx->id]);
	if (access.exposed)
		atomic_dec(&fuzz.exposed);
	if (!access.through)
		return;
	if (access.write)
		ctx->values[pkey] = access.value;
	else if (access.value != ctx->values[pkey])
		fuzz_fail(ctx, "the page of key %d has %#llx, and %#llx was written", pkey,
			  access.value, ctx->values[pkey]);
}

/* For the context that it is called for, with what a handler may do. */
static void fuzz_fault_open(struct fuzz_context *ctx, struct pt_regs *regs, int pkey,
			    u8 access)
{
	struct fuzz_history *key = &fuzz.keys[pkey].key;
	struct fuzz_span span;
	int ret;

	fuzz_visit_begin(pkey);
	/* What an earlier call for the same access has opened, a reset has taken since. */
	ctx->opened = -1;
	span = fuzz_watch(key);
	ret = pks_update_exception(regs, pkey, access);
	fuzz_watched(key, &span);
	fuzz_visit_end(pkey, true);
	fuzz_did(ctx, "pks_update_exception", pkey, access, 0, ret);
	if (!ret && fuzz_states(key, span) & FUZZ_STATES_ABANDONED) {
		fuzz_right_maybe(ctx, pkey, access, span);
	} else if (fuzz_updated(ctx, "pks_update_exception", pkey, span, ret ?: 1, false)) {
		fuzz_right_set(ctx, pkey, access, span);
		ctx->opened = access;
	}
}

static void fuzz_fault_stray(struct fuzz_context *ctx, struct pt_regs *regs, int pkey)
{
	struct pt_regs other = { };

	pks_mk_readwrite(pkey);
	pks_enter(1, PKS_READWRITE);
	if (pks_update_exception(regs, 0, PKS_READWRITE) != -EINVAL ||
	    pks_update_exception(regs, PKS_NUM_KEYS, PKS_READWRITE) != -EINVAL ||
	    pks_update_exception(NULL, pkey, PKS_READWRITE) != -EINVAL ||
	    pks_update_exception(&other, pkey, PKS_READWRITE) != -EINVAL)
		fuzz_fail(ctx, "pks_update_exception took bad arguments");
}

/* A key's fault handler: @data is the key, and what to do. */
enum pks_fault_action fuzz_fault(const struct pks_fault_info *info,
				 struct pt_regs *regs, void *data)
{
	struct fuzz_context *ctx = fuzz_context((info->address & ~PAGE_MASK) / sizeof(u64));
	int pkey = (long)data % PKS_NUM_KEYS;

	ctx->handled++;
	if (info->pkey != pkey)
		fuzz_fail(ctx, "the fault handler of key %d was called for key %d", pkey,
			  info->pkey);
	switch ((long)data / PKS_NUM_KEYS) {
	case FUZZ_RETRIES:
		return PKS_FAULT_RETRY;
	case FUZZ_SKIPS:
		return PKS_FAULT_FIXUP;
	case FUZZ_OPENS:
		fuzz_fault_open(ctx, regs, pkey, PKS_READWRITE);
		return PKS_FAULT_RETRY;
	case FUZZ_OPENS_READ:
		fuzz_fault_open(ctx, regs, pkey, PKS_READONLY);
		return PKS_FAULT_RETRY;
	case FUZZ_STRAYS:
		fuzz_fault_stray(ctx, regs, pkey);
		return PKS_FAULT_DENY;
	default:
		return PKS_FAULT_DENY;
	}
}
