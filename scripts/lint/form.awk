# SPDX-License-Identifier: GPL-2.0
#
# Usage: awk -f form.awk <file...>
#
# Licences, and blanks. Prose, tables of figures and what a console must show have no place
# for a licence, and debian/copyright has that of the files beside it.

function complain(text) {
	print FILENAME ":" FNR ": " text
}

function ended() {
	if (file != "" && !licensed)
		print file ":1: no SPDX-License-Identifier in the first lines"
}

FNR == 1 {
	ended()
	file = FILENAME
	licensed = file ~ /(^|\/)LICENSE$|\.(md|csv|tsv|txt|json)$|^debian\//
}

FNR <= 3 && /SPDX-License-Identifier: GPL-2\.0( |$)/ { licensed = 1 }

FILENAME ~ /(^|\/)LICENSE$/ { next }

/[ \t]$/ { complain("blanks at the end of a line") }
/^ +\t/ { complain("blanks before a tab") }
/\r/ { complain("a carriage return") }
/[^\t -~]/ && FILENAME ~ /\.([chS]|sh|awk)$/ { complain("not ASCII") }

END { ended() }
