# SPDX-License-Identifier: GPL-2.0
"""What the files of /sys/kernel/debug/pks say.

Text comes as latin-1, a character a byte: the kernel counts columns in bytes.
Names are anybody's choice, of a thread even that of a process without
privileges: they may have spaces, control characters and line feeds in them.
What can't be told for sure is a problem, kept with the rest, and never an
exception.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Callable, Generic, Match, Optional, Pattern, TypeVar

T = TypeVar("T")

Rights = dict[int, str]

ACCESS = {
    "-": "noaccess",
    "r": "readonly",
    "w": "readwrite",
    "?": "unknown",
}

OUTCOMES = {
    "stopped": "stopped",
    "stopped (policy deny)": "stopped",
    "carried out (policy report)": "stepped",
    "retried: its handler allows it": "retried",
    "left to the exception table by its handler": "skipped",
    "a probe that may fail": "probed",
    "the machine panics (policy panic)": "panicked",
}

HELD = {
    "no access": "noaccess",
    "read": "readonly",
    "read and write": "readwrite",
}

PROBLEM_LENGTH = 200
# So many bytes may be in a name, each of them a line feed.
NAME_LENGTH = 31


class Malformed(ValueError):
    """A line that is none of what the kernel prints."""


@dataclass(frozen=True)
class Problem:
    """Of a file's line, or of the file if that is 0."""
    file: str
    line: int
    text: str


@dataclass
class Parsed(Generic[T]):
    """What was understood, and what was not."""
    rows: list[T] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Status:
    on: bool
    reason: str
    cpus_on: int = 0
    cpus_online: int = 0
    default: str = ""
    resets: int = 0
    records: int = 0
    holding: int = 0
    isolation: str = ""
    not_isolated: str = ""
    fault_hook: str = ""
    audit: str = ""
    policy: str = ""
    tampered_pkrs: int = 0
    tampered_cr4: int = 0


@dataclass(frozen=True)
class User:
    name: str
    owner: Optional[str]
    gone: bool


@dataclass(frozen=True)
class Key:
    key: int
    default: str
    flags: list[str]
    users: list[User]


@dataclass(frozen=True)
class Policy:
    key: int
    policy: str
    handler: bool
    reads: int
    writes: int
    outcomes: dict[str, int]
    abandoned: bool

    @property
    def violations(self) -> int:
        return self.reads + self.writes


@dataclass(frozen=True)
class Domain:
    key: int
    name: str
    owner: str
    others: str
    used_kib: int
    kib: int
    violations: int


@dataclass(frozen=True)
class Stats:
    scopes: int
    writes: int
    bytes: int
    violations: int


@dataclass(frozen=True)
class Cache:
    name: str
    size: int
    slabs: int
    objects: int
    of: int
    damaged: int


@dataclass(frozen=True)
class Memory:
    pages: int
    used: int
    lost: int
    owners: int
    large: int
    small: int
    empty: int
    splits: int
    areas: list[tuple[str, int]]
    caches: list[Cache]


@dataclass(frozen=True)
class Cpu:
    cpu: int
    on: bool
    word: str
    msr: str
    mismatch: bool
    held: str
    rights: Rights


@dataclass(frozen=True)
class Thread:
    pid: int
    name: str
    held_ms: Optional[int]
    cpu: Optional[int]
    where: list[str]
    rights: Rights


@dataclass(frozen=True)
class Fault:
    title: str
    symbol: str
    access: str
    address: str
    comm: str
    pid: int
    context: str
    cpu: int
    stack: list[str]
    key: Optional[int]
    domain: Optional[str]
    owner: Optional[str]
    held: Optional[str]
    pkrs: str
    error_code: str
    time: float
    outcome: str
    report: list[str]


@dataclass(frozen=True)
class Faults:
    violations: int
    kept: int
    overwritten: int
    not_printed: int
    last: list[Fault]


def unicode(text: str) -> str:
    """The name that these bytes are."""
    return text.encode("latin-1").decode("utf-8", "replace")


def expect(pattern: Pattern[str], text: str) -> Match[str]:
    match = pattern.fullmatch(text)
    if not match:
        raise Malformed(text)
    return match


def numbers(match: Match[str], *groups: int) -> list[int]:
    return [int(match[group]) for group in groups]


def not_understood(file: str, line: int, text: str) -> Problem:
    what = unicode(text)[:PROBLEM_LENGTH]
    return Problem(file, line, f"not understood: {what}")


def lines_of(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def row_at(lines: list[str], at: int,
           row: Callable[[str], T]) -> tuple[Optional[T], int]:
    """A row, and of how many lines: what is not one alone may have been broken
    by its name, and what comes next is then no row, whatever it looks like."""
    for count in range(1, min(NAME_LENGTH + 1, len(lines) - at) + 1):
        try:
            return row("\n".join(lines[at:at + count])), count
        except ValueError:
            continue
    return None, 1


def table(file: str, text: str, row: Callable[[str], T]) -> Parsed[T]:
    """All lines but the header."""
    parsed: Parsed[T] = Parsed()
    lines = lines_of(text)
    at = 1
    while at < len(lines):
        read, count = row_at(lines, at, row)
        if read is None:
            problem = not_understood(file, at + 1, lines[at])
            parsed.problems.append(problem)
        else:
            parsed.rows.append(read)
        at += count
    return parsed


def whole(file: str, text: str, parse: Callable[[str], T]) -> Parsed[T]:
    """A file that is one thing: one row, or none."""
    try:
        return Parsed([parse(text)])
    except ValueError as error:
        return Parsed(problems=[not_understood(file, 0, str(error))])


def rights_of(text: str) -> Rights:
    """" 1:- 2:w"."""
    pairs = (pair.split(":") for pair in text.split())
    return {int(pkey): ACCESS[char] for pkey, char in pairs}


STATUS_LINE = re.compile(r"([A-Za-z0-9. ]+): +(.*)")
STATUS_CPUS = re.compile(r"set on (\d+) of (\d+) CPUs online")
STATUS_RECORDS = re.compile(r"(\d+), of which (\d+) hold more .*")
STATUS_TAMPERING = re.compile(r"PKRS (\d+), CR4\.PKS (\d+) times put right")
STATUS_POLICY = re.compile(r"(\w+) \(default of new keys\)")
HEX = re.compile(r"0x[0-9a-f]+")


def status_fields(text: str) -> dict[str, str]:
    matches = (expect(STATUS_LINE, line) for line in lines_of(text))
    return {match[1]: match[2] for match in matches}


def status_value(fields: dict[str, str], name: str) -> str:
    if name not in fields:
        raise Malformed(f"there is no line '{name}:'")
    return fields[name]


def status_text(text: str) -> Status:
    fields = status_fields(text)
    state = status_value(fields, "PKS")
    if state != "on":
        return Status(False, state)
    cpus = expect(STATUS_CPUS, status_value(fields, "CR4.PKS"))
    records = expect(STATUS_RECORDS, status_value(fields, "records"))
    tampered = expect(STATUS_TAMPERING, status_value(fields, "tampering"))
    default = expect(HEX, status_value(fields, "default PKRS"))
    policy = expect(STATUS_POLICY, status_value(fields, "policy"))
    return Status(
        True, "", int(cpus[1]), int(cpus[2]), default[0],
        int(status_value(fields, "resets")), int(records[1]), int(records[2]),
        status_value(fields, "irq isolation"),
        status_value(fields, "not isolated"),
        status_value(fields, "fault hook"), status_value(fields, "audit"),
        policy[1], int(tampered[1]), int(tampered[2]))


KEY = re.compile(r" *(\d+)  ([-rw?]) +(\d+)  (\S+) +(.*)", re.DOTALL)
USER = re.compile(r"(.+?) \(([^\s(),]+)(, gone)?\)(?:, |$)", re.DOTALL)


def users_of(text: str, count: int) -> list[User]:
    """One whose name looks like two is left as it is."""
    matches = list(USER.finditer(text))
    if len(matches) != count or "".join(m[0] for m in matches) != text:
        return [User(unicode(text), None, False)]
    return [User(unicode(m[1]), m[2], bool(m[3])) for m in matches]


def key_row(line: str) -> Key:
    match = expect(KEY, line)
    return Key(int(match[1]), ACCESS[match[2]], match[4].split(","),
               users_of(match[5], int(match[3])))


POLICY = re.compile(r" *(\d+)  (\S+) +(yes|-) +(\d+) +(\d+)" +
                    r" +(\d+)" * 5 + r"  (.*)", re.DOTALL)
POLICY_OUTCOMES = ("stopped", "stepped", "retried", "skipped", "probed")


def policy_row(line: str) -> Policy:
    match = expect(POLICY, line)
    outcomes = dict(zip(POLICY_OUTCOMES, numbers(match, *range(6, 11))))
    return Policy(int(match[1]), match[2], match[3] == "yes",
                  int(match[4]), int(match[5]), outcomes,
                  match[11].endswith(" (abandoned)"))


DOMAIN = re.compile(r"([ \d]{3})  (.{31})  (\S+) +(\S+) +(\d+) +(\d+) +(\d+)",
                    re.DOTALL)


def domain_row(line: str) -> Domain:
    match = expect(DOMAIN, line)
    return Domain(int(match[1]), unicode(match[2].rstrip(" ")), match[3],
                  match[4], int(match[5]), int(match[6]), int(match[7]))


STATS = re.compile(r"scopes: +(\d+)\nwrites: +(\d+)\n"
                   r"bytes: +(\d+)\nviolations: +(\d+)\n?")


def stats_text(text: str) -> Stats:
    return Stats(*numbers(expect(STATS, text), 1, 2, 3, 4))


MEMORY = re.compile("\n".join([
    r"pages: +(\d+), of which (\d+) are in use \(\d+ %\)"
    r"(?:\nlost: +(\d+) pages)?",
    r"owner's: +(\d+) pages",
    r"chunks: +(\d+) of 2 MiB in one piece, (\d+) smaller or in pieces, "
    r"(\d+) of them empty",
    r"splits: +(\d+) large pages of the direct map",
    r"",
    r"areas +pages",
    r"(.*?)",
    r"cache +size +slabs +objects +of +damaged",
    r"(.*)"]), re.DOTALL)
AREA = re.compile(r"(\S.*?) +(\d+)")
CACHE = re.compile(r"(.*?) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)")


def area_row(line: str) -> tuple[str, int]:
    match = expect(AREA, line)
    return match[1], int(match[2])


def cache_row(line: str) -> Cache:
    match = expect(CACHE, line)
    return Cache(unicode(match[1]), *numbers(match, 2, 3, 4, 5, 6))


def memory_text(text: str) -> Memory:
    match = expect(MEMORY, text)
    areas = [area_row(line) for line in lines_of(match[9])]
    caches = [cache_row(line) for line in lines_of(match[10])]
    pages, used, owners, large, small, empty, splits = \
        numbers(match, 1, 2, *range(4, 9))
    return Memory(pages, used, int(match[3] or 0), owners, large, small,
                  empty, splits, areas, caches)


RIGHTS = r"((?: *\d+:[-rw?])*) *"
CPU = re.compile(r" *(\d+)  (on|OFF) +(0x[0-9a-f]{8})  (0x[0-9a-f]{8})([ !])"
                 r"  (0x[0-9a-f]{8})" + RIGHTS)


def cpu_row(line: str) -> Cpu:
    match = expect(CPU, line)
    return Cpu(int(match[1]), match[2] == "on", match[3], match[4],
               match[5] == "!", match[6], rights_of(match[7]))


THREAD = re.compile(r"([ \d]{7})  (.{15})  ( *\d+| *-)  "
                    r"(on CPU \d+|off the CPU|in .*); holds" + RIGHTS,
                    re.DOTALL)


def thread_row(line: str) -> Thread:
    match = expect(THREAD, line)
    held, where = match[3].strip(), match[4]
    on_cpu = where.startswith("on CPU ")
    waits = where[3:].split(" < ") if where.startswith("in ") else []
    return Thread(int(match[1]), unicode(match[2].rstrip(" ")),
                  None if held == "-" else int(held),
                  int(where[7:]) if on_cpu else None,
                  [unicode(frame) for frame in waits], rights_of(match[5]))


FAULTS = re.compile(r"violations: (\d+)(?:; kept: (\d+); "
                    r"overwritten: (\d+); not printed: (\d+))?")
RULE = "=" * 66 + "\n"
FAULT = re.compile("\n".join([
    r"BUG: PKS: (.*) in (\S+(?: \[\S+\])?)",
    r"",
    r"(Read|Write) at (0x[0-9a-f]+) by (.*)/(\d+) \((\w+)\) on CPU (\d+):",
    r"((?: [^\n]*\n)*)",
    r"key (?:unknown: the mapping has gone|(\d+), which is nobody's|"
    r"(\d+), domain \"(.*)\" of (\S+)); "
    r"(?:held ([a-z ]+), )?needed (?:read|write)",
    r"PKRS (0x[0-9a-f]+), error code (0x[0-9a-f]+), "
    r"(\d+\.\d{6}) s after boot",
    r"([^\n]+)",
    r""]), re.DOTALL)


def fault_record(text: str) -> Fault:
    match = expect(FAULT, text)
    pkey = match[10] or match[11]
    return Fault(
        unicode(match[1]), unicode(match[2]), match[3].lower(), match[4],
        unicode(match[5]), int(match[6]), match[7], int(match[8]),
        [unicode(frame[1:]) for frame in lines_of(match[9])],
        int(pkey) if pkey else None,
        unicode(match[12]) if match[11] else None, match[13],
        HELD.get(match[14] or ""), match[15], match[16], float(match[17]),
        OUTCOMES.get(match[18], "unknown"), lines_of(unicode(text)))


def faults_header(line: str) -> Faults:
    violations, kept, overwritten, not_printed = \
        expect(FAULTS, line).groups(default="0")
    return Faults(int(violations), int(kept), int(overwritten),
                  int(not_printed), [])


def faults(text: str, limit: int) -> Parsed[Faults]:
    """The first @limit records, which are the newest."""
    header, _, rest = text.partition("\n")
    parsed = whole("faults", header, faults_header)
    if not parsed.rows:
        return Parsed(problems=parsed.problems)
    records = [part for part in rest.split(RULE) if part][:limit]
    read = [whole("faults", record, fault_record) for record in records]
    last = [fault for one in read for fault in one.rows]
    return Parsed([replace(parsed.rows[0], last=last)],
                  [problem for one in read for problem in one.problems])
