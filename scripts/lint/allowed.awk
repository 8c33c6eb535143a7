# SPDX-License-Identifier: GPL-2.0
#
# Usage: awk -v tool=<tool, and the kernel if it has one> -f allowed.awk <allowed> <findings>
#
# Prints the findings that nothing in <allowed> is about, and what in it is about no
# finding (any more). A line there, with tabs between:
#   <tool>[ <kernel>]  <regular expression of a file's path>  <regular expression of the text>  <reason>

BEGIN { FS = "\t+" }

FNR == NR {
	if (/^#/ || !NF)
		next
	if (NF != 4)
		print "scripts/lint/allowed:" FNR ": not <tool> <path> <text> <reason>"
	else if ($1 == tool) {
		path[++entries] = "^" $2 ":"
		text[entries] = $3
		line[entries] = FNR
	}
	next
}

{
	for (i = 1; i <= entries; i++)
		if ($0 ~ path[i] && $0 ~ text[i]) {
			used[i]++
			next
		}
	print
}

END {
	for (i = 1; i <= entries; i++)
		if (!used[i])
			print "scripts/lint/allowed:" line[i] ": nothing of that is found any more"
}
