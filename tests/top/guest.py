# SPDX-License-Identifier: GPL-2.0
"""For guest/top.sh: looks into documents, and works the screen on a terminal.

guest.py is <file> <line> <expression>   of the document d; line 0: all of it
guest.py screen <file>                   what it sends goes to the file
"""

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

PROGRAM = "/tools/pks-top"
TIMEOUT = 60
REDRAW = b"\x0c"


class Session:
    """The program on a terminal of 80x24."""

    def __init__(self, *arguments):
        self.here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self.program = subprocess.Popen(
            [PROGRAM, *arguments], stdin=there, stdout=there,
            env=os.environ | {"TERM": "linux"})
        os.close(there)
        self.sent = b""

    def take(self):
        """What has come, if something comes."""
        if select.select([self.here], [], [], 0.2)[0]:
            try:
                self.sent += os.read(self.here, 65536)
            except OSError:
                return False
        return True

    def wait_for(self, text, since=0):
        end = time.monotonic() + TIMEOUT
        while text not in self.sent[since:]:
            if time.monotonic() > end or not self.take():
                sys.exit(f"no {text} in {self.sent[since:]}")

    def press(self, key, text):
        """It is all drawn again: what has changed may come in bits."""
        since = len(self.sent)
        os.write(self.here, key + REDRAW)
        self.wait_for(text, since)

    def end(self):
        os.write(self.here, b"q")
        while self.take() and self.program.poll() is None:
            pass
        status = self.program.wait(TIMEOUT)
        if status:
            sys.exit(f"it ended with status {status}")


def command(*words):
    """rmmod fails while a file is open, which is for an instant only."""
    for _ in range(20):
        if not subprocess.run(words).returncode:
            return
        time.sleep(0.3)
    sys.exit(f"{words} fails")


def screen(file):
    session = Session("-n", "0.5")
    session.wait_for(b"[1 keys]")
    session.press(b"", b"vault")
    session.press(b"2", b"[2 domains]")
    session.press(b"3", b"[3 cpus]")
    session.press(b"", b"0x5555")
    session.press(b"4", b"[4 threads]")
    session.press(b"5", b"[5 faults]")
    session.press(b"\r", b"BUG: PKS: ")
    session.press(b"1", b"[1 keys]")
    time.sleep(3)
    session.press(b"", b"[1 keys]")
    with open(file, "wb") as stream:
        stream.write(session.sent)
    for module in ("vault", "optable", "ramdisk", "pks"):
        if os.path.exists(f"/sys/module/{module}"):
            command("rmmod", module)
    session.press(b"", b"pks is not loaded")
    command("insmod", "/modules/pks.ko")
    session.press(b"", b"PKS on")
    session.end()


def holds(file, line, expression):
    with open(file, encoding="utf-8") as stream:
        text = stream.read()
    d = json.loads(text.splitlines()[int(line) - 1] if int(line) else text)
    if not eval(expression):
        sys.exit(f"{expression} is not so in {json.dumps(d)}")


if sys.argv[1] == "is":
    holds(*sys.argv[2:])
else:
    screen(*sys.argv[2:])
