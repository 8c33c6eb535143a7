# SPDX-License-Identifier: GPL-2.0
"""A real terminal: tmux, with a server of its own."""

import os
import shlex
import shutil
import subprocess
import tempfile
import time

TIMEOUT = 30


class Terminal:
    """Runs a command in a shell, so that its exit status can be seen."""

    def __init__(self, columns, lines, *command, **environment):
        self.place = tempfile.mkdtemp(prefix="pks-top-")
        words = [f"{name}={value}" for name, value in environment.items()]
        script = (f"env {shlex.join(words)} {shlex.join(command)}; "
                  "echo status $?; exec sleep 1000")
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(lines),
                  script)

    def tmux(self, *arguments):
        done = subprocess.run(
            ["tmux", "-S", os.path.join(self.place, "socket"),
             "-f", "/dev/null", *arguments],
            capture_output=True, check=True, timeout=TIMEOUT)
        return done.stdout.decode()

    def close(self):
        self.tmux("kill-server")
        shutil.rmtree(self.place)

    def press(self, *keys):
        for key in keys:
            self.tmux("send-keys", key)

    def resize(self, columns, lines):
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self):
        """Its lines, without the spaces at their ends."""
        lines = self.tmux("capture-pane", "-p").split("\n")[:-1]
        return [line.rstrip() for line in lines]

    def program(self):
        """The number of the process in the pane."""
        return int(self.tmux("display", "-p", "#{pane_pid}"))

    def wait(self, seen):
        """Until @seen of the screen holds; the screen."""
        end = time.monotonic() + TIMEOUT
        while True:
            lines = self.screen()
            if seen(lines):
                return lines
            if time.monotonic() > end:
                raise AssertionError("the screen is, in the end:\n" +
                                     "\n".join(lines))
            time.sleep(0.05)

    def wait_for(self, text):
        return self.wait(lambda lines: text in "\n".join(lines))

    def wait_without(self, text):
        return self.wait(lambda lines: text not in "\n".join(lines))
