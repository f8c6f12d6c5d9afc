"""models: names as other programs write them, aliases and routers, several ids, and what orders and filters them."""

import json
from decimal import Decimal
from unittest import mock

from fake_openrouter import USER_KEY, error, make_architecture, make_endpoint, make_model, make_pricing, respond
from support import CatalogTest, Run, program

CATALOG = "GET /models?output_modalities=all"
TARGET = {"slug": "acme/alpha-4.5", "name": "Acme: Alpha 4.5"}


def catalog():
    return [
        make_model("acme/alpha-4.5", pricing=make_pricing("0.8", "4")),
        make_model("acme/alpha-4.5:batch", pricing=make_pricing("0.4", "2")),
        make_model("~acme/alpha-latest", pricing=make_pricing("0.8", "4"), alias_target=TARGET),
        make_model("beta/tiny", pricing=make_pricing("0.02", "0.03"), supported_parameters=["tools"]),
        make_model("beta/tiny:free", pricing=make_pricing("0", "0")),
        make_model("gamma/coder", pricing=make_pricing("0.2", "0.9"), context_length=262_144),
        make_model("gamma/coder:thinking", pricing=make_pricing("0.2", "0.9")),
        make_model("gamma/draw", pricing=make_pricing("1", "2"), architecture=make_architecture("text", "image")),
        make_model("openrouter/auto", pricing={"prompt": "-1", "completion": "-1"}),
    ]


class NamesTest(CatalogTest):
    def setUp(self):
        super().setUp()
        self.server = self.start(models=catalog())
        self.server.endpoints = {"acme/alpha-4.5": [make_endpoint("Groq")], "beta/tiny": [make_endpoint("Together")]}

    def requests(self):
        """What was requested, in any order, as `GET /models`."""
        return sorted(f"{r.method} {r.target.replace('/api/v1', '', 1)}" for r in self.server.requests)

    def assert_named(self, name, id):
        """`show`, `endpoints` and `list` take `name` for `id`, with a note."""
        note = f"'{name}' was read as {id}\n"
        run = self.models("show", name, "--json")
        self.assertEqual((run.code, run.err), (0, note))
        self.assertEqual(json.loads(run.out)["id"], id)
        run = self.models("list", name, "--json")
        self.assertEqual((run.code, run.err), (0, note))
        self.assertEqual(list(json.loads(run.out))[1:], [id])


class OtherPrograms(NamesTest):
    """What other programs add to an id."""

    def test_a_suffix_is_ignored_with_a_note(self):
        for suffix in (":extended", ":nitro", ":floor", ":online", ":flex", ":exacto", ":NITRO"):
            with self.subTest(suffix):
                self.assert_named(f"acme/alpha-4.5{suffix}", "acme/alpha-4.5")

    def test_so_are_two_suffixes(self):
        self.assert_named("acme/alpha-4.5:nitro:online", "acme/alpha-4.5")
        self.assert_named("acme/alpha-4.5:thinking:extended", "acme/alpha-4.5")

    def test_a_suffix_of_a_variant_leaves_the_variant(self):
        self.assert_named("gamma/coder:thinking:nitro", "gamma/coder:thinking")
        self.assert_named("beta/tiny:free:online", "beta/tiny:free")
        self.assert_named("acme/alpha-4.5:batch:nitro", "acme/alpha-4.5:batch")

    def test_a_preset_is_ignored_with_a_note(self):
        self.assert_named("acme/alpha-4.5@preset/email-copywriter", "acme/alpha-4.5")

    def test_the_prefix_openrouter_is_ignored_with_a_note(self):
        self.assert_named("openrouter/acme/alpha-4.5", "acme/alpha-4.5")
        self.assert_named("openrouter/beta/tiny:free", "beta/tiny:free")

    def test_all_of_them_together_are_ignored_step_by_step(self):
        self.assert_named("openrouter/acme/alpha-4.5:nitro", "acme/alpha-4.5")
        self.assert_named("openrouter/acme/alpha-4.5:nitro:online@preset/x", "acme/alpha-4.5")
        self.assert_named("acme/alpha-4.5:nitro@preset/x", "acme/alpha-4.5")
        self.assert_named("openrouter/gamma/coder:thinking:flex@preset/x", "gamma/coder:thinking")
        self.assert_named("openrouter/alpha-4-5:floor", "acme/alpha-4.5")

    def test_a_router_keeps_its_author(self):
        self.assert_named("openrouter/auto:nitro", "openrouter/auto")
        self.assert_named("openrouter/auto@preset/x", "openrouter/auto")

    def test_an_id_that_matches_as_typed_has_no_note(self):
        names = {id: id for id in ("gamma/coder:thinking", "acme/alpha-4.5:batch", "beta/tiny:free", "openrouter/auto")}
        for name, id in {**names, "tiny:free": "beta/tiny:free", "coder:thinking": "gamma/coder:thinking"}.items():
            with self.subTest(name):
                run = self.models("show", name, "--json")
                self.assertEqual((run.code, run.err, json.loads(run.out)["id"]), (0, "", id))

    def test_endpoints_are_those_of_the_model_that_is_meant(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for name in ("acme/alpha-4.5:nitro", "openrouter/acme/alpha-4.5", "acme/alpha-4.5@preset/x"):
            with self.subTest(name):
                run = self.models("endpoints", name, "--json")
                self.assertEqual((run.code, run.err), (0, f"'{name}' was read as acme/alpha-4.5\n"))
                document = json.loads(run.out)
                self.assertEqual((document["id"], len(document["endpoints"])), ("acme/alpha-4.5", 1))

    def test_a_preset_alone_names_no_model(self):
        for name in ("@preset/x", "@preset/alpha-4.5", "@preset/acme/alpha-4.5"):
            for command in ("show", "endpoints", "list"):
                with self.subTest(name, command=command):
                    run = self.models(command, name)
                    self.assertEqual((run.code, run.out), (4, ""))
                    self.assertEqual(run.err.splitlines()[0], f"openrouter-remote: error: no model named '{name}'")

    def test_the_free_variant_of_a_model_never_means_the_paid_one(self):
        for name in (
            "acme/alpha-4.5:free",
            "acme/alpha-4.5:FREE",
            "alpha-4.5:free",
            "acme/alpha-4.5-20260301:free",
            "acme/alpha-4.5:free:nitro",
            "acme/alpha-4.5:free@preset/x",
            "openrouter/acme/alpha-4.5:free",
        ):
            for command in ("show", "endpoints", "list"):
                with self.subTest(name, command=command):
                    run = self.models(command, name)
                    self.assertEqual((run.code, run.out), (4, ""))
                    self.assertEqual(run.err.splitlines()[0], f"openrouter-remote: error: no model named '{name}'")

    def test_a_suffix_means_the_plain_model_of_several_variants(self):
        self.assert_named("gamma/coder:nitro", "gamma/coder")
        self.assert_named("coder:nitro", "gamma/coder")

    def test_what_matches_several_models_without_its_suffix_is_ambiguous(self):
        run = self.models("show", "a:nitro")
        self.assertEqual((run.code, run.out), (4, ""))
        self.assertRegex(
            run.err, "^openrouter-remote: error: 'a' matches [0-9]+ models\nhint: use one of: acme/alpha-4.5, "
        )


class BatchIds(NamesTest):
    def test_one_that_is_typed_is_shown_and_says_batch_api_only(self):
        lines = self.models("show", "acme/alpha-4.5:batch").out.splitlines()
        self.assertIn("availability:   Batch API only", lines)
        self.assertNotIn("Batch API only", self.models("show", "acme/alpha-4.5").out)

    def test_one_that_is_typed_is_listed_and_counted_as_nothing_left_out(self):
        run = self.models("list", "acme/alpha-4.5:batch", "acme/alpha-4.5", "--json")
        self.assertEqual((run.code, run.err), (0, ""))
        self.assertEqual(list(json.loads(run.out))[1:], ["acme/alpha-4.5:batch", "acme/alpha-4.5"])

    def test_batch_does_not_combine_with_ids(self):
        for argv in (("--batch", "beta/tiny"), ("beta/tiny", "--batch"), ("acme/alpha-4.5:batch", "--batch", "--json")):
            with self.subTest(argv):
                run = self.models("list", *argv)
                message = "openrouter-remote: error: --batch can't be used with ids\n"
                hint = "hint: drop --batch: ids ending in :batch work without it\n"
                self.assertEqual((run, self.requests()), (Run(2, "", message + hint), []))

    def test_those_that_pass_the_filters_are_counted_before_the_limit(self):
        self.server.models += [make_model("beta/tiny:batch"), make_model("gamma/coder:batch")]
        for argv, left_out in (
            ((), "3 Batch API models"),
            (("--limit", "1"), "3 Batch API models"),
            (("--provider", "acme"), "1 Batch API model"),
            (("--max-price-input", "0.45", "--limit", "1"), "1 Batch API model"),
        ):
            with self.subTest(argv):
                note = f"{left_out} hidden; --batch lists only those\n"
                self.assertEqual(self.models("list", *argv, "--json").err, note)
                self.assertTrue(self.models("list", *argv).err.endswith(f"\n{note}"))
        for words in ("--free", "--batch", "--search latest", "--supports tools"):
            with self.subTest(words):
                self.assertEqual(self.models("list", *words.split(), "--json").err, "")

    def test_batch_lists_them_alone(self):
        self.server.models.append(make_model("beta/tiny:batch"))
        run = self.models("list", "--batch")
        table = """\
id                    in $/M  out $/M  context  notes
acme/alpha-4.5:batch    0.40     2.00     131k
beta/tiny:batch         0.50     1.50     131k
"""
        self.assertEqual(run, Run(0, table, "2 models\n"))
        self.assertEqual(self.ids("list", "--batch", "--max-price-input", "0.4"), ["acme/alpha-4.5:batch"])


class Aliases(NamesTest):
    ALIAS = "/models/~acme/alpha-latest/endpoints"
    NOTE = "~acme/alpha-latest is an alias of acme/alpha-4.5\n"

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_API_KEY"] = USER_KEY

    def empty(self, id, **fields):
        """A response with an empty list of endpoints."""
        named = ("id", "name", "created", "description", "architecture")
        model = make_model(id, **fields)
        return respond(200, {"data": {**{name: model[name] for name in named}, "endpoints": []}})

    def test_the_target_of_an_alias_with_an_empty_list_is_asked(self):
        for name in ("~acme/alpha-latest", "alpha-latest", "~acme/alpha.latest"):
            with self.subTest(name):
                self.server.always("GET", self.ALIAS, self.empty("~acme/alpha-latest"))
                run = self.models("endpoints", name, "--json")
                self.assertEqual((run.code, run.err), (0, self.NOTE))
                document = json.loads(run.out)
                self.assertEqual((document["id"], document["name"]), ("acme/alpha-4.5", "Acme: Alpha 4.5"))
                self.assertEqual([row["provider_name"] for row in document["endpoints"]], ["Groq"])

    def test_each_list_is_requested_once(self):
        self.server.always("GET", self.ALIAS, self.empty("~acme/alpha-latest"))
        self.models("endpoints", "~acme/alpha-latest")
        expected = ["GET /models/acme/alpha-4.5/endpoints", f"GET {self.ALIAS}", CATALOG]
        self.assertEqual(self.requests(), sorted(expected))

    def test_a_list_that_is_not_empty_needs_no_second_one(self):
        self.server.aliases_have_endpoints = True
        run = self.models("endpoints", "~acme/alpha-latest", "--json")
        self.assertEqual((run.code, run.err, json.loads(run.out)["id"]), (0, "", "acme/alpha-4.5"))
        endpoints = [request for request in self.requests() if request != CATALOG]
        self.assertEqual(endpoints, [f"GET {self.ALIAS}"])

    def test_an_alias_without_a_target_has_no_endpoints(self):
        for target in ({}, {"alias_target": None}, {"alias_target": {"slug": None, "name": None}}):
            with self.subTest(target):
                self.server.models = [make_model("~acme/alpha-latest", **target)]
                self.server.always("GET", self.ALIAS, self.empty("~acme/alpha-latest"))
                run = self.models("endpoints", "~acme/alpha-latest", "--json")
                self.assertEqual((run.code, run.err), (0, "no endpoint serves this model now\n"))
                document = json.loads(run.out)
                self.assertEqual((document["id"], document["endpoints"]), ("~acme/alpha-latest", []))


class WithoutEndpoints(NamesTest):
    WHY = (
        ("openrouter/auto", "openrouter/auto is a router and has no endpoints of its own\n"),
        ("acme/alpha-4.5:batch", "acme/alpha-4.5:batch works only through the Batch API and has no endpoints\n"),
        ("gamma/coder", "no endpoint serves this model now\n"),
    )
    HEADER = "provider  tag  quant  context  tok/s  ms  up %  in $/M  out $/M\n"

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_API_KEY"] = USER_KEY

    def test_it_is_an_empty_table_and_a_line(self):
        for name, why in self.WHY:
            with self.subTest(name):
                self.assertEqual(self.models("endpoints", name), Run(0, self.HEADER, why))
                run = self.models("endpoints", name, "--json")
                self.assertEqual((run.code, run.err), (0, why))
                document = json.loads(run.out)
                self.assertEqual((document["id"], document["endpoints"]), (name, []))

    def test_so_is_a_router_or_a_batch_id_whose_path_does_not_exist(self):
        for name, why in self.WHY[:2]:
            with self.subTest(name):
                self.server.always("GET", f"/models/{name}/endpoints", error(404, "Not Found"))
                self.assertEqual(self.models("endpoints", name), Run(0, self.HEADER, why))
                document = self.payload("endpoints", name)
                self.assertEqual((document["id"], document["endpoints"]), (name, []))

    def test_a_router_that_nobody_has_heard_of_does_not_exist(self):
        for name in ("openrouter/nothing-like-it", "acme/nothing-like-it:batch"):
            with self.subTest(name):
                run = self.models("endpoints", name)
                self.assertEqual((run.code, run.out), (4, ""))


class SeveralIds(NamesTest):
    def test_they_are_listed_in_the_order_given_each_once(self):
        ids = ["gamma/coder", "acme/alpha-4.5", "beta/tiny:free"]
        self.assertEqual(self.ids("list", *ids), ids)
        self.assertEqual(self.ids("list", *reversed(ids)), ids[::-1])
        self.assertEqual(
            self.ids("list", "coder", "gamma/coder", "alpha-4.5", "Gamma/Coder", "acme/alpha-4-5"), ids[:2]
        )

    def test_the_table_has_no_count(self):
        table = """\
id              in $/M  out $/M  context  notes
beta/tiny         0.02     0.03     131k
acme/alpha-4.5    0.80     4.00     131k
"""
        self.assertEqual(self.models("list", "tiny", "alpha-4.5"), Run(0, table, ""))

    def test_one_request_looks_them_up_in_the_whole_catalog(self):
        self.assertEqual(
            self.ids("list", "gamma/draw", "tiny", "openrouter/auto"), ["gamma/draw", "beta/tiny", "openrouter/auto"]
        )
        self.assertEqual(self.requests(), [CATALOG])

    def test_zdr_and_mine_cost_one_request_more(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.server.zdr_models = self.server.user_models = {"beta/tiny", "gamma/draw"}
        for option, request in (
            ("--zdr", "GET /models?output_modalities=all&zdr=true"),
            ("--mine", "GET /models/user?output_modalities=all"),
        ):
            with self.subTest(option):
                run = self.models("list", "gamma/draw", "alpha-4.5", "tiny", option, "--json")
                self.assertEqual((run.code, run.err), (0, "don't match the filters: acme/alpha-4.5\n"))
                self.assertEqual(list(json.loads(run.out))[1:], ["gamma/draw", "beta/tiny"])
                self.assertEqual(self.requests(), sorted([CATALOG, request]))

    def test_mine_without_a_key_requests_nothing(self):
        with mock.patch.object(program, "background") as background:
            run = self.models("list", "tiny", "--mine")
        background.assert_not_called()  # no request in another thread either
        self.assertEqual((run.code, run.out, self.requests()), (3, "", []))

    def test_sort_orders_them(self):
        names = ("alpha-4.5", "openrouter/auto", "tiny", "coder")
        self.assertEqual(
            self.ids("list", *names, "--sort", "price-in"),
            ["beta/tiny", "gamma/coder", "acme/alpha-4.5", "openrouter/auto"],
        )
        self.assertEqual(self.ids("list", *names, "--sort", "context")[0], "gamma/coder")

    def test_cost_orders_them_unless_told_otherwise(self):
        names = ("acme/alpha-4.5", "beta/tiny", "gamma/coder")
        self.assertEqual(self.ids("list", *names, "--cost", "30k:1k"), ["beta/tiny", "gamma/coder", "acme/alpha-4.5"])
        self.assertEqual(
            self.ids("list", *names, "--cost", "30k:1k", "--sort", "price-out", "--limit", "1"), ["beta/tiny"]
        )
        table = """\
id                  cost  in $/M  out $/M  context  notes
beta/tiny       $0.00063    0.02     0.03     131k
acme/alpha-4.5  $0.0280     0.80     4.00     131k
"""
        self.assertEqual(self.models("list", *names[:2], "--cost", "30k:1k"), Run(0, table, ""))

    def test_one_that_a_filter_drops_is_left_out_with_a_note(self):
        names = ("gamma/coder", "beta/tiny", "acme/alpha-4.5")
        for argv, kept, dropped in (
            (("--max-price-input", "0.2"), ["gamma/coder", "beta/tiny"], "acme/alpha-4.5"),
            (("--supports", "tools"), ["beta/tiny"], "gamma/coder, acme/alpha-4.5"),
            (("--min-context", "200k"), ["gamma/coder"], "beta/tiny, acme/alpha-4.5"),
            (("--provider", "acme"), ["acme/alpha-4.5"], "gamma/coder, beta/tiny"),
        ):
            with self.subTest(argv):
                run = self.models("list", *names, *argv, "--json")
                self.assertEqual((run.code, run.err), (0, f"don't match the filters: {dropped}\n"))
                self.assertEqual(list(json.loads(run.out))[1:], kept)

    def test_all_may_be_dropped(self):
        run = self.models("list", "beta/tiny", "--free")
        self.assertEqual((run.code, run.out), (0, "id  in $/M  out $/M  context  notes\n"))
        self.assertEqual(run.err.splitlines()[0], "don't match the filters: beta/tiny")
        self.assertEqual(self.ids("list", "beta/tiny", "--free"), [])

    def test_one_that_is_not_found_or_ambiguous_is_exit_4(self):
        for name, message in (
            ("nobody/knows", "no model named 'nobody/knows'"),
            ("a", "'a' matches 6 models"),
            ("", "no model named ''"),
        ):
            for names in ((name, "tiny"), ("tiny", name)):
                with self.subTest(names):
                    run = self.models("list", *names, "--json")
                    self.assertEqual((run.code, run.out), (4, ""))
                    self.assertEqual(run.err.splitlines()[0], f"openrouter-remote: error: {message}")

    def test_options_may_come_before_between_and_after_them(self):
        expected = ["beta/tiny", "gamma/coder"]
        for argv in (
            ("--cost", "1k:1k", "coder", "tiny"),
            ("coder", "--cost", "1k:1k", "tiny"),
            ("coder", "tiny", "--cost", "1k:1k"),
            ("--limit", "5", "coder", "--cost", "1k:1k", "tiny", "--sort", "price-in", "coder"),
            ("--cost", "1k:1k", "--", "coder", "tiny"),
            ("coder", "--cost", "1k:1k", "--", "tiny"),
            ("--cost=1k:1k", "coder", "--timeout", "5", "tiny"),
        ):
            with self.subTest(argv):
                run = self.run_program("--json", "models", "list", *argv)
                self.assertEqual((run.code, list(json.loads(run.out))[1:], run.err), (0, expected, ""))

    def test_a_word_that_begins_with_a_dash_is_no_id(self):
        run = self.models("list", "tiny", "--nonsense", "coder")
        self.assertEqual((run.code, run.out), (2, ""))
        self.assertEqual(run.err.splitlines()[0], "openrouter-remote: error: unrecognized arguments: --nonsense")

    def test_cheap_takes_none(self):
        run = self.models("cheap", "tiny")
        self.assertEqual((run.code, run.out, self.requests()), (2, "", []))
        self.assertEqual(run.err.splitlines()[0], "openrouter-remote: error: unrecognized arguments: tiny")


class Intelligence(NamesTest):
    def setUp(self):
        super().setUp()
        indexes = {
            "b/plain": Decimal("61.4"),
            "a/none": None,
            "c/value": {"value": Decimal("70.5"), "version": "4.0"},
            "d/score": {"score": Decimal("52.3")},
            "e/both": {"value": None, "score": 12},
            "b/twin": Decimal("61.4"),
            "f/text": "61.4 points",
            "g/empty": {},
        }
        self.server.models = [
            make_model(id, benchmarks={"artificial_analysis": {"intelligence_index": value}, "design_arena": []})
            for id, value in indexes.items()
        ]
        self.server.models.append(make_model("0/absent"))
        self.server.models.append(make_model("1/null", benchmarks=None))
        self.server.models.append(make_model("2/null", benchmarks={"artificial_analysis": None}))

    ORDER = ["c/value", "b/plain", "b/twin", "d/score", "e/both"]
    NONE = ["0/absent", "1/null", "2/null", "a/none", "f/text", "g/empty"]

    def test_the_best_come_first_ties_by_id_and_those_without_last(self):
        self.assertEqual(self.ids("list", "--sort", "intelligence"), self.ORDER + self.NONE)
        self.server.models.reverse()
        self.assertEqual(self.ids("list", "--sort", "intelligence"), self.ORDER + self.NONE)
        self.assertEqual(self.ids("cheap", "--sort", "intelligence", "--limit", "2"), self.ORDER[:2])

    def test_it_is_a_column_and_a_field(self):
        table = """\
id        intelligence  in $/M  out $/M  context  notes
c/value           70.5    0.50     1.50     131k
b/plain           61.4    0.50     1.50     131k
b/twin            61.4    0.50     1.50     131k
d/score           52.3    0.50     1.50     131k
e/both            12      0.50     1.50     131k
0/absent             -    0.50     1.50     131k
"""
        self.assertEqual(
            self.models("list", "--sort", "intelligence", "--limit", "6"), Run(0, table, "6 of 11 models\n")
        )
        rows = self.payload("list", "--sort", "intelligence")
        figures = {id: row["intelligence"] for id, row in rows.items()}
        expected = dict(zip(self.ORDER, ("70.5", "61.4", "61.4", "52.3", "12")))
        self.assertEqual(figures, {**expected, **dict.fromkeys(self.NONE)})

    def test_other_orders_have_neither(self):
        self.assertNotIn("intelligence", self.models("list").out)
        self.assertNotIn("intelligence", self.payload("list", "--sort", "name")["b/plain"])

    def test_it_composes_with_filters_and_a_limit(self):
        cheap = {"pricing": make_pricing("0.1", "0.2"), "supported_parameters": ["tools"]}
        for row in self.server.models:
            if row["id"] in ("e/both", "d/score", "a/none"):
                row.update(cheap)
        sort = ("--sort", "intelligence")
        self.assertEqual(self.ids("list", *sort, "--max-price-input", "0.1"), ["d/score", "e/both", "a/none"])
        self.assertEqual(self.ids("list", *sort, "--supports", "tools", "--limit", "1"), ["d/score"])
        self.server.models.append(make_model("z/free", pricing=make_pricing("0", "0")))
        self.assertEqual(self.ids("list", *sort, "--paid", "--limit", "3"), self.ORDER[:3])
        self.assertEqual(self.ids("list", *sort, "--free"), ["z/free"])
        self.assertEqual(self.ids("list", "e/both", "a/none", "c/value", *sort), ["c/value", "e/both", "a/none"])

    def test_an_api_without_benchmarks_has_a_column_of_dashes(self):
        self.server.models = [make_model("b/two"), make_model("a/one")]
        table = """\
id     intelligence  in $/M  out $/M  context  notes
a/one             -    0.50     1.50     131k
b/two             -    0.50     1.50     131k
"""
        self.assertEqual(self.models("list", "--sort", "intelligence"), Run(0, table, "2 models\n"))


class MinUptime(NamesTest):
    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.server.endpoints["acme/alpha-4.5"] = [
            make_endpoint(provider, uptime_last_30m=uptime, tag=provider.lower(), **others)
            for provider, uptime, others in (
                ("Groq", Decimal("99.82397465234993"), {}),
                ("BaseTen", 100, {}),
                ("Parasail", None, {}),
                ("Together", Decimal("99.5"), {}),
                ("Chutes", 0, {}),
                ("DeepInfra", 100, {"status": -2}),
                ("Novita", 97, {"service_tier": "flex"}),
            )
        ]

    def providers(self, *argv):
        rows = self.payload("endpoints", "acme/alpha-4.5", "--sort", "name", *argv)["endpoints"]
        return [row["provider_name"] for row in rows]

    def test_it_keeps_those_with_at_least_this_uptime(self):
        for percent, kept in (
            ("99.5", ["BaseTen", "Groq", "Together"]),
            ("99.51", ["BaseTen", "Groq"]),
            ("99.82397465234993", ["BaseTen", "Groq"]),
            ("99.82397465234994", ["BaseTen"]),
            ("100", ["BaseTen"]),
            ("0", ["BaseTen", "Chutes", "Groq", "Together"]),
        ):
            with self.subTest(percent):
                self.assertEqual(self.providers("--min-uptime", percent), kept)

    def test_it_applies_after_hidden_endpoints_are_left_out(self):
        hidden = "2 endpoints hidden (1 degraded, 1 on another service tier); --all shows them\n"
        self.assertEqual(self.models("endpoints", "acme/alpha-4.5", "--min-uptime", "99.9").err, hidden)
        run = self.models("endpoints", "acme/alpha-4.5", "--min-uptime", "99.9", "--json")
        self.assertEqual((run.err, len(json.loads(run.out)["endpoints"])), (hidden, 1))

    def test_with_all_it_applies_to_all(self):
        self.assertEqual(
            self.providers("--all", "--min-uptime", "97"), ["BaseTen", "DeepInfra", "Groq", "Novita", "Together"]
        )
        self.assertEqual(self.providers("--all", "--min-uptime", "99.9"), ["BaseTen", "DeepInfra"])
        self.assertEqual(self.models("endpoints", "acme/alpha-4.5", "--all", "--min-uptime", "99.9").err, "")

    def test_where_none_passes_a_line_says_so(self):
        self.server.endpoints["acme/alpha-4.5"] = [make_endpoint("Groq", uptime_last_30m=None)]
        run = self.models("endpoints", "acme/alpha-4.5", "--min-uptime", "0")
        self.assertEqual(run, Run(0, WithoutEndpoints.HEADER, "no endpoint matches the filters\n"))

    def test_a_number_that_is_no_percentage_is_a_usage_error(self):
        for percent in ("-1", "100.1", "101", "x", "", "nan", "99%"):
            with self.subTest(percent):
                run = self.models("endpoints", "acme/alpha-4.5", f"--min-uptime={percent}")
                self.assertEqual((run.code, run.out, self.requests()), (2, "", []))
                self.assertTrue(run.err.startswith("openrouter-remote: error: argument --min-uptime: "), run.err)


class OddIdTest(NamesTest):
    def test_a_name_that_the_api_calls_invalid_is_looked_up_in_the_catalog(self):
        self.server.always("GET", "/model/acme/alpha 4.5", error(400, "Invalid slug"))
        self.server.always("GET", "/model/acme/alpha%204.5", error(400, "Invalid slug"))
        run = self.models("show", "acme/alpha 4.5", "--json")
        self.assertEqual((run.code, json.loads(run.out)["id"]), (0, "acme/alpha-4.5"))
