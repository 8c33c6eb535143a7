/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pks_fuzz.ko: threads make random calls, and a model says of each access whether it
 * must be let through. What a thread does at each step follows from the seed, its
 * number and the step's: a round can be done again, whole or in parts.
 *
 * main.c: rounds, and what user space sees of them; model.c: what each context may
 * do; keys.c, scopes.c, memory.c: the steps; probe.c: accesses, and fault handlers;
 * contexts.c: interrupts.
 */
#ifndef PKS_FUZZ_H
#define PKS_FUZZ_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/pks_domain.h>
#include <linux/prandom.h>

#define FUZZ_THREADS_MAX	8
#define FUZZ_STEPS_MAX		65536
/* The contexts of a thread: itself, and the interrupts that it asks for. */
#define FUZZ_CONTEXTS		5
#define FUZZ_SLOTS		2
/* And behind these, the key of its domain. */
#define FUZZ_DOMAIN_SLOT	FUZZ_SLOTS
/* Keys that all threads use. */
#define FUZZ_COMMON		3

/*
 * model.c. Something that changes, each change under way between two counts: what it
 * is now is the state of one of those from @over, read before, to @begun, read after.
 */
#define FUZZ_HISTORY	128

struct fuzz_history {
	u32		begun;
	u32		over;
	u8		states[FUZZ_HISTORY];
};

struct fuzz_span {
	u32		from;
	u32		to;
};

/* The state of a key: its default, is it anybody's, and has it been given up? */
#define FUZZ_TAKEN	BIT(2)
#define FUZZ_ABANDONED	BIT(3)
/* The state of what becomes of its violations: policy, and what the handler does. */
#define FUZZ_POLICY	3
#define FUZZ_HANDLER	2

enum fuzz_handler {
	FUZZ_NO_HANDLER,
	FUZZ_DENIES,
	FUZZ_RETRIES,		/* and has changed nothing */
	FUZZ_SKIPS,
	FUZZ_OPENS,		/* for the context */
	FUZZ_OPENS_READ,
	FUZZ_STRAYS,		/* opens keys for itself, and asks for what is not to be had */
	FUZZ_HANDLERS,
};

void fuzz_change_begin(struct fuzz_history *history, u8 state);
void fuzz_change_cancel(struct fuzz_history *history);
void fuzz_change_end(struct fuzz_history *history);
struct fuzz_span fuzz_watch(const struct fuzz_history *history);
void fuzz_watched(const struct fuzz_history *history, struct fuzz_span *span);
/* By the only one who changes it. */
u8 fuzz_state(const struct fuzz_history *history);
/* The states that it may have had, as bits. */
u32 fuzz_states(const struct fuzz_history *history, struct fuzz_span span);

#define FUZZ_STATES_TAKEN	0xf0f0
#define FUZZ_STATES_FREE	0x0f0f
#define FUZZ_STATES_ABANDONED	0xff00

/*
 * What a context has of a key: one of @mask (BIT(access), or FUZZ_DEFAULT), asked for
 * between @from and @to of the key's history, and gone with the next change of it.
 */
#define FUZZ_DEFAULT	BIT(3)

struct fuzz_right {
	struct fuzz_span	span;
	u8			mask;
};

struct fuzz_scope {
	int			pkey;
	int			former;
	struct fuzz_span	span;
	struct fuzz_right	was;
	u8			access;
};

#define FUZZ_SCOPES	8

struct fuzz_thread;

struct fuzz_context {
	const char		*name;
	unsigned int		id;
	struct fuzz_thread	*thread;
	struct fuzz_right	rights[PKS_NUM_KEYS];
	struct fuzz_scope	scopes[FUZZ_SCOPES];
	unsigned int		nr_scopes;
	/* Its place in the page of each key: the last that it has written there. */
	u64			values[PKS_NUM_KEYS];
	/* Of the access under way: calls of a fault handler, and what that has opened. */
	unsigned int		handled;
	int			opened;
	/* Of an interrupt: where its steps come from, and is it still to come? */
	u32			seed;
	bool			due;
};

/* Rules of the model that can be made wrong, to see that it is noticed. */
enum fuzz_lie {
	FUZZ_TRUTH,
	FUZZ_LIE_LEAVE,
	FUZZ_LIE_RESET,
	FUZZ_LIE_INTERRUPT,
	FUZZ_LIE_READONLY,
	FUZZ_LIE_BUSY,
	FUZZ_LIE_WRITE,
	FUZZ_LIES,
};

extern enum fuzz_lie fuzz_lie;

/* The accesses that the context may have had, as bits. */
u8 fuzz_possible(const struct fuzz_right *right, int pkey, struct fuzz_span span);
bool fuzz_permits(u8 access, bool write);
void fuzz_right_set(struct fuzz_context *ctx, int pkey, u8 access, struct fuzz_span span);
void fuzz_right_maybe(struct fuzz_context *ctx, int pkey, u8 access,
		      struct fuzz_span span);
void fuzz_right_default(struct fuzz_context *ctx, int pkey);
void fuzz_right_give_back(struct fuzz_context *ctx, const struct fuzz_scope *scope,
			  struct fuzz_span span);

/* Of each key, what all contexts look at. */
struct fuzz_key {
	struct fuzz_history	key;
	struct fuzz_history	violations;
	struct mutex		mutex;		/* who changes one of the two */
	u64			*page;		/* always mapped, with this key */
	struct page		*frame;
	/* How often a context that is not its owner's thread may have opened it. */
	atomic_t		visits;
	/* How many are in a call that may open it. */
	atomic_t		visitors;
	/* Protected by fuzz.mutex: how often it is allocated, with what flags. */
	unsigned int		users;
	int			flags;
};

/* A place for a key that a thread has, or all have. */
struct fuzz_slot {
	struct mutex		mutex;		/* who gets or gives back its key */
	int			pkey;		/* 0: none */
};

struct fuzz_step {
	u32			nr;
	const char		*what;
	long			args[3];
	long			ret;
	const char		*context;
};

#define FUZZ_STEPS_KEPT	16

struct fuzz_domain;

struct fuzz_thread {
	unsigned int		nr;
	struct task_struct	*task;
	struct fuzz_context	contexts[FUZZ_CONTEXTS];
	struct fuzz_slot	slots[FUZZ_SLOTS + 1];
	struct fuzz_domain	*domain;
	u32			step;
	/* The last calls, for the complaint. */
	struct fuzz_step	kept[FUZZ_STEPS_KEPT];
	atomic_t		nr_kept;
	struct irq_work		irq_work;
	struct irq_work		tasklet_work;
	struct tasklet_struct	tasklet;
	struct hrtimer		hard;
	struct hrtimer		soft;
};

enum fuzz_count {
	FUZZ_CALLS,
	FUZZ_PROBES,
	FUZZ_EXACT,
	FUZZ_STOPPED,
	FUZZ_RESETS,
	FUZZ_INTERRUPTS,
	FUZZ_COUNTS,
};

struct fuzz {
	struct mutex		mutex;		/* keys are allocated and freed under it */
	struct fuzz_key		keys[PKS_NUM_KEYS];
	struct fuzz_slot	common[FUZZ_COMMON];
	struct fuzz_thread	*threads;
	unsigned int		nr_threads;
	atomic_t		counts[FUZZ_COUNTS];
	/* Accesses that a policy may decide; and who wants that there is none. */
	atomic_t		exposed;
	atomic_t		shields;
	atomic_t		failed;
	char			complaint[512];
};

extern struct fuzz fuzz;

static inline struct fuzz_context *fuzz_context(unsigned int id)
{
	return &fuzz.threads[id / FUZZ_CONTEXTS].contexts[id % FUZZ_CONTEXTS];
}

/* The thread itself, and not an interrupt. */
static inline bool fuzz_is_thread(const struct fuzz_context *ctx)
{
	return ctx == &ctx->thread->contexts[0];
}

static inline u32 fuzz_pick(struct rnd_state *rnd, u32 below)
{
	return prandom_u32_state(rnd) % below;
}

static inline bool fuzz_one_in(struct rnd_state *rnd, u32 n)
{
	return !fuzz_pick(rnd, n);
}

static inline void fuzz_count(enum fuzz_count what)
{
	atomic_inc(&fuzz.counts[what]);
}

/* main.c: a call and its outcome; and that something is not as the model says. */
void fuzz_did(struct fuzz_context *ctx, const char *what, long a, long b, long c, long ret);
__printf(2, 3) void fuzz_fail(struct fuzz_context *ctx, const char *fmt, ...);
void fuzz_rnd_init(struct rnd_state *rnd, u32 seed, u32 a, u32 b);

/* scopes.c: steps of any context. */
void fuzz_scope_step(struct fuzz_context *ctx, struct rnd_state *rnd);
void fuzz_look(struct fuzz_context *ctx);
/* A key, anybody's or nobody's. */
int fuzz_any_key(struct fuzz_context *ctx, struct rnd_state *rnd);
int fuzz_bad_key(struct rnd_state *rnd);
void fuzz_leave_all(struct fuzz_context *ctx);
/* An update was asked for, and @ret came of it: is that right, and was it done? */
bool fuzz_updated(struct fuzz_context *ctx, const char *what, int pkey,
		  struct fuzz_span span, int ret, bool waits);

/* keys.c: steps of a thread about keys. */
void fuzz_key_step(struct fuzz_context *ctx, struct rnd_state *rnd);
void fuzz_keys_end(void);
/* Under fuzz.mutex: the next allocation will give this, or an error. */
int fuzz_next_key(int flags);
/* Under fuzz.mutex: @pkey will be allocated, or freed, and was. */
void fuzz_key_comes(int pkey, int flags);
void fuzz_key_goes(int pkey);
void fuzz_key_changed(int pkey);
/* Around a call that may open @pkey; does it count as a visit? Any context. */
void fuzz_visit_begin(int pkey);
void fuzz_visit_end(int pkey, bool counts);
bool fuzz_visited(int pkey);

/* probe.c */
void fuzz_probe_step(struct fuzz_context *ctx, struct rnd_state *rnd);
void fuzz_probe(struct fuzz_context *ctx, int pkey, u64 *addr, u64 value, bool write);
enum pks_fault_action fuzz_fault(const struct pks_fault_info *info,
				 struct pt_regs *regs, void *data);
void fuzz_shield(void);
void fuzz_unshield(void);

/* contexts.c */
void fuzz_interrupt_step(struct fuzz_context *ctx, struct rnd_state *rnd);
void fuzz_contexts_init(struct fuzz_thread *thread);
void fuzz_contexts_end(struct fuzz_thread *thread);

/* memory.c */
void fuzz_memory_step(struct fuzz_context *ctx, struct rnd_state *rnd);
void fuzz_memory_look(struct fuzz_context *ctx, struct rnd_state *rnd);
int fuzz_memory_init(struct fuzz_thread *thread);
void fuzz_memory_end(struct fuzz_thread *thread);

#endif /* PKS_FUZZ_H */
