"""Settings: `.env` syntax, layers and their precedence, base URLs, keys, and what --verbose shows of them."""

import os
import unittest

if os.name != "posix":
    raise unittest.SkipTest("these tests need POSIX")

import contextlib
import io
import os
import re
import unittest
from unittest import mock

from fake_openrouter import EXPIRED_KEY, MANAGEMENT_KEY, USER_KEY, error, respond
from support import ProgramTest, Run, calls, program

ANOTHER_KEY = "sk-or-v1-" + "cafe" * 16
DEFAULT = "https://openrouter.ai/api/v1"
BALANCE = "total_credits: $10.0000\ntotal_usage:   $9.8848\nremaining:     $0.1152\n"
MANAGEMENT_CALLS = (*calls(needs="management"), ("usage", "--by", "model"))


class SettingsTest(ProgramTest):
    def settings(self, *env_files):
        """The Settings of a command line with these --env-file options, and their warnings."""
        environment = mock.patch.dict(os.environ, self.env, clear=True)
        environment.start()  # until the end of the test: Settings read it late
        self.addCleanup(environment.stop)
        warnings: list = []
        return program.Settings(list(env_files), program.Secrets(), warnings.append, 30.0), warnings

    @staticmethod
    def key(settings, kind):
        """The value of the key that counts, well-formed or not."""
        return next((setting.value for setting, _ in settings.keys(kind)), None)

    def user_key(self, *env_files):
        return self.key(self.settings(*env_files)[0], program.USER_KEY)

    def management_key(self, *env_files):
        return self.key(self.settings(*env_files)[0], program.MANAGEMENT_KEY)

    def base_url(self, *env_files):
        return self.settings(*env_files)[0].base_url().value

    def go_to(self, folder):
        path = os.path.join(self.folder, folder)
        os.makedirs(path, exist_ok=True)
        os.chdir(path)


class EnvSyntaxTest(SettingsTest):
    def check(self, table):
        for text, expected in table:
            with self.subTest(text=text):
                self.assertEqual(program.parse_env(text), (expected, []))

    def test_a_line_is_a_name_and_a_value(self):
        self.check(
            [
                ("A=1", {"A": "1"}),
                ("A=1\n", {"A": "1"}),
                ("A=1\nB=2\n", {"A": "1", "B": "2"}),
                ("  A  =  1  ", {"A": "1"}),
                ("\tA\t=\t1\t", {"A": "1"}),
                ("A=", {"A": ""}),
                ("A=''", {"A": ""}),
                ('A=""', {"A": ""}),
                ("A=one two", {"A": "one two"}),
                ("A=it's", {"A": "it's"}),
                ("_a1=x", {"_a1": "x"}),
                ("A=1\nA=2", {"A": "2"}),
                ("A=é", {"A": "é"}),
            ]
        )

    def test_export_before_a_name_is_ignored(self):
        self.check(
            [
                ("export A=1", {"A": "1"}),
                ("  export \t A = 1", {"A": "1"}),
                ("export A='1'", {"A": "1"}),
                ("export=1", {"export": "1"}),
                ("exported=1", {"exported": "1"}),
            ]
        )

    def test_a_comment_is_on_its_own_line_or_after_a_value_and_a_space(self):
        self.check(
            [
                ("# A=1", {}),
                ("  # A=1", {}),
                ("#A=1\nB=2", {"B": "2"}),
                ("# it's \"open\nB=2", {"B": "2"}),
                ("A=1 # one", {"A": "1"}),
                ("A=1\t#one", {"A": "1"}),
                ("A= # nothing", {"A": ""}),
                ("A=1#2", {"A": "1#2"}),
                ("A='1' # one", {"A": "1"}),
                ('A="1" # "one"', {"A": "1"}),
                ("A='1 # 2'", {"A": "1 # 2"}),
                ('A="1 # 2"', {"A": "1 # 2"}),
                ("A=x # it's\nB=2", {"A": "x", "B": "2"}),
            ]
        )

    def test_single_quotes_are_literal(self):
        self.check([(r"A='a\n\"$B\\ '", {"A": r"a\n\"$B\\ "}), ("A='say \"x\"'", {"A": 'say "x"'})])

    def test_double_quotes_allow_escapes_and_line_breaks(self):
        self.check(
            [
                (r'A="1\n2\t3\r4"', {"A": "1\n2\t3\r4"}),
                (r'A="say \"x\""', {"A": 'say "x"'}),
                (r'A="C:\\new"', {"A": r"C:\new"}),
                (r'A="\$B"', {"A": "$B"}),
                (r'A="\d"', {"A": r"\d"}),
                ('A="it\'s"', {"A": "it's"}),
                ('A="1\n2\n\n3"\nB=4', {"A": "1\n2\n\n3", "B": "4"}),
                ('A="1\r\n2"\r\nB=3', {"A": "1\n2", "B": "3"}),
                ('A="\n# no comment\nB=1"', {"A": "\n# no comment\nB=1"}),
            ]
        )

    def test_backslashes_outside_double_quotes_are_literal(self):
        self.check([(r"A=a\nb", {"A": r"a\nb"})])

    def test_a_value_may_contain_equals_signs(self):
        self.check([("A=a=b==", {"A": "a=b=="}), ("A='a=b'", {"A": "a=b"}), ('A="a=b"', {"A": "a=b"})])

    def test_windows_and_old_mac_line_breaks_are_accepted(self):
        self.check(
            [("A=1\r\nB='2'\r\n\r\nC=\"3\"\r\n", {"A": "1", "B": "2", "C": "3"}), ("A=1\rB=2", {"A": "1", "B": "2"})]
        )

    def test_blank_lines_and_empty_files_are_accepted(self):
        self.check([("", {}), ("\n", {}), ("\n \n\t\nA=1\n\n", {"A": "1"}), ("   ", {})])

    def test_values_are_neither_interpolated_nor_run(self):
        self.check(
            [
                ("B=1\nA=$B", {"B": "1", "A": "$B"}),
                ('B=1\nA="${B}"', {"B": "1", "A": "${B}"}),
                ("A=$(touch pwned)", {"A": "$(touch pwned)"}),
                ('A="`touch pwned`"', {"A": "`touch pwned`"}),
                ("A=~", {"A": "~"}),
                ("A=%PATH%", {"A": "%PATH%"}),
            ]
        )
        self.assertEqual(os.listdir(), [])

    def test_only_the_unparseable_line_is_skipped(self):
        for line in (
            "nonsense",
            "export",
            "export A",
            "=1",
            "1A=1",
            "A B=1",
            "A: 1",
            "Ä=1",
            "A='1",
            'A="1',
            "A='1'2",
            'A="1" 2',
            'A="1"# too near',
            "{",
            "\0",
            'A="1\nB',
        ):
            with self.subTest(line=line):
                values, unreadable = program.parse_env(f"X=1\n{line}\nY=2\n\nZ='3'")
                self.assertEqual(values, {"X": "1", "Y": "2", "Z": "3"})
                self.assertEqual(unreadable, list(range(2, 3 + line.count("\n"))))

    def test_line_numbers_count_the_lines_within_values(self):
        self.assertEqual(program.parse_env('A="1\n2\n3"\nbad\n\nbad\n')[1], [4, 6])

    def test_a_byte_order_mark_is_not_part_of_the_first_name(self):
        self.write(".env", "\ufeffOPENROUTER_API_KEY=" + USER_KEY)
        self.assertEqual(self.user_key(), USER_KEY)

    def test_a_byte_that_is_not_utf_8_affects_only_its_own_value(self):
        path = self.write("settings", "")
        with open(path, "wb") as file:
            file.write(b"OTHER=\xff\nOPENROUTER_API_KEY=" + USER_KEY.encode())
        self.assertEqual(self.user_key(path), USER_KEY)

    def write_bytes(self, name, content):
        path = self.write(name, "")
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_a_utf_16_file_is_read(self):
        for byte_order in ("le", "be"):
            with self.subTest(byte_order):
                text = f"\ufeffOPENROUTER_API_KEY={USER_KEY}\r\n"
                self.assertEqual(
                    self.user_key(self.write_bytes("settings", text.encode(f"utf-16-{byte_order}"))), USER_KEY
                )

    def test_a_named_file_that_is_not_text_is_an_error(self):
        path = self.write_bytes("settings", b"\x7fELF\0\0OPENROUTER_API_KEY=x\n")
        run = self.run_program("--env-file", path, "balance")
        error = f"openrouter-remote: error: --env-file {path}: not a text file\n"
        self.assertEqual(run, Run(2, "", error + "hint: name a readable file of NAME=value lines\n"))

    def test_a_project_file_that_is_not_text_is_skipped_with_a_warning(self):
        self.start()
        for content in (f"OPENROUTER_API_KEY={USER_KEY}\n".encode("utf-16-le"), b"\x89PNG\r\n\x1a\n\x01\xff\xfe"):
            with self.subTest(content=content):
                path = self.write_bytes(".env", content)
                run = self.run_program("balance")
                self.assertEqual((run.code, run.out), (3, ""))
                warning = f"openrouter-remote: warning: {path}: not a text file; skipped\n"
                self.assertTrue(run.err.startswith(warning), run.err)

    def test_an_unparseable_line_of_a_named_file_is_a_warning(self):
        self.start()
        path = self.write("settings", f"OPENROUTER_API_KEY={USER_KEY}\n\nnonsense sk-or-v1-1\nOPENROUTER_X 1\n")
        run = self.run_program("models", "show", "northwind/gale-8b", "--env-file", path)
        warning = "openrouter-remote: warning: {}: line {} can't be parsed; skipped\n"
        self.assertEqual((run.code, run.err), (0, warning.format(path, 3) + warning.format(path, 4)))

    def test_an_unparseable_line_of_a_project_file_is_skipped_silently(self):
        self.start(credits_for_user_key="allowed")
        self.write(".env", f"nonsense\nOPENROUTER_API_KEY={USER_KEY}\n")
        run = self.run_program("balance")
        self.assertEqual((run.code, run.err), (0, ""))

    def test_many_unclosed_quotes_are_parsed_in_linear_time(self):
        text = 'A="\\' * 100_000 + "\n" + "A='\n" * 50_000 + 'B="1\n' * 50_000
        self.assertEqual(program.parse_env(text)[0], {})


class LayersTest(SettingsTest):
    """Which source of a name wins."""

    def test_a_project_file_wins_over_the_shell(self):
        self.env["OPENROUTER_API_KEY"] = "shell"
        self.write(".env", "OPENROUTER_API_KEY=project")
        self.assertEqual(self.user_key(), "project")

    def test_env_local_wins_over_env_in_the_same_folder(self):
        self.write(".env", "OPENROUTER_API_KEY=env")
        self.write(".env.local", "OPENROUTER_API_KEY=local")
        self.assertEqual(self.user_key(), "local")

    def test_a_nearer_folder_wins(self):
        self.write(".env", "OPENROUTER_API_KEY=far")
        self.write("a/.env", "OPENROUTER_API_KEY=near")
        self.go_to("a/b/c")
        self.assertEqual(self.user_key(), "near")

    def test_a_nearer_env_wins_over_a_farther_env_local(self):
        self.write(".env.local", "OPENROUTER_API_KEY=far")
        self.write("a/.env", "OPENROUTER_API_KEY=near")
        self.go_to("a")
        self.assertEqual(self.user_key(), "near")

    def test_folders_below_and_beside_are_not_read(self):
        self.write("a/b/.env", "OPENROUTER_API_KEY=below")
        self.write("beside/.env", "OPENROUTER_API_KEY=beside")
        self.go_to("a")
        self.assertIsNone(self.user_key())

    def test_other_env_files_are_not_read(self):
        for name in (".env.production", ".env.example", "env", ".envrc"):
            self.write(name, "OPENROUTER_API_KEY=other")
        self.assertIsNone(self.user_key())

    def test_a_named_file_wins_over_project_and_shell(self):
        self.env["OPENROUTER_API_KEY"] = "shell"
        self.write(".env.local", "OPENROUTER_API_KEY=project")
        self.assertEqual(self.user_key(self.write("settings", "OPENROUTER_API_KEY=named")), "named")

    def test_a_later_named_file_wins(self):
        first, second = (self.write(name, f"OPENROUTER_API_KEY={name}") for name in ("first", "second"))
        self.assertEqual(self.user_key(first, second), "second")
        self.assertEqual(self.user_key(second, first), "first")

    def test_layers_are_merged_name_by_name(self):
        self.env["OPENROUTER_BASE_URL"] = "https://shell.example/v1"
        self.write(".env", "OPENROUTER_API_KEY=far\nOPENROUTER_MANAGEMENT_KEY=far")
        self.write("a/.env.local", "OPENROUTER_API_KEY=near")
        self.go_to("a")
        found = self.user_key(), self.management_key(), self.base_url()
        self.assertEqual(found, ("near", "far", "https://shell.example/v1"))

    def test_an_empty_value_counts_as_unset_in_every_layer(self):
        self.env["OPENROUTER_API_KEY"] = "shell"
        self.write(".env.local", "OPENROUTER_API_KEY=")
        self.write(".env", "OPENROUTER_API_KEY=''")
        named = self.write("settings", "OPENROUTER_API_KEY=   # later")
        self.assertEqual(self.user_key(named), "shell")
        self.env["OPENROUTER_API_KEY"] = ""
        self.assertIsNone(self.user_key(named))

    def test_an_empty_base_url_is_the_default(self):
        self.env["OPENROUTER_BASE_URL"] = ""
        self.write(".env", "OPENROUTER_BASE_URL=")
        self.assertEqual(self.base_url(), DEFAULT)

    def test_the_older_name_of_the_management_key_wins_within_a_layer(self):
        both = "OPENROUTER_MANAGEMENT_KEY=newer\nOPENROUTER_PROVISIONING_KEY=older\n"
        self.assertEqual(self.management_key(self.write("settings", both)), "older")
        self.env.update(OPENROUTER_MANAGEMENT_KEY="newer", OPENROUTER_PROVISIONING_KEY="older")
        self.assertEqual(self.management_key(), "older")
        self.env["OPENROUTER_PROVISIONING_KEY"] = ""
        self.assertEqual(self.management_key(), "newer")

    def test_either_name_of_the_management_key_in_a_higher_layer_wins_over_both(self):
        self.env.update(OPENROUTER_MANAGEMENT_KEY="shell 1", OPENROUTER_PROVISIONING_KEY="shell 2")
        self.write(".env", "OPENROUTER_MANAGEMENT_KEY=project")
        self.assertEqual(self.management_key(), "project")
        self.write(".env", "OPENROUTER_MANAGEMENT_KEY=project 1\nOPENROUTER_PROVISIONING_KEY=project 2")
        self.write(".env.local", "OPENROUTER_MANAGEMENT_KEY=local")
        self.assertEqual(self.management_key(), "local")

    def test_a_folder_called_env_is_ignored(self):
        self.env["OPENROUTER_API_KEY"] = "shell"
        os.mkdir(".env")
        settings, warnings = self.settings()
        self.assertEqual((self.key(settings, program.USER_KEY), warnings), ("shell", []))

    def test_a_symlink_is_followed_and_a_dangling_one_is_ignored(self):
        os.symlink(self.write("a/settings", "OPENROUTER_API_KEY=linked"), ".env")
        os.symlink("nowhere", ".env.local")
        self.assertEqual(self.user_key(), "linked")

    def test_an_unreadable_project_file_is_skipped_with_a_warning(self):
        self.env["OPENROUTER_API_KEY"] = "shell"
        path = self.write(".env", "OPENROUTER_API_KEY=project\n" + "#" * (1 << 20))
        settings, warnings = self.settings()
        self.assertEqual(self.key(settings, program.USER_KEY), "shell")
        self.assertEqual(warnings, [f"{path}: larger than 1 MiB; skipped"])

    def test_a_deleted_current_folder_has_no_project_files(self):
        self.env["OPENROUTER_API_KEY"] = "shell"
        self.go_to("a")
        os.rmdir(os.path.join(self.folder, "a"))
        self.assertEqual(self.user_key(), "shell")

    def test_only_openrouter_names_are_read(self):
        self.start()
        self.write(".env", "http_proxy=http://127.0.0.1:9\nHTTP_PROXY=http://127.0.0.1:9\nNO_COLOR=1\nAPI_KEY=x\n")
        self.assertEqual(self.run_program("models", "list", "--limit", "1").code, 0)

    def test_the_environment_of_the_process_is_not_changed(self):
        self.start(credits_for_user_key="allowed")
        self.write(".env", f"OPENROUTER_API_KEY={USER_KEY}\nOPENROUTER_OTHER=1\n")
        with mock.patch.dict(os.environ, self.env, clear=True), contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(program.main(["balance"]), 0)
            self.assertEqual(dict(os.environ), self.env)


class EnvFileOptionTest(SettingsTest):
    """The option --env-file."""

    def setUp(self):
        super().setUp()
        self.server = self.start(credits_for_user_key="allowed")
        self.good = self.write("good", f"OPENROUTER_API_KEY={USER_KEY}")
        self.bad = self.write("bad", f"OPENROUTER_API_KEY={ANOTHER_KEY}")

    def test_the_option_works_before_and_after_the_command_and_the_last_one_wins(self):
        for code, argv in (
            (0, ["--env-file", self.good, "balance"]),
            (0, ["balance", "--env-file", self.good]),
            (0, ["balance", f"--env-file={self.good}"]),
            (0, ["--env-file", self.bad, "--env-file", self.good, "balance"]),
            (0, ["balance", "--env-file", self.bad, "--env-file", self.good]),
            (0, ["--env-file", self.bad, "balance", "--env-file", self.good]),
            (3, ["--env-file", self.good, "--env-file", self.bad, "balance"]),
            (3, ["balance", "--env-file", self.good, "--env-file", self.bad]),
            (3, ["--env-file", self.good, "balance", "--env-file", self.bad]),
        ):
            with self.subTest(argv=argv):
                self.assertEqual(self.run_program(*argv).code, code)

    def test_the_option_works_between_a_command_and_its_subcommand(self):
        files = [self.write(name, f"OPENROUTER_MANAGEMENT_KEY={name}") for name in ("one", "two", "three")]
        argv = [
            "--env-file",
            files[0],
            "models",
            "--env-file",
            files[1],
            "list",
            "--env-file",
            files[2],
            "--limit",
            "1",
        ]
        for last in (2, 1, 0):
            with self.subTest(last=last):
                err = self.run_program("-v", *argv).err
                self.assertIn(f"openrouter-remote: OPENROUTER_MANAGEMENT_KEY=*** from {files[last]}\n", err)
                os.truncate(files[last], 0)

    def test_files_are_merged_name_by_name(self):
        address = self.write("address", "OPENROUTER_BASE_URL=" + self.env.pop("OPENROUTER_BASE_URL"))
        self.assertEqual(self.run_program("--env-file", self.good, "balance", "--env-file", address).code, 0)

    def test_the_path_is_relative_to_the_current_folder(self):
        self.go_to("a")
        self.assertEqual(self.run_program("balance", "--env-file", "../good").code, 0)

    def test_a_pipe_is_read(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.write(writer, f"OPENROUTER_API_KEY={USER_KEY}".encode())
        os.close(writer)
        self.assertEqual(self.run_program("balance", "--env-file", f"/dev/fd/{reader}").code, 0)

    def test_an_unreadable_file_is_a_usage_error(self):
        large = self.write("large", "#" * (1 << 20) + "\n")
        os.mkdir("folder")
        for path, reason in (
            ("missing", "No such file or directory"),
            ("", "No such file or directory"),
            ("folder", "Is a directory"),
            ("good/below", "Not a directory"),
            (large, "larger than 1 MiB"),
        ):
            for argv in (["--env-file", path, "balance"], ["balance", "--env-file", self.good, "--env-file", path]):
                with self.subTest(argv=argv):
                    message = f"openrouter-remote: error: --env-file {path}: {reason}\n"
                    hint = "hint: name a readable file of NAME=value lines\n"
                    self.assertEqual(self.run_program(*argv), Run(2, "", message + hint))
        self.assertEqual(self.server.requests, [])

    @unittest.skipIf(os.geteuid() == 0, "root can read everything")
    def test_a_file_without_read_permission_is_a_usage_error(self):
        os.chmod(self.good, 0)
        run = self.run_program("balance", "--env-file", self.good)
        self.assertEqual((run.code, run.out), (2, ""))
        self.assertIn(f"error: --env-file {self.good}: Permission denied\n", run.err)

    def test_an_unreadable_file_is_an_error_for_commands_without_a_key(self):
        self.assertEqual(self.run_program("models", "list", "--env-file", "missing").code, 2)


class BaseUrlTest(SettingsTest):
    def refusal(self, url, *env_files):
        with self.assertRaises(program.UsageError) as caught:
            self.fail(f"{url} is accepted as {self.base_url(*env_files)}")
        return str(caught.exception)

    def test_the_default_is_openrouter_itself(self):
        self.assertEqual(self.base_url(), DEFAULT)

    def test_a_project_file_may_name_openrouter_its_subdomains_and_loopback(self):
        for url in (
            "https://openrouter.ai/api/v1",
            "https://openrouter.ai",
            "https://openrouter.ai:8443/api/v1",
            "https://OpenRouter.AI/api/v1",
            "https://eu.openrouter.ai/api/v1",
            "https://a.b-c.openrouter.ai/api/v1",
            "http://127.0.0.1:8080/api/v1",
            "http://127.8.9.1/api/v1",
            "http://[::1]:8080/api/v1",
            "http://localhost:8080/api/v1",
            "http://LOCALHOST/api/v1",
            "https://127.0.0.1/api/v1",
            "https://localhost",
        ):
            with self.subTest(url=url):
                self.write(".env", f"OPENROUTER_BASE_URL={url}\n")
                self.assertEqual(self.base_url(), url)

    def test_a_project_file_may_not_name_another_host(self):
        for url, host in (
            ("https://evil.com/api/v1", "evil.com"),
            ("https://openrouter.ai.evil.com/api/v1", "openrouter.ai.evil.com"),
            ("https://evilopenrouter.ai/api/v1", "evilopenrouter.ai"),
            ("https://evil-openrouter.ai/api/v1", "evil-openrouter.ai"),
            ("https://openrouter.ai.:443/api/v1", "openrouter.ai."),
            ("https://openrouter.com/api/v1", "openrouter.com"),
            ("https://ai/api/v1", "ai"),
            ("https://evil.com/.openrouter.ai", "evil.com"),
            ("https://evil.com/openrouter.ai/api/v1", "evil.com"),
            ("https://127.0.0.1.evil.com/api/v1", "127.0.0.1.evil.com"),
            ("https://localhost.evil.com/api/v1", "localhost.evil.com"),
            ("https://128.0.0.1/api/v1", "128.0.0.1"),
            ("https://10.0.0.1/api/v1", "10.0.0.1"),
            ("https://0.0.0.0/api/v1", "0.0.0.0"),
            ("https://[2001:db8::1]/api/v1", "[2001:db8::1]"),
        ):
            for name in (".env", ".env.local", "above/.env"):
                with self.subTest(url=url, name=name):
                    path = self.write(name, f"OPENROUTER_BASE_URL={url}\n")
                    self.go_to(os.path.join(os.path.dirname(name), "below"))
                    refused = (
                        f"OPENROUTER_BASE_URL (from {path}) is refused: a project file must not send a key to {host}"
                    )
                    self.assertEqual(self.refusal(url), refused)
                    os.chdir(self.folder)
                    os.unlink(path)

    def test_a_deceptive_or_invalid_url_is_refused_from_every_source(self):
        urls = (
            "https://openrouter.ai@evil.com/api/v1",
            "https://openrouter.ai:443@evil.com/api/v1",
            "https://user:password@openrouter.ai/api/v1",
            "http://127.0.0.1@evil.com/api/v1",
            "http://127.0.0.1:80@evil.com/api/v1",
            "http://localhost\\@evil.com/",
            "https://evil.com\\.openrouter.ai/",
            "https://evil.com?.openrouter.ai/",
            "https://evil.com#.openrouter.ai/",
            "https://evil.com%2F.openrouter.ai/",
            "https://evil.com .openrouter.ai/",
            "https://evil.com\t.openrouter.ai/",
            "https://evil.com\n.openrouter.ai/",
            "https://openr\u043euter.ai/api/v1",
            "https://evil.com\u3002openrouter.ai/",
            "https://openrouter.ai/api/v1?next=1",
            "https://openrouter.ai/api/../v1",
            "https://openrouter.ai:0/api/v1",
            "https://openrouter.ai:65536/api/v1",
            "https://openrouter.ai:x/api/v1",
            "https:///api/v1",
            "https://",
            "https:openrouter.ai",
            "//openrouter.ai/api/v1",
            "openrouter.ai/api/v1",
            "ftp://openrouter.ai/api/v1",
            "file:///etc/passwd",
            "data:,{}",
            "https://[openrouter.ai]/",
            "http://[::1/",
        )
        for url in urls:
            escaped = url.replace("\\", "\\\\").replace("\n", "\\n")
            project = self.write(".env", f'OPENROUTER_BASE_URL="{escaped}"\n')
            named = self.write("settings", f'OPENROUTER_BASE_URL="{escaped}"\n')
            for source, env_files in ((project, ()), (named, (named,))):
                with self.subTest(url=url, source=source):
                    refused = f"OPENROUTER_BASE_URL (from {source}) is refused: it isn't a plain http(s) URL"
                    self.assertEqual(self.refusal(url, *env_files), refused)
            os.unlink(project)
            self.env["OPENROUTER_BASE_URL"] = url
            with self.subTest(url=url, source="the shell"):
                refused = "OPENROUTER_BASE_URL (from the shell) is refused: it isn't a plain http(s) URL"
                self.assertEqual(self.refusal(url), refused)

    def test_the_shell_or_a_named_file_may_name_another_host(self):
        for url in ("https://gateway.example/openrouter/v1", "https://10.0.0.1:8443", "https://[2001:db8::1]/v1"):
            with self.subTest(url=url):
                self.env["OPENROUTER_BASE_URL"] = url
                self.assertEqual(self.base_url(), url)
                self.env["OPENROUTER_BASE_URL"] = ""
                self.assertEqual(self.base_url(self.write("settings", f"OPENROUTER_BASE_URL={url}")), url)

    def test_plain_http_is_only_accepted_for_loopback_whatever_the_source(self):
        for host in ("openrouter.ai", "eu.openrouter.ai", "gateway.example", "10.0.0.1", "0.0.0.0", "127.0.0.1.nip.io"):
            url = f"http://{host}/api/v1"
            project, named = (self.write(name, f"OPENROUTER_BASE_URL={url}") for name in (".env", "settings"))
            reason = f"is refused: plain http would send the key unencrypted to {host}"
            with self.subTest(url=url):
                self.assertEqual(self.refusal(url), f"OPENROUTER_BASE_URL (from {project}) {reason}")
                self.assertEqual(self.refusal(url, named), f"OPENROUTER_BASE_URL (from {named}) {reason}")
                os.unlink(project)
                self.env["OPENROUTER_BASE_URL"] = url
                self.assertEqual(self.refusal(url), f"OPENROUTER_BASE_URL (from the shell) {reason}")

    def test_a_final_slash_makes_no_difference(self):
        server = self.start()
        self.env["OPENROUTER_BASE_URL"] += "/"
        self.assertEqual(self.run_program("models", "list", "--limit", "1").code, 0)
        self.assertEqual([request.target for request in server.requests], ["/api/v1/models"])

    def test_a_refused_base_url_is_a_usage_error_that_says_why_and_what_to_do(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        path = self.write(".env", "OPENROUTER_BASE_URL=https://evil.invalid/api/v1\n")
        expected = (
            f"openrouter-remote: error: OPENROUTER_BASE_URL (from {path}) is refused: "
            "a project file must not send a key to evil.invalid\n"
            "hint: if you trust evil.invalid, set OPENROUTER_BASE_URL in the shell or in a file named with --env-file\n"
        )
        for argv in (("balance",), ("models", "list"), ("models", "show", "a/b", "--json")):
            with self.subTest(argv=argv):
                self.assertEqual(self.run_program(*argv), Run(2, "", expected))

    def test_a_refused_project_file_is_an_error_even_if_the_shell_has_a_good_base_url(self):
        server = self.start()
        self.write(".env", "OPENROUTER_BASE_URL=https://evil.invalid/api/v1\n")
        self.assertEqual(self.run_program("models", "list").code, 2)
        self.assertEqual(server.requests, [])

    def test_a_named_file_wins_over_a_refused_project_file(self):
        named = self.write("settings", f"OPENROUTER_BASE_URL={self.start().url}\n")
        self.write(".env", "OPENROUTER_BASE_URL=https://evil.invalid/api/v1\n")
        self.assertEqual(self.run_program("models", "list", "--env-file", named).code, 0)

    def test_a_password_in_a_refused_base_url_is_not_printed(self):
        self.env["OPENROUTER_BASE_URL"] = "https://user:hunter2@openrouter.ai/api/v1"
        run = self.run_program("-v", "models", "list")
        self.assertEqual((run.code, run.out), (2, ""))
        self.assertNotIn("hunter2", run.err)


class ForeignFileTest(SettingsTest):
    """A file that neither the user nor root owns, found by walking up."""

    def setUp(self):
        super().setUp()
        self.server = self.start(credits_for_user_key="allowed")
        self.go_to("shared/work")
        self.shared = os.path.join(self.folder, "shared")

    def foreign(self, text):
        path = self.write("shared/.env", text)
        if os.geteuid() == 0:
            os.chown(path, 12345, -1)
        else:
            stranger = mock.patch.object(program.os, "geteuid", return_value=os.geteuid() + 1)
            stranger.start()
            self.addCleanup(stranger.stop)
        return path

    def test_a_foreign_file_in_a_world_writable_folder_is_skipped_with_a_warning(self):
        path = self.foreign(f"OPENROUTER_API_KEY={EXPIRED_KEY}\nOPENROUTER_BASE_URL=http://127.0.0.1:1/api/v1\n")
        os.chmod(self.shared, 0o1777)
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        run = self.run_program("balance")
        warning = f"{path}: it belongs to another user, and others can write to its folder; skipped"
        self.assertEqual((run.code, run.err), (0, f"openrouter-remote: warning: {warning}\n"))

    def test_a_foreign_file_elsewhere_is_read(self):
        self.foreign(f"OPENROUTER_API_KEY={USER_KEY}\n")
        self.assertEqual(self.run_program("balance"), Run(0, BALANCE, ""))

    def test_a_base_url_in_a_foreign_file_is_refused(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for url in (self.server.url, "https://evil.invalid/api/v1"):
            with self.subTest(url=url):
                path = self.foreign(f"OPENROUTER_BASE_URL={url}\n")
                run = self.run_program("balance")
                refused = f"OPENROUTER_BASE_URL (from {path}) is refused: the file belongs to another user"
                self.assertEqual((run.code, run.out), (2, ""))
                self.assertEqual(run.err.partition("\n")[0], f"openrouter-remote: error: {refused}")
        self.assertEqual(self.server.requests, [])

    def test_a_foreign_file_named_by_the_user_is_trusted(self):
        path = self.foreign(f"OPENROUTER_API_KEY={USER_KEY}\nOPENROUTER_BASE_URL={self.server.url}\n")
        os.chdir(self.folder)
        del self.env["OPENROUTER_BASE_URL"]
        self.assertEqual(self.run_program("balance", "--env-file", path), Run(0, BALANCE, ""))

    @unittest.skipUnless(os.geteuid() == 0, "only root can change owners")
    def test_a_foreign_symlink_to_the_users_own_file_is_skipped(self):
        target = self.write("mine", f"OPENROUTER_API_KEY={EXPIRED_KEY}\n")
        path = os.path.join(self.shared, ".env")
        os.symlink(target, path)
        os.chown(path, 12345, -1, follow_symlinks=False)
        os.chmod(self.shared, 0o1777)
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.assertEqual(self.run_program("balance").code, 0)


class TrailingDotTest(SettingsTest):
    def test_openrouter_with_a_trailing_dot_takes_no_other_key_either(self):
        self.env.update(OPENROUTER_BASE_URL="https://openrouter.ai./api/v1", OPENROUTER_API_KEY="sk-proj-" + "a" * 40)
        settings, _ = self.settings()
        [(_, error)] = settings.keys(program.USER_KEY)
        self.assertEqual(
            str(error), "OPENROUTER_API_KEY (from the shell) is malformed: it looks like another vendor's key"
        )


class CredentialTest(SettingsTest):
    SPACE, CHARACTERS = "contains white space", "contains characters that no key has"
    QUOTES, LABEL = "contains quotes", "looks like a label, as OpenRouter shows in place of a key"
    PLACEHOLDER, VARIABLE = "looks like a placeholder", "looks like an unexpanded variable"
    SHORT = "is too short for a key, or has characters that no key has"
    OTHER = "doesn't look like an OpenRouter key, which begins with sk-or-"
    MALFORMED = (
        ("sk-or-v1-secret secret", SPACE),
        ("sk-or-v1-secret\nsecret", SPACE),
        ("sk-or-v1-secret\r\nX-Header: secret", SPACE),
        ("sk-or-v1-secret\tsecret", SPACE),
        (" sk-or-v1-secret", SPACE),
        ("sk-or-v1-secret\n", SPACE),
        ("sk-or-v1-secrét", CHARACTERS),
        ("sk-or-v1-secret\u200b", CHARACTERS),
        ("sk-or-v1-secret\x7f", CHARACTERS),
        ("“sk-or-v1-secret”", CHARACTERS),
        ("'sk-or-v1-secretsecretsecret'", QUOTES),
        ('"sk-or-v1-secretsecretsecret"', QUOTES),
        ("`sk-or-v1-secretsecretsecret`", QUOTES),
        ("'sk-or-v1-secretsecretsecret", QUOTES),
        ("sk-or-v1-sec...ret", LABEL),
        ("sk-or-v1-sec…ret", LABEL),
        ("<your secret key>", PLACEHOLDER),
        ("<your-secret-key>", PLACEHOLDER),
        ("sk-or-v1-your-secret-api-key", PLACEHOLDER),
        ("sk-or-v1-your-api-key-secret", PLACEHOLDER),
        ("sk-or-v1-YOUR_OWN_KEY-secret", PLACEHOLDER),
        ("sk-or-v1-xxxxxxxxxxxxxxxxxxsecret", PLACEHOLDER),
        ("sk-or-v1-********************secret", PLACEHOLDER),
        ("${OPENROUTER_SECRET_KEY}", VARIABLE),
        ("secret-change-me-please", PLACEHOLDER),
        ("secret", OTHER),
        ("sk-or-v1-secret", SHORT),
    )

    def check_malformed(self, argv, name, what, url):
        server = self.start()
        # A project file names the base URL, so every key must have the form of one.
        self.write(".env", f"OPENROUTER_BASE_URL={self.env.pop('OPENROUTER_BASE_URL')}\n")
        for key, reason in self.MALFORMED:
            for flags in ((), ("-v",), ("--json",)):
                with self.subTest(key=key, flags=flags):
                    self.env[name] = key
                    run = self.run_program(*flags, *argv)
                    errors = run.err.splitlines()[-2:]
                    self.assertEqual((run.code, run.out), (3, ""))
                    self.assertEqual(
                        errors,
                        [
                            f"openrouter-remote: error: {name} (from the shell) is malformed: it {reason}",
                            f"hint: set it to {what} exactly as shown when it was created, or create one at {url}",
                        ],
                    )
                    self.assertNotIn("secr", run.err)
        self.assertEqual(server.requests, [])

    def test_a_malformed_user_key_is_reported_but_never_printed_or_sent(self):
        self.check_malformed(("balance",), "OPENROUTER_API_KEY", "a user key", "https://openrouter.ai/keys")

    def test_a_malformed_management_key_is_reported_but_never_printed_or_sent(self):
        url = "https://openrouter.ai/settings/management-keys"
        for name in ("OPENROUTER_PROVISIONING_KEY", "OPENROUTER_MANAGEMENT_KEY"):
            with self.subTest(name=name):
                self.env.pop("OPENROUTER_PROVISIONING_KEY", None)
                self.check_malformed(("balance",), name, "a management key", url)

    def test_a_malformed_key_is_reported_with_its_file(self):
        self.start()
        path = self.write(".env", 'OPENROUTER_API_KEY="sk-or-v1-secret\nsecret"')
        run = self.run_program("balance")
        self.assertEqual((run.code, run.out), (3, ""))
        self.assertIn(f"error: OPENROUTER_API_KEY (from {path}) is malformed: ", run.err)

    def test_a_malformed_key_does_not_matter_to_a_command_that_needs_none(self):
        self.start()
        self.env["OPENROUTER_API_KEY"] = "sk-or-v1-secret secret"
        self.assertEqual(self.run_program("models", "list", "--limit", "1").code, 0)

    def test_without_any_key_balance_says_which_to_set_and_where_to_create_one(self):
        server = self.start()
        message = (
            "openrouter-remote: error: no key: set OPENROUTER_PROVISIONING_KEY (or OPENROUTER_MANAGEMENT_KEY)\n"
            "hint: create a management key at https://openrouter.ai/settings/management-keys; older accounts can set "
            "OPENROUTER_API_KEY to a user key from https://openrouter.ai/keys\n"
        )
        self.assertEqual(self.run_program("balance"), Run(3, "", message))
        self.assertEqual(server.requests, [])

    def test_without_a_management_key_the_error_says_which_to_set_and_where_to_create_one(self):
        server = self.start()
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for argv in MANAGEMENT_CALLS:
            with self.subTest(argv=argv):
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.out), (3, ""))
                for words in (
                    "a management key",
                    "OPENROUTER_PROVISIONING_KEY",
                    "OPENROUTER_MANAGEMENT_KEY",
                    "https://openrouter.ai/settings/management-keys",
                ):
                    self.assertIn(words, run.err)
        self.assertEqual(server.requests, [])

    def test_the_hint_names_another_variable_that_may_hold_the_key(self):
        self.start()
        for name, argv, kind, right in (
            ("OPENROUTER_API_KEY", ("usage",), "a management key", "OPENROUTER_PROVISIONING_KEY"),
            ("OPENROUTER_KEY", ("balance",), "a management key", "OPENROUTER_PROVISIONING_KEY"),
            ("OPENROUTER_PROVISIONING_KEY_PROD", ("keys", "list"), "a management key", "OPENROUTER_PROVISIONING_KEY"),
        ):
            with self.subTest(name=name, argv=argv):
                path = self.write(".env", f"{name}={MANAGEMENT_KEY}\n")
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.out), (3, ""))
                named = f". {name} (from {path}) is set: if it's {kind}, rename it to {right}\n"
                self.assertTrue(run.err.endswith(named), run.err)

    def test_a_refused_key_is_reported_with_its_kind_and_never_printed(self):
        for status in (401, 403):
            self.start(user_key_status=status)
            self.env["OPENROUTER_PROVISIONING_KEY"] = USER_KEY
            for argv in (*MANAGEMENT_CALLS, ("balance",)):
                with self.subTest(status=status, argv=argv):
                    run = self.run_program("-v", *argv)
                    self.assertEqual((run.code, run.out), (3, ""))
                    self.assertRegex(run.err, f"(?m)^openrouter-remote: error: [A-Z]+ /[^ ]+: (403|{status}) ")
                    known = "" if argv == ("balance",) else "is a user key and "
                    self.assertIn(f"hint: OPENROUTER_PROVISIONING_KEY (from the shell) {known}was refused", run.err)
                    self.assertIn("management key", run.err)
                    self.assertIn("https://openrouter.ai/settings/management-keys", run.err)
                    self.assertNotIn("f00d", run.err)


class VerboseTest(SettingsTest):
    def test_verbose_shows_sources_and_each_request_with_status_time_and_size(self):
        server = self.start(gzip=False)
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        project = self.write(".env", f"OPENROUTER_API_KEY={USER_KEY}\nOPENROUTER_MANAGEMENT_KEY=\n")
        run = self.run_program("balance", "-v")
        size = len('{"data": {"total_credits": 10, "total_usage": 9.8848}}')
        expected = f"""\
openrouter-remote: OPENROUTER_BASE_URL={server.url} from the shell
openrouter-remote: OPENROUTER_API_KEY=*** from {project}
openrouter-remote: OPENROUTER_MANAGEMENT_KEY=*** from the shell
openrouter-remote: GET /credits: 403 Only management keys can perform this operation, T s
openrouter-remote: GET /credits: 200, T s, {size} bytes
used OPENROUTER_MANAGEMENT_KEY (from the shell): OPENROUTER_API_KEY (from {project}) was refused
"""
        self.assertEqual(re.sub(r"\b\d+\.\d{3} s\b", "T s", run.err), expected)

    def test_verbose_does_not_change_stdout_or_the_exit_code(self):
        self.start(credits_for_user_key="allowed")
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for argv in (
            ("balance",),
            ("balance", "--json"),
            ("balance", "--alert-below", "5"),
            ("models", "show", "none"),
        ):
            with self.subTest(argv=argv):
                quiet, verbose = self.run_program(*argv), self.run_program("-v", *argv)
                self.assertEqual(verbose[:2], quiet[:2])
                self.assertTrue(verbose.err.endswith(quiet.err))

    def test_nothing_is_traced_without_verbose(self):
        self.start(credits_for_user_key="allowed")
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.assertEqual(self.run_program("balance").err, "")

    def test_verbose_says_that_the_base_url_is_the_default(self):
        self.assertEqual(list(self.settings()[0].report()), [f"OPENROUTER_BASE_URL={DEFAULT} from the default"])

    def test_an_echoed_key_is_not_printed(self):
        server = self.start()
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        server.always("GET", "*", error(400, f"bad request: Bearer {USER_KEY}"))
        run = self.run_program("-v", "balance")
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertIn("error: GET /credits: 400 bad request: Bearer [key]\n", run.err)
        self.assertNotIn("f00d", run.err)

    def test_keys_of_any_form_and_layer_are_never_printed(self):
        server = self.start()
        keys = ["gateway-key-" + letter * 20 for letter in "abc"]
        self.env.update(OPENROUTER_API_KEY=keys[0], OPENROUTER_MANAGEMENT_KEY=keys[1])
        self.write(".env", f"OPENROUTER_MANAGEMENT_KEY={keys[2]}\n")
        server.always("GET", "/model/a/b", respond(200, {"data": {"id": "a/b", "name": " ".join(keys)}}))
        for flags in ((), ("--json",)):
            with self.subTest(flags=flags):
                out = self.run_program("models", "show", "a/b", *flags).out
                self.assertIn("[key] [key] [key]", out)
        server.always("GET", "*", error(400, " ".join(keys)))
        run = self.run_program("-v", "balance")
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertIn("400 [key] [key] [key]\n", run.err)
        self.assertNotIn("gateway-key", run.err)


if __name__ == "__main__":
    unittest.main()
