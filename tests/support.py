"""Shared by the tests: the program as a module, ways to run it, and the list of its commands."""

import contextlib
import functools
import io
import json
import os
import py_compile
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest
from collections import namedtuple
from datetime import datetime, timezone
from importlib.machinery import SourceFileLoader
from typing import Any
from unittest import mock

from fake_openrouter import LONGEST_WAIT, NOW, FakeOpenRouter

sys.dont_write_bytecode = True
TESTS = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.path.dirname(TESTS), "bin", "openrouter-remote")

program = types.ModuleType("openrouter_remote")
sys.modules[program.__name__] = program  # before it is executed, like the import system
SourceFileLoader(program.__name__, PROGRAM).exec_module(program)

# Compiled once, because compiling a script takes half of its start-up time.
compiled = tempfile.TemporaryDirectory()
COMMAND = [
    sys.executable,
    str(py_compile.compile(PROGRAM, os.path.join(compiled.name, "program.pyc"), PROGRAM, doraise=True)),
]

# An environment that sets a process to the test time and keeps it from writing caches. Every process in a test gets it:
# with the real time in one of them, the result would depend on the date.
CLOCK_FILE = os.path.join(TESTS, "clock", "sitecustomize.py")
CLOCK = {"PYTHONPATH": os.path.dirname(CLOCK_FILE), "TEST_TIME": str(NOW.timestamp()), "PYTHONDONTWRITEBYTECODE": "1"}

# Every command, for the tests that cover all of them. A test in test_command_line.py checks it against the program.
#   name     its words
#   call     the arguments of a call that works with the demo account; KEY stands for a key
#   options  its own long options
#   needs    the key it requires: "management", "user", or None
#   listing  whether its JSON is keyed by identifier
#   changes  the HTTP method of the change it makes, or None
Command = namedtuple("Command", "name call options needs listing changes", defaults=("", "", None, False, None))
FILTERS = "--supports --max-price-input --max-price-output --min-context --cost --sort --limit"
LIST_FILTERS = f"{FILTERS} --provider --output --mine --zdr --free --paid --batch --search --expiring"
COMMANDS = (
    Command("balance", "", "--alert-below --alert-days --quiet --spendable --runway"),
    Command(
        "usage",
        "",
        "--by --days --today --compare --key --alert-daily --alert-weekly --alert-monthly --quiet",
        "management",
    ),
    Command("models list", "", LIST_FILTERS, listing=True),
    Command("models cheap", "", LIST_FILTERS, listing=True),
    Command("models show", "northwind/gale-70b"),
    Command("models endpoints", "northwind/gale-70b", f"{FILTERS} --min-uptime --quantization --all"),
    Command("models diff", "catalog.json --save", "--save"),
    Command("keys list", "", "--all --idle --alert-below --quiet", "management", listing=True),
    Command("keys current", needs="user"),
    Command("keys show", "KEY", "", "management"),
    Command(
        "keys create",
        "--name new",
        "--name --limit --limit-reset --include-byok-in-limit --expires --workspace --out",
        "management",
        changes="POST",
    ),
    Command("keys disable", "KEY", "", "management", changes="PATCH"),
    Command("keys enable", "KEY", "", "management", changes="PATCH"),
    Command("keys rename", "KEY renamed", "", "management", changes="PATCH"),
    Command("keys set-limit", "KEY 7", "--reset", "management", changes="PATCH"),
    Command("keys move", "KEY Research", "", "management", changes="PATCH"),
    Command("keys rotate", "KEY", "--disable-old --out", "management", changes="POST"),
    Command("keys delete", "KEY -y", "--yes", "management", changes="DELETE"),
    Command("integrations"),
)


def calls(key="production", **wanted):
    """The calls of the commands whose fields match `wanted`, each a tuple of arguments; `key` replaces KEY."""
    for command in COMMANDS:
        if all(getattr(command, field) == value for field, value in wanted.items()):
            yield (*command.name.split(), *(key if word == "KEY" else word for word in shlex.split(command.call)))


# One page of --help.
#   path       the words before --help
#   text       the whole page
#   options    {name: Option}; its value is a placeholder, or None for a flag
#   arguments  {placeholder: help}
#   commands   {name: help} of the groups or commands it lists; empty on the page of a command
Page = namedtuple("Page", "path text options arguments commands")
Option = namedtuple("Option", "value help")
# Options and arguments are indented by 2 spaces, commands by 4. The help starts on the same line or the next one.
ENTRY = r"(?m)^(?:  (-\S.*?|[A-Z][A-Z|a-z]*)|    ([a-z][a-z-]*))(?: {2,}(\S.*))?$((?:\n {6,}\S.*)*)"


@functools.cache
def help_pages(*path):
    """The --help pages of this group or command and of everything below it."""
    out = io.StringIO()
    with mock.patch.dict(os.environ, clear=True), contextlib.redirect_stdout(out):
        program.main([*path, "--help"])
    page = Page(path, out.getvalue(), {}, {}, {})
    for name, command, *lines in re.findall(ENTRY, page.text):
        text = " ".join(" ".join(lines).split())
        if command:
            page.commands[command] = text
        elif not name.startswith("-"):
            page.arguments[name] = text
        else:  # `-x VALUE, --example VALUE`, or from Python 3.13 `-x, --example VALUE`
            names, value = re.findall(r"(?<!\S)-[\w-]+", name), re.search(r" ([^\s-]\S*)$", name)
            page.options.update(dict.fromkeys(names, Option(value and value[1], text)))
    return [page, *(below for command in page.commands for below in help_pages(*path, command))]


Run = namedtuple("Run", "code out err")


def without_colors(text):
    """`text` without the escape sequences of colors. Other sequences stay."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


INHERITED = ("PATH", "HOME", "COVERAGE_PROCESS_CONFIG")  # the last one lets .ci/run measure subprocesses


def default_signals():
    """Run in the child: after `nohup` or in a background job it would ignore some signals."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class ProgramTest(unittest.TestCase):
    """A test in an empty folder and an environment without settings.

    `self.start(**switches)` starts a fake server and points OPENROUTER_BASE_URL at it. `self.run_program(*argv)` calls
    `main()` in this process; `self.start_program(*argv)` runs the program in a process of its own. `self.env` is the
    environment of both; `self.now` is the time for both and for the fake servers started after it is set.
    """

    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        self.folder = os.path.realpath(folder.name)
        os.chdir(self.folder)
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.env = {**inherited, **CLOCK}
        # Retries don't wait; the seconds they would have waited are recorded here.
        self.waits: list = []
        for name, replacement in (("time", lambda: float(self.env["TEST_TIME"])), ("sleep", self.waits.append)):
            patch = mock.patch.object(time, name, replacement)
            patch.start()
            self.addCleanup(patch.stop)

    @property
    def now(self):
        return datetime.fromtimestamp(float(self.env["TEST_TIME"]), timezone.utc)

    @now.setter
    def now(self, moment):
        self.env["TEST_TIME"] = str(moment.timestamp())

    def start(self, **switches):
        fake = FakeOpenRouter(**{"now": self.now, **switches})
        fake.__enter__()
        self.addCleanup(fake.__exit__, None, None, None)
        self.env["OPENROUTER_BASE_URL"] = fake.url
        return fake

    def write(self, name, text):
        """Write a file in the test's folder and return its path."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return path

    def run_first(self, code):
        """Make every process of the program run this Python code first."""
        self.env["TEST_CODE"] = code

    def replace_module(self, name, code):
        """Make every process of the program import this code as the module `name`; return its path."""
        path = self.write(f"modules/{name}.py", code)
        self.env["PYTHONPATH"] = os.pathsep.join([os.path.dirname(path), self.env["PYTHONPATH"]])
        return path

    def run_program(self, *argv):
        out, err = io.StringIO(), io.StringIO()
        environment = mock.patch.dict(os.environ, self.env, clear=True)
        with environment, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = program.main(list(argv))
        return Run(code, out.getvalue(), err.getvalue())

    def json_of(self, *argv, code=0):
        """The JSON of a run, without `tool` and with its numbers as they are written."""
        run = self.run_program(*argv, "--json")
        self.assertEqual(run.code, code, run.err)
        document = json.loads(run.out, parse_float=str, parse_int=str)
        self.assertEqual(next(iter(document)), "tool")
        del document["tool"]
        return document

    def start_program(self, *argv, **options):
        """Run the program in a process and capture its outputs, unless `options` (of subprocess.run) say otherwise."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        options.setdefault("preexec_fn", default_signals if os.name == "posix" else None)
        options.setdefault("timeout", LONGEST_WAIT)
        done = subprocess.run([*COMMAND, *argv], env=self.env, text=True, encoding="utf-8", **options)
        return Run(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def started(self, *argv, **options):
        """The running program, with its outputs as pipes unless `options` (of Popen) say otherwise.

        It is killed after LONGEST_WAIT, so whatever reads from it comes to an end.
        """
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        options.setdefault("preexec_fn", default_signals if os.name == "posix" else None)
        with subprocess.Popen([*COMMAND, *argv], env=self.env, text=True, encoding="utf-8", **options) as process:
            killer = threading.Timer(LONGEST_WAIT, process.kill)
            killer.daemon = True
            killer.start()
            try:
                yield process
            finally:
                killer.cancel()
                process.kill()


class CatalogTest(ProgramTest):
    """A test of `models` commands; `self.server` is its fake server."""

    server: Any = None

    def models(self, *argv):
        """Run a `models` command, and keep only its requests."""
        self.server.requests.clear()
        return self.run_program("models", *argv)

    def payload(self, *argv):
        """The JSON of a `models` command, as `json_of` returns it; only its requests are kept."""
        self.server.requests.clear()
        return self.json_of("models", *argv)

    def ids(self, *argv):
        """The ids in a listing, in its order."""
        return list(self.payload(*argv))


def read_terminal(main):
    """All that arrives at a pseudo-terminal until its other side is closed; closes this one, too."""
    text = b""
    with contextlib.suppress(OSError):  # at the end Linux raises EIO
        while True:
            chunk = os.read(main, 65536)
            if not chunk:
                break
            text += chunk
    os.close(main)
    return text.decode().replace("\r\n", "\n")
