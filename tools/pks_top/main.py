# SPDX-License-Identifier: GPL-2.0
"""Options, and what becomes of errors."""

import argparse
import errno
import os
import signal
import sys
from typing import NoReturn, TextIO

from pks_top import batch, screen
from pks_top.tree import DEFAULT, NotLoaded, Tree, Unavailable

INTERVAL = 1.0
# The exit status of who could not print.
UNWRITTEN = 4


def interval(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 86400:
        raise argparse.ArgumentTypeError("from 0.1 to 86400 seconds")
    return value


def natural(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="pks-top", allow_abbrev=False,
        description="Protection keys of kernel memory: keys, domains, CPUs, "
        "threads and violations, live. h shows the keys that it knows.")
    add = parser.add_argument
    add("-b", "--batch", action="store_true",
        help="print text; so it does where it is not on a terminal")
    add("-j", "--json", action="store_true", help="print JSON")
    add("-n", "--interval", type=interval, metavar="S",
        help="look each S seconds (1); prints again and again")
    add("-c", "--count", type=natural, metavar="N",
        help="end after N of them")
    add("-f", "--faults", type=natural, metavar="N", default=32,
        help="how many of the last violations (32)")
    add("--no-cpus", action="store_true",
        help="interrupt no CPU to ask for its registers")
    add("-d", "--debugfs", default=DEFAULT, metavar="DIR",
        help=f"read DIR, such as a copy of {DEFAULT}")
    return parser.parse_args(arguments)


def interactive(wanted: argparse.Namespace) -> bool:
    return not (wanted.batch or wanted.json) and \
        sys.stdin.isatty() and sys.stdout.isatty() and wanted.count is None


def run(wanted: argparse.Namespace) -> None:
    source = Tree(wanted.debugfs, not wanted.no_cpus, wanted.faults)
    if not interactive(wanted):
        every = wanted.interval
        if wanted.count and every is None:
            every = INTERVAL
        batch.run(source, every, wanted.count, wanted.json)
    elif screen.can_draw():
        try:
            source.check()
        except NotLoaded:
            pass
        screen.run(source, wanted.interval or INTERVAL)
    else:
        batch.run(source, wanted.interval or INTERVAL, None, False)


def ended(number: int, frame: object) -> NoReturn:
    """As an exception, which gives the terminal back."""
    sys.exit(128 + number)


def drop(stream: TextIO) -> None:
    """What is left in its buffer would be written at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def complain(text: str) -> None:
    """Where there is nowhere to say it, the exit status has to do."""
    try:
        if sys.stderr:
            print(f"pks-top: {text}", file=sys.stderr, flush=True)
    except OSError:
        drop(sys.stderr)


def unwritten(error: OSError) -> int:
    drop(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0
    complain(f"standard output: {os.strerror(error.errno or errno.EIO)}")
    return UNWRITTEN


def main(arguments: list[str]) -> int:
    wanted = options(arguments)
    # Whoever has started this may have had it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ended)
    if not sys.stdout:
        complain("standard output is closed")
        return UNWRITTEN
    try:
        run(wanted)
        sys.stdout.flush()
    except Unavailable as error:
        complain(str(error))
        return error.status
    except OSError as error:
        return unwritten(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0
