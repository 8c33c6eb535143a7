/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PKRS update protocol of pks.ko, for spin. README.md says what maps to what;
 * run.sh runs it. One d_step is one instruction as far as others can tell; the
 * comments name the functions of the code.
 *
 * Which contexts exist:	THREADS (1, 2), DEPTH and DEPTH1 of their scopes,
 *				ANY_ACCESS, MAKE, OTHER_KEY, IRQ, NESTED, SOFTIRQ,
 *				NMI, LOCAL, TAKE_TURNS, ONE_CPU; or WAITS
 * Which resets happen:		SETDEF, SETDEF2 (to what access), FREE, FREE2;
 *				START_RO; TRACED
 * Which protocol is broken:	see README.md
 */
#ifndef THREADS
#define THREADS	2
#endif
#ifndef DEPTH
#define DEPTH	1		/* scopes that a thread nests */
#endif
#ifndef DEPTH1
#define DEPTH1	1		/* the same for the second thread */
#endif

/* enum pks_access */
#define RW	0
#define NOACC	1
#define RO	2

/* AD and WD both: as closed as NOACC, and what a word may be halfway. */
#define SHUT	3

/* The word: two flags, two bits of key A (which is reset), two of key B. */
#define BUSY	1
#define SLOW	2
#define FLAGS	3
#define ALL	63
#define SHA	2
#define SHB	4
#ifdef START_RO			/* key A's default: all may read */
#define CLOSED	((RO << SHA) | (NOACC << SHB))
#else
#define CLOSED	((NOACC << SHA) | (NOACC << SHB))
#endif
#ifdef NO_SLOW_UNKEPT
#define UNKEPT	0
#else
#define UNKEPT	SLOW		/* the flag of a word that nobody keeps */
#endif
#define UNSAVED	255

#define WITH(w, sh, a)	(((w) & ~(3 << (sh))) | ((a) << (sh)))
#define ACCESS(w, sh)	(((w) >> (sh)) & 3)
#define RIGHTS(w)	((w) & ~FLAGS)

/* What runs on a CPU now: a higher one has interrupted a lower one. */
#define L_THREAD	0
#define L_SCHED		1
#define L_SOFTIRQ	2
#define L_IRQ0		3
#define L_IRQ1		4
#define L_NMI		5
#define L_NOWHERE	9
#define OFF		2	/* "CPU" of a thread that is on none */
#define NOBODY		9

/* By CPU: pks_pkrs, the MSR, and struct pks_cpu. */
byte word[2] = CLOSED | UNKEPT;
byte msr[2] = CLOSED;
byte cepoch[2];
byte irq_saved[4] = UNSAVED;	/* 2 * cpu + level */
byte softirq_saved[2] = UNSAVED;

/* By CPU: who runs. lvl[OFF] never lets anyone run. */
byte lvl[3];
bool irqoff[2];
byte who[2] = NOBODY;

/* By thread: where it is, has it a record, struct pks_thread. */
byte at[2] = OFF;
bool rec[2];
byte tword[2];
byte tepoch[2];

/*
 * Of A __pks_closed (SHUT: PKS_GATE_SHUT), __pks_keep, the number, whether it is in
 * a life that is lived; pks_default, pks_key_epoch[A], pks_epoch, the IPIs.
 */
byte gate = ACCESS(CLOSED, SHA);
byte keep = ACCESS(CLOSED, SHA);
byte gen = 1;
bool live = 1;
byte dflt = CLOSED;
byte key_epoch;
byte epoch;
bool ipi[2];
/* pks_slow_flag(), and whose IPIs the tracer still waits for. */
#ifdef TRACED
bool traced;
bool refresh[2];
#define SLOW_FLAG	(traced -> SLOW : 0)
#else
#define SLOW_FLAG	0
#endif

/*
 * What ought to be: of each scope on key A, how it stands to the resets. A reset
 * is from the change of the number to the return of pks_reset().
 */
#define NONE	0
#define LIVE	1	/* asked for since the last reset: exactly this is in the MSR */
#define DOOMED	2	/* a reset has begun since: this or the default */
#define DEAD	3	/* a reset has ended since: the default */
#define DURING	4	/* asked for while a reset is under way: likewise */
#define SCOPES	10
#define G_THREAD(t, d)	(2 * (t) + (d))
#define G_IRQ(c, l)	(4 + 2 * (c) + (l))
#define G_SOFTIRQ(c)	(8 + (c))
byte scope[SCOPES];
bool resetting;
bool nobodys;		/* from the begin of a free to the next allocation */

/* The properties, by name; true, or spin stops. */
bool thread_access = 1, in_window = 1, handler_access = 1, given_back = 1;
bool msr_is_word = 1, refused_rightly = 1, nmi_access = 1;

byte former_default = NOACC;

#ifdef WAITS
/* A spinlock that threads take with interrupts on, and others with them off. */
bool locked;
#ifdef WAIT_LOCKED
#define HELD	0
#else
#define HELD	locked
#endif
#else
#define HELD	0
#endif

/*
 * With interrupts off only an NMI can look at what is this CPU's own: where there
 * are none, a step goes from one look at what is everyone's to the next.
 */
#ifdef NMI
#define NMI_POINT(GO)	} d_step { GO ->
#else
#define NMI_POINT(GO)
#endif

#define MA(c)		ACCESS(msr[c], SHA)
#define MB(c)		ACCESS(msr[c], SHB)
#define IS_DEFAULT(m)	((m) == ACCESS(dflt, SHA) || \
			 (resetting && (m) == former_default))
#define ALLOWED(m, s, a)				\
	(((s) == LIVE && (m) == (a)) ||			\
	 ((s) == DEAD && IS_DEFAULT(m)) ||		\
	 (((s) == DOOMED || (s) == DURING) && ((m) == (a) || IS_DEFAULT(m))))

/* ---- pks_switch_word(): two instructions. */
#ifdef NO_BUSY
#define MSR_LAGS(o, n)	(RIGHTS(o) != RIGHTS(n))
#else
#define MSR_LAGS(o, n)	(RIGHTS(o) != RIGHTS(n) || ((o) & BUSY))
#endif
#ifdef MSR_BEFORE_WORD
#define SWITCH(c, GO, o, n)						\
	msr[c] = (MSR_LAGS(o, n) -> RIGHTS(n) : msr[c]);		\
	NMI_POINT(GO)							\
	word[c] = n
#else
#define SWITCH(c, GO, o, n)						\
	word[c] = n;							\
	NMI_POINT(GO)							\
	msr[c] = (MSR_LAGS(o, n) -> RIGHTS(n) : msr[c])
#endif

/*
 * ---- __pks_enter(), pks_leave(), pks_mk_noaccess(), __pks_commit(),
 * __pks_enter_slow(), __pks_leave_slow(): give access @acc to the key at @sh. C: the
 * CPU; GO: is it our turn; me: the thread, or NOBODY. pc is the instruction that comes
 * next. g, the number, is 0 in what a fast enter returns, and its leave takes.
 */
#define P_DONE		0
#define P_GATE		1
#define P_WORD		2
#define P_FLAGS		3
#define P_OR		4
#define P_KEEP		5
#define P_AND		6
#define P_MOV		7
#define P_WRMSR		8
#define P_CMP		9
#define P_CLEAR		10
#define P_HAS		11
#define P_HAS_WORD	12
#define P_BACK_OUT	13
#define P_AWAIT		14
#define P_AWAIT_LIVE	15
#define P_AWAIT_MORE	16
#define P_ATTACH	17
#define P_SLOW		18
#define P_SLOW_DEFAULT	19
#define P_WRITE		20
#define P_BACK_OUT_LATE	21

/* Of key B, which is never reset. */
#define NUMBER(sh)	((sh) == SHB -> 1 : gen)
#define GATE(sh)	((sh) == SHB -> NOACC : gate)
#define KEEP(sh)	((sh) == SHB -> NOACC : keep)

/* A handler, interrupts off, or a lock held: no place to wait for a reset. */
#define CANT_WAIT(C)	(me == NOBODY || irqoff[C] || HELD)

#define UPDATE_VARS(who, key)						\
	byte me = who, sh = key, d, mine[2], fac[2], fgen[2];		\
	byte pc, acc, g, old, new, fa;					\
	bool ok, leaving, make, was_off

#define TGO	lvl[at[me]] == L_THREAD
#define TOP	G_THREAD(me, d - 1)

/* What a thread may have, in register @r (msr or word), outside of its own updates. */
#define THREAD_RIGHT(r)							\
	(sh == SHA ->							\
	 ((d == 0 -> IS_DEFAULT(ACCESS(r[at[me]], SHA)) :		\
		     ALLOWED(ACCESS(r[at[me]], SHA), scope[TOP], mine[d - 1])) && \
	  ACCESS(r[at[me]], SHB) == NOACC) :				\
	 (IS_DEFAULT(ACCESS(r[at[me]], SHA)) &&				\
	  ACCESS(r[at[me]], SHB) == (d == 0 -> NOACC : mine[d - 1])))

#define MSR_IS_WORD(c)	(msr[c] == RIGHTS(word[c]))

/*
 * And inside: its word has what it had before, what this update asks for (which is
 * looked at again before the update is through), the default, or nothing at all; and
 * the MSR differs from the word only while that is BUSY. Where a reset came between
 * the two instructions that change the word, its bits may be any, and the word is
 * BUSY and SLOW until they are taken out.
 */
#ifdef ONLY_ACCESS
#define CHECK(property, is)	skip
#else
#define CHECK(property, is)	property = (is); assert(property)
#endif
#ifdef STRICT_WINDOW
#define HALFWAY(c)	0
#else
#define HALFWAY(c)	((word[c] & FLAGS) == FLAGS && pc >= P_MOV)
#endif
inline window() {
	CHECK(in_window, me == NOBODY || irqoff[at[me]] ||
		((THREAD_RIGHT(word) || ACCESS(word[at[me]], sh) == acc ||
		  ACCESS(word[at[me]], sh) == SHUT || HALFWAY(at[me]) ||
		  (leaving && (sh == SHB ||
		    ALLOWED(ACCESS(word[at[me]], SHA), scope[G_THREAD(me, d)], mine[d])))) &&
		 ((word[at[me]] & BUSY) || MSR_IS_WORD(at[me]))))
}

/* What is asked for now counts as asked for after all resets so far. */
#define ASKED(G)	scope[G] = (resetting && sh == SHA -> DURING : LIVE)

#define DONE	pc = P_DONE; old = 0; new = 0

/* pks_settle() */
#define SETTLED(w, sh, a)	((WITH(w, sh, a) & ~FLAGS) | SLOW_FLAG)

/* A key that is someone's is refused only where its reset can't be waited for. */
#ifdef ONLY_REFUSAL
#define REFUSED(is)	ok = 0; refused_rightly = (is); assert(refused_rightly); DONE
#else
#define REFUSED(is)	ok = 0; CHECK(refused_rightly, is); DONE
#endif

/* An own word that is BUSY here has not been brought to an end. */
#ifdef NO_BACK_OUT
#define AFTER_HAS(C)	P_AWAIT
#else
#define AFTER_HAS(C)	(word[C] & BUSY -> P_BACK_OUT : P_AWAIT)
#endif

/* What is to be noted when an update is through. */
inline through(S) {
	if
	:: leaving -> mine[d] = 0; fac[d] = 0; fgen[d] = 0; scope[S] = NONE
	:: make && ok -> mine[d - 1] = acc; scope[TOP] = scope[S]; scope[S] = NONE
	:: !leaving && !make && ok -> mine[d] = acc; fac[d] = fa; fgen[d] = g; d++
	:: !leaving && !ok -> scope[S] = NONE
	fi;
	acc = 0; g = 0; fa = 0; ok = 0; leaving = 0; make = 0
}

inline update(C, GO, G) {
	do
	/* __pks_enter(): the word has been read, then the gate; or the other way round */
	:: d_step { pc == P_GATE && (GO) ->
		window();
		if
		:: GATE(sh) == old -> ASKED(G); pc = P_OR
		:: else -> pc = P_HAS
		fi;
		old = 0
	}
	:: d_step { pc == P_WORD && (GO) ->
		window();
		pc = ((word[C] & FLAGS) == 0 && ACCESS(word[C], sh) == old -> P_OR : P_HAS);
		old = 0
	}
	/* pks_leave() */
	:: d_step { pc == P_FLAGS && (GO) ->
		window();
#ifdef LEAVE_NO_FLAG_CHECK
		pc = P_OR
#else
		pc = ((word[C] & FLAGS) == 0 -> P_OR : P_HAS);
		old = (pc == P_OR -> old : 0)
#endif
	}
	:: d_step { pc == P_OR && (GO) ->
		window();
		ok = 1;
		word[C] = word[C] | ((leaving -> SHUT : acc) << sh) | BUSY;
		pc = (make && acc == NOACC -> P_MOV : (leaving && !old -> P_KEEP : P_AND))
	}
	:: d_step { pc == P_KEEP && (GO) ->
		window();
		old = WITH(ALL, sh, KEEP(sh));
		pc = P_AND
	}
	:: d_step { pc == P_AND && (GO) ->
		window();
		word[C] = word[C] & (leaving -> old : WITH(ALL, sh, acc));
		old = 0;
		pc = P_MOV
	}
	/* __pks_commit() */
	:: d_step { pc == P_MOV && (GO) ->
		window();
		new = RIGHTS(word[C]);
		pc = P_WRMSR
	}
	:: d_step { pc == P_WRMSR && (GO) ->
		window();
		msr[C] = new;
#if defined(NO_REREAD) || defined(CLEAR_FIRST)
		pc = P_CLEAR
#else
		pc = P_CMP
#endif
	}
	:: d_step { pc == P_CMP && (GO) ->
		window();
#ifdef CLEAR_FIRST
		if
		:: word[C] == new -> DONE
		:: else -> pc = (leaving -> P_HAS : P_BACK_OUT); new = 0
		fi
#else
		pc = (word[C] == (new | BUSY) -> P_CLEAR : P_HAS);
		new = 0
#endif
	}
	:: d_step { pc == P_CLEAR && (GO) ->
		window();
		word[C] = word[C] & ~BUSY;
#ifdef CLEAR_FIRST
		pc = P_CMP
#else
		DONE
#endif
	}
	/* __pks_enter_slow(), __pks_leave_slow(): pks_has(), */
	:: d_step { pc == P_HAS && (GO) ->
		window();
		ok = 1;
		if
		:: leaving ->
			pc = (g && NUMBER(sh) == g -> P_HAS_WORD : P_SLOW);
			g = (pc == P_HAS_WORD -> g : 0)	/* it does not come back */
		:: else ->
			g = NUMBER(sh);
			if
			:: g -> ASKED(G); pc = P_HAS_WORD
			:: else -> pc = AFTER_HAS(C)
			fi
		fi
	}
	:: d_step { pc == P_HAS_WORD && (GO) ->
		window();
		if
		:: (word[C] & FLAGS) == 0 && ACCESS(word[C], sh) == acc -> fa = acc; DONE
		:: else ->
			pc = (leaving -> P_SLOW : AFTER_HAS(C));
			g = (leaving -> g : 0)
		fi
	}
	/* pks_back_out(), */
#ifdef BACK_OUT_EARLY
	:: d_step { pc == P_BACK_OUT && (GO) ->
		new = ACCESS(dflt, sh);
		pc = P_BACK_OUT_LATE
	}
	:: d_step { pc == P_BACK_OUT_LATE && (GO) ->
		old = word[C];
		new = SETTLED(old, sh, new);
		SWITCH(C, GO, old, new);
		DONE;
		pc = P_AWAIT
	}
#else
	:: d_step { pc == P_BACK_OUT && (GO) ->
		window();
		was_off = irqoff[C];
		irqoff[C] = 1;
		old = word[C];
		NMI_POINT(GO)
		new = SETTLED(old, sh, ACCESS(dflt, sh));
		SWITCH(C, GO, old, new);
		NMI_POINT(GO)
		irqoff[C] = was_off;
		was_off = 0;
		DONE;
		pc = P_AWAIT
	}
#endif
	/* pks_enter_checked(): pks_await_gen(), */
	:: d_step { (pc == P_AWAIT || (pc == P_AWAIT_MORE && (gen || !live))) && (GO) ->
		window();
		g = NUMBER(sh);
		if
		:: g -> ASKED(G); pc = (me != NOBODY && rec[me] -> P_SLOW : P_ATTACH)
		:: else -> pc = P_AWAIT_LIVE
		fi
	}
	:: d_step { pc == P_AWAIT_LIVE && (GO) ->
		window();
		if
		:: live && !CANT_WAIT(C) -> pc = P_AWAIT_MORE
		:: else -> REFUSED(nobodys || CANT_WAIT(C))
		fi
	}
	/* pks_make_kept(), */
	:: d_step { pc == P_ATTACH && (GO) ->
		window();
		if
		:: me != NOBODY -> rec[me] = 1; pc = P_SLOW
#ifdef ATTACH_HANDLER
		:: else -> REFUSED(nobodys || (live && !gen))
#else
		:: else -> pc = P_SLOW
#endif
		fi
	}
	/* and pks_enter_irqsoff(); pks_leave_checked() */
	:: d_step { pc == P_SLOW && (GO) ->
		window();
		was_off = irqoff[C];
		irqoff[C] = 1;
		old = word[C];
		NMI_POINT(GO)
		if
		:: g && NUMBER(sh) == g ->
			fa = ACCESS(old, sh);
			new = SETTLED(old, sh, acc);
			pc = P_WRITE
		:: leaving && !g ->
			new = SETTLED(old, sh, ACCESS(dflt, sh));
			pc = P_WRITE
		:: leaving && g && NUMBER(sh) != g -> pc = P_SLOW_DEFAULT
		:: else -> pc = P_AWAIT; irqoff[C] = was_off; was_off = 0; old = 0; g = 0
		fi
	}
	:: d_step { pc == P_SLOW_DEFAULT && (GO) ->
		new = SETTLED(old, sh, ACCESS(dflt, sh));
		pc = P_WRITE
	}
	:: d_step { pc == P_WRITE && (GO) ->
		SWITCH(C, GO, old, new);
		NMI_POINT(GO)
		irqoff[C] = was_off;
		was_off = 0;
		DONE
	}
	:: atomic { pc == P_DONE -> through(G); break }
	od
}

/*
 * The first instruction of pks_enter(): a look at the word or at the gate, in the
 * order that the compiler likes.
 */
inline begin(C, sh, G) {
	leaving = 0;
	ASKED(G);
	if
	:: (word[C] & FLAGS) == 0 -> old = ACCESS(word[C], sh); pc = P_GATE
	:: GATE(sh) != SHUT -> old = GATE(sh); pc = P_WORD
	:: (word[C] & FLAGS) || GATE(sh) == SHUT -> pc = P_HAS
	fi;
	/* what is the default is not asked for in the fast path */
	if
	:: pc != P_HAS && old == acc -> pc = P_HAS; old = 0
	:: else
	fi
}

/* Of pks_mk_noaccess(): is it read-write? */
inline begin_make(C, sh, G) {
	leaving = 0;
	ASKED(G);
	pc = ((word[C] & FLAGS) == 0 && ACCESS(word[C], sh) == RW -> P_OR : P_HAS)
}

/* Of pks_leave(): the default is looked up early or late. @g: 0 after a fast enter. */
inline begin_leave(sh) {
	leaving = 1;
	if
	:: g == 0 -> pc = P_FLAGS
	:: g == 0 -> old = WITH(ALL, sh, KEEP(sh)); pc = P_FLAGS
	:: g -> pc = P_HAS
	fi
}

/* ---- A thread: any sequence of nested scopes, with an access between any two. */
inline thread_body(depth) {
	do
	:: d_step { TGO -> thread_access = THREAD_RIGHT(msr); assert(thread_access) }
	:: atomic { (d > 0 || depth > 0) && TGO ->
		if
		:: d < depth -> acc = RW; begin(at[me], sh, G_THREAD(me, d))
#ifdef ANY_ACCESS
		:: d < depth -> acc = RO; begin(at[me], sh, G_THREAD(me, d))
		:: d < depth -> acc = NOACC; begin(at[me], sh, G_THREAD(me, d))
#else
		:: d > 0 && d < depth -> acc = RO; begin(at[me], sh, G_THREAD(me, d))
#endif
#ifdef MAKE
		:: d > 0 -> acc = RW; make = 1; begin(at[me], sh, G_THREAD(me, d))
		:: d > 0 -> acc = NOACC; make = 1; begin_make(at[me], sh, G_THREAD(me, d))
#endif
		:: d > 0 -> d--; acc = fac[d]; g = fgen[d]; begin_leave(sh)
		fi
		}
		update(at[me], TGO, G_THREAD(me, d))
	od
}

proctype thread0() {
	UPDATE_VARS(0, SHA);
	thread_body(DEPTH)
}

#ifdef OTHER_KEY
#define SH1	SHB
#else
#define SH1	SHA
#endif
proctype thread1() {
	UPDATE_VARS(1, SH1);
	thread_body(DEPTH1)
}

/* ---- The scheduler of a CPU: pks_sched_out(), any other thread or none, pks_sched_in(). */
#define SGO	lvl[c] == L_SCHED
#ifdef TAKE_TURNS		/* threads share CPUs, but no two run at a time */
#define FREE_TO_RUN(c)	(who[1 - c] == NOBODY)
#else
#define FREE_TO_RUN(c)	1
#endif

/* pks_cpu_verify() */
#define VERIFY(c, w)							\
	CHECK(msr_is_word, ((w) & BUSY) || msr[c] == RIGHTS(w));	\
	msr[c] = (!((w) & BUSY) -> RIGHTS(w) : msr[c])

/* Reads the default and the epochs that other CPUs change. */
inline sched_in(c, t) {
	/* finish_task_switch(): interrupts are on until pks_sched_in() masks them. */
	d_step { SGO && !irqoff[c] -> irqoff[c] = 1;
		w = word[c];
		NMI_POINT(SGO)
		VERIFY(c, w);
		n = tword[t];
#ifndef NO_SLOW_SCHED_IN
		n = (tepoch[t] != cepoch[c] -> n | SLOW : n);
#endif
		fold = (tepoch[t] != cepoch[c] && key_epoch > tepoch[t]) }
	d_step { SGO ->
		n = (fold -> WITH(n, SHA, ACCESS(dflt, SHA)) : n);
		n = n | SLOW_FLAG;
		w = word[c];
		NMI_POINT(SGO)
		SWITCH(c, SGO, w, n);
		NMI_POINT(SGO)
		irqoff[c] = 0; lvl[c] = L_THREAD; t = NOBODY; w = 0; n = 0; fold = 0 }
}

proctype sched(byte c) {
	byte t = NOBODY, w, n;
	bool fold;

	do
	:: d_step { lvl[c] == L_THREAD && !irqoff[c] &&
		    (who[c] != NOBODY || (FREE_TO_RUN(c) &&
		     (at[0] == OFF || (THREADS > 1 && at[1] == OFF)))) ->
		lvl[c] = L_SCHED; irqoff[c] = 1; t = who[c] }
	   if
	   :: t != NOBODY && rec[t] ->
		d_step { SGO -> w = word[c];
			NMI_POINT(SGO)
			VERIFY(c, w);
			tword[t] = w;
#ifdef GLOBAL_EPOCH
			tepoch[t] = epoch;
#else
			tepoch[t] = cepoch[c];
#endif
		}
		d_step { SGO -> n = dflt | UNKEPT;
			SWITCH(c, SGO, w, n);
			w = 0; n = 0 }
	   :: else
	   fi;
	   atomic { SGO -> irqoff[c] = 0;
		if
		:: t != NOBODY -> at[t] = OFF
		:: else
		fi;
		who[c] = NOBODY; t = NOBODY;
		if
		:: at[0] == OFF && FREE_TO_RUN(c) -> t = 0
		:: THREADS > 1 && at[1] == OFF && FREE_TO_RUN(c) -> t = 1
		:: t = NOBODY
		fi;
		if
		:: t != NOBODY -> at[t] = c; who[c] = t
		:: else
		fi;
		if
		:: t != NOBODY && rec[t] -> skip
		:: else -> lvl[c] = L_THREAD; t = NOBODY
		fi
	   }
	   if
	   :: t != NOBODY -> sched_in(c, t)
	   :: else
	   fi
	od
}

/* ---- Interrupts. pks_isolate() and pks_restore(), with interrupts off. */
#ifdef NO_ISOLATE
#define HANDLER_WORD	(w & ~FLAGS)
#else
#define HANDLER_WORD	(dflt | SLOW_FLAG)
#endif

#define ISOLATE(c, GO, SAVED)						\
	w = word[c]; SAVED = w; was = w; had_epoch = cepoch[c];		\
	NMI_POINT(GO)							\
	n = HANDLER_WORD;						\
	SWITCH(c, GO, w, n);						\
	NMI_POINT(GO)							\
	w = 0; n = 0

/* What it had, flags and all, but for the key of a reset that came by, and SLOW. */
#ifdef TRACED
#define REFRESHED(c)	traced
#else
#define REFRESHED(c)	0
#endif
#define RESTORE(c, GO, SAVED)						\
	n = SAVED; SAVED = UNSAVED; w = word[c];			\
	CHECK(given_back, n == was || (REFRESHED(c) && n == (was | SLOW)) || \
			  (cepoch[c] != had_epoch &&			\
			   WITH(n, SHA, 0) == (WITH(was, SHA, 0) | SLOW))); \
	NMI_POINT(GO)							\
	SWITCH(c, GO, w, n);						\
	NMI_POINT(GO)							\
	w = 0; n = 0; was = 0; had_epoch = 0

#ifdef NO_SLOW_IN_FOLD
#define TOO_LATE	0
#else
#define TOO_LATE	SLOW
#endif
#ifdef NO_SLOW_SAVED
#define TOO_LATE_SAVED	0
#else
#define TOO_LATE_SAVED	TOO_LATE
#endif
#define FOLD(w)		(key_epoch > cepoch[c] ->			\
			 WITH(w, SHA, ACCESS(dflt, SHA)) : (w))
#define FOLD_SAVED(w)	((w) == UNSAVED -> UNSAVED : FOLD(w) | TOO_LATE_SAVED)

#ifdef NO_FOLD_SAVED
#define FOLD_ALL_SAVED(c)
#else
#define FOLD_ALL_SAVED(c)						\
	irq_saved[2 * c] = FOLD_SAVED(irq_saved[2 * c]);		\
	irq_saved[2 * c + 1] = FOLD_SAVED(irq_saved[2 * c + 1]);	\
	softirq_saved[c] = FOLD_SAVED(softirq_saved[c]);
#endif

/* pks_fold_this_cpu(). The one who resets waits, so nothing global changes. */
#define FOLD_THIS_CPU(c, GO)						\
	w = word[c];							\
	NMI_POINT(GO)							\
	FOLD_ALL_SAVED(c)						\
	n = FOLD(w) | TOO_LATE;						\
	SWITCH(c, GO, w, n);						\
	NMI_POINT(GO)							\
	cepoch[c] = epoch; ipi[c] = 0; w = 0; n = 0

/* What a handler may find in the MSR, from the default on. */
#define HANDLER_RIGHT(G)	((d > 0 -> ALLOWED(MA(c), scope[G], RW) :	\
				  IS_DEFAULT(MA(c))) && MB(c) == NOACC)

/* A handler's body: it may open the key, once, and always closes it. */
inline handler(c, GO, G) {
	atomic { GO -> handler_access = HANDLER_RIGHT(G); assert(handler_access) }
	if
	:: atomic { GO -> acc = RW; begin(c, SHA, G) }
		do
		:: update(c, GO, G);
			if
			:: d > 0 ->
				atomic { GO -> handler_access = HANDLER_RIGHT(G); assert(handler_access) }
				atomic { GO -> d--; acc = fac[0]; g = fgen[0]; begin_leave(SHA) }
			:: else -> break
			fi
		od;
		atomic { GO -> handler_access = HANDLER_RIGHT(G); assert(handler_access) }
	:: skip
	fi
}

/* pks_irq_enter(), a handler or the IPI of a reset, pks_irq_exit(). */
#define IGO	lvl[c] == L_IRQ0 + level

proctype irq(byte c; byte level) {
	UPDATE_VARS(NOBODY, SHA);
	byte w, n, was, had_epoch, prev;

end:	do
	/* Another CPU's reset. */
	:: d_step { ipi[c] && !irqoff[c] && lvl[c] < L_IRQ0 + level &&
		    (level == 0 || lvl[c] == L_IRQ0) ->
		prev = lvl[c]; lvl[c] = L_IRQ0 + level; irqoff[c] = 1;
		ISOLATE(c, IGO, irq_saved[2 * c + level]);
		FOLD_THIS_CPU(c, IGO);
		RESTORE(c, IGO, irq_saved[2 * c + level]);
		lvl[c] = prev; irqoff[c] = 0; prev = 0 }
#ifdef LOCAL
	/* A reset by the running thread: on_each_cpu() calls without an interrupt. */
	:: d_step { ipi[c] && !irqoff[c] && lvl[c] == L_THREAD && level == 0 ->
		lvl[c] = L_IRQ0; irqoff[c] = 1;
		FOLD_THIS_CPU(c, IGO);
		lvl[c] = L_THREAD; irqoff[c] = 0 }
#endif
#ifdef IRQ
	:: d_step { c < IRQ && who[c] != NOBODY && !irqoff[c] && lvl[c] < L_IRQ0 + level &&
		    (level == 0 || lvl[c] == L_IRQ0) ->
		prev = lvl[c]; lvl[c] = L_IRQ0 + level; irqoff[c] = 1;
		ISOLATE(c, IGO, irq_saved[2 * c + level]);
#ifdef NESTED
		irqoff[c] = 0
#endif
	   }
	   handler(c, IGO, G_IRQ(c, level));
	   d_step { IGO ->
		irqoff[c] = 1;
		RESTORE(c, IGO, irq_saved[2 * c + level]);
		lvl[c] = prev; irqoff[c] = 0; prev = 0 }
#endif
	od
}

/* pks_softirq_entry(), the action with interrupts on, pks_softirq_exit(). */
#define QGO	lvl[c] == L_SOFTIRQ

proctype softirq(byte c) {
	UPDATE_VARS(NOBODY, SHA);
	byte w, n, was, had_epoch, prev;

	do
	:: d_step { who[c] != NOBODY && !irqoff[c] && lvl[c] < L_SOFTIRQ ->
		prev = lvl[c]; lvl[c] = L_SOFTIRQ; irqoff[c] = 1;
		ISOLATE(c, QGO, softirq_saved[c]);
		irqoff[c] = 0 }
	   handler(c, QGO, G_SOFTIRQ(c));
	   d_step { QGO && !irqoff[c] ->
		irqoff[c] = 1;
		RESTORE(c, QGO, softirq_saved[c]);
		lvl[c] = prev; irqoff[c] = 0; prev = 0 }
	od
}

/* pks_nmi_first(), an access, pks_nmi_last(): at any point, interrupts on or off. */
#define NGO	lvl[c] == L_NMI
#ifdef NMI_BY_WORD
#define NMI_WRITES(o, n)	MSR_LAGS(o, n)
#else
#define NMI_WRITES(o, n)	1
#endif

proctype nmi(byte c) {
	byte prev, w;

	do
	:: d_step { lvl[c] < L_NMI ->
		prev = lvl[c]; lvl[c] = L_NMI;
		w = word[c];
		word[c] = dflt | SLOW }
	   d_step { NGO -> msr[c] = (NMI_WRITES(w, word[c]) -> dflt : msr[c]) }
	   d_step { NGO ->
		nmi_access = (IS_DEFAULT(MA(c)) && MB(c) == NOACC);
		assert(nmi_access);
		msr[c] = (NMI_WRITES(word[c], w) -> RIGHTS(w) : msr[c]);
		word[c] = w;
		lvl[c] = prev; prev = 0; w = 0 }
	od
}

/* ---- pks_reset(), with pks_key_drop_user(), pks_key_set_default(), pks_key_begin(). */
/* Nothing is opened by way of a default of all access. */
inline number(n) {
	d_step { gate = SHUT; gen = n; nobodys = 0 }
#ifdef KEEP_LATE
	d_step { keep = ACCESS(dflt, SHA) }
#endif
	d_step { gate = (n && ACCESS(dflt, SHA) != RW -> ACCESS(dflt, SHA) : SHUT) }
}

inline reset_begin() {
	d_step {
#ifndef GATE_LATE
		gate = SHUT;
#endif
		resetting = 1;
		former_default = ACCESS(dflt, SHA);
		i = 0;
		do
		:: i < SCOPES ->
			if
			:: scope[i] == LIVE || scope[i] == DURING -> scope[i] = DOOMED
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	}
	d_step { gen = 0 }
}

inline reset(access) {
	d_step { key_epoch = epoch + 1 }
	d_step { dflt = WITH(dflt, SHA, access) }
#ifndef KEEP_LATE
	d_step { keep = access }
#endif
	/* The epoch is read by those IPIs only. */
	d_step { epoch = epoch + 1; ipi[0] = 1; ipi[1] = 1 }
	d_step { !ipi[0] && !ipi[1] ->
		resetting = 0;
		former_default = NOACC;
		do
		:: i < SCOPES ->
			if
			:: scope[i] == DOOMED -> scope[i] = DEAD
#ifndef GATE_EARLY
			:: scope[i] == DURING -> scope[i] = DEAD
#endif
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	}
}

inline key_free() {
	d_step { live = 0; nobodys = 1 }
	reset_begin();
	reset(NOACC);
#ifdef KEEP_LATE
	d_step { keep = NOACC }
#endif
#ifdef GATE_LATE
	d_step { gate = SHUT }
#endif
}

/* By another owner. */
inline key_alloc(n) {
	d_step { live = 1 }
	number(n)
}

inline set_default(n, access) {
	reset_begin();
#ifdef GATE_EARLY
	d_step { gen = n }
	reset(access);
	number(n)
#else
#ifdef WAITS
	/* A softirq on top of the one who resets, and it takes the lock. */
	if
	:: !locked
	:: skip
	fi;
#endif
	reset(access);
	number(n)
#endif
}

proctype resets() {
	byte i;
#ifdef SETDEF
	set_default(2, SETDEF);
#endif
#ifdef SETDEF2
	set_default(3, SETDEF2);
#endif
#ifdef FREE
	key_free();
	key_alloc(4);
#endif
#ifdef FREE2
	key_free();
	key_alloc(5);
#endif
	skip
}

#ifdef TRACED
/* pks_trace_begin(), and the end; IPIs that come to a word without an interrupt. */
inline refreshed(c) {
	d_step { refresh[c] && !irqoff[c] && lvl[c] < L_NMI ->
		word[c] = word[c] | SLOW;
		irq_saved[2 * c] = (irq_saved[2 * c] == UNSAVED -> UNSAVED :
				    irq_saved[2 * c] | SLOW);
		refresh[c] = 0 }
}

proctype tracer() {
	do
	:: d_step { traced = 1; refresh[0] = 1; refresh[1] = 1 }
		refreshed(0);
		refreshed(1);
		d_step { traced = 0 }
	od
}
#endif

#ifdef WAITS
/*
 * ---- Does everyone get on? All have an end here, so that a state without a next one
 * is a deadlock. Threads that stay on their CPU open the key and close it, as they
 * are, with interrupts off, or with a spinlock held.
 */
proctype waiter() {
	UPDATE_VARS(0, SHA);
	byte i;

	do
	:: i < 2 ->
		if
		:: skip
		:: d_step { TGO -> irqoff[0] = 1 }
		:: d_step { TGO && !locked -> locked = 1 }
		fi;
		atomic { TGO -> acc = RW; begin(at[me], sh, G_THREAD(me, d)) }
		update(at[me], TGO, G_THREAD(me, d));
		atomic { TGO -> thread_access = THREAD_RIGHT(msr); assert(thread_access) }
		if
		:: atomic { d > 0 && TGO -> d--; acc = fac[d]; g = fgen[d]; begin_leave(sh) }
			update(at[me], TGO, G_THREAD(me, d))
		:: d == 0
		fi;
		atomic { TGO -> irqoff[0] = 0; locked = 0; i++ }
	:: else -> break
	od
}

/* On the other CPU, the lock is taken with interrupts off. */
proctype taker() {
	byte i;

	do
	:: i < 2 ->
		d_step { lvl[1] == L_THREAD && !irqoff[1] -> irqoff[1] = 1 }
		/* spins, then goes through its section */
		d_step { !locked -> irqoff[1] = 0; i++ }
	:: else -> break
	od
}
#endif

init {
	atomic {
		lvl[OFF] = L_NOWHERE;
#ifdef WAITS
		at[0] = 0;
		who[0] = 0;
		run waiter();
		run taker();
#else
		run thread0();
#if THREADS > 1
		run thread1();
#endif
		run sched(0);
#ifndef ONE_CPU
		run sched(1);
#endif
#endif
		run irq(0, 0);
		run irq(1, 0);
#ifdef NESTED
		run irq(0, 1);
#endif
#ifdef SOFTIRQ
		run softirq(0);
#endif
#ifdef NMI
		run nmi(0);
#endif
#ifdef TRACED
		run tracer();
#endif
		run resets()
	}
}
