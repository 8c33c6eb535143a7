# SPDX-License-Identifier: GPL-2.0
"""Samples on standard output: as text, or as JSON."""

import itertools
import json
import sys
import time
from typing import Optional

from pks_top import tables, tree
from pks_top.document import document
from pks_top.tables import View
from pks_top.tree import Rates, Sample, Tree


def section(view: View, sample: Sample, rates: Rates) -> list[str]:
    rows = view.rows(sample, rates)
    if rows is None:
        return [f"{view.title}: not read"]
    rows = tables.sort_rows(rows, view.sort, view.descending)
    layout = tables.lay_out(view, rows, None)
    heading = f"{view.title}: {len(rows)}"
    if view is tables.FAULTS and sample.faults and rows:
        heading += f", the last of {sample.faults.violations}"
    return [heading] + [
        "  " + line for line in [layout.header] + layout.lines if rows]


def report(sample: Sample, rates: Rates) -> list[str]:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(sample.time))
    lines = [stamp + "  " + "  ".join(tables.summary(sample, rates))]
    for view in tables.VIEWS:
        lines += ["", *section(view, sample, rates)]
    problems = tables.problem_lines(sample)
    return lines + ["", *problems] if problems else lines


def print_sample(sample: Sample, rates: Rates, as_json: bool,
                 lines: bool) -> None:
    """@lines: one of many: a line, if JSON; text ends with an empty one."""
    if as_json:
        print(json.dumps(document(sample, rates),
                         indent=None if lines else 2))
    else:
        print("\n".join(report(sample, rates)), end="\n\n" if lines else "\n")
    sys.stdout.flush()


def run(source: Tree, interval: Optional[float], count: Optional[int],
        as_json: bool) -> None:
    """Once without @interval; without end, without @count."""
    before: Optional[Sample] = None
    many = interval is not None
    for done in itertools.count(1):
        sample = source.read(tree.ALL)
        print_sample(sample, Rates(before, sample), as_json, many)
        before = sample
        if not many or done == count:
            return
        time.sleep(interval or 0)
