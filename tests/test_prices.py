"""models: the units of prices, free and paid models, what fits a request, expiry dates, and the rows of a diff."""

import json
import os
import tempfile
from datetime import timedelta
from unittest import mock

from fake_openrouter import make_architecture, make_endpoint, make_model, make_pricing
from support import CatalogTest, Run

HEADER = "id  in $/M  out $/M  context  notes\n"
ZERO = {"prompt": "0", "completion": "0"}
OTHER_UNITS = ("image", "audio", "video", "speech", "transcription", "rerank")


def model(id, pricing, outputs="text", **fields):
    return make_model(id, pricing=pricing, architecture=make_architecture("text", outputs), **fields)


class PricesTest(CatalogTest):
    def setUp(self):
        super().setUp()
        self.server = self.start(models=[])

    def rows(self, *argv):
        """The table of a run that succeeds, {identifier: the words of its row}."""
        run = self.models(*argv)
        self.assertEqual(run.code, 0, run.err)
        return {line.split()[0]: line.split()[1:] for line in run.out.splitlines()[1:]}

    def price_lines(self, pricing, outputs="text", **fields):
        """The lines about prices in `models show` of a model, their spaces squeezed."""
        self.server.models = [model("acme/one", pricing, outputs, **fields)]
        run = self.models("show", "acme/one")
        self.assertEqual((run.code, run.err), (0, ""))
        lines = run.out.splitlines()
        start = next(index for index, line in enumerate(lines) if line.startswith("output limit"))
        end = next(index for index, line in enumerate(lines) if line.startswith("parameters"))
        return [" ".join(line.split()) for line in lines[start + 1 : end]]


class Units(PricesTest):
    TEXT = ["price, input: $2.00 per million tokens", "price, output: $12.00 per million tokens"]

    def test_an_image_price_below_a_tenth_of_a_cent_is_per_token(self):
        for field, label in (("image", "image input"), ("image_output", "image output")):
            for value, text in (
                ("0.00012", "$120.00 per million tokens"),
                ("0.00003", "$30.00 per million tokens"),
                ("0.000002", "$2.00 per million tokens"),
                ("0.0000001", "$0.10 per million tokens"),
                ("0.000999999", "$999.999 per million tokens"),
            ):
                with self.subTest(field=field, value=value):
                    pricing = make_pricing("2", "12", **{field: value})
                    expected = [*self.TEXT, f"price, {label}: {text}"]
                    self.assertEqual(self.price_lines(pricing, "text image"), expected)

    def test_an_image_price_of_a_tenth_of_a_cent_or_more_is_per_image(self):
        for field, label in (("image", "image input"), ("image_output", "image output")):
            for value, text in (("0.001", "$0.001"), ("0.00265", "$0.00265"), ("0.04", "$0.04"), ("1.5", "$1.50")):
                with self.subTest(field=field, value=value):
                    pricing = make_pricing("2", "12", **{field: value})
                    expected = [*self.TEXT, f"price, {label}: {text} per image"]
                    self.assertEqual(self.price_lines(pricing, "text image"), expected)

    def test_image_prices_in_a_price_tier_have_the_same_units(self):
        tier = {"min_prompt_tokens": 200_000, "image": "0.000004", "image_output": "0.08"}
        self.assertEqual(
            self.price_lines(make_pricing("2", "12", overrides=[tier]), "text image"),
            [
                *self.TEXT,
                "price tier: above 200k prompt tokens: image input $4.00 per million tokens, "
                "image output $0.08 per image",
            ],
        )

    def test_the_prices_of_a_video_model_are_listed_as_they_come(self):
        skus = {
            "duration_seconds_with_audio": "0.12",
            "duration_seconds_with_audio_4k": "0.30",
            "video_tokens": "0.0000056",
            "text_to_video_duration_seconds_480p": "0.0896",
        }
        self.assertEqual(
            self.price_lines(None, "video", pricing_skus=skus),
            [
                "price, duration_seconds_with_audio: $0.12",
                "price, duration_seconds_with_audio_4k: $0.30",
                "price, video_tokens: $0.0000056",
                "price, text_to_video_duration_seconds_480p: $0.0896",
            ],
        )
        self.assertEqual(self.payload("show", "acme/one")["pricing_skus"], skus)

    def test_a_video_model_without_pricing_has_no_price_in_a_list(self):
        self.server.models = [model("acme/clip", None, "video", pricing_skus={"duration_seconds": "0.1"})]
        self.assertEqual(
            self.models("list", "--output", "video"),
            Run(0, "id         in $/M  out $/M  context  notes\nacme/clip       -        -     131k\n", "1 model\n"),
        )
        row = self.payload("list", "--output", "video")["acme/clip"]
        self.assertEqual((row["pricing"], row["price_per_million"]), (None, {"input": None, "output": None}))

    def test_a_model_without_any_price_says_so(self):
        for pricing, outputs in (
            (None, "text"),
            ({}, "text"),
            (None, "video"),
            ({}, "image"),
            ({"discount": 0}, "text"),
        ):
            no_skus: tuple = (None, {})
            for skus in no_skus:
                with self.subTest(pricing=pricing, outputs=outputs, skus=skus):
                    lines = self.price_lines(pricing, outputs, pricing_skus=skus)
                    self.assertEqual(lines, ["price: no price published"])


class BilledOtherwise(PricesTest):
    """Models whose outputs may be billed per image, second, minute, character or search, at an output price of 0."""

    def test_they_are_neither_free_nor_paid(self):
        for outputs in OTHER_UNITS:
            for pricing in (
                ZERO,
                {**ZERO, "image": "0.01"},
                {**ZERO, "image_output": "0.04"},
                {**ZERO, "request": "0.02"},
                {"prompt": "0.000005", "completion": "0"},
                {"prompt": "0.006", "completion": "0"},
                {"completion": "0"},
            ):
                with self.subTest(outputs=outputs, pricing=pricing):
                    self.server.models = [model("acme/one", pricing, f"text {outputs}")]
                    note = "no model matches the filters\n"
                    self.assertEqual(self.models("list", "--free"), Run(0, HEADER, note))
                    self.assertEqual(self.models("list", "--paid"), Run(0, HEADER, note))

    def test_they_have_no_price_per_token(self):
        for outputs in OTHER_UNITS:
            with self.subTest(outputs=outputs):
                self.server.models = [model("acme/one", make_pricing("5", "0"), outputs)]
                table = "id        in $/M  out $/M  context  notes\n"
                table += "acme/one       -        -     131k  not billed per token\n"
                self.assertEqual(self.models("list", "--output", outputs), Run(0, table, "1 model\n"))
                row = self.payload("list", "--output", outputs)["acme/one"]
                self.assertEqual(row["price_per_million"], {"input": None, "output": None})

    def test_they_are_within_no_price_limit_and_sort_last(self):
        self.server.models = [
            *(model(f"acme/{outputs}", ZERO, f"text {outputs}") for outputs in OTHER_UNITS),
            model("acme/dear", make_pricing("9", "90")),
            model("acme/cheap", make_pricing("0.1", "0.2")),
        ]
        others = [f"acme/{outputs}" for outputs in OTHER_UNITS]
        for sort in ("price-in", "price-out"):
            self.assertEqual(self.ids("list", "--sort", sort), ["acme/cheap", "acme/dear", *others])
        for limit in ("--max-price-input", "--max-price-output"):
            self.assertEqual(self.ids("list", limit, "1000000"), ["acme/dear", "acme/cheap"])

    def test_their_cost_is_null_with_a_note(self):
        self.server.models = [model("acme/draw", ZERO, "text image"), model("acme/text", make_pricing("1", "2"))]
        table = """\
id            cost  in $/M  out $/M  context  notes
acme/text  $0.0030    1.00     2.00     131k
acme/draw        -       -        -     131k  not billed per token
"""
        self.assertEqual(self.models("list", "--cost", "1k:1k"), Run(0, table, "2 models\n"))
        costs = {id: row["cost"] for id, row in self.payload("list", "--cost", "1k:1k").items()}
        self.assertEqual(costs, {"acme/text": "0.003", "acme/draw": None})

    def test_so_is_the_cost_of_their_endpoints(self):
        self.server.models = [model("acme/draw", ZERO, "image")]
        self.server.endpoints = {"acme/draw": [make_endpoint("Together", pricing={**ZERO, "image": "0.01"})]}
        (row,) = self.payload("endpoints", "acme/draw", "--cost", "1k:1k")["endpoints"]
        self.assertEqual((row["cost"], row["price_per_million"]), (None, {"input": None, "output": None}))
        self.assertIn("not billed per token", self.models("endpoints", "acme/draw", "--cost", "1k:1k").out)
        (row,) = self.payload("endpoints", "acme/draw", "--max-price-input", "1")["endpoints"] or [None]
        self.assertIsNone(row)

    def test_show_lists_their_prices_above_zero_without_a_unit(self):
        for pricing, lines in (
            ({**ZERO, "image": "0.01"}, ["price, image input: $0.01"]),
            ({**ZERO, "image_output": "0.00003"}, ["price, image output: $0.00003"]),
            ({**ZERO, "request": "0.002", "audio": "0"}, ["price, request: $0.002"]),
            ({"prompt": "0.006", "completion": "0"}, ["price, input: $0.006"]),
            ({"prompt": "0.000005", "completion": "0", "image": None}, ["price, input: $0.000005"]),
        ):
            with self.subTest(pricing):
                self.assertEqual(self.price_lines(pricing, "image"), ["price: not billed per token", *lines])

    def test_a_price_tier_of_theirs_has_no_unit_either(self):
        tier = {"min_prompt_tokens": 1000, "prompt": "0.009"}
        self.assertEqual(
            self.price_lines({"prompt": "0.006", "completion": "0", "overrides": [tier]}, "transcription"),
            ["price: not billed per token", "price, input: $0.006", "price tier: above 1k prompt tokens: input $0.009"],
        )

    def test_show_says_if_no_price_is_published(self):
        for outputs in OTHER_UNITS:
            with self.subTest(outputs=outputs):
                lines = ["price: not billed per token", "price: no price published"]
                self.assertEqual(self.price_lines(ZERO, outputs), lines)

    def test_an_output_price_above_zero_makes_them_billed_per_token(self):
        for outputs in OTHER_UNITS:
            with self.subTest(outputs=outputs):
                self.server.models = [model("acme/one", make_pricing("0", "15"), outputs)]
                row = self.payload("list", "--output", outputs, "--paid", "--cost", "0:1k")["acme/one"]
                self.assertEqual((row["price_per_million"], row["cost"]), ({"input": "0", "output": "15"}, "0.015"))


class FreeAndPaid(PricesTest):
    def test_text_embeddings_and_decisions_of_price_zero_are_free(self):
        for outputs in ("text", "embeddings", "decisions"):
            with self.subTest(outputs=outputs):
                self.server.models = [model("acme/one", ZERO, outputs)]
                argv = ("list", "--output", outputs, "--cost", "1k:1k")
                row = self.payload(*argv, "--free")["acme/one"]
                self.assertEqual((row["price_per_million"], row["cost"]), ({"input": "0", "output": "0"}, "0"))
                self.assertEqual(self.ids(*argv, "--paid"), [])

    def test_embeddings_with_an_input_price_are_paid(self):
        self.server.models = [model("acme/vectors", make_pricing("0.02", "0"), "embeddings")]
        argv = ("list", "--output", "embeddings")
        self.assertEqual((self.ids(*argv, "--paid"), self.ids(*argv, "--free")), (["acme/vectors"], []))
        row = self.payload(*argv, "--cost", "1m:0", "--min-context", "1")["acme/vectors"]
        self.assertEqual(row["price_per_million"], {"input": "0.02", "output": "0"})

    def test_an_id_that_ends_in_free_is_free_whatever_it_outputs(self):
        for outputs in OTHER_UNITS:
            with self.subTest(outputs=outputs):
                self.server.models = [model("acme/one:free", ZERO, outputs)]
                argv = ("list", "--output", outputs, "--free", "--cost", "1k:1k")
                row = self.payload(*argv)["acme/one:free"]
                self.assertEqual((row["price_per_million"], row["cost"]), ({"input": "0", "output": "0"}, "0"))

    def test_any_price_above_zero_is_not_free_web_search_aside(self):
        prices = {"request": "0.02", "image": "0.001", "internal_reasoning": "0.000001", "lunar": "0.5"}
        self.server.models = [
            model("acme/search", {**ZERO, "web_search": "0.01"}),
            *(model(f"acme/{field}", {**ZERO, field: value}) for field, value in prices.items()),
            model("acme/zeros", {**ZERO, **dict.fromkeys(prices, "0")}),
        ]
        self.assertEqual(self.ids("list", "--free"), ["acme/search", "acme/zeros"])
        self.assertEqual(self.ids("list", "--paid"), [])

    def test_a_discount_is_no_price(self):
        self.server.models = [model("acme/one", {**ZERO, "discount": 0.25})]
        self.assertEqual(self.ids("list", "--free"), ["acme/one"])

    def test_a_price_that_is_null_or_missing_is_neither_free_nor_within_a_limit(self):
        for pricing in ({"prompt": None, "completion": None}, {}, None, {"prompt": "x", "completion": ""}):
            with self.subTest(pricing=pricing):
                self.server.models = [model("acme/unknown", pricing), model("acme/known", make_pricing("9", "90"))]
                for argv in (("--free",), ("--paid", "--search", "unknown")):
                    self.assertEqual(self.ids("list", *argv), [])
                for limit in ("--max-price-input", "--max-price-output"):
                    self.assertEqual(self.ids("list", limit, "1000000"), ["acme/known"])
                for sort in ("price-in", "price-out"):
                    self.assertEqual(self.ids("list", "--sort", sort), ["acme/known", "acme/unknown"])
                self.assertEqual(self.rows("list")["acme/unknown"], ["-", "-", "131k"])

    def test_a_negative_price_varies(self):
        self.server.models = [
            model("openrouter/auto", {"prompt": "-1", "completion": "-1"}),
            model("acme/known", make_pricing("9", "90")),
        ]
        for argv in (("--free",), ("--max-price-input", "1000000"), ("--max-price-output", "1000000"), ("--paid",)):
            with self.subTest(argv):
                self.assertNotIn("openrouter/auto", self.ids("list", *argv))
        for sort in ("price-in", "price-out"):
            self.assertEqual(self.ids("list", "--sort", sort), ["acme/known", "openrouter/auto"])
        self.assertEqual(self.rows("list", "--cost", "1k:1k")["openrouter/auto"], ["-", "varies", "varies", "131k"])
        row = self.payload("list", "--cost", "1k:1k")["openrouter/auto"]
        self.assertEqual((row["cost"], row["price_per_million"]), (None, {"input": None, "output": None}))
        lines = self.price_lines({"prompt": "-1", "completion": "-1"})
        self.assertEqual(lines, ["price, input: varies", "price, output: varies"])


class Fits(PricesTest):
    def cost_of_model(self, tokens, **fields):
        """(cost, notes, stderr) of a request of so many tokens at $1 and $2 per million."""
        self.server.models = [model("acme/one", make_pricing("1", "2"), **fields)]
        run = self.models("list", "--cost", tokens)
        self.assertEqual(run.code, 0, run.err)
        words = run.out.splitlines()[1].split(None, 5)
        self.assertEqual(self.payload("list", "--cost", tokens)["acme/one"]["cost"] is None, words[1] == "-")
        return words[1], "".join(words[5:])

    def test_input_and_output_fit_up_to_the_context_of_a_model(self):
        context = {"context_length": 10_000}
        self.assertEqual(self.cost_of_model("9k:1k", **context), ("$0.0110", ""))
        self.assertEqual(self.cost_of_model("9k:1001", **context), ("-", "the request doesn't fit"))
        self.assertEqual(self.cost_of_model("10001:0", **context), ("-", "the request doesn't fit"))

    def test_an_unknown_context_holds_any_request(self):
        for context in (0, None):
            with self.subTest(context=context):
                fields = {"context_length": context, "top_provider": {"context_length": context}}
                self.assertEqual(self.cost_of_model("900k:100k", **fields)[1], "")
                self.assertEqual(self.payload("list", "--cost", "900k:100k")["acme/one"]["cost"], "1.1")

    def test_a_narrower_top_provider_is_a_note_and_nothing_more(self):
        for top, tokens, note in (
            ({"context_length": 8_000, "max_completion_tokens": None}, "7k:1k", ""),
            ({"context_length": 8_000, "max_completion_tokens": None}, "7k:1001", "top provider: 8k context"),
            ({"context_length": 10_000, "max_completion_tokens": 500}, "1k:500", ""),
            ({"context_length": 10_000, "max_completion_tokens": 500}, "1k:501", "top provider: 500 output"),
            (
                {"context_length": 8_000, "max_completion_tokens": 500},
                "8k:1k",
                "top provider: 8k context and 500 output",
            ),
            ({"context_length": 0, "max_completion_tokens": 0}, "8k:1k", ""),
            ({"context_length": None, "max_completion_tokens": None}, "8k:1k", ""),
            (None, "8k:1k", ""),
        ):
            with self.subTest(top=top, tokens=tokens):
                cost, notes = self.cost_of_model(tokens, context_length=10_000, top_provider=top)
                self.assertNotEqual(cost, "-")
                self.assertEqual(notes, note)

    def test_a_tier_above_the_context_of_the_top_provider_has_its_price(self):
        tier = {"min_prompt_tokens": 200_000, "prompt": "0.000002", "completion": "0.000004"}
        self.server.models = [
            model(
                "acme/long",
                make_pricing("1", "2", overrides=[tier]),
                context_length=1_000_000,
                top_provider={"context_length": 200_000, "max_completion_tokens": 64_000, "is_moderated": False},
            )
        ]
        table = """\
id            cost  in $/M  out $/M  context  notes
acme/long  $0.6040   1.00*    2.00*       1M  * price tiers, top provider: 200k context
"""
        self.assertEqual(self.models("list", "--cost", "300k:1k"), Run(0, table, "1 model\n"))
        costs = {
            tokens: self.payload("list", "--cost", tokens)["acme/long"]["cost"] for tokens in ("200k:1k", "999k:1001")
        }
        self.assertEqual(costs, {"200k:1k": "0.202", "999k:1001": None})

    def costs_of_endpoint(self, tokens, **fields):
        self.server.models = [model("acme/one", make_pricing("1", "2"), context_length=1_000)]
        pricing = make_pricing("1", "2", discount=0)
        self.server.endpoints = {"acme/one": [make_endpoint("Groq", pricing=pricing, **fields)]}
        (row,) = self.payload("endpoints", "acme/one", "--cost", tokens)["endpoints"]
        has_note = "the request doesn't fit" in self.models("endpoints", "acme/one", "--cost", tokens).out
        self.assertEqual(has_note, row["cost"] is None)
        return row["cost"]

    def test_an_endpoint_has_a_context_a_prompt_and_an_output_limit(self):
        limits = {"context_length": 10_000, "max_prompt_tokens": 6_000, "max_completion_tokens": 5_000}
        for tokens, cost in (
            ("6k:4k", "0.014"),
            ("5k:5k", "0.015"),
            ("6k:4001", None),  # the context
            ("6001:0", None),  # the prompt
            ("0:5001", None),  # the output
        ):
            with self.subTest(tokens):
                self.assertEqual(self.costs_of_endpoint(tokens, **limits), cost)

    def test_an_unknown_limit_of_an_endpoint_holds_any_request(self):
        for unknown in (0, None):
            with self.subTest(unknown=unknown):
                limits = dict.fromkeys(("context_length", "max_prompt_tokens", "max_completion_tokens"), unknown)
                self.assertEqual(self.costs_of_endpoint("2m:1m", **limits), "4")

    def test_what_does_not_fit_sorts_last(self):
        self.server.models = [
            model("acme/small", make_pricing("0.1", "0.1"), context_length=1_000),
            model("acme/dear", make_pricing("2", "2"), context_length=100_000),
            model("acme/cheap", make_pricing("1", "1"), context_length=100_000),
        ]
        self.assertEqual(self.ids("list", "--cost", "10k:1k"), ["acme/cheap", "acme/dear", "acme/small"])


class ImageNote(PricesTest):
    PRICING = make_pricing("2", "12", image_output="0.00012")

    def test_the_cost_of_a_model_with_an_image_price_counts_text(self):
        self.server.models = [
            model("acme/painter", self.PRICING, "image text"),
            model("acme/text", make_pricing("1", "2")),
        ]
        note = "--cost counts text: 1 of these output images at a price of their own\n"
        self.assertEqual(self.models("list", "--cost", "1k:1k").err, f"2 models\n{note}")
        self.assertEqual(self.models("list", "--cost", "1k:1k", "--json").err, note)
        self.assertEqual(self.models("list", "--cost", "1k:1k", "--limit", "1").err, "1 of 2 models\n")
        self.assertEqual(self.models("list").err, "2 models\n")
        self.assertEqual(self.payload("list", "--cost", "1k:1k")["acme/painter"]["cost"], "0.014")

    def test_so_does_the_cost_of_an_endpoint(self):
        self.env["OPENROUTER_API_KEY"] = "sk-or-v1-" + "f00d" * 16
        self.server.models = [model("acme/painter", self.PRICING, "image text")]
        self.server.endpoints = {"acme/painter": [make_endpoint("Google", pricing=self.PRICING)]}
        note = "--cost counts text: 1 of these output images at a price of their own\n"
        self.assertEqual(self.models("endpoints", "acme/painter", "--cost", "1k:1k").err, note)
        self.assertEqual(self.models("endpoints", "acme/painter").err, "")

    def test_a_model_that_has_no_image_price_needs_no_note(self):
        self.server.models = [model("acme/one", make_pricing("2", "12", image="0.000002"), "image text")]
        self.assertEqual(self.models("list", "--cost", "1k:1k").err, "1 model\n")


class Expiry(PricesTest):
    def with_dates(self, *dates):
        self.server.models = [model(f"acme/m{n}", ZERO, expiration_date=date) for n, date in enumerate(dates)]

    def notes(self):
        """The notes of every row of a list."""
        return [" ".join(words[3:]) for words in self.rows("list").values()]

    def line_in_show(self, id):
        lines = self.models("show", id).out.splitlines()
        return [" ".join(line.split()) for line in lines if line.startswith("expire")]

    def test_a_placeholder_is_ignored_everywhere(self):
        self.with_dates("2098-12-31", "2098-12-31T00:00:00Z")
        self.assertEqual(self.notes(), ["", ""])
        self.assertEqual(self.ids("list", "--expiring", "36500"), [])
        for id in ("acme/m0", "acme/m1"):
            self.assertEqual(self.line_in_show(id), [])
        self.assertEqual(self.payload("show", "acme/m0")["expiration_date"], "2098-12-31")

    def test_a_date_in_the_past_reads_expired(self):
        self.with_dates("2026-07-19", "2026-11-24", "2026-11-25", "2026-11-26")
        texts = ["expired 2026-07-19", "expired 2026-11-24", "expires 2026-11-25", "expires 2026-11-26"]
        self.assertEqual(self.notes(), texts)
        for n, text in enumerate(texts):
            self.assertEqual(self.line_in_show(f"acme/m{n}"), [text.replace(" ", ": ")])

    def test_expiring_includes_past_dates_and_the_last_day(self):
        self.with_dates("2026-07-19", "2026-11-25", "2026-12-25", "2026-12-26", None, "2098-12-31")
        self.assertEqual(self.ids("list", "--expiring", "30"), ["acme/m0", "acme/m1", "acme/m2"])
        self.assertEqual(self.ids("list", "--expiring", "0"), ["acme/m0", "acme/m1"])

    def test_a_date_counts_if_it_is_less_than_five_years_away(self):
        self.with_dates("2031-11-24", "2031-11-25")
        for moment, notes, ids in (
            (self.now, ["expires 2031-11-24", ""], ["acme/m0"]),
            (self.now + timedelta(days=1), ["expires 2031-11-24", "expires 2031-11-25"], ["acme/m0", "acme/m1"]),
            (self.now - timedelta(days=1), ["", ""], []),
        ):
            with self.subTest(moment):
                self.now = moment
                self.assertEqual(self.notes(), notes)
                self.assertEqual(self.ids("list", "--expiring", "36500"), ids)
                self.assertEqual(self.line_in_show("acme/m0") != [], "acme/m0" in ids)

    def test_five_years_from_a_leap_day_end_with_february(self):
        self.now = self.now.replace(year=2028, month=2, day=29)
        self.with_dates("2033-02-28", "2033-03-01")
        self.assertEqual(self.notes(), ["expires 2033-02-28", ""])


class Diff(PricesTest):
    def save(self, *models):
        """A file that holds these models as `models list --json` saves them."""
        tool = {"name": "openrouter-remote", "version": "0"}
        return self.write("old.json", json.dumps({"tool": tool, **{row["id"]: row for row in models}}))

    def test_only_rows_that_output_text_outside_the_batch_api_are_compared(self):
        old, new = make_pricing("1", "2"), make_pricing("3", "4")
        self.save(
            model("acme/text", old),
            model("acme/both", old, "image text"),
            model("acme/draw", old, "image"),
            model("acme/text:batch", old),
            model("acme/gone", old),
            model("acme/gone-draw", old, "image"),
            model("acme/gone:batch", old),
        )
        self.server.models = [
            model("acme/text", new),
            model("acme/both", new, "image text"),
            model("acme/draw", new, "image"),
            model("acme/text:batch", new),
            model("acme/new", new),
            model("acme/new-draw", new, "image"),
            model("acme/new:batch", new),
        ]
        changes = {"price_input": {"from": "1", "to": "3"}, "price_output": {"from": "2", "to": "4"}}
        self.assertEqual(
            self.payload("diff", "old.json"),
            {"added": ["acme/new"], "removed": ["acme/gone"], "changed": {"acme/text": changes, "acme/both": changes}},
        )

    def test_rows_that_are_ignored_are_no_change(self):
        self.server.models = [model("acme/text", ZERO)]
        self.save(*self.server.models, model("acme/draw", ZERO, "image"), model("acme/text:batch", ZERO))
        run = Run(0, "", "nothing changed since old.json was saved\n")
        self.assertEqual(self.models("diff", "old.json"), run)

    def test_a_new_file_in_a_folder_that_takes_none_could_not_be_created(self):
        self.server.models = [model("acme/text", ZERO)]
        self.write("file", "text")
        for path, reason in (("missing/new.json", "No such file or directory"), ("file/new.json", "Not a directory")):
            with self.subTest(path):
                message = f"openrouter-remote: error: {path} couldn't be created: {reason}\n"
                self.assertEqual(self.models("diff", path, "--save"), Run(5, "", message))
        self.assertEqual(os.listdir(self.folder), ["file"])

    def test_an_existing_file_that_cannot_be_replaced_is_unchanged(self):
        self.server.models = [model("acme/text", ZERO)]
        path = self.save(*self.server.models)
        with open(path, encoding="utf-8") as file:
            before = file.read()
        message = "openrouter-remote: error: old.json couldn't be replaced and is unchanged: Permission denied\n"
        refusal = PermissionError(13, "Permission denied")
        with mock.patch.object(tempfile, "mkstemp", side_effect=refusal):
            self.assertEqual(self.models("diff", "old.json", "--save"), Run(5, "", message))
        with mock.patch.object(os, "replace", side_effect=refusal):
            run = self.models("diff", "old.json", "--save")
        self.assertEqual((run.code, run.err.splitlines(True)[-1]), (5, message))
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), before)
        self.assertEqual(os.listdir(self.folder), ["old.json"])
