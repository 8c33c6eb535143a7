# SPDX-License-Identifier: GPL-2.0
"""The program on a terminal, of a tree that changes meanwhile."""

import itertools
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

from helper import PROGRAM, TreeCase
from terminal import TIMEOUT, Terminal

CLOCK = re.compile(r"\d\d:\d\d:\d\d")

KEYS_80 = """\
PKS on  CPUs 4/4  violations 3 (0.0/s)  tampering 0  resets 1
default 0x55555564  policy deny  isolation on  threads 0, 0 hold more  CLOCK
[1 keys] 2 domains  3 cpus  4 threads  5 faults
key  name     owner    default  domain     policy  violations  viol/s  scopes/s
  1  vault    vault    -        closed     deny             2     0.0       0.0
  2  optable  optable  r        read-only  report           1     0.0       0.0
  3  ramdisk  ramdisk  -        closed     deny             0     0.0       0.0
"""
KEYS_40 = """\
PKS on  CPUs 4/4  violations 3 (0.0/s)
tampering 0  resets 1
[1 keys] 2  3  4  5
key  name     policy  violations  viol/s
  1  vault    deny             2     0.0
  2  optable  report           1     0.0
  3  ramdisk  deny             0     0.0
"""
KEYS_200 = """\
PKS on  CPUs 4/4  violations 3 (0.0/s)  tampering 0  resets 1  \
default 0x55555564  policy deny  isolation on  threads 0, 0 hold more  CLOCK

[1 keys] 2 domains  3 cpus  4 threads  5 faults
key  name     owner    default  users  domain     policy  violations  viol/s  \
scopes/s
  1  vault    vault    -            1  closed     deny             2     0.0  \
     0.0
  2  optable  optable  r            1  read-only  report           1     0.0  \
     0.0
  3  ramdisk  ramdisk  -            1  closed     deny             0     0.0  \
     0.0
"""


class Case(TreeCase):
    def open(self, columns=80, lines=24, *options, **environment):
        terminal = Terminal(columns, lines, PROGRAM, "-n", "0.2", "-d",
                            self.path, *options, **environment)
        self.addCleanup(terminal.close)
        return terminal

    def expect(self, terminal, above, below=""):
        """The lines at the top and at the bottom; the rest is empty."""
        above, below = above.splitlines(), below.splitlines()

        def so(lines):
            lines = [CLOCK.sub("CLOCK", line) for line in lines]
            empty = len(lines) - len(above) - len(below)
            return lines == above + [""] * empty + below

        return terminal.wait(so)

    def rows(self, terminal):
        """Of the table, as lists of words."""
        lines = terminal.screen()
        start = [n for n, line in enumerate(lines) if "[" in line][0] + 2
        return [line.split() for line in lines[start:-1] if line]


class Sizes(Case):
    FOOTER = "sort: key, up  h: help  q: quit"

    def test_80(self):
        """screen: 80x24"""
        self.expect(self.open(80, 24), KEYS_80, self.FOOTER)

    def test_40(self):
        """screen: 40x10 leaves out columns and the footer"""
        self.expect(self.open(40, 10), KEYS_40)

    def test_200(self):
        """screen: 200x50 has all columns"""
        self.expect(self.open(200, 50), KEYS_200, self.FOOTER)

    def test_resize(self):
        """screen: it follows the terminal's size"""
        terminal = self.open(80, 24)
        self.expect(terminal, KEYS_80, self.FOOTER)
        terminal.resize(40, 10)
        self.expect(terminal, KEYS_40)
        terminal.resize(200, 50)
        self.expect(terminal, KEYS_200, self.FOOTER)
        terminal.resize(80, 24)
        self.expect(terminal, KEYS_80, self.FOOTER)

    def test_tiny(self):
        """screen: it lives through sizes that nothing fits into"""
        terminal = self.open(80, 24)
        terminal.wait_for("[1 keys]")
        for size in ((1, 1), (3, 2), (200, 1), (1, 60), (12, 4)):
            terminal.resize(*size)
            terminal.press("1", "2", "3", "4", "5", "Down", "Enter", "Escape",
                           "h", "PgDn", "h", "e", "Escape")
        terminal.press("1")
        terminal.resize(80, 24)
        self.expect(terminal, KEYS_80, self.FOOTER)


class Terminals(Case):
    def test_kinds(self):
        """screen: vt100, linux and xterm-256color show the same"""
        for kind in ("vt100", "linux", "xterm-256color"):
            terminal = self.open(80, 24, TERM=kind)
            self.expect(terminal, KEYS_80, Sizes.FOOTER)

    def test_dumb(self):
        """screen: a terminal that can't place its cursor gets text"""
        for kind in ("dumb", "no-such-terminal"):
            terminal = self.open(80, 100, TERM=kind)
            terminal.wait_for("(-/s)")
            terminal.wait_for("(0.0/s)")
            terminal.press("C-c")
            terminal.wait_for("status 130")


class Colours(Case):
    def bytes_on(self, **environment):
        """What it sends to a terminal with colours, until it is told to quit,
        where a register was written to."""
        self.change("cpus", "  2  on       0x55555564  0x55555564 ",
                    "  2  on       0x55555564  0x00000000!")
        here, there = pty.openpty()
        program = subprocess.Popen(
            [PROGRAM, "-n", "0.1", "-d", self.path], stdin=there, stdout=there,
            env=os.environ | {"TERM": "xterm-256color"} | environment)
        os.close(there)
        sent, asked = b"", False
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            if not select.select([here], [], [], 0.1)[0]:
                continue
            try:
                sent += os.read(here, 65536)
            except OSError:
                break
            if b"[1 keys]" in sent and not asked:
                os.write(here, b"3")
                asked = True
            if b"0x00000000!" in sent:
                os.write(here, b"q")
        self.assertEqual(program.wait(TIMEOUT), 0)
        os.close(here)
        self.assertIn(b"0x00000000!", sent)
        return sent

    def test_colour(self):
        """screen: a register that was written to is red"""
        self.assertRegex(self.bytes_on(), rb"\x1b\[[0-9;]*31m")

    def test_no_colour(self):
        """screen: NO_COLOR is obeyed"""
        sent = self.bytes_on(NO_COLOR="1")
        self.assertNotRegex(sent, rb"\x1b\[[0-9;]*[349][0-9](;[0-9;]*)?m")

    def test_names(self):
        """screen: no control character of a name is sent"""
        self.change("cpus", "3  on", "3  on")
        self.change("keys", "ramdisk (ramdisk)", "\x1b]0;own\x07\x9b (x)")
        sent = self.bytes_on()
        self.assertIn(b"?]0;own??", sent)
        self.assertNotIn(b"\x1b]0", sent)
        self.assertNotIn(b"\x07", sent)
        self.assertNotIn(b"\x9b", sent)


class Views(Case):
    source = "holders"

    def test_views(self):
        """screen: each number has its table"""
        terminal = self.open()
        for number, header, row in (
                ("2", "key  domain   others       KiB  of KiB  scopes/s",
                 "  3  ramdisk  closed     16384   16384       0.0"),
                ("3", "cpu  CR4.PKS  word        MSR         held",
                 "  3  on       0x55555564  0x55555564  0x55555564  -     "
                 "1:- 2:r 3:- 4:-"),
                ("4", "pid  name        held ms  cpu  open    waits in",
                 "  hold:w  pks_hold_run [pks_hold] < kthread < ret_f"),
                ("5", " time  access  domain  outcome  by ",
                 "  hold    stopped  pks-hold-"),
                ("1", "key  name     owner     default  domain",
                 "  4  hold     pks_hold  -        -          deny")):
            terminal.press(number)
            lines = terminal.wait_for(f"[{number} ")
            self.assertTrue(lines[3].startswith(header), lines[3])
            terminal.wait_for(row)

    def test_tabs(self):
        """screen: Tab and the arrows go from table to table"""
        terminal = self.open()
        terminal.wait_for("[1 keys]")
        for key, title in (("Tab", "[2 domains]"), ("Right", "[3 cpus]"),
                           ("Left", "[2 domains]"), ("BTab", "[1 keys]"),
                           ("Left", "[5 faults]"), ("Tab", "[1 keys]")):
            terminal.press(key)
            terminal.wait_for(title)

    def test_sort(self):
        """screen: < and > choose the column to sort by, r turns it round"""
        terminal = self.open()
        terminal.wait_for("sort: key, up")

        def order():
            return [row[0] for row in self.rows(terminal)]

        self.assertEqual(order(), ["1", "2", "3", "4"])
        terminal.press("r")
        terminal.wait_for("sort: key, down")
        self.assertEqual(order(), ["4", "3", "2", "1"])
        terminal.press(">")
        terminal.wait_for("sort: name, down")
        self.assertEqual(order(), ["1", "3", "2", "4"])
        terminal.press("<", "<", "<", "<")
        terminal.wait_for("sort: violations, down")
        self.assertEqual(order(), ["4", "1", "2", "3"])
        terminal.press("2")
        terminal.wait_for("sort: key, up")
        terminal.press("1")
        terminal.wait_for("sort: violations, down")

    def test_details(self):
        """screen: Enter shows all of the selected row, Esc goes back"""
        terminal = self.open()
        terminal.wait_for("[1 keys]")
        terminal.press("Down", "Enter")
        terminal.wait_for("user:        optable (optable)")
        terminal.wait_for("stepped:     1")
        terminal.press("Enter")
        terminal.wait_for("key  name ")
        terminal.press("2", "Enter")
        terminal.wait_for("size-128               128      1        1")
        terminal.press("3", "Enter")
        terminal.wait_for("   2: readonly   optable")
        terminal.press("4", "End", "Enter")
        terminal.wait_for("  in pks_hold_run [pks_hold]")
        terminal.press("5", "Enter")
        terminal.wait_for(" ret_from_fork_asm+0x11/0x20")
        terminal.wait_for("stopped (policy deny)")
        terminal.press("Escape")
        terminal.wait_for("outcome")
        terminal.wait_without("ret_from_fork")

    def test_details_gone(self):
        """screen: the details are of no other row when theirs has gone"""
        terminal = self.open()
        terminal.press("2", "Enter")
        terminal.wait_for("domain:      vault")
        vault = [line for line in self.read("domains").splitlines()
                 if "vault" in line][0]
        self.change("domains", vault + "\n", "")
        terminal.wait_for("It is not there any more.")
        terminal.press("Escape")
        terminal.wait_for("[2 domains]")
        terminal.wait(lambda lines: lines[4].startswith("  2  optable"))

    def test_scroll(self):
        """screen: more rows than lines are scrolled through"""
        line = self.read("cpus").splitlines()[1]
        self.write("cpus", "header\n" + "".join(
            f"{number:3}{line[3:]}\n" for number in range(100)))
        terminal = self.open(80, 24)
        terminal.press("3")
        terminal.wait(lambda lines: lines[4].startswith("  0  on"))
        terminal.press("PgDn", "Down")
        terminal.wait(lambda lines: lines[22].startswith(" 20  on"))
        terminal.press("End")
        terminal.wait(lambda lines: lines[22].startswith(" 99  on"))
        terminal.press("Home")
        terminal.wait(lambda lines: lines[4].startswith("  0  on"))

    def test_help(self):
        """screen: h shows the keys and hides them, at 40x10 to its end"""
        terminal = self.open()
        terminal.press("h")
        terminal.wait_for("q            quit")
        terminal.press("h")
        terminal.wait_for("key  name ")
        terminal.resize(40, 10)
        terminal.press("?", "End")
        terminal.wait(lambda lines: lines[-1] == "yone has")
        terminal.press("Escape")
        terminal.wait_for("key  name ")


class Living(Case):
    def count(self, number):
        """So many violations of a domain, and scopes."""
        self.write("policy", "header\n" + (
            f"  1  deny    -        {number:5}       0"
            "        0        0        0        0        0  vault\n"))
        self.write("domain/vault/stats", (
            f"scopes:     {number}\nwrites:     1\nbytes:      64\n"
            "violations: 2\n"))

    def test_counts(self):
        """screen: counts and rates follow the files"""
        terminal = self.open()
        terminal.wait_for("violations 3 (0.0/s)")
        numbers = itertools.count(10, 10)

        def rising(lines):
            """As long as it is looked at; then all is written, and shown."""
            self.count(next(numbers))
            return re.match(r"  1  vault .* [1-9]\d+ +[1-9]\d*(\.\d)? +"
                            r"[1-9]\d*(\.\d)?$", lines[4])

        lines = terminal.wait(rising)
        self.assertRegex(lines[0], r"violations [1-9]\d+ \([1-9]")
        self.count(next(numbers))
        last = next(numbers) - 10
        terminal.wait_for(f"violations {last} (0.0/s)")

    def test_pause(self):
        """screen: p keeps what is shown until it is pressed again"""
        terminal = self.open()
        terminal.wait_for("violations 3 (0.0/s)")
        terminal.press("p")
        terminal.wait_for("PAUSED")
        self.change("status", "resets:          1", "resets:          77")
        before = terminal.screen()
        time.sleep(1.5)
        self.assertEqual(terminal.screen(), before)
        terminal.press("p")
        terminal.wait_for("resets 77")
        terminal.wait_without("PAUSED")

    def test_domains(self):
        """screen: domains come and go"""
        terminal = self.open()
        terminal.press("2")
        terminal.wait_for("  1  vault ")
        whole = self.read("domains")
        self.write("domains", whole.splitlines()[0] + "\n")
        shutil.rmtree(os.path.join(self.path, "domain"))
        terminal.wait_without("vault")
        terminal.wait_for("[2 domains]")
        self.write("domains", whole)
        terminal.wait_for("  1  vault ")

    def test_unloaded(self):
        """screen: it waits while pks is not loaded, and goes on"""
        os.rename(self.path, self.path + "~")
        terminal = self.open()
        terminal.wait_for("pks is not loaded: there is no")
        os.rename(self.path + "~", self.path)
        self.expect(terminal, KEYS_80, Sizes.FOOTER)
        os.rename(self.path, self.path + "~")
        terminal.wait_for("waiting for it")
        os.rename(self.path + "~", self.path)
        self.expect(terminal, KEYS_80, Sizes.FOOTER)

    def test_off(self):
        """screen: it says why there is no PKS"""
        self.write("status", "PKS:             the CPU has no PKS\n")
        self.open().wait_for("PKS off: the CPU has no PKS")

    def test_mismatch(self):
        """screen: a register that was written to is marked"""
        terminal = self.open()
        terminal.press("3")
        terminal.wait_for("0x55555564  0x55555564  0x55555564")
        terminal.wait_without("!")
        self.change("cpus", "  2  on       0x55555564  0x55555564 ",
                    "  2  on       0x55555564  0x00000000!")
        terminal.wait_for("  2  on       0x55555564  0x00000000!  0x55555564")

    def test_problems(self):
        """screen: what is not understood is counted, and shown by e"""
        terminal = self.open()
        terminal.wait_for("[1 keys]")
        self.change("keys", "  2  r", "  2  x")
        terminal.wait_for("1 problems (e)")
        terminal.press("e")
        terminal.wait_for("keys, line 3: not understood:   2  x")
        self.change("keys", "  2  x", "  2  r")
        terminal.wait_for("All that was there could be read.")

    def test_no_cpus(self):
        """screen: --no-cpus says that the CPUs are not read, and since when"""
        terminal = self.open(100, 24, "--no-cpus")
        terminal.press("3")
        terminal.wait_for("cpus: not read (--no-cpus)")
        self.change("status", "resets:          1", "resets:          77")
        terminal.wait_for("(CPUs, tampering, ... of ")
        time.sleep(0.5)
        self.assertIn("resets 1", "\n".join(terminal.screen()))


class Ends(Case):
    def quit_by(self, *keys):
        terminal = self.open()
        terminal.wait_for("[1 keys]")
        terminal.press(*keys)
        return terminal

    def test_quit(self):
        """screen: q and Ctrl-C quit, and give the terminal back"""
        for key in ("q", "C-c"):
            terminal = self.quit_by(key)
            lines = terminal.wait_for("status 0")
            self.assertNotIn("[1 keys]", "\n".join(lines))

    def test_term(self):
        """screen: a signal ends it, paused or not, and the terminal is back"""
        for keys in ((), ("p",)):
            terminal = self.quit_by(*keys)
            children = subprocess.run(
                ["pgrep", "-P", str(terminal.program())],
                capture_output=True, check=True).stdout.split()
            for child in children:
                os.kill(int(child), signal.SIGTERM)
            terminal.wait_for("status 143")
            terminal.wait_without("[1 keys]")

    def test_permission(self):
        """screen: without permission the reason is left on the terminal"""
        if os.geteuid():
            self.skipTest("as root only")
        os.chmod(self.path, 0o700)
        self.run_as_nobody()
        terminal = Terminal(
            120, 24, "setpriv", "--reuid=65534", "--clear-groups",
            os.path.join(self.top, "pks-top"), "-d", self.path)
        self.addCleanup(terminal.close)
        terminal.wait_for("only root may read debugfs")
        terminal.wait_for("status 1")
