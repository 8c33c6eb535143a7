#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/docs.sh <build|check>
#
#   build   the manual, from docs/ and the kernel-doc comments: build/docs/html, and a page
#           of man for each name of the interface in build/docs/man/man9
#   check   the same; is it complete, and would its mistakes be seen? A line `ok - ...` or
#           `not ok - ...` for each question, with what speaks against it below
#
# Warnings are errors. docs/api.groups says which page of the reference has what.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"

# What all versions from this one on take; kernel-doc would ask each time.
SPHINX=5.3.0

docs=$PKS_ROOT/build/docs
# What all is made of, and looked at; to see that mistakes are found, these are others.
tree=$docs/tree
man=$docs/man/man9

# That of the oldest kernel whose headers are here.
run_kernel_doc() {
	local found=(/usr/lib/linux-kbuild-*/scripts/kernel-doc)

	"$(printf '%s\n' "${found[@]}" | sort -V | head -n 1)" "$@"
}

# What the public headers have, as "<name> <kind> <header>". Names with two underscores
# are not for users.
docs_names() {
	ctags -x --languages=C --langmap=C:.h --kinds-C=dgstfpxu --_xformat='%N %K %F' \
		-D 'DECLARE_PER_CPU(type, name)=extern type name' \
		--regex-C='/^DEFINE_CLASS\((\w+),/guard(\1)/G,guard/' \
		"$tree"/include/linux/*.h | grep -vE '^(__|_LINUX_)'
}

docs_pages() {
	sed -n 's/^= \(\w*\) .*/\1/p' "$tree/docs/api.groups"
}

# docs_group [page]: the names on a page of the reference, or on all of them.
docs_group() {
	awk -v page="${1:-}" '
		/^#/ || !NF { next }
		/^=/ { wanted = page == "" || $2 == page; next }
		wanted { print $1 }' "$tree/docs/api.groups"
}

# The file with the comment on a name.
docs_file() {
	local files

	mapfile -t files < <(grep -lE "^ \* (DOC: |define |enum |struct |typedef )?${1//[()]/.}( - .*)?$" \
		"$tree"/*.c "$tree"/include/linux/*.h)
	[ ${#files[@]} = 1 ] || die "docs/api.groups: ${#files[@]} files have a comment on $1, not one"
	echo "${files[0]}"
}

# Comments on what kernel-doc knows no form for: what that is, or nothing.
docs_note() {
	case $1 in
	guard*) echo "scope guard" ;;
	pks_pkrs) echo "rights of what runs on a CPU" ;;
	esac
}

kernel_doc() {
	run_kernel_doc -Werror "$@" || die "a comment of ${*: -1} is in the way"
}

# What is known of a name, in a form. Sphinx knows no notrace.
docs_comment() {
	kernel_doc "$1" -sphinx-version "$SPHINX" -function "$2" "$(docs_file "$2")" |
		sed 's, notrace\>,,'
}

# As Sphinx wants it: names that are called become links, and macros have no empty list
# of parameters.
docs_rst() {
	local name=$1

	# shellcheck disable=SC2016 # the backquotes are for Sphinx
	if [ -n "$(docs_note "$name")" ]; then
		printf '\n.. _%s:\n\n.. describe:: %s\n\n' "$name" "$name"
		docs_comment -rst "$name" | sed 's/^./   &/'
	else
		docs_comment -rst "$name"
	fi | sed -E -e '/^``\w+ \(\)``$/d' -e '/^\*\*Parameters\*\*$/{N;N;/\n\*\*[^\n]*$/s/^.*\n//}' \
		-e 's/(^|[^`[:alnum:]_:])(_?(pks|PKS)_\w+)\(\)/\1:c:func:`\2`/g'
}

docs_reference() {
	local page name api=$tree/docs/api

	mkdir -p "$api"
	for page in $(docs_pages); do
		sed -n "s/^= $page //p" "$tree/docs/api.groups" | sed 'p; s/./=/g' >"$api/$page.rst"
		for name in $(docs_group "$page"); do
			docs_rst "$name"
		done >>"$api/$page.rst"
	done
	printf 'The interface\n=============\n\n.. toctree::\n\n' >"$api/index.rst"
	docs_pages | sed 's/^/   /' >>"$api/index.rst"
}

docs_man_file() {
	local name=${1//)/}

	echo "$man/${name//(/_}.9"
}

# docs_man <name> <header> <page>: with what a user includes, and the rest of the page of
# the reference.
docs_man() {
	local name=$1 header=${2#"$tree"/include/} note

	note=$(docs_note "$name")
	docs_comment -man "$name" | sed -E \
		-e "s/^\.TH .*/.TH \"$name\" 9 \"\" \"\" \"pks interface\"/" \
		-e "s/^\.SH \"${name//[()]/.}\"$/.SH NAME\n$name \\\\- $note\n.SH SYNOPSIS\n.SH DESCRIPTION/" \
		-e '/^\.SH NAME$/{n;s/^(enum|struct) //}' -e 's/^\.B "([^"]*)$/.B "\1"/' \
		-e '/^\.SH ARGUMENTS$/{N;/\n\.SH/s/^.*\n//}' -e 's/``//g' |
		sed "s,^\.SH SYNOPSIS,&\n.B \"#include <$header>\"\n.sp,"
	printf '.SH "SEE ALSO"\n'
	docs_group "$3" | grep -vxF "$name" | sed 's/.*/.BR & (9),/; $s/,$//'
}

docs_manuals() {
	local page name header

	mkdir -p "$man"
	for page in $(docs_pages); do
		for name in $(docs_group "$page"); do
			header=$(docs_names | awk -v name="$name" '$1 == name { print $3 }')
			[ -n "$header" ] || die "docs/api.groups: no public header has $name"
			docs_man "$name" "$header" "$page" >"$(docs_man_file "$name")"
		done
	done
}

# The pages that an index links to are what it has, for Sphinx.
docs_contents() {
	local index=$1 links=$2

	# shellcheck disable=SC2016 # likewise
	printf '\n```{toctree}\n:hidden:\n\n'
	grep -oE "\]\($links\)" "$index" | sed 's/^](//; s/\.md)$//' | awk '!seen[$0]++'
	printf '```\n'
}

docs_index() {
	local main=$tree/docs/README.md debugfs=$tree/docs/debugfs/README.md

	docs_contents "$main" '[^)#:]*\.md' | sed 's,^```$,api/index\n&,' >>"$main.new"
	docs_contents "$debugfs" '[a-z][^)#:.]*\.md' >>"$debugfs.new"
	cat "$main.new" >>"$main"
	cat "$debugfs.new" >>"$debugfs"
	rm "$main.new" "$debugfs.new"
}

# docs_html <tree> <where to>: prints nothing but what is wrong.
docs_html() {
	sphinx-build -q -W --keep-going -b html -c "$1/docs" -d "$2.doctrees" "$1" "$2" 2>&1 |
		sed "s,$1/,,"
}

docs_prepare() {
	"$PKS_ROOT/scripts/deps.sh" docs
	rm -rf "$docs"
	modules_copy "$tree"
	docs_reference
	docs_index
}

docs_build() {
	docs_prepare
	docs_manuals
	docs_html "$tree" "$docs/html" >"$docs/html.log" || true
	if [ -s "$docs/html.log" ]; then
		cat "$docs/html.log" >&2
		die "the manual has mistakes"
	fi
	echo '<meta http-equiv="refresh" content="0; url=docs/README.html">' >"$docs/html/index.html"
	say "the manual is build/docs/html/index.html, its pages for man are in build/docs/man"
}

# Questions: each prints what speaks against $tree, or nothing.

# Another process, for what fails in a question does not end it.
ask_build() {
	local log=$PKS_ROOT/build/docs.log

	mkdir -p "${log%/*}"
	"$PKS_ROOT/scripts/docs.sh" build >"$log" 2>&1 || cat "$log"
}

ask_comments() {
	local file

	for file in "$tree"/*.[ch] "$tree"/include/linux/*.h; do
		run_kernel_doc -none -Werror "$file" 2>&1 | sed "s,$tree/,," || true
	done
}

ask_names() {
	diff <(docs_names | awk '{ print $1 }' | sort -u) <(docs_group | sort) |
		sed -n 's/^< \(.*\)/\1 is public, and on no page/p; s/^> \(.*\)/\1 is on a page, and not public/p' ||
		true
}

# Whoever calls something has to know where he may, what he gets, and whose semantics it has.
ask_sections() {
	local name kind page wanted

	while read -r name kind _; do
		page=$(docs_man_file "$name")
		grep -q '^\.SH ARGUMENTS' "$page" || [[ $kind != macro ]] || continue
		[[ $kind =~ function|prototype|macro ]] || continue
		for wanted in '^\.SH "CONTEXT"' '^Semantics: ' "^\.SH \"RETURN\"|^\.B \"void\" $name"; do
			grep -qE "$wanted" "$page" || echo "$name: nothing matches $wanted"
		done
	done < <(docs_names)
}

ask_man() {
	local page

	for page in "$man"/*.9; do
		LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null |
			sed "s,^,${page##*/}: ,"
		lexgrog "$page" >/dev/null || echo "${page##*/} has no name"
	done
}

# The files that the code makes, with their modes; what is made in another way than these
# is shown as it is.
debugfs_files() {
	grep -hoE 'debugfs_create_.*' "$tree"/pks_*.c | grep -v '^debugfs_create_dir' |
		sed -E -e 's,^debugfs_create_file\w*\("(\w+)"\, (0[0-7]+)\, dom->dir\,.*,domain/<name>/\1 \2,' \
			-e 's,^debugfs_create_file\w*\("(\w+)"\, (0[0-7]+)\, (parent|pks_dir)\,.*,\1 \2,'
}

debugfs_pages() {
	local page

	find "$tree/docs/debugfs" -name '*.md' ! -name README.md -printf '%P\n' | while read -r page; do
		awk -F'[|`]' -v name="${page%.md}" '
			/^\| What \|/ { what = $4; sub(".*/debug/pks/", "", what) }
			/^\| Mode \|/ { mode = $3; gsub(" ", "", mode) }
			END {
				file = what
				sub("<name>/", "", file)
				print file == name ? what : name ".md is about " what, mode
			}' "$tree/docs/debugfs/$page"
	done
}

ask_debugfs() {
	diff <(debugfs_files | sort) <(debugfs_pages | sort) |
		sed -n 's/^< /no such page: /p; s/^> /no such file: /p' || true
}

# Each piece of code on the page is one of the sample's.
ask_example() {
	local code pieces="$docs/pieces" piece

	rm -rf "$pieces"
	mkdir -p "$pieces"
	awk -v pieces="$pieces" '
		/^```c$/ { piece = pieces "/" ++n; next }
		/^```/ { piece = ""; next }
		piece { print >piece }' "$tree/docs/porting.md"
	code=$(cat "$tree"/samples/porting/*.c)
	[ -e "$pieces/1" ] || echo "there is no code"
	for piece in "$pieces"/*; do
		[[ $code == *"$(<"$piece")"* ]] || head -n 3 "$piece"
	done
}

ask_links() {
	docs_html "$tree" "$docs/spoilt-html" | grep "^$1" || true
}

docs_case() {
	local what=$1 found

	found=$("${@:2}")
	if [ -z "$found" ]; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		printf '%s\n' "$found" | sed 's/^/# /'
		docs_failed=1
	fi
}

# seen <what> <how often> <command...>: with a mistake in the tree, which is a copy.
seen() {
	local found

	found=$("${@:3}")
	if [ "$(grep -c . <<<"$found")" = "$2" ]; then
		echo "ok - seen: $1"
	else
		echo "not ok - seen: $1"
		printf '%s\n' "$found" | sed 's/^/# /'
		docs_failed=1
	fi
}

docs_mistakes() {
	local tree=$docs/spoilt man=$docs/spoilt-man

	cp -a "$docs/tree" "$tree"
	cp -a "$docs/man/man9" "$man"
	sed -i '/^ \* @former: what pks_enter() returned$/d' "$tree/include/linux/pks.h"
	seen "a parameter that is not described" 2 ask_comments
	sed -i 's/^void pks_abandon(/int pks_nowhere(void);\n&/' "$tree/include/linux/pks.h"
	sed -i 's/^pks_memset$/&\npks_nobody/' "$tree/docs/api.groups"
	seen "a name that is not described, and one that is not there" 2 ask_names
	sed -i '/^int pks_nowhere/d' "$tree/include/linux/pks.h"
	sed -i '/CONTEXT/d; /RETURN/d; /^Semantics/d' "$man/pks_write.9" "$man/pks_abandon.9"
	seen "a function that does not say where it may be called, and the like" 5 ask_sections
	printf '.nosuch\n' >>"$man/pks_write.9"
	seen "a mistake in a page of man" 1 ask_man
	mv "$tree/docs/debugfs/keys.md" "$tree/docs/debugfs/locks.md"
	sed -i 's/^| Mode | 0444/| Mode | 0644/' "$tree/docs/debugfs/domain/info.md"
	seen "a file of debugfs without a page, a page without a file, another mode" 4 ask_debugfs
	mv "$tree/docs/debugfs/locks.md" "$tree/docs/debugfs/keys.md"
	sed -i 's/guard(pks_domain_read)/guard(pks_domain_peek)/' "$tree/docs/porting.md"
	seen "code on a page that is not the sample's" 3 ask_example
	printf '\n%s\n' '[a](nowhere.md) [b](../design.md#nowhere) [c](../nowhere.h)' >>"$tree/docs/model/README.md"
	seen "links to a page, a heading and a file that are not there" 3 ask_links docs/model/README.md
}

docs_check() {
	docs_case "the manual is made without a warning" ask_build
	docs_case "comments have no mistakes" ask_comments
	docs_case "all that is public is described" ask_names
	docs_case "functions say where they may be called, what they return, whose semantics they have" ask_sections
	docs_case "man has nothing to complain of" ask_man
	docs_case "each file of debugfs has its page" ask_debugfs
	docs_case "the code of docs/porting.md is that of samples/porting" ask_example
	docs_mistakes
	[ -z "${docs_failed:-}" ]
}

PKS_LABEL=docs
case ${1:-} in
build) docs_build ;;
check) docs_check ;;
*) die "usage: scripts/docs.sh <build|check>" ;;
esac
