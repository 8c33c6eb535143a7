# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced. Says how a run in <dir> (see vm.sh) went. judge <dir> <token> prints
# "word message", the word being one of:
#   good
#   failing   a test case failed
#   zero      nothing failed, but nothing was tested either
#   expect    a declared console line came too often or not often enough
#   console   a line that was to stand on the console does not, or not in its place
#   warning   the kernel WARNed
#   splat     another complaint: lockdep, a stall, an unchecked MSR access
#   lost      the machine went away without the token
#   hang      it did not come to an end
#   oops      BUG, oops, general protection fault, soft lockup, KASAN
#   panic
# Console lines that the scenario declared (<dir>/expect, "<min>-<max> <regex>" a
# line, and <dir>/expected.log, see console.awk) are taken out before judging. Where
# there is <dir>/panic the machine must not come to its end; the panic itself is one
# of the declared lines. Nothing but good is a success.

AT_START='\[ *[0-9]+\.[0-9]{6}\](\[[^]]*\])? '
PANIC="${AT_START}Kernel panic - not syncing"
OOPS="$AT_START(BUG: |Oops|kernel BUG at|watchdog: BUG: |general protection fault|Unable to handle|\
unable to handle|invalid opcode: |stack segment: |double fault: |traps: PANIC|PANIC: |[a-z0-9 ]+: [0-9a-f]{4,} \[#)"
WARNING="${AT_START}WARNING: "
SPLAT="$AT_START((rcu: )?INFO: |UBSAN: |unchecked MSR access error|refcount_t: |list_(add|del) corruption|\
WARNING: (possible|suspicious|inconsistent|bad unlock|held lock|lock held|nested lock|chain)|\
BUG: (sleeping function|scheduling while atomic|using |Invalid wait))"

# console_lines <dir> [running]: while the machine runs, without the last line,
# which may not be complete.
console_lines() {
	tr -d '\r' <"$1/console.log" | if [ -n "${2:-}" ]; then sed '$d'; else cat; fi
}

# console_compare <dir> <rest|missing> [running]
console_compare() {
	console_lines "$1" "${3:-}" |
		awk -v say="$2" -v running="${3:-}" -f "$PKS_ROOT/scripts/console.awk" "$1/expected.log" -
}

# console_undeclared <dir> [running]: without the lines that the scenario declared.
console_undeclared() {
	console_compare "$1" rest "${2:-}" | grep -avE -e "$SLOW_HOST" -f <(cut -d' ' -f2- "$1/expect") || true
}

# How long an NMI's handler takes says how busy the host of an emulated machine is.
SLOW_HOST='INFO: NMI handler .* took too long to run'

# first_undeclared <dir> <regex>: the first such line, without its time stamp.
# What is a splat is nothing else, though it may begin like an oops or a warning.
first_undeclared() {
	local not=$SPLAT

	[ "$2" != "$SPLAT" ] || not='^$'
	console_undeclared "$1" | grep -aEv "$not" | sed -nE "/$2/{s/.*$AT_START//;p;q}" || true
}

# Asked while the machine runs.
crashed() {
	console_undeclared "$1" running | grep -aEv "$SPLAT" | grep -aqE "$PANIC|$OOPS"
}

# Counts every declared line; says which one is out of its range.
expectations_missed() {
	local range regex seen

	while read -r range regex; do
		seen=$(console_lines "$1" | grep -acE -- "$regex" || true)
		if ((seen < ${range%-*} || seen > ${range#*-})); then
			echo "'$regex' was declared $range times and seen $seen times"
		fi
	done <"$1/expect"
}

judge_console() {
	local dir=$1 word pattern line

	for word in panic oops splat warning; do
		case $word in
		panic) pattern=$PANIC ;;
		oops) pattern=$OOPS ;;
		splat) pattern=$SPLAT ;;
		warning) pattern=$WARNING ;;
		esac
		line=$(first_undeclared "$dir" "$pattern")
		[ -z "$line" ] || { echo "$word $line"; return; }
	done
}

judge_cases() {
	local missed failed

	missed=$(expectations_missed "$1" | sed -n 1p)
	failed=$(grep -c '^not ok' "$1/cases" || true)
	if [ "$failed" != 0 ]; then
		echo "failing $failed of the cases failed"
	elif [ -n "$missed" ]; then
		echo "expect $missed"
	elif ! grep -q '^ok' "$1/cases"; then
		echo "zero not one test case was run"
	else
		echo "good"
	fi
}

last_words() {
	console_lines "$1" | grep -av '^ *$' | tail -n 1 || true
}

judge() {
	local dir=$1 token=$2 verdict missing

	verdict=$(judge_console "$dir")
	if [[ $verdict != panic* && $verdict != oops* ]]; then
		if [ "$(cat "$dir/end")" = timeout ]; then
			verdict="hang no end in sight after $VM_TIMEOUT s; the last line was: $(last_words "$dir")"
		elif [ ! -e "$dir/panic" ] && ! grep -qF "@ done $token" "$dir/report.log"; then
			verdict="lost the machine went away without its token; the last line was: $(last_words "$dir")"
		fi
	fi
	[ -n "$verdict" ] || verdict=$(judge_cases "$dir")
	missing=$(console_compare "$dir" missing) || missing="could not be compared"
	# Of a block that came otherwise than declared, what it leaves over tells less.
	if [ -n "$missing" ] && [[ $verdict == good || $verdict == oops* ]]; then
		verdict="console $missing"
	fi
	echo "$verdict"
}
