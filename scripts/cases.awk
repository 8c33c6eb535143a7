# SPDX-License-Identifier: GPL-2.0
#
# Usage: awk -f cases.awk console.log report.log
#
# The test cases of a run, in the order of the report: "ok<TAB>name",
# "skip<TAB>name<TAB>why" or "not ok<TAB>name", the latter followed by lines
# "<TAB>detail". KUnit's cases are read from the console, since a results file in
# debugfs loses what does not fit its log (512 bytes a case on 6.1); the report
# says which suites ran and how each ended, so that none is overlooked.

{ sub(/\r$/, "") }

FNR == NR {
	sub(/^.*\[ *[0-9]+\.[0-9]+\](\[[^]]*\])? /, "")
	console($0)
	next
}

/^@ kunit / { suite_result($3, $4); next }
/^@ / { next }
/^(not )?ok - / { case_line("", $0); next }
/^# / { print "\t" substr($0, 3) }

function console(line,   is_row) {
	if (line ~ /^    # Subtest: /) {
		suite = substr(line, 16)
		started[suite]++
		reset_case()
	} else if (suite == "") {
		return
	} else if (line ~ /^    1\.\./) {
		planned[suite, started[suite]] = substr(line, 8) + 0
	} else if (line ~ /^    (not )?ok [0-9]+ /) {
		end_case(line)
	} else if (line ~ /^        (not )?ok [0-9]+ /) {
		rows++
		explaining = 0
		if (line ~ /^ *not/)
			detail = detail "\trow " trim(line) "\n"
	} else if (line ~ /(EXPECTATION|ASSERTION) FAILED|# .*: (failed|try )/) {
		sub(/ at .*\/tree\//, " at ", line)
		detail = detail "\t" trim(line) "\n"
		explaining = 6
	} else if (line ~ /^(not )?ok [0-9]+ /) {
		suite = ""
	} else if (line ~ /^ *#/) {
		explaining = 0
	} else if (explaining > 0) {
		detail = detail "\t    " trim(line) "\n"
		explaining--
	}
}

function trim(line) {
	sub(/^[ \t]*(not ok )?/, "", line)
	return line
}

function reset_case() {
	rows = 0
	detail = ""
	explaining = 0
}

function end_case(line,   run) {
	run = suite SUBSEP started[suite]
	done[run]++
	text[run] = text[run] tap(suite ".", line, rows ? " (" rows " rows)" : "") \
		(line ~ /^ *not/ ? detail : "")
	reset_case()
}

# One result line of any KTAP dialect as a line of ours.
function tap(prefix, line, suffix,   status, why) {
	sub(/^ */, "", line)
	status = line ~ /^not/ ? "not ok" : "ok"
	sub(/^(not )?ok ([0-9]+ )?(- )?/, "", line)
	if (match(line, / *# SKIP/)) {
		why = substr(line, RSTART + RLENGTH)
		line = substr(line, 1, RSTART - 1)
		return "skip\t" prefix line suffix "\t" trim(why) "\n"
	}
	return status "\t" prefix line suffix "\n"
}

function case_line(prefix, line) {
	printf "%s", tap(prefix, line, "")
}

# Of a suite that ran several times, the runs are taken in their order.
function suite_result(suite, status,   run) {
	reported[suite]++
	run = suite SUBSEP reported[suite]
	printf "%s", text[run]
	if (done[run] != planned[run] || !done[run])
		printf "not ok\t%s: %d of %d cases were reported\n", suite, done[run], planned[run]
	else if (status == "not" && text[run] !~ /(^|\n)not ok/)
		printf "not ok\t%s: the suite failed outside of its cases\n", suite
}

# Suites that the guest did not live to report.
END {
	for (suite in started)
		while (reported[suite] < started[suite])
			suite_result(suite, "")
}
