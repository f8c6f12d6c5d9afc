"""Where a key may come from: `_FILE` settings, named pipes, files of other users; and what is never sent as a key."""

import contextlib
import os
import socket
import threading
import unittest
from typing import Any
from unittest import mock

from fake_openrouter import MANAGEMENT_KEY, USER_KEY, Response, error, respond
from support import ProgramTest, Run, program

KEY_NAMES = ("OPENROUTER_PROVISIONING_KEY", "OPENROUTER_MANAGEMENT_KEY")
FOUR = [name + suffix for name in KEY_NAMES for suffix in ("", "_FILE")]  # in the order in which they are read
LABEL = "openrouter-remote: "
NOTHING_BUT_THE_KEY = "hint: name a file that holds nothing but the key\n"
BALANCE = "total_credits: $10.0000\ntotal_usage:   $9.8848\nremaining:     $0.1152\n"
NEEDS_PIPES = unittest.skipUnless(hasattr(os, "mkfifo"), "this platform has no named pipes")
NEEDS_ROOT = unittest.skipUnless(getattr(os, "geteuid", int)() == 0 and hasattr(os, "chown"), "only root can chown")
CREATE_USER_KEY = "or create one at https://openrouter.ai/keys"


def key(n, form="v1"):
    """A key of the right form."""
    return f"sk-or-{form}-{n:064x}"


def echo(handler):
    """A list of keys without any, whoever asks."""
    handler.send(Response(200, {"data": []}))


class SourcesTest(ProgramTest):
    server: Any = None

    def setUp(self):
        super().setUp()
        self.server = self.start(credits_for_user_key="allowed")
        # Without a model of the Batch API there is no note on it.
        self.server.models = [model for model in self.server.models if not model["id"].endswith(":batch")]

    def sent_keys(self):
        """The keys that were sent, each once."""
        headers = (request.headers.get("authorization", "Bearer -") for request in self.server.requests)
        return {header[len("Bearer ") :] for header in headers}

    def paths(self):
        return sorted(request.path for request in self.server.requests)

    def malformed(self, name, source, what, kind="a user key", create=CREATE_USER_KEY):
        message = f"{LABEL}error: {name} (from {source}) is malformed: it {what}\n"
        return message + f"hint: set it to {kind} exactly as shown when it was created, {create}\n"

    def malformed_file(self, name, source, path, what, kind="a user key"):
        message = f"{LABEL}error: {name} (from {source}): the key in {path} is malformed: it {what}\n"
        return message + f"hint: name a file that holds nothing but {kind}\n"

    def pipe(self, path):
        """A named pipe, removed at the end of the test."""
        path = os.path.join(self.folder, path)
        os.mkfifo(path)
        self.addCleanup(self.release, path)
        return path

    @staticmethod
    def release(path):
        """Remove a named pipe; whoever still waits for its other end is let go."""
        if os.path.exists(path):
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
            os.unlink(path)

    @contextlib.contextmanager
    def opened_files(self):
        """Yields a function that counts how often a file was opened."""
        with mock.patch.object(program, "open", create=True, side_effect=open) as opened:
            paths = opened.call_args_list
            yield lambda name: sum(os.path.basename(call.args[0]) == name for call in paths)

    def fed_pipe(self, path, text):
        """A named pipe that somebody writes to, once."""
        path = self.pipe(path)

        def feed():
            with contextlib.suppress(BrokenPipeError), open(path, "w", encoding="utf-8") as file:
                file.write(text)

        threading.Thread(target=feed, daemon=True).start()
        return path


class KeyFileTest(SourcesTest):
    def test_each_key_name_works_with_file_appended(self):
        path = self.write("secret", USER_KEY)
        self.env["OPENROUTER_API_KEY_FILE"] = path
        self.assertEqual(self.run_program("keys", "current").code, 0)
        self.assertEqual(self.sent_keys(), {USER_KEY})
        for name in KEY_NAMES:
            with self.subTest(name):
                self.server.requests.clear()
                self.env[f"{name}_FILE"] = self.write("secret", MANAGEMENT_KEY)
                self.assertEqual(self.run_program("keys", "list").code, 0)
                self.assertEqual(self.sent_keys(), {MANAGEMENT_KEY})
                del self.env[f"{name}_FILE"]

    def test_within_a_layer_the_older_name_comes_first_and_its_value_before_its_file(self):
        self.server.always("GET", "*", echo)
        values = {}
        for n, name in enumerate(FOUR):
            values[name] = self.write(f"secret-{n}", key(n)) if name.endswith("_FILE") else key(n)
        for layer in ("shell", ".env", "settings"):
            for n in range(len(FOUR)):
                with self.subTest(layer=layer, names=FOUR[n:]):
                    present = {name: values[name] for name in reversed(FOUR[n:])}
                    text = "".join(f"{name}={value}\n" for name, value in present.items())
                    options = ["--env-file", self.write(layer, text)] if layer == "settings" else []
                    if layer == ".env":
                        self.write(".env", text)
                    environment = mock.patch.dict(self.env, present if layer == "shell" else {})
                    self.server.requests.clear()
                    with environment:
                        self.assertEqual(self.run_program("keys", "list", *options).code, 0)
                    self.assertEqual(self.sent_keys(), {key(n)})
            if layer == ".env":
                os.unlink(".env")

    def test_the_value_of_the_user_key_comes_before_its_file(self):
        self.env.update(OPENROUTER_API_KEY_FILE=self.write("secret", key(1)), OPENROUTER_API_KEY=USER_KEY)
        self.assertEqual(self.run_program("keys", "current").code, 0)
        self.assertEqual(self.sent_keys(), {USER_KEY})

    def test_the_layer_is_that_of_the_variable(self):
        self.server.always("GET", "*", echo)
        self.write("high", key(1))
        for name in (".env", ".env.local"):
            self.write(name, "")
        layers = ("settings", ".env.local", ".env", "shell")
        for n, high in enumerate(layers[:-1]):
            for low in layers[n + 1 :]:
                with self.subTest(high=high, low=low):
                    for layer in layers[:-1]:
                        self.write(layer, "")
                    self.env.pop("OPENROUTER_PROVISIONING_KEY", None)
                    # The lower layer has the name that wins within a layer.
                    if low == "shell":
                        self.env["OPENROUTER_PROVISIONING_KEY"] = key(2)
                    else:
                        self.write(low, f"OPENROUTER_PROVISIONING_KEY={key(2)}\n")
                    self.write(high, "OPENROUTER_MANAGEMENT_KEY_FILE=high\n")
                    self.server.requests.clear()
                    self.assertEqual(self.run_program("keys", "list", "--env-file", "settings").code, 0)
                    self.assertEqual(self.sent_keys(), {key(1)})

    def test_a_relative_path_begins_at_the_folder_of_the_env_file(self):
        self.write("project/secrets/key", USER_KEY)
        self.write("project/deep/secrets/key", key(9))
        self.write("secrets/key", key(9))
        for name in (".env", ".env.local", "settings"):
            with self.subTest(name):
                path = self.write(f"project/{name}", "OPENROUTER_API_KEY_FILE=secrets/key\n")
                options = ["--env-file", os.path.join("..", "settings")] if name == "settings" else []
                os.chdir(os.path.join(self.folder, "project", "deep"))
                self.server.requests.clear()
                self.assertEqual(self.run_program("keys", "current", *options).code, 0)
                self.assertEqual(self.sent_keys(), {USER_KEY})
                os.unlink(path)

    def test_a_relative_path_of_the_shell_begins_at_the_current_folder(self):
        self.write("project/secrets/key", USER_KEY)
        self.write("secrets/key", key(9))
        self.env["OPENROUTER_API_KEY_FILE"] = "secrets/key"
        os.chdir("project")
        self.assertEqual(self.run_program("keys", "current").code, 0)
        self.assertEqual(self.sent_keys(), {USER_KEY})

    def test_white_space_around_the_key_is_trimmed(self):
        self.env["OPENROUTER_API_KEY_FILE"] = "secret"
        for text in (f"{USER_KEY}\n", f"{USER_KEY}\r\n", f"\n\t {USER_KEY} \r\n\n", USER_KEY + " " * (4096 - 73)):
            with self.subTest(text=text):
                self.server.requests.clear()
                self.write("secret", text)
                self.assertEqual(self.run_program("keys", "current").code, 0)
                self.assertEqual(self.sent_keys(), {USER_KEY})

    def test_an_empty_file_counts_as_unset(self):
        self.env.update(OPENROUTER_API_KEY_FILE="secret", OPENROUTER_API_KEY="")
        for text in ("", "\n", " \r\n\t"):
            with self.subTest(text=text):
                self.write("secret", text)
                run = self.run_program("keys", "current")
                self.assertEqual((run.code, run.out), (3, ""))
                message = f"{LABEL}error: no user key: set OPENROUTER_API_KEY\n"
                hint = "hint: set it in the shell or in a .env file; create one at https://openrouter.ai/keys\n"
                self.assertEqual(run.err, message + hint)
        self.assertEqual(self.server.requests, [])

    def test_after_an_empty_file_the_next_name_or_layer_is_used(self):
        self.write("secret", "\n")
        for present in (
            {"OPENROUTER_PROVISIONING_KEY_FILE": "secret", "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT_KEY},
            {"OPENROUTER_PROVISIONING_KEY": MANAGEMENT_KEY},
        ):
            with self.subTest(present=present):
                if "OPENROUTER_MANAGEMENT_KEY" not in present:
                    self.write(".env", "OPENROUTER_MANAGEMENT_KEY_FILE=secret\n")
                self.server.requests.clear()
                with mock.patch.dict(self.env, present):
                    self.assertEqual(self.run_program("keys", "list").code, 0)
                self.assertEqual(self.sent_keys(), {MANAGEMENT_KEY})

    def test_an_empty_path_counts_as_unset(self):
        self.write(".env", "OPENROUTER_API_KEY_FILE=\n")
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.assertEqual(self.run_program("keys", "current").code, 0)


class UnusableKeyFileTest(SourcesTest):
    """A file that can't be read is named and stops what needs the key; nothing of it is shown."""

    def setUp(self):
        super().setUp()
        os.mkdir("folder")
        self.write("large", USER_KEY + " " * 4096)
        self.unusable = (
            ("missing", "No such file or directory"),
            ("missing/below", "No such file or directory"),
            ("folder", "Is a directory"),
            ("large/below", "Not a directory"),
            ("large", "larger than 4 KiB"),
        )

    def test_it_is_exit_3_and_named(self):
        for path, reason in self.unusable:
            for name, argv in (
                ("OPENROUTER_API_KEY_FILE", ("keys", "current")),
                ("OPENROUTER_PROVISIONING_KEY_FILE", ("keys", "list")),
                ("OPENROUTER_MANAGEMENT_KEY_FILE", ("usage", "--json")),
                ("OPENROUTER_API_KEY_FILE", ("balance",)),
            ):
                with self.subTest(path=path, argv=argv), mock.patch.dict(self.env, {name: path}):
                    message = f"{LABEL}error: {name} (from the shell): {path}: {reason}\n"
                    self.assertEqual(self.run_program(*argv), Run(3, "", message + NOTHING_BUT_THE_KEY))
        self.assertEqual(self.server.requests, [])

    def test_the_error_names_the_env_file_that_names_it(self):
        source = self.write(".env", "OPENROUTER_API_KEY_FILE=missing\n")
        message = f"{LABEL}error: OPENROUTER_API_KEY_FILE (from {source}): missing: No such file or directory\n"
        self.assertEqual(self.run_program("keys", "current"), Run(3, "", message + NOTHING_BUT_THE_KEY))

    @unittest.skipIf(getattr(os, "geteuid", int)() == 0, "root can read everything")
    def test_one_without_permission_is_exit_3_and_named(self):
        os.chmod(self.write("secret", USER_KEY), 0)
        self.env["OPENROUTER_API_KEY_FILE"] = "secret"
        message = f"{LABEL}error: OPENROUTER_API_KEY_FILE (from the shell): secret: Permission denied\n"
        self.assertEqual(self.run_program("keys", "current"), Run(3, "", message + NOTHING_BUT_THE_KEY))

    def test_a_lower_layer_does_not_replace_it(self):
        self.write(".env", "OPENROUTER_API_KEY_FILE=missing\n")
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.assertEqual(self.run_program("keys", "current").code, 3)
        self.assertEqual(self.server.requests, [])

    def test_4_kib_are_not_too_large(self):
        self.write("large", USER_KEY + " " * (4096 - len(USER_KEY)))
        self.env["OPENROUTER_API_KEY_FILE"] = "large"
        self.assertEqual(self.run_program("keys", "current").code, 0)

    def test_its_content_is_never_shown(self):
        for content in (
            "hunter2 is my secret\nand hunter2 it stays\n",
            f"OPENROUTER_API_KEY={key(7)}\nOTHER=hunter2\n",
            "[default]\npassword = hunter2\n",
            '"hunter2hunter2"\n',
            "hunter2\x00\n",
        ):
            for flags in ((), ("-v",), ("--json",)):
                with self.subTest(content=content, flags=flags):
                    self.env["OPENROUTER_API_KEY_FILE"] = self.write("secret", content)
                    run = self.run_program(*flags, "keys", "current")
                    self.assertEqual((run.code, run.out), (3, ""))
                    message = f"OPENROUTER_API_KEY_FILE (from the shell): the key in {self.folder}/secret is malformed"
                    self.assertIn(f"{LABEL}error: {message}: it ", run.err)
                    self.assertNotIn("hunter2", run.err)
                    self.assertNotIn(key(7)[9:], run.err)
        self.assertEqual(self.server.requests, [])

    def test_where_either_kind_will_do_it_is_passed_over_with_a_warning(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for path, reason in self.unusable:
            with self.subTest(path=path), mock.patch.dict(self.env, {"OPENROUTER_MANAGEMENT_KEY_FILE": path}):
                message = f"OPENROUTER_MANAGEMENT_KEY_FILE (from the shell): {path}: {reason}; skipped\n"
                self.assertEqual(self.run_program("balance"), Run(0, BALANCE, f"{LABEL}warning: {message}"))

    def test_the_statistics_of_endpoints_take_either_kind_too(self):
        self.env.update(OPENROUTER_API_KEY_FILE="missing", OPENROUTER_MANAGEMENT_KEY=MANAGEMENT_KEY)
        run = self.run_program("models", "endpoints", "northwind/gale-70b", "--json")
        message = "OPENROUTER_API_KEY_FILE (from the shell): missing: No such file or directory; skipped\n"
        self.assertEqual(run.code, 0)
        self.assertTrue(run.err.startswith(f"{LABEL}warning: {message}"), run.err)
        self.assertIn(MANAGEMENT_KEY, self.sent_keys())  # the catalog is requested without one

    def test_quiet_is_silent_about_it_while_all_is_well(self):
        self.env.update(OPENROUTER_API_KEY=USER_KEY, OPENROUTER_MANAGEMENT_KEY_FILE="missing")
        self.assertEqual(self.run_program("balance", "--alert-below", "0.1", "--quiet"), Run(0, "", ""))


class ReadWhenNeededTest(SourcesTest):
    def test_a_command_without_keys_never_reads_it(self):
        self.env.update({f"{name}_FILE": "missing" for name in program.KEY_NAMES})
        for argv in (("models", "list", "--json"), ("models", "show", "northwind/gale-70b", "--json")):
            with self.subTest(argv=argv):
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.err), (0, ""))
        self.assertEqual(self.sent_keys(), {"-"})

    def test_a_command_reads_only_the_key_that_it_needs(self):
        self.env.update(OPENROUTER_API_KEY=USER_KEY, OPENROUTER_PROVISIONING_KEY_FILE="missing")
        run = self.run_program("keys", "current", "--json")
        self.assertEqual((run.code, run.err), (0, ""))

    def test_a_key_of_a_higher_layer_spares_it(self):
        self.env["OPENROUTER_PROVISIONING_KEY_FILE"] = "missing"
        self.write(".env", f"OPENROUTER_MANAGEMENT_KEY={MANAGEMENT_KEY}\n")
        for argv in (("balance",), ("keys", "list"), ("usage",)):
            with self.subTest(argv=argv):
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.err.count("warning")), (0, 0))

    def test_verbose_names_the_file_without_reading_it(self):
        for name in ("API_KEY", "PROVISIONING_KEY", "MANAGEMENT_KEY"):
            with self.subTest(name):
                source = self.write(".env", f"OPENROUTER_{name}_FILE=secrets/{name}\n")
                run = self.run_program("-v", "models", "list", "--json")
                lines = [
                    f"OPENROUTER_BASE_URL={self.server.url} from the shell",
                    f"OPENROUTER_{name}: from secrets/{name} (OPENROUTER_{name}_FILE in {source})",
                ]
                self.assertEqual(run.code, 0)
                self.assertTrue(run.err.startswith("".join(f"{LABEL}{line}\n" for line in lines)), run.err)
                self.assertEqual(run.err.count("_FILE"), 1)


class RedactedTest(SourcesTest):
    def test_a_key_from_a_file_is_shown_nowhere(self):
        for secret in (USER_KEY, "gateway-key-" + "z" * 30):
            self.env["OPENROUTER_API_KEY_FILE"] = self.write("secret", secret)
            with self.subTest(secret=secret):
                self.server.always("GET", "/key", respond(200, {"data": {"label": f"a {secret} b", "limit": None}}))
                for flags in ((), ("-v",), ("--json",), ("--json", "-v")):
                    run = self.run_program("keys", "current", *flags)
                    self.assertEqual(run.code, 0)
                    self.assertIn("a [key] b", run.out)
                    self.assertNotIn(secret[12:], run.out + run.err)
                self.server.always("GET", "/key", error(400, f"bad request: {secret}"))
                run = self.run_program("keys", "current", "-v")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertIn("error: GET /key: 400 bad request: [key]\n", run.err)
                self.assertNotIn(secret[12:], run.err)

    def test_its_path_is_shown(self):
        path = self.write("secret-of-mine", USER_KEY)
        self.env["OPENROUTER_API_KEY_FILE"] = path
        self.assertIn(f"OPENROUTER_API_KEY: from {path} (", self.run_program("keys", "current", "-v").err)


class ProjectKeyFileTest(SourcesTest):
    """A file of a project could name any file of the user's, so what is in it must be a key of OpenRouter's form."""

    def test_what_is_no_key_is_never_sent_whatever_the_base_url(self):
        for content, what in (
            ("sk-1234", "looks like another vendor's key"),
            ("hunter2hunter2hunter2", "doesn't look like an OpenRouter key, which begins with sk-or-"),
            ("sk-or-v1-123", "is too short for a key, or has characters that no key has"),
        ):
            self.write("secret", content)
            for name in (".env", ".env.local", "../.env"):
                with self.subTest(content=content, name=name):
                    os.makedirs("below", exist_ok=True)
                    os.chdir("below" if ".." in name else ".")
                    source = self.write(name.replace("../", ""), f"OPENROUTER_API_KEY_FILE={self.folder}/secret\n")
                    run = self.run_program("keys", "current")
                    os.chdir(self.folder)
                    os.unlink(source)
                    message = self.malformed_file("OPENROUTER_API_KEY_FILE", source, f"{self.folder}/secret", what)
                    self.assertEqual(run, Run(3, "", message))
        self.assertEqual(self.server.requests, [])

    def test_a_key_of_the_form_is_sent(self):
        self.write("secret", USER_KEY)
        self.write(".env", "OPENROUTER_API_KEY_FILE=secret\n")
        self.assertEqual(self.run_program("keys", "current").code, 0)

    def test_the_shell_and_a_named_file_may_name_a_file_with_a_key_of_a_proxy(self):
        self.server.always("GET", "/key", respond(200, {"data": {"label": "x"}}))
        self.write("secret", "sk-1234\n")
        settings = self.write("settings", "OPENROUTER_API_KEY_FILE=secret\n")
        for options, present in ((("--env-file", settings), {}), ((), {"OPENROUTER_API_KEY_FILE": "secret"})):
            with self.subTest(options=options), mock.patch.dict(self.env, present):
                self.server.requests.clear()
                self.assertEqual(self.run_program("keys", "current", *options).code, 0)
                self.assertEqual(self.sent_keys(), {"sk-1234"})


class BaseUrlFileTest(SourcesTest):
    def test_a_base_url_cannot_come_from_a_file(self):
        self.write("url", self.server.url)
        del self.env["OPENROUTER_BASE_URL"]
        settings = self.write("settings", "OPENROUTER_BASE_URL_FILE=url\n")
        self.write(".env", "OPENROUTER_BASE_URL_FILE=url\n")
        self.env["OPENROUTER_BASE_URL_FILE"] = "url"
        run = self.run_program("-v", "keys", "current", "--env-file", settings)  # no key, so no request either
        self.assertEqual((run.code, run.out), (3, ""))
        self.assertTrue(
            run.err.startswith(f"{LABEL}OPENROUTER_BASE_URL=https://openrouter.ai/api/v1 from the default\n"), run.err
        )
        self.assertNotIn("_FILE", run.err)


@NEEDS_PIPES
class KeyPipeTest(SourcesTest):
    def test_a_key_may_come_from_a_named_pipe(self):
        self.env["OPENROUTER_API_KEY_FILE"] = self.fed_pipe("secret", f"{USER_KEY}\n")
        self.assertEqual(self.run_program("keys", "current").code, 0)
        self.assertEqual(self.sent_keys(), {USER_KEY})

    def test_it_is_read_once_for_several_requests(self):
        for number, (argv, paths) in enumerate(
            (
                (("keys", "list"), {"/keys", "/workspaces"}),
                (("usage", "--by", "model"), {"/activity", "/keys", "/workspaces"}),
                (("balance", "--runway"), {"/activity", "/credits"}),
            )
        ):
            with self.subTest(argv=argv):
                self.server.requests.clear()
                path = self.fed_pipe(f"secret-{number}", MANAGEMENT_KEY)
                self.env["OPENROUTER_PROVISIONING_KEY_FILE"] = path
                with self.opened_files() as opened:
                    run = self.run_program(*argv)
                self.assertEqual((run.code, opened(os.path.basename(path))), (0, 1))
                self.assertLessEqual(paths, set(self.paths()))
                self.assertEqual(self.sent_keys(), {MANAGEMENT_KEY})

    def test_one_that_nobody_writes_to_is_exit_3_and_named(self):
        path = self.pipe("secret")
        self.env["OPENROUTER_API_KEY_FILE"] = path
        reason = f"{path}: nobody wrote to this named pipe within 0.2 s"
        message = f"{LABEL}error: OPENROUTER_API_KEY_FILE (from the shell): {reason}\n"
        run = self.run_program("keys", "current", "--timeout", "0.2")
        self.assertEqual(run, Run(3, "", message + NOTHING_BUT_THE_KEY))

    def test_one_that_nobody_writes_to_is_passed_over_where_either_kind_will_do(self):
        path = self.pipe("secret")
        self.env.update(OPENROUTER_MANAGEMENT_KEY_FILE=path, OPENROUTER_API_KEY=USER_KEY)
        # A short budget for pipes, and the usual time for the request.
        with mock.patch.object(program, "PIPE_SECONDS", 0.2):
            run = self.run_program("balance")
        reason = f"{path}: nobody wrote to this named pipe within 0.2 s; skipped"
        warning = f"{LABEL}warning: OPENROUTER_MANAGEMENT_KEY_FILE (from the shell): {reason}\n"
        self.assertEqual(run, Run(0, BALANCE, warning))

    def test_one_that_nobody_writes_to_does_not_stop_what_needs_no_key(self):
        self.env["OPENROUTER_API_KEY_FILE"] = self.pipe("secret")
        run = self.run_program("models", "list", "--json")
        self.assertEqual((run.code, run.err), (0, ""))


@NEEDS_PIPES
class SettingsPipeTest(SourcesTest):
    """`.env`, `.env.local` and --env-file as named pipes, as secret managers mount them."""

    def test_one_is_read_like_a_file_and_opened_once(self):
        text = f"# from a secret manager\nexport OPENROUTER_API_KEY='{USER_KEY}'\n"
        for name, options in ((".env", ()), (".env.local", ()), ("settings", ("--env-file", "settings"))):
            with self.subTest(name):
                self.server.requests.clear()
                path = self.fed_pipe(name, text)
                with self.opened_files() as opened:
                    run = self.run_program("balance", "--spendable", *options)
                self.release(path)
                self.assertEqual((run.code, run.err), (0, ""))
                self.assertEqual(opened(name), 1)
                self.assertEqual((self.sent_keys(), self.paths()), ({USER_KEY}, ["/credits", "/key"]))

    def test_one_of_a_folder_above_is_read_too(self):
        self.fed_pipe(".env", f"OPENROUTER_API_KEY={USER_KEY}\n")
        os.mkdir("below")
        os.chdir("below")
        self.assertEqual(self.run_program("balance"), Run(0, BALANCE, ""))

    def test_one_that_nobody_writes_to_is_skipped_with_a_warning(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for name in (".env", ".env.local"):
            with self.subTest(name), mock.patch.object(program, "PIPE_SECONDS", 0.2):
                path = self.pipe(name)
                run = self.run_program("balance")
                self.release(path)
                warning = f"{LABEL}warning: {path}: nobody wrote to this named pipe within 0.2 s; skipped\n"
                self.assertEqual(run, Run(0, BALANCE, warning))

    def test_one_that_nobody_writes_to_is_exit_2_if_the_user_named_it(self):
        path = self.pipe("settings")
        reason = "nobody wrote to this named pipe within 0.2 s"
        message = f"{LABEL}error: --env-file {path}: {reason}\nhint: name a readable file of NAME=value lines\n"
        run = self.run_program("models", "list", "--env-file", path, "--timeout", "0.2")
        self.assertEqual(run, Run(2, "", message))
        self.assertEqual(self.server.requests, [])

    def test_the_program_ends_though_nobody_writes(self):
        self.pipe(".env")
        run = self.start_program("keys", "current", "--timeout", "0.2", timeout=60)
        self.assertEqual((run.code, run.out), (3, ""))
        self.assertIn("nobody wrote to this named pipe within 0.2 s; skipped\n", run.err)

    def test_one_whose_writer_never_ends_is_not_waited_for_either(self):
        path = self.pipe(".env")
        end = os.open(path, os.O_RDWR)
        self.addCleanup(os.close, end)
        os.write(end, b"OPENROUTER_API_KEY=")
        run = self.run_program("keys", "current", "--timeout", "0.2")
        self.assertEqual((run.code, run.out), (3, ""))
        self.assertTrue(run.err.startswith(f"{LABEL}warning: {path}: "), run.err)

    def test_all_pipes_together_have_10_seconds_or_the_timeout_if_that_is_less(self):
        clock = [1000.0]
        waits: list = []

        def background(call):
            def wait(timeout):
                waits.append(timeout)
                clock[0] += timeout
                raise program.Timeout

            return wait

        paths = [self.pipe(name) for name in ("one", "two", "three")]
        for timeout, budget in ((30, 10), (10, 10), (0.25, 0.25)):
            with self.subTest(timeout=timeout), mock.patch.object(program, "background", background):
                waits.clear()
                reader = program.PipeReader(timeout)
                with mock.patch.object(program.time, "monotonic", lambda: clock[0]):
                    for path in paths:
                        with self.assertRaisesRegex(OSError, f"within {budget} s"):
                            reader.read(path, 4096)
                self.assertEqual(waits, [budget, 0, 0])

    def test_two_that_nobody_writes_to_are_two_warnings(self):
        paths = [self.pipe(name) for name in (".env.local", ".env")]
        run = self.run_program("keys", "current", "--timeout", "0.2")
        warnings = [f"{LABEL}warning: {path}: nobody wrote to this named pipe within 0.2 s; skipped" for path in paths]
        self.assertEqual((run.code, run.out, run.err.splitlines()[:2]), (3, "", warnings))

    def test_one_of_more_than_1_mib_is_skipped_with_a_warning(self):
        path = self.fed_pipe(".env", "#" * (1 << 20) + "\n")
        run = self.run_program("keys", "current")
        self.assertEqual(run.code, 3)
        self.assertTrue(run.err.startswith(f"{LABEL}warning: {path}: larger than 1 MiB; skipped\n"), run.err)


class NetworkTest(SourcesTest):
    """What is never sent. No test reaches the network: sockets can't connect."""

    def setUp(self):
        super().setUp()
        self.looked_up: list = []

        def refuse(host, *_, **__):
            self.looked_up.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "no network in tests")

        patch = mock.patch.object(socket, "getaddrinfo", refuse)
        self.offline = contextlib.ExitStack()
        self.offline.enter_context(patch)
        self.addCleanup(self.offline.close)
        del self.env["OPENROUTER_BASE_URL"]


LOOKALIKES = {
    "looks like a label, as OpenRouter shows in place of a key": (
        "sk-or-v1-0e6...1c9",
        "sk-or-v1-...",
        "sk-or-v1-0e6…1c9",
        "sk-or-mgmt-0e6...1c9",
    ),
    "looks like a placeholder": (
        "sk-or-v1-" + "x" * 64,
        "sk-or-v1-" + "X" * 16,
        "sk-or-v1-your-openrouter-api-key-here",
        "sk-or-v1-YOUR_API_KEY",
        "sk-or-mgmt-placeholder-placeholder",
        "sk-or-v1-replace-this-todo-later",
        "sk-or-v1-example-example-example",
        "sk-or-v1-****************************",
        "your-api-key",
        "<your-key>",
        "<your secret key>",
        "changeme",
        "CHANGE_ME",
        "TODO",
    ),
    "looks like a secret manager's reference": (
        "op://Private/OpenRouter/credential",
        "vault:secret/data/openrouter#api_key",
        "ENC[AES256_GCM,data:3Zk8,iv:x,tag:y,type:str]",
        "encrypted:BD8Rr0YJQ0v5wq0Lr2x1",
        "bws://0e6f",
        "arn://aws",
    ),
    "looks like an unexpanded variable": (
        "$OPENROUTER_API_KEY",
        "${OPENROUTER_API_KEY}",
        "${OPENROUTER_API_KEY:-none}",
        "sk-or-v1-${SECRET}",
        "{{OPENROUTER_API_KEY}}",
        "{{ openrouter.secret }}",
        "${{ secrets.OPENROUTER }}",
        "$(cat /run/secrets/openrouter)",
        "%OPENROUTER_SECRET%",
    ),
    "looks like a path": (
        "/run/secrets/openrouter",
        "~/.config/openrouter/key",
        "./key.txt",
        "../key.txt",
        "C:\\keys\\openrouter.txt",
    ),
    "looks like an assignment": ("OPENROUTER_API_KEY=sk-or-v1-" + "ab" * 32, "key=sk-or-v1-" + "ab" * 32),
    "looks like another vendor's key": (
        "sk-" + "a1" * 24,
        "sk-1234",
        "sk-proj-" + "a1" * 40,
        "sk-ant-api03-" + "a1" * 40,
        "gsk_" + "a1" * 24,
        "hf_" + "a1" * 17,
        "xai-" + "a1" * 40,
        "pplx-" + "a1" * 24,
        "ghp_" + "a1" * 18,
        "github_pat_" + "a1" * 20,
        "AIza" + "a1" * 17,
        "AKIA" + "A1" * 8,
    ),
    "is too short for a key, or has characters that no key has": (
        "sk-or-v1-",
        "sk-or-v1-abc",
        "sk-or-v1-0123456789abcde",
        "sk-or-" + "ab" * 32,
        "sk-or-V1-" + "ab" * 32,
        "sk-or-v1-" + "ab" * 32 + "!",
    ),
    "contains quotes": ("'sk-or-v1-" + "ab" * 32 + "'", '"sk-or-v1-' + "ab" * 32 + '"', '"secret"'),
    "contains white space": ("sk-or-v1-" + "ab" * 16 + " " + "ab" * 16, "Bearer sk-or-v1-" + "ab" * 32, "two words"),
    "contains characters that no key has": ("sk-or-v1-" + "äb" * 32, "sk-or-v1-" + "ab" * 32 + "\x7f"),
    "doesn't look like an OpenRouter key, which begins with sk-or-": (
        "hunter2hunter2hunter2",
        "ab" * 32,
        "SK-OR-V1-" + "AB" * 32,
        "Xsk-or-v1-" + "ab" * 32,
        "null",
    ),
}
UNSENDABLE = ("contains quotes", "contains white space", "contains characters that no key has")
VALUES = [(value, what) for what, values in LOOKALIKES.items() for value in values]
ONE_OF_EACH = [(values[0], what) for what, values in LOOKALIKES.items()]


class KeyCheckTest(NetworkTest):
    """A key for openrouter.ai, or for a base URL that a project names, must have the form of one."""

    def refused(self, argv, name="OPENROUTER_API_KEY", values=ONE_OF_EACH, **more):
        for value, what in values:
            with self.subTest(value=value, argv=argv), mock.patch.dict(self.env, {name: value}):
                self.assertEqual(self.run_program(*argv), Run(3, "", self.malformed(name, "the shell", what, **more)))
        self.assertEqual((self.looked_up, self.server.requests), ([], []))

    def test_what_only_looks_like_a_user_key_is_not_sent_to_openrouter(self):
        self.refused(("keys", "current"), values=VALUES)

    def test_what_only_looks_like_a_management_key_is_not_sent_to_openrouter(self):
        create = "or create one at https://openrouter.ai/settings/management-keys"
        for name in KEY_NAMES:
            self.refused(("keys", "list", "--json"), name=name, kind="a management key", create=create)

    def test_where_either_key_will_do_it_is_not_sent_either(self):
        self.refused(("balance",))

    def test_subdomains_and_ports_of_openrouter_are_openrouter(self):
        hosts = ("openrouter.ai", "openrouter.ai:8443", "eu.openrouter.ai", "a.b.openrouter.ai", "EU.OpenRouter.AI")
        for host in hosts:
            self.env["OPENROUTER_BASE_URL"] = f"https://{host}/api/v1"
            self.refused(("keys", "current"), values=[("sk-1234", "looks like another vendor's key")])

    def test_a_base_url_that_a_project_names_takes_no_other_key_either(self):
        for name in (".env", ".env.local"):
            path = self.write(name, f"OPENROUTER_BASE_URL={self.server.url}\n")
            self.refused(("keys", "current"))
            os.unlink(path)

    def test_the_value_is_never_shown(self):
        for value, what in ONE_OF_EACH:
            with self.subTest(value=value), mock.patch.dict(self.env, {"OPENROUTER_API_KEY": value}):
                run = self.run_program("-v", "keys", "current", "--json")
                self.assertEqual((run.code, run.out), (3, ""))
                self.assertIn(f"{LABEL}OPENROUTER_API_KEY=*** from the shell\n", run.err)
                shown = run.err.replace(self.malformed("OPENROUTER_API_KEY", "the shell", what), "")
                self.assertNotIn(value, shown)
                self.assertEqual(shown.count("\n"), 2)

    def test_the_file_that_it_comes_from_is_named(self):
        source = self.write(".env", "OPENROUTER_API_KEY=op://Private/OpenRouter/credential\n")
        message = self.malformed("OPENROUTER_API_KEY", source, "looks like a secret manager's reference")
        self.assertEqual(self.run_program("keys", "current"), Run(3, "", message))
        self.assertEqual(self.looked_up, [])

    def test_a_key_file_is_held_to_the_same_form(self):
        self.env["OPENROUTER_API_KEY_FILE"] = "secret"
        for value, what in ONE_OF_EACH:
            with self.subTest(value=value):
                self.write("secret", value)
                message = self.malformed_file("OPENROUTER_API_KEY_FILE", "the shell", "secret", what)
                self.assertEqual(self.run_program("keys", "current"), Run(3, "", message))
        self.assertEqual(self.looked_up, [])

    def test_a_malformed_key_does_not_hide_a_good_one_where_either_kind_will_do(self):
        self.offline.close()
        self.env["OPENROUTER_BASE_URL"] = self.server.url
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        # Only white space, quotes and the like are malformed for a host that the shell names.
        source = self.write(".env", "OPENROUTER_MANAGEMENT_KEY='<your key>'\nOPENROUTER_API_KEY='my key'\n")
        message = "OPENROUTER_{} (from {}) is malformed: it contains white space; skipped"
        expected = [LABEL + "warning: " + message.format(name, source) for name in ("MANAGEMENT_KEY", "API_KEY")]
        run = self.run_program("balance")
        self.assertEqual((run.code, run.out, sorted(run.err.splitlines())), (0, BALANCE, sorted(expected)))
        self.assertEqual(self.sent_keys(), {USER_KEY})

    def test_every_form_of_openrouters_keys_is_sent(self):
        self.offline.close()
        self.write(".env", f"OPENROUTER_BASE_URL={self.server.url}\n")
        self.server.always("GET", "/key", respond(200, {"data": {"label": "x"}}))
        for value in (
            key(1),
            key(1, "mgmt"),
            key(1, "v2"),
            "sk-or-v1-0123456789abcdef",
            "sk-or-mgmt-AZaz09_-AZaz09_-",
            "sk-or-v1-aTodo4kTodoZ0123456789",  # these letters may stand in a key
        ):
            with self.subTest(value=value):
                self.server.requests.clear()
                self.env["OPENROUTER_API_KEY"] = value
                self.assertEqual(self.run_program("keys", "current").code, 0)
                self.assertEqual(self.sent_keys(), {value})


class OtherHostTest(NetworkTest):
    """Another base URL that the user named may be a proxy with keys of its own."""

    def setUp(self):
        super().setUp()
        self.server.always("GET", "/key", respond(200, {"data": {"label": "x"}}))

    def test_whatever_can_be_sent_is_sent(self):
        self.offline.close()
        settings = self.write("settings", f"OPENROUTER_BASE_URL={self.server.url}\n")
        for options, present in ((("--env-file", settings), {}), ((), {"OPENROUTER_BASE_URL": self.server.url})):
            for value, what in VALUES:
                if what in UNSENDABLE or any(c.isspace() or ord(c) > 126 for c in value):
                    continue
                with self.subTest(value=value, options=options):
                    self.server.requests.clear()
                    with mock.patch.dict(self.env, {**present, "OPENROUTER_API_KEY": value}):
                        self.assertEqual(self.run_program("keys", "current", *options).code, 0)
                    self.assertEqual(self.sent_keys(), {value})

    def test_a_project_may_hold_the_proxys_key_if_the_user_names_the_proxy(self):
        self.offline.close()
        self.env["OPENROUTER_BASE_URL"] = self.server.url
        self.write(".env", "OPENROUTER_API_KEY=sk-1234\n")
        self.assertEqual(self.run_program("keys", "current").code, 0)
        self.assertEqual(self.sent_keys(), {"sk-1234"})

    def test_what_cannot_be_sent_is_refused(self):
        self.env["OPENROUTER_BASE_URL"] = self.server.url
        for value, what in (
            ("sk-1234 5", "contains white space"),
            ("sk-1234\n", "contains white space"),
            ("sk-1234\r\nX-Header: 1", "contains white space"),
            (" sk-1234", "contains white space"),
            ("{{ key }}", "contains white space"),
            ("'sk-1234'", "contains quotes"),
            ('"sk-1234"', "contains quotes"),
            ("`sk-1234", "contains quotes"),
            ("sk-1234\x7f", "contains characters that no key has"),
            ("sk-1234\x1b[0m", "contains characters that no key has"),
            ("sk-1234é", "contains characters that no key has"),
            ("sk-1234\u200b", "contains characters that no key has"),
            ("“sk-1234”", "contains characters that no key has"),
        ):
            with self.subTest(value=value), mock.patch.dict(self.env, {"OPENROUTER_API_KEY": value}):
                message = self.malformed("OPENROUTER_API_KEY", "the shell", what)
                self.assertEqual(self.run_program("keys", "current"), Run(3, "", message))
        self.assertEqual((self.looked_up, self.server.requests), ([], []))

    def test_a_host_that_only_resembles_openrouter_is_another_host(self):
        self.env["OPENROUTER_API_KEY"] = "sk-1234"
        for host in ("evilopenrouter.ai", "openrouter.ai.example", "openrouter.example"):
            with self.subTest(host):
                self.looked_up.clear()
                self.env["OPENROUTER_BASE_URL"] = f"https://{host}/api/v1"
                self.assertEqual(self.run_program("keys", "current").code, 5)
                self.assertEqual(set(self.looked_up), {host})


@NEEDS_ROOT
class ForeignFileTest(SourcesTest):
    """A file found by walking up that neither the user nor root owns."""

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        os.makedirs("shared/work")
        os.chdir("shared/work")
        self.shared = os.path.join(self.folder, "shared")

    def foreign(self, text, mode=0o755):
        path = self.write("shared/.env", text)
        os.chown(path, 12345, -1)
        os.chmod(self.shared, mode)
        return path

    def test_in_a_folder_that_group_or_others_can_write_it_is_skipped_with_a_warning(self):
        for mode in (0o775, 0o770, 0o777, 0o1777, 0o757):
            with self.subTest(oct(mode)):
                path = self.foreign("OPENROUTER_API_KEY=sk-1234\nOPENROUTER_BASE_URL=http://127.0.0.1:1/v1\n", mode)
                reason = "it belongs to another user, and others can write to its folder"
                warning = f"{LABEL}warning: {path}: {reason}; skipped\n"
                self.assertEqual(self.run_program("balance"), Run(0, BALANCE, warning))

    def test_elsewhere_it_is_read(self):
        for mode in (0o755, 0o700, 0o2755):
            with self.subTest(oct(mode)):
                self.foreign(f"OPENROUTER_MANAGEMENT_KEY={MANAGEMENT_KEY}\n", mode)
                self.server.requests.clear()
                self.assertEqual(self.run_program("balance"), Run(0, BALANCE, ""))
                self.assertEqual(self.sent_keys(), {MANAGEMENT_KEY})

    def test_an_own_file_in_a_folder_that_others_can_write_is_read(self):
        self.write("shared/.env", f"OPENROUTER_MANAGEMENT_KEY={MANAGEMENT_KEY}\n")
        os.chmod(self.shared, 0o777)
        self.assertEqual(self.run_program("balance"), Run(0, BALANCE, ""))
        self.assertEqual(self.sent_keys(), {MANAGEMENT_KEY})

    def test_its_base_url_may_be_openrouter_or_a_subdomain(self):
        del self.env["OPENROUTER_API_KEY"]  # without a key nothing is sent
        for url in ("https://openrouter.ai/api/v1", "https://eu.openrouter.ai/api/v1"):
            with self.subTest(url):
                path = self.foreign(f"OPENROUTER_BASE_URL={url}\n")
                run = self.run_program("-v", "keys", "current")
                self.assertEqual((run.code, run.out), (3, ""))
                self.assertTrue(run.err.startswith(f"{LABEL}OPENROUTER_BASE_URL={url} from {path}\n"), run.err)

    def test_any_other_base_url_in_it_is_refused(self):
        for url, host in (
            (self.server.url, "127.0.0.1"),
            ("http://localhost:8080/api/v1", "localhost"),
            ("https://example.com/api/v1", "example.com"),
            ("https://evilopenrouter.ai/api/v1", "evilopenrouter.ai"),
            ("https://openrouter.ai.example/api/v1", "openrouter.ai.example"),
        ):
            with self.subTest(url):
                path = self.foreign(f"OPENROUTER_BASE_URL={url}\n")
                refused = f"OPENROUTER_BASE_URL (from {path}) is refused: the file belongs to another user"
                place = "set OPENROUTER_BASE_URL in the shell or in a file named with --env-file"
                hint = f"hint: if you trust {host}, {place}\n"
                self.assertEqual(self.run_program("balance"), Run(2, "", f"{LABEL}error: {refused}\n{hint}"))
        self.assertEqual(self.server.requests, [])


class OtherNamesTest(SourcesTest):
    """The hint about another setting that may hold the missing key."""

    def hint(self, name):
        source = self.write(".env", f"{name}={MANAGEMENT_KEY}\n")
        run = self.run_program("keys", "list")
        self.assertEqual((run.code, run.out), (3, ""))
        message, hint = run.err.splitlines()
        self.assertEqual(
            message, f"{LABEL}error: no management key: set OPENROUTER_PROVISIONING_KEY (or OPENROUTER_MANAGEMENT_KEY)"
        )
        start = (
            "hint: set it in the shell or in a .env file; create one at https://openrouter.ai/settings/management-keys"
        )
        self.assertTrue(hint.startswith(start), hint)
        return hint[len(start) :].replace(source, "FILE")

    def test_it_is_mentioned(self):
        for name in ("OPENROUTER_API_KEY", "OPENROUTER_KEY", "OPENROUTER_MANAGEMENT_KEY_PROD", "OPENROUTER_ADMIN_KEYS"):
            with self.subTest(name):
                rename = "if it's a management key, rename it to OPENROUTER_PROVISIONING_KEY"
                self.assertEqual(self.hint(name), f". {name} (from FILE) is set: {rename}")

    def test_a_file_a_hash_an_id_and_a_name_are_not(self):
        for name in (
            "OPENROUTER_API_KEY_FILE",
            "OPENROUTER_KEY_FILE",
            "OPENROUTER_KEY_HASH",
            "OPENROUTER_API_KEY_ID",
            "OPENROUTER_KEY_NAME",
            "OPENROUTER_WORKSPACE",
        ):
            with self.subTest(name):
                self.assertEqual(self.hint(name), "")


if __name__ == "__main__":
    unittest.main()


class ReportTest(SourcesTest):
    def test_verbose_names_every_source_that_may_hold_the_key(self):
        empty = self.write("empty", "\n")
        project = self.write(".env", f"OPENROUTER_PROVISIONING_KEY_FILE={empty}\n")
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        lines = self.run_program("balance", "-v").err.splitlines()[1:3]
        self.assertEqual(
            lines,
            [
                f"openrouter-remote: OPENROUTER_PROVISIONING_KEY: from {empty} "
                f"(OPENROUTER_PROVISIONING_KEY_FILE in {project})",
                "openrouter-remote: OPENROUTER_PROVISIONING_KEY=*** from the shell",
            ],
        )

    def test_a_key_file_may_begin_with_a_byte_order_mark(self):
        self.env["OPENROUTER_PROVISIONING_KEY_FILE"] = self.write("secret", f"\ufeff{MANAGEMENT_KEY}\n")
        self.assertEqual(self.run_program("balance").code, 0)
