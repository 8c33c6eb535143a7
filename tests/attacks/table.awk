# SPDX-License-Identifier: GPL-2.0
#
# Usage: awk -v format=text|markdown|cases|verdict -f table.awk expected seen
#
# <seen> has lines "unprotected|protected <name> <outcome> [noticed by...]" in any order.
# text: the table, and one line that says whether all is as expected; verdict: that line
# alone; cases: a line `ok - ...` or `not ok - ...` for each attack; markdown: for
# docs/attacks.md. Ends with status 1 unless all is as expected.

BEGIN {
	FS = "|"
	said["stopped"] = "stopped"
	said["killed"] = "stopped, by an oops"
	said["audit"] = "noticed, audit"
	said["status"] = "noticed, status"
	said["log"] = "noticed, log"
	said["open"] = "went through"
	said["unplayed"] = "not played"
	said["through"] = "went through"
	said["-"] = "-"
	said[""] = "not played"
}

/^#/ { next }

FNR == NR {
	if (NF != 6)
		die(FILENAME ": line " FNR " has not six fields")
	name[++rows] = $1
	trap_of[$1] = $2
	expected[$1] = $3
	control[$1] = $4
	what[$1] = $5
	why[$1] = $6
	next
}

{
	split($0, word, " ")
	outcome = word[3] == "through" || word[3] == "stopped" ? \
		word[3] (word[4] == "" ? "" : " " word[4] (word[5] == "" ? "" : " " word[5])) : \
		substr($0, length(word[1] word[2]) + 3)
	if (word[1] == "unprotected")
		unprotected[word[2]] = outcome
	else
		seen[word[2]] = verdict_of(outcome)
}

# As the file "expected" calls it.
function verdict_of(outcome) {
	if (outcome == "through")
		return "open"
	if (outcome == "stopped oops")
		return "killed"
	if (outcome ~ /^through (audit|status|log)$/)
		return substr(outcome, 9)
	return outcome
}

function die(message) {
	print message >"/dev/stderr"
	failed = 1
	exit 1
}

function said_of(verdict) {
	return verdict in said ? said[verdict] : verdict
}

# What should have been seen: that which is not played is not.
function wanted(attack) {
	return expected[attack] == "unplayed" ? "" : expected[attack]
}

function agrees(attack) {
	return seen[attack] == wanted(attack) &&
		unprotected[attack] == (expected[attack] == "unplayed" ? "" : control[attack])
}

function out_of_scope(attack) {
	return expected[attack] == "open" || expected[attack] == "unplayed"
}

function should(attack) {
	return out_of_scope(attack) ? "out of scope" : said[expected[attack]]
}

function plain_text(text) {
	gsub(/`/, "", text)
	return text
}

function trap_text(attack) {
	return trap_of[attack] == 0 ? "-" : trap_of[attack]
}

function row_text(attack) {
	printf "%4s  %-78s  %-12s  %-19s  %s%s\n", trap_text(attack), plain_text(what[attack]),
		said_of(unprotected[attack]), should(attack), said_of(seen[attack]),
		agrees(attack) ? "" : "  <-- not as expected"
	if (out_of_scope(attack))
		print_wrapped(plain_text(why[attack]), "      ", 116)
}

function print_wrapped(text, indent, width,   n, words, i, line) {
	n = split(text, words, " ")
	line = indent
	for (i = 1; i <= n; i++) {
		if (length(line words[i]) > width) {
			print line
			line = indent
		}
		line = line " " words[i]
	}
	print line
}

function row_markdown(attack) {
	printf "| %s | %s | %s | %s | %s | %s |\n", trap_text(attack), what[attack],
		said_of(unprotected[attack]), should(attack), said_of(seen[attack]), why[attack]
}

function row_case(attack) {
	printf "%s - %s: %s\n", agrees(attack) ? "ok" : "not ok", attack, should(attack)
	if (!agrees(attack))
		printf "# unprotected: %s, expected: %s, %s; seen: %s\n", said_of(unprotected[attack]),
			said_of(control[attack]), said_of(wanted(attack)), said_of(seen[attack])
}

function all_traps(   trap, i, found) {
	for (trap = 1; trap <= 22; trap++) {
		found = 0
		for (i = 1; i <= rows; i++)
			found += trap_of[name[i]] == trap
		if (!found)
			die("no attack is of trap " trap)
	}
}

END {
	if (failed)
		exit 1
	all_traps()
	if (format == "text")
		printf "%4s  %-78s  %-12s  %-19s  %s\n", "trap", "attack", "unprotected",
			"expected", "seen"
	if (format == "markdown") {
		print "| trap | attack | unprotected | expected | seen | why |"
		print "|---|---|---|---|---|---|"
	}
	for (i = 1; i <= rows; i++) {
		if (format == "text")
			row_text(name[i])
		else if (format == "markdown")
			row_markdown(name[i])
		else if (format == "cases")
			row_case(name[i])
		differ += !agrees(name[i])
		count[expected[name[i]]]++
	}
	if (format == "text")
		print ""
	if (format == "text" || format == "verdict")
		printf "%d attacks: %d stopped, %d noticed, %d out of scope; %s\n", rows,
			count["stopped"] + count["killed"],
			count["audit"] + count["status"] + count["log"],
			count["open"] + count["unplayed"],
			differ ? differ " not as expected" : "each as expected"
	exit differ > 0
}
