"""The real program as a process: exit codes, closed pipes, full disks, signals, terminals, encodings and memory."""

import os
import unittest

if os.name != "posix":
    raise unittest.SkipTest("these tests need POSIX")

import ast
import contextlib
import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import unittest
from unittest import mock

from fake_openrouter import (
    LONGEST_WAIT,
    MANAGEMENT_KEY,
    USER_KEY,
    as_usual,
    endless,
    error,
    gzip_bomb,
    make_key,
    make_model,
    make_workspace,
    respond,
    stall,
    when,
)
from support import COMMAND, PROGRAM, ProgramTest, Run, default_signals, program, read_terminal

FULL = "/dev/full"
BATCH_NOTE = "1 Batch API model hidden; --batch lists only those\n"


def closed(*descriptors):
    """A preexec_fn that closes these descriptors, like `>&-` in a shell."""

    def close():
        for descriptor in descriptors:
            os.close(descriptor)

    return close


class ProcessTest(ProgramTest):
    def start(self, **switches):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        return super().start(**{"credits_for_user_key": "allowed", **switches})


class ExitCodeTest(ProcessTest):
    def test_the_file_is_executable(self):
        folder = os.path.join(self.folder, "bin")
        os.mkdir(folder)
        os.symlink(sys.executable, os.path.join(folder, "python3"))
        os.symlink(PROGRAM, os.path.join(folder, "openrouter-remote"))
        path = folder + os.pathsep + os.environ["PATH"]
        command = str(shutil.which("openrouter-remote", path=path))
        self.assertEqual(command, os.path.join(folder, "openrouter-remote"))
        done = subprocess.run([command, "--version"], capture_output=True, text=True, env={**self.env, "PATH": path})
        version = f"openrouter-remote {program.__version__}\n"
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, version, ""))

    def test_the_program_works_with_python_oo(self):
        self.start()
        for argv, code in ((["balance"], 0), (["models", "list", "--json"], 0), (["--help"], 0), (["x"], 2)):
            with self.subTest(argv=argv):
                done = subprocess.run(
                    [sys.executable, "-OO", PROGRAM, *argv], env=self.env, capture_output=True, text=True
                )
                expected = self.run_program(*argv)
                self.assertEqual(done.returncode, code)
                if argv != ["--help"]:
                    self.assertEqual((done.stdout, done.stderr), expected[1:])

    def test_every_exit_code_reaches_the_shell(self):
        server = self.start()
        for code, argv in (
            (0, ["balance"]),
            (0, ["balance", "--alert-below", "0.1152"]),
            (1, ["balance", "--alert-below", "5"]),
            (2, ["balance", "--nonsense"]),
            (3, ["keys", "list"]),
            (4, ["models", "show", "no-such-model"]),
        ):
            with self.subTest(argv=argv):
                self.assertEqual(self.start_program(*argv).code, code)
        server.always("GET", "*", error(400, "Bad Request"))
        self.assertEqual(self.start_program("balance", "--alert-below", "5").code, 5)


class NeverExit1Test(ProcessTest):
    """Exit code 1 means an alert: neither a broken machine nor a bug of the program ends with it."""

    def test_an_old_python_gets_one_line_with_both_versions_and_exit_5(self):
        for version in ("3.6.15", "3.8.18"):
            self.run_first(f"import sys\nsys.version_info, sys.version = (3, {version[2]}), '{version} (main)'\n")
            message = f"openrouter-remote: error: Python 3.9 or newer is needed, but {sys.executable} is {version}\n"
            for argv in (["balance", "--alert-below", "5"], ["--version"], []):
                with self.subTest(version=version, argv=argv):
                    self.assertEqual(self.start_program(*argv), Run(5, "", message))
            self.assertEqual(self.start_program(preexec_fn=closed(2)), Run(5, "", ""))

    def test_python_3_6_can_parse_the_file(self):
        with open(PROGRAM, encoding="utf-8") as file:
            tree = ast.parse(file.read(), feature_version=(3, 6))
        for node in ast.walk(tree):  # Python 3.9 accepts these for any version
            self.assertNotIsInstance(node, ast.NamedExpr)
            self.assertEqual(getattr(node, "posonlyargs", []), [])
            self.assertNotEqual(getattr(node, "module", None), "__future__")  # annotations came with 3.7

    def test_no_threads_is_exit_5(self):
        self.start()
        self.run_first(
            "import threading\ndef start(_): raise RuntimeError('no thread')\nthreading.Thread.start = start\n"
        )
        message = "openrouter-remote: error: unexpected RuntimeError: no thread\n"
        for argv in (["balance", "--alert-below", "5"], ["models", "list"]):
            with self.subTest(argv=argv):
                self.assertEqual(self.start_program(*argv), Run(5, "", message))

    def test_no_memory_or_file_descriptors_is_exit_5(self):
        self.start()
        # `decimal` is imported while the program loads, `queue` when a request is sent.
        for module in ("decimal", "queue"):
            for fault in ("MemoryError", "OSError(24, 'Too many open files')"):
                path = self.replace_module(module, f"raise {fault}\n")
                with self.subTest(fault, module=module):
                    run = self.start_program("balance", "--alert-below", "5")
                    self.assertEqual((run.code, run.out), (5, ""))
                    line = r"\Aopenrouter-remote: error: unexpected (MemoryError: |OSError: .*Too many open files)\n\Z"
                    self.assertRegex(run.err, line)
                os.unlink(path)

    def test_a_missing_module_is_exit_5(self):
        self.run_first("import sys\nsys.modules['gc'] = None\n")
        message = "openrouter-remote: error: unexpected ModuleNotFoundError: import of gc halted; None in sys.modules\n"
        self.assertEqual(self.start_program("balance", "--alert-below", "5"), Run(5, "", message))

    def test_an_unexpected_exception_is_one_line_and_verbose_shows_where(self):
        self.start()
        with mock.patch.object(program.Service, "credits", side_effect=KeyError(f"x {USER_KEY}")):
            for argv in (["balance", "--alert-below", "5"], ["balance", "--json"]):
                with self.subTest(argv=argv):
                    message = "openrouter-remote: error: unexpected KeyError: 'x [key]'\n"
                    self.assertEqual(self.run_program(*argv), Run(5, "", message))
            run = self.run_program("balance", "-v")
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertRegex(
            run.err, r"KeyError: 'x \[key\]'\nopenrouter-remote: at main:\d+ > run_command_line:\d+ > .*\n\Z"
        )


class BrokenOutputTest(ProcessTest):
    """stdout or stderr is closed, full or has lost its reader."""

    def test_a_closed_pipe_ends_the_program_quietly(self):
        self.start()
        for code, argv in (
            (0, ["--help"]),
            (0, ["models", "list", "--json"]),
            (1, ["balance", "--alert-below", "5"]),
            (2, ["integrations"]),
        ):
            with self.subTest(argv=argv):
                reader, writer = os.pipe()
                os.close(reader)
                run = self.start_program(*argv, stdout=writer)
                os.close(writer)
                self.assertEqual(run.code, code)
                self.assertNotRegex(run.err, "(?i)error|traceback|broken")

    def test_a_pipe_closed_after_the_first_line_ends_the_program_quietly(self):
        self.start(models=[make_model(f"author/model-{n:0100}") for n in range(600)])
        with self.started("models", "list") as process:
            self.assertTrue(process.stdout.readline())
            process.stdout.close()
            self.assertNotRegex(process.stderr.read(), "(?i)error|traceback|broken")
            self.assertEqual(process.wait(), 0)

    @unittest.skipUnless(os.path.exists(FULL), f"no {FULL} here")
    def test_a_full_disk_is_an_error(self):
        self.start()
        message = "openrouter-remote: error: can't write to stdout: No space left on device\n"
        for argv in (
            ["balance"],
            ["models", "show", "northwind/gale-8b", "--json"],
            ["--help"],
            ["balance", "-h"],
            ["--version"],
        ):
            with self.subTest(argv=argv), open(FULL, "w") as full:
                self.assertEqual(self.start_program(*argv, stdout=full), Run(5, None, message))

    @unittest.skipUnless(os.path.exists(FULL), f"no {FULL} here")
    def test_a_full_disk_does_not_hide_an_alert(self):
        self.start()
        with open(FULL, "w") as full:
            run = self.start_program("balance", "--alert-below", "5", stdout=full)
        self.assertEqual(run.code, 1)
        alert, message = sorted(run.err.splitlines())
        self.assertRegex(alert, "^ALERT ")
        self.assertEqual(message, "openrouter-remote: error: can't write to stdout: No space left on device")

    def test_a_closed_stdout_is_an_error(self):
        self.start()
        message = "openrouter-remote: error: can't write to stdout: stdout is closed\n"
        for argv in (["balance"], ["models", "show", "northwind/gale-8b", "--json"], ["--help"], ["--version"]):
            with self.subTest(argv=argv):
                self.assertEqual(self.start_program(*argv, preexec_fn=closed(1)), Run(5, "", message))

    def test_a_quiet_run_needs_no_stdout(self):
        self.start()
        run = self.start_program("balance", "--alert-below", "0.1", "--quiet", preexec_fn=closed(1))
        self.assertEqual(run, Run(0, "", ""))

    def test_without_stderr_the_exit_code_and_stdout_are_the_same(self):
        self.start()
        cases = (
            ["balance", "-v"],
            ["balance", "--alert-below", "5"],
            ["models", "list", "--limit", "1"],
            ["keys", "list"],
        )
        for argv in cases:
            expected = self.run_program(*argv)[:2]
            with self.subTest(argv=argv, stderr="closed"):
                run = self.start_program(*argv, preexec_fn=closed(2))
                self.assertEqual((run.code, run.out, run.err), (*expected, ""))
            if os.path.exists(FULL):
                with self.subTest(argv=argv, stderr="full"), open(FULL, "w") as full:
                    self.assertEqual(self.start_program(*argv, stderr=full)[:2], expected)

    def test_a_closed_stderr_pipe_changes_neither_exit_code_nor_stdout(self):
        self.start()
        reader, writer = os.pipe()
        os.close(reader)
        run = self.start_program("balance", "--alert-below", "5", "-v", stderr=writer)
        os.close(writer)
        self.assertEqual(run[:2], self.run_program("balance", "--alert-below", "5")[:2])

    def test_a_closed_stdin_does_not_matter(self):
        self.start()
        run = self.start_program("balance", preexec_fn=closed(0))
        self.assertEqual(run, self.run_program("balance"))

    def test_without_any_stream_the_exit_code_is_right(self):
        self.start()
        for code, argv in (
            (1, ["balance", "--alert-below", "5"]),
            (5, ["balance"]),
            (5, ["--help"]),
            (5, ["--version"]),
        ):
            with self.subTest(argv=argv):
                self.assertEqual(self.start_program(*argv, preexec_fn=closed(0, 1, 2)), Run(code, "", ""))


class NonBlockingTest(ProcessTest):
    """Pipes in non-blocking mode, as event loops create them: no output is lost."""

    def read_slowly(self, *argv, which):
        """Run with stdout or stderr as a non-blocking pipe that is read slowly."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with self.started(*argv, **{which: writer}) as process:
            os.close(writer)
            with open(reader, encoding="utf-8") as pipe:
                text = pipe.read()
            out, err = process.communicate()
        return Run(process.returncode, text if which == "stdout" else out, text if which == "stderr" else err)

    def test_nothing_is_lost_on_a_non_blocking_stdout(self):
        self.start(models=[make_model(f"author/model-{n:05}") for n in range(300)])
        for unbuffered in ("", "1"):
            with self.subTest(unbuffered=unbuffered):
                self.env["PYTHONUNBUFFERED"] = unbuffered
                run = self.read_slowly("models", "list", "--json", which="stdout")
                self.assertEqual(run, self.run_program("models", "list", "--json"))
                self.assertGreater(len(run.out), 65536)

    def test_nothing_is_lost_on_a_non_blocking_stderr(self):
        self.start()
        argv = ("models", "list", "-v", "x" * 90_000)  # the error names the id
        slow, quick = self.read_slowly(*argv, which="stderr"), self.run_program(*argv)
        seconds = r"(?<=, )[0-9.]+ s(?=, [0-9]+ bytes\n)"  # they differ
        self.assertEqual([len(re.findall(seconds, run.err)) for run in (slow, quick)], [1, 1])
        slow, quick = (run._replace(err=re.sub(seconds, "N s", run.err)) for run in (slow, quick))
        self.assertEqual(slow, quick)
        self.assertGreater(len(slow.err), 65536)


class ShutdownTest(ProcessTest):
    """While the interpreter shuts down nothing is written, and no thread holds stderr: CPython would abort."""

    def test_abandoned_threads_write_nothing_after_the_error(self):
        workspaces = [make_workspace(n) for n in range(40)]
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        server = self.start(workspaces=workspaces)
        broken = error(400, "Broken")

        def fail(handler):
            reply = handler.fake.respond(handler.received)
            broken(handler) if "workspace_id" in handler.received.query else handler.send(reply)

        server.always("GET", "/keys", fail)
        for turn in range(5):
            with self.subTest(turn=turn):
                run = self.start_program("keys", "list", "--all", "-v")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertRegex(run.err, r"\nopenrouter-remote: error: workspace '.*': GET /keys: 400 Broken\n\Z")


class EncodingTest(ProcessTest):
    """Characters that the encoding of stdout lacks are written as escapes."""

    def setUp(self):
        super().setUp()
        self.start(models=[make_model("a/größe", name="Größe 大 \U0001f600")])

    def test_ascii_gets_escapes(self):
        c = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        for env in ({"PYTHONIOENCODING": "ascii:strict"}, c):
            with self.subTest(env=env):
                for name in ("LC_ALL", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONCOERCECLOCALE"):
                    self.env.pop(name, None)
                self.env.update(env)
                run = self.start_program("models", "show", "a/gr")
                self.assertEqual((run.code, run.err), (0, ""))
                fields = dict(re.split(": +", line, maxsplit=1) for line in run.out.splitlines())
                self.assertEqual(fields["name"], r"Gr\xf6\xdfe \u5927 \U0001f600")
                self.assertEqual(fields["id"], r"a/gr\xf6\xdfe")

    def test_utf_8_gets_the_characters_themselves(self):
        self.env["PYTHONIOENCODING"] = "utf-8"
        self.assertEqual(self.start_program("models", "list").out.splitlines()[1].split()[0], "a/größe")

    def test_stderr_gets_escapes_too(self):
        self.env["PYTHONIOENCODING"] = "ascii"
        run = self.start_program("models", "show", "a/groesse")
        self.assertEqual((run.code, run.out), (4, ""))
        self.assertIn(r"a/gr\xf6\xdfe", run.err)

    def test_a_printed_command_leaves_out_what_stderr_cannot_show_and_says_so(self):
        key = make_key(1, name="größe")
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        server = self.start(keys=[key])
        server.always("PATCH", f"/keys/{key['hash']}", error(500, "Broken"))
        self.env["PYTHONIOENCODING"] = "ascii"
        run = self.start_program("keys", "rotate", "größe")
        self.assertEqual(run.code, 5)
        left = "left to do: openrouter-remote keys rename 6b86b273ff34 (and a value with unprintable characters)"
        self.assertIn(left, run.err)

    def test_arguments_that_are_not_utf_8_cause_no_traceback(self):
        run = self.start_program(b"models", b"show", b"a/\xff")
        self.assertEqual((run.code, run.out), (4, ""))
        self.assertIn(r"'a/\udcff'", run.err)
        for code, argv in (
            (4, ["models", "show", "\udcff"]),
            (4, ["models", "endpoints", "\udcff/\udcff"]),
            (0, ["models", "list", "--search", "\udcff"]),
            (2, ["models", "list", "--provider", "\udcff"]),
            (2, ["models", "list", "--supports", "\udcff"]),
            (2, ["balance", "--env-file", "\udcff"]),
        ):
            with self.subTest(argv=argv):
                self.assertEqual(self.run_program(*argv).code, code)


class SignalTest(ProcessTest):
    def hanging(self):
        server = self.start()
        server.always("GET", "*", stall())
        return server

    def ended(self, process):
        """Wait for the process to end: its Run."""
        out, err = process.communicate()
        return Run(process.returncode, out, err)

    def test_ctrl_c_ends_a_hanging_request(self):
        server = self.hanging()
        with self.started("balance", "--spendable", "--timeout", "3600") as process:
            server.wait_for_requests()
            process.send_signal(signal.SIGINT)
            self.assertEqual(self.ended(process), Run(130, "", ""))

    def test_ctrl_c_ends_the_wait_before_a_retry(self):
        server = self.start()
        server.always("GET", "*", error(503, "Overloaded", {"Retry-After": "20"}))
        self.run_first("time.sleep = real_sleep")
        with self.started("models", "list", "-v") as process:
            for line in iter(process.stderr.readline, ""):
                if "retrying in" in line:
                    break
            process.send_signal(signal.SIGINT)
            self.assertEqual(self.ended(process), Run(130, "", ""))
        self.assertEqual(len(server.requests), 1)

    def test_ctrl_c_ends_a_blocked_write(self):
        self.start(models=[make_model(f"author/model-{n:05}") for n in range(500)])
        argv = ("models", "list", "--json")
        for leave in (False, True):
            with self.subTest(leave=leave), self.started(*argv) as process:
                self.assertTrue(process.stdout.read(1))
                process.send_signal(signal.SIGINT)
                if leave:
                    process.stdout.close()
                self.assertEqual(process.stderr.read(), "")
                self.assertEqual(process.wait(), 130)

    def test_ctrl_c_while_a_new_key_is_awaited_says_that_it_may_have_been_created(self):
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        server, arrived = self.start(), threading.Semaphore(0)

        def hang(handler):
            arrived.release()
            stall()(handler)

        server.always("POST", "/keys/", hang)
        for argv in (
            ("create", "--name", "new"),
            ("rotate", "production"),
            ("create", "--name", "new", "--out", "key"),
        ):
            with self.subTest(argv=argv), self.started("keys", *argv, "--timeout", "3600") as process:
                self.assertTrue(arrived.acquire(timeout=LONGEST_WAIT))
                process.send_signal(signal.SIGINT)
                run = self.ended(process)
                self.assertEqual((run.code, run.out), (130, ""))
                self.assertEqual(
                    run.err,
                    "openrouter-remote: warning: interrupted: the key may or may not have been created; "
                    "before you try again, check whether it exists: openrouter-remote keys list --all\n",
                )
        self.assertNotIn("PATCH", [request.method for request in server.requests])

    def test_an_ignored_interrupt_stays_ignored(self):
        server, sent = self.start(), threading.Event()
        server.always("GET", "*", when(sent))
        ignore = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)  # noqa: E731
        with self.started("balance", preexec_fn=ignore) as process:
            server.wait_for_requests()
            process.send_signal(signal.SIGINT)
            sent.set()
            self.assertEqual(self.ended(process), self.run_program("balance"))

    def test_ctrl_c_during_startup_or_shutdown_causes_no_traceback(self):
        interrupt = "import os, signal\ndef interrupt():\n  for _ in 'ab': os.kill(os.getpid(), signal.SIGINT)\n"
        path = self.replace_module("decimal", interrupt + "interrupt()\n")
        self.assertEqual(self.start_program("--version", preexec_fn=default_signals), Run(-signal.SIGINT, "", ""))
        os.unlink(path)
        self.run_first(interrupt + "import atexit\natexit.register(interrupt)\n")
        version = f"openrouter-remote {program.__version__}\n"
        self.assertEqual(self.start_program("--version", preexec_fn=default_signals), Run(0, version, ""))

    # An interrupt while two threads import a module could leave it locked forever.
    def test_threads_import_nothing(self):
        server = self.start(has_model_path=False)
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        self.run_first(
            "import sys, threading\n"
            "class Finder:\n"
            "    def find_spec(name, *rest):\n"
            "        if threading.current_thread() is not threading.main_thread(): print(name, file=sys.stderr)\n"
            "sys.meta_path.insert(0, Finder)\n"
        )
        for argv in (["balance", "--spendable", "--runway"], ["usage"], ["models", "show", "gale-8b"]):
            with self.subTest(argv=argv):
                server.fail("GET", "*", error(503, "Overloaded", {"Retry-After": "0"}))
                run = self.start_program(*argv)
                self.assertEqual((run.code, run.err), (0, ""))

    def test_a_signal_at_the_very_end_has_its_usual_exit_code(self):
        self.start()
        expected = self.run_program("models", "show", "northwind/gale-8b", "--json").out
        for number, code in (("SIGINT", 130), ("SIGTERM", -15), ("SIGHUP", -1)):
            self.run_first(
                "import os, signal\n"
                "calls, real = [], signal.signal\n"
                "def other(*args):\n"
                "    calls.append(args)\n"
                "    if len(calls) == 4:  # three handlers were set; the first is being restored\n"
                f"        os.kill(os.getpid(), signal.{number})\n"
                "    return real(*args)\n"
                "signal.signal = other\n"
            )
            with self.subTest(number):
                run = self.start_program("models", "show", "northwind/gale-8b", "--json")
                self.assertEqual((run.code, run.out), (code, expected))

    def test_an_interrupt_that_surfaces_as_another_exception_is_still_an_interrupt(self):
        def interrupted(argv):
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
            raise RuntimeError("release unlocked lock")

        with mock.patch.object(program, "parse_command_line", interrupted):
            self.assertEqual(self.run_program("balance"), Run(143, "", ""))

    def test_sigterm_causes_no_traceback(self):
        server = self.hanging()
        with self.started("models", "list") as process:
            server.wait_for_requests()
            process.terminate()
            self.assertEqual(self.ended(process), Run(-signal.SIGTERM, "", ""))


class TerminalTest(ProcessTest):
    def on_terminal(self, *argv, columns=80, keep_stdout=False, **env):
        """Run on a terminal of this width: its output is `err` of the Run. With `keep_stdout`, stdout is a pipe."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        streams = {"stdin": slave, "stdout": subprocess.PIPE if keep_stdout else slave, "stderr": slave}
        environment = mock.patch.dict(self.env, {"TERM": "xterm", **self.env, **env})
        with environment, self.started(*argv, **streams) as process:
            os.close(slave)
            shown = read_terminal(master)
            out = process.communicate()[0] or ""
        return Run(process.returncode, out, shown)

    def test_a_terminal_gets_a_colored_header_and_a_pipe_gets_none(self):
        self.start()
        piped = self.start_program("models", "list", "--limit", "3").out
        header = piped.partition("\n")[0]
        shown = self.on_terminal("models", "list", "--limit", "3", columns=200)
        self.assertEqual(shown.code, 0)
        self.assertIn(f"\x1b[1m{header}\x1b[0m\n{piped.partition(chr(10))[2]}", shown.err)

    def test_no_color_and_a_dumb_terminal_turn_colors_off(self):
        self.start()
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            with self.subTest(env=env):
                shown = self.on_terminal("balance", "--alert-below", "5", **env)
                self.assertEqual((shown.code, shown.err.count("\n"), "\x1b" in shown.err), (1, 4, False))

    def test_an_alert_is_red_on_a_terminal(self):
        self.start()
        shown = self.on_terminal("balance", "--alert-below", "5")
        self.assertEqual(shown.code, 1)
        self.assertRegex(shown.err, r"\x1b\[31mALERT [^\n\x1b]+\x1b\[0m\n\Z")

    NOT_LISTED = {"northwind/gale-8b:batch", "meridian/painter-2"}  # of the Batch API, and for images

    def test_a_table_fits_the_terminal_and_keeps_every_identifier(self):
        server = self.start()
        for columns in (40, 80):
            with self.subTest(columns=columns):
                shown = self.on_terminal("models", "list", columns=columns, NO_COLOR="1")
                table, notes = shown.err.split("\n15 models\n")
                self.assertEqual(notes, BATCH_NOTE)
                self.assertEqual([line for line in table.splitlines() if len(line) > columns], [])
                found = set(re.findall(r"(?m)^(\S+/\S+)(?: |$)", table))
                self.assertEqual(found, {model["id"] for model in server.models} - self.NOT_LISTED)

    def test_a_table_in_a_pipe_ignores_the_width_of_the_terminal(self):
        self.start()
        expected = self.start_program("models", "list").out
        self.assertEqual(self.on_terminal("models", "list", columns=40, keep_stdout=True).out, expected)

    def test_pages_show_progress_on_a_terminal(self):
        self.start(models_page_size=5)
        shown = self.on_terminal("models", "list", "--json", keep_stdout=True)
        pages = "".join(rf"{number} models[^\n\r]*(\r\x1b\[K)+" for number in (5, 10, 15))
        self.assertEqual(shown.code, 0)
        self.assertRegex(shown.err, rf"\A\r\x1b\[K{pages}{BATCH_NOTE}\Z")
        self.assertNotIn("\x1b", shown.out)

    def test_a_dumb_terminal_gets_no_escape_sequences_as_progress(self):
        self.start(models_page_size=5)
        self.assertNotIn("\x1b", self.on_terminal("models", "list", "--json", keep_stdout=True, TERM="dumb").err)

    def test_a_single_page_shows_no_progress(self):
        self.start()
        self.assertEqual(self.on_terminal("models", "list", "--json", keep_stdout=True).err, BATCH_NOTE)

    def test_progress_is_cleared_before_an_error(self):
        server = self.start(models_page_size=5)
        server.fail("GET", "/models", as_usual, error(400, "No"))
        shown = self.on_terminal("models", "list", keep_stdout=True)
        self.assertEqual((shown.code, shown.out), (5, ""))
        self.assertTrue(shown.err.endswith("\r\x1b[Kopenrouter-remote: error: GET /models: 400 No\n"))

    def test_a_pipe_gets_no_progress(self):
        self.start(models_page_size=5)
        run = self.start_program("models", "list", "--json")
        self.assertEqual((run.code, run.err), (0, BATCH_NOTE))


class MemoryTest(ProcessTest):
    # A child begins with the memory of its parent, so a small process in between measures the program alone.
    MEASURED = (
        "import resource, subprocess, sys\n"
        "code = subprocess.run(sys.argv[1:]).returncode\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(code)"
    )

    def ended(self, *argv):
        """(Run, peak memory in MiB) of the real program."""
        command = [sys.executable, "-S", "-c", self.MEASURED, *COMMAND, *argv]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True)
        *out, memory = done.stdout.splitlines(keepends=True)
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return Run(done.returncode, "".join(out), done.stderr), int(memory) / unit

    def test_endless_responses_and_gzip_bombs_are_refused_in_little_memory(self):
        for name, fault in (("endless", endless()), ("gzip bomb", gzip_bomb(500))):
            with self.subTest(name=name):
                server = self.start()
                server.always("GET", "/models", fault)
                run, memory = self.ended("models", "list")
                message = "openrouter-remote: error: GET /models: 200 with more than 64 MiB\n"
                self.assertEqual(run, Run(5, "", message))
                self.assertEqual(len(server.requests), 1)
                self.assertLess(memory, 250)

    def test_deeply_nested_json_causes_no_traceback(self):
        for body in ("[" * 10**6, '{"data":' * 10**5 + "1" + "}" * 10**5):
            with self.subTest(body=body[:8]):
                self.start().always("GET", "/models", respond(200, body))
                run = self.start_program("models", "list")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertRegex(run.err, r"\Aopenrouter-remote: error: [^\n]+\n(hint: [^\n]+\n)?\Z")


if __name__ == "__main__":
    unittest.main()
