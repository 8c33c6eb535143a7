# SPDX-License-Identifier: GPL-2.0
"""The program where it prints: text, JSON, exit status."""

import json
import os
import signal
import subprocess
import unittest

import jsonschema

from helper import PROGRAM, SCHEMA, TreeCase, run, tree

CPUS_MISMATCH = ("  2  on       0x55555564  0x55555564 ",
                 "  2  on       0x55555564  0x00000000!")


def documents(printed):
    return [json.loads(line) for line in printed.splitlines()]


class Json(TreeCase):
    source = "holders"

    @classmethod
    def setUpClass(cls):
        with open(SCHEMA, encoding="utf-8") as stream:
            schema = json.load(stream)
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.schema = jsonschema.Draft202012Validator(schema)

    def document(self, *arguments):
        printed, errors, status = run("-j", "-d", self.path, *arguments)
        self.assertEqual((errors, status), ("", 0))
        made = json.loads(printed)
        self.schema.validate(made)
        return made

    def test_schema_of_trees(self):
        """json: what is made of every captured tree is as the schema says"""
        for name in ("empty", "nopks", "samples", "holders"):
            self.path = tree(name)
            self.assertEqual(self.document()["problems"], [], name)

    def test_schema_is_strict(self):
        """json: the schema takes no other document"""
        made = self.document()

        def spoil(*path):
            """With a member of another type, or without it."""
            *to, last = path
            for other in ({}, None):
                spoilt = inner = json.loads(json.dumps(made))
                for step in to:
                    inner = inner[step]
                if other is None:
                    del inner[last]
                else:
                    inner[last] = other
                yield spoilt

        for path in (("schema",), ("status", "resets"), ("keys", 0, "default"),
                     ("keys", 0, "policy", "outcomes", "probed"),
                     ("domains", 0, "memory", "chunks", "large"),
                     ("domains", 0, "memory", "caches", 0, "of"),
                     ("cpus", 0, "mismatch"), ("threads", 0, "where"),
                     ("threads", 0, "held_ms"),
                     ("faults", "last", 0, "outcome")):
            for spoilt in spoil(*path):
                self.assertFalse(self.schema.is_valid(spoilt), path)

    def test_values(self):
        """json: values are those of the files"""
        made = self.document("-f", "2")
        self.assertEqual(made["schema"], 1)
        self.assertIsNone(made["seconds"])
        self.assertEqual(made["status"]["cpus"], {"on": 4, "online": 4})
        self.assertEqual(made["status"]["time"], made["time"])
        self.assertEqual(
            [(one["key"], one["default"], one["domain"], one["violations"],
              one["policy"]["policy"]) for one in made["keys"][:3]],
            [(1, "noaccess", "vault", 2, "deny"),
             (2, "readonly", "optable", 1, "report"),
             (3, "noaccess", "ramdisk", 0, "deny")])
        self.assertIsNone(made["keys"][3]["domain"])
        self.assertEqual(
            [(one["name"], one["used_kib"], one["kib"], one["scopes"],
              one["writes"], one["bytes"]) for one in made["domains"]],
            [("vault", 4, 2048, 2, 1, 64), ("optable", 4, 2048, 0, 2, 24),
             ("ramdisk", 16384, 16384, 0, 0, 0)])
        self.assertEqual([one["cpu"] for one in made["cpus"]], [0, 1, 2, 3])
        self.assertEqual(len(made["threads"]), 6)
        self.assertEqual(len(made["faults"]["last"]), 2)

    def test_mismatch(self):
        """json: a register that someone wrote to"""
        self.change("cpus", *CPUS_MISMATCH)
        made = self.document()
        self.assertEqual([one["mismatch"] for one in made["cpus"]],
                         [False, False, True, False])
        self.assertEqual(made["cpus"][2]["msr"], "0x00000000")

    def test_series(self):
        """json: one of many is a line, with rates from the second on"""
        printed, errors, status = run("-j", "-d", self.path, "-n", "0.2",
                                      "-c", "3")
        self.assertEqual((errors, status), ("", 0))
        made = documents(printed)
        self.assertEqual(len(made), 3)
        for one in made:
            self.schema.validate(one)
        self.assertEqual([one["keys"][0]["violations_per_s"] for one in made],
                         [None, 0.0, 0.0])
        self.assertEqual(made[0]["seconds"], None)
        self.assertGreater(made[1]["seconds"], 0.19)
        self.assertGreater(made[2]["time"], made[1]["time"])

    def test_no_cpus(self):
        """json: --no-cpus has no CPUs"""
        made = self.document("--no-cpus")
        self.assertIsNone(made["cpus"])
        self.assertEqual(len(made["threads"]), 6)

    def test_names(self):
        """json: names are as they are, and no control character is printed"""
        name = "\x1b[31mred\x07\x7f"
        self.change("threads", "pks-hold-0     ", f"{name:15}")
        printed, _, _ = run("-j", "-d", self.path)
        self.assertTrue(printed.replace("\n", "").isprintable())
        self.assertIn(name, [one["name"] for one in
                             json.loads(printed)["threads"]])

    def test_problems(self):
        """json: what is not understood is a problem, with file and line"""
        self.change("keys", "  2  r   ", "  2  x   ")
        made = self.document()
        self.assertEqual([one["key"] for one in made["keys"]], [1, 3, 4])
        self.assertEqual([(one["file"], one["line"])
                          for one in made["problems"]], [("keys", 3)])

    def test_status_gone(self):
        """json: a status that is not understood is null, and a problem"""
        self.write("status", "PKS:             on\n")
        made = self.document()
        self.assertIsNone(made["status"])
        self.assertEqual([one["file"] for one in made["problems"]],
                         ["status"])


class Text(TreeCase):
    source = "holders"

    def test_tables(self):
        """text: every table, without one line of the files that is lost"""
        printed, errors, status = run("-b", "-d", self.path)
        self.assertEqual((errors, status), ("", 0))
        for line in ("keys: 4", "domains: 3", "cpus: 4", "threads: 6",
                     "faults: 3, the last of "):
            self.assertRegex(printed, f"(?m)^{line}")
        for line in (
                r"    2  optable  optable   r            1  read-only  report"
                r"           1       -         -",
                r"    3  ramdisk  ramdisk  closed     16384   16384 +- +- +0"
                r" +-",
                r"    3  on       0x55555564  0x55555564  0x55555564  -     "
                r"1:- 2:r 3:- 4:-",
                r"   \d+  pks-hold-0 +\d+    -  hold:w  "
                r"pks_hold_run \[pks_hold\] < kthread < ret_from_fork"):
            self.assertRegex(printed, f"(?m)^{line}$")

    def test_pipe(self):
        """text: without a terminal it prints once"""
        printed, _, status = run("-d", self.path)
        self.assertEqual(status, 0)
        self.assertIn("PKS on  CPUs 4/4", printed)

    def test_linked(self):
        """text: it is found through a link, as a package installs it"""
        link = os.path.join(self.top, "pks-top")
        os.symlink(PROGRAM, link)
        printed, errors, status = run("-d", self.path, program=link)
        self.assertEqual((errors, status), ("", 0))
        self.assertIn("PKS on  CPUs 4/4", printed)

    def test_off(self):
        """text: a machine without PKS is no error, and says so"""
        printed, errors, status = run("-d", tree("nopks"))
        self.assertEqual((errors, status), ("", 0))
        self.assertIn("PKS off: the CPU has no PKS", printed)
        self.assertRegex(printed, r"(?m)^ +0  vault +vault +unprotected ")

    def test_summary(self):
        """text: the summary has what was put right, and CPUs without PKS"""
        self.change("status", "PKRS 0, CR4.PKS 0", "PKRS 12, CR4.PKS 3")
        self.change("status", "set on 4 of", "set on 3 of")
        printed, _, _ = run("-d", self.path)
        self.assertIn("CPUs 3/4", printed)
        self.assertIn("tampering 15", printed)

    def test_rates(self):
        """text: again and again has rates from the second on"""
        printed, _, _ = run("-b", "-d", self.path, "-n", "0.1", "-c", "2")
        _, first, second = printed.split("PKS on")
        self.assertIn("(-/s)", first)
        self.assertIn("(0.0/s)", second)

    def test_names(self):
        """text: no control character of a name is printed"""
        for name in ("\x1b]0;owned\x07", "\n      1  init", "\x9b31m\xff",
                     "tab\there\r"):
            self.change("threads", "pks-hold-1     ", f"{name:15}")
            printed, _, status = run("-d", self.path)
            self.assertEqual(status, 0)
            self.assertRegex(printed, r"\A[ -~\n]+\Z")
            self.assertIn("threads: 6\n", printed)
            self.change("threads", f"{name:15}", "pks-hold-1     ")

    def test_problems(self):
        """text: what is not understood is said"""
        self.change("cpus", "  3  on ", "  \x1b  on ")
        printed, _, status = run("-d", self.path)
        self.assertEqual(status, 0)
        self.assertIn("cpus, line 5: not understood:   ?  on ", printed)
        self.assertIn("cpus: 3\n", printed)


class Status(TreeCase):
    def test_not_loaded(self):
        """exit: 3 where pks is not loaded"""
        printed, errors, status = run("-d", self.path + "~")
        self.assertEqual((printed, status), ("", 3))
        self.assertRegex(errors, r"\Apks-top: pks is not loaded: .*\n\Z")

    def test_unloaded(self):
        """exit: 3 when pks is unloaded meanwhile"""
        program = subprocess.Popen(
            [PROGRAM, "-j", "-n", "0.2", "-d", self.path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        json.loads(program.stdout.readline())
        os.rename(self.path, self.path + "~")
        _, errors = program.communicate(timeout=60)
        os.rename(self.path + "~", self.path)
        self.assertEqual(program.returncode, 3)
        self.assertIn(b"pks is not loaded", errors)

    @unittest.skipIf(os.geteuid(), "as root only")
    def test_permission(self):
        """exit: 1 without permission, with one line that says what to do"""
        os.chmod(self.path, 0o700)
        printed, errors, status = self.run_as_nobody()
        self.assertEqual((printed, status), ("", 1))
        self.assertRegex(errors, r"\Apks-top: .*: no permission; .*root.*\n\Z")

    @unittest.skipIf(os.geteuid(), "as root only")
    def test_some_permission(self):
        """exit: 0 where some files may be read; the others are said"""
        os.chmod(os.path.join(self.path, "threads"), 0o400)
        printed, _, status = self.run_as_nobody()
        self.assertEqual(status, 0)
        self.assertIn("threads: not read", printed)
        self.assertIn("threads: permission denied", printed)
        self.assertIn("keys: 3", printed)

    def test_options(self):
        """exit: 2 for options that are wrong"""
        for wrong in (["-n", "0"], ["-n", "nan"], ["-n", "x"], ["-c", "0"],
                      ["-f", "-1"], ["--debug", "x"], ["file"]):
            printed, errors, status = run(*wrong)
            self.assertEqual((printed, status), ("", 2), wrong)
            self.assertIn("usage: pks-top", errors)

    def test_closed_pipe(self):
        """exit: quietly, when nobody reads any more"""
        program = subprocess.Popen(
            [PROGRAM, "-j", "-n", "0.1", "-d", self.path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        program.stdout.readline()
        program.stdout.close()
        self.assertEqual(program.stderr.read(), b"")
        program.stderr.close()
        self.assertEqual(program.wait(60), 0)

    def test_signals(self):
        """exit: 128 and the number of a signal"""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            program = subprocess.Popen(
                [PROGRAM, "-j", "-n", "60", "-d", self.path],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            program.stdout.readline()
            program.send_signal(number)
            _, errors = program.communicate(timeout=60)
            self.assertEqual((program.returncode, errors),
                             (128 + number, b""))


class Ends(TreeCase):
    """Every way in which output, or what is read, can fail."""

    def shell(self, command):
        done = subprocess.run(["sh", "-c", command, "sh", PROGRAM, self.path],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60, check=False)
        return done.stdout.decode(), done.stderr.decode(), done.returncode

    def test_unwritten(self):
        """print: output that can't be written is one line, and status 4"""
        for options in ("-b", "-j", "-b -n 0.1", "-j -n 0.1"):
            _, errors, status = self.shell(
                f'"$1" {options} -d "$2" >/dev/full')
            self.assertEqual(
                (errors, status),
                ("pks-top: standard output: No space left on device\n", 4))
            _, errors, status = self.shell(f'"$1" {options} -d "$2" >&-')
            self.assertEqual((errors, status),
                             ("pks-top: standard output is closed\n", 4))

    def test_nowhere(self):
        """print: with nowhere to say so, the status tells"""
        for closed in ("2>&-", "2>/dev/full"):
            self.assertEqual(
                self.shell(f'"$1" -b -d "$2" >/dev/full {closed}'),
                ("", "", 4))
            self.assertEqual(
                self.shell(f'"$1" -b -d "$2/none" {closed}'), ("", "", 3))

    def test_reader_goes(self):
        """print: whoever has seen enough may go"""
        printed, errors, _ = self.shell('"$1" -b -n 0.1 -d "$2" | head -n 1')
        self.assertEqual((len(printed.splitlines()), errors), (1, ""))

    def test_interrupted(self):
        """print: SIGINT ends it, also where it was ignored"""
        for before in ("", "trap '' INT; "):
            done = subprocess.Popen(
                ["sh", "-c", before + 'exec "$1" -b -n 0.1 -d "$2"', "sh",
                 PROGRAM, self.path],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertTrue(done.stdout.readline())
            done.send_signal(signal.SIGINT)
            _, errors = done.communicate(timeout=60)
            self.assertEqual((errors, done.returncode), (b"", 130))
