"""balance: which key is used, when zeros are trusted, the exact difference, and the alert."""

import json
import os
from decimal import Decimal

from fake_openrouter import (
    EXPIRED_KEY,
    MANAGEMENT_KEY,
    USER_KEY,
    bad_gzip,
    drip,
    endless,
    error,
    hang_up,
    html,
    json_head,
    redirect,
    respond,
    truncate,
)
from support import ProgramTest, Run, program

BALANCE = "total_credits: $10.0000\ntotal_usage:   $9.8848\nremaining:     $0.1152\n"
ZEROS = "total_credits: $0.0000\ntotal_usage:   $0.0000\nremaining:     $0.0000\n"
UNTRUSTED = (
    "openrouter-remote: error: GET /credits returned only zeros: OPENROUTER_API_KEY (from the shell) "
    "may not see the account's credits\n"
    "hint: set OPENROUTER_PROVISIONING_KEY to a management key from https://openrouter.ai/settings/management-keys\n"
)


def payload(run):
    """The JSON of a run without `tool`, its numbers as strings."""
    document = json.loads(run.out, parse_float=str, parse_int=str)
    assert next(iter(document)) == "tool", run.out
    del document["tool"]
    return document


class BalanceTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.server = self.start(credits_for_user_key="allowed")
        self.env["OPENROUTER_API_KEY"] = USER_KEY

    def balance(self, *options, credits=None, usage=None):
        """Run `balance` for an account with these amounts. Forgets the requests of earlier runs."""
        if credits is not None:
            self.server.credits = {"total_credits": Decimal(credits), "total_usage": Decimal(usage)}
        self.server.requests.clear()
        return self.run_program("balance", *options)

    def sent(self):
        """[(path, which key), …] of the requests."""
        keys = {
            f"Bearer {USER_KEY}": "user",
            f"Bearer {MANAGEMENT_KEY}": "management",
            f"Bearer {EXPIRED_KEY}": "expired",
        }
        return [(request.path, keys[request.headers["authorization"]]) for request in self.server.requests]


class OutputTest(BalanceTest):
    def test_text_is_three_aligned_lines(self):
        self.assertEqual(self.balance(), Run(0, BALANCE, ""))

    def test_json_is_one_object_that_begins_with_the_tool(self):
        self.assertEqual(
            self.balance("--json"),
            Run(
                0,
                f'{{\n  "tool": {{"name": "openrouter-remote", "version": "{program.__version__}"}},\n'
                '  "total_credits": 10,\n  "total_usage": 9.8848,\n  "remaining": 0.1152\n}\n',
                "",
            ),
        )

    def test_json_is_the_same_before_and_after_the_command(self):
        self.assertEqual(self.run_program("--json", "balance"), self.run_program("balance", "--json"))

    def test_a_negative_remaining_is_shown_as_negative(self):
        text = "total_credits: $2.5000\ntotal_usage:   $10.0000\nremaining:     -$7.5000\n"
        self.assertEqual(self.balance(credits="2.5", usage="10"), Run(0, text, ""))
        self.assertEqual(payload(self.balance("--json"))["remaining"], "-7.5")

    def test_the_difference_is_exact(self):
        for credits, usage, remaining in (
            ("0.3", "0.1", "0.2"),
            ("10", "9.8848", "0.1152"),
            ("100", "99.99999999999999999999999999999999999999", "0.00000000000000000000000000000000000001"),
            (
                "12345678901234567890.12345678901234567890",
                "0.00000000000000000001",
                "12345678901234567890.12345678901234567889",
            ),
            ("0.0000001", "0", "0.0000001"),
            ("1", "1.0000000000000000000000001", "-0.0000000000000000000000001"),
        ):
            with self.subTest(remaining=remaining):
                document = payload(self.balance("--json", credits=credits, usage=usage))
                self.assertEqual(document, {"total_credits": credits, "total_usage": usage, "remaining": remaining})

    def test_text_has_four_decimals_and_no_negative_zero(self):
        for usage, shown in (
            ("0.00004", "$1.0000"),
            ("0.00006", "$0.9999"),
            ("1.00001", "$0.0000"),
            ("1.0002", "-$0.0002"),
        ):
            with self.subTest(usage=usage):
                run = self.balance(credits="1", usage=usage)
                self.assertEqual(run.out.splitlines()[2], f"remaining:     {shown}")

    def test_unknown_fields_are_kept(self):
        self.server.credits = {
            "total_credits": 3,
            "pending": Decimal("0.10"),
            "total_usage": 1,
            "plan": {"name": "pro"},
        }
        document = payload(self.balance("--json"))
        known = {"total_credits": "3", "pending": "0.10", "total_usage": "1", "plan": {"name": "pro"}}
        self.assertEqual(document, {**known, "remaining": "2"})

    def test_an_amount_that_is_not_a_number_is_exit_5(self):
        for field in ("total_credits", "total_usage"):
            for value in ("10", "", None, True, False, [10], {"usd": 10}):
                with self.subTest(field=field, value=value):
                    self.server.credits = {"total_credits": 10, "total_usage": 1, field: value}
                    shown = json.dumps(value)
                    text = f"openrouter-remote: error: GET /credits: `{field}` isn't a number: {shown}\n"
                    self.assertEqual(self.balance("--alert-below", "1000000"), Run(5, "", text))

    def test_a_missing_amount_is_exit_5(self):
        for field, other in (("total_credits", "total_usage"), ("total_usage", "total_credits")):
            with self.subTest(field):
                self.server.credits = {other: 1}
                run = self.balance("--alert-below", "1000000")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertIn(f"GET /credits: `{field}` isn't a number: null\n", run.err)


class AlertTest(BalanceTest):
    def test_a_low_balance_is_shown_and_alerts_on_stderr_with_exit_1(self):
        self.assertEqual(
            self.balance("--alert-below", "2.00"), Run(1, BALANCE, "ALERT remaining $0.1152 is less than $2.00\n")
        )

    def test_an_exact_match_or_more_does_not_alert(self):
        for below in ("0.1152", "0.11520", "1152e-4", "0.1151999999999", "0", "-1"):
            with self.subTest(below=below):
                self.assertEqual(self.balance("--alert-below", below), Run(0, BALANCE, ""))

    def test_a_difference_too_small_for_the_text_still_alerts(self):
        text = "total_credits: $1.0000\ntotal_usage:   $0.5000\nremaining:     $0.5000\n"
        self.assertEqual(self.balance("--alert-below", "0.5", credits="1", usage="0.5"), Run(0, text, ""))
        self.assertEqual(
            self.balance("--alert-below", "0.5", credits="1", usage="0.50000000000000000001"),
            Run(1, text, "ALERT remaining $0.49999999999999999999 is less than $0.50\n"),
        )

    def test_json_has_the_alert(self):
        for below, code, alert in (
            ("2.00", 1, {"below": "2.00", "triggered": True}),
            ("0.1152", 0, {"below": "0.1152", "triggered": False}),
            ("-5", 0, {"below": "-5", "triggered": False}),
            ("1e2", 1, {"below": "100", "triggered": True}),
        ):
            with self.subTest(below=below):
                run = self.balance("--json", "--alert-below", below)
                self.assertEqual((run.code, payload(run)["alert"]), (code, alert))
                self.assertEqual(run.err.startswith("ALERT "), bool(code))

    def test_json_without_the_option_has_no_alert(self):
        self.assertNotIn("alert", payload(self.balance("--json")))

    def test_the_threshold_may_be_negative(self):
        text = "total_credits: $2.0000\ntotal_usage:   $9.5000\nremaining:     -$7.5000\n"
        for arguments, below in ((("--alert-below", "-5"), "-$5.00"), (("--alert-below=-7.4999",), "-$7.4999")):
            with self.subTest(arguments):
                run = self.balance(*arguments, credits="2", usage="9.5")
                self.assertEqual(run, Run(1, text, f"ALERT remaining -$7.50 is less than {below}\n"))
        self.assertEqual(self.balance("--alert-below", "-7.5"), Run(0, text, ""))
        self.assertEqual(self.balance("--alert-below", "-.5").code, 1)

    def test_quiet_prints_a_balance_with_an_unknown_part(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.server.always("GET", "/activity", error(500, "Broken"))
        run = self.run_program("balance", "--alert-below", "0", "--alert-days", "1", "--quiet")
        self.assertEqual((run.code, "\ndays_left:     unknown\n" in run.out), (5, True))

    def test_the_threshold_must_be_a_finite_number(self):
        for below in (
            "nan",
            "NaN",
            "inf",
            "-inf",
            "Infinity",
            "1e999",
            "two",
            "",
            "1,5",
            "0x10",
            "1_000",
            "$5",
            "٣",
            "1" * 5000,
        ):
            with self.subTest(below=below[:10]):
                run = self.balance(f"--alert-below={below}")
                self.assertEqual((run.code, run.out), (2, ""))
                self.assertRegex(
                    run.err,
                    r"^openrouter-remote: error: argument --alert-below: .*finite number, such as 5 or 0.5\nhint: ",
                )
                self.assertEqual(self.server.requests, [])

    def test_quiet_prints_nothing_while_all_is_well(self):
        for options in ((), ("--json",)):
            with self.subTest(options):
                self.assertEqual(self.balance("--alert-below", "0.1152", "--quiet", *options), Run(0, "", ""))

    def test_quiet_prints_the_balance_when_it_is_low(self):
        alert = "ALERT remaining $0.1152 is less than $2.00\n"
        self.assertEqual(self.balance("--quiet", "--alert-below", "2"), Run(1, BALANCE, alert))
        run = self.balance("--quiet", "--alert-below", "2", "--json")
        self.assertEqual((run.code, payload(run)["remaining"], run.err), (1, "0.1152", alert))

    def test_quiet_does_not_hide_an_error(self):
        self.server.always("GET", "/credits", error(500, "Internal Server Error"))
        run = self.balance("--quiet", "--alert-below", "2")
        text = "openrouter-remote: error: GET /credits: 500 Internal Server Error (3 tries)\n"
        self.assertEqual(run, Run(5, "", text))

    def test_quiet_without_an_alert_option_is_a_usage_error(self):
        run = self.balance("--quiet")
        self.assertEqual((run.code, run.out, self.server.requests), (2, "", []))
        self.assertTrue(run.err.startswith("openrouter-remote: error: --quiet needs --alert-below"), run.err)

    def test_a_failed_request_is_never_an_alert(self):
        whole = {"data": {"total_credits": 10, "total_usage": 9}}
        faults = {
            "hang_up": hang_up(),
            "cut": truncate(whole, 20),
            "cut before the body": truncate(whole, 0),
            "drip": drip(json_head({})),
            "endless": endless(),
            "endless chunks": endless(chunked=True),
            "bad_gzip": bad_gzip(),
            "html": html(200),
            "html 503": html(503),
            "redirect to another origin": redirect(302, "https://example.invalid/"),
            "redirect loop": redirect(307, "/api/v1/credits"),
            "not JSON": respond(200, "credits: 10"),
            "empty": respond(200),
            "a list": respond(200, "[]"),
            "no data": respond(200, {}),
            "data is null": respond(200, {"data": None}),
            "data is empty": respond(200, {"data": {}}),
            "an error under 200": respond(200, {"error": {"code": 500, "message": "Oops"}, **whole}),
            "an amount is null": respond(200, {"data": {"total_credits": None, "total_usage": 0}}),
            "NaN": respond(200, '{"data": {"total_credits": NaN, "total_usage": 0}}'),
            "wait": error(429, "Slow down", {"Retry-After": "3600"}),
        }
        statuses = (204, 304, *range(400, 432), 451, *range(500, 512), *range(520, 531), 599, 999)
        faults.update((str(status), error(status, "No")) for status in statuses)
        for name, fault in faults.items():
            with self.subTest(name):
                self.server.always("GET", "/credits", fault)
                run = self.balance("--alert-below", "1000000", "--timeout", "0.05" if name == "drip" else "3600")
                self.assertEqual((run.code, run.out), (3 if name in ("401", "403") else 5, ""))
                self.assertNotIn("ALERT", run.err)
                self.assertTrue(run.err.startswith("openrouter-remote: error: GET /credits: "), run.err)

    def test_a_missing_key_is_never_an_alert(self):
        del self.env["OPENROUTER_API_KEY"]
        self.assertEqual(self.balance("--alert-below", "1000000").code, 3)


class KeyChoiceTest(BalanceTest):
    USER, MANAGEMENT = f"OPENROUTER_API_KEY={USER_KEY}\n", f"OPENROUTER_MANAGEMENT_KEY={MANAGEMENT_KEY}\n"

    def test_within_a_layer_only_the_management_key_is_used_if_it_works(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.assertEqual(self.balance(), Run(0, BALANCE, ""))
        self.assertEqual(self.sent(), [("/credits", "management")])
        del self.env["OPENROUTER_PROVISIONING_KEY"], self.env["OPENROUTER_API_KEY"]
        self.write(".env", self.USER + self.MANAGEMENT)
        self.assertEqual(self.balance(), Run(0, BALANCE, ""))
        self.assertEqual(self.sent(), [("/credits", "management")])

    def test_the_key_of_the_higher_layer_is_used(self):
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        path = self.write("other.env", self.USER)
        self.assertEqual(self.balance("--env-file", path), Run(0, BALANCE, ""))
        self.assertEqual(self.sent(), [("/credits", "user")])
        self.write(".env", self.USER)
        self.assertEqual(self.balance(), Run(0, BALANCE, ""))
        self.assertEqual(self.sent(), [("/credits", "user")])

    def test_the_other_key_is_used_if_the_first_is_refused(self):
        for name in ("OPENROUTER_PROVISIONING_KEY", "OPENROUTER_MANAGEMENT_KEY"):
            for status in (401, 403):
                with self.subTest(name, status=status):
                    self.env[name] = MANAGEMENT_KEY
                    self.server.fail("GET", "/credits", error(status, "No"))
                    self.assertEqual(self.balance(), Run(0, BALANCE, ""))
                    self.assertEqual(self.sent(), [("/credits", "management"), ("/credits", "user")])
                    del self.env[name]

    def test_stderr_names_the_key_if_it_comes_from_another_layer(self):
        self.server.credits_for_user_key = "refused"
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        path = self.write("other.env", self.USER)
        run = self.balance("--env-file", path)
        note = f"used OPENROUTER_MANAGEMENT_KEY (from the shell): OPENROUTER_API_KEY (from {path}) was refused\n"
        self.assertEqual(run, Run(0, BALANCE, note))
        self.assertEqual(self.sent(), [("/credits", "user"), ("/credits", "management")])

    def test_a_management_key_alone_is_enough(self):
        self.env = {**self.env, "OPENROUTER_API_KEY": "", "OPENROUTER_PROVISIONING_KEY": MANAGEMENT_KEY}
        self.assertEqual(self.balance(), Run(0, BALANCE, ""))
        self.assertEqual(self.sent(), [("/credits", "management")])

    def test_the_other_key_is_not_tried_after_another_failure(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        for fault in (
            *(error(status, "No") for status in (400, 402, 404, 429, 500, 503)),
            hang_up(),
            html(200),
            respond(200, {}),
        ):
            with self.subTest(fault):
                self.server.always("GET", "/credits", fault)
                run = self.balance()
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertEqual({key for _, key in self.sent()}, {"management"})

    def test_if_both_keys_are_refused_the_error_says_which_to_set(self):
        self.server.credits_for_user_key = "refused"
        self.env["OPENROUTER_MANAGEMENT_KEY"] = EXPIRED_KEY
        self.assertEqual(
            self.balance(),
            Run(
                3,
                "",
                "openrouter-remote: error: GET /credits: 401 API key expired\n"
                "hint: OPENROUTER_MANAGEMENT_KEY (from the shell) was refused; this needs a valid management key: "
                "set OPENROUTER_PROVISIONING_KEY "
                "(or OPENROUTER_MANAGEMENT_KEY), or create one at https://openrouter.ai/settings/management-keys\n",
            ),
        )
        self.assertEqual(self.sent(), [("/credits", "expired"), ("/credits", "user")])

    def test_a_failed_request_with_the_other_key_is_exit_5(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.server.fail("GET", "/credits", error(403, "No"), error(500, "Oops"), hang_up(), error(502, "Oops"))
        self.assertEqual(self.balance(), Run(5, "", "openrouter-remote: error: GET /credits: 502 Oops (3 tries)\n"))

    def test_without_a_key_the_error_names_both_kinds_and_nothing_is_sent(self):
        del self.env["OPENROUTER_API_KEY"]
        self.assertEqual(
            self.balance(),
            Run(
                3,
                "",
                "openrouter-remote: error: no key: set OPENROUTER_PROVISIONING_KEY (or OPENROUTER_MANAGEMENT_KEY)\n"
                "hint: create a management key at https://openrouter.ai/settings/management-keys; older accounts can "
                "set OPENROUTER_API_KEY to a user key from https://openrouter.ai/keys\n",
            ),
        )
        self.assertEqual(self.server.requests, [])

    def test_a_malformed_key_is_reported_and_nothing_is_sent(self):
        for name, what, page in (
            ("OPENROUTER_API_KEY", "a user key", "https://openrouter.ai/keys"),
            ("OPENROUTER_PROVISIONING_KEY", "a management key", "https://openrouter.ai/settings/management-keys"),
        ):
            space, characters = "contains white space", "contains characters that no key has"
            for value, reason in (
                ("sk-or-v1-abc def", space),
                ("sk-or-v1-abc\r\nX-Evil: 1", space),
                ("sk-or-v1-ключ", characters),
                ("\tsk-or-v1-abc", space),
                ("sk-or-v1-\x7f", characters),
            ):
                with self.subTest(name, value=value):
                    self.env[name] = value
                    text = (
                        f"openrouter-remote: error: {name} (from the shell) is malformed: it {reason}\n"
                        f"hint: set it to {what} exactly as shown when it was created, or create one at {page}\n"
                    )
                    self.assertEqual(self.balance(), Run(3, "", text))
                    self.assertEqual(self.server.requests, [])
            del self.env[name]


class MalformedKeyTest(BalanceTest):
    """A malformed key is skipped with a warning if another one is good."""

    WARNING = "openrouter-remote: warning: {} (from {}) is malformed: it contains white space; skipped\n"

    def test_a_placeholder_in_a_project_does_not_hide_the_shells_good_key(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        for name in ("OPENROUTER_API_KEY", "OPENROUTER_PROVISIONING_KEY", "OPENROUTER_MANAGEMENT_KEY"):
            with self.subTest(name):
                path = self.write(".env", f"{name}='your key here'\n")
                self.assertEqual(self.balance(), Run(0, BALANCE, self.WARNING.format(name, path)))

    def test_the_same_variable_of_a_lower_layer_is_used(self):
        path = self.write("my.env", "OPENROUTER_API_KEY='your key here'\n")
        run = self.balance("--env-file", path)
        self.assertEqual(run, Run(0, BALANCE, self.WARNING.format("OPENROUTER_API_KEY", path)))
        self.assertEqual(self.sent(), [("/credits", "user")])

    def test_within_a_layer_the_other_kind_of_key_is_used(self):
        self.env["OPENROUTER_MANAGEMENT_KEY"] = "your key here"
        warning = self.WARNING.format("OPENROUTER_MANAGEMENT_KEY", "the shell")
        self.assertEqual(self.balance(), Run(0, BALANCE, warning))

    def test_without_a_good_key_a_malformed_one_is_one_error_and_exit_3(self):
        self.env["OPENROUTER_API_KEY"] = "your key here"
        path = self.write(".env", "OPENROUTER_MANAGEMENT_KEY='change me'\n")
        run = self.balance()
        self.assertEqual((run.code, run.out, self.server.requests), (3, "", []))
        error = (
            f"openrouter-remote: error: OPENROUTER_MANAGEMENT_KEY (from {path}) is malformed: it contains white space\n"
        )
        self.assertTrue(run.err.startswith(f"{error}hint: "), run.err)


class QuietTest(BalanceTest):
    """--quiet writes nothing while all is well, because cron mails whatever is written."""

    def configurations(self):
        """Yield (how stderr begins without --quiet, options) for three configurations in which all is well."""
        other = self.write("other.env", f"OPENROUTER_API_KEY={USER_KEY}\n")
        odd = os.path.join(self.folder, ".env")
        placeholder = self.write("placeholder.env", "OPENROUTER_API_KEY='your key here'\n")
        self.env = {**self.env, "OPENROUTER_API_KEY": "", "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT_KEY}
        self.server.credits_for_user_key = "refused"
        yield "used OPENROUTER_MANAGEMENT_KEY (from the shell): ", ("--env-file", other)
        yield "openrouter-remote: warning: OPENROUTER_API_KEY", ("--env-file", placeholder)
        with open(odd, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n\x01\xff\xfe")
        yield f"openrouter-remote: warning: {odd}: ", ()

    def test_quiet_writes_nothing_at_all_while_all_is_well(self):
        for note, options in self.configurations():
            with self.subTest(note):
                loud = self.balance("--alert-below", "0.1", *options)
                self.assertEqual((loud.code, loud.err.startswith(note)), (0, True), loud.err)
                quiet = self.balance("--alert-below", "0.1", "--quiet", *options)
                self.assertEqual(quiet, Run(0, "", ""))
                self.assertEqual(self.balance("--alert-below", "0.1", "--quiet", "--json", *options), quiet)

    def test_verbose_still_prints(self):
        for note, options in self.configurations():
            with self.subTest(note):
                run = self.balance("--alert-below", "0.1", "--quiet", "-v", *options)
                self.assertEqual((run.code, run.out), (0, ""))
                self.assertIn(note, run.err)
                self.assertIn("GET /credits", run.err)

    def test_quiet_writes_everything_if_an_alert_fires(self):
        for note, options in self.configurations():
            with self.subTest(note):
                loud = self.balance("--alert-below", "5", *options)
                self.assertEqual((loud.code, loud.out), (1, BALANCE))
                self.assertTrue(loud.err.startswith(note), loud.err)
                self.assertEqual(self.balance("--alert-below", "5", "--quiet", *options), loud)

    def test_quiet_writes_warnings_if_the_request_fails(self):
        for note, options in self.configurations():
            if "warning" in note:
                with self.subTest(note):
                    self.server.always("GET", "/credits", error(500, "Broken"))
                    run = self.balance("--alert-below", "0.1", "--quiet", *options)
                    self.assertEqual((run.code, run.out), (5, ""))
                    self.assertTrue(run.err.startswith(note), run.err)
                    self.assertIn("openrouter-remote: error: GET /credits: 500 Broken", run.err)

    def test_usage_and_keys_list_are_quiet_too(self):
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        with open(".env", "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n\x01\xff\xfe")
        for argv in (("usage", "--alert-daily", "1000"), ("keys", "list", "--alert-below", "0.001")):
            with self.subTest(argv):
                loud = self.run_program(*argv)
                self.assertEqual((loud.code, loud.err.count("warning")), (0, 1))
                self.assertEqual(self.run_program(*argv, "--quiet"), Run(0, "", ""))


class ZerosTest(BalanceTest):
    """Deployments that return 200 and two zeros for a user key."""

    def setUp(self):
        super().setUp()
        self.server.credits_for_user_key = "zeros"

    def test_the_management_key_of_another_layer_is_used_instead_and_named(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        path = self.write(".env", f"OPENROUTER_API_KEY={USER_KEY}\n")
        note = (
            "used OPENROUTER_PROVISIONING_KEY (from the shell): "
            f"OPENROUTER_API_KEY (from {path}) may not see the account's credits\n"
        )
        self.assertEqual(self.balance(), Run(0, BALANCE, note))
        self.assertEqual(self.sent(), [("/credits", "user"), ("/key", "user"), ("/credits", "management")])

    def test_zeros_of_an_account_that_never_paid_are_trusted(self):
        self.server.user_key_info["is_free_tier"] = True
        for usage in (0, Decimal("0.00")):
            with self.subTest(usage=usage):
                self.server.user_key_info["usage"] = usage
                self.assertEqual(self.balance(), Run(0, ZEROS, ""))
                self.assertEqual(self.sent(), [("/credits", "user"), ("/key", "user")])

    def test_zeros_for_an_unused_key_of_a_paying_account_are_not_trusted(self):
        self.server.user_key_info["usage"] = 0
        for free_tier in (False, None, "true", 1):
            with self.subTest(free_tier=free_tier):
                self.server.user_key_info["is_free_tier"] = free_tier
                self.assertEqual(self.balance("--alert-below", "2"), Run(5, "", UNTRUSTED))

    def test_trusted_zeros_alert(self):
        self.server.user_key_info.update(usage=0, is_free_tier=True)
        alert = "ALERT remaining $0.00 is less than $2.00\n"
        self.assertEqual(self.balance("--alert-below", "2"), Run(1, ZEROS, alert))

    def test_zeros_for_a_key_that_was_used_are_exit_5(self):
        self.server.user_key_info["is_free_tier"] = True
        for usage in (Decimal("4.4102"), 7, Decimal("0.0000000001")):
            for options in ((), ("--json",), ("--alert-below", "1000000"), ("--alert-below", "1000000", "--quiet")):
                with self.subTest(usage=usage, options=options):
                    self.server.user_key_info["usage"] = usage
                    self.assertEqual(self.balance(*options), Run(5, "", UNTRUSTED))

    def test_zeros_in_any_notation_are_not_trusted(self):
        for zero in ("0", "0.0", "-0", "0.00000", "0e9", "-0.0"):
            with self.subTest(zero=zero):
                body = f'{{"data": {{"total_credits": {zero}, "total_usage": {zero}}}}}'
                self.server.always("GET", "/credits", respond(200, body))
                self.assertEqual(self.balance(), Run(5, "", UNTRUSTED))

    def test_a_single_zero_is_trusted_without_another_request(self):
        self.server.credits_for_user_key = "allowed"
        for credits, usage, text in (
            ("10", "0", "total_credits: $10.0000\ntotal_usage:   $0.0000\nremaining:     $10.0000\n"),
            ("0", "5", "total_credits: $0.0000\ntotal_usage:   $5.0000\nremaining:     -$5.0000\n"),
        ):
            with self.subTest(credits=credits):
                self.assertEqual(self.balance(credits=credits, usage=usage), Run(0, text, ""))
                self.assertEqual(self.sent(), [("/credits", "user")])

    def test_zeros_for_a_management_key_are_trusted(self):
        self.env = {**self.env, "OPENROUTER_API_KEY": "", "OPENROUTER_PROVISIONING_KEY": MANAGEMENT_KEY}
        self.assertEqual(self.balance(credits="0", usage="0"), Run(0, ZEROS, ""))
        self.assertEqual(self.sent(), [("/credits", "management"), ("/key", "management")])

    def test_zeros_for_a_user_key_in_the_management_variable_are_not_trusted(self):
        for field in ("is_management_key", "is_provisioning_key"):
            with self.subTest(field=field):
                self.env = {**self.env, "OPENROUTER_API_KEY": "", "OPENROUTER_PROVISIONING_KEY": USER_KEY}
                own = {**self.server.user_key_info, field: False, "is_free_tier": False}
                self.server.always("GET", "/key", respond(200, {"data": own}))
                untrusted = UNTRUSTED.replace("OPENROUTER_API_KEY", "OPENROUTER_PROVISIONING_KEY")
                self.assertEqual(self.balance(credits="0", usage="0"), Run(5, "", untrusted))

    def test_zeros_are_exit_5_for_every_variable_if_get_key_fails(self):
        key = {**self.server.user_key_info, "is_free_tier": True}
        for name, fault in (
            ("500", error(500, "Oops")),
            ("404", error(404, "Not Found")),
            ("hang up", hang_up()),
            ("401", error(401, "No")),
            ("403", error(403, "No")),
            ("no data", respond(200, {})),
            ("no usage", respond(200, {"data": {"is_free_tier": True}})),
            *((repr(usage), respond(200, {"data": {**key, "usage": usage}})) for usage in (None, False, [0])),
        ):
            for variable in ("OPENROUTER_API_KEY", "OPENROUTER_PROVISIONING_KEY", "OPENROUTER_MANAGEMENT_KEY"):
                for value in (USER_KEY, MANAGEMENT_KEY):
                    with self.subTest(name, variable=variable, value=value):
                        self.env = {**self.env, "OPENROUTER_API_KEY": "", variable: value}
                        self.server.always("GET", "/key", fault)
                        run = self.balance("--alert-below", "1000000", credits="0", usage="0")
                        self.assertEqual(run, Run(5, "", UNTRUSTED.replace("OPENROUTER_API_KEY", variable)))
                        del self.env[variable]

    def test_zeros_are_not_trusted_if_the_management_key_is_refused_or_fails(self):
        for key, faults, code in ((EXPIRED_KEY, (), 3), (MANAGEMENT_KEY, (error(500, "Oops"),) * 3, 5)):
            with self.subTest(code=code):
                self.env["OPENROUTER_PROVISIONING_KEY"] = key
                self.server.fail("GET", "/credits", *faults)
                run = self.balance("--alert-below", "1000000")
                self.assertEqual((run.code, run.out), (code, ""))
