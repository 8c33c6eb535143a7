#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: docs/model/run.sh [name]
#
# Has spin go through all states of pks.pml in each configuration, and reject each
# broken variant. One line for each; README.md says what they are. Needs spin and gcc.

set -euo pipefail

model=$(dirname "$(readlink -f "$0")")/pks.pml
only=${1:-}
number=0 failed=0

# What a rejected variant has to break: an access finds other rights than its own,
# a key that is someone's is refused without need, or nobody gets on.
broken='assertion violated (thread_access|handler_access|nmi_access|refused_rightly)|invalid end state'
# Most of the model goes on for ever, so that its blocked parts mean nothing.
ends=-E
# A counterexample is found sooner than compiled.
optimise=-O1

die() {
	echo "run.sh: $*" >&2
	exit 1
}

result() {
	number=$((number + 1))
	[ "$1" = ok ] || failed=$((failed + 1))
	echo "$1 $number - $2"
}

# explore <flags...>: into $work/out, what spin says of the model
explore() {
	(
		cd "$work"
		rm -f pan ./*.trail
		spin "$@" -a "$model" >out 2>&1 &&
			gcc "$optimise" -w -DSAFETY -DCOLLAPSE -DMEMLIM=3000 -o pan pan.c >>out 2>&1 &&
			./pan ${ends:+"$ends"} -m1000000 -w24 >>out 2>&1
	) || true
}

# The search ended by itself, and went all the way.
complete() {
	grep -q 'State-vector .* errors: 0$' "$work/out" &&
		grep -q '^pan: elapsed time' "$work/out" &&
		! grep -qE 'max search depth too small|out of memory|Search not completed|error:' "$work/out"
}

show_output() {
	sed 's/^/# /' "$work/out" | tail -20
}

states() {
	sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' "$work/out"
}

wanted() {
	[ -z "$only" ] || [ "$only" = "$1" ] || return 1
	found=yes
}

# holds <name> <what> <flags...>
holds() {
	local name=$1 what=$2

	wanted "$name" || return 0
	explore "${@:3}"
	if complete; then
		result ok "$name: $what ($(states) states)"
	else
		result "not ok" "$name: $what"
		show_output
	fi
}

# rejected <name> <what> <flags...>
rejected() {
	local name=$1 what=$2 why

	wanted "$name" || return 0
	optimise=-O0 explore -DONLY_ACCESS "${@:3}"
	why=$(grep -oE "$broken" "$work/out" | head -1)
	if [ -n "$why" ] && grep -q 'errors: 1$' "$work/out"; then
		result ok "$name is rejected: $what (${why#assertion violated })"
	else
		result "not ok" "$name is rejected: $what"
		show_output
	fi
}

for tool in spin gcc; do
	command -v "$tool" >/dev/null || die "$tool is needed, and not installed"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

holds thread "scopes, migration, a free and the next owner" \
	-DTHREADS=1 -DDEPTH=2 -DANY_ACCESS -DFREE
holds default "scopes, while the default becomes reads allowed" \
	-DTHREADS=1 -DDEPTH=2 -DANY_ACCESS -DSETDEF=RO
holds twice "the default is changed twice, with reads allowed between" \
	-DTHREADS=1 -DANY_ACCESS -DSETDEF=RO -DSETDEF2=NOACC
holds readonly "a key that all may read, freed" \
	-DTHREADS=1 -DDEPTH=2 -DANY_ACCESS -DFREE -DSTART_RO
holds make "rights changed inside of a scope, and a default of all access" \
	-DTHREADS=1 -DMAKE -DSETDEF=RW -DSETDEF2=RO
holds local "resets without an interrupt, one after another" \
	-DTHREADS=1 -DFREE -DFREE2 -DLOCAL
holds bystander "another thread that opens nothing" \
	-DDEPTH1=0 -DTAKE_TURNS -DFREE
holds threads "two threads with the key on one CPU" \
	-DONE_CPU -DFREE
holds other-key "two threads on one CPU, each with its key" \
	-DONE_CPU -DFREE -DOTHER_KEY
holds traced "tracing goes on and off, which makes words SLOW" \
	-DTHREADS=1 -DONE_CPU -DFREE -DIRQ=1 -DTRACED
holds irq "hard interrupts that open the key, on one CPU" \
	-DTHREADS=1 -DONE_CPU -DSETDEF=RO -DFREE -DIRQ=1
holds irq-moves "hard interrupts that open the key, and migration" \
	-DTHREADS=1 -DSETDEF=RO -DIRQ=1
holds nested "nested hard interrupts, on one CPU" \
	-DTHREADS=1 -DONE_CPU -DFREE -DIRQ=1 -DNESTED
holds softirq "softirqs, and hard interrupts of them, on one CPU" \
	-DTHREADS=1 -DONE_CPU -DSETDEF=RO -DIRQ=1 -DSOFTIRQ
holds nmi "NMIs, with interrupts on and off" \
	-DTHREADS=1 -DSETDEF=RO -DNMI
holds unchecked "a leave that does not look at the flags first" \
	-DTHREADS=1 -DDEPTH=2 -DFREE -DSTART_RO -DLEAVE_NO_FLAG_CHECK
holds irq-nmi "hard interrupts that open the key, and NMIs, on one CPU" \
	-DTHREADS=1 -DONE_CPU -DSETDEF=RO -DIRQ=1 -DNMI
ends=
holds waits "enters with interrupts on, off, and a spinlock held: no deadlock" \
	-DTHREADS=1 -DWAITS -DSETDEF=RO -DSETDEF2=NOACC -DFREE
rejected WAIT_LOCKED "a thread that holds a spinlock waits for a reset" \
	-DTHREADS=1 -DWAITS -DSETDEF=RO -DWAIT_LOCKED
ends=-E

rejected NO_BUSY "no flag that the MSR may lag behind the word" \
	-DTHREADS=1 -DFREE -DIRQ=1 -DNO_BUSY
rejected GLOBAL_EPOCH "a record stamped with the epoch of the machine" \
	-DTHREADS=1 -DFREE -DGLOBAL_EPOCH
rejected NO_SLOW_IN_FOLD "a reset does not make words SLOW" \
	-DTHREADS=1 -DFREE -DNO_SLOW_IN_FOLD
rejected NO_SLOW_SAVED "a reset does not make SLOW what interrupts have saved" \
	-DTHREADS=1 -DFREE -DNO_SLOW_SAVED
rejected NO_SLOW_SCHED_IN "a record that catches up with a reset is not made SLOW" \
	-DTHREADS=1 -DFREE -DNO_SLOW_SCHED_IN
rejected NO_SLOW_UNKEPT "a word that nobody keeps is not SLOW" \
	-DTHREADS=1 -DFREE -DNO_SLOW_UNKEPT
rejected NO_REREAD "the word is not looked at after the MSR was written" \
	-DTHREADS=1 -DFREE -DNO_REREAD
rejected CLEAR_FIRST "BUSY is cleared before the word is looked at again" \
	-DTHREADS=1 -DFREE -DIRQ=1 -DCLEAR_FIRST
rejected NO_BACK_OUT "an update that came too late leaves its bits in the word" \
	-DTHREADS=1 -DFREE -DNO_BACK_OUT
rejected BACK_OUT_EARLY "the default to back out to is read with interrupts on" \
	-DTHREADS=1 -DSTART_RO -DSETDEF=RO -DFREE -DBACK_OUT_EARLY
rejected GATE_LATE "the gate is shut when all words are folded" \
	-DTHREADS=1 -DFREE -DGATE_LATE
rejected GATE_EARLY "a default changed while numbers are given" \
	-DTHREADS=1 -DSETDEF=RO -DANY_ACCESS -DGATE_EARLY
rejected KEEP_LATE "what a leave goes back to changes after the words are folded" \
	-DTHREADS=1 -DDEPTH=2 -DFREE -DSTART_RO -DKEEP_LATE
rejected MSR_BEFORE_WORD "a switch writes the MSR first" \
	-DTHREADS=1 -DFREE -DNMI -DMSR_BEFORE_WORD
rejected NO_FOLD_SAVED "a reset forgets what interrupts have saved" \
	-DTHREADS=1 -DFREE -DNO_FOLD_SAVED
rejected NO_ISOLATE "a handler starts from the rights of what it interrupted" \
	-DTHREADS=1 -DFREE -DIRQ=1 -DNO_ISOLATE
rejected NMI_BY_WORD "an NMI writes the MSR only if the word is not the default" \
	-DTHREADS=1 -DFREE -DNMI -DNMI_BY_WORD
rejected ATTACH_HANDLER "a handler whose word is kept is refused for want of a record" \
	-DTHREADS=1 -DSETDEF=RO -DSOFTIRQ -DATTACH_HANDLER -DONLY_REFUSAL

[ -z "$only" ] || [ -n "${found:-}" ] || die "there is no configuration '$only'"
echo "1..$number"
((failed == 0))
