"""`keys`: listing keys, finding one by name, and creating, changing and deleting them."""

import os
import unittest

if os.name != "posix":
    raise unittest.SkipTest("these tests need POSIX")

import contextlib
import gzip
import io
import json
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import termios
import threading
import unittest
from decimal import Decimal
from typing import Any
from unittest import mock
from urllib.parse import unquote

from fake_openrouter import (
    LONGEST_WAIT,
    MANAGEMENT_KEY,
    USER_KEY,
    Response,
    as_usual,
    drip,
    encode,
    error,
    hang_up,
    hang_up_after_work,
    html,
    json_head,
    make_key,
    make_secret,
    make_workspace,
    redirect,
    respond,
    stall,
    stream,
    truncate,
)
from support import COMMAND, ProgramTest, Run, calls, program

LABEL = "openrouter-remote: "
EVERY_COMMAND = (*(argv[1:] for argv in calls("ci", needs="management") if argv[0] == "keys"), ("list", "--all"))
UPDATES = tuple(argv[1:] for argv in calls("ci", changes="PATCH"))
CHANGES = (*UPDATES, ("delete", "ci", "-y"))
FIRST_SECRET = make_secret(1_000_000)  # the first key that a fake server creates
LOOK = "before you try again, check whether it exists: openrouter-remote keys list --all"
NOTICE = "this is the new key; it won't be shown again\n"
SHOWN = f"{FIRST_SECRET}\n{NOTICE}"  # the first lines on stderr
NEW_KEY = (
    "     name  label               hash            limit  reset   remaining    month  all-time  last used\n"
    "[ ]  ci    sk-or-v1-f93...b9a  6cce36d9f8a9  $5.0000  weekly    $5.0000  $0.0000   $0.0000  never\n"
)
TWO_KEYS = (
    "     name        label               hash            limit  reset    remaining    month  all-time  last used\n"
    "[ ]  ci          sk-or-v1-548...460  6b86b273ff34  $5.0000  monthly    $3.7500  $1.2500   $9.5000  2026-11-25\n"
    "[x]  old laptop  sk-or-v1-ded...fb3  d4735e3a265e        -  -                -  $0.0000   $0.0000  never\n"
)
HOSTILE = ("../credits", "?offset=1", "a b", "a/b", "/", "ключ", "%2e%2e", ".", "..", "#", "&x=1", "*", "\n", "a\x00b")


class Screen(io.StringIO):
    def isatty(self):
        return True


class KeysTest(ProgramTest):
    server: Any = None

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY

    def start(self, *keys, **switches):
        """Start a fake server with these keys and, by default, one workspace."""
        self.server = super().start(keys=list(keys), **{"workspaces": [make_workspace(name="Research")], **switches})
        return self.server

    def keys(self, *argv):
        return self.run_program("keys", *argv)

    def changes(self, server):
        """Method, path and raw body of every request that isn't a GET."""
        return [(r.method, r.path, r.raw.decode()) for r in server.requests if r.method != "GET"]

    def fails(self, code, message, *argv, hint=""):
        self.assertEqual(
            self.keys(*argv), Run(code, "", f"{LABEL}error: {message}\n" + (f"hint: {hint}\n" if hint else ""))
        )

    def shown_once(self, run, secret=FIRST_SECRET):
        """The new key is on stderr once, whole and on a line of its own, and no part of it is anywhere else."""
        self.assertEqual(run.err.splitlines().count(secret), 1, run.err)
        for part in (secret[9:20], secret[30:50]):
            self.assertEqual((run.out.count(part), run.err.count(part)), (0, 1), run)


class ListTest(KeysTest):
    HINT = "hint: there may be more keys: openrouter-remote keys list --all lists every workspace\n"

    def test_the_table_is_newest_first_and_marks_disabled_keys(self):
        self.start(
            make_key(
                1, name="ci", limit=5, limit_reset="monthly", usage_monthly=Decimal("1.25"), usage=Decimal("9.5"),
                last_used_at="2026-11-25T10:30:00.000Z",
            ),
            make_key(2, name="old laptop", disabled=True, usage=Decimal("0.00005")),
        )  # fmt: skip
        self.assertEqual(self.keys("list"), Run(0, TWO_KEYS, ""))

    def test_an_expires_column_appears_if_a_key_expires(self):
        self.start(make_key(1, name="ci", expires_at="2031-02-03T00:00:00Z"), make_key(2, name="web"))
        header, *rows = self.keys("list").out.splitlines()
        self.assertEqual(header[-18:], "last used  expires")
        self.assertEqual([row.partition("$0.0000   $0.0000  never    ")[2] for row in rows], ["  2031-02-03", "  -"])

    def test_a_workspace_column_appears_if_there_are_several(self):
        workspaces = [make_workspace(n) for n in range(2)]
        self.start(*(make_key(n, workspace_id=workspaces[n]["id"]) for n in range(2)), workspaces=workspaces)
        self.assertNotIn("workspace", self.keys("list").out)
        header, *rows = self.keys("list", "--all").out.splitlines()
        self.assertEqual(header.rstrip()[-20:], "last used  workspace")
        self.assertEqual([row[-13:] for row in rows], ["  Workspace 0", "  Workspace 1"])

    def test_the_default_list_is_the_first_page_with_disabled_keys(self):
        workspaces = [make_workspace(n) for n in range(2)]
        keys = [make_key(n, workspace_id=workspaces[n % 2]["id"], disabled=n == 2) for n in range(14)]
        self.start(*keys, workspaces=workspaces, page_size=5)
        names = [line[5:11].strip() for line in self.keys("list").out.splitlines()[1:]]
        self.assertEqual(names, ["key 0", "key 2", "key 4", "key 6", "key 8"])

    def test_the_named_workspaces_are_listed_if_the_default_one_is_gone(self):
        workspaces = [make_workspace(n) for n in range(2)]
        keys = [make_key(n, name=f"key-{n}", workspace_id=workspaces[1]["id"]) for n in range(3)]
        self.start(*keys, workspaces=workspaces, default_workspace_gone=True)
        names = [line.split()[2] for line in self.keys("list").out.splitlines()[1:]]
        self.assertEqual(names, ["key-0", "key-1", "key-2"])

    def test_text_fields_of_another_type_are_shown_as_json(self):
        key = make_key(1, name={"a": 1.5}, label=["b"], limit_reset=True, expires_at=5, workspace_id={"c": None})
        server = self.start(has_workspaces=False)
        server.always("GET", "/keys", respond(200, {"data": [key, make_key(2)]}))
        row = self.keys("list", "--all").out.splitlines()[1]
        expected = '[ ] {"a": 1.5} ["b"] 6b86b273ff34 - true - $0.0000 $0.0000 never 5 {"c": null}'
        self.assertEqual(row.split(), expected.split())

    def test_the_least_important_columns_go_first_on_a_narrow_terminal(self):
        workspaces = [make_workspace(n) for n in range(2)]
        self.start(
            make_key(
                1, name="ci", limit=5, limit_reset="monthly", last_used_at="2026-11-25T10:30:00Z",
                expires_at="2031-02-03T00:00:00Z",
            ),
            make_key(2, name="web", workspace_id=workspaces[1]["id"]),
            workspaces=workspaces,
        )  # fmt: skip
        for columns, shown in (
            (128, "name, label, hash, limit, reset, remaining, month, all-time, last used, expires, workspace"),
            (127, "name, hash, limit, reset, remaining, month, all-time, last used, expires, workspace"),
            (107, "name, hash, limit, reset, remaining, month, all-time, last used, expires"),
            (94, "name, hash, limit, reset, remaining, month, all-time, last used"),
            (82, "name, hash, limit, remaining, month, all-time, last used"),
            (72, "name, hash, limit, remaining, month, last used"),
            (63, "name, hash, remaining, month, last used"),
            (51, "name, hash, remaining, month"),
            (43, "name, hash, remaining, month"),
            (42, "name, hash, remaining"),
        ):
            with self.subTest(columns):
                header = self.on_a_terminal(columns, "list", "--all").splitlines()[0]
                self.assertEqual(re.split("  +", header.strip()), shown.split(", "))

    def on_a_terminal(self, columns, *argv):
        """The stdout of `keys` on a terminal with so many columns."""
        environment = mock.patch.dict(os.environ, {**self.env, "COLUMNS": str(columns), "NO_COLOR": "1"}, clear=True)
        with environment, mock.patch("sys.stdout", Screen()) as screen, contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(program.main(["keys", *argv]), 0)
        return screen.getvalue()

    def test_an_expired_key_is_marked_and_can_be_named(self):
        self.start(make_key(1, name="past", expires_at="2026-11-25T11:59:59Z"), make_key(2, name="web"))
        marks = [line[:3] for line in self.keys("list").out.splitlines()[1:]]
        self.assertEqual(marks, ["[-]", "[ ]"])
        self.assertEqual(self.keys("disable", "past").code, 0)

    def test_the_first_page_takes_one_request(self):
        for count in (1, 99):
            server = self.start(*(make_key(n) for n in range(count)))
            self.keys("list")
            self.assertEqual(sorted(request.path for request in server.requests), ["/keys", "/workspaces"])

    def test_all_lists_every_page_of_every_workspace(self):
        workspaces = [make_workspace(n) for n in range(2)]
        keys = [make_key(n, workspace_id=workspaces[n % 2]["id"], disabled=n == 2) for n in range(14)]
        self.start(*keys, workspaces=workspaces, page_size=5)
        run = self.keys("list", "--all")
        expected = [*range(0, 14, 2), *range(1, 14, 2)]
        self.assertEqual([int(line[9:11]) for line in run.out.splitlines()[1:]], expected)
        self.assertEqual((run.code, run.err), (0, ""))

    def test_a_hint_appears_only_if_there_may_be_more_keys(self):
        for count, page_size, workspaces, has_workspaces, more in (
            (0, 100, 1, True, False),
            (0, 100, 2, True, True),
            (99, 100, 1, True, False),
            (100, 100, 1, True, True),
            (101, 100, 1, True, True),
            (24, 25, 1, False, False),
            (25, 25, 1, False, True),
            (1, 100, 2, True, True),
            (1, 100, 1, False, False),
        ):
            with self.subTest(keys=count, page_size=page_size, workspaces=workspaces):
                self.start(
                    *(make_key(n) for n in range(count)),
                    page_size=page_size,
                    workspaces=[make_workspace(n) for n in range(workspaces)],
                    has_workspaces=has_workspaces,
                )
                for options in ((), ("--json",)):
                    err = ("" if count else "no keys\n") + (self.HINT if more else "")
                    self.assertEqual(self.keys("list", *options)[::2], (0, err))

    def test_all_prints_no_hint(self):
        self.start(*(make_key(n) for n in range(13)), page_size=5, workspaces=[make_workspace(n) for n in range(2)])
        self.assertEqual(self.keys("list", "--all").err, "")

    def test_an_empty_list_is_a_header_and_a_line_on_stderr(self):
        self.start()
        header = "  name  label  hash  limit  reset  remaining  month  all-time\n"
        self.assertEqual(self.keys("list"), Run(0, header, "no keys\n"))
        self.assertEqual(self.keys("list", "--all"), Run(0, header, "no keys\n"))

    def test_the_json_of_an_empty_list_has_only_the_tool(self):
        self.start()
        run = self.keys("list", "--json")
        self.assertEqual((run.code, list(json.loads(run.out))), (0, ["tool"]))

    def test_json_maps_hashes_to_the_api_objects_in_display_order(self):
        workspaces = [make_workspace(n) for n in range(2)]
        keys = [
            make_key(n, workspace_id=workspaces[n % 2]["id"], usage=Decimal(f"{n}.1"), external_user="é")
            for n in (9, 4, 7, 2)
        ]
        self.start(*keys, workspaces=workspaces)
        run = self.keys("list", "--all", "--json")
        document = json.loads(run.out, parse_float=Decimal)
        self.assertEqual(list(document), ["tool"] + [keys[i]["hash"] for i in (1, 3, 0, 2)])
        for key in keys:
            self.assertEqual(list(document[key["hash"]].items()), list(key.items()))

    def test_a_money_field_that_isnt_a_number_is_a_dash(self):
        self.start({**make_key(1, name="ci"), "usage": None, "usage_monthly": "much", "limit": []})
        row = self.keys("list").out.splitlines()[1]
        self.assertEqual(
            row, "[ ]  ci    sk-or-v1-548...460  6b86b273ff34      -  -              -      -         -  never"
        )

    def test_fields_that_are_missing_or_null_are_dashes(self):
        key = {"hash": "ab" * 32, "name": None}
        server = self.start()
        server.always("GET", "/keys", respond(200, {"data": [key]}))
        for command in ("list", "show"):
            run = self.keys(command, *(["abab"] if command == "show" else []))
            self.assertEqual((run.code, run.err), (0, ""))

    def test_a_failed_list_of_workspaces_is_an_error(self):
        server = self.start(make_key(1))
        server.always("GET", "/workspaces", error(500, "Broken"))
        self.fails(5, "GET /workspaces: 500 Broken (3 tries)", "list")


class NamingTest(KeysTest):
    def setUp(self):
        super().setUp()
        workspaces = [make_workspace(n) for n in range(2)]
        self.all = [
            make_key(n, name=f"name-{n}", workspace_id=workspaces[n % 2]["id"], disabled=n == 5) for n in range(14)
        ]
        self.start(*self.all, workspaces=workspaces, page_size=5)

    def found(self, name):
        """The name of the key that `keys show NAME` shows."""
        run = self.keys("show", name, "--json")
        self.assertEqual((run.code, run.err), (0, ""))
        return json.loads(run.out)["name"]

    def test_hash_prefix_name_and_label_find_a_key_on_any_page_of_any_workspace(self):
        for key in self.all:
            for name in (key["hash"], key["hash"][:4], key["hash"][:63], key["name"], key["label"]):
                with self.subTest(name):
                    self.assertEqual(self.found(name), key["name"])

    def test_a_full_hash_takes_one_request(self):
        hash = self.all[5]["hash"]
        self.assertEqual(self.found(hash), "name-5")
        self.assertEqual([request.target for request in self.server.requests], [f"/api/v1/keys/{hash}"])

    def test_a_full_hash_beats_a_key_with_that_name(self):
        self.server.keys[0]["name"] = self.all[5]["hash"]
        self.assertEqual(self.found(self.all[5]["hash"]), "name-5")

    def test_a_name_may_look_like_a_hash(self):
        self.server.keys[3]["name"] = "ab" * 32
        self.assertEqual(self.found("ab" * 32), "ab" * 32)

    def test_a_hash_prefix_needs_four_characters(self):
        self.fails(
            4,
            f"'{self.all[1]['hash'][:3]}' is too short for a hash prefix (4 characters or more)",
            "show",
            self.all[1]["hash"][:3],
            hint="use more of the hash, or the key's name",
        )

    def test_a_name_may_be_shorter_than_four_characters(self):
        self.server.keys[3]["name"] = self.all[1]["hash"][:3]
        self.assertEqual(self.found(self.all[1]["hash"][:3]), self.all[1]["hash"][:3])

    def test_a_hash_is_not_found_by_its_middle(self):
        self.assertEqual(self.keys("show", self.all[1]["hash"][1:12]).code, 4)

    def test_part_of_a_name_or_another_case_doesnt_match(self):
        for name in ("name", "name-", "NAME-1", "ame-1", " name-1", "name-1 "):
            self.assertEqual(self.keys("show", name).code, 4)

    def test_an_unknown_name_is_an_error_with_the_nearest_names(self):
        self.server.keys[2]["name"] = "production"
        self.fails(4, "no key named 'producton'", "show", "producton", hint="did you mean production?")

    def test_a_name_that_is_a_hash_prefix_of_another_key_is_ambiguous(self):
        self.server.keys[0]["name"] = self.all[5]["hash"][:6]
        self.ambiguous(self.all[5]["hash"][:6], self.all[0], self.all[5])

    def test_a_name_that_is_a_prefix_of_its_own_hash_is_not_ambiguous(self):
        self.server.keys[5]["name"] = self.all[5]["hash"][:6]
        self.assertEqual(self.found(self.all[5]["hash"][:6]), self.all[5]["hash"][:6])

    def test_a_name_shared_by_two_keys_is_ambiguous(self):
        self.server.keys[6]["name"] = "name-2"
        self.ambiguous("name-2", self.all[2], self.all[6])

    def test_a_name_that_is_the_label_of_another_key_is_ambiguous(self):
        self.server.keys[0]["name"] = self.all[5]["label"]
        self.ambiguous(self.all[5]["label"], self.all[0], self.all[5])

    def test_a_hash_prefix_of_two_keys_is_ambiguous(self):
        for n in (2, 5):
            self.server.keys[n]["hash"] = f"abcd{n}" + "0" * 59
        self.ambiguous("abcd", self.all[2], self.all[5])

    def ambiguous(self, name, *candidates):
        for argv in CHANGES:
            with self.subTest(argv):
                listed = ", ".join(f"{key['hash'][:12]} ({key['name']})" for key in candidates)
                command = [name if word == "ci" else word for word in argv]
                message = f"'{name}' matches {len(candidates)} keys; nothing was changed"
                self.fails(4, message, *command, hint=f"use a hash: {listed}")
                self.assertEqual(self.changes(self.server), [])

    def test_nothing_is_changed_if_the_key_doesnt_exist(self):
        for argv in CHANGES:
            with self.subTest(argv):
                self.assertEqual(self.keys(*argv)[:2], (4, ""))
                self.assertEqual(self.changes(self.server), [])

    def test_nothing_is_changed_if_some_keys_cant_be_listed(self):
        # The first page has name-0, but another page might have a key with the same name.
        for path in ("/workspaces", "/keys"):
            if path == "/keys":
                self.server.fail("GET", path, as_usual)
            self.server.always("GET", path, error(400, "Broken"))
            self.assertEqual(self.keys("disable", "name-0")[:2], (5, ""))
            self.assertEqual(self.changes(self.server), [])

    def test_show_prints_every_field(self):
        self.server.keys[0] = make_key(
            0,
            name="ci",
            limit=5,
            limit_reset="weekly",
            include_byok_in_limit=True,
            usage_weekly=Decimal("1.5"),
            usage=Decimal("2.00006"),
            byok_usage_weekly=Decimal("0.25"),
            expires_at="2031-02-03T00:00:00Z",
        )
        self.assertEqual(
            self.keys("show", "ci"),
            Run(
                0,
                "name:            ci\n"
                "hash:            5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9\n"
                "label:           sk-or-v1-6b8...b7e\n"
                "disabled:        no\n"
                "limit:           $5.0000\n"
                "reset:           weekly\n"
                "remaining:       $3.2500\n"
                "BYOK in limit:   yes\n"
                "today:           $0.0000\n"
                "this week:       $1.5000\n"
                "this month:      $0.0000\n"
                "all-time:        $2.0001\n"
                "BYOK today:      $0.0000\n"
                "BYOK this week:  $0.2500\n"
                "BYOK this month: $0.0000\n"
                "BYOK all-time:   $0.0000\n"
                "created:         2026-05-01T09:00:00Z\n"
                "updated:         -\n"
                "last used:       never\n"
                "expires:         2031-02-03T00:00:00Z\n"
                "workspace:       e2c04ac6-aedd-5a51-8789-8f39fe8df6b6\n",
                "",
            ),
        )

    def test_the_json_of_a_key_is_the_api_object(self):
        document = json.loads(self.keys("show", "name-5", "--json").out)
        self.assertEqual(list(document), ["tool", *self.all[5]])
        del document["tool"]
        self.assertEqual(document, self.all[5])


class CreateTest(KeysTest):
    """A new key is shown once, on stderr, before anything else can fail."""

    def redirected(self, redirection, *argv):
        """Run the real program with this redirection in a shell."""
        shell = ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, "keys", *argv]
        done = subprocess.run(shell, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return Run(done.returncode, done.stdout, done.stderr)

    def test_the_new_key_is_on_stderr_and_its_object_on_stdout(self):
        server = self.start()
        self.assertEqual(
            self.keys("create", "--name", "ci", "--limit", "5", "--limit-reset", "weekly"), Run(0, NEW_KEY, SHOWN)
        )
        self.assertEqual(server.secrets, [FIRST_SECRET])

    def test_the_json_is_the_api_object_without_the_key(self):
        for inside in (False, True):
            with self.subTest(key_inside_data=inside):
                server = self.start(key_inside_data=inside)
                run = self.keys("create", "--name", "ci", "--json")
                document = json.loads(run.out)
                self.assertEqual(list(document), ["tool", *server.keys[0]])
                self.assertEqual(run.code, 0)
                self.shown_once(run)

    def test_the_real_program_shows_the_new_key_once(self):
        for options in ((), ("--json",), ("-v",), ("--json", "-v")):
            with self.subTest(options):
                self.start()
                self.shown_once(self.start_program("keys", "create", "--name", "ci", *options))

    def test_the_request_has_only_the_requested_fields(self):
        workspace = make_workspace(1)["id"]
        for options, fields in (
            ((), ""),
            (("--limit", "5"), ', "limit": 5'),
            (("--limit", "0"), ', "limit": 0'),
            (("--limit", "0.10"), ', "limit": 0.10'),
            (("--limit", "1e-7"), ', "limit": 0.0000001'),
            (("--limit-reset", "daily"), ', "limit_reset": "daily"'),
            (("--limit-reset", "weekly"), ', "limit_reset": "weekly"'),
            (("--limit-reset", "monthly"), ', "limit_reset": "monthly"'),
            (("--include-byok-in-limit",), ', "include_byok_in_limit": true'),
            (("--workspace", workspace), f', "workspace_id": "{workspace}"'),
            (
                ("--workspace", workspace, "--include-byok-in-limit", "--limit-reset", "daily", "--limit", "2.5"),
                f', "limit": 2.5, "limit_reset": "daily", "include_byok_in_limit": true, "workspace_id": "{workspace}"',
            ),
        ):
            with self.subTest(options):
                server = self.start(workspaces=[make_workspace(n) for n in range(2)])
                self.assertEqual(self.keys("create", "--name", "ci", *options).code, 0)
                self.assertEqual(self.changes(server), [("POST", "/keys/", f'{{"name": "ci"{fields}}}')])

    def test_a_name_may_have_any_characters(self):
        for name in [*HOSTILE[:-2], '"', "\\", "-", "-x", "ключ", "日本", "x" * 300]:
            with self.subTest(name):
                server = self.start()
                self.assertEqual(self.keys("create", f"--name={name}").code, 0)
                self.assertEqual([json.loads(body) for _, _, body in self.changes(server)], [{"name": name}])

    def test_bad_arguments_are_refused_before_any_request(self):
        server = self.start()
        for argv, message in (
            ((), "the following arguments are required: --name"),
            (("--name", ""), "argument --name: it is empty"),
            (("--name", " \t"), "argument --name: it is empty"),
            (("--name", "ci", "--limit", "-1"), "argument --limit: '-1' is negative"),
            (("--name", "ci", "--limit=-0.01"), "argument --limit: '-0.01' is negative"),
            (("--name", "ci", "--limit", "nan"), "argument --limit: 'nan' isn't a number, such as 5 or 0.5"),
            (("--name", "ci", "--limit", "inf"), "argument --limit: 'inf' isn't a number, such as 5 or 0.5"),
            (("--name", "ci", "--limit", "none"), "argument --limit: 'none' isn't a number, such as 5 or 0.5"),
            (("--name", "ci", "--limit", "$5"), "argument --limit: '$5' isn't a number, such as 5 or 0.5"),
            (("--name", "ci", "--limit", ""), "argument --limit: '' isn't a number, such as 5 or 0.5"),
            (("--name", "ci", "extra"), "unrecognized arguments: extra"),
        ):
            with self.subTest(argv):
                self.fails(2, message, "create", *argv, hint="see: openrouter-remote keys create --help")
        for reset in ("yearly", "none", "Daily", ""):
            run = self.keys("create", "--name", "ci", "--limit-reset", reset)
            self.assertEqual(run[:2], (2, ""))
            self.assertIn(f"error: argument --limit-reset: invalid choice: '{reset}' (choose from ", run.err)
        self.assertEqual(server.requests, [])

    def test_the_new_key_is_shown_if_stdout_cant_be_written(self):
        for redirection, why in ((">&-", "stdout is closed"), (">/dev/full", "No space left on device")):
            if redirection == ">/dev/full" and not os.path.exists("/dev/full"):
                continue
            for options in ((), ("--json",)):
                with self.subTest(redirection, options=options):
                    server = self.start()
                    run = self.redirected(redirection, "create", "--name", "ci", *options)
                    error = f"{LABEL}error: can't write to stdout: {why}\n"
                    self.assertEqual(run, Run(5, "", f"{SHOWN}{error}"))
                    self.assertEqual(len(server.keys), 1)

    def test_the_new_key_is_shown_if_stdout_has_no_reader(self):
        self.start()
        run = self.redirected("| true", "create", "--name", "ci")
        self.shown_once(run)
        self.assertNotIn("Traceback", run.err)

    def test_the_key_is_found_in_a_response_of_any_shape(self):
        secret, key = make_secret(5), make_key(5, name="ci")
        padding = "x" * 80  # an excerpt of the response would end within the secret
        for name, body, code in (
            ("under another name", {"data": key, "api_key": secret}, 0),
            ("deeper", {"data": {**key, "secret": {"value": secret}}}, 0),
            ("without data", {"key": secret}, 5),
            ("data is null", {"data": None, "key": secret}, 5),
            ("data is a list", {"data": [key], "key": secret}, 5),
            ("data is the secret", {"data": secret}, 5),
            ("no hash", {"data": {"name": "ci"}, "key": secret}, 5),
            ("a hash that is no string", {"data": {**key, "hash": 5}, "key": secret}, 5),
            ("an empty hash", {"data": {**key, "hash": ""}, "key": secret}, 5),
            ("somewhere", {"result": {"nested": [{"key": secret}]}}, 5),
            ("a list", [{"key": secret}], 5),
            ("a list with more before it", [{"padding": padding, "key": secret}], 5),
            ("a string", f"{secret}", 5),
            ("text", f"created {secret}\n", 5),
            ("text with more before it", f"{padding} {secret}", 5),
            ("HTML", f"<p>{padding}</p><b>{secret}</b>", 5),
            ("an error beside it", {"error": {"code": 500, "message": "late"}, "data": key, "key": secret}, 5),
            ("an error with it in the message", {"error": {"code": 500, "message": f"{padding} {secret}"}}, 5),
        ):
            for options in ((), ("--json",), ("-v",)):
                with self.subTest(name, options=options):
                    server = self.start()
                    server.fail("POST", "/keys/", respond(201, body))
                    run = self.keys("create", "--name", "ci", *options)
                    self.assertEqual(run.code, code)
                    self.shown_once(run, secret)
                    if code:
                        self.assertEqual(run.out, "")
                        self.assertIn("the key was created", run.err)
                        self.assertIn(f"hint: {LOOK}\n", run.err)
                    self.assertEqual([method for method, _, _ in self.changes(server)], ["POST"])

    def test_the_key_is_found_in_a_truncated_response(self):
        secret = make_secret(5)
        for body in ({"key": secret, "data": make_key(5)}, {"data": {"key": secret, **make_key(5)}}):
            for options in ((), ("-v",)):
                with self.subTest(options):
                    server = self.start()
                    server.fail("POST", "/keys/", truncate(body, 200))
                    run = self.keys("create", "--name", "ci", *options)
                    self.assertEqual(run[:2], (5, ""))
                    self.shown_once(run, secret)
                    self.assertIn("; the key was created and is shown above\n", run.err)

    def test_a_truncated_key_is_not_shown(self):
        server = self.start()
        body = {"key": make_secret(5), "data": make_key(5)}
        server.fail("POST", "/keys/", truncate(body, 40))
        run = self.keys("create", "--name", "ci")
        self.assertEqual(run[:2], (5, ""))
        self.assertNotIn("is shown above", run.err)

    def test_a_response_without_the_key_is_an_error_that_says_what_to_delete(self):
        server = self.start()
        server.fail("POST", "/keys/", respond(201, {"data": make_key(5, name="ci")}))
        self.assertEqual(
            self.keys("create", "--name", "ci"),
            Run(
                5,
                "",
                f"{LABEL}error: POST /keys/: a key was created but couldn't be shown\n"
                "hint: delete it and create another: openrouter-remote keys delete ef2d127de37b\n",
            ),
        )

    def test_one_key_is_created_with_or_without_the_slash(self):
        for switch, paths in (
            ("both", ["/keys/"]),
            ("slash", ["/keys/"]),
            ("no-slash-404", ["/keys/", "/keys"]),
            ("no-slash-405", ["/keys/", "/keys"]),
        ):
            with self.subTest(switch):
                server = self.start(create_path=switch)
                run = self.keys("create", "--name", "ci")
                self.assertEqual((run.code, [path for _, path, _ in self.changes(server)]), (0, paths))
                self.assertEqual(len(server.keys), 1)
                self.shown_once(run)

    def test_a_redirect_to_the_other_path_keeps_method_and_body(self):
        for status in (307, 308):
            with self.subTest(status):
                server = self.start()
                server.fail("POST", "/keys/", redirect(status, "/api/v1/keys"))
                self.assertEqual(self.keys("create", "--name", "ci").code, 0)
                body = '{"name": "ci"}'
                self.assertEqual(self.changes(server), [("POST", "/keys/", body), ("POST", "/keys", body)])

    def test_an_api_without_either_path_is_an_error(self):
        server = self.start(create_path="no-slash-405")
        server.always("POST", "/keys", error(404, "Not Found"))
        self.assertEqual(
            self.keys("create", "--name", "ci"),
            Run(
                5,
                "",
                f"{LABEL}error: POST /keys: 404 Not Found\n"
                f"hint: check OPENROUTER_BASE_URL: it is {server.url} (from the shell)\n",
            ),
        )


class FirstLineTest(KeysTest):
    """The new key is the first line on stderr, and nothing is created unless stderr has a reader."""

    COMMANDS = (("create", "--name", "ci"), ("rotate", "web"), ("rotate", "web", "--disable-old"))

    def bash(self, script, *argv):
        """Run a bash script with the command line of the real program as "$@"."""
        shell = ["bash", "-c", script, "bash", *COMMAND, "keys", *argv]
        done = subprocess.run(shell, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return Run(done.returncode, done.stdout, done.stderr)

    def test_a_pipe_that_reads_one_line_gets_the_key(self):
        for reader in ("head -1", "head -n 1", "grep -m1 sk-or-", "sed 1q"):
            for argv in self.COMMANDS:
                for options in ((), ("--json",)):
                    with self.subTest(reader, argv=argv, options=options):
                        server = self.start(make_key(1, name="web"))
                        run = self.bash(f'"$@" 2>&1 | {reader}', *argv, *options)
                        self.assertEqual(run, Run(0, f"{FIRST_SECRET}\n", ""))
                        self.assertEqual(server.secrets, [FIRST_SECRET])
                        self.assertEqual(server.keys[-1]["disabled"], "--disable-old" in argv)

    def test_the_key_is_the_first_line_and_the_notice_the_second(self):
        for argv in self.COMMANDS:
            with self.subTest(argv):
                self.start(make_key(1, name="web"))
                self.assertTrue(self.start_program("keys", *argv).err.startswith(SHOWN))

    def test_a_warning_about_a_missing_setting_follows_the_key(self):
        server = self.start(ignored_on_create={"limit"})
        server.always("PATCH", "*", error(500, "Broken"))
        run = self.start_program("keys", "create", "--name", "ci", "--limit", "5")
        self.assertTrue(run.err.startswith(f"{SHOWN}{LABEL}warning: PATCH "), run.err)

    def test_nothing_is_created_if_stderr_is_closed(self):
        for argv in self.COMMANDS:
            for options in ((), ("--out", "new.env"), ("--json",)):
                with self.subTest(argv, options=options):
                    server = self.start(make_key(1, name="web"))
                    run = self.bash('exec "$@" 2>&-', *argv, *options)
                    self.assertEqual(run, Run(2, "", ""))
                    self.assertEqual((self.changes(server), os.path.exists("new.env")), ([], False))

    def test_nothing_is_created_if_stderr_is_a_pipe_without_a_reader(self):
        for argv in self.COMMANDS:
            for options in ((), ("--out", "new.env"), ("--json",)):
                with self.subTest(argv, options=options):
                    server = self.start(make_key(1, name="web"))
                    reader, writer = os.pipe()
                    os.close(reader)
                    try:
                        run = self.start_program("keys", *argv, *options, stderr=writer)
                    finally:
                        os.close(writer)
                    self.assertEqual(run[:2], (2, ""))
                    self.assertEqual((self.changes(server), os.path.exists("new.env")), ([], False))


CHUNKED = {"Transfer-Encoding": "chunked"}


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class OddResponseTest(KeysTest):
    """Responses that echo the request with a credential in it, or have the new key in an unexpected place."""

    ECHO = f"Authorization: Bearer {MANAGEMENT_KEY}"

    def create(self, fault, key=FIRST_SECRET):
        """Run `keys create` with `fault` as the response: the new key is shown once, and no credential anywhere."""
        server = self.start()
        server.fail("POST", "/keys/", fault)
        run = self.keys("create", "--name", "ci", "--timeout", "3600")
        self.assertEqual(run.err.splitlines().count(FIRST_SECRET), int(key is not None), run.err)
        for secret in (MANAGEMENT_KEY, USER_KEY):
            self.assertNotIn(secret[9:40], run.out + run.err)
        return run

    @staticmethod
    def deadline_after(received):
        """A `background` where the deadline of POST comes when so many bytes of the body have arrived."""
        real = program.background

        def background(call, *args):
            def wait(timeout=None):
                for _ in range(LONGEST_WAIT * 1000):
                    if len(response.body) >= received:
                        raise program.Timeout
                    threading.Event().wait(0.001)
                raise AssertionError(f"only {len(response.body)} of {received} bytes have arrived")

            begun = real(call, *args)
            if call is not program._exchange or args[0].method != "POST":
                return begun
            response = args[1]
            return wait

        return background

    def test_an_echoed_credential_is_never_the_new_key(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        whole = json.dumps({"echo": self.ECHO, "keys": [USER_KEY, MANAGEMENT_KEY]})
        for name, fault in (
            ("a page under 200", respond(200, f"<h1>Debug</h1><p>{self.ECHO}</p>", content_type="text/html")),
            ("an error under 200", respond(200, {"error": {"message": self.ECHO}})),
            ("in place of the key", respond(201, {"data": make_key(5), "key": MANAGEMENT_KEY})),
            ("in data", respond(201, {"data": {**make_key(5), "key": USER_KEY}})),
            ("with a suffix", respond(201, {"data": make_key(5), "key": f"{MANAGEMENT_KEY}-debug"})),
            ("the start of one", respond(201, {"data": make_key(5), "key": MANAGEMENT_KEY[:40]})),
            ("at the end of a sentence", respond(200, f"<p>Not {MANAGEMENT_KEY}. Not {USER_KEY}.")),
            ("right after another", respond(200, f"<p>{MANAGEMENT_KEY}{USER_KEY}")),
            ("in upper case", respond(201, {"data": make_key(5), "key": "sk-or-v1-" + MANAGEMENT_KEY[9:].upper()})),
            *((f"cut at {n}", truncate(whole, n)) for n in range(20, len(whole), 7)),
        ):
            with self.subTest(name):
                self.assertEqual(self.create(fault, key=None).code, 5)

    def test_a_masked_key_is_never_the_new_key(self):
        for label in ("sk-or-v1-777...777", "sk-or-v1-777" + "." * 24 + "777", "sk-or-v1-777" + "*" * 60):
            with self.subTest(label):
                run = self.create(respond(201, {"data": make_key(5, label=label)}), key=None)
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertNotIn(NOTICE, run.err)
                self.assertIn("error: POST /keys/: a key was created but couldn't be shown\n", run.err)

    def test_a_redirect_with_a_new_key_in_it_is_not_followed(self):
        run = self.create(respond(307, {"key": FIRST_SECRET}, {"Location": "/api/v1/keys"}))
        self.assertEqual((run.code, len(self.changes(self.server))), (5, 1))

    def test_the_new_key_is_found_next_to_an_echo(self):
        data = make_key(5, name="ci")
        for name, body, code in (
            ("a member", {"data": data, "key": FIRST_SECRET, "debug": {"authorization": self.ECHO}}, 0),
            ("before it", {"debug": self.ECHO, "data": data, "key": FIRST_SECRET}, 0),
            ("in the other place", {"key": MANAGEMENT_KEY, "data": {**data, "key": FIRST_SECRET}}, 0),
            ("elsewhere", {"data": data, "debug": [self.ECHO, {"made": FIRST_SECRET}]}, 0),
            ("a page", f"<p>{self.ECHO}</p><p>Your key is {FIRST_SECRET}.</p>", 5),
        ):
            with self.subTest(name):
                self.assertEqual(self.create(respond(201, body)).code, code)

    def test_the_new_key_is_shown_even_if_the_response_is_an_error(self):
        body = encode({"data": make_key(5, name="ci"), "key": FIRST_SECRET})
        refusals = (400, 401, 403, 404, 405, 409, 422, 429, 500, 502, 503)
        for name, fault in (
            ("a length ten bytes too big", stream(lambda: [json_head({"Content-Length": len(body) + 10}), body])),
            ("no last chunk", stream(lambda: [json_head(CHUNKED), chunk(body)])),
            ("a chunk of a negative size", stream(lambda: [json_head(CHUNKED), b"-1\r\n", body])),
            *((str(status), respond(status, body)) for status in refusals),
            *((str(status), respond(status, body, {"Location": "/"})) for status in (301, 302, 303)),
            ("a redirect elsewhere", respond(307, body, {"Location": "https://example.invalid/"})),
            ("an error beside it", respond(201, {"error": {"message": "late"}, "key": FIRST_SECRET})),
            ("a list", respond(201, [{"key": FIRST_SECRET}])),
        ):
            with self.subTest(name):
                run = self.create(fault)
                self.assertEqual(run[:2], (5, ""))
                self.assertIn("; the key was created and is shown above\n", run.err)
                self.assertEqual([method for method, _, _ in self.changes(self.server)], ["POST"])

    def test_the_new_key_is_shown_if_the_server_never_closes_the_connection(self):
        body = encode({"data": make_key(5, name="ci"), "key": FIRST_SECRET})
        packed = gzip.compress(body)
        for name, fault in (
            ("as it is", stall(json_head({}), body)),
            ("in chunks", stall(json_head(CHUNKED), chunk(body))),
            ("compressed", stall(json_head({"Content-Encoding": "gzip"}), packed)),
        ):
            with self.subTest(name), mock.patch.object(program, "background", self.deadline_after(len(body))):
                run = self.create(fault)
                self.assertEqual(run[:2], (5, ""))
                self.assertIn("no complete response within 3600 s; the key was created and is shown above\n", run.err)

    def test_rotate_leaves_the_old_key_alone_unless_the_new_one_was_shown(self):
        for name, fault in (
            ("an echo", respond(200, {"data": make_key(5), "key": MANAGEMENT_KEY})),
            ("a page", respond(200, f"<p>{self.ECHO}")),
            ("an error", respond(500, self.ECHO)),
        ):
            with self.subTest(name):
                server = self.start(make_key(1, name="ci"))
                server.fail("POST", "/keys/", fault)
                self.assertEqual(self.keys("rotate", "ci", "--disable-old").code, 5)
                self.assertEqual([method for method, _, _ in self.changes(server)], ["POST"])
                self.assertEqual((server.keys[0]["name"], server.keys[0]["disabled"]), ("ci", False))


class InterruptTest(KeysTest):
    """An interrupted change says what was done and what is unknown."""

    def interrupted(self, *argv, method, number=signal.SIGINT):
        """Run the real program, and send a signal when a request with this method has arrived."""
        self.server.fail(method, "*", stall())
        with self.started("keys", *argv) as process:
            while method not in [request.method for request in list(self.server.requests)]:
                self.server.wait_for_requests(len(self.server.requests) + 1)
            process.send_signal(number)
            out, err = process.communicate()
        return Run(process.returncode, out, err)

    def test_a_change_that_was_sent_may_or_may_not_have_been_made(self):
        for argv, method, what, done in (
            (("disable", "ci"), "PATCH", "the key", "disabled"),
            (("enable", "ci"), "PATCH", "the key", "enabled"),
            (("rename", "ci", "x"), "PATCH", "the key", "renamed"),
            (("set-limit", "ci", "1"), "PATCH", "the limit", "changed"),
            (("move", "ci", "Research"), "PATCH", "the key", "moved"),
            (("delete", "ci", "-y"), "DELETE", "the key", "deleted"),
        ):
            for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)):
                with self.subTest(argv, number=number):
                    self.start(make_key(1, name="ci"))
                    look = "check it: openrouter-remote keys show 6b86b273ff34"
                    warning = f"{LABEL}warning: interrupted: {what} may or may not have been {done}; {look}\n"
                    run = self.interrupted(*argv, method=method, number=number)
                    self.assertEqual(run, Run(code, "", warning))

    def test_an_interrupt_while_the_new_key_is_awaited_ends_at_once(self):
        warning = f"{LABEL}warning: interrupted: the key may or may not have been created; {LOOK}\n"
        for argv in (("create", "--name", "ci"), ("rotate", "web"), ("rotate", "web", "--disable-old")):
            for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)):
                for options in ((), ("--out", "new.env")):
                    with self.subTest(argv, number=number, options=options):
                        old = make_key(1, name="web")
                        server = self.start(dict(old))
                        run = self.interrupted(*argv, *options, method="POST", number=number)
                        self.assertEqual(run, Run(code, "", warning))
                        self.assertEqual((len(self.changes(server)), server.keys), (1, [old]))
                        self.assertFalse(os.path.exists("new.env"))

    def test_an_interrupted_rotation_says_what_is_left_to_do(self):
        self.start(make_key(1, name="ci"))
        run = self.interrupted("rotate", "ci", method="PATCH")
        self.assertEqual(run[:2], (130, ""))
        self.assertEqual(
            run.err.partition(SHOWN)[2],
            f"{LABEL}warning: interrupted: the old key may or may not have been renamed; check it: "
            "openrouter-remote keys show 6b86b273ff34; the new key was created and is shown above; left to do: "
            "openrouter-remote keys rename 6b86b273ff34 'ci (old 2026-11-25)'; "
            "openrouter-remote keys disable 6b86b273ff34\n",
        )

    def test_an_interrupted_patch_of_a_new_key_says_that_it_was_created(self):
        self.start(ignored_on_create={"limit"})
        run = self.interrupted("create", "--name", "ci", "--limit", "5", method="PATCH")
        warning = f"{LABEL}warning: interrupted: the new key was created and is shown above\n"
        self.assertEqual(run, Run(130, "", SHOWN + warning))

    def test_a_command_that_only_reads_says_nothing(self):
        self.start(make_key(1, name="ci"))
        self.assertEqual(self.interrupted("show", "ci", method="GET"), Run(130, "", ""))


class ChangeResponseTest(KeysTest):
    """The response to a change must show the change."""

    def test_an_unchanged_key_is_exit_5(self):
        for argv in UPDATES:
            with self.subTest(argv):
                key = make_key(1, name="ci", disabled=argv[0] == "enable")
                self.start(
                    key, applies_changes=False, workspaces=[make_workspace(), make_workspace(1, name="Research")]
                )
                message = f"PATCH /keys/{key['hash']}: the key wasn't changed"
                self.fails(5, message, *argv)

    def test_an_unchanged_old_key_after_a_rotation_is_exit_5(self):
        hint = "hint: the new key is shown above and works; the old key still works"
        for options in ((), ("--disable-old",)):
            self.start(make_key(1, name="ci"), applies_changes=False)
            run = self.keys("rotate", "ci", *options)
            self.assertEqual(run.code, 5)
            self.assertIn("error: PATCH /keys/6b86b273ff34", run.err)
            self.assertIn(hint, run.err)

    def test_limits_are_compared_as_numbers(self):
        server = self.start(make_key(1, name="ci"))
        for given, stands in (
            *(("5", Decimal("5.0")), ("5.50", Decimal("5.5")), ("0", Decimal("0.00"))),
            *(("5", "5"), ("5", "5.00"), ("0", "0.0")),
        ):
            with self.subTest(given=given):
                server.fail("PATCH", "*", respond(200, {"data": {**server.keys[0], "limit": stands}}))
                self.assertEqual(self.keys("set-limit", "ci", given).code, 0)

    def test_names_are_compared_trimmed(self):
        server = self.start(make_key(1, name="ci"))
        for given, stands in ((" web ", "web"), ("web", " web\t"), ("web", "web")):
            with self.subTest(given=given, stands=stands):
                server.fail("PATCH", "*", respond(200, {"data": {**server.keys[0], "name": stands}}))
                self.assertEqual(self.keys("rename", "ci", given).code, 0)

    def test_a_field_that_the_response_omits_is_assumed_changed(self):
        for argv, field in (
            (("disable", "ci"), "disabled"),
            (("rename", "ci", "web"), "name"),
            (("set-limit", "ci", "7"), "limit"),
            (("set-limit", "ci", "none"), "limit"),
            (("move", "ci", "Research"), "workspace_id"),
        ):
            with self.subTest(argv):
                server = self.start(make_key(1, name="ci"), workspaces=[make_workspace(name="Research")])
                data = {name: value for name, value in server.keys[0].items() if name != field}
                server.fail("PATCH", "*", respond(200, {"data": data}))
                self.assertEqual(self.keys(*argv).code, 0)

    def test_a_different_value_in_the_response_is_exit_5(self):
        for argv, fields in (
            (("disable", "ci"), {"disabled": False}),
            (("disable", "ci"), {"disabled": None}),
            (("disable", "ci"), {"disabled": "true"}),
            (("rename", "ci", "web"), {"name": None}),
            (("set-limit", "ci", "7"), {"limit": "7.01"}),
            (("set-limit", "ci", "7"), {"limit": None}),
            (("set-limit", "ci", "none"), {"limit": 0}),
        ):
            with self.subTest(argv, fields=fields):
                server = self.start(make_key(1, name="ci"))
                server.fail("PATCH", "*", respond(200, {"data": {**server.keys[0], **fields}}))
                message = f"PATCH /keys/{server.keys[0]['hash']}: the key wasn't changed"
                self.fails(5, message, *argv)


class PrintedCommandTest(KeysTest):
    """Commands printed for people to run are safe to paste: text from the API is one quoted word, or left out."""

    NAMES = (
        "it's",
        "; touch PWNED",
        "$(touch PWNED)",
        "`touch PWNED`",
        "a && b",
        "--disable-old",
        "-y",
        "a  b",
        "größe",
        "\\",
        '"',
        "#",
        "~",
        "*",
        "!!",
    )

    def test_a_name_is_quoted_as_one_word_of_a_command_that_works(self):
        for name in self.NAMES:
            with self.subTest(name):
                server = self.start(make_key(1, name=name))
                server.fail("PATCH", "*", error(500, "Down"))
                run = self.keys("rotate", "6b86b273ff34")
                command = re.search(r"left to do: (openrouter-remote keys rename .*); openrouter-remote", run.err)
                assert command, run.err
                words = shlex.split(command[1])
                self.assertEqual(words[-1], f"{name} (old 2026-11-25)")
                server.keys = [key for key in server.keys if key["hash"] == make_key(1)["hash"]]
                self.assertEqual(self.run_program(*words[1:]).code, 0)
                self.assertEqual(server.keys[0]["name"], f"{name} (old 2026-11-25)")

    def test_an_unprintable_name_is_left_out_of_a_command_with_a_note(self):
        for name in ("a\nb", "a\tb", "\x1b[31m", "a\u202eb", "a\xa0b", "a\u200bb", f"for {USER_KEY}"):
            with self.subTest(name):
                self.env["OPENROUTER_API_KEY"] = USER_KEY
                server = self.start(make_key(1, name=name))
                server.fail("PATCH", "*", error(500, "Down"))
                run = self.keys("rotate", "6b86b273ff34")
                rename = "keys rename 6b86b273ff34 (and a value with unprintable characters); "
                self.assertIn(f"left to do: openrouter-remote {rename}openrouter-remote keys disable", run.err)

    def test_a_hash_is_quoted_as_one_word(self):
        for hash, quoted in ((";touch PWNED", "';touch PWNED'"), ("-x", "-- -x"), ("$(id)", "'$(id)'")):
            with self.subTest(hash):
                server = self.start({**make_key(1, name="ci"), "hash": hash})
                server.always("PATCH", "*", error(500, "Down"))
                self.assertIn(f"keys disable {quoted}\n", self.keys("rotate", "ci").err)
                server.keys = server.keys[1:]
                server.always("DELETE", "*", error(500, "Down"))
                self.assertIn(f"keys show {quoted}\n", self.keys("delete", "ci", "-y").err)

    def test_an_unknown_reset_is_left_out_of_a_command(self):
        server = self.start(make_key(1, name="ci", limit=5, limit_reset="; touch PWNED"))
        new = make_key(7, name="ci", limit=5)
        server.fail("POST", "/keys/", respond(201, {"data": new, "key": FIRST_SECRET}))
        server.always("PATCH", "*", error(500, "Down"))
        run = self.keys("rotate", "ci")
        self.assertEqual(run.code, 5)
        self.assertIn("hint: run: openrouter-remote keys set-limit 7902699be42c 5\n", run.err)
        self.assertNotIn("--reset", run.err)


class CreateSettingsTest(KeysTest):
    """A PATCH sets what the API ignored in the request to create a key."""

    ASKED = ("create", "--name", "ci", "--limit", "5", "--limit-reset", "weekly", "--include-byok-in-limit")
    IGNORED = (
        ({"limit_reset"}, '{"limit_reset": "weekly"}'),
        ({"include_byok_in_limit"}, '{"include_byok_in_limit": true}'),
        ({"limit_reset", "include_byok_in_limit"}, '{"limit_reset": "weekly", "include_byok_in_limit": true}'),
        ({"limit", "limit_reset"}, '{"limit": 5, "limit_reset": "weekly"}'),
    )

    def test_only_missing_settings_are_patched(self):
        for ignored, body in self.IGNORED:
            with self.subTest(ignored):
                server = self.start(ignored_on_create=ignored)
                run = self.keys(*self.ASKED, "--json")
                hash = server.keys[0]["hash"]
                self.assertEqual(self.changes(server)[1:], [("PATCH", f"/keys/{hash}", body)])
                self.assertEqual(run.code, 0)
                self.shown_once(run)
                key = json.loads(run.out)
                self.assertEqual((key["limit"], key["limit_reset"], key["include_byok_in_limit"]), (5, "weekly", True))

    def test_nothing_is_patched_if_the_response_matches_the_request(self):
        server = self.start()
        self.assertEqual(self.keys(*self.ASKED).code, 0)
        self.assertEqual([method for method, _, _ in self.changes(server)], ["POST"])

    def test_a_setting_that_wasnt_requested_is_not_patched(self):
        server = self.start(ignored_on_create={"limit_reset", "include_byok_in_limit"})
        self.assertEqual(self.keys("create", "--name", "ci", "--limit", "5").code, 0)
        self.assertEqual([method for method, _, _ in self.changes(server)], ["POST"])

    def test_a_failed_patch_is_a_warning_with_a_command_that_works(self):
        for ignored, asked, sets in (
            ({"limit_reset"}, self.ASKED, "--reset weekly {} 5"),
            ({"limit_reset"}, ("create", "--name", "ci", "--limit-reset", "daily"), "--reset daily {} none"),
            ({"limit"}, self.ASKED, "--reset weekly {} 5"),
            ({"limit", "limit_reset"}, self.ASKED, "--reset weekly {} 5"),
        ):
            for fault, reason in (
                (error(500, "Broken"), "500 Broken"),
                (error(403, "No"), "403 No"),
                (hang_up(), "no response: Remote end closed connection without response"),
            ):
                with self.subTest(ignored=ignored, reason=reason):
                    server = self.start(ignored_on_create=ignored)
                    server.fail("PATCH", "*", fault)
                    run = self.keys(*asked, "--json")
                    self.assertEqual(run.code, 5)
                    self.shown_once(run)
                    key = server.keys[0]
                    self.assertEqual(json.loads(run.out)["hash"], key["hash"])
                    warning, hint = run.err.partition(SHOWN)[2].splitlines()
                    self.assertIn(f"{LABEL}warning: PATCH /keys/{key['hash']}: {reason}", warning)
                    command = "openrouter-remote keys set-limit " + sets.format(key["hash"][:12])
                    self.assertEqual(hint, f"hint: run: {command}")
                    self.assertEqual(self.run_program(*command.split()[1:]).code, 0)
                    wanted = dict(zip(asked[3::2], asked[4::2]))
                    self.assertEqual(key["limit_reset"], wanted.get("--limit-reset"))
                    self.assertEqual(key["limit"] and str(key["limit"]), wanted.get("--limit"))

    def test_a_byok_setting_that_cant_be_patched_is_a_warning(self):
        server = self.start(ignored_on_create={"include_byok_in_limit"})
        server.fail("PATCH", "*", error(500, "Broken"))
        run = self.keys(*self.ASKED)
        hash = server.keys[0]["hash"]
        self.assertEqual(run.code, 5)
        self.shown_once(run)
        self.assertEqual(
            run.err.partition(SHOWN)[2],
            f"{LABEL}warning: PATCH /keys/{hash}: 500 Broken; "
            'the new key doesn\'t have {"include_byok_in_limit": true}\n'
            f"hint: check it: openrouter-remote keys show {hash[:12]}\n",
        )

    def test_a_patch_response_without_a_key_is_a_failure(self):
        bodies: tuple = ({}, {"data": None}, {"data": []}, {"data": {}}, {"data": {"hash": None}}, "<html>")
        for body in bodies:
            with self.subTest(body=body):
                server = self.start(ignored_on_create={"limit_reset"})
                server.fail("PATCH", "*", respond(200, body))
                run = self.keys(*self.ASKED)
                self.assertEqual(run.code, 5)
                self.shown_once(run)
                command = f"keys set-limit --reset weekly {server.keys[0]['hash'][:12]} 5"
                self.assertIn(f"hint: run: openrouter-remote {command}\n", run.err)

    def test_a_patch_that_changes_nothing_is_a_failure(self):
        server = self.start(ignored_on_create={"limit_reset"})

        def ignore(handler):
            handler.send(Response(200, {"data": server.keys[0]}))

        server.fail("PATCH", "*", ignore)
        run = self.keys(*self.ASKED)
        self.assertEqual(run.code, 5)
        command = f"keys set-limit --reset weekly {server.keys[0]['hash'][:12]} 5"
        self.assertIn(f"hint: run: openrouter-remote {command}\n", run.err)


class AfterCreationTest(KeysTest):
    """After a key was created, only the PATCH of its settings and the steps of a rotation are requested."""

    def after(self, server):
        """Method and path of every request after the one that created the key."""
        sent = [(request.method, request.path) for request in server.requests]
        return sent[sent.index(("POST", "/keys/")) + 1 :]

    def test_nothing_is_read_after_the_key_was_created(self):
        old = f"/keys/{make_key(1)['hash']}"
        create = ("create", "--name", "web", "--limit", "5", "--workspace", "Research")
        for argv, ignored, methods in (
            (create, set(), []),
            (create, {"limit"}, ["PATCH"]),
            (("rotate", "web"), set(), ["PATCH"]),
            (("rotate", "web", "--disable-old"), set(), ["PATCH"]),
            (("rotate", "web"), {"limit"}, ["PATCH", "PATCH"]),
        ):
            for options in ((), ("--json",), ("--out", f"{len(methods)}{len(argv)}.env")):
                with self.subTest(argv, ignored=ignored, options=options):
                    server = self.start(make_key(1, name="web", limit=5), ignored_on_create=ignored)

                    def created(handler, server=server):
                        """Create the key, and fail every GET from now on."""
                        server.always("GET", "*", error(500, "Broken"))
                        as_usual(handler)

                    server.fail("POST", "/keys/", created)
                    run = self.keys(*argv, *options)
                    self.assertEqual(run.code, 0, run.err)
                    after = self.after(server)
                    self.assertEqual([method for method, _ in after], methods)
                    if argv[0] == "rotate":
                        self.assertEqual(after[-1], ("PATCH", old))

    def test_a_response_about_a_key_with_another_name_changes_nothing(self):
        for options in ((), ("--limit", "5"), ("--limit", "5", "--limit-reset", "weekly", "--include-byok-in-limit")):
            for fields in ({}, {"limit": 1}, {"disabled": True}):
                with self.subTest(options, fields=fields):
                    other = make_key(5, name="production", **fields)
                    server = self.start(dict(other))
                    server.fail("POST", "/keys/", respond(201, {"data": other, "key": FIRST_SECRET}))
                    run = self.keys("create", "--name", "ci", *options)
                    self.assertEqual(run.code, 5)
                    self.shown_once(run)
                    self.assertIn(f"{SHOWN}{LABEL}warning: ", run.err)
                    self.assertIn("'production'", run.err)
                    self.assertNotIn("keys delete", run.err)
                    self.assertEqual([method for method, _, _ in self.changes(server)], ["POST"])
                    self.assertEqual(server.keys, [other])

    def test_the_same_value_in_another_notation_is_not_patched(self):
        asked = ("create", "--name", " ci ", "--limit", "5", "--expires", "2099-01-31T12:00:00Z")
        same = {"name": "ci", "limit": 5, "expires_at": "2099-01-31T12:00:00Z"}
        for fields in (
            {"name": " ci "},
            {"name": "ci\n"},
            {"limit": "5"},
            {"limit": "5.00"},
            {"limit": Decimal("5.00")},
            {"expires_at": "2099-01-31T12:00:00.000Z"},
            {"expires_at": "2099-01-31T12:00:00+00:00"},
            {"expires_at": "2099-01-31T12:00:00.000000+00:00"},
            {"expires_at": "2099-01-31 12:00:00+00"},
            {"expires_at": "2099-01-31T14:00:00+02:00"},
        ):
            with self.subTest(fields):
                server = self.start()
                data = {**make_key(5, limit_remaining=5), **same, **fields}
                server.fail("POST", "/keys/", respond(201, {"data": data, "key": FIRST_SECRET}))
                run = self.keys(*asked, "--json")
                self.assertEqual((run.code, run.err), (0, SHOWN))
                self.assertEqual([method for method, _, _ in self.changes(server)], ["POST"])

    def test_a_different_limit_is_patched(self):
        for limit in (None, "6", Decimal("5.01"), True, "five"):
            with self.subTest(limit=limit):
                key = {**make_key(5, name="ci"), "limit": limit}
                server = self.start(dict(key))
                server.fail("POST", "/keys/", respond(201, {"data": key, "key": FIRST_SECRET}))
                self.assertEqual(self.keys("create", "--name", "ci", "--limit", "5").code, 0)
                self.assertEqual(self.changes(server)[1:], [("PATCH", f"/keys/{key['hash']}", '{"limit": 5}')])

    def test_a_new_key_that_is_disabled_is_reported_with_the_command_that_enables_it(self):
        key = make_key(5, name="ci", disabled=True)
        server = self.start(key)
        server.fail("POST", "/keys/", respond(201, {"data": dict(key), "key": FIRST_SECRET}))
        run = self.keys("create", "--name", "ci")
        warning = f"{LABEL}warning: the new key is disabled\n"
        hint = f"hint: run: openrouter-remote keys enable {key['hash'][:12]}\n"
        self.assertEqual((run.code, run.err), (5, f"{SHOWN}{warning}{hint}"))
        self.assertEqual([method for method, _, _ in self.changes(server)], ["POST"])


class OtherSettingsTest(KeysTest):
    """Settings that no PATCH of `keys create` can fix."""

    def test_a_workspace_that_cant_be_fixed_is_exit_5(self):
        key = make_key(5, name="ci", workspace_id=make_workspace(0)["id"])
        server = self.start(key, older_api=True)
        server.fail("POST", "/keys/", respond(201, {"data": dict(key), "key": FIRST_SECRET}))
        run = self.keys("create", "--name", "ci", "--workspace", make_workspace(1)["id"])
        self.assertEqual(run.code, 5)
        self.assertIn("; the new key doesn't have {", run.err)
        self.assertNotIn("keys delete", run.err)


class CreateOnceTest(KeysTest):
    """POST is sent once."""

    ARGV = ("create", "--name", "ci")

    def uncertain(self, reason):
        """The Run that says that the key may or may not have been created."""
        error = f"{LABEL}error: POST /keys/: {reason}; the key may or may not have been created\n"
        return Run(5, "", f"{error}hint: {LOOK}\n")

    def posts(self, server):
        return sum(request.method == "POST" for request in server.requests)

    def test_an_uncertain_outcome_says_so_and_where_to_look(self):
        for fault, reason, created in (
            (hang_up(), "no response: Remote end closed connection without response", 0),
            (hang_up_after_work(), "no response: Remote end closed connection without response", 1),
            (error(408, "Slow"), "408 Slow", 0),
            (error(500, "Broken"), "500 Broken", 0),
            (error(502, "Broken"), "502 Broken", 0),
            (html(502), "502 502 Bad Gateway 502 Bad Gateway", 0),
            (error(503, "Broken"), "503 Broken", 0),
            (error(504, "Broken", {"Retry-After": "1"}), "504 Broken", 0),
            (error(524, "Broken"), "524 Broken", 0),
            (html(200), "200 with a response that isn't a JSON object: 200 OK 200 OK", 0),
            (respond(200, {"error": {"message": "late"}}), "200 with an error: late", 0),
            (truncate({"data": {}}, 5), '200 with a truncated response: {"dat', 0),
        ):
            with self.subTest(reason, created=created):
                server = self.start()
                server.fail("POST", "/keys/", fault)
                self.assertEqual(self.keys(*self.ARGV), self.uncertain(reason))
                self.assertEqual((self.posts(server), len(server.keys)), (1, created))
                self.assertEqual(self.waits, [])

    def test_a_response_that_takes_too_long_is_uncertain(self):
        for fault in (stall(), drip(json_head({}))):
            server = self.start()
            server.fail("POST", "/keys/", fault)
            self.assertEqual(
                self.keys(*self.ARGV, "--timeout", "0.05"), self.uncertain("no complete response within 0.05 s")
            )
            server.wait_for_requests()  # it may arrive later than that
            self.assertEqual(self.posts(server), 1)

    def test_the_command_in_the_hint_finds_the_key(self):
        for options in ((), ("--workspace", make_workspace(1)["id"])):
            with self.subTest(options):
                self.start(make_key(1), workspaces=[make_workspace(n) for n in range(2)]).fail(
                    "POST", "/keys/", hang_up_after_work()
                )
                hint = self.keys("create", "--name", "brand-new", *options).err.partition("check whether it exists: ")[
                    2
                ]
                command = hint.partition(",")[0].split()
                self.assertEqual(command[0], "openrouter-remote")
                self.assertIn("brand-new", self.run_program(*command[1:]).out)

    def test_a_refusal_is_not_uncertain(self):
        for status in (400, 401, 402, 403, 409, 413, 422, 429):
            for headers in ({}, {"Retry-After": "1"}):
                with self.subTest(status, headers=headers):
                    server = self.start()
                    server.fail("POST", "/keys/", error(status, "No", headers))
                    run = self.keys(*self.ARGV)
                    self.assertEqual(run[:2], (3 if status in (401, 403) else 5, ""))
                    self.assertEqual(run.err.splitlines()[0], f"{LABEL}error: POST /keys/: {status} No")
                    self.assertNotIn("may or may not", run.err)
                    self.assertNotIn("look for it", run.err)
                    self.assertEqual((self.posts(server), len(server.keys)), (1, 0))

    def test_the_path_without_the_slash_has_the_same_uncertain_outcomes(self):
        for fault, uncertain in ((hang_up(), True), (error(500, "Broken"), True), (error(429, "Slow"), False)):
            server = self.start(create_path="no-slash-404")
            server.fail("POST", "/keys", fault)
            run = self.keys(*self.ARGV)
            self.assertEqual(run[:2], (5, ""))
            self.assertEqual(f"hint: {LOOK}\n" in run.err, uncertain)
            self.assertEqual(self.posts(server), 2)

    def test_a_refused_connection_is_not_uncertain(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))  # and doesn't listen
            address = f"http://127.0.0.1:{silent.getsockname()[1]}"
            self.env["OPENROUTER_BASE_URL"] = f"{address}/api/v1"
            self.assertEqual(
                self.keys(*self.ARGV),
                Run(
                    5,
                    "",
                    f"{LABEL}error: POST /keys/: no response: Connection refused\n"
                    f"hint: check the network, the proxy variables and the base URL, {address}\n",
                ),
            )

    def test_a_redirect_elsewhere_is_not_followed(self):
        elsewhere = ProgramTest.start(self)
        server = self.start()
        server.fail("POST", "/keys/", redirect(307, f"{elsewhere.url}/keys/"))
        run = self.keys(*self.ARGV)
        self.assertEqual(run[:2], (5, ""))
        self.assertIn("not followed", run.err)
        self.assertEqual((self.posts(server), elsewhere.requests), (1, []))

    def test_the_message_of_the_api_is_shown(self):
        self.start()
        self.assertEqual(
            self.keys(*self.ARGV, "--workspace", "nowhere"),
            Run(5, "", f"{LABEL}error: POST /keys/: 400 Unknown workspace_id\n"),
        )


class ChangeTest(KeysTest):
    def setUp(self):
        super().setUp()
        self.renew()

    def renew(self):
        self.start(
            make_key(1, name="other"),
            make_key(2, name="ci", limit=5, limit_reset="monthly", usage_monthly=Decimal("1.25")),
        )
        self.hash = self.server.keys[1]["hash"]

    def test_a_change_sends_only_what_changes_and_prints_the_changed_key(self):
        header = (
            "     name  label               hash            limit  reset    remaining    month  all-time  last used\n"
        )
        row = "[ ]  ci    sk-or-v1-ded...fb3  d4735e3a265e  $5.0000  monthly    $3.7500  $1.2500   $0.0000  never\n"
        for argv, body, out in (
            (("disable", "ci"), '{"disabled": true}', header + row.replace("[ ]", "[x]")),
            (("enable", "ci"), '{"disabled": false}', header + row),
            (("rename", "ci", "CI 2"), '{"name": "CI 2"}', None),
            (("set-limit", "ci", "10"), '{"limit": 10}', None),
            (("set-limit", "ci", "0"), '{"limit": 0}', None),
            (("set-limit", "ci", "0.10"), '{"limit": 0.10}', None),
            (("set-limit", "ci", "none"), '{"limit": null}', None),
            (("set-limit", "ci", "7", "--reset", "daily"), '{"limit": 7, "limit_reset": "daily"}', None),
            (("set-limit", "ci", "7", "--reset", "weekly"), '{"limit": 7, "limit_reset": "weekly"}', None),
            (("set-limit", "ci", "7", "--reset", "monthly"), '{"limit": 7, "limit_reset": "monthly"}', None),
            (("set-limit", "ci", "7", "--reset", "none"), '{"limit": 7, "limit_reset": null}', None),
            (("set-limit", "ci", "none", "--reset", "none"), '{"limit": null, "limit_reset": null}', None),
        ):
            with self.subTest(argv):
                self.renew()
                before = dict(self.server.keys[1])
                run = self.keys(*argv)
                self.assertEqual((run.code, run.err), (0, ""))
                self.assertEqual(self.changes(self.server), [("PATCH", f"/keys/{self.hash}", body)])
                self.assertEqual(run.out.splitlines()[1][5:].split("  ")[0], {**before, **json.loads(body)}["name"])
                if out:
                    self.assertEqual(run.out, out)

    def test_the_json_of_a_change_is_the_changed_key(self):
        document = json.loads(self.keys("set-limit", "ci", "10.5", "--json").out, parse_float=Decimal)
        self.assertEqual(list(document), ["tool", *self.server.keys[1]])
        self.assertEqual((
            document["name"], document["limit"], document["limit_remaining"]
        ), ("ci", Decimal("10.5"), Decimal("9.25")))  # fmt: skip

    def test_other_keys_dont_change(self):
        other = dict(self.server.keys[0])
        for argv in CHANGES:
            self.keys(*argv)
        self.assertEqual(self.server.keys[:1], [other])

    def test_a_change_by_full_hash_takes_two_requests(self):
        self.keys("disable", self.hash)
        self.assertEqual(
            [(request.method, request.path) for request in self.server.requests],
            [("GET", f"/keys/{self.hash}"), ("PATCH", f"/keys/{self.hash}")],
        )

    def test_a_change_is_never_retried(self):
        for argv in CHANGES:
            for fault in (hang_up(), error(429, "Slow"), error(500, "Broken"), html(502), error(503, "Broken")):
                self.renew()
                method = "DELETE" if argv[0] == "delete" else "PATCH"
                self.server.always(method, f"/keys/{self.hash}", fault)
                run = self.keys(*argv)
                self.assertEqual(run[:2], (5, ""))
                self.assertIn(f"{LABEL}error: {method} /keys/{self.hash}: ", run.err)
                self.assertEqual(len(self.changes(self.server)), 1)

    def test_a_patch_response_about_anything_else_is_an_error(self):
        bodies: tuple = ({}, {"data": []}, {"data": None}, "<html>", {"data": {}}, {"data": {"hash": None}})
        for body in (*bodies, {"data": {"hash": 5}}, {"data": self.server.keys[0]}):
            for argv in UPDATES:
                with self.subTest(argv, body=body):
                    self.server.fail("PATCH", f"/keys/{self.hash}", respond(200, body))
                    run = self.keys(*argv)
                    self.assertEqual(run[:2], (5, ""))
                    self.assertIn(f"{LABEL}error: PATCH /keys/{self.hash}: ", run.err)

    def test_nothing_is_changed_if_the_response_has_another_hash(self):
        other = self.server.keys[0]
        for data in ({"name": "ci"}, {"hash": None}, {"hash": ""}, {"hash": 5}, other):
            for argv in CHANGES:
                with self.subTest(argv, hash=data.get("hash")):
                    self.server.fail("GET", f"/keys/{self.hash}", respond(200, {"data": data}))
                    run = self.keys(*[self.hash if word == "ci" else word for word in argv])
                    self.assertEqual(run[:2], (5, ""))
                    self.assertEqual(self.changes(self.server), [])

    def test_bad_arguments_are_refused_before_any_request(self):
        for argv, message in (
            (("set-limit", "ci", "-1"), "argument USD|none: '-1' is negative"),
            (("set-limit", "ci", "nan"), "argument USD|none: 'nan' isn't a number, such as 5 or 0.5"),
            (("set-limit", "ci", "inf"), "argument USD|none: 'inf' isn't a number, such as 5 or 0.5"),
            (("set-limit", "ci", "null"), "argument USD|none: 'null' isn't a number, such as 5 or 0.5"),
            (("set-limit", "ci", ""), "argument USD|none: '' isn't a number, such as 5 or 0.5"),
            (("set-limit", "ci"), "the following arguments are required: USD|none"),
            (("set-limit", "ci", "--reset", "daily"), "the following arguments are required: USD|none"),
            (("rename", "ci"), "the following arguments are required: NAME"),
            (("rename", "ci", ""), "argument NAME: it is empty"),
            (("rename", "ci", "  "), "argument NAME: it is empty"),
            (("rename", "ci", "a", "b"), "unrecognized arguments: b"),
            (("disable",), "the following arguments are required: KEY"),
            (("disable", "ci", "other"), "unrecognized arguments: other"),
            (("enable",), "the following arguments are required: KEY"),
            (("delete", "-y"), "the following arguments are required: KEY"),
            (("show",), "the following arguments are required: KEY"),
        ):
            with self.subTest(argv):
                self.fails(2, message, *argv, hint=f"see: openrouter-remote keys {argv[0]} --help")
        for reset in ("yearly", "None", ""):
            run = self.keys("set-limit", "ci", "5", "--reset", reset)
            self.assertEqual(run[:2], (2, ""))
            self.assertIn(f"error: argument --reset: invalid choice: '{reset}' (choose from ", run.err)
        self.assertEqual(self.server.requests, [])

    def test_an_unknown_command_is_a_usage_error(self):
        run = self.keys("remove")
        self.assertEqual(run[:2], (2, ""))
        self.assertTrue(run.err.endswith("hint: see: openrouter-remote keys --help\n"), run.err)


class DeleteTest(KeysTest):
    def setUp(self):
        super().setUp()
        self.renew()

    def renew(self):
        self.start(make_key(1, name="other"), make_key(2, name="old laptop"))
        self.hash = self.server.keys[1]["hash"]

    def at_a_terminal(self, typed, *argv):
        """Run the program at a pseudo-terminal where someone types `typed` (bytes). Returns a Run whose `err` is all
        the text on the terminal."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        mode = termios.tcgetattr(slave)
        mode[1] &= ~termios.OPOST
        mode[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, mode)
        os.write(master, typed)
        with open(slave, "r+b", buffering=0) as terminal:
            keyboard, screen = (io.TextIOWrapper(terminal, encoding="utf-8", write_through=True) for _ in range(2))
            with mock.patch("sys.stdin", keyboard), contextlib.redirect_stdout(io.StringIO()) as out:
                environment = mock.patch.dict(os.environ, self.env, clear=True)
                with environment, contextlib.redirect_stderr(screen):
                    code = program.main(["keys", *argv])
            shown = b""
            os.set_blocking(master, False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    shown += os.read(master, 4096)
            for stream in (keyboard, screen):
                stream.detach()
        return Run(code, out.getvalue(), shown.decode())

    PROMPT = (
        "Delete the key 'old laptop' (d4735e3a265e) permanently? "
        "(disabling is reversible: openrouter-remote keys disable d4735e3a265e) [y/N] "
    )

    def test_yes_deletes_without_asking(self):
        for option in ("-y", "--yes"):
            self.renew()
            self.assertEqual(
                self.keys("delete", "old laptop", option), Run(0, f"deleted: old laptop ({self.hash})\n", "")
            )
            self.assertEqual(self.changes(self.server), [("DELETE", f"/keys/{self.hash}", "")])
            self.assertEqual([key["name"] for key in self.server.keys], ["other"])

    def test_the_json_is_the_deleted_key(self):
        was = self.server.keys[1]
        document = json.loads(self.keys("delete", "old laptop", "-y", "--json").out)
        self.assertEqual(list(document), ["tool", *was, "deleted"])
        self.assertEqual((document["hash"], document["deleted"]), (was["hash"], True))

    def test_delete_without_a_terminal_or_yes_sends_nothing(self):
        refusal = Run(
            2,
            "",
            f"{LABEL}error: no terminal to confirm on; nothing was deleted\n"
            "hint: use -y to delete without asking; disabling is reversible: openrouter-remote keys disable KEY\n",
        )
        for options in ((), ("--json",)):
            self.assertEqual(self.start_program("keys", "delete", "old laptop", *options), refusal)
            self.assertEqual(
                self.start_program("keys", "delete", "old laptop", *options, stdin=None, input="y\n"), refusal
            )
        self.assertEqual(self.server.requests, [])

    def test_a_closed_stdin_isnt_a_terminal(self):
        shell = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "keys", "delete", "old laptop"]
        done = subprocess.run(shell, env=self.env, capture_output=True)
        self.assertEqual((done.returncode, done.stdout, self.server.requests), (2, b"", []))

    def test_a_clear_yes_deletes(self):
        for typed in (b"y\n", b"YES\n"):
            with self.subTest(typed):
                self.renew()
                self.assertEqual(
                    self.at_a_terminal(typed, "delete", "old laptop"),
                    Run(0, f"deleted: old laptop ({self.hash})\n", self.PROMPT),
                )
                self.assertEqual([key["name"] for key in self.server.keys], ["other"])

    def test_any_other_answer_deletes_nothing(self):
        for typed in (b"\n", b"n\n", b"yy\n", b"yes please\n", "да\n".encode(), b"\xff\n", b"\x04"):
            with self.subTest(typed):
                ended = "" if typed.endswith(b"\n") else "\n"
                self.assertEqual(
                    self.at_a_terminal(typed, "delete", "old laptop"),
                    Run(
                        2,
                        "",
                        self.PROMPT + f"{ended}{LABEL}error: not confirmed; nothing was deleted\n"
                        "hint: disabling is reversible: openrouter-remote keys disable d4735e3a265e\n",
                    ),
                )
        self.assertEqual(self.changes(self.server), [])

    def test_ctrl_c_at_the_prompt_deletes_nothing(self):
        # The terminal isn't the program's controlling one, so Ctrl-C there would send no signal.
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        with self.started("keys", "delete", "old laptop", stdin=slave, stderr=slave) as process:
            os.close(slave)
            screen = b""
            while not screen.endswith(b"[y/N] "):
                chunk = os.read(master, 4096)  # an OSError, or nothing, at the end
                self.assertTrue(chunk, screen)
                screen += chunk
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.communicate()[0], "")
        self.assertEqual((process.returncode, self.changes(self.server)), (130, []))

    def test_the_prompt_escapes_control_characters_in_a_name(self):
        self.server.keys[1]["name"] = "a\x1b[2K\r'b"
        run = self.at_a_terminal(b"n\n", "delete", self.hash)
        self.assertTrue(run.err.startswith("Delete the key 'a\\x1b[2K\\r'b' (d4735e3a265e) permanently? "), run.err)

    def test_a_response_that_doesnt_say_deleted_is_an_error(self):
        for body in ({"deleted": False}, {}, {"deleted": "yes"}, {"deleted": 1}, {"data": {"deleted": True}}):
            with self.subTest(body=body):
                self.server.fail("DELETE", f"/keys/{self.hash}", respond(200, body))
                self.fails(
                    5,
                    f"DELETE /keys/{self.hash}: the response doesn't say it was deleted; "
                    "the key may or may not have been deleted",
                    "delete",
                    self.hash,
                    "-y",
                    hint="check it: openrouter-remote keys show d4735e3a265e",
                )


class HostileTest(KeysTest):
    """Names and hashes are always one segment of the path."""

    NAMED = (("show", "ci"), ("disable", "ci"), ("delete", "ci", "-y"))

    def test_an_unknown_hostile_name_requests_only_lists(self):
        server = self.start(make_key(1, name="ci"), make_key(2, name="web"))
        for name in ("", *HOSTILE):
            for command in (*(("keys", *argv) for argv in self.NAMED), ("usage", "--key", "ci")):
                with self.subTest(name=name, command=command):
                    del server.requests[:]
                    run = self.run_program(*[name if word == "ci" else word for word in command])
                    self.assertEqual(run[:2], (4, ""))
                    targets = {request.target.partition("?")[0] for request in server.requests}
                    self.assertLessEqual(targets, {"/api/v1/keys", "/api/v1/workspaces", "/api/v1/credits"})
                    self.assertEqual(self.changes(server), [])

    def test_a_key_with_a_hostile_name_is_the_one_that_changes(self):
        for name in HOSTILE:
            for argv in self.NAMED[1:]:
                with self.subTest(name=name, argv=argv):
                    server = self.start(make_key(1, name="web"), make_key(2, name=name))
                    hash = server.keys[1]["hash"]
                    self.assertEqual(self.keys(*[name if word == "ci" else word for word in argv]).code, 0)
                    self.assertEqual([path for _, path, _ in self.changes(server)], [f"/keys/{hash}"])

    def test_a_hostile_new_name_is_sent_as_it_is(self):
        for name in HOSTILE[:-2]:
            with self.subTest(name):
                server = self.start(make_key(1, name="ci"))
                self.assertEqual(self.keys("rename", "ci", name).code, 0)
                self.assertEqual([r.body for r in server.requests if r.method == "PATCH"], [{"name": name}])

    def test_a_hostile_hash_stays_one_segment_of_the_path(self):
        # Clients and proxies remove `.` and `..` from a path.
        for hash in HOSTILE:
            for argv in self.NAMED:
                with self.subTest(hash=hash, argv=argv):
                    server = self.start(make_key(1, name="web"), make_key(2, name="ci", hash=hash))
                    run = self.keys(*argv)
                    self.assertIn(run.code, (0, 5))
                    for request in server.requests:
                        if request.path in ("/keys", "/workspaces"):
                            self.assertEqual(request.method, "GET")
                            continue
                        start, segment = request.target[:13], request.target[13:]
                        self.assertEqual((start, unquote(segment)), ("/api/v1/keys/", hash))
                        self.assertRegex(segment, r"\A[A-Za-z0-9%_~:.-]+\Z")
                        self.assertNotIn(segment, (".", ".."))
                    self.assertEqual(server.keys[0], make_key(1, name="web"))

    def test_a_hostile_hash_of_a_new_key_stays_one_segment_of_the_path(self):
        for hash in HOSTILE:
            with self.subTest(hash):
                server = self.start(make_key(1, name="web"))
                body = {"data": make_key(2, name="ci", hash=hash), "key": make_secret(2)}
                server.fail("POST", "/keys/", respond(201, body))
                run = self.keys("create", "--name", "ci", "--limit", "1")
                self.assertEqual(run.err.splitlines().count(make_secret(2)), 1)
                for request in [r for r in server.requests if r.method == "PATCH"]:
                    self.assertEqual((request.target[:13], unquote(request.target[13:])), ("/api/v1/keys/", hash))


class CredentialTest(KeysTest):
    MIX_UP = (
        "hint: OPENROUTER_PROVISIONING_KEY (from the shell) is a user key and was refused: "
        "set OPENROUTER_PROVISIONING_KEY (or OPENROUTER_MANAGEMENT_KEY) to a valid management key, or create one at "
        "https://openrouter.ai/settings/management-keys\n"
    )

    def test_a_user_key_in_place_of_the_management_key_is_recognized(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = USER_KEY
        for status, message in ((401, "User not found."), (403, "Only management keys can perform this operation")):
            for argv in EVERY_COMMAND:
                with self.subTest(argv, status=status):
                    server = self.start(make_key(1, name="ci"), user_key_status=status)
                    request = "POST /keys/" if argv[0] == "create" else "GET /keys"
                    refused = f"{LABEL}error: {request}: {status} {message}\n{self.MIX_UP}"
                    self.assertEqual(self.keys(*argv), Run(3, "", refused))
                    self.assertEqual(len(server.secrets), 0)

    def test_a_refused_key_of_unknown_kind_is_reported_as_refused(self):
        hint = self.MIX_UP.replace("is a user key and was", "was")
        refused = Run(3, "", f"{LABEL}error: GET /keys: 401 User not found.\n{hint}")
        server = self.start(make_key(1, name="ci"))
        server.always("GET", "/keys", error(401, "User not found."))
        for fault in (error(401, "User not found."), error(404, "Not Found"), error(503, "Busy"), hang_up(), html(502)):
            with self.subTest(fault=fault):
                server.always("GET", "/key", fault)
                self.assertEqual(self.keys("list"), refused)

    def test_nothing_is_sent_without_a_management_key(self):
        del self.env["OPENROUTER_PROVISIONING_KEY"]
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        server = self.start(make_key(1, name="ci"))
        for argv in EVERY_COMMAND:
            with self.subTest(argv):
                self.fails(
                    3,
                    "no management key: set OPENROUTER_PROVISIONING_KEY (or OPENROUTER_MANAGEMENT_KEY)",
                    *argv,
                    hint="set it in the shell or in a .env file; create one at "
                    "https://openrouter.ai/settings/management-keys. OPENROUTER_API_KEY (from the shell) is set: if "
                    "it's a management key, rename it to OPENROUTER_PROVISIONING_KEY",
                )
        self.assertEqual(server.requests, [])

    def test_the_newer_name_of_the_management_key_works(self):
        self.env["OPENROUTER_MANAGEMENT_KEY"] = self.env.pop("OPENROUTER_PROVISIONING_KEY")
        self.start(make_key(1, name="ci"))
        self.assertEqual(self.keys("show", "ci").code, 0)

    def test_every_request_sends_the_management_key(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for argv in EVERY_COMMAND:
            server = self.start(make_key(1, name="ci"))
            self.assertEqual(self.keys(*argv).code, 0)
            self.assertEqual({r.headers.get("authorization") for r in server.requests}, {f"Bearer {MANAGEMENT_KEY}"})


if __name__ == "__main__":
    unittest.main()
