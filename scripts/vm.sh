# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced. Runs one virtual machine: software emulation, which unlike KVM has
# protection keys for supervisor pages. Everything about a run is in its
# directory:
#   initramfs.cpio  console.log (ttyS0)  report.log (ttyS1)  qemu.log
#   monitor.in, monitor.out (pipes: QEMU's monitor, for `echo cmd >monitor.in`)
#
# The caller sets VM_KERNEL, VM_DIR, VM_CPU, VM_SMP, VM_MEM, VM_THREAD, VM_TIMEOUT,
# VM_CMDLINE, VM_QEMU (extra QEMU arguments; may be empty), VM_TOOLS and VM_TREES
# (programs and directories that the guest gets; may be empty), VM_NAME for progress lines,
# VM_STOP_IF (a command: is it hopeless to go on?), and VM_LIVE to have the console
# on stdout while the machine runs.

VM_POLL=0.5
# After an oops the guest rarely comes to an end by itself.
VM_OOPS_GRACE=10

# vm_libraries <file>: what ldd says it needs: its libraries and their loader.
vm_libraries() {
	ldd "$1" | sed -n 's|^[^/]*\(/[^ ]*\) (0x.*|\1|p' ||
		die "ldd does not know what $1 needs: is it a script?"
}

# Each of VM_TOOLS, and what they and the shared objects in VM_TREES need.
vm_tool_files() {
	local tool path

	for tool in $VM_TOOLS; do
		path=$(command -v "$tool") || die "there is no $tool to put into the guest"
		echo "$path"
		vm_libraries "$path"
	done
	[ -z "$VM_TREES" ] || (
		cd "$PKS_ROOT" || exit
		# shellcheck disable=SC2086 # a list of words
		find $VM_TREES -name '*.so' -type f | while read -r path; do
			vm_libraries "$path"
		done
	)
}

# They have the paths of the host, or those that they have below this one. Links are
# followed, so that /lib, a link on the host, stays the guest's own directory.
vm_pack_tools() {
	local files tree from=()

	files=$(vm_tool_files | sort -u)
	[ -z "$files" ] || xargs -d '\n' cp -L --parents -t "$1" <<<"$files"
	for tree in $VM_TREES; do
		case $tree in
		/*) from+=(-C / "${tree#/}") ;;
		*) from+=(-C "$PKS_ROOT" "$tree") ;;
		esac
	done
	# What Python has compiled goes by time stamps, which are not kept.
	[ -z "$VM_TREES" ] || tar --exclude='*.a' --exclude=__pycache__ -chf - "${from[@]}" |
		tar -C "$1" -xf -
}

# vm_pack <dir> <scenario script> <kernel's root/> <module...>: the initramfs.
vm_pack() {
	local stage=$1/initramfs guest=$PKS_ROOT/scripts/guest

	rm -rf "$stage"
	mkdir -p "$stage"/{bin,lib,guest,modules}
	cp "$(command -v busybox)" "$stage/bin/busybox"
	ln -s busybox "$stage/bin/sh"
	install -m 755 "$guest/init" "$stage/init"
	cp "$guest"/lib*.sh "$stage/guest"
	cp "$2" "$stage/guest/scenario.sh"
	cp -r "$3/lib/modules" "$stage/lib/modules"
	vm_pack_tools "$stage"
	shift 3
	[ $# = 0 ] || cp "$@" "$stage/modules"
	# Not compressed: the emulated machine takes longer to unpack it than to read it. The
	# same files give the same bytes.
	find "$stage" -exec touch -h -d @0 {} +
	(cd "$stage" && find . -print0 | sort -z |
		cpio --quiet --reproducible -0 -o -H newc -R 0:0) >"$stage.cpio"
	rm -rf "$stage"
}

# vm_start <arguments that say where console and report go...>
vm_start() {
	rm -f "$VM_DIR"/monitor.{in,out}
	mkfifo "$VM_DIR"/monitor.{in,out}
	# shellcheck disable=SC2086 # VM_QEMU is a list of words
	exec env -C "$VM_DIR" qemu-system-x86_64 -nodefaults -no-user-config -display none \
		-accel tcg,thread="$VM_THREAD" -cpu "$VM_CPU" -smp "$VM_SMP" -m "$VM_MEM" -no-reboot \
		-kernel "$VM_KERNEL" -initrd initramfs.cpio \
		-append "console=ttyS0 panic=-1 $VM_CMDLINE" $VM_QEMU "$@"
}

# Requests of the guest for the monitor, in the order they came.
vm_serve_monitor() {
	local -a requests
	local delay command

	mapfile -t requests < <(tr -d '\r' <"$VM_DIR/report.log" | sed -n 's/^@ monitor //p')
	while ((VM_SERVED < ${#requests[@]})); do
		read -r delay command <<<"${requests[VM_SERVED++]}"
		(sleep "$delay"; timeout 5 sh -c "echo '$command' >'$VM_DIR/monitor.in'") &
	done
}

# What the guest last said of how far it is.
vm_says() {
	tail -c 1000 "$VM_DIR/report.log" | tr -d '\r' | sed -n 's/^@ says /, /p' | tail -n 1
}

# Waits for the end, which is written to <dir>/end: `off` when QEMU ended by
# itself, `timeout`, or `stopped` after an oops.
vm_wait() {
	local pid=$1 start=$SECONDS oops_at='' end=off

	while kill -0 "$pid" 2>/dev/null; do
		if ((SECONDS - start >= VM_TIMEOUT)); then
			end=timeout
		elif [ -z "$oops_at" ] && "$VM_STOP_IF"; then
			oops_at=$SECONDS
		elif [ -n "$oops_at" ] && ((SECONDS - oops_at >= VM_OOPS_GRACE)); then
			end=stopped
		fi
		[ "$end" = off ] || break
		vm_serve_monitor
		[ -n "${VM_LIVE:-}" ] || say_progress "$VM_NAME ... $((SECONDS - start)) s$(vm_says)"
		sleep "$VM_POLL"
	done
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	clear_progress
	echo "$end" >"$VM_DIR/end"
}

vm_run() {
	local pid

	: >"$VM_DIR/console.log"
	: >"$VM_DIR/report.log"
	VM_SERVED=0
	start_progress
	start_group vm_start -serial file:console.log -serial file:report.log \
		-chardev pipe,id=monitor,path=monitor -mon chardev=monitor \
		>"$VM_DIR/qemu.log" 2>&1 </dev/null
	pid=$!
	if [ -n "${VM_LIVE:-}" ]; then
		tail -n +1 -s 0.1 -f --pid="$pid" "$VM_DIR/console.log" | tr -d '\r' &
	fi
	vm_wait "$pid"
	[ -z "${VM_LIVE:-}" ] || wait
	unset 'PKS_UNDO[-1]'
}
