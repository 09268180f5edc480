#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""tutorial.py PAGE.rst: type what a page of the tutorial says.

Literal blocks behind a comment `.. terminal N' belong to terminal N, a shell that
lives as long as the page.  In them, `$ ' begins a command, `^C' interrupts, and
other lines are what the terminal shows next, exactly, but that `...' stands for
anything in a line.  A terminal that shows more than its blocks say is an error.
"""
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time

PATIENCE = float(os.environ.get("TUTORIAL_PATIENCE", "60"))
MARK = "--done-with-it--"


def blocks(path):
    """(terminal, [lines]) of each block that is meant to be typed."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    n = 0
    while n < len(lines):
        comment = re.fullmatch(r"\.\. terminal (\d)", lines[n])
        n += 1
        if not comment:
            continue
        while n < len(lines) and lines[n] in ("", "::"):
            n += 1
        block = []
        while n < len(lines) and lines[n].startswith("    "):
            block.append(lines[n][4:])
            n += 1
        if not block:
            raise SystemExit(f"{path}:{n}: an empty block")
        yield int(comment.group(1)), block


class Terminal:
    def __init__(self):
        self.shell = subprocess.Popen(
            ["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.lines = queue.Queue()
        self.running = False
        threading.Thread(target=self.read, daemon=True).start()
        self.write("trap : INT")

    def read(self):
        for line in self.shell.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def write(self, text):
        self.shell.stdin.write(text + "\n")
        self.shell.stdin.flush()

    def next(self):
        try:
            return self.lines.get(timeout=PATIENCE)
        except queue.Empty:
            return "(nothing, for a long time)"

    def command(self, text):
        self.write(text)
        self.write(f"echo {MARK}")
        self.running = True

    def interrupt(self):
        # To all but the shell, whose trap would wait for them anyway.
        os.killpg(self.shell.pid, signal.SIGINT)

    def finish(self):
        got = self.next()
        if got != MARK:
            raise AssertionError(f"shows '{got}' where the page shows no more")
        self.running = False

    def expect(self, line):
        got = self.next()
        pattern = ".*".join(re.escape(part) for part in line.split("..."))
        # Dots in a row of tasks are just that.
        if got != line and not re.fullmatch(pattern, got or ""):
            raise AssertionError(f"shows '{got}', the page shows '{line}'")


def play(path):
    terminals = {}
    script = []
    for number, block in blocks(path):
        script += [(number, line) for line in block]
    if not script:
        raise SystemExit(f"{path}: nothing to type")
    for at, (number, line) in enumerate(script):
        t = terminals.setdefault(number, Terminal())
        later = [l for n, l in script[at + 1:] if n == number]
        try:
            if line.startswith("$ "):
                t.command(line[2:])
            elif line == "^C":
                if not t.running:
                    raise AssertionError("nothing to interrupt")
                t.interrupt()
            else:
                t.expect(line)
            # A command ends behind its last line, unless it is interrupted.
            ends = next((l for l in later if l == "^C" or l.startswith("$ ")), "")
            shown = later and later[0] != ends
            if t.running and not shown and (line == "^C" or ends != "^C"):
                t.finish()
        except AssertionError as e:
            raise SystemExit(f"{path}: terminal {number}, '{line}': {e}")
    for number, t in terminals.items():
        t.write("exit")
        if t.next() is not None:
            raise SystemExit(f"{path}: terminal {number} shows more at the end")
    print(f"{path}: {len(script)} lines in {len(terminals)} terminals")


def main():
    start = time.monotonic()
    for path in sys.argv[1:]:
        play(path)
    print(f"{time.monotonic() - start:.1f} s")


main()
