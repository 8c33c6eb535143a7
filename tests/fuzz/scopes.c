// SPDX-License-Identifier: GPL-2.0
/* Scopes, and rights without a scope: what any context may do. */
#include "fuzz.h"
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include "../../kunit/pks_try.h"

int fuzz_bad_key(struct rnd_state *rnd)
{
	static const int bad[] = { 0, PKS_NUM_KEYS, PKS_NUM_KEYS + 1, -1, INT_MAX, INT_MIN,
				   -EINVAL, 0x10001, 255 };

	return bad[fuzz_pick(rnd, ARRAY_SIZE(bad))];
}

static int fuzz_bad_access(struct rnd_state *rnd)
{
	static const int bad[] = { 3, 4, -1, INT_MAX, INT_MIN, 0x100 };

	return bad[fuzz_pick(rnd, ARRAY_SIZE(bad))];
}

int fuzz_any_key(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	struct fuzz_slot *slot = &ctx->thread->slots[fuzz_pick(rnd, FUZZ_DOMAIN_SLOT + 1)];
	unsigned int whose = fuzz_pick(rnd, 8);
	int pkey;

	if (whose < 3)
		slot = &fuzz.common[fuzz_pick(rnd, ARRAY_SIZE(fuzz.common))];
	/* Once: it may be given back meanwhile. */
	pkey = READ_ONCE(slot->pkey);
	return whose < 6 && pkey ? pkey : 1 + fuzz_pick(rnd, PKS_NUM_KEYS - 1);
}

/* Where it is known that a thread can wait, it waits for a reset. */
static bool fuzz_waits(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_COUNT) && preemptible();
}

bool fuzz_updated(struct fuzz_context *ctx, const char *what, int pkey,
		  struct fuzz_span span, int ret, bool waits)
{
	u32 states = fuzz_states(&fuzz.keys[pkey].key, span);

	if (ret > 0 && states & FUZZ_STATES_TAKEN)
		return true;
	if ((!ret && states & FUZZ_STATES_ABANDONED) ||
	    (ret == -EINVAL && states & FUZZ_STATES_FREE) ||
	    (ret == -EAGAIN && !waits && span.from != span.to))
		return false;
	fuzz_fail(ctx, "%s of key %d returned %d; its states were %#x", what, pkey, ret,
		  states);
	return false;
}

/* Another context's right to a domain keeps it from being destroyed. */
static bool fuzz_is_visit(const struct fuzz_context *ctx, int pkey)
{
	return !fuzz_is_thread(ctx) || ctx->thread->slots[FUZZ_DOMAIN_SLOT].pkey != pkey;
}

/* It has @access now, or may have, if the key was given up at that very time. */
static void fuzz_right_got(struct fuzz_context *ctx, int pkey, u8 access,
			   struct fuzz_span span)
{
	u32 states = fuzz_states(&fuzz.keys[pkey].key, span);

	if (!(states & FUZZ_STATES_ABANDONED))
		fuzz_right_set(ctx, pkey, access, span);
	else if (states & ~FUZZ_STATES_ABANDONED)
		fuzz_right_maybe(ctx, pkey, access, span);
	else
		fuzz_right_default(ctx, pkey);
}

/* With keys that the compiler knows it is other code. */
static int fuzz_do_enter(int pkey, enum pks_access access)
{
	switch (pkey) {
	case 1:
		return pks_enter(1, access);
	case 7:
		return pks_enter(7, access);
	case PKS_NUM_KEYS - 1:
		return pks_enter(PKS_NUM_KEYS - 1, access);
	default:
		return pks_enter(pkey, access);
	}
}

static void fuzz_do_leave(int pkey, int former)
{
	switch (pkey) {
	case 1:
		return pks_leave(1, former);
	case 7:
		return pks_leave(7, former);
	case PKS_NUM_KEYS - 1:
		return pks_leave(PKS_NUM_KEYS - 1, former);
	default:
		return pks_leave(pkey, former);
	}
}

static void fuzz_enter_badly(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	bool bad_key = fuzz_one_in(rnd, 2);
	int pkey = bad_key ? fuzz_bad_key(rnd) : fuzz_any_key(ctx, rnd);
	int access = bad_key ? PKS_READWRITE : fuzz_bad_access(rnd);
	struct fuzz_span span = { };
	int ret;

	if (!bad_key)
		span = fuzz_watch(&fuzz.keys[pkey].key);
	ret = pks_enter(pkey, access);
	fuzz_did(ctx, "pks_enter", pkey, access, 0, ret);
	if (!bad_key)
		fuzz_watched(&fuzz.keys[pkey].key, &span);
	if (!bad_key && !ret &&
	    fuzz_states(&fuzz.keys[pkey].key, span) & FUZZ_STATES_ABANDONED)
		return;
	if (ret != -EINVAL)
		fuzz_fail(ctx, "pks_enter(%d, %d) returned %d", pkey, access, ret);
}

static void fuzz_enter(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	int pkey = fuzz_any_key(ctx, rnd);
	u8 access = fuzz_pick(rnd, 3);
	struct fuzz_history *key = &fuzz.keys[pkey].key;
	struct fuzz_scope *scope;
	struct fuzz_span span;
	bool waits;
	int ret;

	fuzz_visit_begin(pkey);
	waits = fuzz_waits();
	span = fuzz_watch(key);
	ret = fuzz_do_enter(pkey, access);
	fuzz_watched(key, &span);
	fuzz_visit_end(pkey, fuzz_is_visit(ctx, pkey));
	fuzz_did(ctx, "pks_enter", pkey, access, 0, ret);
	if (!fuzz_updated(ctx, "pks_enter", pkey, span, ret, waits))
		return;
	scope = &ctx->scopes[ctx->nr_scopes++];
	*scope = (struct fuzz_scope){ pkey, ret, span, ctx->rights[pkey], access };
	fuzz_right_got(ctx, pkey, access, span);
}

/* Mostly the last one; one that is taken from the middle makes room. */
static void fuzz_leave(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	unsigned int at = ctx->nr_scopes - 1;
	struct fuzz_scope scope;
	struct fuzz_span span;

	if (fuzz_one_in(rnd, 4))
		at = fuzz_pick(rnd, ctx->nr_scopes);
	scope = ctx->scopes[at];
	/* Some stay, to be ended a second time. */
	if (ctx->nr_scopes == FUZZ_SCOPES || !fuzz_one_in(rnd, 8))
		ctx->scopes[at] = ctx->scopes[--ctx->nr_scopes];
	span = fuzz_watch(&fuzz.keys[scope.pkey].key);
	fuzz_do_leave(scope.pkey, scope.former);
	fuzz_watched(&fuzz.keys[scope.pkey].key, &span);
	fuzz_did(ctx, "pks_leave", scope.pkey, scope.former, 0, 0);
	fuzz_right_give_back(ctx, &scope, span);
}

/* With what pks_enter() returned for another key: at most the default comes back. */
static void fuzz_leave_another(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	const struct fuzz_scope *scope = &ctx->scopes[fuzz_pick(rnd, ctx->nr_scopes)];
	int pkey = fuzz_any_key(ctx, rnd);

	if (pkey == scope->pkey)
		return;
	pks_leave(pkey, scope->former);
	fuzz_did(ctx, "pks_leave", pkey, scope->former, 0, 0);
	fuzz_right_default(ctx, pkey);
}

/* With what it never returns: nothing changes. Errors are taken, and so is 0. */
static void fuzz_leave_badly(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	static const int bad[] = { 0, -EINVAL, -ENOMEM, -EPERM, -EAGAIN, -1, INT_MIN,
				   1, 2, 3, 5, 7, 11, 12, 15 };
	int former = bad[fuzz_pick(rnd, ARRAY_SIZE(bad))];
	int pkey = fuzz_any_key(ctx, rnd);

	if (fuzz_one_in(rnd, 4)) {
		pkey = fuzz_bad_key(rnd);
		former = __PKS_FORMER_DEFAULT;
	}
	pks_leave(pkey, former);
	fuzz_did(ctx, "pks_leave", pkey, former, 0, 0);
}

static void fuzz_make(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	static void (*const make[])(int pkey) = {
		[PKS_READWRITE]	= pks_mk_readwrite,
		[PKS_NOACCESS]	= pks_mk_noaccess,
		[PKS_READONLY]	= pks_mk_readonly,
	};
	int pkey = fuzz_any_key(ctx, rnd);
	u8 access = fuzz_pick(rnd, 3);
	struct fuzz_span span;
	bool waits;
	u32 states;

	if (fuzz_one_in(rnd, 12)) {
		pkey = fuzz_bad_key(rnd);
		make[access](pkey);
		fuzz_did(ctx, "pks_mk", pkey, access, 0, 0);
		return;
	}
	fuzz_visit_begin(pkey);
	waits = fuzz_waits();
	span = fuzz_watch(&fuzz.keys[pkey].key);
	make[access](pkey);
	fuzz_watched(&fuzz.keys[pkey].key, &span);
	fuzz_visit_end(pkey, fuzz_is_visit(ctx, pkey));
	fuzz_did(ctx, "pks_mk", pkey, access, 0, 0);
	states = fuzz_states(&fuzz.keys[pkey].key, span);
	if (!(states & FUZZ_STATES_TAKEN))
		return;
	if (states & FUZZ_STATES_FREE || (!waits && span.from != span.to))
		fuzz_right_maybe(ctx, pkey, access, span);
	else
		fuzz_right_got(ctx, pkey, access, span);
}

/* All keys at once: the word, and the register. */
void fuzz_look(struct fuzz_context *ctx)
{
	struct fuzz_span spans[PKS_NUM_KEYS];
	unsigned long flags;
	u32 word, msr;
	u8 possible;
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++)
		spans[pkey] = fuzz_watch(&fuzz.keys[pkey].key);
	local_irq_save(flags);
	word = pks_current_pkrs();
	msr = pks_test_rdmsr();
	local_irq_restore(flags);
	fuzz_did(ctx, "pks_current_pkrs", 0, 0, 0, word);
	if (word != msr)
		fuzz_fail(ctx, "the word is %#x, and PKRS is %#x", word, msr);
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		fuzz_watched(&fuzz.keys[pkey].key, &spans[pkey]);
		/* Until it is open to all, who looks finds what he had. */
		if (fuzz_states(&fuzz.keys[pkey].key, spans[pkey]) & FUZZ_STATES_ABANDONED)
			continue;
		possible = fuzz_possible(&ctx->rights[pkey], pkey, spans[pkey]);
		if (!(possible & BIT(word >> 2 * pkey & 3)))
			fuzz_fail(ctx, "PKRS is %#x: of key %d, the context may have %#x", word,
				  pkey, possible);
	}
}

/* At the end of a handler, and of a thread. */
void fuzz_leave_all(struct fuzz_context *ctx)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		pks_leave(pkey, __PKS_FORMER_DEFAULT);
		fuzz_right_default(ctx, pkey);
	}
	ctx->nr_scopes = 0;
}

static void fuzz_scope_any(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	unsigned int which = fuzz_pick(rnd, 24);

	if (which < 8 && ctx->nr_scopes < FUZZ_SCOPES)
		fuzz_enter(ctx, rnd);
	else if (which < 16 && ctx->nr_scopes)
		fuzz_leave(ctx, rnd);
	else if (which < 17 && ctx->nr_scopes)
		fuzz_leave_another(ctx, rnd);
	else if (which < 18)
		fuzz_leave_badly(ctx, rnd);
	else if (which < 19)
		fuzz_enter_badly(ctx, rnd);
	else
		fuzz_make(ctx, rnd);
}

/* Sometimes where it can't be waited. */
void fuzz_scope_step(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	unsigned int how = fuzz_pick(rnd, 16);
	unsigned long flags;

	if (how == 0) {
		local_irq_save(flags);
		fuzz_scope_any(ctx, rnd);
		local_irq_restore(flags);
	} else if (how == 1) {
		preempt_disable();
		fuzz_scope_any(ctx, rnd);
		preempt_enable();
	} else {
		fuzz_scope_any(ctx, rnd);
	}
}
