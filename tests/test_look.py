"""How the text looks: aligned figures, what narrow terminals leave out, color, the sheet of a model, and help."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import unittest
from datetime import timedelta
from decimal import Decimal
from operator import itemgetter
from unittest import mock

from fake_openrouter import MANAGEMENT_KEY, USER_KEY, make_endpoint, make_key, make_model, make_pricing, respond
from support import COMMANDS, PROGRAM, ProgramTest, Run, program, read_terminal, without_colors

try:
    import pty
except ImportError:  # Windows
    pty = None  # type: ignore[assignment]

RESET, BOLD, DIM, RED, YELLOW = "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m"


class Screen(io.StringIO):
    def isatty(self):
        return True


class LookTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env.update(OPENROUTER_API_KEY=USER_KEY, OPENROUTER_MANAGEMENT_KEY=MANAGEMENT_KEY, TERM="xterm-256color")

    def on_screen(self, *argv, columns=200, **env):
        """What a terminal of this width gets on stdout."""
        screen = Screen()
        environment = mock.patch.dict(os.environ, {**self.env, "COLUMNS": str(columns), **env}, clear=True)
        with environment, contextlib.redirect_stdout(screen), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(program.main(list(argv)), 0)
        return screen.getvalue()

    def on_terminal(self, *argv, **env):
        """What the real program writes to a real terminal that is its stdout and stderr."""
        if pty is None:
            self.skipTest("there are no pseudo-terminals")
        main, other = pty.openpty()
        self.env.update(env)
        with self.started(*argv, stdout=other, stderr=other, stdin=other):
            os.close(other)
            return read_terminal(main)


class Figures(LookTest):
    def lines(self, *texts, header="figure"):
        column = program.Column(header, itemgetter(0), right=True)
        return list(
            program.table_lines(program.Table((program.Column("n", lambda row: "n"), column), [(t,) for t in texts]))
        )

    def test_decimal_points_are_in_line(self):
        self.assertEqual(
            self.lines("0.80", "0.017", "120.00", "3"), ["n   figure", "n    0.80", "n    0.017", "n  120.00", "n    3"]
        )

    def test_a_mark_takes_no_part(self):
        self.assertEqual(self.lines("3.00*", "0.017", "15.00"), ["n  figure", "n   3.00*", "n   0.017", "n  15.00"])

    def test_money_and_signs_take_none_either(self):
        self.assertEqual(
            self.lines("$0.0280", "$0.00063", "-$7.5000", "+$12.0000"),
            ["n      figure", "n    $0.0280", "n    $0.00063", "n   -$7.5000", "n  +$12.0000"],
        )

    def test_texts_that_are_no_figures_stay_at_the_right(self):
        self.assertEqual(
            self.lines("0.80", "0.017", "-", "varies"), ["n  figure", "n   0.80", "n   0.017", "n       -", "n  varies"]
        )

    def test_counts_stay_at_the_right(self):
        self.assertEqual(
            self.lines("131k", "1.05M", "8.19k", "512"),
            ["n  figure", "n    131k", "n   1.05M", "n   8.19k", "n     512"],
        )

    def test_the_prices_of_a_list_are_in_line(self):
        tier = {"min_prompt_tokens": 200_000, "prompt": "0.000006"}
        self.start(
            models=[
                make_model("a/one", pricing=make_pricing("0.8", "4"), context_length=131_072),
                make_model("a/two", pricing=make_pricing("0.017", "0.0335"), context_length=1_048_576),
                make_model("a/three", pricing=make_pricing("3", "15", overrides=[tier]), context_length=512),
                make_model("openrouter/auto", pricing={"prompt": "-1", "completion": "-1"}, context_length=2_000_000),
                make_model("a/unknown", pricing={}, context_length=None),
            ]
        )
        table = """\
id               in $/M  out $/M  context  notes
a/one             0.80    4.00       131k
a/two             0.017   0.0335    1.05M
a/three           3.00*  15.00*       512  * price tiers
openrouter/auto  varies   varies       2M
a/unknown             -        -        -
"""
        self.assertEqual(self.run_program("models", "list"), Run(0, table, "5 models\n"))

    def test_the_costs_of_a_list_are_in_line(self):
        self.start(
            models=[
                make_model("a/one", pricing=make_pricing("0.8", "4")),
                make_model("a/two", pricing=make_pricing("0.02", "0.03")),
                make_model("a/dear", pricing=make_pricing("1000", "5000")),
                make_model("a/small", context_length=10),
            ]
        )
        table = """\
id            cost   in $/M  out $/M  context  notes
a/two     $0.00063     0.02     0.03     131k
a/one     $0.0280      0.80     4.00     131k
a/dear   $35.0000   1000.00  5000.00     131k
a/small          -     0.50     1.50       10  the request doesn't fit
"""
        self.assertEqual(self.run_program("models", "list", "--cost", "30k:1k"), Run(0, table, "4 models\n"))


class NarrowUsage(LookTest):
    """`usage` on terminals of any width."""

    KEEP = ["name", "today", "this week", "this month"]

    def steps(self):
        """The columns of the table of keys on terminals that get narrower, each set of columns once."""
        document = program.parse_json(self.run_program("usage", "--json").out)
        table = program.usage_blocks(document)[-1]
        found: list = []
        for columns in range(200, 19, -1):
            header = next(program.table_lines(table, columns))
            names = [name for name in (*self.KEEP, "all-time", "BYOK month", "hash") if name in header]
            if names not in found[-1:]:
                found.append(names)
        return found

    def test_the_hash_goes_first_then_all_time_then_byok(self):
        server = self.start()
        everything = [*self.KEEP, "all-time", "BYOK month", "hash"]
        for most in (Decimal("1.5"), Decimal("123456.5")):  # all-time is narrower than BYOK, then wider
            server.keys[1]["usage"] = most
            with self.subTest(most):
                expected = [everything, everything[:-1], [*self.KEEP, "BYOK month"], self.KEEP]
                self.assertEqual(self.steps(), expected)

    def test_without_byok_it_is_the_hash_then_all_time(self):
        self.start(keys=[make_key(1, name="only", usage=Decimal("1.5"), usage_monthly=1)])
        self.assertEqual(self.steps(), [[*self.KEEP, "all-time", "hash"], [*self.KEEP, "all-time"], self.KEEP])

    def test_a_pipe_has_every_column(self):
        self.start()
        self.env["COLUMNS"] = "40"
        lines = self.run_program("usage").out.splitlines()
        header = next(line for line in lines if "this month" in line and "today" in line)
        expected = ["name", "hash", "today", "this week", "this month", "all-time", "BYOK month"]
        self.assertEqual(re.split("  +", header.strip()), expected)

    def test_on_a_narrow_real_terminal_this_week_is_there(self):
        self.start()
        text = without_colors(self.on_terminal("usage", COLUMNS="55"))
        header = next(line for line in text.splitlines() if "this month" in line and "today" in line)
        self.assertEqual(header.split(), ["name", "today", "this", "week", "this", "month"])
        self.assertEqual([line for line in text.splitlines() if len(line) > 55], [])


class Color(LookTest):
    def day(self, days):
        return str((self.now + timedelta(days=days)).date())

    def test_disabled_and_expired_keys_are_dim_as_a_whole(self):
        self.start(
            keys=[
                make_key(1, name="fine"),
                make_key(2, name="off", disabled=True),
                make_key(3, name="over", expires_at=f"{self.day(-1)}T00:00:00Z"),
                make_key(4, name="later", expires_at=f"{self.day(1)}T00:00:00Z"),
            ]
        )
        for argv in (("keys", "list", "--all"), ("usage",)):
            with self.subTest(argv):
                lines = {
                    without_colors(line).split("] ")[-1].split()[0]: line
                    for line in self.on_screen(*argv).splitlines()
                    if "key" not in line and "[" in without_colors(line)
                }
                for name, mark in (("off", "[x]"), ("over", "[-]")):
                    self.assertTrue(lines[name].startswith(f"{DIM}{mark}") and lines[name].endswith(RESET), lines[name])
                    self.assertEqual(lines[name].count("\x1b"), 2)
                for name in ("fine", "later"):
                    self.assertTrue(lines[name].startswith("[ ]"), lines[name])
                    self.assertNotIn("\x1b", lines[name])

    def test_a_remainder_of_zero_or_less_is_red(self):
        self.start(
            keys=[
                make_key(1, name="left", limit=5, usage=Decimal("4.9999")),
                make_key(2, name="zero", limit=5, usage=5),
                make_key(3, name="less", limit=5, usage=6),
                make_key(4, name="none"),
                make_key(5, name="off", limit=5, usage=6, disabled=True),
            ]
        )
        out = self.on_screen("keys", "list", "--all")
        red = [without_colors(part) for part in re.findall(r"\x1b\[31m.*?\x1b\[0m", out)]
        self.assertEqual([text.strip() for text in red], ["$0.0000", "-$1.0000"])
        self.assertEqual(without_colors(out), self.run_program("keys", "list", "--all").out)

    def test_an_uptime_below_95_is_red(self):
        server = self.start(models=[make_model("a/b")])
        server.endpoints = {
            "a/b": [make_endpoint("Groq", uptime_last_30m=uptime) for uptime in (100, 95, Decimal("94.999"), 0, None)]
        }
        out = self.on_screen("models", "endpoints", "a/b")
        red = [without_colors(part).strip() for part in re.findall(r"\x1b\[31m.*?\x1b\[0m", out)]
        self.assertEqual(red, ["95.00", "0.00"])
        self.assertEqual(without_colors(out), self.run_program("models", "endpoints", "a/b").out)

    def test_models_that_end_within_30_days_are_yellow(self):
        dates = [self.day(-100), self.day(0), self.day(30), self.day(31), "2098-12-31", None]
        self.start(models=[make_model(f"a/{n}", expiration_date=date) for n, date in enumerate(dates)])
        out = self.on_screen("models", "list")
        yellow = [without_colors(part).strip() for part in re.findall(r"\x1b\[33m.*?\x1b\[0m", out)]
        self.assertEqual(yellow, [f"expired {dates[0]}", f"expires {dates[1]}", f"expires {dates[2]}"])
        self.assertEqual(without_colors(out), self.run_program("models", "list").out)

    def test_only_a_terminal_that_wants_color_has_it(self):
        self.start()
        calls = (
            ("keys", "list", "--all"),
            ("usage",),
            ("models", "list"),
            ("models", "endpoints", "northwind/gale-70b", "--all"),
        )
        for argv in calls:
            with self.subTest(argv):
                self.assertIn("\x1b[", self.on_screen(*argv))
                self.assertIn("\x1b[", self.on_screen(*argv, NO_COLOR=""))
                for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
                    self.assertNotIn("\x1b", self.on_screen(*argv, **env))
                self.env.update(FORCE_COLOR="1", CLICOLOR_FORCE="1")
                run = self.run_program(*argv)
                self.assertNotIn("\x1b", run.out + run.err)

    def test_a_real_terminal_has_color_and_no_color_turns_it_off(self):
        self.start()
        self.assertIn(f"{DIM}[x]", self.on_terminal("keys", "list", "--all", COLUMNS="120"))
        self.assertNotIn("\x1b", self.on_terminal("keys", "list", "--all", NO_COLOR="1"))

    def test_without_color_the_text_is_the_same(self):
        self.start()
        for argv in (("keys", "list", "--all"), ("usage",), ("models", "list")):
            with self.subTest(argv):
                self.assertEqual(without_colors(self.on_screen(*argv)), self.on_screen(*argv, NO_COLOR="1"))


class ModelSheet(LookTest):
    def lines(self, **fields):
        self.start(models=[make_model("a/b", **fields)])
        run = self.run_program("models", "show", "a/b")
        self.assertEqual((run.code, run.err), (0, ""))
        return [" ".join(line.split()) for line in run.out.splitlines()]

    def test_the_description_is_right_below_the_name(self):
        lines = self.lines(name="A: B", description="Reads\n\nlong   papers.")
        self.assertEqual(lines[:3], ["name: A: B", "description: Reads long papers.", "id: a/b"])

    def test_without_a_description_the_id_follows_the_name(self):
        for description in (None, ""):
            self.assertEqual(self.lines(name="A: B", description=description)[:2], ["name: A: B", "id: a/b"])

    def test_the_design_arena_is_one_line(self):
        arena = [
            {"arena": "models", "category": "website", "elo": 1287, "rank": 6, "win_rate": Decimal("58.1")},
            {"arena": "agents", "category": "fullstack", "elo": 1278, "rank": 9, "win_rate": Decimal("62.6")},
            {"arena": "models", "category": "svg", "elo": 1222, "rank": 15, "win_rate": 51},
        ]
        lines = self.lines(benchmarks={"design_arena": arena})
        self.assertEqual([line for line in lines if "arena" in line], ["design arena: website 6, fullstack 9, svg 15"])
        self.assertNotIn("arena", "".join(self.lines(benchmarks={"design_arena": []})))

    def test_benchmark_indexes_are_numbers_or_objects(self):
        for indexes in (
            {"intelligence_index": Decimal("61.4"), "coding_index": 58, "agentic_index": None},
            {"intelligence_index": {"value": Decimal("61.4")}, "coding_index": {"score": 58}, "agentic_index": {}},
            {
                "intelligence_index": {"value": None, "score": Decimal("61.4")},
                "coding_index": {"value": 58, "score": 1},
            },
        ):
            with self.subTest(indexes):
                lines = self.lines(benchmarks={"artificial_analysis": indexes, "design_arena": []})
                found = [line for line in lines if "index" in line]
                self.assertEqual(found, ["intelligence index: 61.4", "coding index: 58"])


class Help(LookTest):
    PATHS = [(), ("models",), ("keys",), *(tuple(command.name.split()) for command in COMMANDS)]

    def check(self, text):
        self.assertTrue(text.startswith("usage: openrouter-remote"), text[:100])
        self.assertNotIn("\x1b", text)

    def test_it_is_never_colored_on_a_screen(self):
        for path in self.PATHS:
            with self.subTest(path):
                text = self.on_screen(*path, "--help", FORCE_COLOR="1", PYTHON_COLORS="1")
                self.check(text)
                self.assertEqual(text, self.run_program(*path, "--help").out)

    def test_it_is_never_colored_on_a_real_terminal(self):
        for path in ((), ("models", "list")):
            with self.subTest(path):
                self.check(self.on_terminal(*path, "--help", FORCE_COLOR="1", PYTHON_COLORS="1", COLUMNS="200"))
        self.check(self.on_terminal("keys"))  # help on stderr

    def test_nor_is_a_usage_error(self):
        text = self.on_terminal("models", "list", "--sort", "nothing", FORCE_COLOR="1", PYTHON_COLORS="1")
        self.assertTrue(text.startswith("openrouter-remote: error: argument --sort: "), text)
        self.assertNotIn("\x1b", text)

    def test_no_other_python_colors_it_either(self):
        pythons = [path for path in map(shutil.which, ("python3.14", "python3.15")) if path]
        if not pythons:
            self.skipTest("there is no Python that colors help by itself")
        for python in pythons:
            for path in ((), ("keys", "create")):
                with self.subTest(python, path=path):
                    environment = {**self.env, "FORCE_COLOR": "1", "PYTHON_COLORS": "1"}
                    command = [python, PROGRAM, *path, "--help"]
                    self.check(subprocess.run(command, env=environment, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    unittest.main()


class OddFieldsTest(LookTest):
    def test_show_leaves_out_an_arena_without_a_place_and_writes_a_small_discount_out(self):
        server = self.start()
        arena = [{"arena": "agents", "elo": 1200}, {"category": "website", "rank": 3}]
        pricing = make_pricing("1", "2", discount=Decimal("1E-7"))
        server.models.append(make_model("acme/odd", benchmarks={"design_arena": arena}, pricing=pricing))
        lines = self.run_program("models", "show", "acme/odd").out.splitlines()
        self.assertEqual(
            [line.split(maxsplit=2)[2] for line in lines if line.startswith("design arena")], ["website 3"]
        )
        self.assertIn("0.0000001 (in these prices already)", [line.split(maxsplit=1)[1] for line in lines])

    def test_byok_spend_is_kept_longer_than_the_bar(self):
        self.start()
        for columns in range(40, 120, 5):
            header = self.on_screen("usage", "--by", "day", "--days", "1", columns=columns).splitlines()[2]
            self.assertIn("BYOK", header, columns)

    def test_show_prints_an_id_that_is_no_text_as_json(self):
        server = self.start()
        server.always("GET", "/model/acme/odd", respond(200, {"data": {**make_model("acme/odd"), "id": {"a": 1}}}))
        lines = self.run_program("models", "show", "acme/odd").out.splitlines()
        self.assertEqual([line.split(maxsplit=1)[1] for line in lines if line.startswith("id:")], ['{"a": 1}'])
