# SPDX-License-Identifier: GPL-2.0
#
# Usage: awk -f form.awk <file...>
#
# Licences, and blanks. Prose, tables of figures and what a console must show have no place
# for a licence.

function complain(text) {
	print FILENAME ":" FNR ": " text
}

FNR == 1 { licensed = FILENAME ~ /(^|\/)LICENSE$|\.(md|csv|tsv|txt|json)$/ }

FNR <= 3 && /SPDX-License-Identifier: GPL-2\.0( |$)/ { licensed = 1 }
FNR == 3 && !licensed { complain("no SPDX-License-Identifier in the first lines") }

FILENAME ~ /(^|\/)LICENSE$/ { next }

/[ \t]$/ { complain("blanks at the end of a line") }
/^ +\t/ { complain("blanks before a tab") }
/\r/ { complain("a carriage return") }
/[^\t -~]/ && FILENAME ~ /\.([chS]|sh|awk)$/ { complain("not ASCII") }
