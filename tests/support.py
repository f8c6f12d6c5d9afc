"""What the tests share: the program as a module, one run of it with its exit code and both outputs, and the list of its
commands."""

import contextlib
import functools
import io
import os
import py_compile
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest
from collections import namedtuple
from datetime import datetime, timezone
from importlib.machinery import SourceFileLoader
from unittest import mock

from fake_openrouter import NOW, FakeOpenRouter

sys.dont_write_bytecode = True
TESTS = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.path.dirname(TESTS), "bin", "openrouter-remote")

program = types.ModuleType("openrouter_remote")
sys.modules[program.__name__] = program  # before it runs, as the import system does
SourceFileLoader(program.__name__, PROGRAM).exec_module(program)

# Compiled once: a script is compiled anew at each start, which takes half of it.
compiled = tempfile.TemporaryDirectory()
COMMAND = [
    sys.executable,
    str(py_compile.compile(PROGRAM, os.path.join(compiled.name, "program.pyc"), PROGRAM, doraise=True)),
]

# The environment that gives a process the test time, and keeps it from leaving caches. Every process that takes part
# in a test gets it: with the real time in one of them, the test would pass or fail depending on the date.
CLOCK_FILE = os.path.join(TESTS, "clock", "sitecustomize.py")
CLOCK = {"PYTHONPATH": os.path.dirname(CLOCK_FILE), "TEST_TIME": str(NOW.timestamp()), "PYTHONDONTWRITEBYTECODE": "1"}

# Every command, for the tests that go over all of them; one of test_command_line.py holds it against the program.
#   name     its words
#   call     what follows them in a call that works in the demonstration account; KEY stands for a key
#   options  its own long options
#   needs    the key without which it does not begin: "management", "user", or None
#   listing  whether its JSON is keyed by identifier
#   changes  the method of what it sends to change something, or None
Command = namedtuple("Command", "name call options needs listing changes", defaults=("", "", None, False, None))
FILTERS = "--supports --max-price-input --max-price-output --min-context --cost --sort --limit"
LIST_FILTERS = f"{FILTERS} --provider --output --mine --zdr --free --paid --batch --search --expiring"
COMMANDS = (
    Command("balance", "", "--alert-below --alert-days --quiet --spendable --runway"),
    Command(
        "usage", "", "--by --days --today --key --alert-daily --alert-weekly --alert-monthly --quiet", "management"
    ),
    Command("models list", "", LIST_FILTERS, listing=True),
    Command("models cheap", "", LIST_FILTERS, listing=True),
    Command("models show", "northwind/gale-70b"),
    Command("models endpoints", "northwind/gale-70b", f"{FILTERS} --quantization --all"),
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
    """The command lines of COMMANDS, as tuples, of those whose fields are as `wanted`; `key` is the key they name."""
    for command in COMMANDS:
        if all(getattr(command, field) == value for field, value in wanted.items()):
            yield (*command.name.split(), *(key if word == "KEY" else word for word in shlex.split(command.call)))


# One page of --help.
#   path       the words before --help
#   text       the whole page
#   options    {name: Option}: the placeholder of its value, None without one, and its help
#   arguments  {placeholder: help}
#   commands   {name: help} of the groups or commands it lists; the page of a command lists none
Page = namedtuple("Page", "path text options arguments commands")
Option = namedtuple("Option", "value help")
# Options and arguments are indented by 2 spaces, commands by 4. Their help starts on the same line or the next one.
ENTRY = r"(?m)^(?:  (-\S.*?|[A-Z][A-Z|a-z]*)|    ([a-z][a-z-]*))(?: {2,}(\S.*))?$((?:\n {6,}\S.*)*)"


@functools.cache
def help_pages(*path):
    """The Page of --help after these words, then those of all groups and commands below it."""
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
INHERITED = ("PATH", "HOME", "COVERAGE_PROCESS_CONFIG")  # the last: .ci/run measures what runs in other processes too


def default_signals():
    """In the child: a job that was started with `nohup` or in the background would ignore some of them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class ProgramTest(unittest.TestCase):
    """A test in an empty folder and an environment without settings of its own.

    `self.start(**switches)` starts a stand-in and points OPENROUTER_BASE_URL at it; `self.run_program(*argv)` calls
    `main()` in this process, `self.start_program(*argv)` the real program. `self.env` is the environment of both,
    `self.now` the time of both and of the stand-ins it starts.
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
        # Nothing waits for the seconds between two tries; what would have been waited is kept here.
        self.waits: list = []
        for name, instead in (("time", lambda: float(self.env["TEST_TIME"])), ("sleep", self.waits.append)):
            patch = mock.patch.object(time, name, instead)
            patch.start()
            self.addCleanup(patch.stop)

    @property
    def now(self):
        return datetime.fromtimestamp(float(self.env["TEST_TIME"]), timezone.utc)

    @now.setter
    def now(self, moment):
        self.env["TEST_TIME"] = str(moment.timestamp())

    def start(self, **switches):
        service = FakeOpenRouter(**{"now": self.now, **switches})
        service.__enter__()
        self.addCleanup(service.__exit__, None, None, None)
        self.env["OPENROUTER_BASE_URL"] = service.url
        return service

    def write(self, name, text):
        """Write a file below the test's folder; returns its path."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return path

    def run_first(self, code):
        """Make each process of the real program run this Python code first."""
        self.env["TEST_CODE"] = code

    def replace_module(self, name, code):
        """Make each process of the real program import this code as the module `name`; returns its file."""
        path = self.write(f"modules/{name}.py", code)
        self.env["PYTHONPATH"] = os.pathsep.join([os.path.dirname(path), self.env["PYTHONPATH"]])
        return path

    def run_program(self, *argv):
        out, err = io.StringIO(), io.StringIO()
        environment = mock.patch.dict(os.environ, self.env, clear=True)
        with environment, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = program.main(list(argv))
        return Run(code, out.getvalue(), err.getvalue())

    def start_program(self, *argv, **options):
        """The real program with its outputs captured, unless `options` (of subprocess.run) say otherwise."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        options.setdefault("preexec_fn", default_signals)
        done = subprocess.run([*COMMAND, *argv], env=self.env, text=True, encoding="utf-8", **options)
        return Run(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def started(self, *argv, **options):
        """The real program while it runs, its outputs as pipes unless `options` (of Popen) say otherwise."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        options.setdefault("preexec_fn", default_signals)
        with subprocess.Popen([*COMMAND, *argv], env=self.env, text=True, encoding="utf-8", **options) as process:
            try:
                yield process
            finally:
                process.kill()
