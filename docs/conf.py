# SPDX-License-Identifier: GPL-2.0
#
# Of the manual, for Sphinx. scripts/docs.sh runs it on a copy of the tree.

import os
import re

from docutils import nodes
from sphinx import addnodes

project = "pks"
extensions = ["myst_parser"]
root_doc = "docs/README"
# A page with mistakes on purpose.
exclude_patterns = ["scripts/lint/planted"]
html_theme = "alabaster"
html_theme_options = {
    "description": "protection keys for kernel memory",
    "fixed_sidebar": True,
    "page_width": "64em",
    "sidebar_width": "15em",
    "show_powered_by": False,
}
html_show_copyright = False
html_copy_source = False
highlight_language = "none"

# Links to a heading of a page, by the names that forges give to headings.
myst_heading_anchors = 4

# What a reference is made to has to be there; but only pks is described here.
nitpicky = True
nitpick_ignore_regex = [
    (r"c:.*", r"(?!_?pks_|PKS_).*"),
    (r"c:identifier", r"pks_cache"),
]


def name_of_folder(app, env, node, contnode):
    """A link to a folder of the tree, of which there is no page: only its name."""
    target = node.get("reftarget", "")
    here = os.path.dirname(env.doc2path(node.get("refdoc", root_doc)))
    return contnode if os.path.isdir(os.path.join(here, target)) else None


def link_names(app, doctree, docname):
    """What a page calls `pks_enter()` is a link to its description, if it has one."""
    for literal in list(doctree.findall(nodes.literal)):
        name = re.match(r"(?:enum |struct )?(guard\(\w+\)|(pks_|PKS_|_?PAGE_)\w+)",
                        literal.astext())
        if name and not isinstance(literal.parent, nodes.reference):
            link = link_to_name(app, docname, name.group(1), literal.deepcopy())
            if link:
                literal.replace_self(link)


def link_to_name(app, docname, name, text):
    kind = ("std", "ref") if name.startswith("guard") else ("c", "identifier")
    xref = addnodes.pending_xref("", refexplicit=True, refdoc=docname)
    return app.env.get_domain(kind[0]).resolve_xref(
        app.env, docname, app.builder, kind[1], name, xref, text)


def setup(app):
    app.connect("missing-reference", name_of_folder)
    app.connect("doctree-resolved", link_names)
