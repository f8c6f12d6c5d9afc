"""`usage`: spend that no key accounts for, days and hours without gaps, and the comparison with the time before."""

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from fake_openrouter import (
    MANAGEMENT_KEY,
    NOW,
    USER_KEY,
    Response,
    as_usual,
    days_before,
    error,
    make_activity,
    make_key,
    make_workspace,
    respond,
)
from support import ProgramTest, Run

LABEL = "openrouter-remote: "
SUMS = ("usage", "byok_usage", "requests", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
ZEROS = dict.fromkeys(SUMS, 0)
MINI, LARGE = "lumen/lumen-4-mini", "lumen/lumen-4-large"
WITHOUT_ANALYTICS = "`usage` and `usage --by model` (or provider, day) for up to 30 days work without analytics"
METRICS = [
    "credits_usage",
    "byok_usage",
    "request_count",
    "tokens_prompt",
    "tokens_completion",
    "reasoning_tokens",
    "cached_tokens",
]


class SpendTest(ProgramTest):
    server: Any = None

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.server = self.start()

    def go_to(self, moment):
        """Let it be another time, in the program and in the fake server."""
        self.now = self.server.now = moment

    def document(self, *argv):
        """The document of `usage --json`, its numbers exact."""
        run = self.run_program("usage", "--json", *argv)
        self.assertEqual((run.code, run.err), (0, ""))
        document = json.loads(run.out, parse_float=Decimal)
        del document["tool"]
        return document

    def refused(self, argv, message, hint=None, code=5):
        expected = f"{LABEL}error: {message}\n" + (f"hint: {hint}\n" if hint else "")
        self.assertEqual(self.run_program("usage", *argv), Run(code, "", expected))

    def spend(self, *rows):
        """Activity of (days ago, model, USD) or (days ago, model, USD, other fields), by the first key."""
        key = self.server.keys[0]["hash"]
        self.server.activity = [
            make_activity(days_ago, model, "Lumen", key, usage=Decimal(usd), **dict(*more))
            for days_ago, model, usd, *more in rows
        ]

    def queries(self):
        """The bodies of the analytics queries, the latest time range first."""
        bodies = [request.body for request in self.server.requests if request.path == "/analytics/query"]
        return sorted(bodies, key=lambda body: body["time_range"]["start"], reverse=True)

    def asked(self, path):
        return [request.query for request in self.server.requests if request.path == path]


class OtherSpendTest(SpendTest):
    """What the account spent beyond the sum of its keys."""

    def own(self, *usages, total):
        """Keys with these all-time usages, in an account with this total."""
        keys = [make_key(n, usage=Decimal(usage)) for n, usage in enumerate(usages, 1)]
        self.server = self.start(keys=keys, workspaces=[make_workspace()])
        self.server.credits = {"total_credits": 20, "total_usage": Decimal(total)}

    def other(self, *argv):
        return self.document(*argv)["other_usage"]

    def test_it_is_the_difference_to_the_last_decimal(self):
        for usages, total, other in (
            (("1.5", "2.25"), "5", "1.25"),
            (("0.1", "0.1", "0.1"), "0.3000000000000000001", "0.0000000000000000001"),
            ((), "0.0001", "0.0001"),
        ):
            with self.subTest(total=total):
                self.own(*usages, total=total)
                self.assertEqual(self.other(), Decimal(other))

    def test_it_is_0_if_the_keys_sum_is_not_lower(self):
        for usages, total in ((("1.5", "2.25"), "3.75"), (("1.5", "2.25"), "3.7499"), (("1",), "0"), ((), "0")):
            with self.subTest(total=total):
                self.own(*usages, total=total)
                self.assertEqual(self.other(), 0)
                self.assertNotIn("other spend", self.run_program("usage").out)

    def test_byok_is_no_part_of_it(self):
        self.own("1", total="3")
        self.server.keys[0]["byok_usage"] = Decimal("1.5")
        self.assertEqual(self.other(), 2)

    def test_it_is_null_with_key(self):
        self.own("1", total="3")
        self.assertIsNone(self.other("--key", "key 1"))
        self.assertNotIn("other spend", self.run_program("usage", "--key", "key 1").out)

    def test_it_is_null_if_the_credits_are_unknown(self):
        self.own("1", total="3")
        self.server.always("GET", "/credits", error(400, "Bad"))
        run = self.run_program("usage", "--json")
        self.assertEqual(run.code, 0)
        document = json.loads(run.out)
        self.assertEqual((document["credits"], document["other_usage"]), (None, None))
        self.assertNotIn("other spend", self.run_program("usage").out)

    def test_it_is_null_if_a_workspace_is_out_of_sight(self):
        self.own("1", total="3")
        self.server.workspaces_refused = True
        run = self.run_program("usage", "--json")
        self.assertEqual((run.code, json.loads(run.out)["other_usage"]), (0, None))
        self.assertNotIn("other spend", self.run_program("usage").out)

    def test_keys_of_every_workspace_and_state_are_in_the_sum(self):
        homes = [make_workspace(n) for n in range(2)]
        keys = [
            make_key(1, usage=1, workspace_id=homes[0]["id"]),
            make_key(2, usage=2, workspace_id=homes[1]["id"], disabled=True),
            make_key(3, usage=3, workspace_id=homes[1]["id"], expires_at="2020-01-01T00:00:00Z"),
        ]
        self.server = self.start(keys=keys, workspaces=homes, credits={"total_credits": 20, "total_usage": 6})
        self.assertEqual(self.other(), 0)

    def test_the_credits_of_the_user_key_will_do(self):
        self.own("1", total="3")
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.server.credits_for_user_key = "allowed"
        self.server.fail("GET", "/credits", error(403, "No"))
        self.assertEqual(self.other(), 2)

    def test_the_text_shows_it_below_the_keys_sum(self):
        self.own("1.5", "2.25", total="5")
        self.assertEqual(
            self.run_program("usage").out.partition("\n\n     name")[0],
            "total_credits: $20.0000\n"
            "total_usage:   $5.0000\n"
            "remaining:     $15.0000\n"
            "\n"
            "today:       $0.0000\n"
            "this week:   $0.0000\n"
            "this month:  $0.0000\n"
            "all-time:    $3.7500\n"
            "other spend: $1.2500",
        )

    def test_the_document_has_it_between_the_totals_and_the_keys(self):
        self.own("1", total="3")
        names = ["credits", "totals", "byok_totals", "other_usage", "keys"]
        self.assertEqual(list(self.document()), names)
        self.assertEqual(list(self.document("--key", "key 1")), names)


class WithoutGapsTest(SpendTest):
    """Days and hours in order, those without spend included."""

    def test_every_day_has_a_row_of_numbers(self):
        self.spend((2, MINI, "1.5"), (5, MINI, "0.5"), (5, LARGE, "1"), (8, MINI, "9"))
        rows = self.document("--by", "day", "--days", "7")["rows"]
        spent = {days_before(NOW, 2): ("1.5", "0.5", 1), days_before(NOW, 5): ("1.5", "0.5", 2)}
        expected = []
        for days_ago in range(7, 0, -1):
            day = days_before(NOW, days_ago)
            usage, share, requests = spent.get(day, ("0", "0", 0))
            counts = {"requests": requests, "prompt_tokens": 1000 * requests, "completion_tokens": 200 * requests}
            sums = {**ZEROS, **counts, "usage": Decimal(usage)}
            expected.append({"day": day, "share": Decimal(share), **sums})
        self.assertEqual(rows, expected)
        numbers = [value for row in rows for name, value in row.items() if name != "day"]
        self.assertEqual({type(value) for value in numbers} - {int, Decimal}, set())

    def test_a_share_is_null_if_nothing_was_spent(self):
        self.server.activity = []
        for argv, count in ((("day",), 30), (("day", "--days", "40"), 40), (("day", "--today"), 1), (("hour",), 24)):
            with self.subTest(argv=argv):
                document = self.document("--by", *argv)
                self.assertEqual(document["totals"], ZEROS)
                label = argv[0]
                self.assertEqual(
                    [{name: value for name, value in row.items() if name != label} for row in document["rows"]],
                    [{"share": None, **ZEROS}] * count,
                )

    def test_days_come_without_gaps_from_analytics_too(self):
        self.spend((40, MINI, "1"), (1, MINI, "2"))
        document = self.document("--by", "day", "--days", "40")
        self.assertEqual((document["from"], document["to"]), (days_before(NOW, 40), days_before(NOW, 1)))
        self.assertEqual(
            [row["day"] for row in document["rows"]], [days_before(NOW, days) for days in range(40, 0, -1)]
        )
        self.assertEqual([row["usage"] for row in document["rows"]], [1, *[0] * 38, 2])

    def test_hours_go_from_the_one_that_contains_the_start_to_the_current_one(self):
        self.go_to(NOW + timedelta(minutes=34, seconds=5))
        self.spend((1, MINI, "1", {"_hour": 15}), (0, MINI, "3", {"_hour": 11}))
        for argv, first, count in (
            (("hour",), "2026-11-24 12:00", 25),
            (("hour", "--days", "2"), "2026-11-23 12:00", 49),
            (("hour", "--days", "7"), "2026-11-18 12:00", 169),
            (("hour", "--today"), "2026-11-25 00:00", 13),
        ):
            with self.subTest(argv=argv):
                document = self.document("--by", *argv)
                start = datetime.fromisoformat(first)
                labels = [f"{start + timedelta(hours=n):%Y-%m-%d %H:00}" for n in range(count)]
                self.assertEqual([row["hour"] for row in document["rows"]], labels)
                self.assertEqual((document["from"], document["to"]), (labels[0], "2026-11-25 12:00"))
                spent = {row["hour"]: row["usage"] for row in document["rows"] if row["usage"]}
                expected = {"2026-11-24 15:00": 1, "2026-11-25 11:00": 3}
                self.assertEqual(spent, {label: usd for label, usd in expected.items() if label in labels})
                (empty,) = [row for row in document["rows"] if row["hour"] == "2026-11-25 03:00"]
                self.assertEqual(empty, {"hour": "2026-11-25 03:00", "share": 0, **ZEROS})

    def test_hours_cross_the_end_of_a_month_and_a_year(self):
        self.go_to(datetime(2027, 1, 1, 1, 30, tzinfo=timezone.utc))
        self.server.activity = []
        hours = [row["hour"] for row in self.document("--by", "hour")["rows"]]
        self.assertEqual(hours[22:], ["2026-12-31 23:00", "2027-01-01 00:00", "2027-01-01 01:00"])

    def test_days_have_their_weekday_in_text_only(self):
        self.spend((2, MINI, "1.5"))
        run = self.run_program("usage", "--by", "day", "--days", "3")
        self.assertEqual(
            run,
            Run(
                0,
                "2026-11-22 to 2026-11-24 (UTC days); today isn't included, $0.0763 so far\n"
                "\n"
                "day               usage   share     BYOK  requests  in  out  reasoning  cached\n"
                "Sun 2026-11-22  $0.0000    0.0%  $0.0000         0   0    0          0       0\n"
                "Mon 2026-11-23  $1.5000  100.0%  $0.0000         1  1k  200          0       0\n"
                "Tue 2026-11-24  $0.0000    0.0%  $0.0000         0   0    0          0       0\n"
                "total           $1.5000  100.0%  $0.0000         1  1k  200          0       0\n",
                "",
            ),
        )
        days = [row["day"] for row in self.document("--by", "day", "--days", "3")["rows"]]
        self.assertEqual(days, ["2026-11-22", "2026-11-23", "2026-11-24"])

    def test_every_weekday_has_its_name(self):
        lines = self.run_program("usage", "--by", "day", "--days", "7").out.splitlines()[3:10]
        self.assertEqual([line[:3] for line in lines], ["Wed", "Thu", "Fri", "Sat", "Sun", "Mon", "Tue"])

    def test_hours_have_the_weekday_of_their_day(self):
        self.go_to(datetime(2026, 11, 25, 1, 30, tzinfo=timezone.utc))
        self.server.activity = []
        self.assertEqual(
            self.run_program("usage", "--by", "hour", "--today"),
            Run(
                0,
                "2026-11-25 so far (UTC)\n"
                "\n"
                "hour                    usage  share     BYOK  requests  in  out  reasoning  cached\n"
                "Wed 2026-11-25 00:00  $0.0000      -  $0.0000         0   0    0          0       0\n"
                "Wed 2026-11-25 01:00  $0.0000      -  $0.0000         0   0    0          0       0\n"
                "total                 $0.0000      -  $0.0000         0   0    0          0       0\n",
                "",
            ),
        )


class CompareTest(SpendTest):
    """`--compare`: the span of the same length just before."""

    def rows(self, *argv):
        """[(name, usage, before, change), …]"""
        document = self.document("--compare", "--by", *argv)
        by = document["by"]
        return [(row[by], row["usage"], row["before"], row["change"]) for row in document["rows"]]

    def test_rows_and_totals_have_before_and_change(self):
        self.spend(
            (1, MINI, "2.5"),
            (7, MINI, "0.1"),
            (7, LARGE, "1"),
            (8, MINI, "0.5"),
            (14, LARGE, "1.4000000000000001"),
            (15, MINI, "100"),
            (0, MINI, "100"),
        )
        document = self.document("--by", "model", "--compare")
        counts = {**ZEROS, "requests": 1, "prompt_tokens": 1000, "completion_tokens": 200}
        twice = {**ZEROS, "requests": 2, "prompt_tokens": 2000, "completion_tokens": 400}
        thrice = {**ZEROS, "requests": 3, "prompt_tokens": 3000, "completion_tokens": 600}
        self.assertEqual(
            document,
            {
                "by": "model",
                "from": "2026-11-18",
                "to": "2026-11-24",
                "before_from": "2026-11-11",
                "before_to": "2026-11-17",
                "today": Decimal("0.0763"),
                "totals": {
                    **thrice,
                    "usage": Decimal("3.6"),
                    "before": Decimal("1.9000000000000001"),
                    "change": Decimal("1.6999999999999999"),
                },
                "rows": [
                    {
                        "model": MINI,
                        **twice,
                        "usage": Decimal("2.6"),
                        "share": Decimal("0.722222222222222"),
                        "before": Decimal("0.5"),
                        "change": Decimal("2.1"),
                    },
                    {
                        "model": LARGE,
                        **counts,
                        "usage": Decimal("1"),
                        "share": Decimal("0.277777777777778"),
                        "before": Decimal("1.4000000000000001"),
                        "change": Decimal("-0.4000000000000001"),
                    },
                ],
            },
        )
        self.assertEqual(list(document), ["by", "from", "to", "before_from", "before_to", "today", "totals", "rows"])

    def test_the_text_has_both_as_columns(self):
        self.spend(
            *((1, "a/up", "2.6"), (7, "a/down", "1"), (2, "a/same", "3")),
            *((8, "a/up", "0.5"), (14, "a/down", "1.4"), (9, "a/same", "3")),
        )
        self.assertEqual(
            self.run_program("usage", "--by", "model", "--compare"),
            Run(
                0,
                "2026-11-18 to 2026-11-24 (UTC days); today isn't included, $0.0763 so far; "
                "before: 2026-11-11 to 2026-11-17\n"
                "\n"
                "model     usage   before    change   share     BYOK  requests  in  out  reasoning  cached\n"
                "a/same  $3.0000  $3.0000   $0.0000   45.5%  $0.0000         1  1k  200          0       0\n"
                "a/up    $2.6000  $0.5000  +$2.1000   39.4%  $0.0000         1  1k  200          0       0\n"
                "a/down  $1.0000  $1.4000  -$0.4000   15.2%  $0.0000         1  1k  200          0       0\n"
                "total   $6.6000  $4.9000  +$1.7000  100.0%  $0.0000         3  3k  600          0       0\n",
                "",
            ),
        )

    def test_without_it_there_is_nothing_of_it(self):
        document = self.document("--by", "model", "--days", "7")
        self.assertEqual(list(document), ["by", "from", "to", "today", "totals", "rows"])
        self.assertEqual(list(document["totals"]), list(SUMS))
        self.assertNotIn("before", self.run_program("usage", "--by", "model", "--days", "7").out)

    def test_a_name_that_only_one_span_has_is_0_in_the_other(self):
        self.spend((1, MINI, "2"), (8, LARGE, "3"))
        document = self.document("--by", "model", "--compare")
        mini, large = document["rows"]
        self.assertEqual((mini["model"], mini["usage"], mini["before"], mini["change"]), (MINI, 2, 0, 2))
        self.assertEqual(large, {"model": LARGE, **ZEROS, "share": 0, "before": 3, "change": -3})

    def test_a_share_is_null_if_only_the_span_before_has_spend(self):
        self.spend((8, LARGE, "3"))
        document = self.document("--by", "model", "--compare")
        self.assertEqual(document["rows"], [{"model": LARGE, **ZEROS, "share": None, "before": 3, "change": -3}])
        self.assertEqual(document["totals"], {**ZEROS, "before": 3, "change": -3})

    def test_without_any_spend_there_are_zeros(self):
        self.server.activity = []
        document = self.document("--by", "model", "--compare")
        self.assertEqual((document["rows"], document["totals"]), ([], {**ZEROS, "before": 0, "change": 0}))

    def test_rows_sort_by_usage_then_byok_then_before(self):
        bill = "byok_usage_inference"
        self.spend(
            *((1, "a/1", "1"), (1, "a/2", "2"), (1, "a/3", "1", {bill: Decimal("0.5")}), (1, "a/4", "1")),
            *((8, "a/1", "3"), (8, "a/2", "1"), (8, "a/4", "9"), (8, "a/5", "50"), (8, "a/6", "70")),
            *((1, "a/7", "0", {bill: Decimal("0.1")}),),
        )
        names = [row[0] for row in self.rows("model")]
        self.assertEqual(names, ["a/2", "a/3", "a/4", "a/1", "a/7", "a/6", "a/5"])

    def test_byok_is_in_neither_span(self):
        bill = {"byok_usage_inference": Decimal(5)}
        self.spend((1, MINI, "2", bill), (8, MINI, "0.5", bill))
        self.assertEqual(self.rows("model"), [(MINI, 2, Decimal("0.5"), Decimal("1.5"))])

    def test_a_name_that_the_api_does_not_give_is_one_row(self):
        self.spend((1, "", "2"), (8, "", "3"), (8, MINI, "1"))
        self.assertEqual(self.rows("model"), [(None, 2, 3, -1), (MINI, 0, 1, -1)])

    def test_key_filters_both_spans(self):
        other = self.server.keys[1]["hash"]
        self.spend((1, MINI, "1"), (8, MINI, "2"))
        self.server.activity += [
            make_activity(days_ago, MINI, "Lumen", other, usage=usd) for days_ago, usd in ((1, 10), (8, 30))
        ]
        self.assertEqual(self.rows("model", "--key", "production"), [(MINI, 10, 30, -20)])
        self.assertEqual(self.asked("/activity"), [{"api_key_hash": other}])
        self.assertEqual(self.rows("key", "--key", "production"), [("production", 10, 30, -20)])
        filters = [{"field": "api_key_id", "operator": "eq", "value": other}]
        self.assertEqual([query["filters"] for query in self.queries()], [filters, filters])


class CompareSourceTest(SpendTest):
    """Where the figures of both spans come from."""

    def ranges(self):
        return [(query["time_range"]["start"][:10], query["time_range"]["end"][:10]) for query in self.queries()]

    def test_models_and_providers_up_to_15_days_come_from_one_request_to_activity(self):
        for argv, days in (
            (("model",), 7),
            (("provider",), 7),
            (("model", "--days", "1"), 1),
            (("model", "--days", "15"), 15),
            (("provider", "--days", "15"), 15),
        ):
            with self.subTest(argv=argv):
                self.server.requests.clear()
                document = self.document("--compare", "--by", *argv)
                self.assertEqual((self.asked("/activity"), self.queries()), ([{}], []))
                self.assertEqual(
                    [document[name] for name in ("from", "to", "before_from", "before_to")],
                    [days_before(NOW, days_ago) for days_ago in (days, 1, 2 * days, days + 1)],
                )

    def test_everything_else_comes_from_two_queries(self):
        for argv, dimension, days in (
            (("model", "--days", "16"), "model", 16),
            (("model", "--days", "182"), "model", 182),
            (("provider", "--days", "16"), "provider", 16),
            (("provider", "--days", "31"), "provider", 31),
            (("key",), "api_key_id", 7),
            (("key", "--days", "1"), "api_key_id", 1),
            (("key", "--days", "182"), "api_key_id", 182),
        ):
            with self.subTest(argv=argv):
                self.server.requests.clear()
                document = self.document("--compare", "--by", *argv)
                spans = [
                    (f"{days_before(NOW, start)}T00:00:00Z", f"{days_before(NOW, end)}T00:00:00Z")
                    for start, end in ((days, 0), (2 * days, days))
                ]
                self.assertEqual(
                    self.queries(),
                    [
                        {
                            "metrics": METRICS,
                            "time_range": {"start": start, "end": end},
                            "dimensions": [dimension],
                            "limit": 10000,
                        }
                        for start, end in spans
                    ],
                )
                self.assertEqual(self.asked("/activity"), [])
                self.assertEqual(
                    [document[name] for name in ("from", "to", "before_from", "before_to")],
                    [days_before(NOW, days_ago) for days_ago in (days, 1, 2 * days, days + 1)],
                )

    def test_both_sources_agree(self):
        for by in ("model", "provider"):
            activity = self.document("--by", by, "--compare", "--days", "15")
            parts = [self.document("--by", by, "--days", days) for days in ("15", "30")]
            self.assertEqual(activity["totals"]["usage"], parts[0]["totals"]["usage"])
            self.assertEqual(activity["totals"]["before"], parts[1]["totals"]["usage"] - parts[0]["totals"]["usage"])
        self.server.activity = [row for row in self.server.activity if row["date"] > days_before(NOW, 16)]
        analytics = self.document("--by", "key", "--compare", "--days", "15")["totals"]
        self.assertEqual({**analytics}, {**self.document("--by", "model", "--compare", "--days", "15")["totals"]})

    def test_today_is_compared_with_yesterday_up_to_the_same_time(self):
        self.go_to(NOW + timedelta(minutes=34, seconds=5))
        self.spend(
            (0, MINI, "1", {"_hour": 9}),
            (1, MINI, "0.25", {"_hour": 12}),
            (1, MINI, "50", {"_hour": 13}),
            (2, MINI, "50", {"_hour": 9}),
        )
        for by, dimension, name in (
            ("model", "model", "Lumen: Lumen 4 Mini"),
            ("provider", "provider", "Lumen"),
            ("key", "api_key_id", "ci-nightly"),
        ):
            with self.subTest(by=by):
                self.server.requests.clear()
                document = self.document("--by", by, "--today", "--compare")
                self.assertEqual(
                    [(query["dimensions"], query["time_range"]) for query in self.queries()],
                    [
                        ([dimension], {"start": "2026-11-25T00:00:00Z", "end": "2026-11-25T12:34:05Z"}),
                        ([dimension], {"start": "2026-11-24T00:00:00Z", "end": "2026-11-24T12:34:05Z"}),
                    ],
                )
                self.assertEqual(len(self.server.requests), 2)
                self.assertEqual(
                    [document[field] for field in ("from", "to", "before_from", "before_to", "today")],
                    ["2026-11-25", "2026-11-25", "2026-11-24", "2026-11-24", 1],
                )
                (row,) = document["rows"]
                shown = (row[by], row["usage"], row["before"], row["change"])
                self.assertEqual(shown, (name, 1, Decimal("0.25"), Decimal("0.75")))

    def test_the_text_of_today_names_yesterday(self):
        first = self.run_program("usage", "--by", "key", "--today", "--compare").out.partition("\n")[0]
        self.assertEqual(first, "2026-11-25 so far (UTC); before: 2026-11-24 until 12:00")

    def test_at_midnight_both_spans_are_a_second_long(self):
        self.go_to(datetime(2026, 11, 25, tzinfo=timezone.utc))
        self.document("--by", "key", "--today", "--compare")
        self.assertEqual(
            [query["time_range"] for query in self.queries()],
            [
                {"start": "2026-11-25T00:00:00Z", "end": "2026-11-25T00:00:01Z"},
                {"start": "2026-11-24T00:00:00Z", "end": "2026-11-24T00:00:01Z"},
            ],
        )

    def test_two_keys_of_one_name_are_one_row_in_both_spans(self):
        first, second = self.server.keys[:2]
        second["name"] = first["name"]
        self.server.activity = [
            make_activity(days_ago, MINI, "Lumen", key["hash"], usage=usd)
            for days_ago, key, usd in ((1, first, 1), (2, second, 2), (8, first, 4), (9, second, 8))
        ]
        (row,) = self.document("--by", "key", "--compare")["rows"]
        self.assertEqual((row["key"], row["usage"], row["before"], row["change"]), ("ci-nightly", 3, 12, -9))


class CompareFailureTest(SpendTest):
    def incomplete(self, start, **more):
        """The query that begins there has incomplete results."""
        result = {"data": [], "metadata": {"query_time_ms": 1, "row_count": 0, "truncated": False}, **more}

        def fault(handler):
            found = handler.received.body["time_range"]["start"].startswith(start)
            handler.send(Response(200, {"data": result}) if found else handler.fake.respond(handler.received))

        self.server.always("POST", "/analytics/query", fault)

    def test_either_span_that_is_incomplete_is_exit_5(self):
        name = "POST /analytics/query: incomplete results: "
        cut = {"query_time_ms": 1, "row_count": 0, "truncated": True}
        for start in ("2026-11-18", "2026-11-11"):
            with self.subTest(start=start):
                self.incomplete(start, warnings=["some partitions are missing"])
                self.refused(["--by", "key", "--compare"], f"{name}some partitions are missing")
                self.incomplete(start, metadata=cut)
                self.refused(["--by", "key", "--compare"], name + json.dumps(cut), "try fewer --days")

    def test_a_span_that_fails_is_exit_5(self):
        def fault(handler):
            before = handler.received.body["time_range"]["start"].startswith("2026-11-11")
            (error(500, "Broken") if before else as_usual)(handler)

        self.server.always("POST", "/analytics/query", fault)
        self.refused(["--by", "key", "--compare"], "POST /analytics/query: 500 Broken (3 tries)")

    def test_a_spend_of_the_span_before_that_is_no_number_is_exit_5(self):
        row = make_activity(8, MINI, "Lumen", "k", usage="1")
        shown = {name: value for name, value in row.items() if not name.startswith("_")}
        self.server.always("GET", "/activity", respond(200, {"data": [shown]}))
        self.refused(["--by", "model", "--compare"], 'GET /activity: `usage` isn\'t a number: "1"')

    def test_without_analytics_the_error_says_what_works(self):
        self.server.has_analytics = False
        hint = f"check OPENROUTER_BASE_URL: it is {self.server.url} (from the shell)"
        for argv in (("key",), ("model", "--today"), ("model", "--days", "16"), ("provider", "--days", "31")):
            with self.subTest(argv=argv):
                message = "POST /analytics/query: 404 Not Found"
                self.refused(["--by", *argv, "--compare"], message, f"{hint}. {WITHOUT_ANALYTICS}")
        self.assertEqual(self.run_program("usage", "--by", "model", "--compare").code, 0)

    def test_refused_analytics_say_so_too(self):
        self.server.always("POST", "/analytics/query", error(403, "No"))
        run = self.run_program("usage", "--by", "key", "--compare")
        self.assertEqual((run.code, run.out), (3, ""))
        self.assertTrue(run.err.endswith(f". {WITHOUT_ANALYTICS}\n"), run.err)

    def test_it_needs_by(self):
        hint = "try: openrouter-remote usage --by model --compare"
        self.refused(["--compare"], "--compare needs --by", hint, 2)
        self.refused(["--compare", "--key", "production"], "--compare needs --by", hint, 2)
        self.assertEqual(self.server.requests, [])

    def test_days_and_hours_have_no_comparison(self):
        for by in ("day", "hour"):
            for more in ((), ("--today",), ("--days", "2")):
                with self.subTest(by=by, more=more):
                    message = f"--compare can't be used with --by {by}"
                    hint = "use --by model, --by provider or --by key"
                    self.refused(["--by", by, "--compare", *more], message, hint, 2)
        self.assertEqual(self.server.requests, [])

    def test_alerts_do_not_combine_with_it(self):
        message = "alerts can't be used with --by: they cover today, this week or this month"
        for period in ("daily", "weekly", "monthly"):
            for quiet in ((), ("--quiet",)):
                argv = ["--by", "model", "--compare", f"--alert-{period}", "5", *quiet]
                self.refused(argv, message, "see: openrouter-remote usage --help", 2)
        needs = "--quiet needs --alert-daily, --alert-weekly or --alert-monthly"
        argv = ["--by", "model", "--compare", "--quiet"]
        self.refused(argv, needs, "see: openrouter-remote usage --help", 2)
        self.assertEqual(self.server.requests, [])

    def test_there_is_a_most_of_days(self):
        for by, most in (("model", 182), ("key", 182), ("provider", 31)):
            for days in (most + 1, 365):
                with self.subTest(by=by, days=days):
                    self.refused(
                        ["--by", by, "--compare", "--days", str(days)],
                        f"--by {by} --compare covers at most {most} days",
                        f"try: openrouter-remote usage --by {by} --compare --days {most}",
                        2,
                    )
        message = "--today can't be used with --days"
        argv = ["--by", "key", "--compare", "--today", "--days", "1"]
        self.refused(argv, message, "see: openrouter-remote usage --help", 2)
        self.assertEqual(self.server.requests, [])
