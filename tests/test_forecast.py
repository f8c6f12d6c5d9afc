"""balance --runway and --spendable, and usage --by from GET /activity."""

import json
from decimal import Decimal

from fake_openrouter import (
    MANAGEMENT_KEY,
    NOW,
    USER_KEY,
    days_before,
    error,
    hang_up,
    make_activity,
    make_budget,
    make_key,
    make_key_info,
    respond,
)
from support import ProgramTest, Run, program

BALANCE = "total_credits: $10.0000\ntotal_usage:   $9.8848\nremaining:     $0.1152\n"
NEEDS_USER_KEY = (
    "openrouter-remote: {}: no user key: set OPENROUTER_API_KEY\n"
    "hint: set it in the shell or in a .env file; create one at https://openrouter.ai/keys. "
    "OPENROUTER_MANAGEMENT_KEY (from the shell) is set: if it's a user key, rename it to OPENROUTER_API_KEY\n"
)
NEEDS_MANAGEMENT_KEY = (
    "openrouter-remote: {}: no management key: set OPENROUTER_PROVISIONING_KEY (or OPENROUTER_MANAGEMENT_KEY)\n"
    "hint: set it in the shell or in a .env file; create one at https://openrouter.ai/settings/management-keys. "
    "OPENROUTER_API_KEY (from the shell) is set: if it's a management key, rename it to "
    "OPENROUTER_PROVISIONING_KEY\n"
)
UNKNOWN_SPENDABLE = (
    "total_credits:    $10.0000\ntotal_usage:      $9.8848\nremaining:        $0.1152\n"
    "key_remaining:    unknown\nbudget_remaining: unknown\nspendable:        unknown\n"
)

LONG_AGO = (30, "1")  # days ago and USD of an early spend, so that all of the last 7 days count


def day(days_ago):
    return days_before(NOW, days_ago)


def spend(*spends, **fields):
    """Activity of one model with (days ago, USD) each."""
    return [
        make_activity(days_ago, "lumen/lumen-4-mini", "Lumen", "k", usage=Decimal(usd), **fields)
        for days_ago, usd in spends
    ]


class ForecastTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.server = self.start(activity=[])
        self.env.update(OPENROUTER_API_KEY=USER_KEY, OPENROUTER_MANAGEMENT_KEY=MANAGEMENT_KEY)

    def serve_activity(self, rows):
        """Return exactly these rows from GET /activity, even if the fake server would refuse or filter them."""
        self.server.always("GET", "/activity", respond(200, {"data": rows}))


class SpendableTest(ForecastTest):
    def allow(self, limit_remaining, credits="10", budgets=(), effective=None):
        self.server.credits = {"total_credits": Decimal(credits), "total_usage": 2}
        limit = None if limit_remaining is None else 100
        info = {"limit": limit, "limit_remaining": limit_remaining, "effective_budget": effective}
        self.server.user_key_info = {**self.server.user_key_info, **info, "budgets": list(budgets)}

    def test_a_management_key_in_the_user_variable_is_recognized(self):
        self.env["OPENROUTER_API_KEY"] = MANAGEMENT_KEY
        message = "--spendable needs a user key, but OPENROUTER_API_KEY holds a management key"
        hint = "set OPENROUTER_API_KEY to a user key from https://openrouter.ai/keys"
        expected = Run(3, UNKNOWN_SPENDABLE, f"openrouter-remote: warning: {message}\nhint: {hint}\n")
        self.assertEqual(self.run_program("balance", "--spendable"), expected)

    def test_spendable_is_the_smaller_of_the_key_and_account_remainders(self):
        for limit, credits, key_remaining, spendable in (
            (None, "10", None, "8"),
            (5, "10", "5", "5"),
            (Decimal("8.0000001"), "10", "8.0000001", "8"),
            (8, "10", "8", "8"),
            (0, "10", "0", "0"),
            (-1, "10", "-1", "-1"),
            (5, "1.5", "5", "-0.5"),
            (None, "0", None, "-2"),
        ):
            with self.subTest(limit=limit, credits=credits):
                self.allow(limit, credits)
                document = self.json_of("balance", "--spendable")
                self.assertEqual((document["key_remaining"], document["spendable"]), (key_remaining, spendable))

    def test_the_fields_follow_those_of_the_balance(self):
        self.allow(5)
        names = ["total_credits", "total_usage", "remaining", "key_remaining", "budget_remaining", "spendable"]
        self.assertEqual(list(self.json_of("balance", "--spendable")), names)
        self.assertNotIn("spendable", self.json_of("balance"))

    def test_a_limit_without_a_remainder_is_unknown_and_not_no_limit(self):
        for rest in ({}, {"limit_remaining": None}):
            with self.subTest(rest=rest):
                self.server.user_key_info = {**make_key_info(make_key(1, limit=5)), "limit_remaining": None, **rest}
                if not rest:
                    del self.server.user_key_info["limit_remaining"]
                message = "openrouter-remote: warning: GET /key: `limit_remaining` isn't a number: null\n"
                text = UNKNOWN_SPENDABLE.replace("budget_remaining: unknown", "budget_remaining: $5.0000")
                self.assertEqual(self.run_program("balance", "--spendable"), Run(5, text, message))

    def test_malformed_budgets_are_unknown_and_the_rest_is_shown(self):
        self.server.user_key_info = make_key_info(make_key(1))
        odd: tuple = (5, True, False, "", {})
        for budgets in odd:
            with self.subTest(budgets=budgets):
                self.server.user_key_info["budgets"] = budgets
                run = self.run_program("balance", "--spendable", "--alert-below", "5")
                shown = program.dump_json(budgets)
                message = f"openrouter-remote: warning: GET /key: `budgets` isn't a list: {shown}\n"
                alert = "ALERT remaining $0.1152 is less than $5.00\n"
                text = UNKNOWN_SPENDABLE.replace("key_remaining:    unknown", "key_remaining:    no limit")
                self.assertEqual(run, Run(1, text, message + alert))

    def test_a_low_limit_alerts_even_if_a_budget_is_unknown(self):
        self.server.credits["total_credits"] = 100
        budget = {**make_budget(5, 1), "remaining_usd": None}
        self.server.user_key_info = {**make_key_info(make_key(1, limit=1)), "budgets": [budget]}
        run = self.run_program("balance", "--spendable", "--alert-below", "5")
        self.assertEqual(run.code, 1)
        self.assertTrue(run.err.endswith("ALERT key_remaining $1.00 is less than $5.00\n"), run.err)

    def test_a_key_without_limit_fields_has_no_limit(self):
        for field in ("limit", "limit_remaining"):
            del self.server.user_key_info[field]
        self.server.user_key_info.update(budgets=[], effective_budget=None)
        document = self.json_of("balance", "--spendable")
        self.assertEqual((document["key_remaining"], document["spendable"]), (None, "0.1152"))

    def test_the_tightest_budget_counts_like_a_limit(self):
        member, workspace = (make_budget(50, rest, scope=scope) for rest, scope in ((7, "member"), (6, "workspace")))
        for budgets, effective, budget_remaining, spendable in (
            ((), None, None, "8"),
            ((member,), None, "7", "7"),
            ((member, workspace), None, "6", "6"),
            ((), workspace, "6", "6"),
            ((member,), make_budget(5, Decimal("-0.25")), "-0.25", "-0.25"),
            ((make_budget(99, 98),), None, "98", "8"),
        ):
            with self.subTest(budgets=budgets, effective=effective):
                self.allow(None, "10", budgets, effective)
                document = self.json_of("balance", "--spendable")
                self.assertEqual((document["budget_remaining"], document["spendable"]), (budget_remaining, spendable))

    def test_an_exhausted_budget_alerts(self):
        self.allow(80, "82", effective=make_budget(5, Decimal("-0.25")))
        run = self.run_program("balance", "--spendable", "--alert-below", "1")
        self.assertEqual((run.code, run.err), (1, "ALERT spendable -$0.25 is less than $1.00\n"))

    def test_a_budget_without_a_numeric_remainder_is_unknown(self):
        for budget in ({}, {"remaining_usd": None}, {"remaining_usd": "5"}, 7):
            with self.subTest(budget=budget):
                self.allow(None, "10", [budget])
                run = self.run_program("balance", "--spendable")
                self.assertEqual(run.code, 5)
                self.assertIn("warning: GET /key: `remaining_usd` isn't a number: ", run.err)

    def test_the_older_api_without_budgets_works(self):
        self.server.older_api = True
        document = self.json_of("balance", "--spendable")
        self.assertEqual((document["budget_remaining"], document["spendable"]), (None, "0.1152"))

    def test_keys_from_two_layers_get_a_warning_about_two_accounts(self):
        path = self.write("other.env", f"OPENROUTER_MANAGEMENT_KEY={MANAGEMENT_KEY}\n")
        run = self.run_program("balance", "--spendable", "--env-file", path)
        warning = (
            f"openrouter-remote: warning: the credits come from OPENROUTER_MANAGEMENT_KEY (from {path}), "
            "the limits of OPENROUTER_API_KEY (from the shell); make sure that both keys belong to one account\n"
        )
        self.assertEqual((run.code, run.err), (0, warning))

    def test_text_shows_all_fields(self):
        self.allow(Decimal("3.8154"), budgets=[make_budget(9, Decimal("4.5"))])
        self.assertEqual(
            self.run_program("balance", "--spendable").out,
            "total_credits:    $10.0000\ntotal_usage:      $2.0000\nremaining:        $8.0000\n"
            "key_remaining:    $3.8154\nbudget_remaining: $4.5000\nspendable:        $3.8154\n",
        )

    def test_text_says_no_limit(self):
        self.allow(None)
        self.assertEqual(
            self.run_program("balance", "--spendable").out,
            "total_credits:    $10.0000\ntotal_usage:      $2.0000\nremaining:        $8.0000\n"
            "key_remaining:    no limit\nbudget_remaining: no limit\nspendable:        $8.0000\n",
        )

    def test_the_alert_looks_at_spendable(self):
        self.allow(3)
        run = self.run_program("balance", "--spendable", "--alert-below", "5")
        self.assertEqual((run.code, run.err), (1, "ALERT spendable $3.00 is less than $5.00\n"))
        self.assertEqual(self.run_program("balance", "--alert-below", "5").code, 0)

    def test_an_exact_match_of_spendable_does_not_alert(self):
        self.allow(3)
        self.assertEqual(self.run_program("balance", "--spendable", "--alert-below", "3").code, 0)
        self.assertEqual(self.run_program("balance", "--spendable", "--alert-below", "3.0000001").code, 1)

    def test_a_low_key_remainder_alerts_even_if_the_credits_are_refused(self):
        self.allow(3)
        for fault, code in ((error(403, "No"), 3), (error(401, "User not found."), 3), (error(500, "Down"), 5)):
            with self.subTest(code=code):
                self.server.always("GET", "/credits", fault)
                run = self.run_program("balance", "--spendable", "--alert-below", "5")
                self.assertEqual(run.code, 1)
                self.assertTrue(run.err.startswith("openrouter-remote: warning: GET /credits: "), run.err)
                self.assertTrue(run.err.endswith("\nALERT key_remaining $3.00 is less than $5.00\n"), run.err)
                document = self.json_of("balance", "--spendable", "--alert-below", "2", code=code)
                unknown = ["total_credits", "total_usage", "remaining", "budget_remaining", "spendable"]
                self.assertEqual([name for name, value in document.items() if value is None], unknown)
                self.assertEqual(document["key_remaining"], "3")
                self.assertEqual(document["alert"], {"below": "2", "triggered": None})
                text = (
                    "total_credits:    unknown\ntotal_usage:      unknown\nremaining:        unknown\n"
                    "key_remaining:    $3.0000\nbudget_remaining: no limit\nspendable:        unknown\n"
                )
                self.assertEqual(self.run_program("balance", "--spendable")[:2], (code, text))

    def test_if_every_part_fails_stdout_is_empty(self):
        for path in ("/credits", "/key"):
            self.server.always("GET", path, error(500, "Down"))
        run = self.run_program("balance", "--spendable", "--alert-below", "5")
        self.assertEqual((run.code, run.out), (5, ""))

    def test_without_a_user_key_the_error_asks_for_one(self):
        del self.env["OPENROUTER_API_KEY"]
        run = self.run_program("balance", "--spendable")
        self.assertEqual(run, (3, UNKNOWN_SPENDABLE, NEEDS_USER_KEY.format("warning")))

    def test_get_key_is_sent_with_the_user_key(self):
        self.json_of("balance", "--spendable")
        keys = [r.headers["authorization"] for r in self.server.requests if r.path == "/key"]
        self.assertEqual(keys, [f"Bearer {USER_KEY}"])

    def test_a_limit_that_is_not_a_number_is_exit_5(self):
        self.allow("3")
        run = self.run_program("balance", "--spendable")
        message = 'openrouter-remote: warning: GET /key: `limit_remaining` isn\'t a number: "3"\n'
        self.assertEqual((run.code, run.err), (5, message))


class RunwayTest(ForecastTest):
    def forecast(self, *options):
        document = self.json_of("balance", "--runway", *options)
        return document["per_day"], document["days_left"]

    def hold(self, remaining):
        self.server.credits = {"total_credits": Decimal(remaining), "total_usage": 0}

    def test_per_day_is_the_mean_of_exactly_the_last_7_completed_utc_days(self):
        self.hold("21")
        rows = spend(*((days_ago, "1000") for days_ago in (0, 8, 9, 30)), (1, "2"), (7, "5"))
        for clock in ("", " 00:00:00", " 23:59:59", "T00:00:00Z"):
            with self.subTest(clock=clock):
                self.serve_activity([{**row, "date": row["date"] + clock} for row in rows])
                self.assertEqual(self.forecast(), ("1", "21"))

    def test_each_of_the_7_days_counts(self):
        self.hold("21")
        for days_ago in range(1, 8):
            with self.subTest(days_ago=days_ago):
                self.serve_activity(spend((days_ago, "7"), LONG_AGO))
                self.assertEqual(self.forecast(), ("1", "21"))

    def test_future_rows_do_not_count(self):
        self.serve_activity(spend((-1, "7")))
        self.assertEqual(self.forecast(), ("0", None))

    def test_days_without_spend_count(self):
        self.hold("10")
        self.server.activity = spend((3, "7"), LONG_AGO)
        self.assertEqual(self.forecast(), ("1", "10"))

    def test_dates_with_a_time_count_too(self):
        self.hold("10")
        self.server.activity = spend((3, "7"), LONG_AGO)
        self.server.activity_date_time = True
        self.assertEqual(self.forecast(), ("1", "10"))

    def test_days_left_is_null_when_nothing_was_spent(self):
        histories: list = [[], spend((3, "0")), spend((8, "5"))]
        for rows in histories:
            with self.subTest(rows=len(rows)):
                self.server.activity = rows
                self.assertEqual(self.forecast(), ("0", None))
                self.assertEqual(self.run_program("balance", "--alert-days", "1000").code, 0)

    def test_text_shows_spend_per_day_and_days_left(self):
        self.server.activity = spend((1, "0.35"), (2, "0.007"), LONG_AGO)
        run = self.run_program("balance", "--runway")
        self.assertEqual(run, (0, BALANCE + "per_day:       $0.0510\ndays_left:     2.3\n", ""))

    def test_text_shows_a_dash_if_nothing_was_spent(self):
        run = self.run_program("balance", "--runway")
        self.assertEqual(run, (0, BALANCE + "per_day:       $0.0000\ndays_left:     -\n", ""))

    def test_byok_usage_is_not_spend(self):
        self.server.activity = spend((1, "0"), byok_usage_inference=5)
        self.assertEqual(self.forecast(), ("0", None))

    def test_an_overdrawn_account_has_0_days_left(self):
        self.server.credits = {"total_credits": 0, "total_usage": 3}
        self.server.activity = spend((1, "7"), LONG_AGO)
        self.assertEqual(self.forecast(), ("1", "0"))
        self.assertEqual(self.run_program("balance", "--alert-days", "0.1").code, 1)

    def test_days_count_from_the_first_spend(self):
        self.hold("13")
        for figures, per_day, days_left in (
            ([(1, "7")], "7", "1.85714285714286"),
            ([(1, "4"), (2, "3")], "3.5", "3.71428571428571"),
            ([(2, "7")], "3.5", "3.71428571428571"),
            ([(1, "7"), (7, "0")], "7", "1.85714285714286"),
            ([(0, "1000"), (1, "7")], "7", "1.85714285714286"),
            ([(1, "7"), (7, "7")], "2", "6.5"),
            ([(1, "7"), (8, "0.01")], "1", "13"),
        ):
            with self.subTest(figures=figures):
                self.serve_activity(spend(*figures))
                self.assertEqual(self.forecast(), (per_day, days_left))
        self.serve_activity(spend((1, "7")))
        self.assertIn("\nper_day:       $7.0000\ndays_left:     1.9\n", self.run_program("balance", "--runway").out)
        self.assertEqual(self.run_program("balance", "--alert-days", "1.9").code, 1)
        self.assertEqual(self.run_program("balance", "--alert-days", "1.85").code, 0)

    def test_byok_usage_is_not_the_first_spend(self):
        self.hold("13")
        byok = spend((5, "0"), byok_usage_inference=5)
        self.serve_activity([*spend((1, "7")), *byok])
        self.assertEqual(self.forecast(), ("7", "1.85714285714286"))

    def test_spend_today_does_not_count_yet(self):
        self.hold("13")
        self.serve_activity(spend((0, "7")))
        self.assertEqual(self.forecast(), ("0", None))

    def test_without_credit_0_days_are_left_even_if_nothing_was_spent(self):
        for remaining in ("0", "-2.5"):
            with self.subTest(remaining=remaining):
                self.server.credits = {"total_credits": 1, "total_usage": 1 - Decimal(remaining)}
                self.assertEqual(self.forecast(), ("0", "0"))
                run = self.run_program("balance", "--alert-days", "7")
                self.assertEqual((run.code, run.err), (1, "ALERT the credit lasts 0.0 days, less than 7\n"))
                self.assertIn("\nper_day:       $0.0000\ndays_left:     0.0\n", run.out)
                self.assertEqual(self.run_program("balance", "--alert-days", "0").code, 0)

    def test_without_credit_0_days_are_left_even_if_activity_fails(self):
        for remaining in ("0", "-2.5"):
            for fault in (error(500, "Down"), error(403, "No"), hang_up()):
                with self.subTest(remaining=remaining):
                    self.server.credits = {"total_credits": 1, "total_usage": 1 - Decimal(remaining)}
                    self.server.always("GET", "/activity", fault)
                    document = self.json_of("balance", "--alert-days", "7", code=1)
                    self.assertEqual((document["per_day"], document["days_left"]), (None, "0"))
                    run = self.run_program("balance", "--alert-days", "7", "--quiet")
                    self.assertEqual(run.code, 1)
                    self.assertTrue(run.err.endswith("ALERT the credit lasts 0.0 days, less than 7\n"), run.err)
                    self.assertIn("\nper_day:       unknown\ndays_left:     0.0\n", run.out)

    def test_json_numbers_have_no_exponent(self):
        self.hold("1000000000000000000000000")
        self.server.activity = spend((1, "0.0000007"), LONG_AGO)
        self.assertEqual(self.forecast(), ("0.0000001", "1" + "0" * 31))

    def test_an_exact_match_of_days_does_not_alert(self):
        self.hold("30")
        self.server.activity = spend((1, "21"), LONG_AGO)  # 3 a day: 10 days
        for days, code in (("10.0000001", 1), ("10", 0), ("9.9", 0), ("0", 0), ("11", 1)):
            with self.subTest(days=days):
                run = self.run_program("balance", "--alert-days", days)
                self.assertEqual(run.code, code)
                message = f"ALERT the credit lasts 10.0 days, less than {days}\n"
                self.assertEqual(run.err, message if code else "")

    def test_the_comparison_of_days_is_exact(self):
        self.server.activity = spend((1, "3"), LONG_AGO)  # 3/7 a day
        for remaining, days, code in (
            ("3", "7", 0),
            ("2.999999999999999999999999999999", "7", 1),
            ("3.000000000000000000000000000001", "7", 0),
            ("1", "2.333333333333333333333333333333", 0),  # 7/3 days
            ("1", "2.333333333333333333333333333334", 1),
        ):
            with self.subTest(remaining=remaining, days=days):
                self.hold(remaining)
                self.assertEqual(self.run_program("balance", "--alert-days", days).code, code)

    def test_alert_days_implies_runway(self):
        self.hold("30")
        self.server.activity = spend((1, "21"), LONG_AGO)
        document = self.json_of("balance", "--alert-days", "5")
        names = ["total_credits", "total_usage", "remaining", "per_day", "days_left", "alert"]
        self.assertEqual(list(document), names)
        self.assertEqual(document["alert"], {"days": "5", "triggered": False})

    def test_json_has_the_alert(self):
        self.hold("30")
        self.server.activity = spend((1, "21"), LONG_AGO)
        document = self.json_of("balance", "--alert-days", "11", code=1)
        self.assertEqual(document["alert"], {"days": "11", "triggered": True})
        self.assertEqual((document["per_day"], document["days_left"]), ("3", "10"))

    def test_both_alerts_may_fire(self):
        self.hold("3")
        self.server.activity = spend((1, "21"), LONG_AGO)
        run = self.run_program("balance", "--alert-days", "2", "--alert-below", "5", "--json")
        self.assertEqual(run.code, 1)
        self.assertEqual(
            sorted(run.err.splitlines()),
            ["ALERT remaining $3.00 is less than $5.00", "ALERT the credit lasts 1.0 days, less than 2"],
        )
        alert = json.loads(run.out)["alert"]
        self.assertEqual(alert, {"below": 5, "days": 2, "triggered": True})

    def test_either_alert_is_enough(self):
        self.hold("3")
        self.server.activity = spend((1, "21"), LONG_AGO)
        for days, below, message in (
            ("2", "1", "ALERT the credit lasts 1.0 days, less than 2\n"),
            ("1", "5", "ALERT remaining $3.00 is less than $5.00\n"),
        ):
            with self.subTest(days=days, below=below):
                run = self.run_program("balance", "--alert-days", days, "--alert-below", below)
                self.assertEqual((run.code, run.err), (1, message))

    def test_quiet_is_silent_only_if_no_alert_fires(self):
        self.hold("30")
        self.server.activity = spend((1, "21"), LONG_AGO)
        self.assertEqual(self.run_program("balance", "--alert-days", "5", "--quiet"), (0, "", ""))
        self.assertNotEqual(self.run_program("balance", "--alert-days", "11", "--quiet").out, "")

    def test_quiet_with_only_runway_is_a_usage_error(self):
        self.assertEqual(self.run_program("balance", "--runway", "--quiet").code, 2)

    def test_invalid_days_are_a_usage_error(self):
        for days in ("nan", "inf", "-1", "x", "", "7d"):
            with self.subTest(days=days):
                run = self.run_program("balance", f"--alert-days={days}")
                self.assertEqual((run.code, run.out), (2, ""))
                self.assertEqual(self.server.requests, [])

    def test_without_a_management_key_the_balance_is_shown_and_the_runway_unknown(self):
        del self.env["OPENROUTER_MANAGEMENT_KEY"]
        self.server.credits_for_user_key = "allowed"
        unknown = BALANCE + "per_day:       unknown\ndays_left:     unknown\n"
        for options in (["--runway"], ["--alert-days", "3"]):
            with self.subTest(options=options):
                expected = (3, unknown, NEEDS_MANAGEMENT_KEY.format("warning"))
                self.assertEqual(self.run_program("balance", *options), expected)

    def test_the_credits_are_read_with_the_management_key(self):
        path = self.write("other.env", f"OPENROUTER_API_KEY={USER_KEY}\n")
        self.server.credits_for_user_key = "allowed"
        self.assertEqual(self.run_program("balance", "--runway", "--env-file", path).code, 0)
        keys = {request.headers["authorization"] for request in self.server.requests}
        self.assertEqual(keys, {f"Bearer {MANAGEMENT_KEY}"})

    def test_the_management_key_is_enough(self):
        del self.env["OPENROUTER_API_KEY"]
        self.assertEqual(self.run_program("balance", "--runway").code, 0)

    def test_if_one_part_fails_the_rest_is_shown(self):
        self.server.user_key_info["limit_remaining"] = 2
        self.server.activity = spend((1, "21"), LONG_AGO)
        for path, fault, code, unknown in (
            ("/key", error(500, "Down"), 5, {"key_remaining", "budget_remaining", "spendable"}),
            ("/key", error(401, "User not found."), 3, {"key_remaining", "budget_remaining", "spendable"}),
            ("/activity", error(500, "Down"), 5, {"per_day", "days_left"}),
            ("/activity", error(403, "No"), 3, {"per_day", "days_left"}),
        ):
            with self.subTest(path=path, code=code):
                self.server.always("GET", path, fault)
                run = self.run_program("balance", "--spendable", "--runway", "--json")
                document = json.loads(run.out)
                self.assertEqual((run.code, document["remaining"]), (code, 0.1152))
                self.assertEqual({name for name, value in document.items() if value is None}, unknown)
                self.assertIn(f"openrouter-remote: warning: GET {path}: ", run.err)
                self.server._lasting_faults.clear()

    def test_an_alert_fires_on_the_known_part_or_else_the_error_decides_the_exit_code(self):
        self.server.always("GET", "/key", error(500, "Down"))
        for below, code, triggered in (("0.2", 1, True), ("0.1", 5, None)):
            with self.subTest(below=below):
                run = self.run_program("balance", "--spendable", "--alert-below", below, "--json", "--quiet")
                self.assertEqual((run.code, json.loads(run.out)["alert"]["triggered"]), (code, triggered))
                self.assertEqual("ALERT" in run.err, code == 1)

    def test_a_failed_part_is_never_an_alert(self):
        options = ("balance", "--alert-below", "0.1", "--alert-days", "0.001", "--spendable")
        for path in ("/credits", "/activity", "/key"):
            for name, fault, code in (
                ("a status", error(500, "Down"), 5),
                ("a refusal", error(401, "User not found."), 3),
                ("no response", hang_up(), 5),
                ("not JSON", respond(200, "<html>"), 5),
                ("no data", respond(200, {}), 5),
                ("no amounts", respond(200, {"data": [{"date": day(1)}] if path == "/activity" else {"usage": 1}}), 5),
            ):
                if path == "/key" and name == "no amounts":  # a key without a limit has none
                    continue
                with self.subTest(path=path, fault=name):
                    self.server.always("GET", path, fault)
                    run = self.run_program(*options)
                    self.assertEqual((run.code, run.out == ""), (code, False))
                    self.assertNotIn("ALERT", run.err)
                    self.server._lasting_faults.clear()

    def test_spendable_and_runway_combine(self):
        self.hold("30")
        self.server.activity = spend((1, "21"), LONG_AGO)
        self.server.user_key_info["limit_remaining"] = 2
        self.assertEqual(
            self.run_program("balance", "--runway", "--spendable").out,
            "total_credits:    $30.0000\ntotal_usage:      $0.0000\nremaining:        $30.0000\n"
            "key_remaining:    $2.0000\nbudget_remaining: $3.8154\nspendable:        $2.0000\n"
            "per_day:          $3.0000\ndays_left:        10.0\n",
        )


class UsageByTest(ForecastTest):
    def by(self, *argv):
        return self.json_of("usage", "--by", *argv)

    def test_sums_by_model_provider_and_day_are_exact(self):
        models = [("a/x", "P"), ("a/x", "Q"), ("b/y", "Q"), ("c/z", "R")]
        self.server.activity = [
            make_activity(
                days_ago, model, provider, "k",
                usage=Decimal(f"0.{days_ago:02}{number}0000000000000000{number + 1}"),
                byok_usage_inference=Decimal(f"0.0000000{days_ago}{number}7"),
                requests=days_ago, prompt_tokens=3**days_ago, completion_tokens=number, reasoning_tokens=number * 2,
                cached_tokens=number * days_ago,
            )
            for days_ago in range(1, 31)
            for number, (model, provider) in enumerate(models)
        ]  # fmt: skip
        expected = {
            "usage": sum(row["usage"] for row in self.server.activity),
            "byok_usage": sum(row["byok_usage_inference"] for row in self.server.activity),
            **{
                field: sum(row[field] for row in self.server.activity)
                for field in ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
            },
        }
        for by, count in (("model", 3), ("provider", 3), ("day", 30)):
            with self.subTest(by=by):
                document = self.by(by)
                self.assertEqual(len(document["rows"]), count)
                for field, total in expected.items():
                    self.assertEqual(total, Decimal(document["totals"][field]))
                    self.assertEqual(sum(Decimal(row[field]) for row in document["rows"]), total)

    def two_models(self):
        self.server.activity = [
            make_activity(2, "a/big", "P", "k", usage=Decimal("0.75"), requests=3, reasoning_tokens=7, cached_tokens=5),
            make_activity(1, "a/big", "Q", "k", usage=Decimal("2.25"), requests=1500, prompt_tokens=1_234_567),
            make_activity(1, "b/small", "Q", "k", usage=1, byok_usage_inference=Decimal("0.5")),
        ]

    def test_by_model(self):
        self.two_models()
        self.assertEqual(
            self.by("model"),
            {
                "by": "model",
                "from": day(30),
                "to": day(1),
                "today": "0.0763",
                "totals": {
                    "usage": "4.00", "byok_usage": "0.5", "requests": "1504",
                    "prompt_tokens": "1236567", "completion_tokens": "600", "reasoning_tokens": "7",
                    "cached_tokens": "5",
                },
                "rows": [
                    {
                        "model": "a/big", "usage": "3.00", "share": "0.75", "byok_usage": "0", "requests": "1503",
                        "prompt_tokens": "1235567", "completion_tokens": "400", "reasoning_tokens": "7",
                        "cached_tokens": "5",
                    },
                    {
                        "model": "b/small", "usage": "1", "share": "0.25", "byok_usage": "0.5", "requests": "1",
                        "prompt_tokens": "1000", "completion_tokens": "200", "reasoning_tokens": "0",
                        "cached_tokens": "0",
                    },
                ],
            },
        )  # fmt: skip

    def test_providers_are_sorted_by_spend(self):
        self.two_models()
        rows = self.by("provider")["rows"]
        self.assertEqual([(row["provider"], row["usage"]) for row in rows], [("Q", "3.25"), ("P", "0.75")])

    def test_days_are_in_order(self):
        self.two_models()
        rows = self.by("day", "--days", "3")["rows"]
        expected = [(day(3), "0"), (day(2), "0.75"), (day(1), "3.25")]
        self.assertEqual([(row["day"], row["usage"]) for row in rows], expected)

    def test_days_with_a_time_are_the_same_days(self):
        self.two_models()
        self.server.activity_date_time = True
        rows = self.by("day", "--days", "3")["rows"]
        expected = [(day(3), "0"), (day(2), "0.75"), (day(1), "3.25")]
        self.assertEqual([(row["day"], row["usage"]) for row in rows], expected)

    def test_rows_with_the_same_spend_are_sorted_by_name(self):
        self.server.activity = [make_activity(1, model, "P", "k", usage=1) for model in ("c/c", "a/a", "b/b")]
        self.assertEqual([row["model"] for row in self.by("model")["rows"]], ["a/a", "b/b", "c/c"])

    def test_the_share_is_null_if_nothing_was_spent(self):
        self.server.activity = [make_activity(1, "a/free", "P", "k")]
        self.assertEqual([row["share"] for row in self.by("model")["rows"]], [None])

    def test_a_repeating_share_has_15_digits(self):
        self.server.activity = [make_activity(1, model, "P", "k", usage=1) for model in ("a/a", "b/b", "c/c")]
        self.assertEqual({row["share"] for row in self.by("model")["rows"]}, {"0.333333333333333"})

    def test_text_is_a_table_with_a_total(self):
        self.two_models()
        run = self.run_program("usage", "--by", "model")
        self.assertEqual(
            run,
            (
                0,
                f"{day(30)} to {day(1)} (UTC days); today isn't included, $0.0763 so far\n\n"
                "model      usage   share     BYOK  requests     in  out  reasoning  cached\n"
                "a/big    $3.0000   75.0%  $0.0000     1,503  1.24M  400          7       5\n"
                "b/small  $1.0000   25.0%  $0.5000         1     1k  200          0       0\n"
                "total    $4.0000  100.0%  $0.5000     1,504  1.24M  600          7       5\n",
                "",
            ),
        )

    def test_unknown_spend_today_is_a_warning(self):
        self.server.always("GET", "/keys", error(404, "Gone"))
        run = self.run_program("usage", "--by", "day")
        self.assertEqual(run.code, 0)
        self.assertTrue(run.out.startswith(f"{day(30)} to {day(1)} (UTC days); today isn't included\n"), run.out)
        self.assertEqual(
            run.err, "openrouter-remote: warning: today's spend is unknown: workspace 'Default': GET /keys: 404 Gone\n"
        )

    def test_today_and_older_days_are_not_counted(self):
        self.serve_activity(spend((0, "1000"), (1, "1"), (30, "2"), (31, "4000")))
        self.assertEqual(self.by("model")["totals"]["usage"], "3")

    def test_days_limits_rows_to_the_last_n_days(self):
        self.server.activity = spend(*((days_ago, "1") for days_ago in range(1, 31)))
        for days in (1, 2, 7, 29, 30):
            with self.subTest(days=days):
                document = self.by("day", "--days", str(days))
                self.assertEqual((document["from"], document["to"]), (day(days), day(1)))
                self.assertEqual(document["totals"]["usage"], str(days))
                self.assertEqual([row["day"] for row in document["rows"]], [day(n) for n in range(days, 0, -1)])

    def test_the_default_is_30_days(self):
        self.assertEqual(self.by("day"), self.by("day", "--days", "30"))

    def test_days_out_of_range_are_a_usage_error(self):
        for days in ("0", "366", "-1", "1.5", "x", "1k", ""):
            with self.subTest(days=days):
                run = self.run_program("usage", "--by", "day", f"--days={days}")
                self.assertEqual((run.code, run.out, self.server.requests), (2, "", []))

    def test_days_without_by_is_a_usage_error(self):
        run = self.run_program("usage", "--days", "7")
        self.assertEqual(run.code, 2)
        self.assertEqual(
            run.err,
            "openrouter-remote: error: --days needs --by\nhint: try: openrouter-remote usage --by model --days 7\n",
        )

    def test_an_unknown_by_is_a_usage_error(self):
        self.assertEqual(self.run_program("usage", "--by", "user").code, 2)

    def test_key_filters_by_one_key(self):
        mine, other = self.server.keys[1], self.server.keys[2]
        self.server.activity = [
            make_activity(1, "a/mine", "P", mine["hash"], usage=Decimal("0.5")),
            make_activity(1, "a/other", "P", other["hash"], usage=3),
        ]
        for name in ("production", mine["hash"], mine["hash"][:8], mine["label"]):
            with self.subTest(name=name):
                self.server.requests.clear()
                document = self.by("model", "--key", name)
                self.assertEqual([row["model"] for row in document["rows"]], ["a/mine"])
                self.assertEqual((document["totals"]["usage"], document["today"]), ("0.5", "0.0612"))
                queries = [request.query for request in self.server.requests if request.path == "/activity"]
                self.assertEqual(queries, [{"api_key_hash": mine["hash"]}])

    def test_a_key_that_does_not_exist_is_exit_4(self):
        run = self.run_program("usage", "--by", "model", "--key", "nobody")
        self.assertEqual((run.code, run.out), (4, ""))
        self.assertNotIn("/activity", [request.path for request in self.server.requests])

    def test_a_period_without_spend_is_an_empty_table_and_exit_0(self):
        document = self.by("model")
        self.assertEqual(document["rows"], [])
        self.assertEqual(set(document["totals"].values()), {"0"})
        run = self.run_program("usage", "--by", "model")
        self.assertEqual(run.code, 0)
        self.assertEqual(
            run.out.splitlines()[-1], "total  $0.0000      -  $0.0000         0   0    0          0       0"
        )

    def test_a_spend_that_is_not_a_number_is_exit_5(self):
        for field in ("usage", "byok_usage_inference"):
            for value in ("0.5", True, ["x"], {"x": 1}, *([None] if field == "usage" else [])):
                with self.subTest(field=field, value=value):
                    self.serve_activity([{**make_activity(1, "a/a", "P", "k"), field: value}])
                    run = self.run_program("usage", "--by", "model")
                    self.assertEqual((run.code, run.out), (5, ""))
                    self.assertIn(f"GET /activity: `{field}` isn't a number: ", run.err)

    def test_a_missing_byok_amount_counts_as_0(self):
        for row in ({"byok_usage_inference": None}, {}):
            with self.subTest(row=row):
                whole = make_activity(1, "a/a", "P", "k", usage=1)
                del whole["byok_usage_inference"]
                self.serve_activity([{**whole, **row}])
                self.assertEqual(self.by("model")["totals"]["byok_usage"], "0")

    def test_a_missing_name_is_null_in_json_and_a_dash_in_text(self):
        for by, field in (("model", "model"), ("provider", "provider_name")):
            for value in (None, "", 7, ["x"]):
                with self.subTest(by=by, value=value):
                    rows = [make_activity(1, "a/a", "P", "k", usage=1), make_activity(1, "b", "Q", "k", usage=2)]
                    self.serve_activity([rows[0], {**rows[1], field: value}])
                    self.assertIsNone(self.by(by)["rows"][0][by])
                    line = self.run_program("usage", "--by", by).out.splitlines()[3]
                    self.assertEqual(line.split()[:2], ["-", "$2.0000"])

    def test_an_unreadable_date_is_exit_5(self):
        for date in ("2026/11/24", "20261124", "1764000000", "24.11.2026", "2026-11-2", "2026-11-245"):
            for argv in (("usage", "--by", "model"), ("balance", "--alert-days", "3")):
                with self.subTest(date=date, argv=argv):
                    self.serve_activity([{**make_activity(1, "a/a", "P", "k", usage=100), "date": date}])
                    run = self.run_program(*argv)
                    self.assertEqual(run.code, 5)
                    self.assertIn(f": GET /activity: a row with an unreadable date: {date}\n", run.err)

    def test_rows_with_the_same_spend_are_sorted_by_byok(self):
        self.server.activity = [
            make_activity(1, model, "P", "k", byok_usage_inference=Decimal(usd))
            for model, usd in (("a/a", "0.5"), ("b/b", "2"), ("c/c", "1"))
        ]
        self.assertEqual([row["model"] for row in self.by("model")["rows"]], ["b/b", "c/c", "a/a"])

    def test_missing_counts_are_0(self):
        self.serve_activity([{"date": day(1), "model": "a/a", "usage": 1, "byok_usage_inference": 0}])
        (row,) = self.by("model")["rows"]
        self.assertEqual({row[field] for field in ("requests", "prompt_tokens", "reasoning_tokens")}, {"0"})

    def test_activity_that_fails_is_exit_5(self):
        self.server.always("GET", "/activity", error(500, "Down"))
        self.assertEqual(self.run_program("usage", "--by", "model").code, 5)

    def test_usage_by_needs_the_management_key(self):
        del self.env["OPENROUTER_MANAGEMENT_KEY"]
        self.assertEqual(self.run_program("usage", "--by", "model"), (3, "", NEEDS_MANAGEMENT_KEY.format("error")))

    def test_a_narrow_terminal_keeps_name_usage_and_share(self):
        row = {"model": "a", "usage": Decimal(3), "share": Decimal(1), "byok_usage": 0, "requests": 1,
               "prompt_tokens": 1, "completion_tokens": 1, "reasoning_tokens": 0, "cached_tokens": 0}  # fmt: skip
        lines = list(
            program.table_lines(
                program.Table(program.spend_columns("model", lambda row: "█" * 20, True, False), [row]), 24
            )
        )
        self.assertEqual(lines, ["model    usage   share", "a      $3.0000  100.0%"])
