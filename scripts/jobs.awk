# SPDX-License-Identifier: GPL-2.0
#
# Usage: <job> | awk -v label=<who> -v counts=<file> -v failures=<file> -f jobs.awk
#
# A job's lines (see jobs.sh) as results for people, each with the lines below it in
# one piece, since other jobs write to the same place. The start of what failed is also
# added to <failures>. <counts> gets "passed failed skipped", the job's `@ about` and its
# `@ note`s, with tabs between them.

{ sub(/\r$/, "") }

/^@ ended / { status = $3; next }
/^@ about / { about = substr($0, 9); next }
/^@ note / { notes = notes (notes ? "; " : "") substr($0, 8); next }

/^(not )?ok( [0-9]+)? - / {
	show()
	verdict = /^not/ ? "not ok" : "ok"
	sub(/^(not )?ok( [0-9]+)? - /, "")
	if (verdict == "ok" && match($0, / # SKIP /)) {
		verdict = "skip"
		$0 = substr($0, 1, RSTART - 1) " (" substr($0, RSTART + RLENGTH) ")"
	}
	count(verdict)
	block = sprintf("%-6s  %s %s\n", verdict, label, $0)
	next
}

/^1\.\.[0-9]+$/ { next }

{
	sub(/^# /, "")
	block = block sprintf("            %s\n", $0)
}

function count(verdict) {
	if (verdict == "ok")
		passed++
	else if (verdict == "skip")
		skipped++
	else
		failed++
}

# The first lines of it.
function head(text, lines,    at, rest) {
	for (rest = text; lines-- && (at = index(rest, "\n")); )
		rest = substr(rest, at + 1)
	return substr(text, 1, length(text) - length(rest))
}

function show() {
	if (block != "")
		printf "%s", block
	if (block ~ /^not ok/)
		printf "%s", head(block, 8) >>failures
	block = ""
	fflush()
}

# A job that fails has to say what failed, and one that ends well what it did.
END {
	show()
	if ((status != 0 && !failed) || !(passed + failed + skipped)) {
		count("not ok")
		block = sprintf("%-6s  %s it came to its end (status %d)\n", "not ok", label, status)
		show()
	}
	printf "%d %d %d\t%s\t%s\n", passed, failed, skipped, about, notes >counts
}
