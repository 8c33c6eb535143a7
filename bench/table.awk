# SPDX-License-Identifier: GPL-2.0
#
# Makes tables of what the benchmarks have measured. Reads bench/rows, then, after
# part=... on the command line each, what is to be made into them:
#
#   awk -f table.awk format=csv rows part=time <file> part=count <file>
#   awk -f table.awk format=text|markdown|predictions rows part=new <csv>
#   awk -f table.awk format=guard slack=<percent> rows part=old <csv> part=new <csv>
#
# csv: with unit=cycles three columns of cycles instead of the one of instructions, of
# which the median is what is compared. guard: prints a line for each row that has
# grown; nothing, if none has. Exit status 1, and a line for each reason: a row was
# measured that bench/rows has not got, or the other way round.

BEGIN {
	# A write of PKRS on an i7-12700H, and what else a CPU does in a cycle.
	WRITE_CYCLES = 185
	PER_CYCLE = 2
	part = "rows"
}

function fail(text) {
	print "bench: " text >"/dev/stderr"
	failed = 1
}

function trimmed(s) {
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

function key_of(name, load) {
	return load == "" ? name : name "@" load
}

function label(key) {
	sub(/@/, ", ", key)
	return key
}

# --- bench/rows ---

function add_table(title) {
	tables++
	titles[tables] = title
	nr_rows[tables] = nr_loads[tables] = 0
}

function add_loads(text,    i, parts) {
	nr_loads[tables] = split(text, parts, ",")
	for (i = 1; i <= nr_loads[tables]; i++)
		loads[tables, i] = trimmed(parts[i])
}

function add_row(name, what, reference, aim,    r) {
	r = ++nr_rows[tables]
	names[tables, r] = name
	whats[tables, r] = what
	references[tables, r] = reference
	if (aim ~ /^slack<=/)
		slacks[tables, r] = substr(aim, 8)
	else
		aims[tables, r] = aim
}

function read_row(    parts) {
	if ($0 ~ /^#/ || $0 ~ /^[ \t]*$/)
		return
	if ($0 ~ /^== /) {
		add_table(substr($0, 4))
	} else if ($0 ~ /^@ /) {
		add_loads(substr($0, 3))
	} else {
		parts[2] = parts[3] = parts[4] = ""
		split($0, parts, "|")
		add_row(trimmed(parts[1]), trimmed(parts[2]), trimmed(parts[3]), trimmed(parts[4]))
	}
}

# How many measurements row @r of table @t is, the key of each, and what that is
# compared with.
function cells(t) {
	return nr_loads[t] ? nr_loads[t] : 1
}

function key(t, r, c,    name) {
	name = names[t, r]
	sub(/^\* */, "", name)
	return nr_loads[t] ? key_of(name, loads[t, c]) : name
}

function reference(t, r, c) {
	if (!nr_loads[t])
		return references[t, r]
	return c > 1 ? key(t, r, 1) : ""
}

# --- what was measured ---

# Lines of the measuring code: name,load,minimum,median,99th percentile.
function read_measured(    parts, k) {
	if (split($0, parts, ",") != 5) {
		fail("not a measurement: " $0)
		return
	}
	k = key_of(parts[1], parts[2])
	if ((part, k) in value)
		fail("measured twice: " k)
	value[part, k] = parts[3]
	if (part == "count")
		counted[k] = 1
	if (part == "time") {
		measured[k] = 1
		minimum[k] = parts[3]
		median[k] = parts[4]
		p99[k] = parts[5]
		if (unit == "cycles")
			value[part, k] = parts[4]
	}
}

# Lines of our own: row,load,instructions,writes,reference,ratio, or with cycles
# row,load,minimum,median,p99,writes,reference,ratio. Comments say with what.
function read_csv(    parts, n, k) {
	if ($0 ~ /^#/) {
		made_with[part] = made_with[part] $0 "\n"
		return
	}
	n = split($0, parts, ",")
	if (parts[1] == "row") {
		unit = n == 8 ? "cycles" : ""
		return
	}
	k = key_of(parts[1], parts[2])
	if (part == "old")
		committed[k] = 1
	value[part, k] = parts[n == 8 ? 4 : 3]
	minimum[k] = parts[3]
	p99[k] = parts[5]
	writes[part, k] = parts[n - 2]
	if (part == "new")
		measured[k] = 1
}

# Where nothing can be measured twice alike, other machines have other rows.
function adopt(k) {
	if (!adopted++)
		add_table("Others")
	add_row(k, "", "", "")
}

function check_row(t, r,    c, k) {
	for (c = 1; c <= cells(t); c++) {
		k = key(t, r, c)
		if (!(k in measured) && unit != "cycles" && !(k in known))
			fail("in bench/rows, but not measured: " k)
		known[k] = 1
	}
}

function check(    t, r, k) {
	for (t = 1; t <= tables; t++)
		for (r = 1; r <= nr_rows[t]; r++)
			check_row(t, r)
	for (k in measured) {
		if (!(k in known) && unit == "cycles")
			adopt(k)
		else if (!(k in known))
			fail("measured, but not in bench/rows: " k)
	}
	for (k in counted)
		if (!(k in known) && !(k in measured))
			fail("its writes were counted, but it is not in bench/rows: " k)
	for (t = 1; t <= tables; t++)
		for (r = 1; r <= nr_rows[t]; r++)
			if (references[t, r] != "" && !(references[t, r] in known))
				fail("a reference that is not in bench/rows: " references[t, r])
}

# --- what becomes of it ---

function ratio(which, k, ref) {
	if (ref == "" || !value[which, ref] || !((which, k) in value))
		return ""
	return sprintf("%.3f", value[which, k] / value[which, ref])
}

function aim_met(aim, k, ref,    parts) {
	split(aim, parts, "<=")
	if (parts[1] == "ratio")
		return value["new", k] <= parts[2] * value["new", ref]
	if (parts[1] == "more")
		return value["new", k] <= value["new", ref] + parts[2]
	if (parts[1] == "writes")
		return writes["new", k] <= writes["new", ref] + parts[2]
	fail("an aim that is none: " aim)
	return 0
}

# The verdict on an aim for all cells of a row.
function aim_verdict(t, r, aim,    c, k, ref, verdict) {
	verdict = "?"
	for (c = 1; c <= cells(t); c++) {
		k = key(t, r, c)
		ref = reference(t, r, c)
		if (ref == "" || !(k in measured) || !(ref in measured))
			continue
		if (!aim_met(aim, k, ref))
			return "missed"
		verdict = "met"
	}
	return verdict
}

# Differences count instructions, which cycles are not.
function verdicts(t, r,    n, i, parts, text, aim) {
	n = split(aims[t, r], parts, ";")
	for (i = 1; i <= n; i++) {
		aim = trimmed(parts[i])
		if (unit == "cycles" && aim ~ /^more/)
			continue
		text = text (text == "" ? "" : "; ") aim " " aim_verdict(t, r, aim)
	}
	return text
}

function csv_line(t, r, c,    k, ref, name, load, what) {
	k = key(t, r, c)
	if (!(k in measured))
		return
	ref = reference(t, r, c)
	name = load = k
	sub(/@.*/, "", name)
	load = substr(k, length(name) + 2)
	what = unit == "cycles" ? minimum[k] "," median[k] "," p99[k] : value["time", k]
	if (!(("count", k) in value))
		fail("its writes were not counted: " k)
	print name "," load "," what "," value["count", k] "," ref "," ratio("time", k, ref)
}

function print_csv(    t, r, c) {
	print "row,load," (unit == "cycles" ? "minimum,median,p99" : "instructions") \
		",writes,reference,ratio"
	for (t = 1; t <= tables; t++)
		for (r = 1; r <= nr_rows[t]; r++)
			for (c = 1; c <= cells(t); c++)
				csv_line(t, r, c)
}

# --- for people ---

function figure(k) {
	return ("new", k) in value ? value["new", k] : "-"
}

function figures(k) {
	if (unit != "cycles")
		return sprintf("%12s", figure(k))
	return sprintf("%9s %9s %9s", minimum[k], figure(k), p99[k])
}

function text_row(t, r,    k, ref) {
	k = key(t, r, 1)
	ref = reference(t, r, 1)
	printf "  %-36s %s %6s %9s  %-32s %s\n", label(k), figures(k), writes["new", k],
		ratio("new", k, ref), label(ref), verdicts(t, r)
}

# A column of a table with loads: there may be many.
function column(t, s) {
	return sprintf(cells(t) > 5 ? " %5s" : " %9s", s)
}

function text_cells(t, r,    c, line) {
	line = sprintf("  %-20s", names[t, r])
	for (c = 1; c <= cells(t); c++)
		line = line column(t, figure(key(t, r, c)))
	print line "  " verdicts(t, r)
}

function text_head(t,    c, line) {
	print ""
	print titles[t]
	if (!nr_loads[t]) {
		printf "  %-36s %s %6s %9s  %-32s %s\n", "operation",
			unit == "cycles" ? "  minimum    median       p99" : "instructions",
			"writes", "ratio", "to", "aim"
		return
	}
	line = sprintf("  %-20s", unit == "cycles" ? "cycles" : "instructions")
	for (c = 1; c <= cells(t); c++)
		line = line column(t, loads[t, c] + 0)
	print line
}

function markdown_row(t, r,    k, ref) {
	k = key(t, r, 1)
	ref = reference(t, r, 1)
	print "| " label(k) " | " whats[t, r] " | " figure(k) " | " writes["new", k] " | " \
		(ref == "" ? "" : ratio("new", k, ref) " of " label(ref)) " | " \
		verdicts(t, r) " |"
}

function markdown_cells(t, r,    c, line) {
	line = "| " names[t, r] " |"
	for (c = 1; c <= cells(t); c++)
		line = line " " figure(key(t, r, c)) " |"
	print line " " verdicts(t, r) " |"
}

function markdown_head(t,    c, head, rule) {
	print "\n### " titles[t] "\n"
	if (!nr_loads[t]) {
		print "| operation | | instructions | writes | ratio | aim |"
		print "|---|---|---:|---:|---|---|"
		return
	}
	head = "| |"
	rule = "|---|"
	for (c = 1; c <= cells(t); c++) {
		head = head " " loads[t, c] + 0 " |"
		rule = rule "---:|"
	}
	print head " aim |\n" rule "---|"
}

function print_head(t) {
	if (format == "text")
		text_head(t)
	else
		markdown_head(t)
}

function print_row(t, r) {
	if (format == "text" && nr_loads[t])
		text_cells(t, r)
	else if (format == "text")
		text_row(t, r)
	else if (nr_loads[t])
		markdown_cells(t, r)
	else
		markdown_row(t, r)
}

function print_tables(    t, r) {
	for (t = 1; t <= tables; t++) {
		print_head(t)
		for (r = 1; r <= nr_rows[t]; r++)
			print_row(t, r)
	}
	if (format == "markdown")
		print ""
}

function print_predictions(    t, r, k, by_writes) {
	print "\n| operation | instructions | writes | cycles, predicted | of them for writes |"
	print "|---|---:|---:|---:|---:|"
	for (t = 1; t <= tables; t++)
		for (r = 1; r <= nr_rows[t]; r++) {
			if (names[t, r] !~ /^\*/)
				continue
			k = key(t, r, 1)
			by_writes = writes["new", k] * WRITE_CYCLES
			printf "| %s | %s | %s | %d | %d |\n", label(k), figure(k), writes["new", k],
				figure(k) / PER_CYCLE + by_writes, by_writes
		}
	print ""
}

# --- the guard ---

function grown(text, k, old, new) {
	printf "%s: %s %s, was %s\n", label(k), text, new, old
}

function guard_cell(k, ref, percent,    before, after) {
	if (!(("old", k) in value)) {
		print label(k) ": is not in the committed table"
		return
	}
	if (above(writes["old", k], writes["new", k], percent))
		grown("writes of PKRS", k, writes["old", k], writes["new", k])
	if (same_make()) {
		before = value["old", k]
		after = value["new", k]
	} else {
		before = ratio("old", k, ref)
		after = ratio("new", k, ref)
	}
	if (before != "" && above(before, after, percent))
		grown(same_make() ? "instructions" : "ratio to " label(ref), k, before, after)
}

function above(before, after, percent) {
	return after > before * (1 + percent / 100)
}

function same_make() {
	return made_with["old"] == made_with["new"]
}

# A row may be there more than once, with other references.
function print_guard(    t, r, c, k, seen) {
	for (t = 1; t <= tables; t++)
		for (r = 1; r <= nr_rows[t]; r++)
			for (c = 1; c <= cells(t); c++) {
				k = key(t, r, c)
				if (!same_make() || !(k in seen))
					guard_cell(k, reference(t, r, c),
						   (t, r) in slacks ? slacks[t, r] : slack)
				seen[k] = 1
			}
	for (k in committed)
		if (!(k in seen))
			print label(k) ": is in the committed table, and not measured any more"
}

part == "rows" { read_row(); next }
part == "time" || part == "count" { read_measured(); next }
{ read_csv() }

END {
	check()
	if (format == "csv")
		print_csv()
	else if (format == "text" || format == "markdown")
		print_tables()
	else if (format == "predictions")
		print_predictions()
	else if (format == "guard")
		print_guard()
	else
		fail("no format: " format)
	exit failed
}
