# SPDX-License-Identifier: GPL-2.0
"""What is made of each file: as captured, as it may also be, and broken."""

import os
import random
import unittest

from helper import TREES, text, tree
from pks_top import parse
from pks_top.parse import (Cache, Cpu, Domain, Key, Memory, Policy, Problem,
                           Stats, Status, Thread, User)

RULE = "=" * 66 + "\n"


def fault(by="insmod/82 (process)", domain="vault", key=None,
          outcome="stopped (policy deny)"):
    """As pks_report.c prints it."""
    key = key or f'key 1, domain "{domain}" of vault; held read, needed write'
    return (RULE + f'BUG: PKS: write to read-only domain "{domain}" in f+0x1/'
            f"0x2 [m]\n\nWrite at 0xff by {by} on CPU 3:\n f+0x1/0x2 [m]\n g\n"
            f"\n{key}\nPKRS 0x55555554, error code 0x23, 7.000001 s after "
            f"boot\n{outcome}\n" + RULE)


class Captured(unittest.TestCase):
    def rows(self, parsed):
        self.assertEqual(parsed.problems, [])
        return parsed.rows

    def test_status(self):
        """parse: status"""
        [status] = self.rows(parse.whole(
            "status", text("holders", "status"), parse.status_text))
        self.assertEqual(status, Status(
            True, "", 4, 4, "0x55555564", 1, 9, 6, "on",
            "exceptions, the reschedule IPI",
            "on", "on", "deny", 0, 0))

    def test_status_counts(self):
        """parse: status, with registers put right and a CPU without CR4.PKS"""
        changed = text("holders", "status").replace(
            "PKRS 0, CR4.PKS 0", "PKRS 12, CR4.PKS 3").replace(
            "set on 4 of 4", "set on 3 of 4")
        [status] = self.rows(parse.whole("status", changed,
                                         parse.status_text))
        self.assertEqual(
            (status.tampered_pkrs, status.tampered_cr4, status.cpus_on),
            (12, 3, 3))

    def test_status_off(self):
        """parse: status of a machine without PKS"""
        [status] = self.rows(parse.whole(
            "status", text("nopks", "status"), parse.status_text))
        self.assertEqual(status, Status(False, "the CPU has no PKS"))

    def test_keys(self):
        """parse: keys"""
        self.assertEqual(
            self.rows(parse.table("keys", text("holders", "keys"),
                                  parse.key_row)),
            [Key(1, "noaccess", ["exclusive"],
                 [User("vault", "vault", False)]),
             Key(2, "readonly", ["exclusive", "readonly"],
                 [User("optable", "optable", False)]),
             Key(3, "noaccess", ["exclusive"],
                 [User("ramdisk", "ramdisk", False)]),
             Key(4, "noaccess", ["exclusive"],
                 [User("hold", "pks_hold", False)])])

    def test_policy(self):
        """parse: policy"""
        self.assertEqual(
            self.rows(parse.table("policy", text("samples", "policy"),
                                  parse.policy_row)),
            [Policy(1, "deny", False, 1, 1,
                    dict(stopped=2, stepped=0, retried=0, skipped=0, probed=0),
                    False),
             Policy(2, "report", False, 0, 1,
                    dict(stopped=0, stepped=1, retried=0, skipped=0, probed=0),
                    False),
             Policy(3, "deny", False, 0, 0,
                    dict(stopped=0, stepped=0, retried=0, skipped=0, probed=0),
                    False)])

    def test_domains(self):
        """parse: domains"""
        self.assertEqual(
            self.rows(parse.table("domains", text("samples", "domains"),
                                  parse.domain_row)),
            [Domain(1, "vault", "vault", "closed", 4, 2048, 2),
             Domain(2, "optable", "optable", "read-only", 4, 2048, 1),
             Domain(3, "ramdisk", "ramdisk", "closed", 16384, 16384, 0)])

    def test_stats(self):
        """parse: stats"""
        self.assertEqual(
            self.rows(parse.whole(
                "stats", text("samples", "domain/optable/stats"),
                parse.stats_text)),
            [Stats(0, 2, 24, 1)])

    def test_memory(self):
        """parse: memory, with a cache and with an area"""
        self.assertEqual(
            self.rows(parse.whole("memory",
                                  text("samples", "domain/vault/memory"),
                                  parse.memory_text)),
            [Memory(512, 1, 0, 0, 1, 0, 0, 0, [],
                    [Cache("size-128", 128, 1, 1, 28, 0)])])
        self.assertEqual(
            self.rows(parse.whole("memory",
                                  text("samples", "domain/ramdisk/memory"),
                                  parse.memory_text)),
            [Memory(4096, 4096, 0, 0, 8, 0, 0, 0, [("area", 4096)], [])])

    def test_cpus(self):
        """parse: cpus"""
        rows = self.rows(parse.table("cpus", text("holders", "cpus"),
                                     parse.cpu_row))
        self.assertEqual([row.cpu for row in rows], [0, 1, 2, 3])
        self.assertEqual(rows[3], Cpu(
            3, True, "0x55555564", "0x55555564", False, "0x55555564",
            {1: "noaccess", 2: "readonly", 3: "noaccess", 4: "noaccess"}))

    def test_cpus_without_keys(self):
        """parse: cpus where no key is allocated"""
        rows = self.rows(parse.table("cpus", text("empty", "cpus"),
                                     parse.cpu_row))
        self.assertEqual([row.rights for row in rows], [{}] * 4)

    def test_threads(self):
        """parse: threads"""
        rows = self.rows(parse.table("threads", text("holders", "threads"),
                                     parse.thread_row))
        self.assertEqual(len(rows), 6)
        self.assertEqual(rows[0].where, ["pks_hold_run [pks_hold]", "kthread",
                                         "ret_from_fork"])
        self.assertRegex(rows[0].name, r"^pks-hold-\d$")
        self.assertGreater(rows[0].held_ms, 1000)
        self.assertIsNone(rows[0].cpu)
        self.assertEqual(sorted(row.rights[4] for row in rows),
                         ["readonly"] * 3 + ["readwrite"] * 3)

    def test_faults(self):
        """parse: faults"""
        [faults] = self.rows(parse.faults(text("samples", "faults"), 99))
        self.assertEqual(
            (faults.violations, faults.kept, faults.overwritten,
             faults.not_printed), (3, 3, 0, 0))
        self.assertEqual(
            [(one.access, one.key, one.domain, one.owner, one.held,
              one.outcome) for one in faults.last],
            [("write", 2, "optable", "optable", "readonly", "stepped"),
             ("write", 1, "vault", "vault", "noaccess", "stopped"),
             ("read", 1, "vault", "vault", "noaccess", "stopped")])
        first = faults.last[0]
        self.assertEqual(first.title, 'write to read-only domain "optable"')
        self.assertEqual(first.symbol, "stray_write+0x5/0x20 [intruder]")
        self.assertEqual(first.stack[:2], [
            "stray_write+0x5/0x20 [intruder]",
            "intruder_init+0x3f/0x1000 [intruder]"])
        self.assertEqual((first.comm, first.context, first.pkrs,
                          first.error_code),
                         ("insmod", "process", "0x55555564", "0x23"))
        self.assertGreater(first.time, faults.last[1].time)

    def test_faults_limit(self):
        """parse: of the faults no more than wanted, the newest"""
        [faults] = self.rows(parse.faults(text("samples", "faults"), 1))
        self.assertEqual([one.key for one in faults.last], [2])
        self.assertEqual(faults.violations, 3)

    def test_faults_without_pks(self):
        """parse: faults of a machine without PKS"""
        [faults] = self.rows(parse.faults(text("nopks", "faults"), 9))
        self.assertEqual((faults.violations, faults.kept, faults.last),
                         (0, 0, []))


class Possible(unittest.TestCase):
    """What the captured machines did not do."""

    def one(self, row, line):
        parsed = parse.table("file", f"header\n{line}\n", row)
        self.assertEqual(parsed.problems, [])
        [only] = parsed.rows
        return only

    def test_shared_key(self):
        """parse: a key of several users, one of them gone"""
        key = self.one(parse.key_row, " 15  w            2  shared,readonly"
                       "     a b (one), c (two, gone)")
        self.assertEqual(key, Key(15, "readwrite", ["shared", "readonly"],
                                  [User("a b", "one", False),
                                   User("c", "two", True)]))

    def test_key_like_two(self):
        """parse: a name that looks like two users' is not taken for two"""
        key = self.one(parse.key_row, "  1  -            1  exclusive     "
                       "      a (b), c (d)")
        self.assertEqual(key.users, [User("a (b), c (d)", None, False)])

    def test_policy_wide(self):
        """parse: policy with counts wider than their columns, abandoned"""
        policy = self.one(
            parse.policy_row, "  9  panic   yes      12345678  123456789  "
            "987654321        0        1        2        3  a  b (abandoned)")
        self.assertEqual(
            (policy.handler, policy.violations, policy.abandoned),
            (True, 12345678 + 123456789, True))
        self.assertEqual(policy.outcomes, dict(
            stopped=987654321, stepped=0, retried=1, skipped=2, probed=3))

    def test_domain_spaces(self):
        """parse: a domain whose name has spaces, numbers, other letters"""
        name = "my  1 2 3 dömain"
        padded = name.encode().ljust(31).decode("latin-1")
        domain = self.one(parse.domain_row, f"  0  {padded}  "
                          "a_module_with_a_long_name  unprotected"
                          "     4      2048           0")
        self.assertEqual(domain, Domain(
            0, name, "a_module_with_a_long_name", "unprotected", 4, 2048, 0))

    def test_cpu_mismatch(self):
        """parse: a CPU that someone else wrote to, without CR4.PKS"""
        cpu = self.one(parse.cpu_row, "131  OFF      0x55555554  0x00000000!"
                       "  0x55555550  1:w 2:? 3:r")
        self.assertEqual(cpu, Cpu(
            131, False, "0x55555554", "0x00000000", True, "0x55555550",
            {1: "readwrite", 2: "unknown", 3: "readonly"}))

    def test_thread_running(self):
        """parse: a thread on a CPU, and one off it without a stack"""
        thread = self.one(parse.thread_row, "4194303  a; holds 1:w b "
                          "           -  on CPU 12; holds 1:w")
        self.assertEqual(thread, Thread(4194303, "a; holds 1:w b", None, 12,
                                        [], {1: "readwrite"}))
        thread = self.one(parse.thread_row, "      7  x                "
                          "123456789012  off the CPU; holds 1:r 15:-")
        self.assertEqual(thread, Thread(7, "x", 123456789012, None, [],
                                        {1: "readonly", 15: "noaccess"}))

    def test_fault_outcomes(self):
        """parse: every outcome of a violation"""
        for line, outcome in (
                ("stopped", "stopped"),
                ("stopped (policy deny)", "stopped"),
                ("carried out (policy report)", "stepped"),
                ("retried: its handler allows it", "retried"),
                ("left to the exception table by its handler", "skipped"),
                ("a probe that may fail", "probed"),
                ("the machine panics (policy panic)", "panicked"),
                ("something that there will be one day", "unknown")):
            parsed = parse.faults("violations: 1; kept: 1; overwritten: 0; "
                                  "not printed: 0\n" + fault(outcome=line), 9)
            self.assertEqual(parsed.problems, [])
            self.assertEqual(parsed.rows[0].last[0].outcome, outcome)

    def test_fault_keys(self):
        """parse: violations of a key that is nobody's, and of none"""
        for line, wanted in (
                ("key 7, which is nobody's; held no access, needed read",
                 (7, None, None, "noaccess")),
                ("key unknown: the mapping has gone; needed write",
                 (None, None, None, None)),
                ('key 3, domain "x" of y; held read and write, needed read',
                 (3, "x", "y", "readwrite"))):
            parsed = parse.faults("violations: 1\n" + fault(key=line), 9)
            self.assertEqual(parsed.problems, [])
            one = parsed.rows[0].last[0]
            self.assertEqual((one.key, one.domain, one.owner, one.held),
                             wanted)

    def test_fault_names(self):
        """parse: a process that calls itself like parts of a report"""
        for comm in ("x/1 (process) on", "a\n\nkey 1, do", "=====",
                     "a/2\n b\n"):
            parsed = parse.faults(
                "violations: 2\n" + fault(by=f"{comm}/77 (softirq)") +
                fault(domain="second"), 9)
            self.assertEqual(parsed.problems, [])
            first, second = parsed.rows[0].last
            self.assertEqual((first.comm, first.pid, first.context),
                             (comm, 77, "softirq"))
            self.assertEqual(second.domain, "second")


class Broken(unittest.TestCase):
    def test_lines(self):
        """parse: a broken line is a problem, the others are read"""
        for file, row in (("keys", parse.key_row), ("cpus", parse.cpu_row),
                          ("policy", parse.policy_row),
                          ("domains", parse.domain_row),
                          ("threads", parse.thread_row)):
            lines = text("holders", file).splitlines()
            lines[2] = "no \xc3\xa4 " + lines[2]
            parsed = parse.table(file, "\n".join(lines), row)
            self.assertEqual(len(parsed.rows), len(lines) - 2, file)
            self.assertEqual([(one.file, one.line) for one in parsed.problems],
                             [(file, 3)])
            self.assertIn("not understood: no \xe4", parsed.problems[0].text)

    def test_line_feeds(self):
        """parse: line feeds in a name forge no line"""
        for name in ("\n      1  init", "\n" * 15, "a\n\n  2  x", "a\nb"):
            line = f"     75  {name:15}            1  on CPU 1; holds 1:w"
            parsed = parse.table("threads", f"header\n{line}\n{line}\n",
                                 parse.thread_row)
            self.assertEqual(parsed.problems, [])
            self.assertEqual([(one.pid, one.name) for one in parsed.rows],
                             [(75, name)] * 2)

    def test_line_feed_in_domain(self):
        """parse: line feeds in a domain's name forge no line"""
        line = "  1  {:31}  vault             closed          4      2048  3"
        name = "a\n  2  b"
        parsed = parse.table("domains", "\n".join(
            ["header", line.format(name), line.format("c"), ""]),
            parse.domain_row)
        self.assertEqual(parsed.problems, [])
        self.assertEqual([one.name for one in parsed.rows], [name, "c"])

    def test_status(self):
        """parse: status without a line, or with another value, is a problem"""
        whole = text("holders", "status")
        for broken, what in (
                (whole.replace("tampering:", "tampered:"), "'tampering:'"),
                (whole.replace("4 of 4", "all"), "set on all"),
                (whole.replace("0x55555564", "open"), "open"),
                ("", "'PKS:'"), ("\0\1\n", "\0\1")):
            parsed = parse.whole("status", broken, parse.status_text)
            self.assertEqual(parsed.rows, [])
            self.assertIn(what, parsed.problems[0].text)

    def test_fault(self):
        """parse: a fault cut short is a problem; the others are read"""
        whole = text("samples", "faults")
        parsed = parse.faults(whole[:whole.rindex("PKRS")], 9)
        self.assertEqual([one.key for one in parsed.rows[0].last], [2, 1])
        self.assertEqual(len(parsed.problems), 1)

    def test_empty(self):
        """parse: an empty file has no rows"""
        self.assertEqual(parse.table("keys", "", parse.key_row).rows, [])
        self.assertEqual(parse.faults("", 9).rows, [])
        self.assertEqual(len(parse.faults("", 9).problems), 1)

    def test_problem_length(self):
        """parse: of a long line that is not understood the start is kept"""
        parsed = parse.table("keys", "\n" + "x" * 5000, parse.key_row)
        self.assertEqual(parsed.problems, [Problem(
            "keys", 2, "not understood: " + "x" * 200)])

    def test_garbage(self):
        """parse: files with bytes changed, cut and doubled never raise"""
        chance = random.Random(1)
        for name in ("holders", "samples"):
            for folder, _, files in os.walk(os.path.join(TREES, name)):
                for file in files:
                    path = os.path.relpath(os.path.join(folder, file),
                                           tree(name))
                    for _ in range(60):
                        self.read_anyway(damaged(chance, text(name, path)))

    def read_anyway(self, content):
        """As if it were each of the files."""
        for row in (parse.key_row, parse.cpu_row, parse.policy_row,
                    parse.domain_row, parse.thread_row):
            parse.table("file", content, row)
        for whole in (parse.status_text, parse.stats_text, parse.memory_text):
            parse.whole("file", content, whole)
        parse.faults(content, 99)


def damaged(chance, content):
    """In up to five places."""
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(content) + 1)
        end = at + chance.randrange(20)
        content = content[:at] + chance.choice([
            chr(chance.randrange(256)), "", content[at:end] * 2, "\n",
            content[end:end + 9]]) + content[end:]
    return content
