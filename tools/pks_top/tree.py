# SPDX-License-Identifier: GPL-2.0
"""A directory as the module makes it, or a copy of one, read into a sample.

A file is open only while it is read, for the module can't be unloaded
meanwhile; and only files that someone wants to see are read. `audit`, which
walks all page tables, and `matrix`, which has nothing that `cpus` and
`threads` have not, never are.
"""

import errno
import os
import time
from dataclasses import dataclass, field
from typing import Callable, Optional, TypeVar

from pks_top import parse
from pks_top.parse import Parsed, Problem

T = TypeVar("T")

DEBUGFS = "/sys/kernel/debug"
DEFAULT = DEBUGFS + "/pks"

# What may be asked for; `stats` and `memory` are each domain's. `status`,
# `keys` and `policy` are always read.
ALL = frozenset(["domains", "stats", "memory", "cpus", "threads", "faults"])


class Unavailable(Exception):
    """There is nothing to read, and why."""
    status = 1


class NotLoaded(Unavailable):
    """That may change."""
    status = 3


@dataclass
class Sample:
    """What was read at one time. What was not, or could not be, is None."""
    time: float
    clock: float
    status: Optional[parse.Status] = None
    status_time: float = 0
    keys: Optional[list[parse.Key]] = None
    policies: Optional[dict[int, parse.Policy]] = None
    domains: Optional[list[parse.Domain]] = None
    stats: dict[str, parse.Stats] = field(default_factory=dict)
    memory: dict[str, parse.Memory] = field(default_factory=dict)
    cpus: Optional[list[parse.Cpu]] = None
    threads: Optional[list[parse.Thread]] = None
    faults: Optional[parse.Faults] = None
    problems: list[Problem] = field(default_factory=list)


def gone(error: OSError) -> bool:
    """The file went while it was read, or just before, with its module."""
    return error.errno in (errno.ENOENT, errno.ENODEV, errno.EIO, errno.ENXIO,
                           errno.ESTALE, errno.ENOTDIR)


class Tree:
    """Reads samples. With @ask false no CPU is interrupted, but once at the
    start for `status`, which tells whether PKS is on."""

    def __init__(self, path: str, ask: bool = True, faults: int = 10) -> None:
        self.path = path
        self.ask = ask
        self.nr_faults = faults
        self.asked: Optional[tuple[Optional[parse.Status], float]] = None

    def read(self, files: frozenset[str]) -> Sample:
        """@files, and what is always wanted. Raises Unavailable."""
        self.check()
        sample = Sample(time.time(), time.monotonic())
        self.read_status(sample)
        sample.keys = self.table(sample, "keys", parse.key_row)
        policies = self.table(sample, "policy", parse.policy_row)
        if policies is not None:
            sample.policies = {row.key: row for row in policies}
        if "domains" in files:
            sample.domains = self.table(sample, "domains", parse.domain_row)
            self.read_domains(sample, files)
        if "cpus" in files and self.ask:
            sample.cpus = self.table(sample, "cpus", parse.cpu_row)
        if "threads" in files:
            sample.threads = self.table(sample, "threads", parse.thread_row)
        if "faults" in files:
            self.read_faults(sample)
        return sample

    def check(self) -> None:
        """Raises Unavailable, with what can be done about it."""
        try:
            os.stat(os.path.join(self.path, "status"))
        except PermissionError:
            raise Unavailable(f"{self.path}: no permission; "
                              "only root may read debugfs") from None
        except OSError:
            self.asked = None
            raise self.absence() from None

    def absence(self) -> Unavailable:
        beside = os.path.dirname(os.path.abspath(self.path))
        if beside == DEBUGFS and not os.path.ismount(DEBUGFS):
            return Unavailable(f"debugfs is not mounted; as root: "
                               f"mount -t debugfs debugfs {DEBUGFS}")
        return NotLoaded(f"pks is not loaded: there is no {self.path}/status")

    def text(self, sample: Sample, file: str) -> Optional[str]:
        """None if there is none; one that can't be read is a problem."""
        try:
            with open(os.path.join(self.path, file), "rb") as stream:
                return stream.read().decode("latin-1")
        except OSError as error:
            if not gone(error):
                sample.problems.append(Problem(file, 0, why(error)))
            return None

    def table(self, sample: Sample, file: str,
              row: Callable[[str], T]) -> Optional[list[T]]:
        text = self.text(sample, file)
        if text is None:
            return None
        return self.take(sample, parse.table(file, text, row))

    def one(self, sample: Sample, file: str,
            read: Callable[[str], T]) -> Optional[T]:
        text = self.text(sample, file)
        if text is None:
            return None
        rows = self.take(sample, parse.whole(file, text, read))
        return rows[0] if rows else None

    def take(self, sample: Sample, parsed: Parsed[T]) -> list[T]:
        sample.problems += parsed.problems
        return parsed.rows

    def read_status(self, sample: Sample) -> None:
        if self.ask or not self.asked:
            status = self.one(sample, "status", parse.status_text)
            self.asked = (status, sample.time)
        sample.status, sample.status_time = self.asked

    def read_domains(self, sample: Sample, files: frozenset[str]) -> None:
        """One may be destroyed since it was listed."""
        for domain in sample.domains or []:
            name = domain.name
            if "/" in name or "\0" in name or name.startswith("."):
                continue
            if "stats" in files:
                stats = self.one(sample, f"domain/{name}/stats",
                                 parse.stats_text)
                if stats:
                    sample.stats[name] = stats
            if "memory" in files:
                memory = self.one(sample, f"domain/{name}/memory",
                                  parse.memory_text)
                if memory:
                    sample.memory[name] = memory

    def read_faults(self, sample: Sample) -> None:
        text = self.text(sample, "faults")
        if text is not None:
            rows = self.take(sample, parse.faults(text, self.nr_faults))
            sample.faults = rows[0] if rows else None


def why(error: OSError) -> str:
    if error.errno == errno.EPERM:
        return "not permitted: the kernel is locked down"
    return (error.strerror or "can't be read").lower()


def rate(before: Optional[int], now: Optional[int],
         seconds: float) -> Optional[float]:
    """Per second; None without two values of one counter."""
    if before is None or now is None or now < before or seconds <= 0:
        return None
    return (now - before) / seconds


class Rates:
    """What was counted between two samples, per second."""

    def __init__(self, before: Optional[Sample], now: Sample) -> None:
        self.before = before
        self.now = now
        self.seconds = now.clock - before.clock if before else 0.0

    def violations(self, key: int) -> Optional[float]:
        """Of a key that has no other user than it had."""
        if not self.before or owner(self.before, key) != owner(self.now, key):
            return None
        return rate(counted(self.before, key), counted(self.now, key),
                    self.seconds)

    def all_violations(self) -> Optional[float]:
        if not self.before:
            return None
        rates = [self.violations(one.key) for one in self.now.keys or []]
        return sum(one for one in rates if one is not None)

    def stat(self, domain: str, counter: str) -> Optional[float]:
        if not self.before:
            return None
        before = self.before.stats.get(domain)
        now = self.now.stats.get(domain)
        return rate(getattr(before, counter, None),
                    getattr(now, counter, None), self.seconds)


def owner(sample: Sample, key: int) -> Optional[list[parse.User]]:
    found = [one.users for one in sample.keys or [] if one.key == key]
    return found[0] if found else None


def counted(sample: Sample, key: int) -> Optional[int]:
    """The violations of a key. Where `policy`, which may be written, can't be
    read, a domain still has them."""
    if sample.policies is not None:
        policy = sample.policies.get(key)
        return policy.violations if policy else None
    domain = domain_of(sample, key)
    return domain.violations if domain else None


def domain_of(sample: Sample, key: int) -> Optional[parse.Domain]:
    found = [one for one in sample.domains or [] if one.key == key]
    return found[0] if found else None
