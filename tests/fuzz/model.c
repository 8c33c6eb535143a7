// SPDX-License-Identifier: GPL-2.0
/*
 * What each context may do, by rules that know nothing of how pks does it:
 *
 *  - a context has the default of a key, unless it has asked for something else;
 *  - what it has asked for is its own, and lasts until it asks for something else, or
 *    until the key is given back, given up or gets another default;
 *  - a scope ends at what was there at its start, unless that has happened meanwhile.
 *
 * Such changes are made by one thread while others go on. So the model knows not what
 * a context has, but what it may have, given what changes were under way: nearly
 * always that is one thing.
 */
#include "fuzz.h"

enum fuzz_lie fuzz_lie;

/* What is under way may have been done or not; in several steps, one after the other. */
void fuzz_change_begin(struct fuzz_history *history, u8 state)
{
	u32 next = history->begun + 1;

	WRITE_ONCE(history->states[next % FUZZ_HISTORY], state);
	/* Pairs with fuzz_watched(): the count tells of the state. */
	smp_store_release(&history->begun, next);
	/* And all of it comes before the change itself. */
	smp_mb();
}

void fuzz_change_cancel(struct fuzz_history *history)
{
	smp_mb();	/* what was refused comes first */
	WRITE_ONCE(history->begun, history->over);
}

void fuzz_change_end(struct fuzz_history *history)
{
	smp_mb();	/* the change comes first */
	WRITE_ONCE(history->over, history->begun);
}

struct fuzz_span fuzz_watch(const struct fuzz_history *history)
{
	struct fuzz_span span;

	span.from = READ_ONCE(history->over);
	span.to = span.from;
	smp_mb();	/* before what is watched */
	return span;
}

void fuzz_watched(const struct fuzz_history *history, struct fuzz_span *span)
{
	smp_mb();	/* after what was watched */
	/* Pairs with fuzz_change_begin(). A change that was refused takes it back. */
	span->to = max(smp_load_acquire(&history->begun), span->from);
}

u8 fuzz_state(const struct fuzz_history *history)
{
	return history->states[history->over % FUZZ_HISTORY];
}

u32 fuzz_states(const struct fuzz_history *history, struct fuzz_span span)
{
	u32 at, states = 0;

	if (span.to - span.from >= FUZZ_HISTORY)
		return U32_MAX;
	for (at = span.from; at != span.to + 1; at++)
		states |= BIT(READ_ONCE(history->states[at % FUZZ_HISTORY]));
	smp_mb();	/* has any of it been written over meanwhile? */
	if (READ_ONCE(history->begun) - span.from >= FUZZ_HISTORY - 1)
		return U32_MAX;
	return states;
}

static u8 fuzz_defaults(int pkey, struct fuzz_span span)
{
	u32 states = fuzz_states(&fuzz.keys[pkey].key, span);
	u8 access, mask = 0;

	for (access = PKS_READWRITE; access <= PKS_READONLY; access++) {
		if (states & 0x1111U << access)
			mask |= BIT(access);
	}
	return mask;
}

/* Is there a time in both? */
static bool fuzz_may_last(struct fuzz_span asked, struct fuzz_span now)
{
	return asked.to >= now.from || fuzz_lie == FUZZ_LIE_RESET;
}

/* May there have been a change in between? */
static bool fuzz_may_be_gone(struct fuzz_span asked, struct fuzz_span now)
{
	return asked.from < now.to && fuzz_lie != FUZZ_LIE_RESET;
}

u8 fuzz_possible(const struct fuzz_right *right, int pkey, struct fuzz_span span)
{
	u8 mask = 0;

	if (right->mask & FUZZ_DEFAULT)
		mask |= fuzz_defaults(pkey, span);
	if (right->mask == FUZZ_DEFAULT)
		return mask;
	if (fuzz_may_last(right->span, span))
		mask |= right->mask & ~FUZZ_DEFAULT;
	if (fuzz_may_be_gone(right->span, span)) {
		span.from = max(span.from, right->span.from + 1);
		mask |= fuzz_defaults(pkey, span);
	}
	return mask;
}

bool fuzz_permits(u8 access, bool write)
{
	if (access == PKS_READONLY)
		return !write || fuzz_lie == FUZZ_LIE_READONLY;
	return access == PKS_READWRITE;
}

void fuzz_right_set(struct fuzz_context *ctx, int pkey, u8 access, struct fuzz_span span)
{
	ctx->rights[pkey] = (struct fuzz_right){ span, BIT(access) };
}

static void fuzz_right_add(struct fuzz_right *right, const struct fuzz_right *other)
{
	if (right->mask == FUZZ_DEFAULT)
		right->span = other->span;
	if (other->mask != FUZZ_DEFAULT) {
		right->span.from = min(right->span.from, other->span.from);
		right->span.to = max(right->span.to, other->span.to);
	}
	right->mask |= other->mask;
}

void fuzz_right_maybe(struct fuzz_context *ctx, int pkey, u8 access,
		      struct fuzz_span span)
{
	const struct fuzz_right right = { span, BIT(access) | FUZZ_DEFAULT };

	fuzz_right_add(&ctx->rights[pkey], &right);
}

void fuzz_right_default(struct fuzz_context *ctx, int pkey)
{
	ctx->rights[pkey].mask = FUZZ_DEFAULT;
}

/*
 * A scope that began at the default ends there. Of any other the context has to have what
 * the scope has given it, or the default is what remains.
 */
static bool fuzz_is_innermost(const struct fuzz_scope *scope, u8 had, bool *perhaps)
{
	*perhaps = scope->former != __PKS_FORMER_DEFAULT && had != BIT(scope->access);
	return scope->former == __PKS_FORMER_DEFAULT || (had & BIT(scope->access));
}

/* The end of a scope, now, with what its start has returned. */
void fuzz_right_give_back(struct fuzz_context *ctx, const struct fuzz_scope *scope,
			  struct fuzz_span span)
{
	static const struct fuzz_right none = { .mask = FUZZ_DEFAULT };
	struct fuzz_right *right = &ctx->rights[scope->pkey];
	bool innermost, perhaps;

	if (fuzz_lie == FUZZ_LIE_LEAVE)
		return;
	innermost = fuzz_is_innermost(scope, fuzz_possible(right, scope->pkey, span), &perhaps);
	if (innermost && scope->span.to >= span.from) {
		*right = scope->was;
		if (perhaps || scope->span.from < span.to)
			fuzz_right_add(right, &none);
	} else {
		*right = none;
	}
}
