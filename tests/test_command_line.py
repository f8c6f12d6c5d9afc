"""The command line: help, options, usage errors, `integrations`, and the layout of the project."""

import argparse
import ast
import contextlib
import glob
import io
import json
import os
import re
import stat
import subprocess
import sys
import unittest
from unittest import mock

from fake_openrouter import MANAGEMENT_KEY, USER_KEY, make_key, stall
from support import CLOCK, CLOCK_FILE, COMMANDS, PROGRAM, ProgramTest, Run, calls, help_pages, program

ROOT = os.path.dirname(os.path.dirname(PROGRAM))
URL = "https://openrouter.ai/settings/integrations"
SHARED = {"--json", "--env-file", "--verbose", "--timeout", "--help"}
CHECKED = [argv for argv in calls() if argv != ("integrations",)]  # it accepts any arguments


def page_of(argv):
    """The help page of the command in a command line."""
    return next(page for page in help_pages() if not page.commands and page.path == argv[: len(page.path)])


def long_options(page):
    return {name for name in page.options if name.startswith("--")}


def options_with_a_value(page):
    """The options of a page that take a value; the shared ones only on the page of `balance`."""
    names = [name for name, option in page.options.items() if option.value]
    return [name for name in names if page.path == ("balance",) or name not in SHARED]


class CommandLineTest(ProgramTest):
    def assert_error(self, run, code, message, hint=None):
        """The run printed nothing but an error and perhaps a hint. `message` and `hint` are regular expressions."""
        self.assertEqual((run.code, run.out), (code, ""))
        self.assertRegex(run.err, r"\Aopenrouter-remote: error: [^\n]+\n(hint: [^\n]+\n)?\Z")
        error, hinted = (run.err + "\n").split("\n")[:2]
        self.assertRegex(error, f"^openrouter-remote: error: {message}$")
        if hint:
            self.assertRegex(hinted, f"^hint: {hint}$")


class HelpTest(CommandLineTest):
    def test_the_version_is_one_line(self):
        expected = Run(0, f"openrouter-remote {program.__version__}\n", "")
        self.assertEqual(self.run_program("--version"), expected)
        self.assertEqual(self.run_program("--json", "--version"), expected)

    def test_the_commands_are_those_of_the_contract(self):
        for found in ([page.path for page in help_pages() if not page.commands], program.COMMANDS):
            self.assertEqual(sorted(map(" ".join, found)), sorted(command.name for command in COMMANDS))

    def test_every_command_has_the_options_of_the_contract(self):
        known = {(): SHARED | {"--version"}, ("models",): SHARED, ("keys",): SHARED, ("integrations",): {"--help"}}
        for command in COMMANDS:
            known.setdefault(tuple(command.name.split()), SHARED | set(command.options.split()))
        for page in help_pages():
            with self.subTest(path=page.path):
                self.assertEqual(long_options(page), known[page.path])

    def test_the_help_of_every_command_says_which_key_it_needs(self):
        for command in COMMANDS:
            with self.subTest(command=command.name):
                text = self.run_program(*command.name.split(), "--help").out
                needed = {"management": "Needs the management key.", "user": "Needs the user key."}.get(command.needs)
                self.assertRegex(text, rf"(?m)^{needed}$" if needed else r"(?m)^(Needs|Uses) .*\bkey\b")

    def test_help_fits_80_columns(self):
        for page in help_pages():
            with self.subTest(path=page.path):
                run = self.run_program(*page.path, "--help")
                self.assertEqual(run, Run(0, page.text, ""))
                self.assertTrue(run.out.startswith(" ".join(["usage: openrouter-remote", *page.path])))
                self.assertEqual([line for line in run.out.splitlines() if len(line) > 80], [])
                self.assertNotIn("\x1b", run.out)

    def test_help_explains_every_option_and_argument(self):
        for page in help_pages():
            explained = {**{name: option.help for name, option in page.options.items()}, **page.arguments}
            for name, text in {**explained, **page.commands}.items():
                with self.subTest(path=page.path, argument=name):
                    self.assertEqual(text == "", name == "COMMAND")
            for names, settings in program.COMMANDS[page.path].options if page.path in program.COMMANDS else ():
                with self.subTest(path=page.path, argument=names):
                    self.assertIn(names[0] if names[0].startswith("-") else settings["metavar"], explained)

    def test_help_is_the_same_on_every_terminal(self):
        for page in help_pages():
            for columns in ("20", "300"):
                self.env.update(COLUMNS=columns, LINES=columns, TERM="xterm")
                with self.subTest(path=page.path, columns=columns):
                    self.assertEqual(self.run_program(*page.path, "--help").out, page.text)

    def test_the_main_help_lists_exit_codes_and_settings(self):
        out = self.run_program("--help").out
        for words in (
            *("0", "1", "2", "3", "4", "5", "130"),
            *("OPENROUTER_API_KEY", "OPENROUTER_PROVISIONING_KEY", "OPENROUTER_MANAGEMENT_KEY", "OPENROUTER_BASE_URL"),
        ):
            with self.subTest(words=words):
                self.assertRegex(out, rf"(?m)^  {words} +\w")

    def test_help_wins_over_other_errors(self):
        self.write(".env", "OPENROUTER_BASE_URL=https://evil.invalid/")
        for argv in (
            ["models", "show", "--help"],
            ["balance", "--env-file", "missing", "-h"],
            ["keys", "create", "--help", "--limit", "x"],
        ):
            with self.subTest(argv=argv):
                self.assertEqual(self.run_program(*argv)[::2], (0, ""))


class SharedOptionsTest(CommandLineTest):
    def test_json_works_before_between_and_after_the_words_of_a_command(self):
        self.start()
        expected = self.run_program("models", "list", "--json", "--limit", "2")
        self.assertEqual(len(json.loads(expected.out)), 3)
        for argv in (
            ["--json", "models", "list"],
            ["models", "--json", "list"],
            ["--json", "models", "list", "--json"],
        ):
            with self.subTest(argv=argv):
                self.assertEqual(self.run_program(*argv, "--limit", "2"), expected)

    def test_verbose_works_before_between_and_after_the_words_of_a_command(self):
        self.start()
        for argv in (
            ["-v", "models", "list"],
            ["models", "-v", "list"],
            ["models", "list", "-v"],
            ["--verbose", "models", "list"],
            ["models", "list", "--verbose"],
        ):
            with self.subTest(argv=argv):
                self.assertIn("openrouter-remote: GET /models: 200, ", self.run_program(*argv).err)

    def test_the_last_timeout_wins_before_between_or_after_the_words_of_a_command(self):
        server = self.start()
        server.always("GET", "*", stall())
        for argv in (
            ["--timeout", "0.05", "models", "list"],
            ["models", "--timeout", "0.05", "list"],
            ["models", "list", "--timeout", "0.05"],
            ["models", "list", "--timeout=.05"],
            ["--timeout", "9", "models", "list", "--timeout", "5e-2"],
        ):
            with self.subTest(argv=argv):
                message = "GET /models: no complete response within 0.05 s"
                self.assert_error(self.run_program(*argv), 5, message, "try a longer --timeout")

    def test_options_work_before_and_after_arguments(self):
        self.start()
        for argv in (
            ["models", "show", "northwind/gale-8b", "--json"],
            ["models", "show", "--json", "northwind/gale-8b"],
            ["models", "show", "--json", "--", "northwind/gale-8b"],
        ):
            with self.subTest(argv=argv):
                self.assertEqual(json.loads(self.run_program(*argv).out)["id"], "northwind/gale-8b")

    def test_a_run_doesnt_affect_the_next(self):
        self.start()
        path = self.write("settings", "nonsense\n")
        plain = self.run_program("models", "list")
        self.run_program("--json", "-v", "--env-file", path, "models", "--env-file", path, "list", "--limit", "1")
        self.assertEqual(self.run_program("models", "list"), plain)


class UsageErrorTest(CommandLineTest):
    def setUp(self):
        super().setUp()
        self.server = self.start()
        self.env.update(OPENROUTER_API_KEY=USER_KEY, OPENROUTER_MANAGEMENT_KEY=MANAGEMENT_KEY)
        self.addCleanup(lambda: self.assertEqual(self.server.requests, [], "a usage error needs no request"))

    def test_help_goes_to_stderr_without_a_command(self):
        for argv in ([], ["--json"], ["models"], ["keys"], ["keys", "-v"]):
            with self.subTest(argv=argv):
                words = [word for word in argv if not word.startswith("-")]
                self.assertEqual(self.run_program(*argv), Run(2, "", self.run_program(*words, "--help").out))

    def test_an_unknown_option_without_a_command_is_a_usage_error(self):
        for argv, words in ((["--nonsense"], ""), (["keys", "--nonsense"], "keys ")):
            with self.subTest(argv=argv):
                hint = f"see: openrouter-remote {words}--help"
                self.assert_error(self.run_program(*argv), 2, "unrecognized arguments: --nonsense", hint)

    def test_an_unknown_command_is_a_usage_error_that_lists_the_known_ones(self):
        first = {command.name.split()[0] for command in COMMANDS}
        below = {
            group: [command.name.split()[1] for command in COMMANDS if command.name.startswith(f"{group} ")]
            for group in ("models", "keys")
        }
        for argv, known in (
            (["chat"], first),
            (["models", "chat"], below["models"]),
            (["keys", "chat"], below["keys"]),
            (["model"], first),
            (["models", "lis"], below["models"]),
            ([""], first),
        ):
            with self.subTest(argv=argv):
                run = self.run_program(*argv)
                self.assert_error(run, 2, f".*invalid choice: '{argv[-1]}' .*", "see: openrouter-remote .*--help")
                for name in known:
                    self.assertIn(name, run.err)

    def test_unknown_options_and_extra_arguments_are_named(self):
        for argv in CHECKED:
            with self.subTest(argv=argv):
                run = self.run_program(*argv, "--nonsense", "-z", "--no=1", "toomuch")
                hint = f"see: openrouter-remote {' '.join(page_of(argv).path)} --help"
                words = "--nonsense -z --no=1"
                if page_of(argv).path != ("models", "list"):  # there, a word that isn't an option is an id
                    words += " toomuch"
                self.assert_error(run, 2, f"unrecognized arguments: {words}", hint)

    def test_a_mistyped_option_has_a_hint_with_the_nearest(self):
        for argv, close in (
            (["balance", "--alert-bellow", "2"], "--alert-below"),
            (["keys", "create", "--name", "x", "--reset", "monthly"], "--limit-reset"),
            (["keys", "set-limit", "x", "10", "--limit-reset=weekly"], "--reset"),
            (["models", "cheap", "--max-price", "1"], "--max-price-input, --max-price-output"),
        ):
            with self.subTest(argv):
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.out), (2, ""))
                self.assertRegex(run.err, rf"\nhint: did you mean {close}\? see: openrouter-remote .* --help\n$")

    def test_a_missing_argument_is_named(self):
        for argv, missing in (
            (["models", "show"], "ID"),
            (["models", "endpoints"], "ID"),
            (["models", "diff"], "FILE"),
            (["keys", "show"], "KEY"),
            (["keys", "create"], "--name"),
            (["keys", "rename", "production"], "NAME"),
            (["keys", "set-limit", "production"], "USD.*"),
            (["keys", "delete"], "KEY"),
            (["keys", "rotate"], "KEY"),
        ):
            with self.subTest(argv=argv):
                self.assert_error(self.run_program(*argv), 2, f"the following arguments are required: {missing}")

    def test_options_cant_be_abbreviated(self):
        for argv in CHECKED:
            shorts = [option[:-1] for option in sorted(long_options(page_of(argv)))]
            with self.subTest(argv=argv, shorts=shorts):
                run = self.run_program(*argv, *shorts)
                self.assert_error(run, 2, f"unrecognized arguments: {' '.join(shorts)}")
        shorts = ["--jso", "--env", "--verb", "--time", "--vers"]
        self.assert_error(self.run_program(*shorts, "balance"), 2, f"unrecognized arguments: {' '.join(shorts)}")

    def test_a_command_refuses_the_options_of_others(self):
        known = {name for page in help_pages() for name in long_options(page)}
        for argv in CHECKED:
            others = sorted(known - long_options(page_of(argv)))
            with self.subTest(argv=argv, others=others):
                self.assert_error(self.run_program(*argv, *others), 2, f"unrecognized arguments: {' '.join(others)}")

    def test_an_option_without_its_value_is_named(self):
        for argv in CHECKED:
            for option in options_with_a_value(page_of(argv)):
                with self.subTest(argv=argv, option=option):
                    run = self.run_program(*argv, option)
                    self.assert_error(run, 2, f"argument .*{option}.*: expected one argument")

    def test_an_option_with_choices_refuses_other_values(self):
        for argv, choices in (
            (["models", "list", "--sort"], ["name", "price-in", "price-out", "context", "created", "cost"]),
            (["models", "cheap", "--sort"], ["name", "price-in", "price-out", "context", "created", "cost"]),
            (
                ["models", "endpoints", "northwind/gale-8b", "--sort"],
                ["throughput", "latency", "price-in", "price-out", "uptime", "context", "name", "cost"],
            ),
            (["usage", "--by"], ["model", "provider", "day", "hour", "key"]),
            (["keys", "create", "--name", "x", "--limit-reset"], ["daily", "weekly", "monthly"]),
            (["keys", "set-limit", "x", "5", "--reset"], ["daily", "weekly", "monthly", "none"]),
        ):
            for value in ("nonsense", "", choices[0].upper(), choices[0][:-1]):
                with self.subTest(argv=argv, value=value):
                    run = self.run_program(*argv, value)
                    self.assert_error(run, 2, f"argument {argv[-1]}: .*'{value}'.*")
                    for choice in choices:
                        self.assertRegex(run.err, rf"\b{choice}\b")

    def test_a_number_out_of_range_is_an_error_with_the_range(self):
        for argv, message in (
            (["models", "list", "--limit", "0"], "argument --limit: '0' is less than 1"),
            (["usage", "--by", "day", "--days", "366"], "argument --days: '366' is not between 1 and 365"),
        ):
            with self.subTest(argv=argv):
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.err.splitlines()[0]), (2, f"openrouter-remote: error: {message}"))

    def test_a_number_must_be_finite_and_in_ascii_digits(self):
        nonsense = (
            "five", " ", "NaN", "-inf", "Infinity", "1,5", "1,000", "0x10", "1 0", "$5", "5USD", "\u0967", "\uff15",
            "\u00bd", "\u00b2", "5\n", "\n5", " 5", "5 ", "1e", "e5", ".", "-", "1.2.3", "9" * 5000,
        )  # fmt: skip
        for argv in (["balance", "--alert-below"], ["models", "list", "--limit"]):
            for value in nonsense:
                with self.subTest(argv=argv, value=value[:20]):
                    self.assert_number_is_refused(argv, value)

    def test_every_option_with_a_number_is_strict(self):
        for argv in (
            ["balance", "--timeout"],
            ["balance", "--alert-below"],
            ["balance", "--alert-days"],
            ["usage", "--by", "day", "--days"],
            ["usage", "--alert-daily"],
            ["usage", "--alert-weekly"],
            ["usage", "--alert-monthly"],
            ["models", "list", "--max-price-input"],
            ["models", "list", "--max-price-output"],
            ["models", "list", "--min-context"],
            ["models", "list", "--limit"],
            ["models", "list", "--expiring"],
            ["models", "cheap", "--limit"],
            ["models", "endpoints", "northwind/gale-8b", "--limit"],
            ["models", "endpoints", "northwind/gale-8b", "--min-context"],
            ["models", "endpoints", "northwind/gale-8b", "--max-price-input"],
            ["models", "endpoints", "northwind/gale-8b", "--max-price-output"],
            ["keys", "create", "--name", "x", "--limit"],
        ):
            for value in ("", "nan", "1e999", "1_000", "\u0665"):
                with self.subTest(argv=argv, value=value):
                    self.assert_number_is_refused(argv, value)

    def assert_number_is_refused(self, argv, value):
        run = self.run_program(*argv[:-1], f"{argv[-1]}={value}")
        self.assert_error(run, 2, f"argument {argv[-1]}: .*", f"see: openrouter-remote {argv[0]} .*--help")

    def test_a_number_must_be_in_range(self):
        for argv, values in (
            (["balance", "--timeout"], ("0", "-1", "0.0", "3601", "1e9")),
            (["balance", "--alert-days"], ("-1", "-0.5")),
            (["usage", "--by", "day", "--days"], ("0", "-1", "366", "1.5", "1k", "1e1000")),
            (["models", "list", "--max-price-input"], ("-1", "-0.01")),
            (["models", "list", "--max-price-output"], ("-1", "-0.01")),
            (["models", "list", "--min-context"], ("-1", "-1k", "0.5", "1.0001k", "k", "200g", "200kk", "200 k")),
            (["models", "list", "--limit"], ("0", "-1", "0.5", "0k", "1.5")),
            (["models", "list", "--expiring"], ("-1",)),
            (["models", "cheap", "--limit"], ("0", "-1", "1.5")),
            (["models", "endpoints", "northwind/gale-8b", "--limit"], ("0", "-1", "1.5")),
            (["keys", "create", "--name", "x", "--limit"], ("-1", "-0.01")),
        ):
            for value in values:
                with self.subTest(argv=argv, value=value):
                    self.assert_error(self.run_program(*argv, value), 2, f"argument {argv[-1]}: .*")

    def test_set_limit_takes_an_amount_or_none(self):
        for value in ("nan", "inf", "1e999", "-1", "five", "", "None", "\u0665", "1_000"):
            with self.subTest(value=value):
                run = self.run_program("keys", "set-limit", "production", f"{value}")
                self.assertEqual((run.code, run.out), (2, ""))

    def test_a_cost_is_two_or_three_token_counts(self):
        for value in (
            "", "5", ":", "5:", ":5", "5:5:", "5:5:6", "5:5:5:5", "5:5:-1", "5:5:x", "a:b", "-1:5", "5:-1", "nan:5",
            "5:inf", "1.5:5", "5;5", "\u0665:5",
        ):  # fmt: skip
            for argv in (["models", "list"], ["models", "cheap"], ["models", "endpoints", "northwind/gale-8b"]):
                with self.subTest(argv=argv, value=value):
                    self.assert_error(self.run_program(*argv, f"--cost={value}"), 2, "argument --cost: .*")

    def test_an_empty_list_of_words_is_a_usage_error(self):
        for argv in (
            ["models", "list", "--output"],
            ["models", "list", "--supports"],
            ["models", "endpoints", "northwind/gale-8b", "--supports"],
            ["models", "endpoints", "northwind/gale-8b", "--quantization"],
        ):
            for value in ("", ",", " , "):
                with self.subTest(argv=argv, value=value):
                    run = self.run_program(*argv, value)
                    self.assert_error(run, 2, f"argument {argv[-1]}: no word given")

    def test_quiet_needs_an_alert(self):
        self.assert_error(self.run_program("balance", "--quiet"), 2, ".*--quiet needs .*--alert-below.*")

    def test_main_reads_the_command_line_by_default(self):
        argv = mock.patch.object(sys, "argv", ["openrouter-remote", "balance", "--nonsense"])
        with argv, contextlib.redirect_stderr(io.StringIO()) as err:
            code = program.main()
        message = "openrouter-remote: error: unrecognized arguments: --nonsense\n"
        hint = "hint: see: openrouter-remote balance --help\n"
        self.assertEqual((code, err.getvalue()), (2, message + hint))

    def test_two_dashes_are_a_name_or_a_usage_error(self):
        # Up to Python 3.12, argparse turns them into an empty list.
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        for argv in (["rename", "ci", "--", "--"], ["create", "--name=--"], ["create", "--name", "--"]):
            with self.subTest(argv=argv):
                server = self.start(keys=[make_key(1, name="ci")])
                run = self.run_program("keys", *argv)
                self.assertIn((run.code, server.keys[0]["name"]), [(2, "ci"), (0, "--")])

    def test_argcomplete_gets_the_whole_parser(self):
        # argcomplete looks for this mark in the first 1,024 bytes, then sets its variable.
        with open(PROGRAM, "rb") as file:
            self.assertIn(b"PYTHON_ARGCOMPLETE_OK", file.read(1024))
        self.replace_module("argcomplete", "def autocomplete(parser):\n    raise SystemExit(parser.format_usage())\n")
        self.env["_ARGCOMPLETE"] = "1"
        run = self.start_program("nonsense")
        self.assertEqual((run.out, run.err[:24]), ("", "usage: openrouter-remote"))

    def test_the_variable_of_argcomplete_without_argcomplete_changes_nothing(self):
        expected = self.run_program("--version")
        self.env.update(_ARGCOMPLETE="1", COMP_LINE="openrouter-remote ", COMP_POINT="18")
        with mock.patch.dict(sys.modules, {"argcomplete": None}):
            self.assertEqual(self.run_program("--version"), expected)

    def test_days_need_a_breakdown(self):
        self.assert_error(self.run_program("usage", "--days", "7"), 2, ".*--days .*--by.*")

    def test_a_usage_error_is_one_line_for_any_argument(self):
        for word in ("a\nb", "a\r\nb", "\x1b[31mred", "a\x07", "\u202eevil", "a\u2028b", "\udcff", "x" * 5000):
            for argv in ([word], ["balance", word], ["balance", "--" + word], ["models", "list", "--sort", word]):
                with self.subTest(argv=argv):
                    run = self.run_program(*argv)
                    self.assert_error(run, 2, ".*")
                    self.assertTrue(run.err.replace("\n", "").isprintable())


class ArgumentsTest(CommandLineTest):
    def test_two_dashes_after_an_equals_sign_are_never_a_crash(self):
        self.start()
        self.env.update(OPENROUTER_API_KEY=USER_KEY, OPENROUTER_MANAGEMENT_KEY=MANAGEMENT_KEY)
        for argv in CHECKED:
            for option in options_with_a_value(page_of(argv)):
                with self.subTest(argv=argv, option=option):
                    self.start()
                    run = self.run_program(*argv, f"{option}=--")
                    self.assertIn(run.code, (0, 2, 4))

    def test_numbers_are_accepted_in_every_usual_notation(self):
        def parsed(*argv):
            args = program.build_parser().parse_args(argv, argparse.Namespace(**program.SHARED_DEFAULTS))
            return getattr(args, argv[-1].partition("=")[0].lstrip("-").replace("-", "_"))

        for argv, values in (
            (["balance", "--timeout"], {"1": 1, "0.5": 0.5, ".5": 0.5, "1e1": 10, "3600": 3600, "+2": 2, "2.": 2}),
            (["balance", "--alert-below"], {"5": 5, "2.00": 2, "0": 0, "-7.5": -7.5, "-0": 0, "1e3": 1000}),
            (
                ["models", "list", "--min-context"],
                {"0": 0, "200k": 200_000, "1m": 10**6, "1.5M": 1_500_000, "1K": 1000},
            ),
            (["models", "list", "--limit"], {"1": 1, "5": 5, "1k": 1000, "1.0": 1}),
            (
                ["models", "list", "--max-price-input"],
                {"0": 0, "0.25": 0.25, ".5": 0.5, "1e-1": program.Decimal("0.1")},
            ),
        ):
            for text, value in values.items():
                with self.subTest(argv=argv, text=text):
                    self.assertEqual(parsed(*argv[:-1], f"{argv[-1]}={text}"), value)

    def test_a_negative_amount_needs_no_equals_sign(self):
        self.start(credits_for_user_key="allowed")
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.assertEqual(self.run_program("balance", "--quiet", "--alert-below", "-7.50"), Run(0, "", ""))


class IntegrationsTest(CommandLineTest):
    def setUp(self):
        super().setUp()
        # Settings aren't read: these would be errors.
        self.write(".env", "OPENROUTER_BASE_URL=https://evil.invalid/\nOPENROUTER_API_KEY='not a key'\n")

    def test_integrations_prints_the_page_and_a_sentence_for_any_arguments(self):
        for rest in (
            [],
            ["list"],
            ["create", "--provider", "openai", "--key", "sk-1"],
            ["delete", "-y", "--", "--force"],
            ["--nonsense", "--", "-x"],
            ["-v"],
            ["--timeout", "5"],
            ["--env-file", "missing"],
            ["list", "\x1b[31m\n\udcff"],
            ["--timeout", "soon"],
            ["--timeout"],
            ["--env-file"],
            ["--jso"],
            ["--json=5"],
            ["--key=--"],
        ):
            with self.subTest(rest=rest):
                run = self.run_program("integrations", *rest)
                self.assertEqual((run.code, run.out), (2, URL + "\n"))
                self.assertRegex(run.err, r"\ABYOK keys [^.\n]+ not by this tool[^.\n]*\.\n\Z")

    def test_the_json_has_the_page_and_the_sentence(self):
        sentence = self.run_program("integrations").err
        tool = {"name": "openrouter-remote", "version": program.__version__}
        for argv in (["--json", "integrations"], ["integrations", "--json"], ["integrations", "list", "--json", "--x"]):
            with self.subTest(argv=argv):
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.err), (2, sentence))
                self.assertEqual(
                    list(json.loads(run.out).items()),
                    [("tool", tool), ("url", URL), ("message", sentence.rstrip("\n"))],
                )


# Runs CLOCK_FILE, which Python doesn't import at startup without `site`, and then the program.
WITH_CLOCK = (
    "import runpy, sys\n"
    "del sys.argv[0]\n"
    "runpy.run_path(sys.argv.pop(0))\n"
    "runpy.run_path(sys.argv[0], run_name='__main__')\n"
)
# Other ways to read the real time: tests/clock replaces only `time.time`.
OTHER_CLOCKS = (
    r"\b(?:datetime\.(?:now|utcnow|today)|date\.today|st_[amc]time|get[amc]time"
    r"|time\.(?:time_ns|clock_gettime|localtime|gmtime|ctime|asctime|strftime))\b"
)


class ProjectTest(ProgramTest):
    def read(self, *path):
        with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
            return file.read()

    def test_the_plugin_manifest_has_the_version_of_the_program(self):
        self.assertRegex(program.__version__, r"\A\d+\.\d+\.\d+\Z")
        self.assertEqual(json.loads(self.read(".claude-plugin", "plugin.json"))["version"], program.__version__)

    def test_the_package_and_the_manifest_have_the_name_of_the_command(self):
        self.assertIn('\nname = "openrouter-remote"\n', self.read("pyproject.toml"))
        self.assertEqual(json.loads(self.read("plugin.json"))["name"], "openrouter-remote")

    def test_pre_commit_pins_the_tools_of_the_checks(self):
        hooks = dict(
            re.findall(
                r"repo: https://github.com/\S+?(ruff|mypy)\S*\n +rev: v(\S+)", self.read(".pre-commit-config.yaml")
            )
        )
        self.assertEqual(sorted(hooks), ["mypy", "ruff"])
        for name, version in hooks.items():
            self.assertIn(f'\n  "{name}=={version}",', self.read("pyproject.toml"))

    def test_the_top_level_has_only_the_files_of_the_contract(self):
        try:
            listing = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
        except OSError:
            self.skipTest("git isn't installed")
        if listing.returncode or "bin/openrouter-remote" not in listing.stdout.split("\0"):
            self.skipTest("not a git checkout")
        names = {path.partition("/")[0] for path in listing.stdout.split("\0") if path}
        allowed = {"bin", "skills", "tests", "plugin.json", "README.md", "pyproject.toml"}
        self.assertEqual({name for name in names if not name.startswith(".")} - allowed, set())

    def test_the_program_is_one_executable(self):
        self.assertEqual(os.listdir(os.path.join(ROOT, "bin")), ["openrouter-remote"])
        self.assertTrue(os.stat(PROGRAM).st_mode & stat.S_IXUSR)
        self.assertEqual(self.read("bin", "openrouter-remote").partition("\n")[0], "#!/usr/bin/env python3")

    def test_every_command_needs_only_the_standard_library(self):
        for argv in calls():
            with self.subTest(argv=argv):
                server = self.start()
                keys = {"OPENROUTER_API_KEY": USER_KEY, "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT_KEY}
                command = [sys.executable, "-I", "-S", "-B", "-c", WITH_CLOCK, CLOCK_FILE, PROGRAM, *argv]
                env = {"OPENROUTER_BASE_URL": server.url, **keys, **CLOCK}
                done = subprocess.run(command, env=env, capture_output=True)
                self.assertEqual(done.returncode, 2 if argv == ("integrations",) else 0, done.stderr)

    def test_only_the_clock_that_tests_can_set_is_read(self):
        for path in (PROGRAM, *glob.glob(os.path.join(ROOT, "tests", "**", "*.py"), recursive=True)):
            with self.subTest(path=os.path.relpath(path, ROOT)):
                self.assertEqual(re.findall(OTHER_CLOCKS, self.read(path)), [])

    def test_every_source_file_parses_on_python_3_9(self):
        for path in (PROGRAM, *glob.glob(os.path.join(ROOT, "tests", "*.py"))):
            with self.subTest(path=os.path.relpath(path, ROOT)):
                ast.parse(self.read(path), feature_version=(3, 9))

    def test_a_command_without_a_request_doesnt_import_urllib(self):
        for argv in (["--version"], ["models", "list", "--help"], ["nonsense"], ["integrations"]):
            with self.subTest(argv=argv):
                command = [sys.executable, "-I", "-S", "-B", "-X", "importtime", PROGRAM, *argv]
                done = subprocess.run(command, capture_output=True, text=True)
                loaded = set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE))
                self.assertIn("argparse", loaded)
                self.assertEqual(loaded & {"urllib.request", "http.client", "ssl", "socket"}, set())


if __name__ == "__main__":
    unittest.main()
