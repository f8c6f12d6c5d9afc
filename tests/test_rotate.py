"""`keys create --expires` and `keys rotate`: the expiry of a key, and replacing a key by one like it."""

import json
import re
import shlex
from decimal import Decimal
from typing import Any
from unittest import mock

from fake_openrouter import (
    MANAGEMENT_KEY,
    error,
    hang_up,
    hang_up_after_work,
    html,
    make_key,
    make_secret,
    make_workspace,
    respond,
)
from support import ProgramTest, Run, program

SECRET = make_secret(1_000_000)  # the first key that a fake server creates
RESEARCH = make_workspace(1)["id"]
UNTIL = "2099-01-31T12:00:00Z"
NOTICE = "this is the new key; it won't be shown again\n"
WARNING = "openrouter-remote: warning: "
NOT_COPIED = "guardrails and spend alerts of the old key aren't copied\n"
COMMAND = re.compile(
    r"openrouter-remote (keys (?:rename|disable|set-limit|delete|list) .*?)(?=; openrouter|, before|$)", re.M
)
UNKNOWN = (
    "; the key may or may not have been created\n"
    "hint: before you try again, search for it: openrouter-remote keys list --all\n"
)


class KeysTest(ProgramTest):
    server: Any = None

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY

    def keys(self, *argv):
        self.server.requests.clear()
        return self.run_program("keys", *argv)

    def sent(self):
        """[(method, path, body), …] of the requests that change something."""
        return [(r.method, r.path, r.body) for r in self.server.requests if r.method != "GET"]

    def named(self, name):
        (key,) = [key for key in self.server.keys if key["name"] == name]
        return key


class ExpiresTest(KeysTest):
    def setUp(self):
        super().setUp()
        self.server = self.start(keys=[])

    def expiry(self, text):
        """The `expires_at` of the request for this --expires."""
        run = self.keys("create", "--name", "new", "--expires", text)
        self.assertEqual(run.code, 0, run.err)
        ((_, _, body),) = self.sent()
        self.assertEqual(set(body), {"name", "expires_at"})
        return body["expires_at"]

    def test_a_date_means_the_end_of_that_day(self):
        self.assertEqual(self.expiry("2099-01-31"), "2099-01-31T23:59:59Z")
        self.assertEqual(self.expiry("2096-02-29"), "2096-02-29T23:59:59Z")

    def test_today_is_not_in_the_past(self):
        self.assertEqual(self.expiry("2026-11-25"), "2026-11-25T23:59:59Z")

    def test_a_time_is_sent_in_utc(self):
        for text, expected in (
            ("2099-01-31T12:00:00Z", "2099-01-31T12:00:00Z"),
            ("2099-01-31T12:00:00z", "2099-01-31T12:00:00Z"),
            ("2099-01-31T12:00Z", "2099-01-31T12:00:00Z"),
            ("2099-01-31 12:00:00Z", "2099-01-31T12:00:00Z"),
            ("2099-01-31T12:00:00+00:00", "2099-01-31T12:00:00Z"),
            ("2099-01-31T12:00:00+02:00", "2099-01-31T10:00:00Z"),
            ("2099-01-31T23:30:00-05:30", "2099-02-01T05:00:00Z"),
            ("2098-12-31T23:59:59-00:01", "2099-01-01T00:00:59Z"),
            ("2099-01-31T12:00:00.250Z", "2099-01-31T12:00:00Z"),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.expiry(text), expected)

    def test_an_invalid_date_is_a_usage_error(self):
        for text in (
            *("", "tomorrow", "2099", "2099-13-01", "2099-02-30", "2099-1-31", "31.01.2099", "2099-01-31T25:00:00Z"),
            *("2099-01-31T12:00:00", "2099-01-31T12:00", "2099-01-31Z", "2099-01-31T12:00:00Y", "٢٠٩٩-01-31", "+1d"),
            *(" 2099-01-31", "2099-01-31\n", "9999-12-31T23:59:59-01:00"),
        ):
            with self.subTest(text=text):
                run = self.keys("create", "--name", "new", f"--expires={text}")
                self.assertEqual((run.code, run.out, self.server.requests), (2, "", []))
                self.assertTrue(run.err.startswith("openrouter-remote: error: argument --expires: "), run.err)

    def test_every_python_accepts_the_same_notations(self):
        # datetime.fromisoformat accepts more notations since Python 3.11.
        for text in ("20990131", "20990131T120000Z", "2099-W05-6", "2099-W05-6T12:00:00Z", "2099-01-31T120000Z"):
            with self.subTest(text=text):
                self.assertEqual(self.keys("create", "--name", "new", "--expires", text).code, 2)

    def test_a_past_date_is_a_usage_error(self):
        for text in ("2020-01-01", "2026-11-24", "2026-11-25T11:59:59Z", "2026-11-25T12:00:00Z"):
            with self.subTest(text=text):
                run = self.keys("create", "--name", "new", "--expires", text)
                self.assertEqual((run.code, self.server.requests), (2, []))
                self.assertIn("is in the past\n", run.err)

    def test_no_expiry_is_sent_without_the_option(self):
        self.keys("create", "--name", "new")
        self.assertEqual(self.sent(), [("POST", "/keys/", {"name": "new"})])

    def test_an_ignored_expiry_is_a_warning_that_says_what_to_do(self):
        self.server.ignored_on_create = {"expires_at"}
        run = self.keys("create", "--name", "new", "--expires", "2099-01-31")
        short = self.named("new")["hash"][:12]
        self.assertEqual(run.code, 5)
        self.assertEqual(
            run.err,
            f"{SECRET}\n{NOTICE}"
            "openrouter-remote: warning: the new key doesn't expire at 2099-01-31T23:59:59Z\n"
            f"hint: delete it and create another: openrouter-remote keys delete {short}\n",
        )
        self.assertEqual([method for method, _, _ in self.sent()], ["POST"])  # PATCH can't change the expiry

    def test_the_same_time_in_another_notation_is_not_a_warning(self):
        for shown in ("2099-01-31T23:59:59.000Z", "2099-01-31T23:59:59+00:00", "2099-01-31T23:59:59"):
            with self.subTest(shown=shown):
                data = make_key(1, name="new", expires_at=shown)
                self.server.fail("POST", "/keys/", respond(201, {"data": data, "key": SECRET}))
                self.assertEqual(self.keys("create", "--name", "new", "--expires", "2099-01-31").code, 0)

    def test_a_different_time_is_exit_5(self):
        for shown in (None, "2099-01-31T23:59:58Z", "2099-01-31T23:59:59-05:00", "2099-01-31", 4073759999, "x"):
            with self.subTest(shown=shown):
                data = make_key(1, name="new", expires_at=shown)
                self.server.fail("POST", "/keys/", respond(201, {"data": data, "key": SECRET}))
                self.assertEqual(self.keys("create", "--name", "new", "--expires", "2099-01-31").code, 5)

    def test_a_workspace_id_is_sent(self):
        run = self.keys("create", "--name", "new", "--workspace", RESEARCH)
        self.assertEqual(run.code, 0)
        self.assertEqual(self.sent(), [("POST", "/keys/", {"name": "new", "workspace_id": RESEARCH})])

    def test_a_workspace_name_is_sent_as_its_id(self):
        self.assertEqual(self.keys("create", "--name", "new", "--workspace", "Research").code, 0)
        self.assertEqual(self.sent(), [("POST", "/keys/", {"name": "new", "workspace_id": RESEARCH})])

    def test_an_ambiguous_workspace_creates_no_key(self):
        self.server.workspaces.append(make_workspace(2, name="Research"))
        run = self.keys("create", "--name", "new", "--workspace", "Research")
        self.assertEqual((run.code, run.out, self.sent()), (4, "", []))
        self.assertIn("error: 'Research' matches 2 workspaces; nothing was changed\nhint: use an id: ", run.err)

    def test_an_unknown_workspace_creates_no_key(self):
        run = self.keys("create", "--name", "new", "--workspace", "nowhere")
        self.assertEqual((run.code, run.out, self.server.secrets), (5, "", []))
        self.assertIn("openrouter-remote: error: POST /keys/: 400 Unknown workspace_id\n", run.err)


class RotateTest(KeysTest):
    def setUp(self):
        super().setUp()
        self.server = self.start(keys=[make_key(1, name="ci"), make_key(2, name="web")])
        self.old = self.server.keys[0]
        self.name = "ci (old 2026-11-25)"
        self.short = self.old["hash"][:12]

    def renamed(self, **more):
        return ("PATCH", f"/keys/{self.old['hash']}", {"name": self.name, **more})

    def set_old(self, **fields):
        self.server.keys[0] = self.old = make_key(1, **{"name": "ci", **fields})

    def run_what_is_left(self, run):
        """Run every command that the hints of a run name."""
        commands = COMMAND.findall(run.err)
        for command in commands:
            done = self.run_program(*shlex.split(command))
            self.assertEqual(done.code, 0, (command, done.err))
        return commands

    def test_a_rotation_is_one_post_and_one_patch(self):
        run = self.keys("rotate", "ci")
        self.assertEqual(run.code, 0)
        workspace = make_workspace(0)["id"]
        self.assertEqual(self.sent(), [("POST", "/keys/", {"name": "ci", "workspace_id": workspace}), self.renamed()])

    def test_the_new_key_has_the_settings_of_the_old_one(self):
        cases: Any = (
            {"limit": 5},
            {"limit": 0},
            {"limit": Decimal("0.1")},
            {"limit": 5, "limit_reset": "monthly"},
            {"limit": 5, "include_byok_in_limit": True},
            {"expires_at": UNTIL},
            {"workspace_id": RESEARCH},
            {
                "limit": 0,
                "limit_reset": "daily",
                "include_byok_in_limit": True,
                "expires_at": UNTIL,
                "workspace_id": RESEARCH,
            },
        )
        for fields in cases:
            with self.subTest(fields=fields):
                self.set_old(**fields)
                self.assertEqual(self.keys("rotate", self.old["hash"]).code, 0)
                body = self.sent()[0][2]
                floats = {name: float(value) if name == "limit" else value for name, value in fields.items()}
                self.assertEqual(body, {"name": "ci", "workspace_id": make_workspace(0)["id"], **floats})
                self.assertIs(type(body.get("limit", 0)), float if body.get("limit") == 0.1 else int)

    def test_a_key_without_a_name_is_not_rotated(self):
        message = "openrouter-remote: error: GET /keys: the key has no usable `name`, so nothing was changed\n"
        for name in (None, 5, ["ci"]):
            with self.subTest(name=name):
                self.set_old(name=name)
                self.assertEqual(self.keys("rotate", self.old["hash"]), Run(5, "", message))
                self.assertEqual(self.sent(), [])

    def test_no_other_field_of_the_old_key_is_sent(self):
        self.set_old(usage=3, disabled=True, limit_remaining=1)
        self.keys("rotate", "ci")
        self.assertEqual(set(self.sent()[0][2]), {"name", "workspace_id"})

    def test_a_key_without_a_workspace_is_rotated_without_one(self):
        self.server.has_workspaces = False
        self.keys("rotate", "ci")
        self.assertEqual(self.sent()[0][2], {"name": "ci"})

    def test_a_limit_is_exact(self):
        self.set_old(limit=Decimal("0.123456789012345678901"))
        self.keys("rotate", "ci")
        self.assertIn(b'"limit": 0.123456789012345678901', self.server.requests[-2].raw)

    def test_the_hint_names_the_command_that_disables_the_old_key(self):
        run = self.keys("rotate", "ci")
        self.assertEqual(
            run.err,
            f"{SECRET}\n{NOTICE}{NOT_COPIED}"
            f"hint: the old key works until you run: openrouter-remote keys disable {self.short}\n",
        )
        self.assertFalse(self.old["disabled"])
        self.assertEqual(len(self.run_what_is_left(run)), 1)
        self.assertTrue(self.old["disabled"])

    def test_a_disabled_or_expired_old_key_is_a_warning_instead_of_that_hint(self):
        past = "2026-11-01T00:00:00Z"
        for fields, said in (
            ({"disabled": True}, f"{NOT_COPIED}{WARNING}the old key is disabled; the new one works\n"),
            ({"expires_at": past}, f"{WARNING}the old key expired at {past}; the new one doesn't expire\n{NOT_COPIED}"),
        ):
            with self.subTest(fields):
                self.set_old(**fields)
                run = self.keys("rotate", self.old["hash"])
                shown = f"{self.server.secrets[-1]}\n{NOTICE}"
                self.assertEqual((run.code, run.err), (0, f"{shown}{said}"))

    def test_disable_old_disables_it_in_the_same_patch(self):
        run = self.keys("rotate", "ci", "--disable-old")
        self.assertEqual((run.code, run.err), (0, f"{SECRET}\n{NOTICE}{NOT_COPIED}"))
        self.assertEqual(self.sent()[1:], [self.renamed(disabled=True)])
        self.assertTrue(self.old["disabled"])

    def test_the_table_has_the_new_and_the_old_key(self):
        run = self.keys("rotate", "ci", "--disable-old")
        rows = [line.split("  ")[:2] for line in run.out.splitlines()[1:]]
        self.assertEqual(rows, [["[ ]", "ci"], ["[x]", self.name]])

    def test_the_json_has_the_new_and_the_old_key_without_the_secret(self):
        run = self.keys("rotate", "ci", "--json")
        document = json.loads(run.out)
        self.assertEqual(list(document), ["tool", "new", "old"])
        self.assertEqual((document["new"]["name"], document["old"]["name"]), ("ci", self.name))
        self.assertEqual(document["old"]["hash"], self.old["hash"])
        self.assertNotIn(SECRET, run.out)

    def test_the_secret_is_shown_once_on_stderr(self):
        for inside in (False, True):
            for option in ((), ("--json",), ("-v",)):
                with self.subTest(inside=inside, option=option):
                    self.server.key_inside_data = inside
                    self.set_old()
                    run = self.keys("rotate", self.old["hash"], *option)
                    secret = self.server.secrets[-1]
                    self.assertEqual(run.err.splitlines().count(secret), 1)
                    self.assertEqual((run.err.count(secret), run.out.count(secret)), (1, 0))

    def test_a_secret_repeated_by_the_api_is_shown_once(self):
        data = make_key(9, name="ci", label=SECRET, creator_user_id=f"made with {SECRET}")
        for fault in (error(500, f"not for {SECRET}"), respond(200, {"data": {**data, "hash": self.old["hash"]}})):
            for option in ((), ("--json",), ("-v",)):
                with self.subTest(option=option):
                    self.set_old()
                    self.server.fail("POST", "/keys/", respond(201, {"data": data, "key": SECRET, "again": SECRET}))
                    self.server.fail("PATCH", f"/keys/{self.old['hash']}", fault)
                    run = self.keys("rotate", self.old["hash"], *option)
                    self.assertEqual((run.err.count(SECRET), run.out.count(SECRET), run.code in (0, 5)), (1, 0, True))

    def test_a_response_about_the_old_key_changes_nothing(self):
        cases: Any = ({}, {"limit": 1}, {"limit": None, "limit_reset": None}, {"disabled": True}, {"name": "other"})
        for fields in cases:
            with self.subTest(fields):
                self.set_old(limit=5, limit_reset="weekly")
                before = dict(self.old)
                self.server.fail("POST", "/keys/", respond(201, {"data": {**self.old, **fields}, "key": SECRET}))
                run = self.keys("rotate", self.old["hash"], "--disable-old")
                self.assertEqual((run.code, run.out, self.old), (5, "", before))
                self.assertTrue(run.err.startswith(f"{SECRET}\n{NOTICE}"), run.err)
                message = "error: POST /keys/: the response describes the old key, which was left as it is\n"
                self.assertIn(message, run.err)
                self.assertEqual([method for method, _, _ in self.sent()], ["POST"])

    def test_a_response_about_a_key_with_another_name_changes_nothing(self):
        self.set_old(limit=5)
        other = self.named("web")
        before = dict(other)
        self.server.fail("POST", "/keys/", respond(201, {"data": dict(other), "key": SECRET}))
        run = self.keys("rotate", self.old["hash"], "--disable-old")
        self.assertEqual((run.code, other, self.old["disabled"]), (5, before, False))
        self.assertEqual([method for method, _, _ in self.sent()], ["POST"])

    def test_a_disabled_new_key_doesnt_disable_the_old_one(self):
        self.set_old()
        made = {
            **make_key(9, name="ci", **{field: self.old[field] for field in ("limit", "limit_reset")}),
            "disabled": True,
        }
        self.server.fail("POST", "/keys/", respond(201, {"data": made, "key": SECRET}))
        run = self.keys("rotate", self.old["hash"], "--disable-old")
        self.assertEqual((run.code, self.old["disabled"]), (5, False))

    def test_a_name_is_quoted_in_the_commands_left_to_do(self):
        for name in ("it's; rm -rf $HOME", "-v", "--name", "a b", '"', "*"):
            with self.subTest(name=name):
                self.set_old(name=name)
                self.server.fail("PATCH", f"/keys/{self.old['hash']}", error(500, "Down"))
                run = self.keys("rotate", self.old["hash"])
                command = run.err.partition("left to do: ")[2].rpartition("; openrouter-remote ")[0]
                done = self.run_program(*shlex.split(command)[1:])
                self.assertEqual((done.code, self.old["name"]), (0, f"{name} (old 2026-11-25)"), run.err)

    def test_a_key_with_a_field_of_another_type_is_not_rotated(self):
        for field, value in (
            ("expires_at", 1764000000),
            ("limit", {"usd": 5}),
            ("limit", "5"),
            ("limit", True),
            ("limit_reset", ["daily"]),
            ("include_byok_in_limit", "yes"),
            ("workspace_id", 7),
        ):
            with self.subTest(field=field, value=value):
                odd = respond(200, {"data": {**self.old, field: value}})
                self.server.always("GET", f"/keys/{self.old['hash']}", odd)
                message = f"error: GET /keys: the key has no usable `{field}`, so nothing was changed\n"
                self.server.requests.clear()
                self.assertEqual(self.keys("rotate", self.old["hash"]), Run(5, "", f"openrouter-remote: {message}"))
                self.assertEqual([request.method for request in self.server.requests], ["GET"])

    def test_a_bug_after_the_new_key_was_shown_still_says_what_is_left_to_do(self):
        with mock.patch.object(program.Service, "update_key", side_effect=TypeError("unhashable")):
            run = self.keys("rotate", "ci")
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertIn(
            f"{SECRET}\n{NOTICE}openrouter-remote: error: unexpected TypeError: unhashable\n"
            "hint: the old key may or may not have been renamed; check it: "
            f"openrouter-remote keys show {self.short}; the new key was created and is shown above; ",
            run.err,
        )
        self.assertIn(f"left to do: openrouter-remote keys rename {self.short} '{self.name}'", run.err)

    def test_a_past_expiry_is_left_out_with_a_warning(self):
        self.set_old(expires_at="2026-11-01T00:00:00Z")
        run = self.keys("rotate", "ci")
        self.assertEqual(run.code, 0)
        self.assertIn(
            "openrouter-remote: warning: the old key expired at 2026-11-01T00:00:00Z; the new one doesn't expire\n",
            run.err,
        )
        self.assertIsNone(self.server.keys[0]["expires_at"])

    def test_a_key_can_be_rotated_again(self):
        self.keys("rotate", "ci")
        self.assertEqual(self.keys("rotate", "ci").code, 0)
        self.assertEqual(sorted(key["name"] for key in self.server.keys), ["ci", self.name, self.name, "web"])

    def test_a_disabled_key_is_replaced_by_one_that_works(self):
        self.set_old(disabled=True)
        self.assertEqual(self.keys("rotate", "ci").code, 0)
        self.assertFalse(self.named("ci")["disabled"])

    # A failure at each step, in order.

    def test_a_failed_lookup_changes_nothing(self):
        for fault, code in ((error(500, "Down"), 5), (error(401, "User not found."), 3), (hang_up(), 5)):
            with self.subTest(code=code):
                self.server.always("GET", "/keys", fault)
                run = self.keys("rotate", "ci")
                self.assertEqual((run.code, run.out, self.sent()), (code, "", []))

    def test_an_unknown_key_changes_nothing(self):
        run = self.keys("rotate", "nobody")
        self.assertEqual((run.code, run.out, self.sent()), (4, "", []))

    def test_an_ambiguous_name_changes_nothing(self):
        self.server.keys.append(make_key(3, name="ci"))
        run = self.keys("rotate", "ci")
        self.assertEqual((run.code, run.out, self.sent()), (4, "", []))

    def test_a_refused_post_leaves_the_old_key_alone(self):
        for status, code in ((400, 5), (401, 3), (403, 3), (402, 5), (409, 5), (429, 5)):
            with self.subTest(status=status):
                before = dict(self.old)
                self.server.fail("POST", "/keys/", error(status, "No"))
                run = self.keys("rotate", "ci", "--disable-old")
                self.assertEqual((run.code, run.out, len(self.sent())), (code, "", 1))
                self.assertTrue(run.err.startswith("openrouter-remote: error: POST /keys/: "))
                self.assertEqual((self.old, self.server.secrets), (before, []))

    def test_an_uncertain_post_leaves_the_old_key_alone_and_says_where_to_look(self):
        for name, fault in (
            ("lost", hang_up()),
            ("done and lost", hang_up_after_work()),
            ("a proxy's page", html(502)),
            ("a status", error(503, "Down")),
        ):
            with self.subTest(fault=name):
                before = dict(self.old)
                self.server.fail("POST", "/keys/", fault)
                run = self.keys("rotate", self.old["hash"], "--disable-old")
                self.assertEqual((run.code, run.out, len(self.sent())), (5, "", 1))
                self.assertTrue(run.err.endswith(UNKNOWN), run.err)
                self.assertEqual(self.old, before)
                self.assertEqual(len(self.run_what_is_left(run)), 1)

    def test_a_failed_patch_of_the_new_key_says_what_is_left_to_do(self):
        self.set_old(limit=5, limit_reset="monthly")
        self.server.ignored_on_create = {"limit", "limit_reset"}
        self.server.fail("PATCH", "*", error(500, "Down"))
        run = self.keys("rotate", "ci", "--disable-old")
        new = self.server.keys[0]
        self.assertEqual(run.code, 5)
        lines = run.err.splitlines()
        self.assertEqual(lines[:2], [SECRET, NOTICE[:-1]])
        self.assertEqual(
            lines[2:],
            [
                NOT_COPIED[:-1],
                f"openrouter-remote: warning: PATCH /keys/{new['hash']}: 500 Down; "
                'the new key doesn\'t have {"limit": 5, "limit_reset": "monthly"}',
                f"hint: run: openrouter-remote keys set-limit --reset monthly {new['hash'][:12]} 5",
                f"hint: then run: openrouter-remote keys rename {self.short} '{self.name}'; "
                f"openrouter-remote keys disable {self.short}",
            ],
        )
        self.assertEqual((self.old["name"], self.old["disabled"]), ("ci", False))
        self.assertEqual(len(self.run_what_is_left(run)), 3)
        self.assertEqual((new["limit"], new["limit_reset"]), (5, "monthly"))
        self.assertEqual((self.old["name"], self.old["disabled"]), (self.name, True))

    def test_an_ignored_patch_of_the_new_key_is_a_warning(self):
        self.set_old(limit=5)
        self.server.ignored_on_create = {"limit"}
        self.server.fail("PATCH", "*", respond(200, {"data": make_key(9)}))
        run = self.keys("rotate", "ci")
        self.assertEqual(run.code, 5)
        self.assertIn('; the new key doesn\'t have {"limit": 5}\n', run.err)
        self.assertEqual(self.old["name"], "ci")

    def test_an_ignored_expiry_leaves_the_old_key_alone(self):
        self.set_old(expires_at=UNTIL)
        self.server.ignored_on_create = {"expires_at"}
        run = self.keys("rotate", "ci")
        self.assertEqual((run.code, len(self.sent())), (5, 1))
        self.assertIn(f"warning: the new key doesn't expire at {UNTIL}\n", run.err)
        self.assertEqual(self.old["name"], "ci")
        self.assertEqual(run.err.count(SECRET), 1)

    def test_a_failed_rename_says_what_is_left_to_do_and_that_works(self):
        for name, fault, code in (
            ("a status", error(500, "Down"), 5),
            ("a refusal", error(403, "No"), 3),
            ("lost", hang_up(), 5),
            ("no JSON", html(200), 5),
            ("no data", respond(200, {}), 5),
        ):
            for option in ((), ("--disable-old",)):
                with self.subTest(fault=name, option=option):
                    self.set_old()
                    self.server.fail("PATCH", f"/keys/{self.old['hash']}", fault)
                    run = self.keys("rotate", self.old["hash"], *option)
                    self.assertEqual((run.code, run.out), (code, ""))
                    lines = run.err.splitlines()
                    self.assertEqual(lines[:2], [self.server.secrets[-1], NOTICE[:-1]])
                    self.assertTrue(lines[2].startswith(f"openrouter-remote: error: PATCH /keys/{self.old['hash']}: "))
                    self.assertEqual((self.old["name"], self.old["disabled"]), ("ci", False))
                    self.assertTrue(
                        lines[3].endswith(
                            f"left to do: openrouter-remote keys rename {self.short} '{self.name}'; "
                            f"openrouter-remote keys disable {self.short}"
                        ),
                        lines[3],
                    )
                    self.assertEqual(len(self.run_what_is_left(run)), 2)
                    self.assertEqual((self.old["name"], self.old["disabled"]), (self.name, True))

    def test_an_uncertain_rename_says_what_is_left_to_do(self):
        self.server.fail("PATCH", f"/keys/{self.old['hash']}", hang_up_after_work())
        run = self.keys("rotate", "ci", "--disable-old")
        self.assertEqual((run.code, self.old["disabled"]), (5, True))
        self.assertIn("; the old key may or may not have been renamed and disabled\n", run.err)
        self.assertEqual(len(self.run_what_is_left(run)), 2)
