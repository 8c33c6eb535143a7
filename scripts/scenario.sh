# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced. Runs one scenario: a script that the guest executes, with comment
# lines at its top that say what it needs (all optional):
#   # vm: cpu=max,-pks smp=2 mem=512M thread=multi
#                                      default: cpu=max smp=4 mem=1G thread=single
#   # qemu: <more QEMU arguments>
#   # cmdline: <more kernel parameters>
#   # program: <file.c>                  compiled, and put into /modules
#   # tool: <program...>                of the host, at the same path, with its libraries
#   # tree: <directory...>             likewise, with what is in it; or of this clone, in /
#   # kernel: kunit | any | stock backports 6.1 ...    where it runs; default kunit. What
#                                      runs on Debian 12's kernels runs on Debian 13's
#   # flavours: any | full debug ...      configurations; default full, the usual one
#   # machines: any                     on those of scripts/machines, too
#   # expect: <count or min-max> <regex>   a console line that is no fault
#   # console: <file>                   kernel messages that must come, in their
#                                        order (see console.awk), and are no faults
#   # panic: <regex>                     how the kernel must panic, instead of coming
#                                        to the end of the script
#   # timeout: <seconds>                 default 180
#   # check: no                          not part of `make check`
#   # verdict: <word>                    selftest only: what must come out

# shellcheck source=scripts/vm.sh
. "$PKS_ROOT/scripts/vm.sh"
# shellcheck source=scripts/verdict.sh
. "$PKS_ROOT/scripts/verdict.sh"

# meta <script> <key>: the values of a key, one a line.
meta() {
	sed -n "/^[^#]/q; s/^# $2: *//p" "$1"
}

meta_or() {
	local value

	value=$(meta "$1" "$2")
	echo "${value:-$3}"
}

# scenario_fits <script> <kernel> <flavour>
scenario_fits() {
	local kernels flavours

	kernels=" $(meta_or "$1" kernel kunit | tr '\n' ' ') "
	flavours=" $(meta_or "$1" flavours full | tr '\n' ' ') "
	[ "$(meta "$1" check)" != no ] || return 1
	[[ $flavours == *" $3 "* || $flavours == *" any "* ]] || return 1
	case $kernels in
	*" ${2%13} "*|*" any "*) return 0 ;;
	*" kunit "*) [[ ! $2 =~ ^(stock|backports) ]] ;;
	*) return 1 ;;
	esac
}

scenario_any_machine() {
	[ "$(meta "$1" machines)" = any ]
}

# With one host thread for each virtual CPU QEMU is known to run stale code now
# and then while the kernel patches itself ("Oops: int3" at a place where there is
# no int3; seen in 7.2 and, more rarely, in 10.0). One thread that takes turns,
# at a switch every few milliseconds, is not slower on a small machine.
scenario_machine() {
	local script=$1 word

	VM_CPU=max VM_SMP=4 VM_MEM=1G VM_THREAD=single
	for word in $(meta "$script" vm); do
		case $word in
		cpu=*) VM_CPU=${word#*=} ;;
		smp=*) VM_SMP=${word#*=} ;;
		mem=*) VM_MEM=${word#*=} ;;
		thread=*) VM_THREAD=${word#*=} ;;
		*) die "${script##*/}: '$word' in its vm: line is none of cpu=, smp=, mem=, thread=" ;;
		esac
	done
	VM_CPU=${CPU:-$VM_CPU} VM_SMP=${SMP:-$VM_SMP} VM_MEM=${MEM:-$VM_MEM}
	VM_THREAD=${THREAD:-$VM_THREAD}
	VM_QEMU=$(meta "$script" qemu | tr '\n' ' ')
	VM_TIMEOUT=$(($(meta_or "$script" timeout 180) * ${SLOWER:-1}))
}

scenario_crashed() {
	crashed "$VM_DIR"
}

# The guest has no C library: what it runs is linked statically.
scenario_programs() {
	local source

	for source in $(meta "$1" program); do
		gcc -O2 -Wall -Werror -static -o "$VM_DIR/${source%.c}" "$PKS_ROOT/scripts/guest/$source" ||
			die "scripts/guest/$source does not compile"
		echo "$VM_DIR/${source%.c}"
	done
}

# What is declared of the console; verdict.sh tells what becomes of it.
scenario_declare() {
	local script=$1 file

	meta "$script" expect >"$VM_DIR/expect"
	if [ -n "$(meta "$script" panic)" ]; then
		echo "1-1 \\] Kernel panic - not syncing: $(meta "$script" panic)" >>"$VM_DIR/expect"
		: >"$VM_DIR/panic"
	fi
	: >"$VM_DIR/expected.log"
	for file in $(meta "$script" console); do
		cat "${script%/*}/$file" >>"$VM_DIR/expected.log"
	done
}

# scenario_prepare <kernel entry> <script> <dir> <module...>: all but the run.
scenario_prepare() {
	local entry=$1 script=$2 programs

	VM_DIR=$3 VM_KERNEL=$1/vmlinuz VM_STOP_IF=scenario_crashed VM_NAME=$(basename "$2" .sh)
	VM_TOKEN=${TOKEN:-$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')}
	shift 3
	rm -rf "$VM_DIR"
	mkdir -p "$VM_DIR"
	scenario_machine "$script"
	VM_CMDLINE="loglevel=7 $(meta "$script" cmdline | tr '\n' ' ') ${CMDLINE:-} guest.token=$VM_TOKEN"
	VM_TOOLS=$(meta "$script" tool | tr '\n' ' ')
	VM_TREES=$(meta "$script" tree | tr '\n' ' ')
	scenario_declare "$script"
	mapfile -t programs < <(scenario_programs "$script")
	vm_pack "$VM_DIR" "$script" "$entry/root" "$@" "${programs[@]}"
}

# scenario_good <what>: after a run that has to be good; else says why not, and ends.
scenario_good() {
	local verdict

	verdict=$(cat "$VM_DIR/verdict")
	[ "$verdict" != good ] || return 0
	sed -n -e 's/^not ok\t/    not so: /p' -e 's/^\t/    /p' "$VM_DIR/cases" >&2
	die "$1: ${verdict/ /: }; the console is in ${VM_DIR#"$PWD"/}/console.log"
}

# scenario_run: the verdict goes to <dir>/verdict, the cases to <dir>/cases.
scenario_run() {
	vm_run
	awk -f "$PKS_ROOT/scripts/cases.awk" "$VM_DIR/console.log" "$VM_DIR/report.log" >"$VM_DIR/cases"
	judge "$VM_DIR" "$VM_TOKEN" >"$VM_DIR/verdict"
}
