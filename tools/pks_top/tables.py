# SPDX-License-Identifier: GPL-2.0
"""Samples as tables of text, for batch and screen alike.

Nothing but printable ASCII leaves this file: see clean().
"""

import time
from dataclasses import dataclass, field
from typing import Callable, Optional

from pks_top import tree
from pks_top.parse import (Cache, Cpu, Domain, Fault, Key, Memory, Rights,
                           Thread)
from pks_top.tree import Rates, Sample

CHARS = {"noaccess": "-", "readonly": "r", "readwrite": "w"}


def clean(text: str) -> str:
    """Names are others' choice: no terminal is to obey them."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)


@dataclass(frozen=True)
class Cell:
    """@order: the number, if it is one, and the text, if it is not."""
    text: str
    order: tuple[float, str]


@dataclass(frozen=True)
class Column:
    """With too little room that with the highest @drop goes first; 0 stays."""
    title: str
    right: bool
    drop: int


@dataclass(frozen=True)
class Row:
    """@name tells it from others in the next sample; @bad: look at it."""
    name: str
    cells: list[Cell]
    details: list[str]
    bad: bool = False


@dataclass(frozen=True)
class View:
    """@rows is None where the file could not be read."""
    title: str
    columns: list[Column]
    sort: int
    descending: bool
    files: frozenset[str]
    rows: Callable[[Sample, Rates], Optional[list[Row]]]


def word(text: Optional[str]) -> Cell:
    shown = "-" if text is None else clean(text)
    return Cell(shown, (0, shown))


def number(value: Optional[int]) -> Cell:
    return Cell("-" if value is None else str(value),
                (-1 if value is None else value, ""))


def per_second(value: Optional[float]) -> Cell:
    if value is None:
        return Cell("-", (-1, ""))
    text = f"{value:.1f}" if value < 1000 else f"{value:.0f}"
    return Cell(text, (value, ""))


def char(access: str) -> str:
    return CHARS.get(access, "?")


def rights_text(rights: Rights) -> str:
    return " ".join(f"{key}:{char(access)}" for key, access in rights.items())


def key_name(sample: Sample, key: int) -> str:
    """Its first user's."""
    users = tree.owner(sample, key)
    return clean(users[0].name) if users else f"key {key}"


def more_text(sample: Sample, rights: Rights) -> str:
    """What is held other than by everyone, by name."""
    default = {one.key: one.default for one in sample.keys or []}
    return " ".join(f"{key_name(sample, key)}:{char(access)}"
                    for key, access in rights.items()
                    if access != default.get(key)) or "-"


def left(title: str, drop: int = 0) -> Column:
    return Column(title, False, drop)


def right(title: str, drop: int = 0) -> Column:
    return Column(title, True, drop)


def key_details(sample: Sample, key: Key) -> list[str]:
    lines = [f"key:         {key.key}",
             f"default:     {key.default}",
             f"flags:       {clean(', '.join(key.flags))}"]
    for user in key.users:
        lines.append(f"user:        {clean(user.name)} ("
                     f"{clean(user.owner or '?')}"
                     f"{', gone' if user.gone else ''})")
    policy = (sample.policies or {}).get(key.key)
    if policy:
        lines += [f"policy:      {clean(policy.policy)}",
                  f"handler:     {'yes' if policy.handler else 'no'}",
                  f"reads:       {policy.reads}",
                  f"writes:      {policy.writes}"]
        lines += [f"{name + ':':12} {count}"
                  for name, count in policy.outcomes.items()]
    return lines


def kind_text(sample: Sample, key: int) -> Cell:
    """What others may do with the domain's memory."""
    domain = tree.domain_of(sample, key)
    if domain:
        return word(domain.others)
    policy = (sample.policies or {}).get(key)
    return word("abandoned" if policy and policy.abandoned else None)


def key_rows(sample: Sample, rates: Rates) -> Optional[list[Row]]:
    if sample.keys is None:
        return None
    rows = []
    for key in sample.keys:
        user = key.users[0]
        domain = tree.domain_of(sample, key.key)
        policy = (sample.policies or {}).get(key.key)
        violations = tree.counted(sample, key.key)
        rows.append(Row(
            str(key.key),
            [number(key.key), word(user.name), word(user.owner),
             word(char(key.default)), number(len(key.users)),
             kind_text(sample, key.key),
             word(policy.policy if policy else None),
             number(violations), per_second(rates.violations(key.key)),
             per_second(rates.stat(domain.name, "scopes")
                        if domain else None)],
            key_details(sample, key), bool(rates.violations(key.key))))
    return rows


KEYS = View(
    "keys",
    [right("key"), left("name"), left("owner", 6), left("default", 4),
     right("users", 7), left("domain", 3), left("policy", 2),
     right("violations"), right("viol/s", 1), right("scopes/s", 5)],
    0, False, frozenset(["domains", "stats"]), key_rows)


def memory_details(memory: Optional[Memory]) -> list[str]:
    if not memory:
        return ["memory:      could not be read"]
    lost = f", {memory.lost} lost" if memory.lost else ""
    lines = [f"pages:       {memory.pages}, {memory.used} in use{lost}",
             f"owner's:     {memory.owners} pages",
             f"chunks:      {memory.large} of 2 MiB, {memory.small} smaller, "
             f"{memory.empty} of all empty",
             f"splits:      {memory.splits} of the direct map"]
    lines += [f"{clean(kind) + ':':12} {pages} pages"
              for kind, pages in memory.areas]
    if memory.caches:
        lines += ["", "cache                 size  slabs  objects      of"
                  "  damaged"]
    return lines + [cache_line(cache) for cache in memory.caches]


def cache_line(cache: Cache) -> str:
    return (f"{clean(cache.name):20}  {cache.size:4}  {cache.slabs:5}  "
            f"{cache.objects:7}  {cache.of:6}  {cache.damaged:7}")


def domain_details(sample: Sample, domain: Domain) -> list[str]:
    stats = sample.stats.get(domain.name)
    lines = [f"domain:      {clean(domain.name)}",
             f"key:         {domain.key or 'none'}",
             f"owner:       {clean(domain.owner)}",
             f"others:      {clean(domain.others)}",
             f"violations:  {domain.violations}"]
    if stats:
        lines += [f"scopes:      {stats.scopes}",
                  f"writes:      {stats.writes}, {stats.bytes} bytes"]
    return lines + memory_details(sample.memory.get(domain.name))


def domain_rows(sample: Sample, rates: Rates) -> Optional[list[Row]]:
    if sample.domains is None:
        return None
    return [Row(one.name,
                [number(one.key), word(one.name), word(one.owner),
                 word(one.others), number(one.used_kib), number(one.kib),
                 per_second(rates.stat(one.name, "scopes")),
                 per_second(rates.stat(one.name, "writes")),
                 number(one.violations),
                 per_second(rates.stat(one.name, "violations"))],
                domain_details(sample, one),
                bool(rates.stat(one.name, "violations")))
            for one in sample.domains]


DOMAINS = View(
    "domains",
    [right("key", 4), left("domain"), left("owner", 6), left("others", 3),
     right("KiB"), right("of KiB", 2), right("scopes/s", 5),
     right("writes/s", 5), right("violations"), right("viol/s", 1)],
    0, False, frozenset(["domains", "stats", "memory"]), domain_rows)


def cpu_details(sample: Sample, cpu: Cpu) -> list[str]:
    lines = [f"CPU:         {cpu.cpu}",
             f"CR4.PKS:     {'set' if cpu.on else 'NOT SET'}",
             f"word:        {cpu.word}",
             f"MSR:         {cpu.msr}"]
    if cpu.mismatch:
        lines.append("             ! the MSR is not what the word says: "
                     "someone else wrote it")
    lines.append(f"held:        {cpu.held}, by the CPU's thread")
    return lines + holds_lines(sample, cpu.rights)


def holds_lines(sample: Sample, rights: Rights) -> list[str]:
    return [f"  {key:2}: {access:9}  {key_name(sample, key)}"
            for key, access in rights.items()]


def cpu_rows(sample: Sample, rates: Rates) -> Optional[list[Row]]:
    if sample.cpus is None:
        return None
    return [Row(str(one.cpu),
                [number(one.cpu), word("on" if one.on else "OFF"),
                 word(one.word), word(one.msr + "!" * one.mismatch),
                 word(one.held), word(more_text(sample, one.rights)),
                 word(rights_text(one.rights))],
                cpu_details(sample, one), one.mismatch or not one.on)
            for one in sample.cpus]


CPUS = View(
    "cpus",
    [right("cpu"), left("CR4.PKS"), left("word", 2), left("MSR", 1),
     left("held", 3), left("open"), left("rights held", 4)],
    0, False, frozenset(["cpus"]), cpu_rows)


def thread_details(sample: Sample, thread: Thread) -> list[str]:
    lines = [f"thread:      {clean(thread.name)}",
             f"pid:         {thread.pid}",
             "held for:    " + ("?" if thread.held_ms is None
                                else f"{thread.held_ms} ms"),
             "CPU:         " + ("none" if thread.cpu is None
                                else str(thread.cpu))]
    lines += [f"  in {clean(frame)}" for frame in thread.where]
    return lines + ["holds:"] + holds_lines(sample, thread.rights)


def thread_rows(sample: Sample, rates: Rates) -> Optional[list[Row]]:
    if sample.threads is None:
        return None
    return [Row(f"{one.pid} {one.name}",
                [number(one.pid), word(one.name), number(one.held_ms),
                 number(one.cpu), word(more_text(sample, one.rights)),
                 word(" < ".join(one.where) or None)],
                thread_details(sample, one))
            for one in sample.threads]


THREADS = View(
    "threads",
    [right("pid"), left("name"), right("held ms"), right("cpu", 1),
     left("open"), left("waits in", 2)],
    2, True, frozenset(["threads"]), thread_rows)


def fault_whose(fault: Fault) -> str:
    if fault.domain is not None:
        return fault.domain
    return "?" if fault.key is None else f"key {fault.key}"


def fault_rows(sample: Sample, rates: Rates) -> Optional[list[Row]]:
    """The newest is the last that was counted: so each keeps its name."""
    if sample.faults is None:
        return None
    total = sample.faults.violations
    return [Row(str(total - age),
                [Cell(f"{one.time:.3f}", (one.time, "")), word(one.access),
                 word(fault_whose(one)), word(one.outcome),
                 word(f"{one.comm}/{one.pid}"), number(one.cpu),
                 word(one.context), word(one.symbol)],
                [clean(line) for line in one.report])
            for age, one in enumerate(sample.faults.last)]


FAULTS = View(
    "faults",
    [right("time"), left("access", 4), left("domain"), left("outcome", 3),
     left("by", 2), right("cpu", 5), left("context", 6), left("in")],
    0, True, frozenset(["faults"]), fault_rows)

VIEWS = [KEYS, DOMAINS, CPUS, THREADS, FAULTS]


@dataclass
class Layout:
    """Lines of one width, and the rows that they show."""
    header: str
    lines: list[str]
    rows: list[Row] = field(default_factory=list)


def sort_rows(rows: list[Row], column: int, descending: bool) -> list[Row]:
    """Equals stay in their order."""
    return sorted(rows, key=lambda row: row.cells[column].order,
                  reverse=descending)


def widths_of(view: View, rows: list[Row], wanted: list[int]) -> list[int]:
    return [max([len(view.columns[i].title)] +
                [len(row.cells[i].text) for row in rows]) for i in wanted]


def fitting(view: View, rows: list[Row], width: Optional[int]) -> list[int]:
    """The columns that there is room for; the last may be cut."""
    wanted = list(range(len(view.columns)))
    while width is not None:
        room = widths_of(view, rows, wanted)
        room[-1] = min(room[-1], 8)
        if sum(room) + 2 * len(room) - 2 <= width:
            break
        worst = max(wanted, key=lambda i: view.columns[i].drop)
        if not view.columns[worst].drop:
            break
        wanted.remove(worst)
    return wanted


def lay_out(view: View, rows: list[Row], width: Optional[int]) -> Layout:
    wanted = fitting(view, rows, width)
    widths = widths_of(view, rows, wanted)

    def line(texts: list[str]) -> str:
        parts = [text.rjust(size) if view.columns[i].right
                 else text.ljust(size)
                 for i, size, text in zip(wanted, widths, texts)]
        return "  ".join(parts).rstrip()[:width]

    return Layout(line([view.columns[i].title for i in wanted]),
                  [line([row.cells[i].text for i in wanted])
                   for row in rows], rows)


def summary(sample: Sample, rates: Rates) -> list[str]:
    """What is to be known at once, the most important first."""
    status = sample.status
    if not status:
        return ["PKS ? (status could not be read)"]
    if not status.on:
        return [f"PKS off: {clean(status.reason)}"]
    counts = [tree.counted(sample, key.key) for key in sample.keys or []]
    total = sum(count for count in counts if count is not None)
    tampering = status.tampered_pkrs + status.tampered_cr4
    asked = []
    if sample.status_time != sample.time:
        asked = [f"(CPUs, tampering, ... of {clock(sample.status_time)})"]
    return ["PKS on",
            f"CPUs {status.cpus_on}/{status.cpus_online}",
            f"violations {total} "
            f"({per_second(rates.all_violations()).text}/s)",
            f"tampering {tampering}",
            f"resets {status.resets}",
            f"default {status.default}",
            f"policy {clean(status.policy)}",
            f"isolation {clean(status.isolation)}",
            f"threads {status.records}, {status.holding} hold more",
            *asked]


def clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def alarming(sample: Sample) -> bool:
    """Is something not as it should be, in the summary?"""
    status = sample.status
    return bool(status and status.on and
                (status.cpus_on != status.cpus_online or
                 status.tampered_pkrs or status.tampered_cr4))


def problem_lines(sample: Sample) -> list[str]:
    return [clean(f"{one.file}, line {one.line}: {one.text}"
                  if one.line else f"{one.file}: {one.text}")
            for one in sample.problems]
