"""401 and 403: which key is tried next, what a refusal says, and what is left alone while a workspace is out of sight.

The last part is rotation where the new key is not quite like the old one.
"""

import json
import os
from decimal import Decimal
from typing import Any

from fake_openrouter import (
    MANAGEMENT_KEY,
    USER_KEY,
    Response,
    as_usual,
    error,
    error_body,
    html,
    limit_exceeded,
    make_key,
    make_key_info,
    make_secret,
    make_workspace,
    respond,
)
from support import ProgramTest, Run

LABEL = "openrouter-remote: "
SECRET = make_secret(1_000_000)
NOTICE = "this is the new key; it won't be shown again\n"
UNCOPIED = "guardrails and spend alerts of the old key aren't copied\n"
USER, MANAGEMENT = f"Bearer {USER_KEY}", f"Bearer {MANAGEMENT_KEY}"


def without_key(fault):
    """This fault for requests without a key."""
    return lambda handler: (as_usual if "authorization" in handler.received.headers else fault)(handler)


class RefusalTest(ProgramTest):
    server: Any = None

    def setUp(self):
        super().setUp()
        self.server = self.start()
        # Without a model of the Batch API there is no note on it.
        self.server.models = [model for model in self.server.models if not model["id"].endswith(":batch")]

    def asked(self):
        """[(path, Authorization header or None), …] in order of arrival."""
        return [(request.path, request.headers.get("authorization")) for request in self.server.requests]

    def sent(self):
        """[(method, path, body), …] of the requests that change something."""
        return [(r.method, r.path, r.body) for r in self.server.requests if r.method != "GET"]


class KeylessTest(RefusalTest):
    """A deployment that wants a key for what is public elsewhere."""

    BODIES = (
        ("an error of the API", error(401, "Missing Authentication header")),
        ("a page of a gateway", html(401)),
        ("nothing", respond(401)),
        ("plain text", respond(401, "no key\n", content_type="text/plain")),
        ("another object", respond(401, {"detail": "Not authenticated"})),
        ("a list", respond(401, ["no"])),
        ("a string as error", respond(401, {"error": "unauthorized"})),
        ("null", respond(401, b"null")),
    )

    def check(self, argv, path, expected):
        """With these keys set, a keyless 401 for `path` is followed by a request with the `expected` one."""
        for body, fault in self.BODIES:
            with self.subTest(argv=argv, body=body):
                self.server.always("GET", path, without_key(fault))
                self.server.requests.clear()
                run = self.run_program(*argv, "--json")
                self.assertEqual((run.code, run.err), (0, ""))
                asked = [header for place, header in self.asked() if place == path]
                self.assertEqual(asked, [None, expected])

    def test_a_refused_list_of_models_is_requested_again_with_the_user_key(self):
        self.env.update(OPENROUTER_API_KEY=USER_KEY, OPENROUTER_PROVISIONING_KEY=MANAGEMENT_KEY)
        self.check(("models", "list"), "/models", USER)

    def test_without_a_user_key_it_is_the_management_key(self):
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        self.check(("models", "list"), "/models", MANAGEMENT)

    def test_so_is_a_refused_model(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.check(("models", "show", "northwind/gale-70b"), "/model/northwind/gale-70b", USER)
        del self.env["OPENROUTER_API_KEY"]
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.check(("models", "show", "northwind/gale-70b"), "/model/northwind/gale-70b", MANAGEMENT)

    def test_endpoints_are_requested_with_a_key_from_the_start(self):
        path = "/models/northwind/gale-70b/endpoints"
        for body, fault in self.BODIES:
            for settings, header in (
                ({"OPENROUTER_API_KEY": USER_KEY, "OPENROUTER_PROVISIONING_KEY": MANAGEMENT_KEY}, USER),
                ({"OPENROUTER_MANAGEMENT_KEY": MANAGEMENT_KEY}, MANAGEMENT),
            ):
                with self.subTest(body=body, header=header):
                    self.server.always("GET", path, without_key(fault))
                    self.server.requests.clear()
                    before = dict(self.env)
                    self.env.update(settings)
                    run = self.run_program("models", "endpoints", "northwind/gale-70b", "--json")
                    self.env = before
                    self.assertEqual(run.code, 0)
                    self.assertEqual([key for place, key in self.asked() if place == path], [header])

    def test_a_response_that_breaks_off_is_a_refusal_too(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY

        def broken(handler):
            whole = b'HTTP/1.1 401 Unauthorized\r\nContent-Length: 99\r\nConnection: close\r\n\r\n{"error": {'
            handler.wfile.write(whole)

        self.server.always("GET", "/models", without_key(broken))
        run = self.run_program("models", "list", "--json")
        self.assertEqual((run.code, run.err, self.asked()[-1]), (0, "", ("/models", USER)))

    def test_every_page_is_read(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.server.models_page_size = 5
        self.server.always("GET", "/models", without_key(html(401)))
        run = self.run_program("models", "list", "--json")
        self.assertEqual((run.code, run.err), (0, ""))
        listed = set(json.loads(run.out)) - {"tool"}
        models = [model for model in self.server.models if "text" in model["architecture"]["output_modalities"]]
        self.assertEqual(listed, {model["id"] for model in models})

    def test_a_malformed_key_is_passed_over(self):
        self.env.update(OPENROUTER_API_KEY="my key", OPENROUTER_PROVISIONING_KEY=MANAGEMENT_KEY)
        self.server.always("GET", "/models", without_key(html(401)))
        run = self.run_program("models", "list", "--json")
        warning = "OPENROUTER_API_KEY (from the shell) is malformed: it contains white space; skipped\n"
        self.assertEqual((run.code, run.err), (0, f"{LABEL}warning: {warning}"))
        self.assertEqual(self.asked(), [("/models", None), ("/models", MANAGEMENT)])

    def test_without_any_key_the_refusal_is_the_error(self):
        self.server.always("GET", "/models", error(401, "Missing Authentication header"))
        run = self.run_program("models", "list")
        self.assertEqual(run, Run(3, "", f"{LABEL}error: GET /models: 401 Missing Authentication header\n"))
        self.server.always("GET", "/models", respond(401, "no key", content_type="text/plain"))
        run = self.run_program("models", "list")
        hint = "hint: this response isn't from OpenRouter: look for a proxy or filter in between\n"
        self.assertEqual(run, Run(5, "", f"{LABEL}error: GET /models: 401 no key\n{hint}"))

    def test_a_key_that_is_refused_too_is_the_error(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.server.always("GET", "/models", error(401, "User not found."))
        run = self.run_program("models", "list")
        self.assertEqual((run.code, run.out), (3, ""))
        hint = "hint: OPENROUTER_API_KEY (from the shell) was refused"
        self.assertTrue(run.err.startswith(f"{LABEL}error: GET /models: 401 User not found.\n{hint}"), run.err)
        self.assertEqual(self.asked(), [("/models", None), ("/models", USER)])

    def test_only_a_401_is_followed_by_a_key(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for status in (403, 400, 402, 451):
            for fault in (error(status, "No"), html(status)):
                with self.subTest(status=status):
                    self.server.always("GET", "/models", fault)
                    self.server.requests.clear()
                    self.assertIn(self.run_program("models", "list").code, (3, 5))
                    self.assertEqual(self.asked(), [("/models", None)])


class PermissionTest(RefusalTest):
    """A 403 for a management key that `GET /key` reports as one."""

    LACKS = (
        "hint: OPENROUTER_PROVISIONING_KEY (from the shell) is a management key but lacks permission for this: "
        "check its role and its workspace\n"
    )
    REFUSED = "Insufficient permissions"

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.hash = self.server.keys[1]["hash"]

    def commands(self):
        """(What is refused, the command line) of each kind of request."""
        one = f"/keys/{self.hash}"
        return (
            ("GET", "/keys", ("keys", "list")),
            ("GET", "/keys", ("usage",)),
            ("GET", one, ("keys", "show", self.hash)),
            ("GET", "/activity", ("usage", "--by", "model")),
            ("GET", "/credits", ("balance",)),
            ("POST", "/keys/", ("keys", "create", "--name", "new")),
            ("PATCH", one, ("keys", "disable", self.hash)),
            ("PATCH", one, ("keys", "set-limit", "production", "7")),
            ("DELETE", one, ("keys", "delete", "production", "-y")),
        )

    def test_the_hint_says_that_it_lacks_permission(self):
        for method, path, argv in self.commands():
            with self.subTest(argv=argv):
                self.server = self.start()
                self.server.always(method, path, error(403, self.REFUSED))
                message = f"{LABEL}error: {method} {path}: 403 {self.REFUSED}\n"
                self.assertEqual(self.run_program(*argv), Run(3, "", message + self.LACKS))

    def test_analytics_say_so_too_and_what_works_without_them(self):
        self.server.always("POST", "/analytics/query", error(403, self.REFUSED))
        instead = "`usage` and `usage --by model` (or provider, day) for up to 30 days work without analytics"
        message = f"{LABEL}error: POST /analytics/query: 403 {self.REFUSED}\n{self.LACKS[:-1]}. {instead}\n"
        self.assertEqual(self.run_program("usage", "--by", "key"), Run(3, "", message))

    def test_the_older_field_of_the_key_counts_as_well(self):
        info = make_key_info(make_key(0), management=True)
        del info["is_management_key"]
        self.server.always("GET", "/key", respond(200, {"data": info}))
        self.server.always("GET", "/keys", error(403, self.REFUSED))
        message = f"{LABEL}error: GET /keys: 403 {self.REFUSED}\n"
        self.assertEqual(self.run_program("keys", "list"), Run(3, "", message + self.LACKS))

    def test_a_key_of_another_kind_or_of_an_unknown_one_is_still_refused(self):
        needed = (
            "was refused: set OPENROUTER_PROVISIONING_KEY (or OPENROUTER_MANAGEMENT_KEY) to a valid management key, or "
            "create one at https://openrouter.ai/settings/management-keys\n"
        )
        user = make_key_info(make_key(0))
        unknown = {name: value for name, value in user.items() if not name.startswith("is_")}
        for own, words in (
            (respond(200, {"data": user}), "is a user key and "),
            (respond(200, {"data": unknown}), ""),
            (error(401, "User not found."), ""),
            (error(400, "Bad"), ""),
        ):
            with self.subTest(words=words):
                self.server.always("GET", "/key", own)
                self.server.always("GET", "/keys", error(403, self.REFUSED))
                hint = f"hint: OPENROUTER_PROVISIONING_KEY (from the shell) {words}{needed}"
                message = f"{LABEL}error: GET /keys: 403 {self.REFUSED}\n"
                self.assertEqual(self.run_program("keys", "list"), Run(3, "", message + hint))

    def test_a_401_is_not_about_permission(self):
        self.server.always("GET", "/keys", error(401, "User not found."))
        run = self.run_program("keys", "list")
        self.assertEqual((run.code, run.out), (3, ""))
        self.assertIn("hint: OPENROUTER_PROVISIONING_KEY (from the shell) was refused: set ", run.err)

    def test_balance_still_asks_the_other_key_first(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.server.credits_for_user_key = "allowed"
        self.server.fail("GET", "/credits", error(403, self.REFUSED))
        self.assertEqual(self.run_program("balance").code, 0)
        self.assertEqual(self.asked(), [("/credits", MANAGEMENT), ("/credits", USER)])

    def test_a_budget_or_limit_is_reported_as_such(self):
        for said in ("Key limit exceeded (monthly limit)", "Workspace budget reached", "LIMIT EXCEEDED"):
            for method, path, argv in self.commands():
                with self.subTest(said=said, argv=argv):
                    self.server = self.start()
                    self.server.always(method, path, error(403, said))
                    hint = "OPENROUTER_PROVISIONING_KEY (from the shell) has reached a budget or limit"
                    message = f"{LABEL}error: {method} {path}: 403 {said}\nhint: {hint}; the key itself is fine\n"
                    self.assertEqual(self.run_program(*argv), Run(3, "", message))

    def test_a_budget_or_limit_of_the_user_key_too(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.server.always("GET", "/key", error(403, "Key limit exceeded"))
        hint = "hint: OPENROUTER_API_KEY (from the shell) has reached a budget or limit; the key itself is fine\n"
        message = f"{LABEL}error: GET /key: 403 Key limit exceeded\n"
        self.assertEqual(self.run_program("keys", "current"), Run(3, "", message + hint))

    def test_a_401_that_names_a_limit_is_a_wrong_key(self):
        self.server.always("GET", "/keys", error(401, "No such key (see the limits of keys)"))
        run = self.run_program("keys", "list")
        self.assertEqual(run.code, 3)
        self.assertIn(" was refused: set OPENROUTER_PROVISIONING_KEY ", run.err)

    def test_a_403_that_is_not_the_apis_own_says_nothing_about_the_key(self):
        self.server.always("GET", "/keys", html(403))
        run = self.run_program("keys", "list")
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertEqual(
            run.err,
            f"{LABEL}error: GET /keys: 403 403 Forbidden 403 Forbidden\n"
            "hint: this response isn't from OpenRouter: look for a proxy or filter in between\n",
        )
        self.assertNotIn("/key", [path for path, _ in self.asked()])


class OutOfSightTest(RefusalTest):
    """GET /workspaces is refused, so a namesake in another workspace may be out of sight."""

    HIDDEN = "GET /workspaces: 403 You do not have access to workspaces; keys of other workspaces, if any, are missing"

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.begin()

    def begin(self):
        self.server = self.start(workspaces_refused=True)
        self.key = self.server.keys[1]
        self.hash, self.workspace = self.key["hash"], make_workspace(1)["id"]

    def changes(self, key):
        """(The command line, what it sends) of each command that changes a key."""
        patch = ("PATCH", f"/keys/{self.hash}")
        created = {"name": "production", "limit": 5, "limit_reset": "monthly", "workspace_id": make_workspace(0)["id"]}
        return (
            (("disable", key), [(*patch, {"disabled": True})]),
            (("enable", key), [(*patch, {"disabled": False})]),
            (("rename", key, "new"), [(*patch, {"name": "new"})]),
            (("set-limit", key, "7"), [(*patch, {"limit": 7})]),
            (("move", key, self.workspace), [(*patch, {"workspace_id": self.workspace})]),
            (("rotate", key), [("POST", "/keys/", created), (*patch, {"name": "production (old 2026-11-25)"})]),
            (("delete", key, "-y"), [("DELETE", f"/keys/{self.hash}", None)]),
        )

    def test_a_name_a_label_or_a_prefix_changes_nothing(self):
        message = f"{LABEL}error: {self.HIDDEN}; nothing was changed\nhint: use the full hash: {self.hash}\n"
        for key in ("production", self.key["label"], self.hash[:12], self.hash[:63]):
            for argv, _ in self.changes(key):
                with self.subTest(argv=argv):
                    self.assertEqual(self.run_program("keys", *argv), Run(5, "", message))
        self.assertEqual(self.sent(), [])

    def test_no_file_for_a_new_key_is_left(self):
        self.assertEqual(self.run_program("keys", "rotate", "production", "--out", "new.env").code, 5)
        self.assertEqual(os.listdir("."), [])

    def test_the_full_hash_works(self):
        for number, (argv, sent) in enumerate(self.changes(self.hash)):
            with self.subTest(argv=argv):
                self.begin()
                run = self.run_program("keys", *self.changes(self.hash)[number][0])
                self.assertEqual((run.code, "warning" in run.err), (0, False), run.err)
                self.assertEqual(self.sent(), sent)
                searched = [path for path, _ in self.asked() if path == "/keys"]
                self.assertEqual(searched, [])

    def test_a_name_that_no_visible_key_has_is_exit_4(self):
        for argv, _ in self.changes("nobody"):
            run = self.run_program("keys", *argv)
            self.assertEqual((run.code, run.out), (4, ""))
            self.assertIn("error: no key named 'nobody'\n", run.err)
        self.assertEqual(self.sent(), [])

    def test_what_only_looks_takes_a_name_with_a_warning(self):
        for argv in (
            ("keys", "show", "production"),
            ("keys", "show", self.hash[:8]),
            ("usage", "--key", "production"),
            ("usage", "--by", "model", "--key", "production"),
        ):
            with self.subTest(argv=argv):
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.err), (0, f"{LABEL}warning: {self.HIDDEN}\n"))
                self.assertNotEqual(run.out, "")

    def test_a_deployment_without_workspaces_has_no_namesakes_elsewhere(self):
        self.server = self.start(has_workspaces=False)
        run = self.run_program("keys", "disable", "production")
        self.assertEqual((run.code, run.err), (0, ""))

    def test_workspaces_that_fail_in_another_way_change_nothing_either(self):
        for fault, code in ((error(500, "Broken"), 5), (error(401, "User not found."), 3), (html(403), 5)):
            self.server.always("GET", "/workspaces", fault)
            run = self.run_program("keys", "disable", "production")
            self.assertEqual((run.code, run.out, self.sent()), (code, "", []))


class WorkspacePagesTest(RefusalTest):
    """GET /workspaces says how many there are."""

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        workspaces = [make_workspace(n) for n in range(60)]
        keys = [make_key(n, workspace_id=workspace["id"], usage=1) for n, workspace in enumerate(workspaces)]
        self.server = self.start(workspaces=workspaces, keys=keys)

    def pages(self, size, total=60, most=60):
        """GET /workspaces in pages of so many rows; no more than `most` of them come."""

        def fault(handler):
            offset = int(handler.received.query.get("offset", 0))
            rows = handler.fake.workspaces[:most][offset : offset + size]
            handler.send(Response(200, {"data": rows, **({} if total is None else {"total_count": total})}))

        self.server.always("GET", "/workspaces", fault)

    def test_pages_of_a_size_that_no_full_page_has_are_read_on(self):
        for size in (32, 7, 59, 60, 100):
            with self.subTest(size=size):
                self.pages(size)
                run = self.run_program("usage", "--json")
                self.assertEqual((run.code, run.err), (0, ""))
                self.assertIn('"all_time": 60}', run.out)

    def test_a_list_that_ends_short_of_its_total_count_is_exit_5(self):
        for size, most in ((32, 40), (50, 59), (60, 59)):
            for argv in (("usage",), ("keys", "list", "--all"), ("keys", "disable", "key 3")):
                with self.subTest(size=size, most=most, argv=argv):
                    self.pages(size, most=most)
                    message = f"{LABEL}error: GET /workspaces: only {most} of 60 rows\n"
                    self.assertEqual(self.run_program(*argv), Run(5, "", message))
        self.assertEqual(self.sent(), [])

    def test_without_a_total_count_a_page_that_is_not_full_is_the_last(self):
        self.pages(32, total=None, most=32)
        run = self.run_program("usage", "--json")
        self.assertEqual((run.code, run.err), (0, ""))
        self.assertIn('"all_time": 32}', run.out)


class NewKeyTest(RefusalTest):
    """A new key that isn't quite like the old one, or like what was asked for."""

    OTHER = make_workspace(1)["id"]

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.begin()

    def begin(self, **fields):
        self.server = self.start(keys=[make_key(1, name="ci", **fields)])
        self.old = self.server.keys[0]
        self.new = make_key(1_000_000, name="ci")
        self.short = self.new["hash"][:12]

    def create(self, **fields):
        """POST /keys/ creates a key with these fields, whatever was asked for."""

        def fault(handler):
            key = make_key(1_000_000, **{"name": "ci", **fields})
            with handler.fake.lock:
                handler.fake.keys.insert(0, dict(key))
            handler.send(Response(201, {"data": key, "key": SECRET}))

        self.server.always("POST", "/keys/", fault)

    def test_rotation_copies_the_external_user(self):
        self.begin(external_user="tenant-7")
        self.create(external_user="tenant-7")
        run = self.run_program("keys", "rotate", "ci")
        hint = f"hint: the old key works until you run: openrouter-remote keys disable {self.old['hash'][:12]}\n"
        self.assertEqual((run.code, run.err), (0, f"{SECRET}\n{NOTICE}{UNCOPIED}{hint}"))
        self.assertEqual(
            self.sent(),
            [
                (
                    "POST",
                    "/keys/",
                    {"name": "ci", "workspace_id": make_workspace(0)["id"], "external": {"user": "tenant-7"}},
                ),
                ("PATCH", f"/keys/{self.old['hash']}", {"name": "ci (old 2026-11-25)"}),
            ],
        )

    def test_without_one_none_is_sent(self):
        for fields in ({}, {"external_user": None}, {"external_user": ""}):
            with self.subTest(fields=fields):
                self.begin(**fields)
                self.assertEqual(self.run_program("keys", "rotate", "ci").code, 0)
                expected = {"name": "ci", "workspace_id": make_workspace(0)["id"]}
                self.assertEqual(self.sent()[0], ("POST", "/keys/", expected))

    def test_a_response_without_it_is_a_warning_and_exit_5(self):
        rename = f"openrouter-remote keys rename {make_key(1)['hash'][:12]} 'ci (old 2026-11-25)'"
        disable = f"openrouter-remote keys disable {make_key(1)['hash'][:12]}"
        for shown in ({"external_user": None}, {"external_user": "tenant-8"}, {"external_user": 7}, {}):
            with self.subTest(shown=shown):
                self.begin(external_user="tenant-7")
                self.create(**shown)
                run = self.run_program("keys", "rotate", "ci")
                self.assertEqual(run.code, 5)
                self.assertEqual(
                    run.err,
                    f"{SECRET}\n{NOTICE}{UNCOPIED}"
                    f"{LABEL}warning: the new key doesn't have the external user 'tenant-7' of the old one\n"
                    f"hint: then run: {rename}; {disable}\n",
                )
                self.assertIn("[ ]  ci ", run.out)
                self.assertEqual([method for method, _, _ in self.sent()], ["POST"])  # the old key stays as it was

    def test_a_limit_that_differs_is_fixed_first(self):
        self.begin(external_user="tenant-7", limit=Decimal("2.5"))
        self.create(external_user=None)
        run = self.run_program("keys", "rotate", "ci")
        self.assertEqual(run.code, 5)
        self.assertIn("warning: the new key doesn't have the external user 'tenant-7' of the old one\n", run.err)
        self.assertEqual(
            [(method, path) for method, path, _ in self.sent()],
            [("POST", "/keys/"), ("PATCH", f"/keys/{self.new['hash']}")],
        )
        self.assertEqual(self.sent()[1][2], {"limit": 2.5})

    def test_a_note_says_what_is_not_copied(self):
        for argv in (("ci",), ("ci", "--disable-old"), ("ci", "--json"), ("ci", "--out", "new.env")):
            with self.subTest(argv=argv):
                self.begin()
                run = self.run_program("keys", "rotate", *argv)
                self.assertEqual((run.code, run.err.count(UNCOPIED)), (0, 1))

    def test_a_workspace_that_cannot_be_fixed_hints_the_move(self):
        create = ("create", "--name", "ci", "--workspace", self.OTHER)
        for argv, fields in ((create, {}), (("rotate", "ci"), {"workspace_id": self.OTHER})):
            with self.subTest(argv=argv):
                self.begin(**fields)
                self.create(workspace_id=make_workspace(0)["id"])
                self.server.always("PATCH", "*", error(500, "Broken"))
                run = self.run_program("keys", *argv)
                path = f"/keys/{self.new['hash']}"
                lacks = f'the new key doesn\'t have {{"workspace_id": "{self.OTHER}"}}'
                self.assertEqual(run.code, 5)
                self.assertIn(
                    f"{LABEL}warning: PATCH {path}: 500 Broken; {lacks}\n"
                    f"hint: run: openrouter-remote keys move {self.short} {self.OTHER}\n",
                    run.err,
                )
                self.assertEqual(self.sent()[1:], [("PATCH", path, {"workspace_id": self.OTHER})])

    def test_a_limit_and_a_workspace_that_cannot_be_fixed_hint_both_commands(self):
        self.create(workspace_id=make_workspace(0)["id"])
        self.server.always("PATCH", "*", error(403, "No"))
        run = self.run_program(
            *("keys", "create", "--name", "ci", "--workspace", self.OTHER), *("--limit", "5", "--limit-reset", "weekly")
        )
        self.assertEqual(run.code, 5)
        set_limit = f"openrouter-remote keys set-limit --reset weekly {self.short} 5"
        move = f"openrouter-remote keys move {self.short} {self.OTHER}"
        self.assertTrue(run.err.endswith(f"\nhint: run: {set_limit}; {move}\n"), run.err)

    def test_a_workspace_that_can_be_fixed_is_moved_at_once(self):
        self.create(workspace_id=make_workspace(0)["id"])
        run = self.run_program("keys", "create", "--name", "ci", "--workspace", self.OTHER)
        self.assertEqual((run.code, run.err), (0, f"{SECRET}\n{NOTICE}"))
        self.assertEqual(self.server.keys[0]["workspace_id"], self.OTHER)


class AfterCreationTest(RefusalTest):
    """Once a key was created, only its own steps are requested."""

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY

    def paths(self):
        return [f"{request.method} {request.path}" for request in self.server.requests]

    def test_a_refused_fix_of_the_settings_asks_nothing_more(self):
        self.server.ignored_on_create = {"limit"}
        self.server.always("PATCH", "*", error(403, "No"))
        run = self.run_program("keys", "create", "--name", "x", "--limit", "5")
        self.assertEqual((run.code, run.err.splitlines()[0]), (5, self.server.secrets[0]))
        self.assertEqual(self.paths(), ["POST /keys/", f"PATCH /keys/{self.server.keys[0]['hash']}"])

    def test_a_key_in_a_refusal_is_shown_before_anything_else_is_requested(self):
        secret = "sk-or-v1-" + "12ab" * 16
        self.server.always("POST", "/keys/", respond(403, {**error_body(403, "No"), "key": secret}))
        run = self.run_program("keys", "create", "--name", "x")
        self.assertEqual((run.code, run.err.splitlines()[0]), (5, secret))
        self.assertEqual(self.paths(), ["POST /keys/"])

    def test_an_error_code_in_the_place_of_a_key_is_no_key(self):
        self.server.always("POST", "/keys/", respond(400, {"message": "bad limit", "key": "error.validation"}))
        run = self.run_program("keys", "create", "--name", "x", "--out", "x.env")
        self.assertEqual((run.code, run.out, os.path.exists("x.env")), (5, "", False))


class UserKeyLimitTest(RefusalTest):
    def test_a_403_that_names_a_limit_is_not_a_wrong_user_key(self):
        self.env.pop("OPENROUTER_PROVISIONING_KEY", None)
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.server.always("GET", "/credits", limit_exceeded())
        run = self.run_program("balance")
        self.assertEqual(
            run.err.splitlines()[1],
            "hint: OPENROUTER_API_KEY (from the shell) has reached a budget or limit; the key itself is fine",
        )
