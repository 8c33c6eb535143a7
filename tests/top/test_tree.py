# SPDX-License-Identifier: GPL-2.0
"""Which files are read, what is made of those that can't be, and rates."""

import errno
import os
import shutil
import tempfile
from unittest import mock

from helper import TreeCase
from pks_top import tables, tree
from pks_top.tree import Rates, Tree

NEVER = {"audit", "matrix"}


def read_by(source, files):
    """The files that are opened for a sample."""
    opened = []
    really = open

    def noting(path, *rest, **named):
        opened.append(os.path.relpath(path, source.path))
        return really(path, *rest, **named)

    with mock.patch("builtins.open", noting):
        sample = source.read(files)
    return opened, sample


class Reading(TreeCase):
    source = "holders"

    def failing(self, file, number):
        """A sample of which one file fails as it is opened."""
        really = open

        def fails(path, *rest, **named):
            if path == os.path.join(self.path, file):
                raise OSError(number, os.strerror(number))
            return really(path, *rest, **named)

        with mock.patch("builtins.open", fails):
            return Tree(self.path).read(tree.ALL)

    def test_views(self):
        """tree: each view has the files read that it needs, and no other"""
        always = {"status", "keys", "policy"}
        stats = {f"domain/{name}/stats" for name in ("vault", "optable",
                                                     "ramdisk")}
        memory = {name.replace("stats", "memory") for name in stats}
        for view, wanted in zip(tables.VIEWS, (
                stats | {"domains"}, stats | memory | {"domains"},
                {"cpus"}, {"threads"}, {"faults"})):
            opened, _ = read_by(Tree(self.path), view.files)
            self.assertEqual(set(opened), always | wanted, view.title)
            self.assertEqual(len(opened), len(set(opened)), view.title)

    def test_never(self):
        """tree: audit and matrix are never read"""
        opened, _ = read_by(Tree(self.path), tree.ALL)
        self.assertFalse(NEVER & set(opened))
        self.assertIn("cpus", opened)

    def test_no_cpus(self):
        """tree: --no-cpus reads no cpus, and status once"""
        source = Tree(self.path, ask=False)
        first, sample = read_by(source, tree.ALL)
        self.assertEqual(first.count("status"), 1)
        self.assertTrue(sample.status.on)
        second, sample = read_by(source, tree.ALL)
        self.assertNotIn("status", second)
        self.assertNotIn("cpus", first + second)
        self.assertTrue(sample.status.on)
        self.assertLess(sample.status_time, sample.time)

    def test_no_cpus_again(self):
        """tree: --no-cpus reads status again after the module was gone"""
        source = Tree(self.path, ask=False)
        source.read(tree.ALL)
        os.rename(self.path, self.path + "~")
        with self.assertRaises(tree.NotLoaded):
            source.read(tree.ALL)
        os.rename(self.path + "~", self.path)
        opened, _ = read_by(source, tree.ALL)
        self.assertIn("status", opened)

    def test_destroyed(self):
        """tree: a domain that goes while it is read is no problem"""
        shutil.rmtree(os.path.join(self.path, "domain/vault"))
        sample = Tree(self.path).read(tree.ALL)
        self.assertEqual(sample.problems, [])
        self.assertEqual(set(sample.stats), {"optable", "ramdisk"})
        self.assertEqual(len(sample.domains), 3)

    def test_unloading(self):
        """tree: files that go while they are read are no problem"""
        for number in (errno.ENOENT, errno.EIO, errno.ENODEV, errno.ENXIO,
                       errno.ESTALE):
            for file in ("status", "keys", "policy", "domains", "cpus",
                         "threads", "faults", "domain/vault/stats",
                         "domain/vault/memory"):
                self.assertEqual(self.failing(file, number).problems, [])

    def test_unreadable(self):
        """tree: a file that can't be read is None, and a problem"""
        sample = self.failing("threads", errno.EACCES)
        self.assertIsNone(sample.threads)
        self.assertEqual([(one.file, one.text) for one in sample.problems],
                         [("threads", "permission denied")])
        self.assertEqual(len(sample.keys), 4)

    def test_locked_down(self):
        """tree: where policy is locked down, domains have the violations"""
        sample = self.failing("policy", errno.EPERM)
        self.assertEqual([(one.file, one.text) for one in sample.problems],
                         [("policy",
                           "not permitted: the kernel is locked down")])
        self.assertEqual([tree.counted(sample, key) for key in (1, 2, 3, 4)],
                         [2, 1, 0, None])

    def test_names(self):
        """tree: a domain's name never leads out of the directory"""
        for name in ("../..", "..", "/etc", "a/b", "x\0y"):
            self.change("domains", f"{'vault':31}  vault",
                        f"{name:31}  vault")
            opened, _ = read_by(Tree(self.path), tree.ALL)
            self.assertNotIn(name, " ".join(opened))
            self.assertIn("domain/optable/stats", opened)
            self.change("domains", f"{name:31}  vault",
                        f"{'vault':31}  vault")

    def test_not_loaded(self):
        """tree: without the directory pks is not loaded, which may change"""
        with self.assertRaisesRegex(tree.NotLoaded, "pks is not loaded"):
            Tree(self.path + "~").read(tree.ALL)

    def test_not_mounted(self):
        """tree: without debugfs it is that which is said"""
        with tempfile.TemporaryDirectory() as empty, \
                mock.patch("pks_top.tree.DEBUGFS", empty), \
                self.assertRaisesRegex(tree.Unavailable,
                                       "debugfs is not mounted") as caught:
            Tree(os.path.join(empty, "pks")).read(tree.ALL)
        self.assertNotIsInstance(caught.exception, tree.NotLoaded)


class Rating(TreeCase):
    def samples(self, *changes, seconds=2.0):
        """Before and after @changes, so long after."""
        source = Tree(self.path)
        before = source.read(tree.ALL)
        for change in changes:
            self.change(*change)
        now = source.read(tree.ALL)
        now.clock = before.clock + seconds
        return Rates(before, now)

    def test_first(self):
        """rates: of the first sample there are none"""
        sample = Tree(self.path).read(tree.ALL)
        rates = Rates(None, sample)
        self.assertIsNone(rates.violations(1))
        self.assertIsNone(rates.all_violations())
        self.assertIsNone(rates.stat("vault", "scopes"))

    def test_violations(self):
        """rates: violations, of a key and of all"""
        rates = self.samples(
            ("policy", "1       1        2", "4       1        5"),
            ("policy", "0       1        0        1",
             "0       2        0        2"))
        self.assertEqual([rates.violations(key) for key in (1, 2, 3)],
                         [1.5, 0.5, 0.0])
        self.assertEqual(rates.all_violations(), 2.0)

    def test_scopes(self):
        """rates: scopes and writes of a domain"""
        rates = self.samples(
            ("domain/vault/stats", "scopes:     2", "scopes:     12"),
            ("domain/vault/stats", "writes:     1", "writes:     3"))
        self.assertEqual(rates.stat("vault", "scopes"), 5.0)
        self.assertEqual(rates.stat("vault", "writes"), 1.0)
        self.assertEqual(rates.stat("optable", "scopes"), 0.0)
        self.assertIsNone(rates.stat("nobody", "scopes"))

    def test_other_user(self):
        """rates: a key that has become someone else's has none"""
        rates = self.samples(
            ("keys", "vault (vault)", "safe (vault)"),
            ("policy", "1       1        2", "4       1        5"))
        self.assertIsNone(rates.violations(1))
        self.assertEqual(rates.all_violations(), 0.0)

    def test_reset(self):
        """rates: a count that has become less has none"""
        rates = self.samples(
            ("policy", "1       1        2", "0       0        0"))
        self.assertIsNone(rates.violations(1))

    def test_no_time(self):
        """rates: without time between samples there are none"""
        self.assertIsNone(self.samples(seconds=0.0).violations(1))


class Cleaning(TreeCase):
    source = "holders"

    def test_all(self):
        """tables: no name has a control character left, wherever it is"""
        for file in ("keys", "policy", "domains", "faults", "threads",
                     "domain/vault/memory"):
            content = self.read(file)
            for name, other in (("vault", "\x1b[1mv"), (" hold (", " \x07 ("),
                                ("pks-hold", "pks\x07ho\x9b\x7f"),
                                ("size-", "\x1bize-"), ("kthr", "\x1bthr")):
                content = content.replace(name, other)
            self.write(file, content)
        os.rename(os.path.join(self.path, "domain/vault"),
                  os.path.join(self.path, "domain/\x1b[1mv"))
        sample = Tree(self.path).read(tree.ALL)
        self.assertEqual(sample.problems, [])
        self.assertIn("\x1b[1mv", sample.memory)
        for view in tables.VIEWS:
            for row in view.rows(sample, Rates(None, sample)):
                texts = [cell.text for cell in row.cells] + row.details
                self.assertRegex("".join(texts), r"\A[ -~]+\Z")

    def test_clean(self):
        """tables: nothing but printable ASCII goes to a terminal"""
        everything = "".join(map(chr, range(0x300))) + "\u202e\u200b\U0001f511"
        shown = tables.clean(everything)
        self.assertEqual(len(shown), len(everything))
        self.assertEqual(set(shown), set(map(chr, range(0x20, 0x7f))))
