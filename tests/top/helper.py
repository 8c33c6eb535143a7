# SPDX-License-Identifier: GPL-2.0
"""What tests share: the captured trees, copies of them, and the program."""

import os
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TREES = os.path.join(HERE, "trees")
PROGRAM = os.path.abspath(os.path.join(HERE, "../../tools/pks-top"))
SCHEMA = PROGRAM + ".schema.json"
NOBODY = 65534


def tree(name):
    return os.path.join(TREES, name)


def content_of(path):
    """As parse.py takes it."""
    with open(path, encoding="latin-1", newline="") as stream:
        return stream.read()


def text(name, file):
    return content_of(os.path.join(tree(name), file))


def run(*arguments, program=PROGRAM, user=None):
    """What is printed, on both outputs, and the exit status."""
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60, user=user)
    return done.stdout.decode(), done.stderr.decode(), done.returncode


class TreeCase(unittest.TestCase):
    """With a copy that the test may change."""
    source = "samples"

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="pks-top-")
        self.addCleanup(shutil.rmtree, self.top)
        self.path = os.path.join(self.top, "pks")
        shutil.copytree(tree(self.source), self.path)

    def write(self, file, content):
        """At once, as a reader sees it."""
        path = os.path.join(self.path, file)
        with open(path + "~", "w", encoding="latin-1", newline="") as stream:
            stream.write(content)
        os.replace(path + "~", path)

    def read(self, file):
        return content_of(os.path.join(self.path, file))

    def change(self, file, old, new):
        content = self.read(file)
        self.assertIn(old, content, f"{file} of the captured tree")
        self.write(file, content.replace(old, new))

    def run_as_nobody(self):
        """On a copy: the program may be where nobody else can go."""
        tools = os.path.dirname(PROGRAM)
        shutil.copy(PROGRAM, self.top)
        shutil.copytree(os.path.join(tools, "pks_top"),
                        os.path.join(self.top, "pks_top"))
        os.chmod(self.top, 0o755)
        return run("-d", self.path, user=NOBODY,
                   program=os.path.join(self.top, "pks-top"))
