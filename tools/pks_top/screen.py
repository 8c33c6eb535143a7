# SPDX-License-Identifier: GPL-2.0
"""The tables, live, on a terminal."""

import contextlib
import curses
import os
import time
from dataclasses import dataclass
from typing import Callable, Optional

from pks_top import tables
from pks_top.tables import Row, View, VIEWS
from pks_top.tree import Rates, Sample, Tree, Unavailable

HELP = """\
1 2 3 4 5    keys, domains, CPUs, threads, faults
Tab          the next of them; Shift-Tab: the one before
up, down     select a row; also PgUp, PgDn, Home, End
Enter        all of the selected row; again, or Esc: back
< >          sort by the column to the left, to the right
r            the other way round
p            pause, and go on
e            lines and files that could not be read
h ?          this; again, or Esc: back
q            quit

/s           in a second, since the last look
default, open, held
             - no access, r read, w read and write
cpus         ! the MSR is not what it should be
threads      who has more open than everyone has
""".splitlines()

ENTER = (10, 13, curses.KEY_ENTER)
ESCAPE = 27
# How long after Esc more of a key's sequence may come, in ms.
ESCAPE_DELAY = 50
# Lines that a second line of summary needs, and a footer.
FOR_SUMMARY = 8
FOR_FOOTER = 12


def can_draw() -> bool:
    """Can the terminal place its cursor?"""
    try:
        curses.setupterm()
    except curses.error:
        return False
    return curses.tigetstr("cup") is not None


def flow(items: list[str], width: int, limit: int) -> list[str]:
    """As many as there is room for."""
    lines = [""]
    for item in items:
        longer = f"{lines[-1]}  {item}" if lines[-1] else item
        if len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        elif len(lines) < limit:
            lines.append(item)
        else:
            break
    return lines


def wrapped(lines: list[str], width: int) -> list[str]:
    """Cut where the screen ends, and gone on with below."""
    return [line[x:x + width] for line in lines
            for x in range(0, max(len(line), 1), max(width, 1))]


@dataclass
class Place:
    """Where someone is in a view: how it is sorted, which row is selected."""
    sort: int
    descending: bool
    selected: str = ""
    top: int = 0


class Feed:
    """The sample that is shown, and the one before it."""

    def __init__(self, source: Tree) -> None:
        self.source = source
        self.before: Optional[Sample] = None
        self.sample: Optional[Sample] = None
        self.missing = ""

    def next(self, files: frozenset[str]) -> None:
        self.before = self.sample
        self.again(files)

    def again(self, files: frozenset[str]) -> None:
        """With other files, in place of the sample."""
        try:
            self.sample = self.source.read(files)
            self.missing = ""
        except Unavailable as error:
            self.sample = self.before = None
            self.missing = str(error)

    @property
    def rates(self) -> Rates:
        assert self.sample
        return Rates(self.before, self.sample)


class Screen:
    def __init__(self, window: curses.window, source: Tree,
                 interval: float) -> None:
        self.window = window
        self.feed = Feed(source)
        self.interval = interval
        self.due = 0.0
        self.paused = False
        self.current = 0
        self.places = [Place(view.sort, view.descending) for view in VIEWS]
        self.rows: Optional[list[Row]] = None
        # What is read in place of a table, and how far.
        self.page: Optional[Callable[[], list[str]]] = None
        self.page_top = 0
        self.set_up()

    def set_up(self) -> None:
        """What a terminal can't do is left out."""
        self.bad = curses.A_BOLD
        self.window.keypad(True)
        curses.set_escdelay(ESCAPE_DELAY)
        with contextlib.suppress(curses.error):
            curses.curs_set(0)
        if os.environ.get("NO_COLOR"):
            return
        with contextlib.suppress(curses.error):
            curses.start_color()
            curses.use_default_colors()
            curses.init_pair(1, curses.COLOR_RED, -1)
            self.bad |= curses.color_pair(1)

    @property
    def view(self) -> View:
        return VIEWS[self.current]

    @property
    def place(self) -> Place:
        return self.places[self.current]

    def run(self) -> None:
        key = curses.ERR
        while key != ord("q"):
            self.handle(key)
            if not self.paused and time.monotonic() >= self.due:
                self.due = time.monotonic() + self.interval
                self.feed.next(self.view.files)
            self.sort()
            self.draw()
            self.window.timeout(self.patience())
            key = self.window.getch()

    def patience(self) -> int:
        """For how many ms to wait for a key; -1: for as long as it takes."""
        if self.paused:
            return -1
        return max(int((self.due - time.monotonic()) * 1000) + 1, 0)

    def sort(self) -> None:
        if self.feed.sample:
            rows = self.view.rows(self.feed.sample, self.feed.rates)
        else:
            rows = None
        self.rows = rows and tables.sort_rows(rows, self.place.sort,
                                              self.place.descending)

    def handle(self, key: int) -> None:
        if key == curses.KEY_RESIZE:
            self.window.clear()
        elif key == 12:
            self.window.clear()
        elif key == ord("p"):
            self.paused = not self.paused
            self.due = 0
        elif ord("1") <= key < ord("1") + len(VIEWS):
            self.go(key - ord("1"))
        elif key in (ord("\t"), curses.KEY_RIGHT):
            self.go((self.current + 1) % len(VIEWS))
        elif key in (curses.KEY_BTAB, curses.KEY_LEFT):
            self.go((self.current - 1) % len(VIEWS))
        elif key in (ord("<"), ord(">")):
            self.sort_by(1 if key == ord(">") else -1)
        elif key == ord("r"):
            self.place.descending = not self.place.descending
        else:
            self.handle_page(key)

    def handle_page(self, key: int) -> None:
        if key in (ord("h"), ord("?")):
            self.turn(self.help_page)
        elif key == ord("e"):
            self.turn(self.problem_page)
        elif key in ENTER:
            self.turn(None if self.page else self.select())
        elif key == ESCAPE:
            self.turn(None)
        else:
            self.move(key)

    def select(self) -> Optional[Callable[[], list[str]]]:
        if not self.rows:
            return None
        self.place.selected = self.rows[self.selected()].name
        return self.details_page

    def turn(self, page: Optional[Callable[[], list[str]]]) -> None:
        """To @page, or from it if it is what is shown."""
        self.page = None if self.page == page else page
        self.page_top = 0

    def go(self, view: int) -> None:
        self.page = None
        self.current = view
        self.feed.again(self.view.files)

    def sort_by(self, step: int) -> None:
        self.place.sort = (self.place.sort + step) % len(self.view.columns)

    def move(self, key: int) -> None:
        height = max(self.body_height() - 1, 1)
        steps = {curses.KEY_UP: -1, curses.KEY_DOWN: 1,
                 curses.KEY_PPAGE: -height, curses.KEY_NPAGE: height,
                 curses.KEY_HOME: -1000000, curses.KEY_END: 1000000}
        step = steps.get(key)
        if step is None:
            return
        if self.page:
            last = len(self.page_lines()) - self.body_height()
            self.page_top = max(min(self.page_top + step, last), 0)
        elif self.rows:
            index = max(min(self.selected() + step, len(self.rows) - 1), 0)
            self.place.selected = self.rows[index].name

    def selected(self) -> int:
        """The first, where there is no such row any more."""
        names = [row.name for row in self.rows or []]
        if self.place.selected in names:
            return names.index(self.place.selected)
        return 0

    def help_page(self) -> list[str]:
        return HELP

    def problem_page(self) -> list[str]:
        sample = self.feed.sample
        lines = tables.problem_lines(sample) if sample else []
        return lines or ["All that was there could be read."]

    def details_page(self) -> list[str]:
        for row in self.rows or []:
            if row.name == self.place.selected:
                return row.details
        return ["It is not there any more."]

    def page_lines(self) -> list[str]:
        lines = self.page() if self.page else []
        return wrapped(lines, self.window.getmaxyx()[1])

    def put(self, y: int, text: str, attr: int = 0, x: int = 0) -> None:
        """What is outside of the screen is left out."""
        height, width = self.window.getmaxyx()
        if 0 <= y < height and x < width:
            # From the last cell, though written, the cursor can't go on.
            with contextlib.suppress(curses.error):
                self.window.addstr(y, x, text[:width - x], attr)

    def head_height(self) -> int:
        return 1 if self.window.getmaxyx()[0] < FOR_SUMMARY else 2

    def body_height(self) -> int:
        """Between summary and tabs, and the footer."""
        height = self.window.getmaxyx()[0]
        footer = height >= FOR_FOOTER
        return max(height - self.head_height() - 1 - footer, 1)

    def draw(self) -> None:
        self.window.erase()
        self.draw_summary()
        self.draw_tabs(self.head_height())
        top = self.head_height() + 1
        if self.page:
            self.draw_lines(top, self.page_lines()[self.page_top:])
        elif self.feed.missing:
            width = self.window.getmaxyx()[1]
            lines = [self.feed.missing, "waiting for it"]
            self.draw_lines(top, wrapped(lines, width))
        else:
            self.draw_table(top)
        self.draw_footer()
        self.window.refresh()

    def draw_lines(self, top: int, lines: list[str]) -> None:
        for y, line in enumerate(lines[:self.body_height()], top):
            self.put(y, line)

    def draw_summary(self) -> None:
        width = self.window.getmaxyx()[1]
        sample, attr = self.feed.sample, curses.A_NORMAL
        items = ["PKS ?"]
        if sample:
            items = tables.summary(sample, self.feed.rates)
            items.append(tables.clock(sample.time))
            if tables.alarming(sample):
                attr = self.bad
        if self.paused:
            items.insert(0, "PAUSED")
        for y, line in enumerate(flow(items, width, self.head_height())):
            self.put(y, line, attr)

    def draw_tabs(self, y: int) -> None:
        width = self.window.getmaxyx()[1]
        x = 0
        for number, view in enumerate(VIEWS):
            text = f" {number + 1} {view.title} "
            if number == self.current:
                text = f"[{text.strip()}]"
            elif width < 60:
                text = f" {number + 1} "
            self.put(y, text,
                     curses.A_REVERSE if number == self.current else 0, x)
            x += len(text)

    def draw_table(self, y: int) -> None:
        if self.rows is None:
            self.put(y, f"{self.view.title}: {self.reason()}")
            return
        width = self.window.getmaxyx()[1]
        layout = tables.lay_out(self.view, self.rows, width)
        self.put(y, layout.header.ljust(width), curses.A_UNDERLINE)
        height = max(self.body_height() - 1, 1)
        selected = self.selected()
        self.place.top = max(min(self.place.top, selected,
                                 len(self.rows) - height),
                             selected - height + 1, 0)
        window = range(self.place.top, len(self.rows))[:height]
        for line, index in enumerate(window, y + 1):
            attr = self.bad if self.rows[index].bad else curses.A_NORMAL
            if index == selected:
                attr |= curses.A_REVERSE
            self.put(line, layout.lines[index].ljust(width), attr)

    def reason(self) -> str:
        """Why there is no table."""
        if self.view.title == "cpus" and not self.feed.source.ask:
            return "not read (--no-cpus)"
        return "could not be read (e: why)"

    def draw_footer(self) -> None:
        height = self.window.getmaxyx()[0]
        if height < FOR_FOOTER:
            return
        column = self.view.columns[self.place.sort].title
        order = "down" if self.place.descending else "up"
        items = [f"sort: {column}, {order}"]
        if self.feed.sample and self.feed.sample.problems:
            items.append(f"{len(self.feed.sample.problems)} problems (e)")
        items += ["h: help", "q: quit"]
        self.put(height - 1, "  ".join(items))


def run(source: Tree, interval: float) -> None:
    """curses.wrapper() without its start_color(), which NO_COLOR forbids."""
    window = curses.initscr()
    try:
        curses.noecho()
        curses.cbreak()
        with contextlib.suppress(KeyboardInterrupt):
            Screen(window, source, interval).run()
    finally:
        curses.endwin()
