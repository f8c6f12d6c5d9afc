"""What the program does on Windows, simulated, and that a checkout there has the same files."""

import contextlib
import errno
import io
import json
import os
import queue
import select
import signal
import threading
import time
import unittest
from unittest import mock

from fake_openrouter import MANAGEMENT_KEY, USER_KEY
from support import PROGRAM, ProgramTest, Run, calls, program

ROOT = os.path.dirname(os.path.dirname(PROGRAM))
MISSING = ("chown", "fchmod", "fork", "getegid", "geteuid", "getgid", "getuid", "mkfifo", "set_blocking")


class Windows:
    """The module `os` as it is on Windows."""

    name = "nt"
    O_BINARY = 1 << 30

    def __init__(self):
        self.opened: list = []  # (path, whether it was opened with O_BINARY)

    def __getattr__(self, name):
        if name in MISSING:
            raise AttributeError(name)
        return getattr(os, name)

    def open(self, path, flags, *mode):
        self.opened.append((path, bool(flags & self.O_BINARY)))
        return os.open(path, flags & ~self.O_BINARY, *mode)


class Screen(io.StringIO):
    def isatty(self):
        return True


class BadStdout:
    """A stdout that can't be written to."""

    encoding = "utf-8"

    def __init__(self, number):
        self.number = number
        self.descriptor = os.open(os.devnull, os.O_WRONLY)

    def isatty(self):
        return False

    def fileno(self):
        return self.descriptor

    def write(self, text):
        raise OSError(self.number, os.strerror(self.number))

    def flush(self):
        pass


class WindowsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env.update(OPENROUTER_API_KEY=USER_KEY, OPENROUTER_MANAGEMENT_KEY=MANAGEMENT_KEY)
        self.windows = Windows()

    @contextlib.contextmanager
    def on_windows(self):
        with mock.patch.object(program, "os", self.windows):
            yield


class Escapes(WindowsTest):
    def on_screen(self, *argv, **env):
        """(stdout, stderr) of a run on a console."""
        out, err = Screen(), Screen()
        environment = mock.patch.dict(os.environ, {**self.env, "COLUMNS": "120", **env}, clear=True)
        with environment, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            program.main(list(argv))
        return out.getvalue(), err.getvalue()

    def test_an_old_console_gets_no_escape_sequences(self):
        self.start(models_page_size=4)
        with self.on_windows():
            for argv in (("models", "list"), ("keys", "list", "--all"), ("balance", "--alert-below", "5")):
                for env in ({}, {"TERM": ""}, {"WT_SESSION": "", "ANSICON": ""}, {"TERM": "dumb"}):
                    with self.subTest(argv, env=env):
                        out, err = self.on_screen(*argv, **env)
                        self.assertNotEqual(out, "")
                        self.assertNotIn("\x1b", out + err)
                        self.assertNotIn("\r", out + err)

    def test_a_newer_console_gets_color_and_progress(self):
        self.start(models_page_size=4)
        with self.on_windows():
            for name, value in (("WT_SESSION", "b2e3f6d1"), ("ANSICON", "120x1000"), ("TERM", "xterm-256color")):
                with self.subTest(name):
                    out, err = self.on_screen("models", "list", **{name: value})
                    self.assertTrue(out.startswith("\x1b[1mid"), out[:20])
                    self.assertIn("\r\x1b[K4 models …", err)

    def test_other_systems_need_none_of_these_names(self):
        self.start(models_page_size=4)
        out, err = self.on_screen("models", "list")
        self.assertTrue(out.startswith("\x1b[1mid"), out[:20])
        self.assertIn("\r\x1b[K4 models …", err)


class ClosedPipe(WindowsTest):
    def run_into(self, number):
        """(exit code, stderr) of a run whose stdout fails with this error."""
        stdout, err = BadStdout(number), io.StringIO()
        self.addCleanup(os.close, stdout.descriptor)
        environment = mock.patch.dict(os.environ, self.env, clear=True)
        with environment, mock.patch("sys.stdout", stdout), contextlib.redirect_stderr(err):
            return program.main(["balance"]), err.getvalue()

    def test_an_invalid_argument_is_a_closed_pipe(self):
        self.start()
        with self.on_windows():
            self.assertEqual(self.run_into(errno.EINVAL), (0, ""))

    def test_any_other_failure_is_an_error(self):
        self.start()
        message = "openrouter-remote: error: can't write to stdout: No space left on device\n"
        with self.on_windows():
            self.assertEqual(self.run_into(errno.ENOSPC), (5, message))

    def test_on_other_systems_an_invalid_argument_is_an_error_too(self):
        self.start()
        message = "openrouter-remote: error: can't write to stdout: Invalid argument\n"
        self.assertEqual(self.run_into(errno.EINVAL), (5, message))


class Box:
    """A queue with a clock that only its waits move. The item can be had from the `arrival`th wait on."""

    def __init__(self, arrival):
        self.arrival = arrival
        self.clock = 0.0
        self.timeouts: list = []
        self.items: queue.SimpleQueue = queue.SimpleQueue()
        self.put = self.items.put

    def get(self, timeout):
        self.timeouts.append(timeout)
        if len(self.timeouts) >= self.arrival:
            return self.items.get()
        self.clock += timeout
        raise queue.Empty


class Background(WindowsTest):
    """`background` waits in slices on Windows, where Ctrl-C doesn't interrupt a wait."""

    def wait(self, arrival, timeout=None):
        """(The result or Timeout of a call that ends during the `arrival`th wait, the timeout of each wait)."""
        box = Box(arrival)
        fake_queue = mock.patch.object(queue, "SimpleQueue", lambda: box)
        with fake_queue, mock.patch.object(time, "monotonic", lambda: box.clock):
            wait = program.background(lambda: 7)
            try:
                return wait(timeout), box.timeouts
            except program.Timeout:
                return program.Timeout, box.timeouts

    def test_a_wait_without_a_timeout_comes_in_slices(self):
        with self.on_windows():
            self.assertEqual(self.wait(arrival=1), (7, [0.1]))
            self.assertEqual(self.wait(arrival=4), (7, [0.1] * 4))

    def test_a_wait_with_a_timeout_comes_in_slices_and_ends(self):
        with self.on_windows():
            self.assertEqual(self.wait(arrival=2, timeout=0.25), (7, [0.1, 0.1]))
            self.assertEqual(self.wait(arrival=1, timeout=0.05), (7, [0.05]))
            result, timeouts = self.wait(arrival=99, timeout=0.25)
        self.assertEqual((result, [round(timeout, 6) for timeout in timeouts]), (program.Timeout, [0.1, 0.1, 0.05]))

    def test_other_systems_wait_once(self):
        self.assertEqual(self.wait(arrival=1), (7, [None]))
        self.assertEqual(self.wait(arrival=2, timeout=0.25), (program.Timeout, [0.25]))

    def test_a_call_returns_its_result_or_raises_its_error(self):
        def fail():
            raise LookupError("lost")

        with self.on_windows():
            self.assertEqual(program.background(str.upper, "done")(), "DONE")
            self.assertEqual(program.background(str.upper, "done")(30), "DONE")
            with self.assertRaisesRegex(LookupError, "^lost$"):
                program.background(fail)()

    def test_a_call_that_takes_too_long_is_a_timeout(self):
        ended = threading.Event()
        self.addCleanup(ended.set)
        with self.on_windows(), self.assertRaises(program.Timeout):
            program.background(ended.wait)(0.01)


class Files(WindowsTest):
    CREATED = b"OPENROUTER_API_KEY=%s\n"

    def create(self, server):
        run = self.run_program("keys", "create", "--name", "new", "--out", "new.env")
        self.assertEqual(run.code, 0, run.err)
        with open("new.env", "rb") as file:
            self.assertEqual(file.read(), self.CREATED % server.secrets[0].encode())

    def test_out_opens_its_file_without_translation_of_line_ends(self):
        server = self.start()
        with self.on_windows():
            self.create(server)
        self.assertIn(("new.env", True), self.windows.opened)

    def test_where_there_is_no_such_flag_it_needs_none(self):
        server = self.start()
        self.create(server)


class Whole(WindowsTest):
    def test_every_command_works_without_what_windows_lacks(self):
        for argv in calls():
            with self.subTest(argv):
                for name in os.listdir(self.folder):
                    os.unlink(name)
                self.start()
                expected = self.run_program(*argv)
                for name in os.listdir(self.folder):
                    os.unlink(name)
                server = self.start()
                with self.on_windows(), without(select, "poll"), without(signal, "SIGHUP"):
                    found = self.run_program(*argv)
                self.assertEqual(Run(*found), Run(*expected))
                self.assertTrue(server.requests or argv == ("integrations",))


@contextlib.contextmanager
def without(module, name):
    """`module` without one of its names."""
    value = getattr(module, name, None)
    if value is None:
        yield
        return
    delattr(module, name)
    try:
        yield
    finally:
        setattr(module, name, value)


class Checkout(unittest.TestCase):
    def read(self, *path):
        with open(os.path.join(ROOT, *path), "rb") as file:
            return file.read()

    def test_both_manifests_have_the_same_content(self):
        manifest = self.read("plugin.json")
        self.assertEqual(manifest, self.read(".claude-plugin", "plugin.json"))
        self.assertEqual(json.loads(manifest)["name"], "openrouter-remote")

    def test_text_files_end_their_lines_with_lf(self):
        self.assertIn(b"* text=auto eol=lf", self.read(".gitattributes").splitlines())

    def test_files_of_settings_are_ignored(self):
        self.assertIn(b"*.env", self.read(".gitignore").splitlines())


if __name__ == "__main__":
    unittest.main()
