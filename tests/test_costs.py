"""`--cost`, `--expiring`, the filters of `models endpoints`, and `models diff`."""

import os
import unittest

if os.name != "posix":
    raise unittest.SkipTest("these tests need POSIX")

import os
import resource
import signal
import stat
from datetime import datetime, timezone
from decimal import Decimal

from fake_openrouter import (
    NOW,
    USER_KEY,
    as_usual,
    days_before,
    error,
    make_architecture,
    make_endpoint,
    make_model,
    make_pricing,
    stall,
    supported,
)
from support import CatalogTest, ProgramTest, program

NOON = datetime(2026, 8, 5, 12, 0, tzinfo=timezone.utc)  # a Wednesday
OTHER_FILE = "hint: name the saved output of `models list --json`, or, with --save, a file that doesn't exist yet\n"
HINT = "hint: create it with: openrouter-remote models diff catalog.json --save\n"


def cost(pricing, tokens=(1000, 100), now=NOON):
    """The cost of a request as text, or None."""
    value = program.request_cost({"pricing": pricing}, program.Tokens(*tokens), now)
    return None if value is None else f"{value:f}"


def at(clock, day=5):
    return datetime(2026, 8, day, clock // 100, clock % 100, 59, tzinfo=timezone.utc)


class CostTest(ProgramTest):
    """The cost of a request, by default of 1,000 input and 100 output tokens, from prices per token."""

    base = {"prompt": "0.001", "completion": "0.01"}  # 1 + 1 USD

    def with_overrides(self, *overrides, **others):
        return {**self.base, **others, "overrides": list(overrides)}

    def test_a_cost_is_exact(self):
        for prompt, completion, tokens, expected in (
            ("0.0000008", "0.000004", (50_000, 2000), "0.048"),
            ("0.00000000000000000000001", "0", (1, 0), "0.00000000000000000000001"),
            ("0.1", "0.2", (1, 1), "0.3"),
            ("0.00000033333333333", "0", (3, 0), "0.00000099999999999"),
            ("0", "0", (10**9, 10**9), "0"),
            ("1", "1", (10**30, 1), "1000000000000000000000000000001"),
            ("0.0000008", "0.000004", (0, 0), "0"),
            (Decimal("0.5"), 2, (2, 3), "7"),
        ):
            with self.subTest(prompt=prompt, tokens=tokens), program.decimal.localcontext(program.EXACT):
                self.assertEqual(cost({"prompt": prompt, "completion": completion}, tokens), expected)

    def test_a_price_that_varies_or_is_missing_gives_no_cost(self):
        for pricing in (
            {"prompt": "-1", "completion": "-1"},
            {"prompt": "-0.5", "completion": "1"},
            {"prompt": "1", "completion": "-1"},
            {"prompt": "1"},
            {"completion": "1"},
            {"prompt": None, "completion": "1"},
            {"prompt": "free", "completion": "1"},
            {"prompt": True, "completion": "1"},
            {"prompt": "1", "completion": "1", "request": "-1"},
            {},
            None,
            "0.1",
        ):
            with self.subTest(pricing=pricing):
                self.assertIsNone(cost(pricing))

    def test_cached_tokens_have_their_own_price(self):
        cached = {**self.base, "input_cache_read": "0.0001"}
        for tokens, expected in (((1000, 100, 0), "2"), ((1000, 100, 400), "1.64"), ((1000, 100, 1000), "1.1")):
            with self.subTest(tokens):
                self.assertEqual(cost(cached, tokens), expected)

    def test_cached_tokens_without_a_price_cost_as_much_as_other_input(self):
        for pricing in ({}, {"input_cache_read": None}, {"input_cache_read": "x"}):
            self.assertEqual(cost({**self.base, **pricing}, (1000, 100, 400)), "2")

    def test_a_varying_cache_price_matters_only_with_cached_tokens(self):
        varies = {**self.base, "input_cache_read": "-1"}
        self.assertEqual((cost(varies, (1000, 100)), cost(varies, (1000, 100, 1))), ("2", None))

    def test_a_tier_may_have_its_own_cache_price(self):
        tier = {"min_prompt_tokens": 500, "input_cache_read": "0.0002"}
        self.assertEqual(cost(self.with_overrides(tier, input_cache_read="0.0001"), (1000, 100, 400)), "1.68")

    def test_rows_without_a_cache_price_are_counted_on_stderr(self):
        tier = {"min_prompt_tokens": 500, "input_cache_read": "0.0000001"}
        gone = {"min_prompt_tokens": 500, "input_cache_read": None}
        prices = make_pricing("1", "2")
        models = [
            make_model("a/none", pricing=prices),
            make_model("a/own", pricing={**prices, "input_cache_read": "0.0000001"}),
            make_model("a/tier", pricing={**prices, "overrides": [tier]}),
            make_model("a/gone", pricing={**prices, "input_cache_read": "0.0000001", "overrides": [gone]}),
        ]
        note = "2 of these have no price for cached input; the full input price is used\n"
        self.start(models=models, endpoints={"a/none": [make_endpoint("P", pricing=prices)]})
        run = self.run_program("models", "list", "--cost", "1k:1k:900")
        self.assertEqual((run.code, run.err), (0, f"4 models\n{note}"))
        run = self.run_program("models", "list", "--cost", "1k:1k")
        self.assertEqual((run.code, run.err), (0, "4 models\n"))
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        run = self.run_program("models", "endpoints", "a/none", "--cost", "1k:1k:900")
        self.assertEqual((run.code, run.err), (0, note.replace("2 of", "1 of")))

    def test_a_fee_per_request_is_added_once(self):
        self.assertEqual(cost({**self.base, "request": "0.25"}), "2.25")

    def test_listed_prices_include_the_discount(self):
        for discount in (0, Decimal("0.9"), 1, "0.5", None, -1):
            with self.subTest(discount=discount):
                self.assertEqual(cost({**self.base, "discount": discount}), "2")

    def test_a_tier_applies_beyond_its_threshold_and_not_at_it(self):
        tier = self.with_overrides({"min_prompt_tokens": 1000, "prompt": "0.002", "completion": "0.02"})
        for tokens, expected in (((999, 0), "0.999"), ((1000, 0), "1"), ((1001, 0), "2.002"), ((1001, 1), "2.022")):
            with self.subTest(tokens=tokens):
                self.assertEqual(cost(tier, tokens), expected)

    def test_only_prompt_tokens_count_for_a_tier(self):
        tier = self.with_overrides({"min_prompt_tokens": 1000, "completion": "0.02"})
        self.assertEqual(cost(tier, (1000, 5000)), "51")

    def test_a_tier_of_0_applies_to_every_request_with_a_prompt(self):
        tier = self.with_overrides({"min_prompt_tokens": 0, "prompt": "0.002"})
        self.assertEqual([cost(tier, (0, 1)), cost(tier, (1, 0))], ["0.01", "0.002"])

    def test_prices_missing_from_an_override_are_inherited(self):
        self.assertEqual(cost(self.with_overrides({"min_prompt_tokens": 10, "prompt": "0.002"})), "3")
        self.assertEqual(cost(self.with_overrides({"min_prompt_tokens": 10, "completion": "0.02"})), "3")

    def test_later_overrides_win_price_by_price(self):
        first = {"min_prompt_tokens": 10, "prompt": "0.002", "completion": "0.02"}
        second = {"min_prompt_tokens": 5, "prompt": "0.005"}
        for overrides, expected in (((first, second), "7"), ((second, first), "4")):
            with self.subTest(overrides=overrides):
                self.assertEqual(cost(self.with_overrides(*overrides)), expected)

    def test_an_override_that_doesnt_apply_is_ignored(self):
        applies, not_yet = {"min_prompt_tokens": 10, "prompt": "0.002"}, {"min_prompt_tokens": 10**6, "prompt": "9"}
        self.assertEqual(cost(self.with_overrides(applies, not_yet)), "3")

    def test_a_tier_may_set_a_price_that_varies(self):
        overrides = [{"prompt": "0.002", "completion": "0.02"}]
        self.assertEqual(cost({"prompt": "-1", "completion": "-1", "overrides": overrides}), "4")

    def test_a_tier_may_make_a_price_vary(self):
        self.assertIsNone(cost(self.with_overrides({"prompt": "-1"})))

    def test_a_time_window_includes_its_start_and_excludes_its_end(self):
        night = self.with_overrides({"utc_start": 130, "utc_end": 430, "prompt": "0.002"})
        for clock, expected in ((0, "2"), (129, "2"), (130, "3"), (429, "3"), (430, "2"), (2359, "2")):
            with self.subTest(clock=clock):
                self.assertEqual(cost(night, now=at(clock)), expected)

    def test_a_time_window_may_wrap_past_midnight(self):
        night = self.with_overrides({"utc_start": 1630, "utc_end": 30, "prompt": "0.002"})
        clocks = ((1629, "2"), (1630, "3"), (2359, "3"), (0, "3"), (29, "3"), (30, "2"), (1200, "2"))
        for clock, expected in clocks:
            with self.subTest(clock=clock):
                self.assertEqual(cost(night, now=at(clock)), expected)

    def test_a_time_window_may_end_at_midnight(self):
        for end in (0, 2400):
            with self.subTest(end=end):
                late = self.with_overrides({"utc_start": 2200, "utc_end": end, "prompt": "0.002"})
                self.assertEqual([cost(late, now=at(clock)) for clock in (2159, 2200, 2359, 0)], ["2", "3", "3", "2"])

    def test_a_time_window_may_have_only_a_start_or_an_end(self):
        late, early = {"utc_start": 2200, "prompt": "0.002"}, {"utc_end": 200, "prompt": "0.002"}
        self.assertEqual([cost(self.with_overrides(late), now=at(c)) for c in (0, 2159, 2200, 2359)], [*"2233"])
        self.assertEqual([cost(self.with_overrides(early), now=at(c)) for c in (0, 159, 200, 2359)], [*"3322"])

    def test_every_condition_of_an_override_must_hold(self):
        both = self.with_overrides({"min_prompt_tokens": 999, "utc_start": 1200, "utc_end": 1300, "prompt": "0.002"})
        cases = (((1000, 100), 1200, "3"), ((999, 100), 1200, "1.999"), ((1000, 100), 1300, "2"))
        for tokens, clock, expected in cases:
            with self.subTest(tokens=tokens, clock=clock):
                self.assertEqual(cost(both, tokens, at(clock)), expected)

    def test_utc_days_are_full_english_names(self):
        for days, expected in (  # the 5th of August 2026 is a Wednesday, the 9th a Sunday
            (["Wednesday"], "32"), (["wednesday", "Monday"], "32"), (["Sunday"], "23"), (["Sunday", "Wednesday"], "33"),
            (["Monday"], "22"), ([], "33"), (None, "33"), (["someday"], "22"), ([3], "22"),
        ):  # fmt: skip
            with self.subTest(days=days):
                pricing = self.with_overrides({"utc_days": days, "prompt": "0.002"})
                self.assertEqual(cost(pricing, now=at(1200, 5)) + cost(pricing, now=at(1200, 9)), expected)

    def test_an_override_with_an_unknown_condition_doesnt_apply(self):
        self.assertEqual(cost(self.with_overrides({"if_moon_is_full": True, "prompt": "9"})), "2")

    def test_malformed_overrides_are_ignored(self):
        cases: list = [None, "x", 5, {}, [None, 1, "x", []], [{}]]
        for overrides in cases:
            with self.subTest(overrides=overrides):
                self.assertEqual(cost({**self.base, "overrides": overrides}), "2")


class ModelsTest(CatalogTest):
    def serve(self, *models, **switches):
        self.server = self.start(models=list(models), **switches)
        return self.server


class CostOptionTest(ModelsTest):
    def setUp(self):
        super().setUp()
        tier = {"min_prompt_tokens": 200_000, "prompt": "0.000006", "completion": "0.0000225"}
        self.serve(
            *(
                make_model(id, pricing=pricing, context_length=1_000_000)
                for id, pricing in (
                    ("a/auto", {"prompt": "-1", "completion": "-1"}),
                    ("a/dear-out", make_pricing("0.1", "100")),
                    ("a/dear-in", make_pricing("5", "0.1")),
                    ("a/tiered", make_pricing("3", "15", overrides=[tier])),
                    ("a/unknown", {"prompt": None, "completion": "0.000001"}),
                    ("a/free", make_pricing("0", "0")),
                )
            )
        )

    def costs(self, *argv):
        return {id: row["cost"] for id, row in self.payload("list", *argv).items()}

    def test_every_row_has_a_cost_and_the_cheapest_is_first(self):
        costs = self.costs("--cost", "50k:2k")
        expected = {
            "a/free": "0", "a/tiered": "0.18", "a/dear-out": "0.205", "a/dear-in": "0.2502",
            "a/auto": None, "a/unknown": None,
        }  # fmt: skip
        self.assertEqual(list(costs.items()), list(expected.items()))

    def test_the_tier_applies_from_one_token_above_its_threshold(self):
        self.assertEqual(self.costs("--cost", "200000:1000")["a/tiered"], "0.615")
        self.assertEqual(self.costs("--cost", "200001:1000")["a/tiered"], "1.222506")

    def test_without_the_option_there_is_no_cost(self):
        self.assertNotIn("cost", self.payload("list")["a/free"])

    def test_another_sort_is_kept(self):
        self.assertEqual(self.ids("list", "--cost", "1:1", "--sort", "name")[:2], ["a/auto", "a/dear-in"])

    def test_sort_cost_is_accepted(self):
        self.assertEqual(self.ids("list", "--cost", "1m:0", "--sort", "cost")[:2], ["a/free", "a/dear-out"])

    def test_cheap_sorts_by_cost_too(self):
        self.assertEqual(self.ids("cheap", "--cost", "0:1m")[:3], ["a/free", "a/dear-in", "a/tiered"])
        self.assertEqual(self.ids("cheap", "--cost", "0:1m", "--sort", "price-in")[1], "a/dear-out")

    def test_sort_cost_needs_a_cost(self):
        for argv in (("list",), ("cheap",), ("endpoints", "a/free")):
            with self.subTest(argv=argv):
                run = self.run_program("models", *argv, "--sort", "cost")
                self.assertEqual((run.code, run.out, self.server.requests), (2, "", []))
                self.assertIn("openrouter-remote: error: --sort cost needs --cost IN:OUT\n", run.err)

    def test_the_table_has_a_cost_column(self):
        self.assertEqual(
            self.run_program("models", "list", "--cost", "50k:2k").out,
            "id             cost  in $/M  out $/M  context  notes\n"
            "a/free      $0.0000   0.00     0.00        1M\n"
            "a/tiered    $0.1800   3.00*   15.00*       1M  * price tiers\n"
            "a/dear-out  $0.2050   0.10   100.00        1M\n"
            "a/dear-in   $0.2502   5.00     0.10        1M\n"
            "a/auto            -  varies   varies       1M\n"
            "a/unknown         -       -    1.00        1M\n",
        )

    def test_prices_may_have_hundreds_of_digits(self):
        for price in ("9" * 400, "0." + "1" * 400, "1" * 400 + "." + "3" * 400):
            self.server.models = [make_model("a/b", pricing={"prompt": price, "completion": price})]
            for options in ((), ("--json",)):
                with self.subTest(price=price[:5], options=options):
                    self.assertEqual(self.run_program("models", "list", "--cost", "100k:1k", *options).code, 0)

    def test_cost_composes_with_filters_and_limit(self):
        self.assertEqual(
            self.ids("list", "--cost", "1k:1k", "--max-price-input", "4", "--limit", "2"), ["a/free", "a/tiered"]
        )

    def test_tokens_may_be_written_in_thousands_and_millions(self):
        for text in ("50000:2000", "50k:2k", "0.05m:0.002m", "50K:2K"):
            with self.subTest(text=text):
                self.assertEqual(self.costs("--cost", text)["a/tiered"], "0.18")

    def test_an_invalid_cost_is_a_usage_error(self):
        for text in (
            "",
            ":",
            "5",
            "5:",
            ":5",
            "1:2:3",
            "a:b",
            "-1:5",
            "5:-1",
            "1.5:1",
            "0.0001k:1",
            "nan:1",
            "1e400:1",
            "5 : 5",
        ):
            with self.subTest(text=text):
                run = self.run_program("models", "list", f"--cost={text}")
                self.assertEqual((run.code, run.out, self.server.requests), (2, "", []))
                self.assertTrue(run.err.startswith("openrouter-remote: error: argument --cost: "), run.err)

    def test_a_request_without_tokens_costs_the_fee(self):
        self.server.models = [make_model("a/fee", pricing=make_pricing("1", "1", request="0.005"))]
        self.assertEqual(self.costs("--cost", "0:0"), {"a/fee": "0.005"})

    def test_endpoints_have_costs_too(self):
        self.server.endpoints["a/free"] = [
            make_endpoint("Groq", max_completion_tokens=None, pricing=make_pricing("2", "2", discount=0)),
            make_endpoint(
                "DeepInfra", max_completion_tokens=0, pricing=make_pricing("3", "3", discount=Decimal("0.5"))
            ),
            make_endpoint("Together", pricing={"prompt": "-1", "completion": "1"}),
        ]
        found = self.payload("endpoints", "a/free", "--cost", "50k:50k")["endpoints"]
        self.assertEqual(
            [(row["provider_name"], row["cost"]) for row in found],
            [("Groq", "0.2"), ("DeepInfra", "0.3"), ("Together", None)],
        )

    def test_a_model_and_its_only_endpoint_cost_the_same_with_a_discount(self):
        pricing = {"prompt": "0.00000003", "completion": "0.00000012", "discount": Decimal("0.9")}
        self.serve(make_model("a/one", pricing=pricing, context_length=2_000_000))
        self.server.endpoints = {
            "a/one": [make_endpoint("Groq", pricing=pricing, context_length=2_000_000, max_completion_tokens=None)]
        }
        self.assertEqual(self.costs("--cost", "1m:1m"), {"a/one": "0.15"})
        (endpoint,) = self.payload("endpoints", "a/one", "--cost", "1m:1m")["endpoints"]
        self.assertEqual(endpoint["cost"], "0.15")

    def test_a_model_that_cant_fit_the_request_has_no_cost_and_sorts_last(self):
        small = {"context_length": 100_000, "is_moderated": False, "max_completion_tokens": 1}
        self.serve(
            make_model("a/small", context_length=131_072, pricing=make_pricing("0.1", "0.1")),
            make_model("a/large", context_length=1_000_000, pricing=make_pricing("9", "9")),
            make_model("a/narrow", context_length=1_000_000, top_provider=small, pricing=make_pricing("0.1", "0.1")),
            make_model("a/unset", context_length=None, top_provider={}, pricing=make_pricing("10", "10")),
        )
        self.assertEqual(
            list(self.costs("--cost", "300k:4k").items()),
            [("a/narrow", "0.0304"), ("a/large", "2.736"), ("a/unset", "3.04"), ("a/small", None)],
        )
        lines = self.run_program("models", "list", "--cost", "300k:4k").out.splitlines()
        self.assertEqual(
            [lines[1], lines[4]],
            [
                "a/narrow  $0.0304    0.10     0.10       1M  top provider: 100k context and 1 output",
                "a/small         -    0.10     0.10     131k  the request doesn't fit",
            ],
        )
        self.assertEqual(self.costs("--cost", "131071:1")["a/small"], "0.0131072")
        self.assertIsNone(self.costs("--cost", "131072:1")["a/small"])

    def test_a_cost_has_four_decimals_and_below_a_dollar_up_to_six_significant_digits(self):
        for per_million, shown in (
            ("123.456789", "$123.4568"),
            ("123.4", "$123.4000"),
            ("1", "$1.0000"),
            ("1.00004", "$1.0000"),
            ("0.9999996", "$1.0000"),
            ("0.999999", "$0.999999"),
            ("0.5", "$0.5000"),
            ("0.123456789", "$0.123457"),
            ("0.0123456789", "$0.0123457"),
            ("0.00000123456789", "$0.00000123457"),
            ("0", "$0.0000"),
        ):
            with self.subTest(per_million):
                self.serve(make_model("a/one", pricing=make_pricing(per_million, "0"), context_length=10**7))
                row = self.run_program("models", "list", "--cost", "1m:0").out.splitlines()[1]
                self.assertEqual(row.split()[1], shown)

    def test_an_endpoint_that_cant_fit_the_request_has_no_cost_and_sorts_last(self):
        self.server.endpoints["a/free"] = [
            make_endpoint("Groq", pricing=make_pricing("2", "2", discount=0), context_length=8192),
            make_endpoint("DeepInfra", pricing=make_pricing("3", "3", discount=0)),
        ]
        lines = self.run_program("models", "endpoints", "a/free", "--cost", "50k:2k").out.splitlines()
        self.assertEqual([line.split()[:2] for line in lines[1:]], [["DeepInfra", "$0.1560"], ["Groq", "-"]])
        self.assertEqual([line.endswith("  the request doesn't fit") for line in lines], [False, False, True])

    def test_a_model_billed_in_another_unit_has_no_cost(self):
        self.serve(
            make_model("a/text", pricing=make_pricing("0", "0")),
            make_model("a/music", pricing=make_pricing("0", "0"), architecture=make_architecture("text", "audio text")),
            make_model("a/fee", pricing=make_pricing("0", "0", request="0.04")),
        )
        self.server.endpoints = {"a/music": [make_endpoint("Groq", pricing=make_pricing("0", "0", discount=0))]}
        self.assertEqual(self.costs("--cost", "1k:1k"), {"a/text": "0", "a/fee": "0.04", "a/music": None})
        (endpoint,) = self.payload("endpoints", "a/music", "--cost", "1k:1k")["endpoints"]
        self.assertEqual((endpoint["cost"], endpoint["price_per_million"]), (None, {"input": None, "output": None}))


class ExpiringTest(ModelsTest):
    def serve_dates(self, *dates):
        self.serve(*(make_model(f"a/{n}", expiration_date=date) for n, date in enumerate(dates)))

    @staticmethod
    def day(days):
        return days_before(NOW, -days)

    def test_expiring_lists_models_that_expire_within_so_many_days(self):
        self.serve_dates(self.day(6), self.day(7), self.day(8), None)
        self.assertEqual(self.ids("list", "--expiring", "7"), ["a/0", "a/1"])

    def test_zero_days_means_today(self):
        self.serve_dates(self.day(0), self.day(1))
        self.assertEqual(self.ids("list", "--expiring", "0"), ["a/0"])

    def test_past_dates_are_included(self):
        self.serve_dates(self.day(-1), "2020-01-01")
        self.assertEqual(self.ids("list", "--expiring", "0"), ["a/0", "a/1"])

    def test_the_time_in_a_date_is_ignored(self):
        self.serve_dates(self.day(7) + "T23:59:59Z", self.day(8) + " 00:00:00")
        self.assertEqual(self.ids("list", "--expiring", "7"), ["a/0"])

    def test_an_invalid_date_doesnt_expire(self):
        self.serve_dates("", "soon", "2020", "01/02/2020", 20200101, True, {}, ["2020-01-01"], "x2020-01-01")
        self.assertEqual(self.ids("list", "--expiring", "36500"), [])

    def test_cheap_takes_expiring_too(self):
        self.serve_dates(self.day(6), None)
        self.assertEqual(self.ids("cheap", "--expiring", "7"), ["a/0"])

    def test_days_must_be_a_whole_number(self):
        self.serve_dates()
        for days in ("-1", "x", "1.5", "", "9" * 29, "1e30"):
            with self.subTest(days=days):
                self.assertEqual(self.run_program("models", "list", f"--expiring={days}").code, 2)


class EndpointsTest(ModelsTest):
    """The filters of `models endpoints`."""

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        inputs = {"architecture": make_architecture("text image"), "supported_parameters": supported("tools")}
        other = {"architecture": make_architecture("text audio"), "supported_parameters": [*supported("json"), "top_k"]}
        self.serve(make_model("a/one", **inputs), make_model("b/two", **other))
        self.server.endpoints["a/one"] = [
            make_endpoint("Groq", quantization="fp8", context_length=200_000, pricing=make_pricing("1", "4")),
            make_endpoint("Together", quantization="bf16", context_length=100_000, pricing=make_pricing("2", "3")),
            make_endpoint("Parasail", quantization=None, context_length=None, supported_parameters=["seed"]),
            make_endpoint("Chutes", quantization="unknown", pricing={"prompt": "-1", "completion": "-1"}),
        ]

    def providers(self, *argv):
        return [
            row["provider_name"] for row in self.payload("endpoints", "a/one", "--sort", "name", *argv)["endpoints"]
        ]

    def test_each_filter(self):
        for argv, expected in (
            ("", "Chutes Groq Parasail Together"),
            ("--supports tools", "Chutes Groq Together"),
            ("--supports seed", "Chutes Groq Parasail Together"),
            ("--supports vision", "Chutes Groq Parasail Together"),
            ("--supports tools,seed", "Chutes Groq Together"),
            ("--supports json", ""),
            ("--min-context 200k", "Groq"),
            ("--min-context 200001", ""),
            ("--min-context 100k", "Chutes Groq Together"),
            ("--max-price-input 1", "Groq Parasail"),
            ("--max-price-input 0.99", "Parasail"),
            ("--max-price-output 3", "Parasail Together"),
            ("--quantization fp8", "Groq"),
            ("--quantization FP8", "Groq"),
            ("--quantization fp8,bf16", "Groq Together"),
            ("--quantization unknown", "Chutes Parasail"),
            ("--quantization int4", ""),
            ("--quantization fp8 --max-price-output 3", ""),
            ("--supports tools --min-context 100k --max-price-input 2 --quantization bf16", "Together"),
        ):
            with self.subTest(argv=argv):
                self.assertEqual(self.providers(*argv.split()), expected.split())

    def test_a_capability_of_other_models_only_matches_nothing(self):
        for word in ("top_k", "audio"):
            with self.subTest(word=word):
                self.assertEqual(self.providers("--supports", word), [])

    def test_an_unknown_capability_is_a_usage_error(self):
        run = self.run_program("models", "endpoints", "a/one", "--supports", "top_kk")
        self.assertEqual((run.code, run.out), (2, ""))
        self.assertEqual(run.err.splitlines()[0], "openrouter-remote: error: --supports top_kk: no model supports this")
        self.assertIn("top_k", run.err.splitlines()[1])

    def test_the_catalog_is_needed_only_for_a_capability_the_model_lacks(self):
        self.server.always("GET", "/models", stall())
        for word in ("tools", "seed", "image"):
            with self.subTest(word=word):
                self.providers("--supports", word)
        run = self.run_program("models", "endpoints", "a/one", "--supports", "top_k", "--timeout", "0.05")
        self.assertEqual(run.code, 5)

    def test_no_match_is_exit_0_and_a_line_on_stderr(self):
        run = self.run_program("models", "endpoints", "a/one", "--quantization", "int4")
        self.assertEqual((run.code, run.err), (0, "no endpoint matches the filters\n"))
        self.assertEqual(len(run.out.splitlines()), 1)

    def test_only_hidden_endpoints_that_match_the_filters_are_counted(self):
        self.server.endpoints["a/one"][0]["status"] = -2
        self.server.endpoints["a/one"][1]["status"] = -2
        run = self.run_program("models", "endpoints", "a/one", "--quantization", "fp8")
        self.assertEqual(run.err.splitlines()[0], "1 endpoint hidden (1 degraded); --all shows them")

    def test_an_empty_list_of_words_is_a_usage_error(self):
        for option in ("--quantization", "--supports"):
            for words in ("", ",", " , "):
                with self.subTest(option=option, words=words):
                    self.assertEqual(self.run_program("models", "endpoints", "a/one", f"{option}={words}").code, 2)


class DiffTest(ModelsTest):
    def setUp(self):
        super().setUp()
        self.serve(
            make_model("a/one", pricing=make_pricing("1", "4")),
            make_model("a/two", pricing=make_pricing("1", "4")),
            make_model("a/three", pricing=make_pricing("1", "4")),
        )
        run = self.run_program("models", "list", "--json")
        self.saved = run.out
        self.path = self.write("catalog.json", run.out)

    def diff(self, *argv):
        return self.run_program("models", "diff", "catalog.json", *argv)

    def content(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def files(self):
        return sorted(os.listdir(self.folder))

    def change_all(self):
        one, _, three = self.server.models
        one.update(pricing=make_pricing("0.5", "4", input_cache_read="0.0000001"), context_length=1_000_000)
        three["expiration_date"] = "2026-12-31"
        self.server.models = [make_model("b/new"), one, three]

    def test_added_removed_and_changed(self):
        self.change_all()
        self.assertEqual(
            self.payload("diff", "catalog.json"),
            {
                "added": ["b/new"],
                "removed": ["a/two"],
                "changed": {
                    "a/one": {
                        "price_input": {"from": "1", "to": "0.5"},
                        "price_input_cache_read": {"from": None, "to": "0.1"},
                        "context_length": {"from": "131072", "to": "1000000"},
                    },
                    "a/three": {"expiration_date": {"from": None, "to": "2026-12-31"}},
                },
            },
        )

    def test_the_text_is_one_table(self):
        self.change_all()
        del self.server.models[1]["pricing"]["input_cache_read"]
        run = self.diff()
        self.assertEqual((run.code, run.err), (0, "1 added, 1 removed, 2 changed\n"))
        self.assertEqual(
            [line.split() for line in run.out.splitlines()],
            [
                ["id", "change", "from", "to"],
                ["b/new", "added", "-", "-"],
                ["a/two", "removed", "-", "-"],
                ["a/one", "price_input", "1", "0.5"],
                ["a/one", "context_length", "131072", "1000000"],
                ["a/three", "expiration_date", "-", "2026-12-31"],
            ],
        )

    def test_no_change_leaves_stdout_empty(self):
        run = self.diff()
        self.assertEqual(run, (0, "", "nothing changed since catalog.json was saved\n"))
        self.assertEqual(self.payload("diff", "catalog.json"), {"added": [], "removed": [], "changed": {}})

    def test_the_same_price_in_another_notation_is_not_a_change(self):
        self.server.models[0]["pricing"] = {"prompt": Decimal("0.00000100"), "completion": "0.0000040"}
        self.assertEqual(self.payload("diff", "catalog.json")["changed"], {})

    def test_other_fields_are_not_compared(self):
        self.server.models[0].update(name="Another", description="Another", created=1)
        self.assertEqual(self.payload("diff", "catalog.json")["changed"], {})

    def test_another_order_is_not_a_change(self):
        self.server.models.reverse()
        self.assertEqual(self.diff().out, "")

    def test_a_new_price_tier_is_a_change(self):
        self.server.models[0]["pricing"]["overrides"] = [{"min_prompt_tokens": 5, "prompt": "1"}]
        change = self.payload("diff", "catalog.json")["changed"]["a/one"]["price_tiers"]
        self.assertEqual(change, {"from": None, "to": [{"min_prompt_tokens": "5", "prompt": "1"}]})

    def test_a_price_that_now_varies_is_a_change(self):
        self.server.models[0]["pricing"]["prompt"] = "-1"
        change = self.payload("diff", "catalog.json")["changed"]["a/one"]
        self.assertEqual(change, {"price_input": {"from": "1", "to": "-1"}})

    def test_the_file_doesnt_change_without_save(self):
        self.change_all()
        self.diff()
        self.assertEqual(self.content(), self.saved)

    def test_save_replaces_the_file_with_todays_catalog(self):
        self.change_all()
        self.assertEqual(self.diff("--save").code, 0)
        self.assertEqual(self.content(), self.run_program("models", "list", "--json").out)
        self.assertEqual(self.diff(), (0, "", "nothing changed since catalog.json was saved\n"))
        self.assertEqual(self.files(), ["catalog.json"])

    def test_save_also_prints_the_changes(self):
        self.change_all()
        self.assertEqual(self.diff("--save").out.splitlines()[1].split(), ["b/new", "added", "-", "-"])

    def test_save_works_through_a_symbolic_link_and_keeps_the_mode(self):
        os.mkdir("kept")
        os.rename("catalog.json", "kept/real.json")
        os.chmod("kept/real.json", 0o640)
        os.symlink("kept/real.json", "catalog.json")
        self.change_all()
        self.assertEqual(self.diff("--save").code, 0)
        self.assertTrue(os.path.islink("catalog.json"))
        self.assertEqual(stat.S_IMODE(os.stat("kept/real.json").st_mode), 0o640)
        self.assertEqual(os.listdir("kept"), ["real.json"])
        self.assertEqual(self.diff().out, "")

    def test_save_creates_the_first_file(self):
        os.unlink(self.path)
        run = self.diff("--save")
        self.assertEqual(run, (0, "", "catalog.json didn't exist; nothing to compare yet\n"))
        self.assertEqual((self.content(), self.files()), (self.saved, ["catalog.json"]))

    def test_the_first_save_has_no_changes_in_json(self):
        os.unlink(self.path)
        document = self.payload("diff", "catalog.json", "--save")
        self.assertEqual(document, {"added": [], "removed": [], "changed": {}})

    def test_a_failed_request_creates_no_file(self):
        os.unlink(self.path)
        self.server.always("GET", "/models", error(500, "Down"))
        self.assertEqual((self.diff("--save").code, self.files()), (5, []))

    def test_a_saved_catalog_may_be_empty(self):
        self.write("catalog.json", self.run_program("models", "list", "--json", "--search", "nothing like it").out)
        self.assertEqual(self.payload("diff", "catalog.json")["added"], ["a/one", "a/two", "a/three"])

    def test_any_other_file_is_a_usage_error_and_is_not_changed(self):
        tool = '"tool": {"name": "openrouter-remote", "version": "0.1.0"}'
        documents = {
            name: self.run_program(*argv.split(), "--json").out
            for name, argv in (("a saved diff", "models diff catalog.json"), ("a saved message", "integrations"))
        }
        for name, text in {
            "empty": "",
            "white space": " \n",
            "broken JSON": "{",
            "truncated": self.saved[:-30],
            "a list": "[]",
            "a number": "1",
            "without the tool": '{"a/one": {"id": "a/one"}}',
            "from another tool": '{"tool": {"name": "other"}, "a/one": {"id": "a/one"}}',
            "a row that isn't an object": "{" + tool + ', "a/one": 1}',
            "rows under another id": "{" + tool + ', "a/one": {"id": "a/two"}}',
            "NaN": "{" + tool + ', "a/one": {"id": "a/one", "x": NaN}}',
            "deeply nested": "[" * 100_000,
            "another document": "{" + tool + ', "id": "a/one", "name": "One"}',
            **documents,
        }.items():
            with self.subTest(file=name):
                self.write("catalog.json", text)
                self.server.requests.clear()
                run = self.diff("--save")
                self.assertEqual((run.code, run.out), (2, ""), run.err)
                self.assertTrue(run.err.startswith("openrouter-remote: error: catalog.json isn't a saved "), run)
                self.assertTrue(run.err.endswith(OTHER_FILE), run.err)
                self.assertEqual((self.content(), self.files(), self.server.requests), (text, ["catalog.json"], []))

    def test_a_saved_list_of_keys_is_a_usage_error(self):
        text = '{"tool": {"name": "openrouter-remote"}, "ab": {"hash": "ab", "name": "ci"}}'
        self.write("catalog.json", text)
        self.assertEqual((self.diff("--save").code, self.content()), (2, text))

    def test_a_binary_file_is_a_usage_error(self):
        with open(self.path, "wb") as file:
            file.write(b"\xff\xfe\x00\x81" * 9)
        self.assertEqual(self.diff("--save").code, 2)

    def test_a_missing_file_is_a_usage_error(self):
        run = self.run_program("models", "diff", "missing.json")
        self.assertEqual((run.code, run.out, self.files()), (2, "", ["catalog.json"]))
        self.assertTrue(run.err.startswith("openrouter-remote: error: missing.json: No such file or directory\n"))

    def test_a_folder_or_an_empty_name_is_a_usage_error(self):
        for path, reason in ((".", "Is a directory"), ("", "No such")):
            with self.subTest(path=path):
                run = self.run_program("models", "diff", path, "--save")
                self.assertEqual((run.code, run.out), (2, ""))
                self.assertTrue(run.err.startswith(f"openrouter-remote: error: {path}: {reason}"), run.err)

    def test_a_failed_request_doesnt_change_the_file(self):
        self.server.always("GET", "/models", error(500, "Down"))
        run = self.diff("--save")
        self.assertEqual((run.code, run.out, self.content(), self.files()), (5, "", self.saved, ["catalog.json"]))

    def test_a_deleted_current_folder_is_exit_5(self):
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir(os.path.join(self.folder, "gone"))
        run = self.run_program("models", "diff", "catalog.json", "--save")
        self.assertEqual((run.code, run.out), (5, ""))
        message = "openrouter-remote: error: catalog.json couldn't be created: No such file"
        self.assertTrue(run.err.splitlines()[-1].startswith(message), run.err)

    def test_credentials_are_not_saved(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.server.models[0].update(description=f"for {USER_KEY}", **{USER_KEY: 1})
        self.assertEqual(self.diff("--save").code, 0)
        self.assertNotIn("f00d", self.content())
        self.assertIn('"description": "for [key]"', self.content())

    def test_a_full_disk_is_exit_5_and_leaves_only_the_old_file(self):
        def at_most_1000_bytes():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        self.server.models = [make_model(f"b/new-{n:0200}") for n in range(40)]
        run = self.start_program("models", "diff", "catalog.json", "--save", preexec_fn=at_most_1000_bytes)
        self.assertEqual((run.code, self.content(), self.files()), (5, self.saved, ["catalog.json"]))
        message = "catalog.json couldn't be replaced and is unchanged: File too large\n"
        self.assertTrue(run.err.endswith(message), run.err)

    def test_a_file_that_cant_be_replaced_is_exit_5_and_leaves_no_other_file(self):
        def replace_file_by_folder(handler):
            os.unlink(self.path)
            os.mkdir(self.path)
            as_usual(handler)

        self.server.fail("GET", "/models", replace_file_by_folder)
        run = self.diff("--save")
        self.assertEqual((run.code, self.files()), (5, ["catalog.json"]))
        message = "catalog.json couldn't be replaced and is unchanged: Is a directory\n"
        self.assertTrue(run.err.endswith(message), run.err)

    def test_an_interrupt_leaves_only_the_old_file(self):
        self.server.models = [make_model(f"b/new-{n:0200}") for n in range(400)]
        for moment in ("requesting", "printing"):
            self.server.requests.clear()
            with self.subTest(moment), self.started("models", "diff", "catalog.json", "--save") as process:
                self.server.wait_for_requests()
                if moment == "printing":
                    process.stdout.read(1)  # the output is larger than a pipe's buffer: the program waits
                process.send_signal(signal.SIGINT)
                process.communicate()
                self.assertEqual((process.returncode, self.content()), (130, self.saved))
                self.assertEqual(self.files(), ["catalog.json"])

    def test_a_kill_leaves_the_old_file_or_the_new_one(self):
        self.server.models = [make_model(f"b/new-{n:0200}") for n in range(400)]
        new = self.run_program("models", "list", "--json").out
        self.server.requests.clear()
        for moment, left in (("requesting", [self.saved]), ("printing", [self.saved]), ("saving", [self.saved, new])):
            self.write("catalog.json", self.saved)
            with self.subTest(moment), self.started("models", "diff", "catalog.json", "--save") as process:
                self.server.wait_for_requests()
                if moment != "requesting":
                    process.stdout.read(1)  # the output is larger than a pipe's buffer: the program waits
                if moment == "saving":
                    self.assertTrue(any(line.startswith("a/three ") for line in process.stdout))
                process.kill()
                process.communicate()
                self.assertIn(self.content(), left)
        self.assertEqual(self.diff("--save").code, 0)  # a leftover file doesn't matter
        self.assertEqual(self.content(), new)
