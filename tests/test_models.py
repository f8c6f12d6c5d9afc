"""`models list`, `cheap`, `show` and `endpoints`: filters, sorts, prices, names and malformed responses."""

import itertools
import json
import os
import re
import threading
from decimal import Decimal
from unittest import mock
from urllib.parse import unquote

from fake_openrouter import (
    EXPIRED_KEY,
    LONGEST_WAIT,
    MANAGEMENT_KEY,
    USER_KEY,
    as_usual,
    error,
    hang_up,
    html,
    make_architecture,
    make_endpoint,
    make_model,
    make_pricing,
    respond,
    stall,
)
from support import CatalogTest, Run, program

TIER = {"min_prompt_tokens": 200_000, "prompt": "0.000006", "completion": "0.0000225"}
NIGHT = {"utc_start": 1630, "utc_end": 30, "prompt": "0.00000007", "completion": "0.00000028"}
LATEST = {"alias_target": {"slug": "acme/alpha", "name": "Acme: Alpha"}, "name": "Acme Latest"}
VARIES = {"prompt": "-1", "completion": "-1"}
# One model of every kind in the contract. The ages are days before the newest one.
CATALOG = [
    make_model(
        id,
        created=1772323200 - 86400 * age,
        context_length=context,
        pricing=pricing,
        architecture=make_architecture(inputs),
        supported_parameters=parameters.split(),
        **others,
    )
    for id, age, context, pricing, inputs, parameters, others in (
        ("acme/alpha", 3, 200_000, make_pricing("0.8", "4"), "text image", "tools reasoning response_format seed", {}),
        ("acme/alpha:free", 2, 32_768, make_pricing("0", "0"), "text", "seed", {}),
        ("~acme/alpha-latest", 1, 200_000, make_pricing("0.8", "4"), "text image", "tools", LATEST),
        ("beta/tiered-2.5", 9, 1_048_576, make_pricing("3", "15", overrides=[TIER]), "text file", "include_reasoning",
         {"description": "Reads LONG papers."}),
        ("beta/leaving", 5, 8_192, make_pricing("0.05", "0.1"), "text audio", "tool_choice",
         {"expiration_date": "2026-12-31"}),
        ("gamma/structs", 7, None, make_pricing("0.05", "0.09"), "text", "structured_outputs", {"name": "Zeta Straße"}),
        ("openrouter/auto", 8, 2_000_000, VARIES, "text image", "tools reasoning", {}),
        ("gamma/unpriced", 6, 4_096, {"prompt": None}, "text", "response_format", {}),
    )
]  # fmt: skip
IDS = [model["id"] for model in CATALOG]
WHOLE = "/api/v1/models?output_modalities=all"  # the catalog where names are looked up
LIST = """\
id                  in $/M  out $/M  context  notes
acme/alpha           0.80     4.00      200k
acme/alpha:free      0.00     0.00     32.8k
~acme/alpha-latest   0.80     4.00      200k
beta/tiered-2.5      3.00*   15.00*    1.05M  * price tiers
beta/leaving         0.05     0.10     8.19k  expires 2026-12-31
gamma/structs        0.05     0.09         -
openrouter/auto     varies   varies       2M
gamma/unpriced           -        -     4.1k
"""
# Values that no field, or only some fields, of a real response have.
WEIRD: tuple = (
    None, True, 7, -1, Decimal("1.5"), 10**300, Decimal("1E-300"), "", "text", "-1", "\x1b[2J\n", "\ud800", [],
    [None, 1, {}, "a"], {}, {"p50": None}, {"p50": []}, {"min_prompt_tokens": None, "utc_start": "x", "prompt": {}},
)  # fmt: skip
HINT = "hint: throughput and latency need a key: set OPENROUTER_API_KEY to a user key from https://openrouter.ai/keys\n"


class ModelsTest(CatalogTest):
    def setUp(self):
        super().setUp()
        self.server = self.start(models=list(CATALOG))

    def targets(self):
        return [request.target for request in self.server.requests]

    def other_targets(self):
        """The requested targets without the catalog, which is fetched at the same time."""
        return [target for target in self.targets() if target != WHOLE]

    def assert_usage_error(self, run, what):
        self.assertEqual((run.code, run.out), (2, ""))
        self.assertTrue(run.err.startswith(f"openrouter-remote: error: {what}"), run.err)


class ListTest(ModelsTest):
    def test_the_table_is_on_stdout_and_the_count_on_stderr(self):
        self.assertEqual(self.models("list"), Run(0, LIST, "8 models\n"))
        self.assertEqual(self.targets(), ["/api/v1/models"])

    def test_the_count_shows_how_many_a_limit_left_out(self):
        run = self.models("list", "--limit", "2")
        self.assertEqual((run.out.count("\n"), run.err), (3, "2 of 8 models\n"))

    def test_one_model_is_counted_in_the_singular(self):
        self.assertEqual(self.models("list", "--free").err, "1 model\n")

    def test_no_key_is_needed_or_sent(self):
        for key in (USER_KEY, EXPIRED_KEY, "not a key"):
            self.env.update({"OPENROUTER_API_KEY": key, "OPENROUTER_PROVISIONING_KEY": key})
            for argv in (("list",), ("cheap",), ("show", "acme/alpha"), ("show", "structs")):
                with self.subTest(argv, key=key):
                    self.assertEqual(self.models(*argv).code, 0)
                    self.assertNotIn("authorization", itertools.chain(*(r.headers for r in self.server.requests)))

    def test_json_rows_are_the_objects_of_the_api_with_their_price_per_million(self):
        self.server.models[0] = {**CATALOG[0], "unheard_of": {"a": [1, None]}}
        run = self.models("list", "--json")
        self.assertEqual((run.code, run.err), (0, ""))
        document = json.loads(run.out)
        self.assertEqual(document.pop("tool"), {"name": "openrouter-remote", "version": program.__version__})
        self.assertEqual(list(document), IDS)
        prices = {id: row.pop("price_per_million") for id, row in document.items()}
        self.assertEqual(list(document.values()), self.server.models)
        self.assertEqual(prices["beta/tiered-2.5"], {"input": 3, "output": 15})
        self.assertIn('"price_per_million": {"input": 0.8, "output": 4}', run.out)

    def test_no_match_is_not_an_error(self):
        note = "no model matches the filters\n"
        header = "id  in $/M  out $/M  context  notes\n"
        self.assertEqual(self.models("list", "--search", "nobody"), Run(0, header, note))
        run = self.models("list", "--search", "nobody", "--json")
        self.assertEqual((run.code, list(json.loads(run.out)), run.err), (0, ["tool"], note))

    def test_an_empty_catalog_is_not_an_error(self):
        self.server.models = []
        self.assertEqual((self.models("list").code, self.ids("list")), (0, []))

    def test_a_row_without_an_id_is_exit_5(self):
        rows: tuple = ({}, {"id": None}, {"id": 5}, {"id": ""}, None, "acme/alpha", [])
        for row in rows:
            with self.subTest(row=row):
                self.server.always("GET", "/models", respond(200, {"data": [CATALOG[0], row]}))
                run = self.models("list")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertTrue(run.err.startswith("openrouter-remote: error: GET /models: "), run.err)

    def test_control_characters_from_the_network_are_escaped(self):
        evil = "acme/\x1b[2J\r\n\u202e\x9b"
        self.server.models = [make_model(evil, expiration_date="\x07soon")]
        for argv in (("list",), ("show", evil)):
            with self.subTest(argv):
                run = self.models(*argv)
                self.assertEqual(run.code, 0)
                self.assertTrue((run.out + run.err).replace("\n", "").isprintable())
                self.assertIn(r"acme/\x1b[2J\r\n\u202e\x9b", run.out)


class UnauthorizedCatalogTest(ModelsTest):
    """Deployments that refuse a request for the catalog without a key."""

    def test_a_key_is_sent_only_after_a_401(self):
        refusal = error(401, "No auth credentials found")
        for env, sent in (
            ({"OPENROUTER_API_KEY": USER_KEY}, USER_KEY),
            ({"OPENROUTER_MANAGEMENT_KEY": MANAGEMENT_KEY}, MANAGEMENT_KEY),
            ({"OPENROUTER_API_KEY": USER_KEY, "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT_KEY}, USER_KEY),
        ):
            with self.subTest(env):
                self.env = {name: value for name, value in self.env.items() if not name.endswith("_KEY")}
                self.env.update(env)
                self.server.requests.clear()
                self.server.fail("GET", "/models", refusal)
                self.assertEqual(self.models("list").code, 0)
                keys = [request.headers.get("authorization") for request in self.server.requests]
                self.assertEqual(keys, [None, f"Bearer {sent}"])

    def test_a_401_without_a_key_is_exit_3(self):
        self.env.pop("OPENROUTER_API_KEY", None)
        self.server.always("GET", "/models", error(401, "No auth credentials found"))
        self.assertEqual(self.models("list").code, 3)

    def test_a_401_or_403_of_a_proxy_is_exit_5(self):
        for body, kind, said in (
            ("<html><h1>403 Forbidden</h1></html>", "text/html", "403 Forbidden"),
            ("error code: 1010", "text/plain", "error code: 1010"),
            ("{}", "application/json", "{}"),
        ):
            for status in (401, 403):
                with self.subTest(kind, status=status):
                    self.server.always("GET", "/models", respond(status, body, content_type=kind))
                    run = self.models("list")
                    self.assertEqual((run.code, run.out), (5, ""))
                    hint = "hint: this response isn't from OpenRouter: look for a proxy or filter in between\n"
                    self.assertEqual(run.err, f"openrouter-remote: error: GET /models: {status} {said}\n{hint}")
                    self.assertNotIn("authorization", str([r.headers for r in self.server.requests]))

    def test_an_unusable_response_of_the_default_base_url_has_no_hint_about_it(self):
        del self.env["OPENROUTER_BASE_URL"]
        self.server.always("GET", "/models", html(404))
        with mock.patch.object(program, "DEFAULT_BASE_URL", self.server.url):
            run = self.models("list")
        self.assertEqual(run, Run(5, "", "openrouter-remote: error: GET /models: 404 404 Not Found 404 Not Found\n"))


class PagesTest(ModelsTest):
    def following(self, *links):
        """Return pages of one model each, with these `links.next`."""
        pages = [{"data": [row], "links": {"next": link}} for row, link in zip(CATALOG, links)]
        self.server.fail("GET", "/models", *(respond(200, program.dump_json(page)) for page in pages))

    def test_every_page_is_read(self):
        self.server.models_page_size = 3
        self.assertEqual(self.models("list"), Run(0, LIST, "8 models\n"))
        queries = ["", "?offset=3&limit=3", "?offset=6&limit=3"]
        self.assertEqual(self.targets(), [f"/api/v1/models{query}" for query in queries])

    def test_a_model_on_two_pages_is_one_row(self):
        self.following("/api/v1/models?offset=1", "/api/v1/models?offset=2")
        self.server.always("GET", "/models", respond(200, {"data": CATALOG[1:3], "links": {"next": None}}))
        self.assertEqual(self.ids("list"), IDS[:3])

    def test_a_page_without_a_usable_link_is_the_last(self):
        none: tuple = ({}, {"links": None}, {"links": {}}, {"links": []})
        for links in (*none, {"links": {"next": None}}, {"links": {"next": ""}}):
            with self.subTest(links=links):
                self.server.always("GET", "/models", respond(200, {"data": CATALOG[:2], **links}))
                self.assertEqual(self.ids("list"), IDS[:2])
                self.assertEqual(len(self.targets()), 1)

    def test_a_link_may_be_a_path_or_a_url(self):
        for link in ("/api/v1/models?offset=1", f"{self.server.url}/models?offset=1"):
            with self.subTest(link=link):
                self.following(link, None)
                self.assertEqual(self.ids("list"), IDS[:2])
                self.assertEqual(self.targets(), ["/api/v1/models", "/api/v1/models?offset=1"])

    def test_a_loop_of_links_ends(self):
        for name, links in (
            ("itself", ["/api/v1/models"] * 8),
            ("back and forth", ["/api/v1/models?offset=1", "/api/v1/models"] * 4),
        ):
            with self.subTest(name):
                self.server.always(
                    "GET", "/models", respond(200, {"data": CATALOG, "links": {"next": "/api/v1/models"}})
                )
                self.following(*links[:2])
                self.assertEqual(self.models("list").code, 0)
                self.assertLessEqual(len(self.targets()), 4)
                self.server.fail("GET", "/models")

    def test_a_page_that_adds_nothing_new_is_the_last(self):
        links = (f"/api/v1/models?offset={n}" for n in range(100))

        def same_models(handler):
            respond(200, {"data": CATALOG[:2], "links": {"next": next(links)}})(handler)

        self.server.always("GET", "/models", same_models)
        self.assertEqual(self.ids("list"), IDS[:2])
        self.assertEqual(len(self.targets()), 2)

    @mock.patch.object(program, "MAX_REQUESTS", 3)
    def test_endless_pages_are_an_error(self):
        self.following(*(f"/api/v1/models?offset={n}" for n in (1, 2, 3)))
        self.assertEqual(
            self.models("list"), Run(5, "", "openrouter-remote: error: GET /models: more than 1,000 pages\n")
        )
        self.assertEqual(len(self.targets()), 3)
        self.following("/api/v1/models?offset=1", "/api/v1/models?offset=2", None)
        self.assertEqual(self.ids("list"), IDS[:3])

    def test_a_link_to_another_origin_is_not_followed(self):
        other = self.start()
        self.env["OPENROUTER_BASE_URL"] = self.server.url
        host = f"127.0.0.1:{other.port}"
        elsewhere = (
            f"http://{host}/api/v1/models", f"//{host}/api/v1/models", f"https://127.0.0.1:{self.server.port}/x",
            "ftp:/x", 5, True, ["/"], {"href": "/"},
        )  # fmt: skip
        for link in elsewhere:
            with self.subTest(link=link):
                self.following(link)
                text = "openrouter-remote: error: GET /models: `links.next` leads elsewhere\n"
                self.assertEqual(self.models("list"), Run(5, "", text))
                self.assertEqual(self.targets(), ["/api/v1/models"])
        odd = (
            f"x@{host}/", f"@{host}/", f":{other.port}/", "0/", f".{host}/", f"/\\{host}/", f"/../../@{host}/",
            "/api/v1/models?a\r\nX-Evil: 1", "/\ud800",
        )  # fmt: skip
        for link in odd:
            with self.subTest(link=link):
                self.following(link)
                run = self.models("list")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertTrue(run.err.startswith("openrouter-remote: error: GET /models: "), run.err)
                self.assertFalse(any("x-evil" in request.headers for request in self.server.requests))
        self.assertEqual(other.requests, [])

    def test_a_failed_page_is_exit_5(self):
        self.server.models_page_size = 3
        page = {"data": CATALOG[:3], "links": {"next": "/api/v1/models?offset=3&limit=3"}}
        self.server.fail("GET", "/models", respond(200, page), error(400, "No"))
        self.assertEqual(self.models("list"), Run(5, "", "openrouter-remote: error: GET /models: 400 No\n"))


class FilterTest(ModelsTest):
    def test_each_filter(self):
        alpha, free, latest, tiered, leaving, structs, auto, unpriced = IDS
        for argv, expected in (
            (("--provider", "acme"), [alpha, free, latest]),
            (("--provider", "~ACME"), [alpha, free, latest]),
            (("--provider", "beta"), [tiered, leaving]),
            (("--free",), [free]),
            (("--paid",), [alpha, latest, tiered, leaving, structs]),
            (("--max-price-input", "0.8"), [alpha, free, latest, leaving, structs]),
            (("--max-price-input", "0.79999999"), [free, leaving, structs]),
            (("--max-price-input", "0"), [free]),
            (("--max-price-output", "0.1"), [free, leaving, structs]),
            (("--max-price-output", "1000000"), [alpha, free, latest, tiered, leaving, structs]),
            (("--min-context", "200000"), [alpha, latest, tiered, auto]),
            (("--min-context", "200k"), [alpha, latest, tiered, auto]),
            (("--min-context", "200001"), [tiered, auto]),
            (("--min-context", "1m"), [tiered, auto]),
            (("--min-context", "1.5M"), [auto]),
            (("--min-context", "8.192K"), [alpha, free, latest, tiered, leaving, auto]),
            (("--min-context", "0"), [alpha, free, latest, tiered, leaving, auto, unpriced]),
            (("--search", "TIERED-2.5"), [tiered]),
            (("--search", "long papers"), [tiered]),
            (("--search", "acme latest"), [latest]),
            (("--search", "STRASSE"), [structs]),
            (("--search", "[a-z]"), []),
            (("--search", ""), IDS),
        ):
            with self.subTest(argv):
                self.assertEqual(self.ids("list", *argv), expected)

    def test_filters_compose(self):
        for argv, expected in (
            ("--provider acme --supports tools", ["acme/alpha", "~acme/alpha-latest"]),
            ("--provider acme --supports tools,reasoning --max-price-input 1", ["acme/alpha"]),
            ("--free --min-context 100k", []),
            (
                "--max-price-input 1 --max-price-output 0.1 --search a",
                ["acme/alpha:free", "beta/leaving", "gamma/structs"],
            ),
            (
                "--max-price-input 1 --max-price-output 0.1 --search a --sort price-out --limit 2",
                ["acme/alpha:free", "gamma/structs"],
            ),
        ):
            with self.subTest(argv):
                self.assertEqual(self.ids("list", *argv.split()), expected)

    def test_each_word_of_supports(self):
        alpha, free, latest, tiered, leaving, structs, auto, unpriced = IDS
        for word, expected in (
            ("tools", [alpha, latest, leaving, auto]),
            ("vision", [alpha, latest, auto]),
            ("image", [alpha, latest, auto]),
            ("reasoning", [alpha, tiered, auto]),
            ("thinking", [alpha, tiered, auto]),
            ("json", [alpha, unpriced]),
            ("structured", [alpha, unpriced]),
            ("seed", [alpha, free]),
            ("structured_outputs", [structs]),
            ("tool_choice", [leaving]),
            ("include_reasoning", [tiered]),
            ("audio", [leaving]),
            ("file", [tiered]),
            ("text", IDS),
            ("tools,vision", [alpha, latest, auto]),
            ("json,reasoning,vision,seed", [alpha]),
            (" Tools , SEED ", [alpha]),
            ("audio,file", []),
        ):
            with self.subTest(word):
                self.assertEqual(self.ids("list", "--supports", word), expected)

    def test_an_unknown_author_is_a_usage_error_with_the_nearest(self):
        message = (
            "openrouter-remote: error: --provider acm: no model is by this author\nhint: did you mean acme, gamma?\n"
        )
        for command in ("list", "cheap"):
            self.assertEqual(self.models(command, "--provider", "Acm"), Run(2, "", message))

    def test_an_author_without_text_models_is_not_an_error(self):
        self.server.models.append(make_model("delta/painter", architecture=make_architecture(outputs="image")))
        self.assertEqual(self.ids("list", "--provider", "delta"), [])
        self.assertEqual(self.targets(), ["/api/v1/models", WHOLE])

    def test_an_unknown_capability_is_a_usage_error_with_the_nearest(self):
        self.assertEqual(
            self.models("list", "--supports", "tools,resoning"),
            Run(
                2,
                "",
                "openrouter-remote: error: --supports resoning: no model supports this\n"
                "hint: did you mean reasoning, include_reasoning, thinking?\n",
            ),
        )
        self.assert_usage_error(
            self.models("cheap", "--supports", "qqqq"), "--supports qqqq: no model supports this\nhint: "
        )

    def test_a_known_capability_may_match_nothing(self):
        self.assertEqual(self.ids("list", "--provider", "acme", "--supports", "audio"), [])

    def test_invalid_values_are_usage_errors_before_any_request(self):
        for option, values in (
            ("--min-context", ("k", "", "200kb", "-1", "1.5", "1.2345k", "nan", "1e99", "200 k", "٣k")),
            ("--max-price-input", ("-1", "free", "nan", "inf", "", "$1")),
            ("--max-price-output", ("-0.01", "one", "Infinity")),
            ("--limit", ("0", "-1", "1.5", "all", "0k")),
            ("--sort", ("price", "", "NAME")),
            ("--supports", ("", ",", " , ")),
        ):
            for value in values:
                with self.subTest(option, value=value):
                    self.assert_usage_error(self.models("list", f"{option}={value}"), f"argument {option}: ")
                    self.assertEqual(self.server.requests, [])

    def test_limit_is_how_many_are_listed(self):
        for limit, expected in (("1", IDS[:1]), ("3", IDS[:3]), ("8", IDS), ("2k", IDS)):
            with self.subTest(limit=limit):
                self.assertEqual(self.ids("list", "--limit", limit), expected)


class BatchTest(ModelsTest):
    """Ids ending in `:batch` work only through the Batch API: they are listed only with --batch."""

    ONE = "1 Batch API model hidden; --batch lists only those\n"
    TWO = "2 Batch API models hidden; --batch lists only those\n"

    def setUp(self):
        super().setUp()
        for id, price in (("acme/alpha:batch", "0.4"), ("beta/leaving:batch", "0.025")):
            base = next(model for model in CATALOG if model["id"] == id[:-6])
            self.server.models.append({**base, "id": id, "pricing": make_pricing(price, price)})

    def test_batch_models_are_left_out_and_counted(self):
        self.assertEqual(self.models("list"), Run(0, LIST, f"8 models\n{self.TWO}"))
        run = self.models("list", "--json")
        self.assertEqual((run.code, run.err), (0, self.TWO))
        self.assertEqual(list(json.loads(run.out))[1:], IDS)

    def test_cheap_leaves_batch_models_out(self):
        run = self.models("cheap", "--paid", "--json")
        self.assertEqual((run.code, run.err), (0, self.TWO))
        self.assertEqual(list(json.loads(run.out))[1], "gamma/structs")
        self.assertNotIn(":batch", run.out)

    def test_the_count_has_those_that_match_the_other_filters_before_the_limit(self):
        for argv, err in (
            (("--provider", "acme"), self.ONE),
            (("--provider", "beta", "--limit", "1"), self.ONE),
            (("--limit", "1", "--paid"), self.TWO),
            (("--max-price-input", "0.03"), self.ONE),
            (("--provider", "gamma"), ""),
            (("--free",), ""),
        ):
            for command in ("list", "cheap"):
                with self.subTest(argv, command=command):
                    self.assertEqual(self.models(command, *argv, "--json").err, err)
                    self.assertTrue(self.models(command, *argv).err.endswith(f"\n{err}"))

    def test_nothing_is_printed_without_batch_models(self):
        self.server.models = list(CATALOG)
        self.assertEqual(self.models("list").err, "8 models\n")
        self.assertEqual(self.models("list", "--json").err, "")

    def test_batch_lists_them_instead_of_the_others(self):
        run = self.models("list", "--batch")
        self.assertEqual((run.code, run.err), (0, "2 models\n"))
        self.assertEqual(self.ids("list", "--batch"), ["acme/alpha:batch", "beta/leaving:batch"])
        self.assertEqual(self.ids("cheap", "--batch"), ["beta/leaving:batch", "acme/alpha:batch"])
        self.assertEqual(self.ids("list", "--batch", "--provider", "acme", "--supports", "tools"), ["acme/alpha:batch"])

    def test_show_says_batch_api_only(self):
        run = self.models("show", "acme/alpha:batch")
        self.assertEqual(run.code, 0)
        self.assertIn("Batch API only\n", run.out)
        self.assertNotIn("Batch API", self.models("show", "acme/alpha").out)

    def test_a_diff_ignores_batch_models(self):
        saved = self.models("list", "--json").out
        rows = json.loads(saved)
        rows["gone/model:batch"] = {**rows["acme/alpha"], "id": "gone/model:batch"}
        rows["acme/alpha:batch"] = {**rows["acme/alpha"], "id": "acme/alpha:batch"}
        self.write("old.json", json.dumps(rows))
        self.assertEqual(self.payload("diff", "old.json"), {"added": [], "removed": [], "changed": {}})

    def test_a_diff_compares_only_models_that_output_text(self):
        rows = json.loads(self.models("list", "--json").out)
        for id, outputs in (("gone/pictures", "image"), ("gone/both", "image text"), ("gone/text", "text")):
            rows[id] = {**rows["acme/alpha"], "id": id, "architecture": make_architecture("text", outputs)}
        self.write("old.json", json.dumps(rows))
        self.assertEqual(self.payload("diff", "old.json")["removed"], ["gone/both", "gone/text"])


class OutputFilterTest(ModelsTest):
    """`--output`: by default the API lists only models that output text."""

    def setUp(self):
        super().setUp()
        self.server = self.start(
            models=[
                make_model("a/words"),
                make_model("b/pictures", architecture=make_architecture("text", "image")),
                make_model("c/both", architecture=make_architecture("text", "image text")),
                make_model("d/vectors", architecture=make_architecture("text", "embeddings")),
            ]
        )

    def test_each_modality_and_all(self):
        for value, ids in (
            ("image", ["b/pictures", "c/both"]),
            ("IMAGE", ["b/pictures", "c/both"]),
            ("embeddings", ["d/vectors"]),
            ("image,embeddings", ["b/pictures", "c/both", "d/vectors"]),
            ("text", ["a/words", "c/both"]),
            ("all", ["a/words", "b/pictures", "c/both", "d/vectors"]),
        ):
            with self.subTest(value):
                self.server.requests.clear()
                self.assertEqual(self.ids("list", "--output", value), ids)
                queries = [request.query for request in self.server.requests]
                self.assertEqual(queries, [{"output_modalities": value.lower()}])

    def test_no_modality_is_requested_by_default(self):
        self.assertEqual(self.ids("list"), ["a/words", "c/both"])
        self.assertEqual(self.server.requests[0].target, "/api/v1/models")

    def test_an_api_that_ignores_the_modality_is_filtered_here(self):
        everything = {"data": self.server.models, "links": {"next": None}, "total_count": 4}
        self.server.always("GET", "/models", respond(200, everything))
        self.assertEqual(self.ids("list", "--output", "embeddings"), ["d/vectors"])

    def test_all_with_others_means_all(self):
        self.assertEqual(len(self.ids("list", "--output", "image,all")), 4)
        self.assertEqual(self.server.requests[0].query, {"output_modalities": "all"})

    def test_an_unknown_modality_is_a_usage_error_with_the_nearest(self):
        message = "openrouter-remote: error: --output images: no model outputs this\nhint: did you mean image?\n"
        self.assertEqual(self.run_program("models", "list", "--output", "images"), Run(2, "", message))

    def test_undecodable_bytes_are_an_unknown_modality(self):
        run = self.run_program("models", "list", "--output", os.fsdecode(b"\xff\xfe"))
        self.assertEqual((run.code, run.out), (2, ""))
        self.assertIn("no model outputs this\n", run.err)

    def test_output_composes_with_the_other_filters(self):
        self.assertEqual(self.ids("list", "--output", "all", "--search", "c"), ["b/pictures", "c/both", "d/vectors"])
        self.assertEqual(self.ids("list", "--output", "image", "--provider", "b"), ["b/pictures"])


class MineAndZdrTest(ModelsTest):
    """`--mine`: models that the user key's settings allow; `--zdr`: models with a zero-data-retention endpoint."""

    def test_mine_sends_the_user_key(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        server = self.server = self.start(models_page_size=2)
        allowed = {row["id"] for row in server.models if "text" in row["architecture"]["output_modalities"]}
        self.assertEqual(set(self.ids("list", "--mine")), allowed & server.user_models)
        self.assertEqual({request.path for request in server.requests}, {"/models/user"})
        self.assertEqual({request.headers["authorization"] for request in server.requests}, {f"Bearer {USER_KEY}"})

    def test_mine_composes_with_an_output_and_the_filters(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        server = self.server = self.start(user_models={"northwind/gale-70b", "meridian/sketch-1", "lumen/lumen-4-mini"})
        self.assertEqual(self.ids("list", "--mine", "--output", "image"), ["meridian/sketch-1"])
        self.assertEqual(server.requests[0].query, {"output_modalities": "image"})
        self.assertEqual(self.ids("list", "--mine", "--supports", "vision"), ["lumen/lumen-4-mini"])

    def test_mine_without_a_user_key_sends_nothing(self):
        server = self.start()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        run = self.run_program("models", "list", "--mine")
        self.assertEqual((run.code, run.out, server.requests), (3, "", []))
        self.assertIn("error: no user key: set OPENROUTER_API_KEY\n", run.err)

    def test_errors_of_mine_have_the_usual_exit_codes(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for fault, code, message in (
            (error(401, "User not found."), 3, "GET /models/user: 401 User not found."),
            (error(404, "Not Found"), 5, "GET /models/user: 404 Not Found"),
            (error(500, "Broken"), 5, "GET /models/user: 500 Broken (3 tries)"),
        ):
            with self.subTest(message):
                server = self.start()
                server.always("GET", "/models/user", fault)
                run = self.run_program("models", "cheap", "--mine")
                self.assertEqual((run.code, run.out), (code, ""))
                self.assertTrue(run.err.startswith(f"openrouter-remote: error: {message}\n"), run.err)
                self.assertEqual({request.path for request in server.requests}, {"/models/user"})

    def test_zdr_is_a_query_parameter(self):
        server = self.server = self.start()
        self.assertEqual(set(self.ids("list", "--zdr")), server.zdr_models)
        self.assertEqual([request.target for request in server.requests], ["/api/v1/models?zdr=true"])
        self.assertEqual(self.ids("list", "--zdr", "--supports", "vision"), ["lumen/lumen-4-mini"])

    def test_mine_and_zdr_dont_combine(self):
        server = self.start()
        self.assertEqual(
            self.run_program("models", "list", "--mine", "--zdr"),
            Run(
                2,
                "",
                "openrouter-remote: error: --mine can't be used with --zdr\n"
                "hint: GET /models/user doesn't support zdr\n",
            ),
        )
        self.assertEqual(server.requests, [])


class SortTest(ModelsTest):
    def test_each_sort(self):
        alpha, free, latest, tiered, leaving, structs, auto, unpriced = IDS
        for sort, expected in (
            ("price-in", [free, structs, leaving, alpha, latest, tiered, auto, unpriced]),
            ("price-out", [free, structs, leaving, alpha, latest, tiered, auto, unpriced]),
            ("context", [auto, tiered, alpha, latest, free, leaving, unpriced, structs]),
            ("created", [latest, free, alpha, leaving, unpriced, structs, auto, tiered]),
            ("name", [latest, alpha, free, leaving, tiered, unpriced, auto, structs]),
        ):
            with self.subTest(sort):
                self.assertEqual(self.ids("list", "--sort", sort), expected)

    def test_the_default_order_is_that_of_the_api(self):
        self.server.models.reverse()
        self.assertEqual(self.ids("list"), IDS[::-1])

    def test_models_without_a_figure_sort_last(self):
        for field, sort in (("context_length", "context"), ("created", "created")):
            with self.subTest(sort):
                self.server.models = [make_model(f"a/{n}", **{field: n}) for n in (None, 5, None, 7, 6)]
                self.assertEqual(self.ids("list", "--sort", sort), ["a/7", "a/6", "a/5", "a/None"])
        prices = (None, "-1", "0.000002", "?", "0", "0.000001")
        self.server.models = [
            make_model(f"a/{n}", pricing={"prompt": price, "completion": price}) for n, price in enumerate(prices)
        ]
        for sort in ("price-in", "price-out"):
            with self.subTest(sort):
                self.assertEqual(self.ids("list", "--sort", sort), ["a/4", "a/5", "a/2", "a/0", "a/1", "a/3"])

    def test_prices_are_compared_exactly(self):
        prices = ("0.00000000000000000000003", "0.00000000000000000000001", "0.00000000000000000000002")
        self.server.models = [make_model(f"a/{p[-1]}", pricing={"prompt": p, "completion": p}) for p in prices]
        self.assertEqual(self.ids("list", "--sort", "price-in"), ["a/1", "a/2", "a/3"])

    def test_cheap_is_the_list_by_input_price(self):
        self.assertEqual(self.ids("cheap"), self.ids("list", "--sort", "price-in"))
        self.assertEqual(self.ids("cheap", "--sort", "context"), self.ids("list", "--sort", "context"))
        filters = ("--provider", "acme", "--supports", "tools", "--min-context", "1k")
        self.assertEqual(self.ids("cheap", *filters), ["acme/alpha", "~acme/alpha-latest"])

    def test_cheap_shows_twenty_unless_a_limit_says_otherwise(self):
        self.server.models = [make_model(f"a/{n}", pricing=make_pricing(str(n), "1")) for n in range(30, 5, -1)]
        self.assertEqual(self.ids("cheap"), [f"a/{n}" for n in range(6, 26)])
        self.assertEqual(self.models("cheap").err, "20 of 25 models\n")
        self.assertEqual(len(self.ids("cheap", "--limit", "3")), 3)
        self.assertEqual(len(self.ids("cheap", "--limit", "1k")), 25)


class Prices(ModelsTest):
    def test_every_notation_of_a_price(self):
        """The price in the response, per million in JSON, and in the table."""
        for given, million, cell in (
            ("0.0000008", "0.8", "0.80"),
            ("0.000004", "4", "4.00"),
            ("0.0000040", "4", "4.00"),
            ("0.00001", "10", "10.00"),
            ("0.001", "1000", "1000.00"),
            ("0.0000001234", "0.1234", "0.1234"),
            ("0.000000123456789", "0.123456789", "0.123457"),
            ("0.00000000000000000000001", "0.00000000000000001", "0.00000000000000001"),
            ("8e-7", "0.8", "0.80"),
            ("1E-6", "1", "1.00"),
            (Decimal("0.0000008"), "0.8", "0.80"),
            (1, "1000000", "1000000.00"),
            ("0", "0", "0.00"),
            (0, "0", "0.00"),
            ("0.0000", "0", "0.00"),
            ("-1", None, "varies"),
            (-1, None, "varies"),
            ("-0.000001", None, "varies"),
            (None, None, "-"),
            ("", None, "-"),
            ("free", None, "-"),
            ("NaN", None, "-"),
            ("Infinity", None, "-"),
            ("-Infinity", None, "-"),
            ("１", None, "-"),
            ("1" * 5000, None, "-"),
            ("1e99999999999", None, "-"),
            (True, None, "-"),
            ([], None, "-"),
            ({"usd": 1}, None, "-"),
        ):
            with self.subTest(given=str(given)[:40]):
                self.server.models = [make_model("a/b", pricing={"prompt": given, "completion": given})]
                row = self.payload("list")["a/b"]
                self.assertEqual(row["price_per_million"], {"input": million, "output": million})
                self.assertEqual(self.models("list").out.splitlines()[1].split()[1:3], [cell, cell])

    def test_a_missing_price_is_null(self):
        for pricing, expected in (
            ({"completion": "0.000001"}, {"input": None, "output": "1"}),
            ({}, {"input": None, "output": None}),
            (None, {"input": None, "output": None}),
            ("0.1", {"input": None, "output": None}),
        ):
            with self.subTest(pricing=pricing):
                self.server.models = [make_model("a/b", pricing=pricing)]
                self.assertEqual(self.payload("list")["a/b"]["price_per_million"], expected)
        del self.server.models[0]["pricing"]
        self.assertEqual(self.payload("list")["a/b"]["price_per_million"], {"input": None, "output": None})

    def test_paid_means_an_input_or_output_price_above_zero(self):
        for prompt, completion, paid in (
            ("0.000001", "0", True), ("0", "0.000001", True), ("0", "0", False), ("-1", "-1", False), ("-1", "1", True),
            (None, None, False), (None, "0.5", True), ("much", "0", False),
        ):  # fmt: skip
            with self.subTest(prompt=prompt, completion=completion):
                self.server.models = [make_model("a/b", pricing={"prompt": prompt, "completion": completion})]
                self.assertEqual(self.ids("list", "--paid"), ["a/b"] * paid)

    def test_a_hint_names_paid_if_free_models_fill_cheap(self):
        free = [make_model(f"a/free-{n}", pricing=make_pricing("0", "0")) for n in range(3)]
        self.server.models = [*free, make_model("a/paid", pricing=make_pricing("1", "1"))]
        line = "hint: all {} shown are free; add --paid to leave free models out\n"
        for argv, err in (
            (("cheap", "--limit", "2"), "2 of 4 models\n" + line.format(2)),
            (("cheap", "--limit", "3"), "3 of 4 models\n" + line.format(3)),
            (("cheap", "--limit", "2", "--cost", "1k:1k"), "2 of 4 models\n" + line.format(2)),
            (("cheap", "--limit", "2", "--json"), line.format(2)),
            (("cheap",), "4 models\n"),
            (("cheap", "--free", "--limit", "2"), "2 of 3 models\n"),
            (("cheap", "--paid"), "1 model\n"),
        ):
            with self.subTest(argv):
                self.assertEqual(self.models(*argv).err, err)

    def test_free_means_input_and_output_prices_of_exactly_zero(self):
        for prompt, completion, free in (
            ("0", "0", True),
            (0, 0, True),
            ("0.000", "0e5", True),
            ("0", "0.00000000000000000000001", False),
            ("0.00000000000000000000001", "0", False),
            ("-1", "-1", False),
            ("-0.0000001", "0", False),
            ("0", None, False),
            (None, None, False),
            ("", "", False),
            (False, False, False),
        ):
            with self.subTest(prompt=prompt, completion=completion):
                self.server.models = [make_model("a/b", pricing={"prompt": prompt, "completion": completion})]
                self.assertEqual(self.ids("list", "--free"), ["a/b"] if free else [])

    def test_a_price_that_varies_or_is_unknown_is_within_no_limit(self):
        for price in ("-1", None, "", "free"):
            for option in ("--max-price-input", "--max-price-output"):
                with self.subTest(price=price, option=option):
                    self.server.models = [make_model("a/b", pricing={"prompt": price, "completion": price})]
                    self.assertEqual(self.ids("list", option, "1000000000"), [])

    def test_price_overrides_are_marked(self):
        for overrides, marked in (
            ([TIER], True),
            ([NIGHT], True),
            ([{"input_cache_read": "0.1"}], True),
            ([], False),
            (None, False),
        ):
            with self.subTest(overrides=overrides):
                self.server.models = [make_model("a/b", pricing=make_pricing("1", "2", overrides=overrides))]
                line = self.models("list").out.splitlines()[1]
                expected = "a/b   1.00*    2.00*     131k  * price tiers" if marked else "a/b    1.00     2.00     131k"
                self.assertEqual(line, expected)

    def test_both_notes_are_shown(self):
        pricing = make_pricing("1", "2", overrides=[TIER])
        self.server.models = [make_model("a/b", pricing=pricing, expiration_date="2027-01-31")]
        self.assertTrue(self.models("list").out.endswith("  * price tiers, expires 2027-01-31\n"))


class OtherUnitsTest(ModelsTest):
    """Models that output audio or images, whose tokens cost nothing: they are billed in another unit."""

    def setUp(self):
        super().setUp()
        free = make_pricing("0", "0")
        models: list = [
            ("a/text", free, "text", "text"),
            ("a/search", make_pricing("0", "0", web_search="0.01"), "text", "text"),
            ("a/fee", make_pricing("0", "0", request="0.02"), "text", "text"),
            ("a/pixels", make_pricing("0", "0", image_output="0.04"), "text", "text image"),
            ("a/song", free, "text", "text audio"),
            ("a/song:free", free, "text", "text audio"),
            ("a/cheap", make_pricing("0.01", "0.01"), "text", "text"),
        ]
        self.server.models = [
            make_model(id, pricing=pricing, architecture=make_architecture(inputs, outputs))
            for id, pricing, inputs, outputs in models
        ]

    def test_models_billed_in_another_unit_are_not_free(self):
        self.assertEqual(self.ids("list", "--free"), ["a/text", "a/search", "a/song:free"])

    def test_models_billed_in_another_unit_sort_last_by_price(self):
        by_token = ["a/text", "a/search", "a/fee", "a/song:free", "a/cheap"]
        self.assertEqual(self.ids("cheap"), [*by_token, "a/pixels", "a/song"])
        self.assertEqual(self.ids("list", "--max-price-input", "0.01"), by_token)

    def test_their_price_per_million_is_null_and_a_dash_with_a_note(self):
        row = self.payload("list", "--search", "a/song", "--output", "all")["a/song"]
        self.assertEqual(row["price_per_million"], {"input": None, "output": None})
        line = self.models("list", "--search", "pixels").out.splitlines()[1]
        self.assertEqual(line.split(None, 4), ["a/pixels", "-", "-", "131k", "not billed per token"])


class PriceUnitsTest(ModelsTest):
    def prices(self, **pricing):
        self.server.models = [make_model("a/b", pricing=make_pricing("2", "12", **pricing))]
        lines = self.models("show", "a/b").out.splitlines()
        return {line.partition(":")[0][len("price, ") :]: line.split(None, 3)[-1] for line in lines if "price" in line}

    def test_a_price_too_low_for_an_image_is_per_token(self):
        for field, label in (("image", "image input"), ("image_output", "image output")):
            for value, shown in (
                ("0.000002", "$2.00 per million tokens"),
                ("0.0009999", "$999.90 per million tokens"),
                ("0.001", "$0.001 per image"),
                ("0.00265", "$0.00265 per image"),
                ("0", "$0.00 per million tokens"),
            ):
                with self.subTest(field=field, value=value):
                    self.assertEqual(self.prices(**{field: value})[label], shown)

    def test_other_prices_have_their_units(self):
        self.server.models = [
            make_model(
                "a/b",
                pricing=make_pricing(
                    "2", "12", input_cache_read="0.0000002", audio="0.000001", internal_reasoning="0.000012",
                    request="0.01", web_search="0.014", image_token="0.000003", lunar="0.5",
                ),
            )
        ]  # fmt: skip
        lines = [line for line in self.models("show", "a/b").out.splitlines() if line.startswith("price")]
        self.assertEqual(
            [re.sub(" +", " ", line) for line in lines],
            [
                "price, input: $2.00 per million tokens",
                "price, output: $12.00 per million tokens",
                "price, cache read: $0.20 per million tokens",
                "price, reasoning: $12.00 per million tokens",
                "price, audio input: $1.00 per million tokens",
                "price, image tokens: $3.00 per million tokens",
                "price, request: $0.01 per request",
                "price, web search: $0.014 per search",
                "price, lunar: $0.50",
            ],
        )


class ShowTest(ModelsTest):
    FULL = make_model(
        "acme/full-2.5",
        name="Acme: Full 2.5",
        context_length=1_048_576,
        top_provider={"context_length": 1_048_576, "max_completion_tokens": 65_536, "is_moderated": True},
        architecture={**make_architecture("text image file"), "output_modalities": ["text", "image"]},
        pricing={
            "web_search": "0.01",
            "future_price": "0.5",
            "completion": "0.000015",
            "prompt": "0.000003",
            "image": "0.0048",
            "request": "0",
            "input_cache_read": "0.0000003",
            "input_cache_write": "0.00000375",
            "internal_reasoning": None,
            "audio": "-1",
            "discount": Decimal("0.1"),
            "overrides": [TIER, {**NIGHT, "utc_days": [6, 7]}, {"min_prompt_tokens": 1_000_000, **NIGHT}],
        },
        supported_parameters=["seed", "tools"],
        benchmarks={
            "artificial_analysis": {"intelligence_index": Decimal("61.4"), "coding_index": 57, "agentic_index": None},
            "design_arena": [{"arena": "models", "category": "website", "elo": Decimal("1385.2"), "rank": 5}],
        },
        knowledge_cutoff="2025-11-30",
        expiration_date="2027-01-31",
        description="Long.\n\n  And  wide.",
    )  # fmt: skip
    SHEET = """\
name:                Acme: Full 2.5
description:         Long. And wide.
id:                  acme/full-2.5
canonical slug:      acme/full-2.5-20260301
inputs:              text, image, file
outputs:             text, image
context:             1,048,576 tokens
output limit:        65,536 tokens
price, input:        $3.00 per million tokens
price, output:       $15.00 per million tokens
price, cache read:   $0.30 per million tokens
price, cache write:  $3.75 per million tokens
price, reasoning:    unknown
price, audio input:  varies
price, image input:  $0.0048 per image
price, request:      $0.00 per request
price, web search:   $0.01 per search
price, future_price: $0.50
discount:            0.1 (in these prices already)
price tier:          above 200k prompt tokens: input $6.00 per million tokens, output $22.50 per million tokens
price tier:          from 16:30 to 00:30 UTC and on UTC days [6, 7]: input $0.07 per million tokens, output $0.28 per \
million tokens
price tier:          above 1M prompt tokens and from 16:30 to 00:30 UTC: input $0.07 per million tokens, output $0.28 \
per million tokens
parameters:          seed, tools
intelligence index:  61.4
coding index:        57
design arena:        website 5
knowledge cutoff:    2025-11-30
expires:             2027-01-31
"""

    def setUp(self):
        super().setUp()
        self.server.models = [
            self.FULL,
            make_model("acme/claude-haiku-4.5"),
            make_model("acme/claude-haiku-4.5:free"),
            make_model("acme/claude-opus-4.5"),
            make_model("~acme/opus-latest", alias_target={"slug": "acme/claude-opus-4.5", "name": "Opus"}),
            make_model("beta/mini_one"),
        ]

    def shown(self, name):
        """The id of the model that `models show NAME` finds."""
        return self.payload("show", name)["id"]

    def test_the_text_has_every_field(self):
        self.assertEqual(self.models("show", "acme/full-2.5"), Run(0, self.SHEET, ""))

    def test_json_is_the_object_of_the_api(self):
        run = self.models("show", "acme/full-2.5", "--json")
        document = json.loads(run.out, parse_float=Decimal)
        self.assertEqual(next(iter(document)), "tool")
        del document["tool"]
        self.assertEqual(document, self.FULL)
        self.assertEqual(run.err, "")

    def test_an_id_or_canonical_slug_doesnt_wait_for_the_catalog(self):
        self.server.always("GET", "/models", stall())
        for name in ("acme/full-2.5", "acme/full-2.5-20260301"):
            with self.subTest(name):
                self.assertEqual(self.shown(name), "acme/full-2.5")
                self.assertEqual(self.other_targets(), [f"/api/v1/model/{name}"])

    def test_the_model_and_the_catalog_are_requested_at_the_same_time(self):
        together = threading.Barrier(2, timeout=LONGEST_WAIT)

        def meet(handler):
            together.wait()
            as_usual(handler)

        self.server.fail("GET", "/models", meet)
        self.server.fail("GET", "/model/acme/claude-haiku-4-5", meet)
        self.assertEqual(self.shown("acme/claude-haiku-4-5"), "acme/claude-haiku-4.5")
        self.server.requests.clear()
        self.assertEqual(self.shown("haiku-4-5:free"), "acme/claude-haiku-4.5:free")
        self.assertEqual(self.targets(), [WHOLE])

    def test_an_alias_finds_its_model(self):
        self.assertEqual(self.shown("~acme/opus-latest"), "acme/claude-opus-4.5")
        self.assertEqual(self.other_targets(), ["/api/v1/model/~acme/opus-latest"])

    def test_a_variant_keeps_its_colon(self):
        self.assertEqual(self.shown("acme/claude-haiku-4.5:free"), "acme/claude-haiku-4.5:free")
        self.assertEqual(self.other_targets(), ["/api/v1/model/acme/claude-haiku-4.5:free"])

    def test_a_name_the_api_doesnt_know_is_looked_up_in_the_catalog(self):
        for name, id in (
            ("acme/claude-haiku-4-5", "acme/claude-haiku-4.5"),
            ("Acme/Claude.Haiku.4.5", "acme/claude-haiku-4.5"),
            ("acme/claude-haiku-4-5:free", "acme/claude-haiku-4.5:free"),
            ("acme/full-2-5-20260301", "acme/full-2.5"),
            ("beta/mini-one", "beta/mini_one"),
            ("claude-haiku-4.5", "acme/claude-haiku-4.5"),
            ("haiku-4-5:free", "acme/claude-haiku-4.5:free"),
            ("MINI", "beta/mini_one"),
            ("full", "acme/full-2.5"),
            ("ta/mi", "beta/mini_one"),
            ("Claude Haiku 4.5", "acme/claude-haiku-4.5"),
            (" haiku ", "acme/claude-haiku-4.5"),
        ):
            with self.subTest(name):
                self.assertEqual(self.shown(name), id)
                self.assertIn(WHOLE, self.targets())

    def test_the_catalog_is_enough_if_the_model_path_doesnt_exist(self):
        self.server.has_model_path = False
        for name, id in (
            ("acme/full-2.5", "acme/full-2.5"),
            ("acme/full-2.5-20260301", "acme/full-2.5"),
            ("acme/claude-haiku-4.5-20260301", "acme/claude-haiku-4.5"),
            ("~acme/opus-latest", "~acme/opus-latest"),
            ("acme/claude-haiku-4-5", "acme/claude-haiku-4.5"),
        ):
            with self.subTest(name):
                self.assertEqual(self.shown(name), id)
        self.assertIn("alias of:       acme/claude-opus-4.5\n", self.models("show", "~acme/opus-latest").out)

    def test_several_candidates_are_exit_4_with_their_ids(self):
        for name, ids in (
            ("opus", "acme/claude-opus-4.5, ~acme/opus-latest"),
            ("full 2", "acme/full-2.5, acme/full-2.6:free"),
        ):
            with self.subTest(name):
                self.server.models.append(make_model("acme/full-2.6:free"))
                text = f"openrouter-remote: error: '{name}' matches 2 models\nhint: use one of: {ids}\n"
                self.assertEqual(self.models("show", name), Run(4, "", text))

    def test_suffixes_and_the_openrouter_prefix_are_ignored_with_a_note(self):
        for name, id in (
            ("acme/full-2.5:nitro", "acme/full-2.5"),
            ("acme/claude-haiku-4-5:FLOOR", "acme/claude-haiku-4.5"),
            ("haiku:online", "acme/claude-haiku-4.5"),
            ("full:exacto", "acme/full-2.5"),
            ("openrouter/acme/full-2.5", "acme/full-2.5"),
            ("openrouter/haiku", "acme/claude-haiku-4.5"),
            ("OpenRouter/acme/full-2.5:nitro", "acme/full-2.5"),
        ):
            with self.subTest(name):
                run = self.models("show", name, "--json")
                note = f"'{name}' was read as {id}\n"
                self.assertEqual((run.code, json.loads(run.out)["id"], run.err), (0, id, note))

    def test_an_exact_id_with_a_suffix_or_prefix_wins(self):
        for id in ("acme/full-2.5:nitro", "openrouter/haiku"):
            self.server.models.append(make_model(id))
            run = self.models("show", id, "--json")
            self.assertEqual((run.code, json.loads(run.out)["id"], run.err), (0, id, ""))

    def test_a_model_without_text_output_is_found(self):
        self.server.models.append(make_model("beta/painter-1", architecture=make_architecture(outputs="image")))
        self.assertEqual(self.shown("painter"), "beta/painter-1")

    def test_a_free_variant_names_its_paid_twin(self):
        for name in ("acme/claude-haiku-4.5:free", "haiku-4.5:free"):
            self.assertIn("\npaid twin:      acme/claude-haiku-4.5\n", self.models("show", name).out)
        self.assertNotIn("paid twin", self.models("show", "acme/claude-haiku-4.5").out)
        self.server.models = [make_model("a/b:free")]
        self.assertNotIn("paid twin", self.models("show", "a/b:free").out)
        self.server.always("GET", "/models", error(500, "Down"))
        self.assertNotIn("paid twin", self.models("show", "a/b:free").out)

    def test_a_smaller_context_of_the_top_provider_is_shown(self):
        for own, top, line in ((2000, 1000, True), (1000, 1000, False), (1000, 2000, False), (1000, None, False)):
            with self.subTest(own=own, top=top):
                self.server.models = [make_model("a/b", context_length=own, top_provider={"context_length": top})]
                self.assertEqual("context, top provider: 1,000 tokens\n" in self.models("show", "a/b").out, line)

    def test_an_unknown_name_is_exit_4_with_the_nearest_ids(self):
        for name, nearest in (
            ("acme/claude-opus-4.6", "acme/claude-opus-4.5"),
            ("acme/claud-haiku-4.5", "acme/claude-haiku-4.5"),
            ("beta/mini-won", "beta/mini_one"),
            ("mini-won", "beta/mini_one"),
        ):
            with self.subTest(name):
                run = self.models("show", name)
                self.assertEqual((run.code, run.out), (4, ""))
                start = f"openrouter-remote: error: no model named '{name}'\nhint: did you mean {nearest}"
                self.assertEqual(run.err[: len(start)], start)

    def test_an_unknown_name_that_resembles_nothing_has_a_hint_to_search(self):
        text = (
            "openrouter-remote: error: no model named 'qqqqqq'\n"
            "hint: search for it: openrouter-remote models list --search TEXT\n"
        )
        self.assertEqual(self.models("show", "qqqqqq"), Run(4, "", text))

    def test_a_failed_request_is_exit_5_and_not_an_unknown_model(self):
        for command in ("show", "endpoints"):
            for fault in (error(500, "Oops"), error(400, "Oops"), hang_up(), html(200), respond(200, {})):
                with self.subTest(command, fault=fault):
                    self.server.always("GET", "*", fault)
                    run = self.models(command, "acme/full-2.5")
                    self.assertEqual((run.code, run.out), (5, ""))

    def test_a_response_without_any_known_field_is_not_a_traceback(self):
        for data in ({}, {"unheard_of": 1}, {"id": None}):
            with self.subTest(data=data):
                self.server.always("GET", "/model/acme/full-2.5", respond(200, {"data": data}))
                self.assertIn(self.models("show", "acme/full-2.5").code, (0, 5))

    def test_eight_of_many_candidates_are_listed(self):
        for many, more in ((8, ""), (9, " and 1 more"), (20, " and 12 more")):
            with self.subTest(many=many):
                self.server.models = [make_model(f"acme/part-{n}") for n in range(many)]
                named = ", ".join(f"acme/part-{n}" for n in range(8))
                message = f"openrouter-remote: error: 'part' matches {many} models\nhint: use one of: {named}{more}\n"
                self.assertEqual(self.models("show", "part"), Run(4, "", message))


class HostileNamesTest(ModelsTest):
    NAMES = (
        "", " ", ".", "..", "/", "//", "../credits", "..\\credits", "a/..", "../..", "a/../../credits", "./credits",
        "a/.", "/credits", "a/", "credits/", "?offset=1", "a/b?offset=1", "a?b/c", "a/b#c", "#", "a/b;c=d", "a/b&c",
        "%2e%2e/credits", "a/%2e%2e", "%2F..%2F/x", "a b/c d", "a\nb/c", "a\r\nX-Evil: 1/c", "a\x00/b", "a\\b/c",
        "модель/имя", "имя", "\udcff/x", "x\udcff", "//evil.example/x", "http://evil.example/x", "@evil.example/x",
        "x" * 5000, "a/" + "x" * 5000,
    )  # fmt: skip

    def test_hostile_names_stay_one_segment_of_the_path(self):
        for command, before, after in (("show", "model", ""), ("endpoints", "models", "/endpoints")):
            for name in self.NAMES:
                with self.subTest(command, name=name[:30]):
                    run = self.models(command, name)
                    self.assertEqual((run.code, run.out), (4, ""))
                    self.assertRegex(run.err, r"\Aopenrouter-remote: error: [^\n]+\nhint: [^\n]+\n\Z")
                    for request in [r for r in self.server.requests if r.target != WHOLE]:
                        self.assertNotIn("x-evil", request.headers)
                        self.assertLess(set(request.target), {chr(code) for code in range(33, 127)} - set('#?"<>\\'))
                        path = request.target.split("/")
                        kind = ["model", ""] if path[3] == "model" else [before, after]
                        self.assertEqual(path[:4], ["", "api", "v1", kind[0]])
                        self.assertEqual(path[6:], kind[1].split("/")[1:])
                        # Proxies decode %2E and then remove dot segments (RFC 3986).
                        self.assertNotIn(unquote(path[4]), ("", ".", ".."))
                        self.assertNotIn(unquote(path[5]), ("", ".", ".."))

    def test_hostile_alias_targets_stay_one_segment_of_the_path(self):
        slugs: tuple = ("../credits", "a/..", "a/b/c", "?x", "\ud800/x", "", 5, None, [])
        for target in slugs:
            with self.subTest(target=target):
                self.server.has_model_path = False
                page = {"data": [make_model("~a/b", alias_target={"slug": target, "name": "x"})]}
                self.server.always("GET", "/models", respond(200, program.dump_json(page)))
                self.server.always("GET", "/models/~a/b/endpoints", error(404, "Not Found"))
                run = self.models("endpoints", "~a/b")
                self.assertEqual((run.code, run.out), (4, ""))
                for target in self.targets():
                    self.assertNotIn("..", unquote(target))


class EndpointsTest(ModelsTest):
    ENDPOINTS = [
        make_endpoint(
            provider,
            tag=tag,
            quantization=quantization,
            context_length=context,
            pricing=pricing,
            throughput_last_30m={"p50": throughput, "p75": 1, "p90": 1, "p99": 1},
            latency_last_30m={"p50": latency, "p75": 9999, "p90": 9999, "p99": 9999},
            uptime_last_30m=uptime and Decimal(uptime),
            status=-2 if provider == "Together" else 0,
        )
        for provider, tag, quantization, context, pricing, throughput, latency, uptime in (
            ("DeepInfra", "deepinfra/fp8", "fp8", 131_072, make_pricing("0.12", "0.39"), 35, 2687, "99.82397465234993"),
            ("BaseTen", "baseten/fp8", "fp8", 131_072, make_pricing("0.5", "1.5"), Decimal("118.5"), 520, "100"),
            ("BaseTen", "baseten/fp8", "fp8", 65_536, make_pricing("0.5", "1.2"), 96, Decimal("610.4"), "95"),
            ("Groq", "groq", None, 131_072, make_pricing("0.59", "0.79", discount=Decimal("0.1")), 268, 310, None),
            ("Together", "together", "fp4", 131_072, make_pricing("0.1", "0.2"), 11, 9250, "87.33"),
            ("Parasail", "parasail", "unknown", None, {"prompt": "-1", "overrides": [TIER]}, None, None, "99"),
        )
    ]
    TABLE = """\
provider   tag            quant    context  tok/s    ms    up %  in $/M  out $/M
Groq       groq           -           131k    268   310       -    0.59     0.79
BaseTen    baseten/fp8    fp8         131k    118   520  100.00    0.50     1.50
BaseTen    baseten/fp8    fp8        65.5k     96   610   95.00    0.50     1.20
DeepInfra  deepinfra/fp8  fp8         131k     35  2687   99.82    0.12     0.39
Parasail   parasail       unknown        -      -     -   99.00  varies        -
"""
    DEGRADED = "1 endpoint hidden (1 degraded); --all shows them\n"

    def setUp(self):
        super().setUp()
        self.server.endpoints = {"acme/alpha": list(self.ENDPOINTS)}
        self.env["OPENROUTER_API_KEY"] = USER_KEY

    def endpoints(self, *argv):
        return self.models("endpoints", "acme/alpha", *argv)

    def column(self, field, *argv):
        """A field of every endpoint, in the order of the JSON."""
        return [row.get(field) for row in self.payload("endpoints", "acme/alpha", *argv)["endpoints"]]

    def test_the_table_is_sorted_by_throughput_without_degraded_endpoints(self):
        self.assertEqual(self.endpoints(), Run(0, self.TABLE, self.DEGRADED))
        self.assertEqual(self.other_targets(), ["/api/v1/models/acme/alpha/endpoints"])

    def test_an_alias_the_api_doesnt_know_is_resolved_in_the_catalog(self):
        self.server.fail("GET", "/models/~acme/alpha-latest/endpoints", error(404, "Not Found"))
        run = self.models("endpoints", "~acme/alpha-latest")
        self.assertEqual((run.code, run.out), (0, self.TABLE))
        self.assertEqual(self.other_targets()[-1], "/api/v1/models/acme/alpha/endpoints")

    def test_all_shows_degraded_endpoints_and_the_status(self):
        header, *lines = self.TABLE.splitlines()
        lines.insert(4, "Together   together       fp4         131k     11  9250   87.33    0.10     0.20")
        status = [header + "  status"] + [
            line + (" " * 7 + ("-2" if line.startswith("Tog") else " 0"))[-8:] for line in lines
        ]
        run = self.endpoints("--all")
        self.assertEqual((run.code, run.err), (0, ""))
        self.assertEqual([line.split() for line in run.out.splitlines()], [line.split() for line in status])
        self.assertEqual({len(line) for line in run.out.splitlines()}, {len(header) + 8})

    def test_each_sort_puts_rows_without_a_figure_last(self):
        deepinfra, baseten, small, groq, together, parasail = range(6)
        for sort, expected in (
            ("throughput", [groq, baseten, small, deepinfra, together, parasail]),
            ("latency", [groq, baseten, small, deepinfra, together, parasail]),
            ("price-in", [together, deepinfra, small, baseten, groq, parasail]),
            ("price-out", [together, deepinfra, groq, small, baseten, parasail]),
            ("uptime", [baseten, deepinfra, parasail, small, together, groq]),
            ("context", [deepinfra, baseten, groq, together, small, parasail]),
            ("name", [baseten, small, deepinfra, groq, parasail, together]),
        ):
            with self.subTest(sort):
                self.server.endpoints["acme/alpha"] = [{**row, "mark": n} for n, row in enumerate(self.ENDPOINTS)]
                self.assertEqual(self.column("mark", "--all", "--sort", sort), [str(n) for n in expected])

    def test_an_unknown_sort_is_a_usage_error(self):
        self.assert_usage_error(self.endpoints("--sort", "speed"), "argument --sort: ")

    def test_limit_is_how_many_endpoints_are_listed(self):
        self.assertEqual(self.column("tag", "--limit", "2"), ["groq", "baseten/fp8"])
        self.assertEqual(self.endpoints("--limit", "1").err, self.DEGRADED)
        self.assert_usage_error(self.endpoints("--limit", "0"), "argument --limit: ")

    def test_two_endpoints_with_the_same_tag_are_two_rows(self):
        self.assertEqual(self.column("tag").count("baseten/fp8"), 2)

    def test_json_has_the_rows_of_the_api_and_its_other_fields(self):
        document = self.payload("endpoints", "acme/alpha")
        self.assertEqual(list(document)[:2], ["id", "name"])
        self.assertEqual(set(document), {"id", "name", "created", "description", "architecture", "endpoints"})
        row = document["endpoints"][0]
        self.assertEqual(row.pop("price_per_million"), {"input": "0.59", "output": "0.79"})
        self.assertEqual(row, json.loads(program.dump_json(self.ENDPOINTS[3]), parse_float=str, parse_int=str))
        self.assertEqual(document["endpoints"][-1]["price_per_million"], {"input": None, "output": None})

    def test_json_hides_degraded_endpoints_too(self):
        self.assertEqual(len(self.column("status")), 5)
        self.assertEqual(self.endpoints("--json").err, self.DEGRADED)
        self.assertIn("-2", self.column("status", "--all"))

    def test_only_a_negative_status_is_degraded(self):
        for status, kept in ((0, 1), (1, 1), (None, 1), ("", 1), (-1, 0), (-10, 0), (Decimal("-0.5"), 0)):
            with self.subTest(status=status):
                self.server.endpoints["acme/alpha"] = [make_endpoint("Groq", status=status)]
                self.assertEqual(len(self.column("status")), kept)

    def test_statistics_may_be_numbers_objects_or_null(self):
        for statistic, cell in (
            (35, "35"),
            (Decimal("35.49"), "35"),
            ({"p50": 35, "p75": 1, "p90": 1, "p99": 1}, "35"),
            ({"p50": Decimal("34.7"), "p75": None, "p90": None, "p99": None}, "35"),
            ({"p50": 0}, "0"),
            (0, "0"),
            ({"p50": None, "p75": 9, "p90": 9, "p99": 9}, "-"),
            ({"p75": 9}, "-"),
            ({}, "-"),
            (None, "-"),
            (True, "-"),
            ([35], "-"),
        ):
            for field, column in (("throughput_last_30m", 4), ("latency_last_30m", 5)):
                with self.subTest(statistic=statistic, field=field):
                    rows = [{**make_endpoint("Groq"), field: statistic}]
                    body = {"data": {"id": "acme/alpha", "name": "Alpha", "endpoints": rows}}
                    self.server.always("GET", "/models/acme/alpha/endpoints", respond(200, body))
                    self.assertEqual(self.endpoints().out.splitlines()[1].split()[column], cell)

    def test_the_older_statistics_give_the_same_table(self):
        self.server.statistics = "numbers"
        self.assertEqual(self.endpoints(), Run(0, self.TABLE, self.DEGRADED))

    def test_missing_statistics_are_dashes(self):
        endpoint = make_endpoint("Groq", quantization=None)
        for field in ("throughput_last_30m", "latency_last_30m", "uptime_last_30m", "tag", "status", "context_length"):
            del endpoint[field]
        body = {"data": {"id": "acme/alpha", "name": "Alpha", "endpoints": [endpoint]}}
        self.server.always("GET", "/models/acme/alpha/endpoints", respond(200, body))
        self.assertEqual(self.endpoints("--all").out.splitlines()[1].split(), ["Groq", *"------", "0.50", "1.50", "-"])

    def test_no_endpoints_are_not_an_error(self):
        self.server.endpoints = {}
        self.assertEqual(
            self.endpoints(),
            Run(
                0,
                "provider  tag  quant  context  tok/s  ms  up %  in $/M  out $/M\n",
                "no endpoint serves this model now\n",
            ),
        )
        self.assertEqual(self.payload("endpoints", "acme/alpha")["endpoints"], [])

    def test_endpoints_on_another_service_tier_are_hidden_without_all(self):
        def tiered(provider, tier, **fields):
            return make_endpoint(provider, service_tier=tier, pricing=make_pricing("1", "2", discount=0), **fields)

        self.server.endpoints["acme/alpha"] = [
            tiered("Groq", None), tiered("OpenAI", "flex"), tiered("OpenAI", "priority"),
            tiered("Azure", None, status=-1), tiered("Azure", "flex", status=-2),
        ]  # fmt: skip
        run = self.endpoints()
        self.assertEqual([line.split()[0] for line in run.out.splitlines()[1:]], ["Groq"])
        self.assertEqual(run.err, "4 endpoints hidden (2 degraded, 2 on another service tier); --all shows them\n")
        header, *lines = self.endpoints("--all").out.splitlines()
        self.assertEqual(header.split()[-2:], ["tier", "status"])
        self.assertEqual(
            [line.split()[-2:] for line in lines],
            [["-", "0"], ["flex", "0"], ["priority", "0"], ["-", "-1"], ["flex", "-2"]],
        )

    def test_the_older_api_has_no_tiers(self):
        self.server.older_api = True
        self.assertNotIn("tier", self.endpoints("--all").out)

    def test_a_key_is_sent_if_one_is_set_the_user_key_first(self):
        for env, sent in (
            ({"OPENROUTER_API_KEY": USER_KEY, "OPENROUTER_PROVISIONING_KEY": MANAGEMENT_KEY}, USER_KEY),
            ({"OPENROUTER_API_KEY": "", "OPENROUTER_PROVISIONING_KEY": MANAGEMENT_KEY}, MANAGEMENT_KEY),
            ({"OPENROUTER_API_KEY": "", "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT_KEY}, MANAGEMENT_KEY),
        ):
            with self.subTest(env):
                self.env.pop("OPENROUTER_PROVISIONING_KEY", None)
                self.env.update(env)
                self.assertEqual(self.endpoints(), Run(0, self.TABLE, self.DEGRADED))
                keys = [r.headers.get("authorization") for r in self.server.requests if r.path != "/models"]
                self.assertEqual(keys, [f"Bearer {sent}"])

    def test_a_hint_says_that_statistics_need_a_key(self):
        del self.env["OPENROUTER_API_KEY"]
        run = self.endpoints("--sort", "price-in", "--limit", "1")
        table = (
            "provider   tag            quant  context  tok/s  ms   up %  in $/M  out $/M\n"
            "DeepInfra  deepinfra/fp8  fp8       131k      -   -  99.82    0.12     0.39\n"
        )
        self.assertEqual(run, Run(0, table, HINT + self.DEGRADED))
        self.assertNotIn("authorization", str([request.headers for request in self.server.requests]))

    def test_a_refused_key_is_a_warning_and_costs_only_the_statistics(self):
        self.env["OPENROUTER_API_KEY"] = EXPIRED_KEY
        run = self.endpoints()
        warning = (
            "openrouter-remote: warning: retried without a key: GET /models/acme/alpha/endpoints: 401 API key expired\n"
        )
        self.assertEqual((run.code, run.err), (0, warning + HINT + self.DEGRADED))
        self.assertEqual([line.split()[4:6] for line in run.out.splitlines()[1:]], [["-", "-"]] * 5)
        asked = ["authorization" in r.headers for r in self.server.requests if r.path != "/models"]
        self.assertEqual(asked, [True, False])

    def test_a_malformed_key_is_never_sent_and_costs_only_the_statistics(self):
        self.env["OPENROUTER_API_KEY"] = "sk-or-v1-abc def"
        run = self.endpoints()
        self.assertEqual((run.code, run.out.count("\n")), (0, 6))
        self.assertEqual(
            run.err.splitlines()[0],
            "openrouter-remote: warning: OPENROUTER_API_KEY (from the shell) is malformed: it contains white space; "
            "skipped",
        )
        self.assertNotIn("authorization", str([request.headers for request in self.server.requests]))

    def test_a_401_without_a_key_too_is_exit_3(self):
        self.server.always("GET", "/models/acme/alpha/endpoints", error(401, "No cookie auth credentials found"))
        for key in (USER_KEY, ""):
            with self.subTest(key=key):
                self.env["OPENROUTER_API_KEY"] = key
                run = self.endpoints()
                self.assertEqual((run.code, run.out), (3, ""))
                self.assertIn("GET /models/acme/alpha/endpoints: 401 No cookie auth credentials found\n", run.err)

    def test_names_are_found_as_in_show(self):
        self.server.models = [make_model("acme/alpha-4.5"), make_model("acme/omega"), make_model("acme/omega-2")]
        self.server.endpoints = {"acme/alpha-4.5": [make_endpoint("Groq")]}
        for switch in (True, False):
            for name in ("acme/alpha-4.5", "acme/alpha-4.5-20260301", "acme/alpha-4-5", "alpha", "Alpha.4.5"):
                with self.subTest(name, has_model_path=switch):
                    self.server.has_model_path = switch
                    document = self.payload("endpoints", name)
                    self.assertEqual((document["id"], len(document["endpoints"])), ("acme/alpha-4.5", 1))
        several = "openrouter-remote: error: 'omeg' matches 2 models\nhint: use one of: acme/omega, acme/omega-2\n"
        self.assertEqual(self.models("endpoints", "omeg"), Run(4, "", several))
        none = "openrouter-remote: error: no model named 'acme/alpha-4.6'\nhint: did you mean acme/alpha-4.5"
        run = self.models("endpoints", "acme/alpha-4.6")
        self.assertEqual((run.code, run.out, run.err[: len(none)]), (4, "", none))

    def test_an_alias_finds_the_endpoints_of_its_model(self):
        self.assertEqual(self.payload("endpoints", "~acme/alpha-latest")["id"], "acme/alpha")
        self.server.fail("GET", "/models/~acme/alpha-latest/endpoints", error(404, "Not Found"))
        self.server.has_model_path = False
        self.assertEqual(self.payload("endpoints", "~acme/alpha-latest")["id"], "acme/alpha")

    def test_a_malformed_list_of_endpoints_is_exit_5(self):
        others: tuple = (None, {}, "text", [None], ["groq"], [[]])
        for endpoints in others:
            with self.subTest(endpoints=endpoints):
                body = {"data": {"id": "acme/alpha", "name": "Alpha", "endpoints": endpoints}}
                self.server.always("GET", "/models/acme/alpha/endpoints", respond(200, body))
                run = self.endpoints()
                self.assertEqual((run.code, run.out), (5, ""))
                start = "openrouter-remote: error: GET /models/acme/alpha/endpoints: "
                self.assertTrue(run.err.startswith(start), run.err)


class WrongTypesTest(ModelsTest):
    """Any value in any field: no traceback, no control character, and JSON as it came."""

    def mutated(self, whole, *groups):
        """Copies of an object, each with a WEIRD value at every path of a group. Over all copies every path gets every
        WEIRD value."""
        for paths, shift in itertools.product(groups, range(len(WEIRD))):
            copy = program.parse_json(program.dump_json(whole))
            for index, (*steps, field) in enumerate(paths):
                place = copy
                for step in steps:
                    place = place[step]
                place[field] = WEIRD[(index + shift) % len(WEIRD)]
            yield copy

    def assert_harmless(self, run):
        self.assertEqual(run.code, 0, run.err)
        self.assertTrue((run.out + run.err).replace("\n", "").isprintable())

    def assert_rows_as_they_came(self, rows, sent):
        """The rows of the JSON are what the server sent, digit by digit."""
        for row in rows:
            del row["price_per_million"]
        self.assertEqual(rows, json.loads(program.dump_json(sent), parse_float=str, parse_int=str))

    def test_a_model_with_any_values(self):
        nested = [
            *(("pricing", field) for field in ShowTest.FULL["pricing"]),
            *(("architecture", field) for field in ShowTest.FULL["architecture"]),
            *(("top_provider", field) for field in ShowTest.FULL["top_provider"]),
            *(("benchmarks", field) for field in ShowTest.FULL["benchmarks"]),
        ]
        deeper = [
            *(("pricing", "overrides", 1, field) for field in (*NIGHT, "utc_days", "min_prompt_tokens")),
            *(("benchmarks", "artificial_analysis", field) for field in ("intelligence_index", "agentic_index")),
            *(("benchmarks", "design_arena", 0, field) for field in ("category", "rank", "elo")),
            ("alias_target",),
        ]
        fields = [(field,) for field in ShowTest.FULL]
        models = [{**row, "id": f"a/{n}"} for n, row in enumerate(self.mutated(ShowTest.FULL, fields, nested, deeper))]
        self.server.always("GET", "/models", respond(200, program.dump_json({"data": models})))
        for sort in ("name", "price-in", "price-out", "context", "created"):
            with self.subTest(sort):
                self.assert_harmless(self.models("list", "--sort", sort))
        filters = "--supports tools,image,json --search a --max-price-input 9 --min-context 1 --provider a"
        self.assert_harmless(self.models("list", *filters.split()))
        self.assert_rows_as_they_came(list(self.payload("list").values()), models)
        for model in models:
            with self.subTest(id=model["id"]):
                self.server.always("GET", "/model/" + model["id"], respond(200, program.dump_json({"data": model})))
                self.assert_harmless(self.models("show", model["id"]))

    def test_an_endpoint_with_any_values(self):
        whole = make_endpoint("Groq", pricing=make_pricing("1", "2", overrides=[TIER], discount=0))
        nested = [
            *(("pricing", field) for field in whole["pricing"]),
            ("latency_last_30m", "p50"),
            ("throughput_last_30m", "p50"),
        ]
        endpoints = list(self.mutated(whole, [(field,) for field in whole], nested))
        endpoints = [{**row, "mark": f"{n:03}"} for n, row in enumerate(endpoints)]
        body = {"data": {"id": "acme/alpha", "name": "\x1b", "endpoints": endpoints}}
        self.server.always("GET", "/models/acme/alpha/endpoints", respond(200, program.dump_json(body)))
        for sort in ("throughput", "latency", "price-in", "price-out", "uptime", "context", "name"):
            with self.subTest(sort):
                self.assert_harmless(self.models("endpoints", "acme/alpha", "--all", "--sort", sort))
        rows = self.payload("endpoints", "acme/alpha", "--all")["endpoints"]
        self.assert_rows_as_they_came(sorted(rows, key=lambda row: row["mark"]), endpoints)
