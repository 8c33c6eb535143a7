/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attacks on a domain: each is a function that does what hostile or careless kernel
 * code could do. The victim uses nothing but linux/pks.h and linux/pks_domain.h.
 */
#ifndef PKS_ATTACKS_H
#define PKS_ATTACKS_H

#include <linux/completion.h>
#include <linux/pks_domain.h>
#include <linux/types.h>

/* What an attack has come to, or an error: then it could not be played. */
enum attack_outcome {
	ATTACK_STOPPED,
	ATTACK_THROUGH,
};

/**
 * struct attack - an attack
 * @name: that of its file in debugfs, and of its row in the file "expected"
 * @play: plays it; returns of &enum attack_outcome, or an error
 * @undo: takes back what it has left behind, if it leaves anything
 */
struct attack {
	const char	*name;
	int		(*play)(void);
	void		(*undo)(void);
};

/* Each ends with one that has no name. */
extern const struct attack attack_mappings[];
extern const struct attack attack_registers[];
extern const struct attack attack_contexts[];
extern const struct attack attack_keys[];
extern const struct attack attack_arguments[];
extern const struct attack attack_gadgets[];

/**
 * struct victim - who is attacked
 * @domain: closed to all but its owner
 * @shown: a domain that all may read
 * @other: a domain of the attacker's
 * @secret: what all of @domain's memory below holds; eight characters
 * @object: a small object
 * @page: a large page of the direct map
 * @area: a page of an area, mapped apart from the direct map
 * @own: a page that the owner had from vmalloc() before
 * @shown_area: an area of @shown
 * @mine: an object in @other
 *
 * Without PKS, or with enforce=0, all of it is ordinary memory.
 */
struct victim {
	struct pks_domain	*domain;
	struct pks_domain	*shown;
	struct pks_domain	*other;
	u64			secret;
	u64			*object;
	u64			*page;
	u64			*area;
	u64			*own;
	u64			*shown_area;
	u64			*mine;
};

extern struct victim victim;

/* victim.c */
int victim_make(void);
void victim_drop(void);
void victim_visit(void);
u64 victim_value(u64 *where);
int victim_restore(u64 *where);
bool stray_read(const u64 *where, u64 *value);
bool stray_write(u64 *where, u64 value);
bool stray_got(const u64 *where);
int stray_reach(u64 *where, u64 *owners);
int stray_plain(void);

/* contexts.c */
int contexts_init(void);
void contexts_exit(void);

/* A thread that does something, asleep when it has done it. */
struct attack_thread {
	struct task_struct	*task;
	void			(*fn)(void *data);
	void			*data;
	struct completion	done;
};

/* threads.c */
unsigned int attack_other_cpu(void);
int attack_begin(struct attack_thread *thread, int cpu, void (*fn)(void *data),
		 void *data);
void attack_end(struct attack_thread *thread);
int attack_on_cpu(int cpu, void (*fn)(void *data), void *data);

/* Is the victim protected at all? */
static inline bool victim_protected(void)
{
	return victim.domain->pkey;
}

#endif /* PKS_ATTACKS_H */
