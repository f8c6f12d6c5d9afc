"""`usage --by key`, `--by hour`, `--today` and more than 30 days: what only POST /analytics/query reports."""

import os
import unittest

if os.name != "posix":
    raise unittest.SkipTest("these tests need POSIX")

import io
import json
import os
import pty
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from unittest import mock

from fake_openrouter import MANAGEMENT_KEY, NOW, USER_KEY, days_before, error, hang_up, html, make_activity, respond
from support import CLOCK, ProgramTest, Run, program

INSTEAD = "`usage` and `usage --by model` (or provider, day) for up to 30 days work without analytics"
SUMS = ("usage", "byok_usage", "requests", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
ROW = {
    "api_key_id": "ci",
    "credits_usage": 1,
    "byok_usage": 0,
    "request_count": "3",
    "tokens_prompt": "7",
    "tokens_completion": "5",
    "reasoning_tokens": "2",
    "cached_tokens": "1",
}


def data(*rows, **more):
    """A response of POST /analytics/query with these rows."""
    metadata = {"query_time_ms": 1, "row_count": len(rows), "truncated": False}
    return respond(200, {"data": {"data": list(rows), "metadata": {**metadata, **more.pop("metadata", {})}, **more}})


class AnalyticsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.server = self.start()

    def by(self, *argv):
        """The document of `usage --by …`, its numbers exact."""
        run = self.run_program("usage", "--json", "--by", *argv)
        self.assertEqual((run.code, run.err), (0, ""))
        document = json.loads(run.out, parse_float=Decimal)
        del document["tool"]
        return document

    def queries(self):
        return [request.body for request in self.server.requests if request.path == "/analytics/query"]

    def assert_error(self, argv, message, hint=None, code=5):
        expected = f"openrouter-remote: error: {message}\n" + (f"hint: {hint}\n" if hint else "")
        self.assertEqual(self.run_program("usage", "--by", *argv), Run(code, "", expected))


class QueryTest(AnalyticsTest):
    """What the query asks for."""

    def test_a_query_for_days_covers_midnight_to_midnight(self):
        self.by("key", "--days", "7")
        self.assertEqual(
            self.queries(),
            [
                {
                    "metrics": [
                        "credits_usage",
                        "byok_usage",
                        "request_count",
                        "tokens_prompt",
                        "tokens_completion",
                        "reasoning_tokens",
                        "cached_tokens",
                    ],
                    "time_range": {"start": "2026-11-18T00:00:00Z", "end": "2026-11-25T00:00:00Z"},
                    "dimensions": ["api_key_id"],
                    "limit": 10000,
                }
            ],
        )

    def test_the_options_determine_the_query(self):
        midnight, noon = "2026-11-25T00:00:00Z", "2026-11-25T12:00:00Z"
        mine = {"field": "api_key_id", "operator": "eq", "value": self.server.keys[1]["hash"]}
        for argv, start, end, differs in (
            ("key", "2026-10-26T00:00:00Z", midnight, {"dimensions": ["api_key_id"]}),
            ("key --today", midnight, noon, {"dimensions": ["api_key_id"]}),
            ("model --today", midnight, noon, {"dimensions": ["model"]}),
            ("provider --today", midnight, noon, {"dimensions": ["provider"]}),
            ("day --today", midnight, noon, {"granularity": "day"}),
            ("hour --today", midnight, noon, {"granularity": "hour"}),
            ("hour", "2026-11-24T12:00:00Z", noon, {"granularity": "hour"}),
            ("hour --days 7", "2026-11-18T12:00:00Z", noon, {"granularity": "hour"}),
            ("model --days 31", "2026-10-25T00:00:00Z", midnight, {"dimensions": ["model"]}),
            ("model --days 365", "2025-11-25T00:00:00Z", midnight, {"dimensions": ["model"]}),
            ("provider --days 31", "2026-10-25T00:00:00Z", midnight, {"dimensions": ["provider"]}),
            ("day --days 365", "2025-11-25T00:00:00Z", midnight, {"granularity": "day"}),
            ("hour --key production", "2026-11-24T12:00:00Z", noon, {"granularity": "hour", "filters": [mine]}),
        ):
            with self.subTest(argv):
                self.server.requests.clear()
                self.by(*argv.split())
                (query,) = self.queries()
                del query["metrics"], query["limit"]
                self.assertEqual(query, {"time_range": {"start": start, "end": end}, **differs})
                self.assertNotIn("/activity", [request.path for request in self.server.requests])

    def test_up_to_30_days_by_model_provider_and_day_come_from_activity(self):
        for argv in ("model", "provider --days 30", "day --days 1", "model --days 7 --key production"):
            self.by(*argv.split())
        self.assertEqual(self.queries(), [])

    def test_hours_end_now_and_begin_24_hours_ago(self):
        self.server.now = self.now = NOW + timedelta(minutes=34, seconds=5)
        document = self.by("hour")
        self.assertEqual((document["from"], document["to"]), ("2026-11-24 12:00", "2026-11-25 12:00"))
        self.assertEqual(
            self.queries()[0]["time_range"], {"start": "2026-11-24T12:34:05Z", "end": "2026-11-25T12:34:05Z"}
        )

    def test_the_text_says_within_80_columns_that_hours_are_partial(self):
        self.server.now = self.now = NOW + timedelta(minutes=34)
        first = self.run_program("usage", "--by", "hour").out.partition("\n")[0]
        self.assertEqual(first, "2026-11-24 12:34 to 2026-11-25 12:34 (UTC); the first and last hour are partial")

    def test_at_midnight_the_query_for_today_covers_one_second(self):
        self.server.now = self.now = datetime(2026, 11, 25, tzinfo=timezone.utc)
        self.by("key", "--today")
        self.assertEqual(
            self.queries()[0]["time_range"], {"start": "2026-11-25T00:00:00Z", "end": "2026-11-25T00:00:01Z"}
        )

    def test_today_needs_only_one_request(self):
        self.by("key", "--today")
        self.assertEqual([request.path for request in self.server.requests], ["/analytics/query"])

    def test_more_days_than_the_api_has_are_a_usage_error(self):
        for argv, message, hint in (
            ("provider --days 32", "--by provider covers at most 31 days", "usage --by provider --days 31"),
            ("hour --days 8", "--by hour covers at most 7 days", "usage --by hour --days 7"),
            ("day --today --days 1", "--today can't be used with --days", "usage --help"),
        ):
            hint = f"see: openrouter-remote {hint}" if "help" in hint else f"try: openrouter-remote {hint}"
            with self.subTest(argv):
                self.assert_error(argv.split(), message, hint, 2)
        self.assertEqual(self.server.requests, [])

    def test_today_without_by_is_a_usage_error(self):
        expected = (
            "openrouter-remote: error: --today needs --by\nhint: try: openrouter-remote usage --by model --today\n"
        )
        self.assertEqual(self.run_program("usage", "--today"), Run(2, "", expected))


class SumsTest(AnalyticsTest):
    def test_sums_equal_those_of_activity_exactly(self):
        self.server.activity = [
            make_activity(
                days_ago, f"lumen/m{n % 3}", f"P{n % 2}", self.server.keys[n % 4]["hash"], _hour=(n * 5) % 24,
                usage=Decimal(f"0.{days_ago:02}{n}00000000000000{n + 1}"), byok_usage_inference=Decimal(f"0.00{n}7"),
                requests=days_ago, prompt_tokens=3**days_ago, cached_tokens=n,
            )
            for days_ago in range(0, 40) for n in range(6)
        ]  # fmt: skip
        for days in ("1", "7", "30"):
            activity = self.by("model", "--days", days)["totals"]
            self.assertGreater(activity["usage"], 0)
            self.assertEqual({name: Decimal(value) for name, value in activity.items()}, self.sums("key", days))
        for name in ("production", "eval-runner"):
            activity = self.by("day", "--days", "30", "--key", name)["totals"]
            self.assertEqual(activity, self.by("key", "--days", "30", "--key", name)["totals"])

    def sums(self, by, days):
        document = self.by(by, "--days", days)
        for name in SUMS:
            self.assertEqual(sum(row[name] for row in document["rows"]), document["totals"][name])
        return {name: Decimal(value) for name, value in document["totals"].items()}

    def test_today_equals_the_spend_of_the_keys(self):
        spent = sum(key["usage_daily"] for key in self.server.keys)
        for by in ("model", "provider", "key", "day", "hour"):
            document = self.by(by, "--today")
            self.assertEqual((document["today"], document["totals"]["usage"]), (spent, spent), by)

    def test_keys_are_listed_by_name_with_the_biggest_spend_first(self):
        document = self.by("key", "--today")
        self.assertEqual(
            document,
            {
                "by": "key",
                "from": "2026-11-25",
                "to": "2026-11-25",
                "today": Decimal("0.0763"),
                "totals": document["totals"],
                "rows": document["rows"],
            },
        )
        self.assertEqual(
            [(row["key"], row["usage"], row["byok_usage"]) for row in document["rows"]],
            [
                ("production", Decimal("0.0612"), 0),
                ("chat-bot", Decimal("0.012"), 0),
                ("ci-nightly", Decimal("0.0031"), 0),
                ("notebook", 0, Decimal("0.04")),
            ],
        )

    def test_two_keys_with_one_name_are_one_row(self):
        self.server.keys[4]["name"] = "production"
        rows = self.by("key", "--today")["rows"]
        self.assertEqual([row["key"] for row in rows], ["production", "ci-nightly", "notebook"])
        self.assertEqual((rows[0]["usage"], rows[0]["requests"]), (Decimal("0.0732"), 56))

    def test_a_key_without_a_name_has_its_id_or_null(self):
        for value, shown in ((None, None), ("", None), (1234, "1234"), (["x"], None)):
            self.server.always("POST", "/analytics/query", data({**ROW, "api_key_id": value}))
            self.assertEqual([row["key"] for row in self.by("key", "--today")["rows"]], [shown])

    def test_counts_may_be_strings_but_money_may_not(self):
        self.server.always("POST", "/analytics/query", data(ROW))
        (row,) = self.by("key", "--today")["rows"]
        self.assertEqual([row[name] for name in SUMS], [1, 0, 3, 7, 5, 2, 1])
        for field in ("credits_usage", "byok_usage"):
            self.server.always("POST", "/analytics/query", data({**ROW, field: "1"}))
            self.assert_error(["key", "--today"], f'POST /analytics/query: `{field}` isn\'t a number: "1"')

    def test_hours_and_days_are_in_order_in_any_notation(self):
        spent = {"2026-11-25 01:00": 1, "2026-11-25 09:00": 1}
        for by, values, rows in (
            (
                "hour",
                ["2026-11-25T09:00:00Z", "2026-11-25 01:00:00"],
                [(hour, spent.get(hour, 0)) for hour in (f"2026-11-25 {n:02}:00" for n in range(12))],
            ),
            ("day", ["2026-11-25", "2026-11-25T00:00:00.000Z"], [("2026-11-25", 2)]),
        ):
            with self.subTest(by):
                self.server.always(
                    "POST", "/analytics/query", data(*({**ROW, f"date__{by}": value} for value in values))
                )
                document = self.by(by, "--today")
                self.assertEqual([(row[by], row["usage"]) for row in document["rows"]], rows)
                self.assertEqual(document["totals"]["usage"], 2)

    def test_an_unreadable_time_is_exit_5(self):
        for by, value in (
            ("hour", "2026-11-25"),
            ("hour", None),
            ("day", 20261125),
            ("day", "25.11.2026"),
            ("hour", ""),
        ):
            with self.subTest(by=by, value=value):
                self.server.always("POST", "/analytics/query", data({**ROW, f"date__{by}": value}))
                shown = json.dumps(value)
                self.assert_error([by, "--today"], f"POST /analytics/query: `date__{by}` isn't a time: {shown}")

    def test_rows_outside_the_requested_time_are_left_out(self):
        for argv, field, inside, outside in (
            (["day", "--days", "40"], "date__day", (40, 1), (41, 0, -1)),
            (["hour"], "date__hour", ("2026-11-24 12:00", "2026-11-25 11:00"), ("2026-11-24 11:00",)),
            (["hour", "--today"], "date__hour", ("2026-11-25 00:00",), ("2026-11-24 23:00", "2026-11-26 00:00")),
        ):
            with self.subTest(argv):
                times = [day if isinstance(day, str) else days_before(NOW, day) for day in (*outside, *inside)]
                self.server.always("POST", "/analytics/query", data(*({**ROW, field: time} for time in times)))
                self.assertEqual(self.by(*argv)["totals"]["usage"], len(inside))

    def test_text_begins_with_the_period(self):
        for argv, first in (
            ("key --days 7", "2026-11-18 to 2026-11-24 (UTC days); today isn't included, $0.0763 so far"),
            ("model --days 365", "2025-11-25 to 2026-11-24 (UTC days); today isn't included, $0.0763 so far"),
            ("key --today", "2026-11-25 so far (UTC)"),
            ("hour --today", "2026-11-25 so far (UTC)"),
            ("hour", "2026-11-24 12:00 to 2026-11-25 12:00 (UTC)"),
        ):
            run = self.run_program("usage", "--by", *argv.split())
            self.assertEqual((run.code, run.err), (0, ""))
            self.assertEqual(run.out.partition("\n")[0], first)

    def test_the_table_by_hour(self):
        self.assertEqual(
            self.run_program("usage", "--by", "hour", "--today"),
            Run(
                0,
                "2026-11-25 so far (UTC)\n"
                "\n"
                "hour                    usage   share     BYOK  requests  in  out  reasoning  cached\n"
                "Wed 2026-11-25 00:00  $0.0000    0.0%  $0.0000         0   0    0          0       0\n"
                "Wed 2026-11-25 01:00  $0.0000    0.0%  $0.0000         0   0    0          0       0\n"
                "Wed 2026-11-25 02:00  $0.0000    0.0%  $0.0000         0   0    0          0       0\n"
                "Wed 2026-11-25 03:00  $0.0031    4.1%  $0.0000        10  1k  200          0       0\n"
                "Wed 2026-11-25 04:00  $0.0000    0.0%  $0.0000         0   0    0          0       0\n"
                "Wed 2026-11-25 05:00  $0.0000    0.0%  $0.0000         0   0    0          0       0\n"
                "Wed 2026-11-25 06:00  $0.0000    0.0%  $0.0000         0   0    0          0       0\n"
                "Wed 2026-11-25 07:00  $0.0000    0.0%  $0.0000         0   0    0          0       0\n"
                "Wed 2026-11-25 08:00  $0.0469   61.5%  $0.0000        15  1k  200          0       0\n"
                "Wed 2026-11-25 09:00  $0.0000    0.0%  $0.0400         4  1k  200          0       0\n"
                "Wed 2026-11-25 10:00  $0.0143   18.7%  $0.0000         1  1k  200          0       0\n"
                "Wed 2026-11-25 11:00  $0.0120   15.7%  $0.0000        40  1k  200          0       0\n"
                "total                 $0.0763  100.0%  $0.0400        70  5k   1k          0       0\n",
                "",
            ),
        )


class IncompleteTest(AnalyticsTest):
    """Incomplete results are an error."""

    def test_a_truncated_response_is_exit_5(self):
        self.server.max_analytics_rows = 2
        message = 'incomplete results: {"query_time_ms": 42, "row_count": 2, "truncated": true}'
        self.assert_error(["key"], f"POST /analytics/query: {message}", "try fewer --days")
        self.assert_error(["key", "--today"], f"POST /analytics/query: {message}")

    def test_a_response_that_may_be_truncated_is_exit_5(self):
        for metadata in ({"truncated": None}, {"truncated": "false"}, {"row_count": 2}, {"row_count": "2"}):
            with self.subTest(metadata):
                self.server.always("POST", "/analytics/query", data(ROW, metadata=metadata))
                run = self.run_program("usage", "--by", "key")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertIn("POST /analytics/query: incomplete results: {", run.err)
        self.server.always("POST", "/analytics/query", respond(200, {"data": {"data": [ROW]}}))
        self.assert_error(["key"], "POST /analytics/query: incomplete results: {}", "try fewer --days")

    def test_a_warning_in_the_response_is_exit_5_with_its_text(self):
        for warnings, text in (
            (["api_key_id abc could not be resolved", "and more"], "api_key_id abc could not be resolved; and more"),
            ({"x": 1}, '{"x": 1}'),
            ("odd", "odd"),
        ):
            with self.subTest(warnings):
                self.server.always("POST", "/analytics/query", data(ROW, warnings=warnings))
                self.assert_error(["key"], f"POST /analytics/query: incomplete results: {text}")
        nothing: list = [[], None]
        for none in nothing:
            self.server.always("POST", "/analytics/query", data(ROW, warnings=none))
            self.assertEqual(self.run_program("usage", "--by", "key").code, 0)

    def test_a_response_without_a_list_of_rows_is_exit_5(self):
        rows: list = [None, {}, "rows", 7, True, [1], [None], [[]], ["row"], [ROW, 1], {"0": ROW}]
        for value in rows:
            for argv in (("key",), ("hour",), ("model", "--today")):
                with self.subTest(value, argv=argv):
                    body = {"data": {"data": value, "metadata": {"row_count": 1, "truncated": False}}}
                    self.server.always("POST", "/analytics/query", respond(200, body))
                    excerpt = json.dumps(body)
                    excerpt = excerpt if len(excerpt) <= 160 else f"{excerpt[:159]}…"
                    self.assert_error(argv, f"POST /analytics/query: a response without a list of rows: {excerpt}")
        self.server.always("POST", "/analytics/query", respond(200, {"data": {}}))
        self.assert_error(["key"], 'POST /analytics/query: a response without a list of rows: {"data": {}}')

    def test_a_response_without_an_object_in_data_is_exit_5(self):
        bodies: list = [{}, {"data": []}, {"data": None}, {"data": [ROW]}, {"rows": []}]
        for body in bodies:
            with self.subTest(body):
                self.server.always("POST", "/analytics/query", respond(200, body))
                run = self.run_program("usage", "--by", "key")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertIn("error: POST /analytics/query: 200 without an object in `data`: {", run.err)


class TodayTest(AnalyticsTest):
    def test_unknown_spend_today_is_only_a_warning(self):
        for fault, reason in ((error(403, "No"), "403 No"), (error(500, "Broken"), "500 Broken (3 tries)")):
            for by in ("key", "model"):
                self.server.always("GET", "/keys", fault)
                run = self.run_program("usage", "--by", by, "--days", "3")
                self.assertEqual((run.code, len(run.out.splitlines()) > 5), (0, True))
                self.assertIn(f"warning: today's spend is unknown: GET /keys: {reason}\n", run.err)


class FailureTest(AnalyticsTest):
    def test_a_deployment_without_analytics_gets_a_hint_what_works(self):
        for switches in ({"has_analytics": False}, {"older_api": True}):
            self.server = self.start(**switches)
            hint = f"check OPENROUTER_BASE_URL: it is {self.server.url} (from the shell)"
            self.assert_error(["key"], "POST /analytics/query: 404 Not Found", f"{hint}. {INSTEAD}")

    def test_a_refusal_gets_a_hint_what_works(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = USER_KEY
        self.server.user_key_status = 403
        run = self.run_program("usage", "--by", "key", "--today")
        self.assertEqual((run.code, run.out), (3, ""))
        error_line, hint = run.err.splitlines()
        message = "POST /analytics/query: 403 Only management keys can perform this operation"
        self.assertEqual(error_line, f"openrouter-remote: error: {message}")
        self.assertTrue(hint.startswith("hint: OPENROUTER_PROVISIONING_KEY (from the shell) is a user key and was"))
        self.assertTrue(hint.endswith(f". {INSTEAD}"), hint)

    def test_the_query_is_retried_like_a_get(self):
        for fault in (error(503, "Overloaded"), hang_up(), error(429, "Slow down", {"Retry-After": "3"}), html(502)):
            self.server.requests.clear()
            self.server.fail("POST", "/analytics/query", fault, fault)
            self.by("key", "--today")
            self.assertEqual(len(self.queries()), 3)

    def test_a_query_that_times_out_gets_the_hint_to_try_fewer_days(self):
        self.server.always("POST", "/analytics/query", error(408, "Operation timed out"))
        message = "POST /analytics/query: 408 Operation timed out (3 tries)"
        self.assert_error(["model", "--days", "365"], message, "try fewer --days")

    def test_the_rate_limit_is_honored(self):
        reset = str(int(NOW.timestamp() * 1000) + 5000)
        self.server.fail("POST", "/analytics/query", error(429, "Slow down", {"X-RateLimit-Reset": reset}))
        self.by("key", "--today")
        self.assertEqual([5 <= wait < 6 for wait in self.waits], [True])

    def test_without_a_key_nothing_is_requested(self):
        del self.env["OPENROUTER_PROVISIONING_KEY"]
        run = self.run_program("usage", "--by", "key")
        self.assertEqual((run.code, run.out, self.server.requests), (3, "", []))

    def test_a_key_that_does_not_exist_is_exit_4(self):
        run = self.run_program("usage", "--by", "hour", "--key", "nobody")
        self.assertEqual((run.code, run.out, self.queries()), (4, "", []))


class BarTest(AnalyticsTest):
    """Bars are for terminals only."""

    def shown(self, *argv, columns=80, **env):
        """What the program writes to a terminal."""
        main, terminal = pty.openpty()
        self.addCleanup(os.close, main)
        with os.fdopen(terminal, "wb", 0) as end:
            self.env.update(COLUMNS=str(columns), NO_COLOR="1", **CLOCK)
            self.env.update(env)
            run = self.start_program(*argv, stdout=end)
        self.assertEqual((run.code, run.err), (0, ""))
        shown = b""
        while b"\ntotal" not in shown or not shown.endswith(b"\n"):
            chunk = os.read(main, 65536)  # an OSError, or nothing, at the end
            self.assertTrue(chunk, shown)
            shown += chunk
        return shown.decode().replace("\r\n", "\n")

    def test_a_week_fits_80_columns_with_bars(self):
        self.server.activity = [
            make_activity(days, "lumen/lumen-4-mini", "Lumen", "k", usage=Decimal(usage))
            for days, usage in ((7, "0.02"), (6, "1.6"), (5, "0.81"), (4, "0"), (3, "0.001"), (2, "0.4"), (1, "0.5"))
        ]
        self.assertEqual(
            self.shown("usage", "--by", "day", "--days", "7", PYTHONIOENCODING="utf-8"),
            "2026-11-18 to 2026-11-24 (UTC days); today isn't included, $0.0763 so far\n"
            "\n"
            "day               usage   share                        requests  in   out\n"
            "Wed 2026-11-18  $0.0200    0.6%  ▎                            1  1k   200\n"
            "Thu 2026-11-19  $1.6000   48.0%  ████████████████████         1  1k   200\n"
            "Fri 2026-11-20  $0.8100   24.3%  ██████████▏                  1  1k   200\n"
            "Sat 2026-11-21  $0.0000    0.0%                               1  1k   200\n"
            "Sun 2026-11-22  $0.0010    0.0%  ▏                            1  1k   200\n"
            "Mon 2026-11-23  $0.4000   12.0%  █████                        1  1k   200\n"
            "Tue 2026-11-24  $0.5000   15.0%  ██████▎                      1  1k   200\n"
            "total           $3.3310  100.0%                               7  7k  1.4k\n",
        )

    def test_hours_models_and_keys_have_bars_too(self):
        for by, longest in (("hour", "Wed 2026-11-25 08:00"), ("model", "Lumen: Lumen 4 Mini"), ("key", "production")):
            shown = self.shown("usage", "--by", by, "--today", columns=100, PYTHONIOENCODING="utf-8")
            self.assertEqual([line[: len(longest)] for line in shown.splitlines() if "█" * 20 in line], [longest], by)

    def test_byok_spend_is_kept_longer_than_counts_on_a_narrow_terminal(self):
        shown = self.shown("usage", "--by", "model", "--days", "7", PYTHONIOENCODING="utf-8")
        self.assertEqual(shown.splitlines()[2].split(), ["model", "usage", "share", "BYOK"])
        self.assertIn("█", shown)
        shown = self.shown("usage", "--by", "model", "--days", "7", columns=88, PYTHONIOENCODING="utf-8")
        self.assertEqual(shown.splitlines()[2].split(), ["model", "usage", "share", "BYOK", "requests", "in"])
        shown = self.shown("usage", "--by", "model", "--days", "7", columns=60, PYTHONIOENCODING="utf-8")
        self.assertEqual(shown.splitlines()[2].split(), ["model", "usage", "share", "BYOK", "requests"])
        self.assertNotIn("█", shown)

    def test_bars_are_ascii_if_the_encoding_lacks_blocks(self):
        shown = self.shown("usage", "--by", "hour", "--today", PYTHONIOENCODING="ascii")
        self.assertIn(" 61.5%  ####################  ", shown)
        self.assertTrue(shown.isascii())

    def test_a_pipe_gets_no_bars(self):
        self.assertNotIn("█", self.run_program("usage", "--by", "hour", "--today").out)

    def test_bar_lengths(self):
        parts = ("0", "0.001", "0.01", "0.25", "0.506", "0.99", "1")
        for encoding, bars in (
            ("utf-8", ["", "▏", "▎", "█████", "██████████▏", "███████████████████▊", "█" * 20]),
            ("ascii", ["", "#", "#", "#####", "##########", "####################", "#" * 20]),
        ):
            with self.subTest(encoding), mock.patch("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding)):
                self.assertEqual([program.Terminal.bar(Decimal(part)) for part in parts], bars)
