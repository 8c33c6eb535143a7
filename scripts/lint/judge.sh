# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by lint.sh: what becomes of what a tool said.

LINT_PLANTED=scripts/lint/planted

good=0 bad=0

# verdict <ok|not ok> <case> [file with more]
verdict() {
	echo "$1 - $2"
	if [ "$1" = ok ]; then
		good=$((good + 1))
		return
	fi
	bad=$((bad + 1))
	[ -z "${3:-}" ] || head -n 40 "$3" | sed 's/^/# /'
}

# is_there <tool> <command>: what is missing fails by name.
is_there() {
	command -v "$2" >/dev/null || {
		verdict "not ok" "$1: is there ($2)"
		return 1
	}
}

# judge_planted <tool> <what it is called> <its findings in the planted files>: each
# such file says what is to be found in it: `expect <tool>: <text>`.
judge_planted() {
	local tool=$1 name=$2 findings=$3 missing=$3.missing file text expected=0

	: >"$missing"
	while IFS=: read -r file _ text; do
		expected=$((expected + 1))
		text=${text% -->}
		grep -F -- "$(basename "${file%.*}")" "$findings" | grep -qF -- "${text# }" ||
			echo "not found in $file: ${text# }" >>"$missing"
	done < <(cd "$LINT_TREE" && grep -rE "expect $tool: " "$LINT_PLANTED" | sed 's/:.*expect [a-z-]*: */:: /')
	((expected)) || echo "nothing is planted for $tool" >"$missing"
	if [ -s "$missing" ]; then
		verdict "not ok" "$name: finds the planted faults" "$missing"
	else
		verdict ok "$name: finds the planted faults ($expected)"
	fi
}

# judge <what it is called> <what it looked at> <findings>
judge() {
	local name=$1 what=$2 findings=$3 left=$3.left

	awk -v tool="$name" -f "$PKS_ROOT/scripts/lint/allowed.awk" \
		"$PKS_ROOT/scripts/lint/allowed" "$findings" >"$left"
	if [ -s "$left" ]; then
		verdict "not ok" "$name: $(wc -l <"$left") findings in $what" "$left"
	else
		verdict ok "$name: no finding in $what"
	fi
}

summary() {
	echo "# $good passed, $bad failed"
	((bad == 0 && good > 0))
}
