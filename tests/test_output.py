"""Output: the two JSON shapes, exact money, tables, and text that is safe to print."""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import unittest
from decimal import Decimal, localcontext
from operator import itemgetter
from unittest import mock

from fake_openrouter import MANAGEMENT_KEY, USER_KEY, error, make_endpoint, make_key, make_model, make_pricing, respond
from support import ProgramTest, Run, calls, program, without_colors

TOOL = f'"tool": {{"name": "openrouter-remote", "version": "{program.__version__}"}}'
LISTINGS = (*calls(listing=True), ("keys", "list", "--all"))
READING = (
    *(argv for argv in calls(changes=None) if argv != ("integrations",)),
    ("keys", "list", "--all"),
    ("balance", "--alert-below", "0.1", "--spendable", "--runway"),
    ("usage", "--key", "production"),
    ("usage", "--by", "model"),
    ("usage", "--by", "provider"),
    ("usage", "--by", "day"),
)
CALLS = (*READING, *(argv for argv in calls() if argv not in READING))
HOSTILE = "\x1b[2J\x1b]0;x\x07\x00\r\n\t\x08\x7f\x9b31m\u202e\u2066\u200b\ufeff\u2028\xad\U000e0001"
VISIBLE = (
    r"\x1b[2J\x1b]0;x\x07\x00\r\n\t\x08\x7f\x9b31m\u202e\u2066\u200b\ufeff\u2028\xad\U000e0001"  # as it must be printed
)


class Screen(io.StringIO):
    def isatty(self):
        return True


def hostile(value):
    """`value` with HOSTILE after every string in it, except names of fields."""
    if isinstance(value, dict):
        return {name: member if name == "hash" else hostile(member) for name, member in value.items()}
    if isinstance(value, list):
        return [hostile(member) for member in value]
    return value + HOSTILE if isinstance(value, str) else value


class OutputTest(ProgramTest):
    def start(self, **switches):
        self.env.update(OPENROUTER_API_KEY=USER_KEY, OPENROUTER_MANAGEMENT_KEY=MANAGEMENT_KEY)
        return super().start(**switches)

    def run_on_screen(self, *argv, columns=80):
        """What the program writes to a terminal of this width."""
        screen = Screen()
        environment = mock.patch.dict(os.environ, {"COLUMNS": str(columns), **self.env}, clear=True)
        with environment, contextlib.redirect_stdout(screen), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(program.main(list(argv)), 0)
        return screen.getvalue()

    def credits(self, total_credits, total_usage):
        """Start a fake server whose credits are exactly these digits."""
        server = self.start()
        body = f'{{"data": {{"total_credits": {total_credits}, "total_usage": {total_usage}}}}}'
        server.always("GET", "/credits", respond(200, body))
        return server


class JsonTest(OutputTest):
    def test_the_first_key_of_every_payload_is_the_tool(self):
        tool = {"name": "openrouter-remote", "version": program.__version__}
        for argv in CALLS:
            with self.subTest(argv=argv):
                self.start()
                run = self.run_program(*argv, "--json")
                code = 2 if argv == ("integrations",) else 0
                self.assertEqual((run.code, next(iter(json.loads(run.out).items()))), (code, ("tool", tool)))

    def test_stdout_is_one_object_with_verbose_too(self):
        for argv in CALLS:
            with self.subTest(argv=argv):
                self.start()
                out = self.run_program(*argv, "--json", "-v").out
                self.assertTrue(out.startswith("{\n") and out.endswith("\n}\n") and out.isascii())

    def test_the_json_of_balance(self):
        self.start()
        expected = f'{{\n  {TOOL},\n  "total_credits": 10,\n  "total_usage": 9.8848,\n  "remaining": 0.1152\n}}\n'
        self.assertEqual(self.run_program("balance", "--json"), Run(0, expected, ""))

    def test_a_listing_is_keyed_by_identifier_in_the_order_of_the_table(self):
        self.start()
        for argv, identifier, column in (
            (("models", "list"), "id", 0),
            (("models", "list", "--sort", "price-out"), "id", 0),
            (("models", "list", "--sort", "context", "--limit", "3"), "id", 0),
            (("models", "cheap", "--limit", "4"), "id", 0),
        ):
            with self.subTest(argv=argv):
                payload = json.loads(self.run_program(*argv, "--json").out)
                rows = {name: row for name, row in payload.items() if name != "tool"}
                self.assertEqual(list(rows), [row[identifier] for row in rows.values()])
                table = self.run_program(*argv).out.splitlines()[1:]
                self.assertEqual(list(rows), [line.split()[column] for line in table])

    def test_a_listing_of_keys_is_keyed_by_hash(self):
        server = self.start()
        payload = json.loads(self.run_program("keys", "list", "--all", "--json").out)
        self.assertEqual({key["hash"] for key in server.keys}, set(payload) - {"tool"})
        self.assertTrue(all(payload[hash]["hash"] == hash for hash in set(payload) - {"tool"}))

    def test_rows_keep_every_field_of_the_apis_objects(self):
        news = {"brand_new": {"a": [1, None, True, {"b": "c"}]}, "größe": "10", "": 0, "exact": Decimal("1.10")}
        server = self.start(models=[make_model("a/b", **news)], keys=[make_key(1, **news)])
        server.endpoints = {"a/b": [make_endpoint("Groq", **news)]}
        for argv, find in (
            (("models", "list"), lambda payload: payload["a/b"]),
            (("models", "show", "a/b"), dict),
            (("models", "endpoints", "a/b"), lambda payload: payload["endpoints"][0]),
            (("keys", "list"), lambda payload: payload[server.keys[0]["hash"]]),
            (("keys", "show", "key 1"), dict),
            (("usage",), lambda payload: payload["keys"][0]),
        ):
            with self.subTest(argv=argv):
                payload = json.loads(self.run_program(*argv, "--json").out, parse_float=Decimal)
                row = find(payload)
                self.assertEqual({name: row.get(name) for name in news}, news)

    def test_a_row_of_models_is_the_apis_object_and_its_price_per_million(self):
        model = make_model("a/b", pricing=make_pricing("0.8", "4"))
        self.start(models=[model])
        payload = json.loads(self.run_program("models", "list", "--json").out)
        self.assertEqual(payload["a/b"], {**model, "price_per_million": {"input": 0.8, "output": 4}})

    def test_the_json_of_models_show_is_the_apis_object(self):
        model = make_model("a/b")
        self.start(models=[model])
        payload = json.loads(self.run_program("models", "show", "a/b", "--json").out)
        del payload["tool"]
        self.assertEqual(payload, model)

    def test_a_field_named_tool_does_not_replace_the_tool(self):
        self.start(models=[make_model("a/b", tool="hammer")])
        tool = {"name": "openrouter-remote", "version": program.__version__}
        self.assertEqual(json.loads(self.run_program("models", "show", "a/b", "--json").out)["tool"], tool)

    def test_a_row_with_the_identifier_tool_is_exit_5(self):
        server = self.start(models=[make_model("tool"), make_model("a/b")])
        server.keys = [{**make_key(1), "hash": "tool"}]
        for argv, identifier in ((("models", "list"), "id"), (("keys", "list"), "hash"), (("usage",), "hash")):
            for options in ((), ("--json",)):
                with self.subTest(argv=argv, options=options):
                    run = self.run_program(*argv, *options)
                    self.assertEqual((run.code, run.out), (5, ""))
                    self.assertIn(f": 200 with a row without a usable `{identifier}`: ", run.err)

    def test_an_empty_listing_is_not_an_error(self):
        server = self.start()
        for argv, header in (
            (("models", "list", "--search", "no such thing"), "id  in $/M  out $/M  context  notes\n"),
            (("models", "cheap", "--search", "nobody"), "id  in $/M  out $/M  context  notes\n"),
            (("keys", "list", "--all"), "  name  label  hash  limit  reset  remaining  month  all-time\n"),
        ):
            server.keys = []
            with self.subTest(argv=argv):
                run = self.run_program(*argv, "--json")
                self.assertEqual(run[:2], (0, f"{{\n  {TOOL}\n}}\n"))
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.out, run.err.count("\n")), (0, header, 1))

    def test_an_empty_catalog_is_not_an_error(self):
        self.start(models=[])
        self.assertEqual(self.run_program("models", "list", "--json")[:2], (0, f"{{\n  {TOOL}\n}}\n"))

    def test_stderr_is_the_same_for_text_and_json(self):
        self.start(models=[])
        self.assertEqual(self.run_program("models", "list", "--json").err, self.run_program("models", "list").err)

    def test_json_values_are_written_as_json(self):
        value: dict = {"a": None, "b": [True, False], "c": 'é"\\\n', "d": {}, "e": [], "f": "\x7f\ud800"}
        text = r'{"a": null, "b": [true, false], "c": "\u00e9\"\\\n", "d": {}, "e": [], "f": "\u007f\ud800"}'
        self.assertEqual(program.dump_json(value), text)
        self.assertEqual(json.loads(text), value)

    def test_an_error_leaves_stdout_empty(self):
        server = self.start()
        server.always("GET", "*", error(400, "Bad Request"))
        for argv in READING:
            for flags in ((), ("--json",)):
                with self.subTest(argv=argv, flags=flags):
                    run = self.run_program(*argv, *flags)
                    self.assertEqual((run.code, run.out), (5, ""))
                    refusal = r"\Aopenrouter-remote: error: GET /[/\w-]+: 400 Bad Request\n(hint: .*\n)?\Z"
                    self.assertRegex(run.err, refusal)


class ExactMoneyTest(OutputTest):
    def check(self, total_credits, total_usage, *figures):
        self.credits(total_credits, total_usage)
        names = ("total_credits", "total_usage", "remaining")
        members = ",\n".join(f'  "{name}": {figure}' for name, figure in zip(names, figures))
        with self.subTest(total_credits=total_credits[:30]):
            self.assertEqual(self.run_program("balance", "--json"), Run(0, f"{{\n  {TOOL},\n{members}\n}}\n", ""))

    def test_money_is_exact(self):
        self.check("0.3", "0.1", "0.3", "0.1", "0.2")
        self.check("10", "9.8848", "10", "9.8848", "0.1152")
        self.check("1.1", "2.2", "1.1", "2.2", "-1.1")
        self.check("9007199254740993", "0.01", "9007199254740993", "0.01", "9007199254740992.99")
        self.check("100", "107.5", "100", "107.5", "-7.5")

    def test_numbers_have_no_exponent(self):
        self.check("1E-7", "0", "0.0000001", "0", "0.0000001")
        self.check("1e+2", "1E1", "100", "10", "90")
        self.check("2.5e-10", "0e0", "0.00000000025", "0", "0.00000000025")

    def test_every_digit_of_a_number_is_kept(self):
        small = "0.00000000000000000000001"
        self.check("1", small, "1", small, "0.99999999999999999999999")
        large = "1" + "0" * 399
        self.check(large, "1", large, "1", "9" * 399)
        fraction = "0." + "0" * 398 + "1"
        self.check(large, fraction, large, fraction, "9" * 399 + "." + "9" * 399)

    def test_text_shows_numbers_of_any_length(self):
        large = "1" + "0" * 399
        self.credits(large, "0.0001")
        expected = (
            f"total_credits: ${large}.0000\n"
            "total_usage:   $0.0001\n"
            f"remaining:     ${'9' * 399}.9999\n"  # as exact as the JSON
        )
        self.assertEqual(self.run_program("balance"), Run(0, expected, ""))

    def test_a_negative_balance_has_its_sign_before_the_dollar(self):
        self.credits("100", "107.5")
        expected = "total_credits: $100.0000\ntotal_usage:   $107.5000\nremaining:     -$7.5000\n"
        self.assertEqual(self.run_program("balance"), Run(0, expected, ""))

    def test_an_absurd_or_invalid_number_is_exit_5(self):
        for number in ("1e1000000", "1e-1000000", "1" * 1001, "NaN", "Infinity", "-Infinity", '"10"', "true", "null"):
            with self.subTest(number=number[:20]):
                self.credits(number, "1")
                run = self.run_program("balance")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertRegex(run.err, r"\Aopenrouter-remote: error: GET /credits: .{1,300}\n(hint: .+\n)?\Z")

    def test_prices_keep_their_digits_as_strings_and_as_numbers(self):
        smallest = "0.00000000000000000000001"
        for given, shown in (
            (smallest, f'"{smallest}"'),
            (Decimal(smallest), smallest),
            (Decimal("1E-7"), "0.0000001"),
        ):
            with self.subTest(given=given):
                self.start(models=[make_model("a/b", pricing={"prompt": given, "completion": "0"})])
                out = self.run_program("models", "list", "--json").out
                self.assertIn(f'"pricing": {{"prompt": {shown}, "completion": "0"}}', out)

    def test_prices_per_million_are_exact(self):
        for given, shown in (
            ("0.0000008", "0.8"),
            ("0.000004", "4"),
            ("0.00000000000000000000001", "0.00000000000000001"),
            ("0", "0"),
            ("0.0", "0"),
            ("1e-7", "0.1"),
            ("0.00001234567890123456789", "12.34567890123456789"),
            ("20", "20000000"),
            (Decimal("0.0000001"), "0.1"),
            (3, "3000000"),
            ("-1", "null"),
            (-1, "null"),
            ("-0.0000005", "null"),
            (None, "null"),
            ("", "null"),
            ("free", "null"),
            ("NaN", "null"),
            (True, "null"),
            ([], "null"),
        ):
            with self.subTest(given=given):
                self.start(models=[make_model("a/b", pricing={"prompt": given, "completion": "0.000001"})])
                out = self.run_program("models", "list", "--json").out
                self.assertIn(f'"price_per_million": {{"input": {shown}, "output": 1}}', out)

    def test_sums_over_keys_are_exact(self):
        small = [make_key(n, usage=Decimal("0.1"), usage_monthly=Decimal("1E-23")) for n in range(3)]
        self.start(keys=[*small, make_key(3, usage=10**30)])
        out = self.run_program("usage", "--json").out
        totals = f'"daily": 0, "weekly": 0, "monthly": 0.{"0" * 22}3, "all_time": 1{"0" * 30}.3'
        self.assertIn(f'  "totals": {{{totals}}},\n', out)


class MoneyTextTest(ProgramTest):
    def check(self, function, table):
        for value, text in table:
            with self.subTest(function=function.__name__, value=value), localcontext(program.EXACT):
                self.assertEqual(function(value), text)

    def test_dollars_have_four_decimals_and_the_sign_before_them(self):
        self.check(
            lambda value: program.usd(Decimal(value)),
            [
                ("0", "$0.0000"),
                ("10", "$10.0000"),
                ("9.8848", "$9.8848"),
                ("1E+2", "$100.0000"),
                ("-7.5", "-$7.5000"),
                ("0.00006", "$0.0001"),
                ("-0.00006", "-$0.0001"),
                ("-0.00001", "$0.0000"),
                ("-0", "$0.0000"),
                ("1234567.89", "$1234567.8900"),
            ],
        )

    def test_exact_dollars_have_every_decimal_and_at_least_two(self):
        self.check(
            lambda value: program.exact_usd(Decimal(value)),
            [
                ("0", "$0.00"),
                ("2", "$2.00"),
                ("2.5", "$2.50"),
                ("2.500", "$2.50"),
                ("0.1152", "$0.1152"),
                ("1E-7", "$0.0000001"),
                ("1E+2", "$100.00"),
                ("-7.5", "-$7.50"),
                ("-0.0", "$0.00"),
            ],
        )

    def test_token_counts_are_short(self):
        self.check(
            program.count,
            [
                (0, "0"),
                (999, "999"),
                (1000, "1k"),
                (4096, "4.1k"),
                (65536, "65.5k"),
                (131072, "131k"),
                (200000, "200k"),
                (999_999, "1M"),
                (1_000_000, "1M"),
                (1048576, "1.05M"),
                (10_000_000, "10M"),
                (Decimal("131072.0"), "131k"),
                ("131072", "131k"),
                (None, "-"),
                ("many", "-"),
                (True, "-"),
                ([], "-"),
            ],
        )

    def test_a_price_is_shown_per_million_tokens(self):
        tier = {"overrides": [{"min_prompt_tokens": 200000, "prompt": "1"}]}
        self.check(
            lambda pricing: program.million_price(program.priced([{"pricing": pricing}])[0], "input"),
            [
                ({"prompt": "0.0000008"}, "0.80"),
                ({"prompt": "0.000003"}, "3.00"),
                ({"prompt": "0.000000075"}, "0.075"),
                ({"prompt": "0.00000000001"}, "0.00001"),
                ({"prompt": "0.00015"}, "150.00"),
                ({"prompt": "0"}, "0.00"),
                ({"prompt": 0}, "0.00"),
                ({"prompt": Decimal("0.0000008")}, "0.80"),
                ({"prompt": "-1"}, "varies"),
                ({"prompt": -1}, "varies"),
                ({"prompt": "-1", **tier}, "varies"),
                ({"prompt": None}, "-"),
                ({"prompt": "free"}, "-"),
                ({}, "-"),
                (None, "-"),
                ({"prompt": "0.000003", **tier}, "3.00*"),
                ({"prompt": "0", **tier}, "0.00*"),
                ({"prompt": "0.000003", "overrides": []}, "3.00"),
            ],
        )


class SafeTextTest(OutputTest):
    def assert_printable(self, run):
        self.assertEqual([line for line in (run.out + run.err).split("\n") if not line.isprintable()], [])

    def test_control_and_invisible_characters_are_escaped(self):
        for text, shown in (
            ("plain text", "plain text"),
            ("naïve 日本語 😀 → é", "naïve 日本語 😀 → é"),
            (HOSTILE, VISIBLE),
            ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
            ("a\nb\rc\td", r"a\nb\rc\td"),
            ("\ud800\udfff", r"\ud800\udfff"),
            ("\udcff", r"\udcff"),
            ("\x85\xa0", r"\x85\xa0"),
        ):
            with self.subTest(text=text):
                self.assertEqual(program.safe(text), shown)

    def test_no_response_can_write_control_characters_to_a_terminal(self):
        server = self.start()
        for name in ("models", "endpoints", "keys", "workspaces"):
            setattr(server, name, hostile(getattr(server, name)))
        server.always("GET", "/models", respond(200, {"data": server.models}))
        server.endpoints = {id + HOSTILE: endpoints for id, endpoints in server.endpoints.items()}
        server.workspaces[0]["id"] = server.keys[0]["workspace_id"] = "home"
        server.activity = [{**hostile(row), "date": row["date"], "_key": row["_key"]} for row in server.activity]
        hash = server.keys[0]["hash"]
        for argv in (
            ("models", "list"),
            ("models", "list", "--cost", "1k:1k"),
            ("models", "show", "northwind/gale-70b" + HOSTILE),
            ("models", "endpoints", "northwind/gale-70b" + HOSTILE, "--all"),
            ("keys", "list"),
            ("keys", "list", "--all"),
            ("keys", "show", hash),
            ("keys", "rename", hash, "new" + HOSTILE),
            ("keys", "disable", hash[:8]),
            ("usage",),
            ("usage", "--by", "model"),
            ("usage", "--by", "provider"),
        ):
            with self.subTest(argv=argv):
                run = self.run_program("-v", *argv)
                self.assertEqual(run.code, 0)
                self.assertIn(VISIBLE[:12], run.out)
                self.assert_printable(run)
                self.assertTrue(self.run_program(*argv, "--json").out.isascii())

    def test_control_characters_in_hints_are_escaped(self):
        server = self.start()
        server.always("GET", "/models", respond(200, {"data": hostile(server.models)}))
        server.keys = hostile([make_key(n, name="twin") for n in range(2)])
        server.has_workspaces = False
        for argv in (
            ("models", "show", "gale"),
            ("models", "show", "northwind/gale-7b"),
            ("keys", "show", "twin" + HOSTILE),
        ):
            with self.subTest(argv=argv):
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.out), (4, ""))
                self.assertIn(VISIBLE[:12], run.err)
                self.assert_printable(run)

    def test_json_escapes_control_characters(self):
        self.start(models=[make_model("a/b", name=HOSTILE, **{"evil" + HOSTILE: 1})])
        out = self.run_program("models", "list", "--json").out
        self.assertTrue(out.isascii() and out.replace("\n", "").isprintable())
        row = json.loads(out)["a/b"]
        self.assertEqual((row["name"], row["evil" + HOSTILE]), (HOSTILE, 1))

    def test_lone_surrogates_are_accepted(self):
        server = self.start()
        models = {"data": [make_model("a/\ud800", name="\udfff", description="\ud83d")]}
        server.always("GET", "/models", respond(200, json.dumps(models)))
        self.assertIn(r"a/\ud800 ", self.run_program("models", "list").out)
        self.assertIn(r"\udfff", self.run_program("models", "show", "a/\ud800").out)
        self.assertEqual(json.loads(self.run_program("models", "list", "--json").out)["a/\ud800"]["name"], "\udfff")

    def test_an_error_message_of_the_api_stays_on_one_line(self):
        server = self.start()
        server.always("GET", "*", error(400, "Sorry" + HOSTILE))
        visible = VISIBLE.replace(r"\r\n\t", " ").replace(r"\u2028", " ")  # white space becomes a space
        expected = f"openrouter-remote: error: GET /models: 400 Sorry{visible}\n"
        self.assertEqual(self.run_program("models", "list"), Run(5, "", expected))

    def test_a_pipe_gets_no_colors_and_whole_values(self):
        model = make_model("a/" + "long-" * 60, description="word " * 200, expiration_date="2030-01-01")
        self.start(models=[model])
        self.env.update(TERM="xterm-256color", COLUMNS="40", FORCE_COLOR="1", CLICOLOR_FORCE="1")
        for argv in (*READING, ("models", "show", model["id"])):
            with self.subTest(argv=argv):
                run = self.run_program(*argv)
                self.assertNotIn("\x1b", run.out + run.err)
        self.assertIn(("word " * 200).strip(), self.run_program("models", "show", model["id"]).out)
        row = self.run_program("models", "list").out.splitlines()[1]
        self.assertRegex(row, f"^{model['id']} .* expires 2030-01-01$")


class TableTest(OutputTest):
    COLUMNS = (
        program.Column("name", itemgetter(0)),
        program.Column("price", itemgetter(1), right=True),
        program.Column("what it is", itemgetter(2), drop=1),
        program.Column("n", itemgetter(3), right=True, drop=2),
    )

    def check(self, rows, *lines, width=None):
        self.assertEqual(list(program.table_lines(program.Table(self.COLUMNS, rows), width)), list(lines))

    def test_columns_are_aligned_and_no_line_ends_with_spaces(self):
        self.check(
            [("a", "1.00", "short", 7), ("bcdefgh", "12.50", "", 12345), ("x", "-", "something longer", "")],
            "name     price  what it is            n",
            "a         1.00  short                 7",
            "bcdefgh  12.50                    12345",
            "x            -  something longer",
        )

    def test_a_table_without_rows_is_its_header(self):
        self.check([], "name  price  what it is  n")

    def test_an_empty_column_goes_first(self):
        self.check([("a", "1", "", 7)], "name  price  n", "a         1  7", width=20)

    def test_a_mark_stays_before_an_identifier_on_its_own_line(self):
        columns = (program.Column("", itemgetter(2)), *self.COLUMNS[:2])
        lines = ["     name  price", "[ ]  a      1.00", "[x]  a-long-identifier", "            2.00"]
        rows = [("a", "1.00", "[ ]"), ("a-long-identifier", "2.00", "[x]")]
        self.assertEqual(list(program.table_lines(program.Table(columns, rows), 16)), lines)

    def test_wide_characters_take_two_columns_and_combining_ones_none(self):
        self.check(
            [
                ("日本語", "1", "a", 1),
                ("ｆｕｌｌ", "2", "b", 2),
                ("ab😀", "3", "c", 3),
                ("e\u0301te\u0301", "4", "d", 4),
                ("ที่นี่", "5", "e", 5),
                ("plain", "6", "f", 6),
            ],
            "name      price  what it is  n",
            "日本語        1  a           1",
            "ｆｕｌｌ      2  b           2",
            "ab😀          3  c           3",
            "e\u0301te\u0301           4  d           4",
            "ที่นี่            5  e           5",
            "plain         6  f           6",
        )

    def test_escaped_characters_are_aligned_as_printed(self):
        self.check(
            [("a\x1b", "1", "x", 1), ("abcdef", "2", "y", 2)],
            "name    price  what it is  n",
            r"a\x1b       1  x           1",
            "abcdef      2  y           2",
        )

    ROWS = (("author/some-quite-long-model-name", "1.00", "a note", 7), ("b/c", "22.50", "another note", 12345))

    def test_a_table_that_fits_is_not_changed(self):
        lines = list(program.table_lines(program.Table(self.COLUMNS, self.ROWS)))
        self.assertEqual(max(map(len, lines)), 61)
        for width in (61, 80, 1000):
            self.check(self.ROWS, *lines, width=width)

    def test_on_a_narrow_terminal_the_least_important_columns_go_first(self):
        self.check(
            self.ROWS,
            "name                               price  what it is",
            "author/some-quite-long-model-name   1.00  a note",
            "b/c                                22.50  another note",
            width=60,
        )
        self.check(
            self.ROWS,
            "name                               price",
            "author/some-quite-long-model-name   1.00",
            "b/c                                22.50",
            width=40,
        )

    def test_a_long_identifier_is_whole_on_its_own_line(self):
        self.check(
            self.ROWS,
            "name       price",
            "author/some-quite-long-model-name",
            "            1.00",
            "b/c        22.50",
            width=16,
        )

    def test_every_identifier_is_whole_and_other_lines_fit(self):
        server = self.start()
        server.models += [make_model("provider-with-a-name/" + "very-" * n + "long:free") for n in range(12)]
        ids = [model["id"] for model in server.models if not re.search("^meridian/painter|:batch$", model["id"])]
        for columns in (20, 40, 60, 80, 120):
            with self.subTest(columns=columns):
                out = self.run_on_screen("models", "list", "--cost", "1k:1k", columns=columns)
                lines = without_colors(out).splitlines()
                found = {line.split()[0] for line in lines[1:] if not line.startswith(" ")}
                self.assertEqual(found, set(ids))
                if columns >= 40:
                    self.assertEqual([line for line in lines if len(line) > columns and line not in ids], [])

    def test_a_narrow_terminal_keeps_the_name_of_every_key_and_in_keys_list_its_hash(self):
        server = self.start()
        server.keys.append(make_key(50, name="a key with quite a long name, longer than forty columns"))
        for argv, columns, with_hash in (
            (("keys", "list", "--all"), 40, True),
            (("keys", "list", "--all"), 80, True),
            (("usage",), 40, False),
            (("usage",), 80, False),
            (("usage",), 150, True),
        ):
            with self.subTest(argv=argv, columns=columns):
                out = self.run_on_screen(*argv, columns=columns)
                for key in server.keys:
                    self.assertIn(key["name"], out)
                    self.assertEqual(key["hash"][:8] in out, with_hash)
                    self.assertNotIn(key["name"] + key["hash"][:1], out)

    def test_every_table_fits_a_terminal_of_80_columns(self):
        self.start()
        for argv in (
            *LISTINGS,
            *(argv for argv in READING if argv[0] == "usage"),
            ("models", "endpoints", "northwind/gale-70b", "--all"),
        ):
            with self.subTest(argv=argv):
                out = without_colors(self.run_on_screen(*argv))
                self.assertEqual([line for line in out.splitlines() if len(line) > 80], [])

    def test_a_sheet_is_wrapped_on_a_terminal_and_complete(self):
        words = " ".join(f"word{n}" for n in range(60))
        self.start(models=[make_model("a/b", description=words)])
        out = self.run_on_screen("models", "show", "a/b", columns=50)
        self.assertLessEqual(max(map(len, out.splitlines())), 50)
        description = out.partition("\ndescription:")[2].partition("\nid:")[0]
        self.assertEqual(" ".join(description.split()), words)


class ColorTest(OutputTest):
    def test_only_a_terminal_has_colors_unless_turned_off(self):
        for screen, env, colors in (
            (Screen(), {}, True),
            (Screen(), {"TERM": "xterm"}, True),
            (Screen(), {"NO_COLOR": ""}, True),
            (Screen(), {"NO_COLOR": "1"}, False),
            (Screen(), {"NO_COLOR": "0"}, False),
            (Screen(), {"TERM": "dumb"}, False),
            (io.StringIO(), {}, False),
            (io.StringIO(), {"TERM": "xterm", "FORCE_COLOR": "1"}, False),
        ):
            with self.subTest(screen=screen.isatty(), env=env), mock.patch.dict(os.environ, env, clear=True):
                self.assertEqual(program.has_colors(screen), colors)

    def test_without_colors_a_terminal_gets_the_same_text_as_a_pipe(self):
        self.start()
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            with self.subTest(env=env):
                self.env.update(env)
                expected = self.run_program("models", "list").out
                self.assertEqual(self.run_on_screen("models", "list", columns=200), expected)

    def test_colors_add_only_escape_sequences(self):
        self.start()
        expected = self.run_program("models", "list").out
        out = self.run_on_screen("models", "list", columns=200)
        header, rest = out.split("\n", 1)
        self.assertEqual(without_colors(out), expected)
        self.assertTrue(header.startswith("\x1b[1m") and header.endswith("\x1b[0m"))
        self.assertEqual(re.findall(r"\x1b.*", rest), ["\x1b[33mexpires 2026-12-16\x1b[0m"])

    def test_json_has_no_colors_on_a_terminal(self):
        self.start()
        out = self.run_on_screen("models", "list", "--json")
        self.assertEqual(out, self.run_program("models", "list", "--json").out)


class WidthTest(OutputTest):
    def test_one_long_cell_does_not_widen_the_rows_of_a_pipe(self):
        long = "a/" + "x" * 5000
        self.start(models=[make_model(long), make_model("a/b")])
        lines = self.run_program("models", "list").out.splitlines()
        self.assertTrue(lines[1].startswith(f"{long}    0.50"), lines[1][-60:])  # whole, and not padded
        self.assertEqual([len(lines[0]), len(lines[2])], [233, 226])


@unittest.skipUnless(shutil.which("jq"), "jq isn't installed")
class JqTest(OutputTest):
    """The commands of the README and the skill work as written."""

    def check(self, command, jq_filter, expected):
        self.start()
        run = self.run_program(*command.split())
        self.assertEqual(run.code, 0)
        done = subprocess.run(["jq", jq_filter], input=run.out, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, expected, ""))

    def test_models_with_tools_and_a_large_context(self):
        self.check(
            "models list --json --supports tools",
            ".[] | select(.context_length >= 200000) | .id",
            '"lumen/lumen-4-large"\n"~lumen/lumen-mini-latest"\n"lumen/lumen-4-mini"\n"lumen/lumen-4-mini:thinking"\n'
            '"harbor/coder-480b"\n"openrouter/auto"\n',
        )

    def test_the_tool(self):
        tool = f'{{\n  "name": "openrouter-remote",\n  "version": "{program.__version__}"\n}}\n'
        self.check("balance --json", ".tool", tool)

    def test_the_months_total(self):
        self.check("usage --json", ".totals.monthly * 10000", "24255\n")

    def test_the_prices_of_a_model(self):
        pricing = '{\n  "prompt": "0.00000012",\n  "completion": "0.00000039"\n}\n'
        self.check("models show northwind/gale-70b --json", ".pricing", pricing)

    def test_jq_reads_every_payload(self):
        self.start()
        payloads = [self.run_program(*argv, "--json").out for argv in READING]
        done = subprocess.run(["jq", ".tool.name"], input="".join(payloads), capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), ['"openrouter-remote"'] * len(payloads))


if __name__ == "__main__":
    unittest.main()
