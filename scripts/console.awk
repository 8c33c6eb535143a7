# SPDX-License-Identifier: GPL-2.0
#
# Usage: awk -v say=missing|rest [-v running=1] -f console.awk <expected> <console.log>
#
# Compares the console with what a scenario expects there (`# console:`): blocks of
# lines, in this order. A line of <expected> is a regular expression that a whole
# line of the kernel's matches, without its time stamp; it is followed at once by the
# next one, except after a line `...`, for which any lines may stand, or none. A line
# that begins with "# " is a comment. What is not the kernel's is passed over.
#
# say=missing: prints the first line that did not come in its place, if there is one.
# say=rest: prints the console without the lines that were expected and came. While
# the machine is running, the console may end in the middle of a block.

{ sub(/\r$/, "") }

FILENAME == ARGV[1] {
	if ($0 !~ /^# /)
		expected[++wanted] = $0
	next
}

{
	raw[++lines] = $0
	if (match($0, /\[ *[0-9]+\.[0-9]+\](\[[^]]*\])? /)) {
		index_of[++came] = lines
		text[came] = substr($0, RSTART + RLENGTH)
	}
}

# How many lines of the block that begins at <at> stand on the console from <from>.
function matching(at, from,   n) {
	for (n = 0; at + n <= wanted && expected[at + n] != "..."; n++) {
		if (from + n > came && running)
			continue
		if (from + n > came || text[from + n] !~ "^" expected[at + n] "$")
			break
	}
	return n
}

function length_of(at,   n) {
	while (at + n <= wanted && expected[at + n] != "...")
		n++
	return n
}

# Where the block that begins at <at> stands, from <from> on; 0 if nowhere. Of
# those that are nearly it the one that goes on longest is kept for the complaint.
function find(at, from, size,   n) {
	best = 0
	best_at = from
	for (; from <= came + (running ? 1 : 0); from++) {
		n = matching(at, from)
		if (n == size)
			return from
		if (n > best) {
			best = n
			best_at = from
		}
	}
	return 0
}

# Of the block at <at>, as far as it came; "..." is not a line that came before it.
function complain(at,   before) {
	before = at + best - (best ? 1 : 2)
	printf "'%s' does not come %s", expected[at + best], \
		(before > 0 ? "after '" expected[before] "'" : "at all")
	if (best && best_at + best <= came)
		printf ", but '%s'", text[best_at + best]
	print ""
}

END {
	for (at = 1; at <= wanted; at += size + 1) {
		size = length_of(at)
		here = find(at, next_line + 1, size)
		if (!here) {
			missing = at
			break
		}
		for (n = 0; n < size; n++)
			declared[index_of[here + n]] = 1
		next_line = here + size - 1
	}
	if (say == "missing" && missing)
		complain(missing)
	for (n = 1; say == "rest" && n <= lines; n++)
		if (!(n in declared))
			print raw[n]
}
