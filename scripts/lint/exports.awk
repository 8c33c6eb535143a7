# SPDX-License-Identifier: GPL-2.0
#
# Usage: awk -f exports.awk <C source...>
#
# Functions that are exported without a comment in kernel-doc, or with one that does not
# say where they may be called. What begins with two underscores is for macros and inline
# functions, whose comments tell.

/^\/\*\*$/ { name = ""; inside = 1; next }
inside && name == "" && /^ \* [a-z]/ { name = $2; sub(/\(\)$/, "", name); told[name] = 1; next }
inside && /^ \* Context:/ { context[name] = 1 }
inside && /^ \* Otherwise like / { like[name] = $4; sub(/\(\).*/, "", like[name]) }
inside && /\*\// { inside = 0 }

/^DEFINE_PER_CPU\(/ { split($0, part, /[(), ]+/); variable[part[3]] = 1 }

/^EXPORT_SYMBOL[A-Z_]*\(/ {
	split($0, part, /[(),]/)
	if (part[2] !~ /^__/)
		exported[part[2]] = FILENAME ":" FNR
}

END {
	for (name in exported)
		if (!(name in told)) {
			if (!(name in variable))
				print exported[name] ": " name "() is exported and has no kernel-doc"
		} else if (!(name in context) && !((name in like) && (like[name] in context)))
			print exported[name] ": " name "() does not say in which context it may be called"
}
