"""`keys list --idle` and `--alert-below`, `keys current` and `keys move`."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

from fake_openrouter import (
    MANAGEMENT_KEY,
    USER_KEY,
    demo_keys,
    error,
    html,
    make_budget,
    make_key,
    make_key_info,
    make_workspace,
    respond,
    timestamp,
)
from support import ProgramTest, Run, program

LABEL = "openrouter-remote: "
IDLE_KEYS = (
    "     name        label               hash          limit  reset  remaining    month  all-time  last used\n"
    "[x]  old-laptop  sk-or-v1-059...bd1  e7f6c011776e      -  -              -  $0.0000   $0.8791  2026-08-20\n"
    "[ ]  spare       sk-or-v1-8f8...ceb  7902699be42c      -  -              -  $0.0000   $0.0000  never\n"
)


class KeyUseTest(ProgramTest):
    server: Any = None

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY

    def start(self, *keys, **switches):
        self.server = super().start(keys=list(keys), **{"workspaces": [make_workspace()], **switches})
        return self.server

    def names(self, *argv):
        """The names of the listed keys."""
        run = self.run_program("keys", "list", *argv, "--json")
        self.assertEqual(run.code, 0, run.err)
        return [row["name"] for hash, row in json.loads(run.out).items() if hash != "tool"]


class IdleTest(KeyUseTest):
    def used(self, n, **ago):
        return make_key(n, name=f"used {ago}", last_used_at=timestamp(self.now - timedelta(**ago)))

    def test_idle_keys_are_those_unused_for_so_many_days_or_never_used(self):
        self.start(
            self.used(1, days=30), self.used(2, days=29, hours=23), self.used(3, days=300), make_key(4, name="never")
        )
        for days, names in (
            ("30", ["used {'days': 30}", "used {'days': 300}", "never"]),
            ("31", ["used {'days': 300}", "never"]),
            ("200", ["used {'days': 300}", "never"]),
            ("0", ["used {'days': 30}", "used {'days': 29, 'hours': 23}", "used {'days': 300}", "never"]),
        ):
            with self.subTest(days):
                self.assertEqual(self.names("--idle", days), names)

    def test_every_page_of_every_workspace_is_read(self):
        workspaces = [make_workspace(n) for n in range(2)]
        self.start(
            *(make_key(n, workspace_id=workspaces[n % 2]["id"]) for n in range(24)), workspaces=workspaces, page_size=5
        )
        self.assertEqual(len(self.names("--idle", "1")), 24)

    def test_the_table_shows_the_last_use(self):
        self.start(*demo_keys(self.now)[5:7])
        self.assertEqual(
            self.run_program("keys", "list", "--idle", "90"),
            Run(
                0,
                IDLE_KEYS,
                "",
            ),
        )  # fmt: skip

    def test_younger_keys_are_left_out_and_counted(self):
        young, old = (timestamp(self.now - timedelta(days=days)) for days in (29, 30))
        self.start(
            make_key(1, name="young", created_at=young),
            make_key(2, name="old enough", created_at=old),
            self.used(3, days=1),
            make_key(4, name="used young", created_at=young, last_used_at=timestamp(self.now)),
        )
        left_out = "1 unused key created less than 30 days ago left out\n"
        run = self.run_program("keys", "list", "--idle", "30")
        self.assertEqual((run.code, run.err), (0, left_out))
        self.assertEqual([line[5:15] for line in run.out.splitlines()[1:]], ["old enough"])
        self.assertEqual(self.run_program("keys", "list", "--idle", "30", "--json").err, left_out)
        self.server.keys[1]["created_at"] = young
        left_out = "2 unused keys created less than 30 days ago left out\nnone of 4 keys has been idle that long\n"
        self.assertEqual(self.run_program("keys", "list", "--idle", "30").err, left_out)

    def test_keys_without_a_readable_created_at_are_left_out_and_counted(self):
        odd: tuple = (None, 5, "", "yesterday", ["x"])
        self.start(*(make_key(n, created_at=value) for n, value in enumerate(odd)), make_key(9, name="old"))
        del self.server.keys[0]["created_at"]
        run = self.run_program("keys", "list", "--idle", "30")
        left_out = "5 unused keys without a readable created_at left out\n"
        self.assertEqual((run.code, run.err, len(run.out.splitlines())), (0, left_out, 2))

    def test_a_loop_that_disables_idle_keys_spares_a_key_just_rotated(self):
        self.server = ProgramTest.start(self)  # the demonstration account
        self.assertEqual(self.run_program("keys", "rotate", "production", "--disable-old", "--out", "p.env").code, 0)
        idle = list(json.loads(self.run_program("keys", "list", "--idle", "30", "--json").out))
        for hash in idle[1:]:
            self.assertEqual(self.run_program("keys", "disable", hash).code, 0)
        names = {key["name"]: key["disabled"] for key in self.server.keys}
        self.assertEqual((names["production"], names["spare"], names["chat-bot"]), (False, True, False))

    def test_no_idle_key_is_not_an_error(self):
        self.start(self.used(1, days=1))
        run = self.run_program("keys", "list", "--idle", "30")
        self.assertEqual((run.code, run.err), (0, "none of 1 key has been idle that long\n"))

    def test_an_api_that_doesnt_report_the_last_use_is_exit_5(self):
        self.start(make_key(1, name="ci"), older_api=True)
        message = f"{LABEL}error: GET /keys: this API doesn't report when a key was last used\n"
        self.assertEqual(self.run_program("keys", "list", "--idle", "30"), Run(5, "", message))
        self.assertNotIn("last used", self.run_program("keys", "list").out)
        self.assertIn("\nlast used:       -\n", self.run_program("keys", "show", "ci").out)

    def test_a_truncated_text_never_ends_in_half_a_key(self):
        for fields in (
            {"last_used_at": "y" * 131 + MANAGEMENT_KEY},
            {"name": "x" * 172 + MANAGEMENT_KEY, "last_used_at": 5},
        ):
            self.start(make_key(1, **fields))
            run = self.run_program("keys", "list", "--idle", "1")
            self.assertEqual(run.code, 5)
            self.assertNotIn(MANAGEMENT_KEY[9:15], run.err)
        self.start(self.used(1, days=1), make_key(2, name="x" * 172 + MANAGEMENT_KEY, limit=5, limit_remaining=0))
        run = self.run_program("keys", "list", "--alert-below", "1", "--quiet")
        self.assertEqual(run.code, 1)
        self.assertNotIn(MANAGEMENT_KEY[9:15], run.out + run.err)

    def test_an_unreadable_last_use_is_exit_5(self):
        for value, shown in ((5, "5"), ("yesterday", '"yesterday"'), (["x"], '["x"]'), ("2026-13-25", '"2026-13-25"')):
            self.start(make_key(1, name="ci", last_used_at=value))
            message = f"{LABEL}error: GET /keys: `last_used_at` of 'ci' isn't a time: {shown}\n"
            self.assertEqual(self.run_program("keys", "list", "--idle", "30"), Run(5, "", message))

    def test_show_prints_the_last_use(self):
        self.start(make_key(1, name="ci", last_used_at="2026-11-24T10:30:00Z"))
        self.assertIn("\nlast used:       2026-11-24T10:30:00Z\n", self.run_program("keys", "show", "ci").out)


class LimitAlertTest(KeyUseTest):
    """`keys list --alert-below`: exit code 1 is an alert and nothing else."""

    def limited(self, n, rest, **fields):
        return make_key(n, name=f"key {n}", limit=10, limit_remaining=Decimal(rest), **fields)

    def test_each_key_below_the_amount_is_an_alert_line(self):
        self.start(self.limited(1, "0.5"), self.limited(2, "1"), self.limited(3, "-2"), make_key(4, name="unlimited"))
        run = self.run_program("keys", "list", "--alert-below", "1")
        self.assertEqual(
            (run.code, run.err),
            (
                1,
                "ALERT key 'key 1' (6b86b273ff34) remaining $0.50 is less than $1.00\n"
                "ALERT key 'key 3' (4e07408562be) remaining -$2.00 is less than $1.00\n",
            ),
        )
        self.assertEqual(len(run.out.splitlines()), 5)

    def test_an_exact_match_does_not_alert(self):
        self.start(self.limited(1, "0.5"))
        self.assertEqual(self.run_program("keys", "list", "--alert-below", "0.5").code, 0)
        self.assertEqual(self.run_program("keys", "list", "--alert-below", "0.500000000000000001").code, 1)

    def test_disabled_and_expired_keys_dont_alert(self):
        self.start(self.limited(1, "0", disabled=True), self.limited(2, "0", expires_at="2026-11-25T11:00:00Z"))
        run = self.run_program("keys", "list", "--alert-below", "5")
        self.assertEqual((run.code, run.err), (0, ""))

    def test_keys_on_every_page_of_every_workspace_alert(self):
        workspaces = [make_workspace(n) for n in range(2)]
        keys = [self.limited(n, "7", workspace_id=workspaces[n % 2]["id"]) for n in range(23)]
        self.start(*keys, self.limited(23, "0.1", workspace_id=workspaces[1]["id"]), workspaces=workspaces, page_size=5)
        run = self.run_program("keys", "list", "--alert-below", "1")
        self.assertEqual((run.code, run.err.count("ALERT key 'key 23' ")), (1, 1))

    def test_a_key_that_idle_leaves_out_still_alerts(self):
        self.start(self.limited(1, "0.1", last_used_at=timestamp(self.now)))
        run = self.run_program("keys", "list", "--alert-below", "1", "--idle", "3")
        self.assertEqual((run.code, len(run.out.splitlines())), (1, 1))

    def test_a_key_that_may_work_alerts(self):
        cases: tuple = (
            {"expires_at": ""},
            {"expires_at": None},
            {"expires_at": "2026-11-25T08:00:00-05:00"},  # an hour from now
            {"expires_at": "2026-11-25 14:00:00+01"},
            {"expires_at": "2026-11-25T12:01Z"},
            {"disabled": "false"},
            {"disabled": None},
        )
        for n, fields in enumerate(cases):
            with self.subTest(fields):
                self.start(self.limited(n, "0.01", **fields))
                self.assertEqual(self.run_program("keys", "list", "--alert-below", "1").code, 1)

    def test_an_expiry_is_read_in_every_notation(self):
        for past in (
            "2026-11-25T16:00:00+05:00",
            "2026-11-25T11:59:59.999Z",
            "2026-11-25T11:59Z",
            "2026-11-25 12:59:00+01",
            "2026-11-25t11:59:00z",
            "2016-12-31T23:59:60Z",
            "2026-11-25",
        ):
            with self.subTest(past):
                self.start(self.limited(9, "0.01", expires_at=past))
                self.assertEqual(self.run_program("keys", "list", "--alert-below", "1", "--quiet"), Run(0, "", ""))

    def test_an_unreadable_expiry_is_exit_5(self):
        for odd in ("0000-00-00", "1 Jan 2099", 5, ["x"]):
            with self.subTest(odd):
                self.start(self.limited(1, "0.01", expires_at=odd))
                run = self.run_program("keys", "list", "--alert-below", "1", "--quiet")
                warning = f"key 'key 1' (6b86b273ff34): `expires_at` isn't a time: {json.dumps(odd)}"
                self.assertEqual((run.code, run.err), (5, f"{LABEL}warning: {warning}\n"))

    def test_a_key_without_a_limit_field_is_exit_5(self):
        self.start().always("GET", "/keys", respond(200, {"data": [{"hash": "abcd", "name": "odd"}]}))
        run = self.run_program("keys", "list", "--alert-below", "1", "--quiet")
        self.assertEqual((run.code, run.err), (5, f"{LABEL}warning: key 'odd' (abcd): `limit` is missing\n"))

    def test_a_limit_without_a_remainder_is_exit_5_unless_another_key_alerts(self):
        unknown = make_key(1, name="odd", limit=5, limit_remaining=None)
        warning = f"{LABEL}warning: key 'odd' (6b86b273ff34): `limit_remaining` isn't a number: null\n"
        self.start(unknown, self.limited(2, "3"))
        run = self.run_program("keys", "list", "--alert-below", "1")
        self.assertEqual((run.code, run.err), (5, warning))
        run = self.run_program("keys", "list", "--alert-below", "4")
        alert = "ALERT key 'key 2' (d4735e3a265e) remaining $3.00 is less than $4.00\n"
        self.assertEqual((run.code, run.err), (1, warning + alert))

    def test_hidden_workspaces_are_exit_5_unless_a_key_alerts(self):
        self.start(self.limited(1, "3"), workspaces_refused=True)
        self.assertEqual(self.run_program("keys", "list", "--alert-below", "1").code, 5)
        self.assertEqual(self.run_program("keys", "list", "--alert-below", "4").code, 1)

    def test_a_failure_is_never_exit_1(self):
        self.start()
        for fault, code in ((error(500, "Broken"), 5), (error(401, "User not found."), 3), (html(200), 5)):
            self.server.always("GET", "/keys", fault)
            run = self.run_program("keys", "list", "--alert-below", "1")
            self.assertEqual((run.code, run.out), (code, ""))
            self.assertNotIn("ALERT", run.err)

    def test_quiet_prints_nothing_while_all_is_well(self):
        self.start(self.limited(1, "0.5"))
        for options in ((), ("--json",)):
            run = self.run_program("keys", "list", "--quiet", "--alert-below", "0.5", *options)
            self.assertEqual(run, Run(0, "", ""))
            run = self.run_program("keys", "list", "--quiet", "--alert-below", "0.6", *options)
            self.assertEqual((run.code, "key 1" in run.out), (1, True))
        run = self.run_program("keys", "list", "--quiet")
        message = f"{LABEL}error: --quiet needs --alert-below\nhint: see: openrouter-remote keys list --help\n"
        self.assertEqual(run, Run(2, "", message))

    def test_the_json_is_the_listing(self):
        self.start(self.limited(1, "0.5"))
        run = self.run_program("keys", "list", "--alert-below", "1", "--json")
        self.assertEqual((run.code, list(json.loads(run.out))), (1, ["tool", self.server.keys[0]["hash"]]))

    def test_amounts_and_days_must_be_numbers(self):
        self.start()
        self.assertEqual(self.run_program("keys", "list", "--alert-below", "x").code, 2)
        self.assertEqual(self.run_program("keys", "list", "--idle", "1.5").code, 2)


class DisabledKeyTest(KeyUseTest):
    def test_a_disabled_key_needs_no_limit_field(self):
        self.start(make_key(1, limit=5), make_key(2, disabled=True))
        del self.server.keys[1]["limit"], self.server.keys[1]["limit_remaining"]
        run = self.run_program("keys", "list", "--alert-below", "0.0001", "--quiet")
        self.assertEqual(run, Run(0, "", ""))


class CurrentTest(KeyUseTest):
    """`keys current`, the only `keys` command for a user key."""

    def setUp(self):
        super().setUp()
        del self.env["OPENROUTER_PROVISIONING_KEY"]
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.start()

    def test_the_text_shows_every_field(self):
        workspace = make_budget(20, "12.5", "daily", scope="workspace", resets_at="2026-11-26T00:00:00Z")
        self.server.user_key_info["budgets"].insert(0, workspace)
        self.assertEqual(
            self.run_program("keys", "current"),
            Run(
                0,
                "label:             sk-or-v1-ded...fb3\n"
                "management key:    no\n"
                "free tier:         no\n"
                "limit:             $5.0000\n"
                "reset:             monthly\n"
                "remaining:         $3.8154\n"
                "today:             $0.0612\n"
                "this week:         $0.2907\n"
                "this month:        $1.1846\n"
                "all-time:          $4.4102\n"
                "BYOK today:        $0.0000\n"
                "BYOK this week:    $0.0000\n"
                "BYOK this month:   $0.0000\n"
                "BYOK all-time:     $0.0000\n"
                "budget, workspace: $12.5000 left of $20.0000, until 2026-11-26T00:00:00Z\n"
                "budget, key_limit: $3.8154 left of $5.0000, until 2026-12-01T00:00:00Z, the tightest budget\n"
                "free requests:     988 left of 1000 today\n"
                "expires:           -\n",
                "",
            ),
        )
        self.assertEqual([request.path for request in self.server.requests], ["/key"])

    def test_a_key_without_a_limit_says_no_limit_and_shows_no_remainder(self):
        self.server.user_key_info = make_key_info(make_key(1, expires_at="2027-01-31T23:59:59Z"))
        out = self.run_program("keys", "current").out
        self.assertIn("\nlimit:           no limit\ntoday: ", out)
        self.assertIn("\nexpires:         2027-01-31T23:59:59Z\n", out)
        self.assertNotIn("budget", out)

    def test_missing_fields_are_dashes(self):
        self.server.always("GET", "/key", respond(200, {"data": {}}))
        out = self.run_program("keys", "current").out
        self.assertIn("\nlimit:           -\n", out)
        self.assertNotIn("None", out)

    def test_control_characters_in_a_scope_are_escaped(self):
        self.server.user_key_info["budgets"] = [make_budget(1, 1, scope="a\x1b[2J\nremaining: $9")]
        out = self.run_program("keys", "current").out
        self.assertIn("\nbudget, a\\x1b[2J\\nremaining: $9: $1.0000 left of $1.0000\n", out)

    def test_a_limit_without_a_remainder_shows_a_dash(self):
        self.server.user_key_info["limit_remaining"] = None
        self.assertIn(
            "\nlimit:             $5.0000\nreset:             monthly\nremaining:         -\n",
            self.run_program("keys", "current").out,
        )

    def test_fields_that_the_older_api_lacks_are_left_out(self):
        self.server.older_api = True
        out = self.run_program("keys", "current").out
        self.assertNotIn("budget", out)
        self.assertNotIn("free requests", out)

    def test_the_json_is_the_api_object(self):
        run = self.run_program("keys", "current", "--json")
        document = program.parse_json(run.out)
        del document["tool"]
        self.assertEqual((run.code, run.err), (0, ""))
        self.assertEqual(document, self.server.user_key_info)

    def test_a_management_key_is_reported_as_one(self):
        self.env["OPENROUTER_API_KEY"] = MANAGEMENT_KEY
        self.assertIn("\nmanagement key:  yes\n", self.run_program("keys", "current").out)

    def test_the_older_name_of_the_field_works(self):
        del self.server.user_key_info["is_management_key"]
        self.assertIn("\nmanagement key:    no\n", self.run_program("keys", "current").out)

    def test_a_missing_kind_is_unknown(self):
        for field in ("is_management_key", "is_provisioning_key"):
            del self.server.user_key_info[field]
        self.assertIn("\nmanagement key:    unknown\n", self.run_program("keys", "current").out)

    def test_failures_have_the_usual_exit_codes(self):
        for fault, code, message in (
            (error(401, "User not found."), 3, "GET /key: 401 User not found."),
            (error(500, "Broken"), 5, "GET /key: 500 Broken (3 tries)"),
            (respond(200, {"data": []}), 5, "GET /key: 200 without an object in `data`: "),
        ):
            with self.subTest(message):
                self.server.always("GET", "/key", fault)
                run = self.run_program("keys", "current")
                self.assertEqual((run.code, run.out), (code, ""))
                self.assertTrue(run.err.startswith(f"{LABEL}error: {message}"), run.err)

    def test_nothing_is_sent_without_a_user_key(self):
        del self.env["OPENROUTER_API_KEY"]
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        run = self.run_program("keys", "current")
        self.assertEqual((run.code, run.out, self.server.requests), (3, "", []))
        self.assertTrue(run.err.startswith(f"{LABEL}error: no user key: set OPENROUTER_API_KEY\n"))


class MoveTest(KeyUseTest):
    SPACES = (make_workspace(0, name="Default"), make_workspace(1, name="Research"), make_workspace(2, name="Twin"))

    def start(self, **switches):
        spaces = [*self.SPACES, make_workspace(3, name="Twin")]
        return super().start(make_key(1, name="ci"), **{"workspaces": spaces, **switches})

    def changes(self):
        return [(request.method, request.body) for request in self.server.requests if request.method != "GET"]

    def test_the_workspace_is_an_id_or_a_unique_name(self):
        research = self.SPACES[1]["id"]
        for name in (research, "Research"):
            with self.subTest(name):
                self.start()
                run = self.run_program("keys", "move", "ci", name)
                self.assertEqual((run.code, run.err), (0, ""))
                self.assertEqual([line.split()[-1] for line in run.out.splitlines()], ["workspace", "Research"])
                self.assertEqual(self.changes(), [("PATCH", {"workspace_id": research})])
                self.assertEqual(self.server.keys[0]["workspace_id"], research)

    def test_the_json_is_the_moved_key(self):
        self.start()
        run = self.run_program("keys", "move", "ci", "Research", "--json")
        self.assertEqual(json.loads(run.out)["workspace_id"], self.SPACES[1]["id"])

    def test_an_ambiguous_or_unknown_workspace_changes_nothing(self):
        self.start()
        twins = ", ".join(make_workspace(n)["id"] for n in (2, 3))
        run = self.run_program("keys", "move", "ci", "Twin")
        message = f"{LABEL}error: 'Twin' matches 2 workspaces; nothing was changed\nhint: use an id: {twins}\n"
        self.assertEqual(run, Run(4, "", message))
        run = self.run_program("keys", "move", "ci", "research")
        self.assertEqual((run.code, run.out), (4, ""))
        self.assertIn(f"{LABEL}error: no workspace named 'research'\nhint: use one of: ", run.err)
        self.assertIn(f"{self.SPACES[1]['id']} (Research)", run.err)
        self.assertEqual(self.changes(), [])

    def test_an_unknown_key_is_exit_4(self):
        self.start()
        self.assertEqual((self.run_program("keys", "move", "nobody", "Research").code, self.changes()), (4, []))

    def test_the_api_decides_if_no_workspaces_are_known(self):
        self.start(workspaces_refused=True)
        research = self.SPACES[1]["id"]
        self.assertEqual(self.run_program("keys", "move", self.server.keys[0]["hash"], research).code, 0)
        run = self.run_program("keys", "move", self.server.keys[0]["hash"], "Research")
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertIn(": 400 Invalid value for workspace_id", run.err)

    def test_a_move_to_an_id_works_without_the_list_of_workspaces(self):
        self.start()
        self.server.always("GET", "/workspaces", error(500, "Broken"))
        run = self.run_program("keys", "move", self.server.keys[0]["hash"], self.SPACES[1]["id"])
        self.assertEqual((run.code, run.err), (0, ""))

    def test_with_refused_workspaces_only_a_full_hash_will_do(self):
        self.start(workspaces_refused=True)
        run = self.run_program("keys", "move", self.server.keys[0]["hash"][:12], self.SPACES[1]["id"])
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertIn("keys of other workspaces, if any, are missing; nothing was changed\n", run.err)

    def test_an_api_that_cant_move_keys_is_exit_5(self):
        self.start(older_api=True)
        run = self.run_program("keys", "move", "ci", "Research")
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertIn(": 400 No update fields provided", run.err)

    def test_an_ignored_move_is_exit_5(self):
        self.start(applies_changes=False)
        run = self.run_program("keys", "move", "ci", "Research")
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertIn(": the key wasn't changed", run.err)
