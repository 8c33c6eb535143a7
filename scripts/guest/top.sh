# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# tools/pks-top on the files themselves: what it prints is what they have, violations
# and unloading are seen, and it draws on a terminal. scripts/top.sh has the rest.
# kernel: 6.1 latest stock
# tool: /usr/bin/python3
# tree: /usr/lib/python3.11 /lib/terminfo tools tests/top
# expect: 0-99 BUG: PKS: (read of|write to)
# timeout: 400
. /guest/lib.sh

pks=/sys/kernel/debug/pks
out=/tmp/out

top() {
	/tools/pks-top "$@"
}

# is <file> <line> <expression>
is() {
	/usr/bin/python3 /tests/top/guest.py is "$@"
}

# same <what> <expression> <command...>: in the last document, and by the command.
same() {
	local what=$1 expression=$2 value

	shift 2
	value=$("$@")
	try "$what" is $out 0 "str($expression) == '''$value'''"
}

# What awk has of a table, one a line.
column() {
	awk -v n="$1" 'NR > 1 { print $n }' "$pks/$2"
}

stray() {
	insmod /modules/intruder.ko address="$(cat "/sys/kernel/debug/$1/address")"
	rmmod intruder
}

# exits <status> <what it says> <options...>
exits() {
	local want=$1 text=$2 status=0

	shift 2
	top "$@" >$out 2>&1 || status=$?
	try "exit $want: $text" sh -c "[ $status = $want ] && grep -q '$text' $out"
}

# All that stands still while nobody strays.
json() {
	top --json >$out || not_ok "--json ends with status 0"
	try "nothing is not understood" is $out 0 'd["problems"] == []'
	same "default PKRS" 'd["status"]["default_pkrs"]' sed -n 's/^default PKRS: *//p' $pks/status
	same "CPUs online" 'd["status"]["cpus"]["online"]' sed -n 's/.* of \(.*\) CPUs.*/\1/p' $pks/status
	same "keys" '"\n".join(str(k["key"]) for k in d["keys"])' column 1 keys
	same "their flags" '"\n".join(",".join(k["flags"]) for k in d["keys"])' column 4 keys
	same "policies" '"\n".join(k["policy"]["policy"] for k in d["keys"])' column 2 policy
	same "domains" '"\n".join(x["name"] for x in d["domains"])' column 2 domains
	same "their memory in use" '"\n".join(str(x["used_kib"]) for x in d["domains"])' column 5 domains
	same "all their memory" '"\n".join(str(x["kib"]) for x in d["domains"])' column 6 domains
	same "CPUs' MSRs" '"\n".join(c["msr"] for c in d["cpus"])' column 4 cpus
	same "what CPUs' threads hold" '"\n".join(c["held"] for c in d["cpus"])' column 5 cpus
	same "vault's writes" 'd["domains"][0]["writes"]' sed -n 's/^writes: *//p' $pks/domain/vault/stats
	same "vault's chunks" 'd["domains"][0]["memory"]["chunks"]["large"]' \
		sed -n 's/^chunks: *\([0-9]*\) .*/\1/p' $pks/domain/vault/memory
}

violations() {
	try "no violation yet" is $out 0 'd["keys"][0]["violations"] == d["faults"]["violations"] == 0'
	top --json -n 2 -c 3 >/tmp/series &
	while [ ! -s /tmp/series ]; do
		sleep 0.2
	done
	stray vault
	wait $!
	try "a series has a line each" [ "$(wc -l </tmp/series)" = 3 ]
	try "its first document knows no rate" is /tmp/series 1 'd["keys"][0]["violations_per_s"] is None'
	try "the last has two violations more" is /tmp/series 3 'd["keys"][0]["violations"] == 2'
	try "their rate is seen" sh -c \
		"grep -qE '\"violations_per_s\": (0\.[0-9]*[1-9]|[1-9])' /tmp/series"
	top --json >$out
	same "reads" 'd["keys"][0]["policy"]["reads"]' awk "\$1 == 1 { print \$4 }" $pks/policy
	same "violations kept" 'd["faults"]["kept"]' sed -n 's/.*kept: \([0-9]*\);.*/\1/p' $pks/faults
	same "the newest violation's title" 'd["faults"]["last"][0]["title"]' \
		sed -n '/^BUG/{s/BUG: PKS: \(.*\) in .*/\1/p;q}' $pks/faults
	try "it is one of insmod, and stopped" is $out 0 \
		'(f := d["faults"]["last"][0])["comm"] == "insmod" and f["outcome"] == "stopped"'
}

batch() {
	top --batch >$out
	try "--batch: the summary" has "PKS on  CPUs 4/4  violations 2 \(-/s\)  tampering 0" $out
	try "--batch: a key" has "^ +1  vault +vault +- +1  closed +deny +2 " $out
	try "--batch: a CPU" has "^ +3  on +0x[0-9a-f]{8}  0x[0-9a-f]{8}  0x[0-9a-f]{8}" $out
	try "--batch: a violation" has "^ +[0-9.]+  write +vault +stopped +insmod/[0-9]+ " $out
}

# Where there is KUnit, threads that hold rights and never stop: what comes next would wait
# for them.
holders() {
	insmod /modules/pks_hold.ko
	sleep 2
	top --json >$out
	same "threads that hold more" '"\n".join(sorted(t["name"] for t in d["threads"]))' \
		sh -c "sed -n 's/^ *[0-9]* *\(pks-hold-[0-9]*\) .*/\1/p' $pks/threads | sort"
	try "some hold a key open, for some time" is $out 0 \
		'any(t["rights"]["4"] == "readwrite" and t["held_ms"] > 500 for t in d["threads"])'
	try "nothing of theirs is not understood" is $out 0 'd["problems"] == []'
	rmmod pks_hold
}

# What it has sent goes to the host, where `cat` on a terminal shows it.
screen() {
	mkdir -p /dev/pts
	mount -t devpts devpts /dev/pts
	try "the screen, while all is unloaded and loaded again" \
		/usr/bin/python3 /tests/top/guest.py screen /tmp/sent
	base64 /tmp/sent | sed 's/^/@ screen /' >/dev/ttyS1
}

exits 3 "pks is not loaded"
umount /sys/kernel/debug
exits 1 "debugfs is not mounted"
mount -t debugfs debug /sys/kernel/debug
insmod /modules/pks.ko
for module in vault optable ramdisk; do
	insmod /modules/$module.ko
done
echo "the eagle has landed" >/sys/kernel/debug/vault/secret
json
violations
batch
[ ! -e /modules/pks_hold.ko ] || holders
screen
try "unload pks.ko" rmmod pks
