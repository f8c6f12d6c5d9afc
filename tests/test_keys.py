"""`keys`: the account's keys, found by name and never mistaken, created once, changed and deleted."""

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
import zlib
from decimal import Decimal
from typing import Any
from unittest import mock
from urllib.parse import unquote

from fake_openrouter import (
    MANAGEMENT_KEY,
    USER_KEY,
    Reply,
    answer,
    cut,
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
    never,
    redirect,
    stream,
)
from support import COMMAND, ProgramTest, Run, calls, program

LABEL = "openrouter-remote: "
EVERY_COMMAND = (*(argv[1:] for argv in calls("ci", needs="management") if argv[0] == "keys"), ("list", "--all"))
UPDATES = tuple(argv[1:] for argv in calls("ci", changes="PATCH"))
CHANGES = (*UPDATES, ("delete", "ci", "-y"))
FIRST_SECRET = make_secret(1_000_000)  # of the first key that a stand-in creates
NOTICE = "this is the new key; it won't be shown again\n"
SHOWN = f"{FIRST_SECRET}\n{NOTICE}"  # on stderr, and the first that is written there
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


class KeysTest(ProgramTest):
    service: Any = None

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY

    def start(self, *keys, **switches):
        """A service with these keys and, unless `workspaces` says otherwise, one workspace."""
        self.service = super().start(keys=list(keys), **{"workspaces": [make_workspace(name="Research")], **switches})
        return self.service

    def keys(self, *argv):
        return self.run_program("keys", *argv)

    def changes(self, service):
        """Method, path and raw body of every request that is not a GET."""
        return [(r.method, r.path, r.raw.decode()) for r in service.requests if r.method != "GET"]

    def fails(self, code, message, *argv, hint=""):
        self.assertEqual(
            self.keys(*argv), Run(code, "", f"{LABEL}error: {message}\n" + (f"hint: {hint}\n" if hint else ""))
        )

    def shown_once(self, run, secret=FIRST_SECRET):
        """A new key stands on stderr once, whole and on a line of its own, and no part of it anywhere else."""
        self.assertEqual(run.err.splitlines().count(secret), 1, run.err)
        for part in (secret[9:20], secret[30:50]):
            self.assertEqual((run.out.count(part), run.err.count(part)), (0, 1), run)


class ListTest(KeysTest):
    HINT = "hint: there may be more keys: openrouter-remote keys list --all lists every workspace\n"

    def test_the_table_is_newest_first_with_a_mark_on_disabled_keys(self):
        self.start(
            make_key(
                1, name="ci", limit=5, limit_reset="monthly", usage_monthly=Decimal("1.25"), usage=Decimal("9.5"),
                last_used_at="2026-11-25T10:30:00.000Z",
            ),
            make_key(2, name="old laptop", disabled=True, usage=Decimal("0.00005")),
        )  # fmt: skip
        self.assertEqual(self.keys("list"), Run(0, TWO_KEYS, ""))

    def test_a_column_for_expiry_comes_where_a_key_expires(self):
        self.start(make_key(1, name="ci", expires_at="2031-02-03T00:00:00Z"), make_key(2, name="web"))
        header, *rows = self.keys("list").out.splitlines()
        self.assertEqual(header[-18:], "last used  expires")
        self.assertEqual([row.partition("$0.0000   $0.0000  never    ")[2] for row in rows], ["  2031-02-03", "  -"])

    def test_a_column_for_the_workspace_comes_where_there_are_several(self):
        workspaces = [make_workspace(n) for n in range(2)]
        self.start(*(make_key(n, workspace_id=workspaces[n]["id"]) for n in range(2)), workspaces=workspaces)
        self.assertNotIn("workspace", self.keys("list").out)
        header, *rows = self.keys("list", "--all").out.splitlines()
        self.assertEqual(header.rstrip()[-20:], "last used  workspace")
        self.assertEqual([row[-13:] for row in rows], ["  Workspace 0", "  Workspace 1"])

    def test_the_first_page_of_the_default_workspace_is_listed_disabled_keys_included(self):
        workspaces = [make_workspace(n) for n in range(2)]
        keys = [make_key(n, workspace_id=workspaces[n % 2]["id"], disabled=n == 2) for n in range(14)]
        self.start(*keys, workspaces=workspaces, page_size=5)
        names = [line[5:11].strip() for line in self.keys("list").out.splitlines()[1:]]
        self.assertEqual(names, ["key 0", "key 2", "key 4", "key 6", "key 8"])

    def test_without_a_default_workspace_the_named_ones_are_listed(self):
        workspaces = [make_workspace(n) for n in range(2)]
        keys = [make_key(n, name=f"key-{n}", workspace_id=workspaces[1]["id"]) for n in range(3)]
        self.start(*keys, workspaces=workspaces, default_workspace_gone=True)
        names = [line.split()[2] for line in self.keys("list").out.splitlines()[1:]]
        self.assertEqual(names, ["key-0", "key-1", "key-2"])

    def test_what_should_be_text_and_is_not_stands_there_as_json(self):
        key = make_key(1, name={"a": 1.5}, label=["b"], limit_reset=True, expires_at=5, workspace_id={"c": None})
        service = self.start(has_workspaces=False)
        service.always("GET", "/keys", answer(200, {"data": [key, make_key(2)]}))
        row = self.keys("list", "--all").out.splitlines()[1]
        expected = '[ ] {"a": 1.5} ["b"] 6b86b273ff34 - true - $0.0000 $0.0000 never 5 {"c": null}'
        self.assertEqual(row.split(), expected.split())

    def test_an_expired_key_is_listed_with_its_mark_and_can_be_named(self):
        self.start(make_key(1, name="past", expires_at="2026-11-25T11:59:59Z"), make_key(2, name="web"))
        marks = [line[:3] for line in self.keys("list").out.splitlines()[1:]]
        self.assertEqual(marks, ["[-]", "[ ]"])
        self.assertEqual(self.keys("disable", "past").code, 0)

    def test_the_first_page_is_one_request_in_a_row(self):
        for count in (1, 99):
            service = self.start(*(make_key(n) for n in range(count)))
            self.keys("list")
            self.assertEqual(sorted(request.path for request in service.requests), ["/keys", "/workspaces"])

    def test_all_lists_every_page_of_every_workspace(self):
        workspaces = [make_workspace(n) for n in range(2)]
        keys = [make_key(n, workspace_id=workspaces[n % 2]["id"], disabled=n == 2) for n in range(14)]
        self.start(*keys, workspaces=workspaces, page_size=5)
        run = self.keys("list", "--all")
        expected = [*range(0, 14, 2), *range(1, 14, 2)]
        self.assertEqual([int(line[9:11]) for line in run.out.splitlines()[1:]], expected)
        self.assertEqual((run.code, run.err), (0, ""))

    def test_a_hint_says_so_when_there_are_more_keys_and_only_then(self):
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

    def test_all_has_no_hint(self):
        self.start(*(make_key(n) for n in range(13)), page_size=5, workspaces=[make_workspace(n) for n in range(2)])
        self.assertEqual(self.keys("list", "--all").err, "")

    def test_no_keys_are_a_header_and_a_line_on_stderr(self):
        self.start()
        header = "  name  label  hash  limit  reset  remaining  month  all-time\n"
        self.assertEqual(self.keys("list"), Run(0, header, "no keys\n"))
        self.assertEqual(self.keys("list", "--all"), Run(0, header, "no keys\n"))

    def test_the_json_of_no_keys_is_the_tool_alone(self):
        self.start()
        run = self.keys("list", "--json")
        self.assertEqual((run.code, list(json.loads(run.out))), (0, ["tool"]))

    def test_json_is_keyed_by_hash_in_the_displayed_order_with_the_services_own_objects(self):
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

    def test_a_money_field_that_is_no_number_is_a_dash(self):
        self.start({**make_key(1, name="ci"), "usage": None, "usage_monthly": "much", "limit": []})
        row = self.keys("list").out.splitlines()[1]
        self.assertEqual(
            row, "[ ]  ci    sk-or-v1-548...460  6b86b273ff34      -  -              -      -         -  never"
        )

    def test_fields_that_are_missing_or_null_are_dashes(self):
        key = {"hash": "ab" * 32, "name": None}
        service = self.start()
        service.always("GET", "/keys", answer(200, {"data": [key]}))
        for command in ("list", "show"):
            run = self.keys(command, *(["abab"] if command == "show" else []))
            self.assertEqual((run.code, run.err), (0, ""))

    def test_what_is_beyond_the_first_page_must_be_known_for_the_hint(self):
        service = self.start(make_key(1))
        service.always("GET", "/workspaces", error(500, "Broken"))
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

    def test_a_key_is_found_on_any_page_of_any_workspace_by_each_of_its_names(self):
        for key in self.all:
            for name in (key["hash"], key["hash"][:4], key["hash"][:63], key["name"], key["label"]):
                with self.subTest(name):
                    self.assertEqual(self.found(name), key["name"])

    def test_a_full_hash_is_one_request(self):
        hash = self.all[5]["hash"]
        self.assertEqual(self.found(hash), "name-5")
        self.assertEqual([request.target for request in self.service.requests], [f"/api/v1/keys/{hash}"])

    def test_a_full_hash_beats_a_key_of_that_name(self):
        self.service.keys[0]["name"] = self.all[5]["hash"]
        self.assertEqual(self.found(self.all[5]["hash"]), "name-5")

    def test_a_name_may_look_like_a_hash(self):
        self.service.keys[3]["name"] = "ab" * 32
        self.assertEqual(self.found("ab" * 32), "ab" * 32)

    def test_less_than_four_characters_are_no_prefix(self):
        self.fails(
            4,
            f"'{self.all[1]['hash'][:3]}' is too short for a hash prefix (4 characters or more)",
            "show",
            self.all[1]["hash"][:3],
            hint="use more of the hash, or the key's name",
        )

    def test_a_name_of_less_than_four_characters_is_a_name(self):
        self.service.keys[3]["name"] = self.all[1]["hash"][:3]
        self.assertEqual(self.found(self.all[1]["hash"][:3]), self.all[1]["hash"][:3])

    def test_a_prefix_fits_the_beginning_only(self):
        self.assertEqual(self.keys("show", self.all[1]["hash"][1:12]).code, 4)

    def test_a_name_is_not_found_by_a_part_of_it_or_in_another_case(self):
        for name in ("name", "name-", "NAME-1", "ame-1", " name-1", "name-1 "):
            self.assertEqual(self.keys("show", name).code, 4)

    def test_none_is_an_error_with_the_nearest_names(self):
        self.service.keys[2]["name"] = "production"
        self.fails(4, "no key is called 'producton'", "show", "producton", hint="the nearest are production")

    def test_the_name_of_one_that_begins_the_hash_of_another_is_ambiguous(self):
        self.service.keys[0]["name"] = self.all[5]["hash"][:6]
        self.ambiguous(self.all[5]["hash"][:6], self.all[0], self.all[5])

    def test_the_name_of_one_that_begins_its_own_hash_is_clear(self):
        self.service.keys[5]["name"] = self.all[5]["hash"][:6]
        self.assertEqual(self.found(self.all[5]["hash"][:6]), self.all[5]["hash"][:6])

    def test_a_name_that_two_keys_have_is_ambiguous(self):
        self.service.keys[6]["name"] = "name-2"
        self.ambiguous("name-2", self.all[2], self.all[6])

    def test_the_name_of_one_that_is_the_label_of_another_is_ambiguous(self):
        self.service.keys[0]["name"] = self.all[5]["label"]
        self.ambiguous(self.all[5]["label"], self.all[0], self.all[5])

    def test_a_prefix_of_two_is_ambiguous(self):
        for n in (2, 5):
            self.service.keys[n]["hash"] = f"abcd{n}" + "0" * 59
        self.ambiguous("abcd", self.all[2], self.all[5])

    def ambiguous(self, name, *candidates):
        for argv in CHANGES:
            with self.subTest(argv):
                listed = ", ".join(f"{key['hash'][:12]} ({key['name']})" for key in candidates)
                command = [name if word == "ci" else word for word in argv]
                message = f"'{name}' fits {len(candidates)} keys; nothing was changed"
                self.fails(4, message, *command, hint=f"use a hash: {listed}")
                self.assertEqual(self.changes(self.service), [])

    def test_nothing_is_changed_when_the_key_does_not_exist(self):
        for argv in CHANGES:
            with self.subTest(argv):
                self.assertEqual(self.keys(*argv)[:2], (4, ""))
                self.assertEqual(self.changes(self.service), [])

    def test_nothing_is_changed_when_not_all_keys_can_be_seen(self):
        # name-0 is known from the first page, but another page might have one of the same name.
        for path in ("/workspaces", "/keys"):
            if path == "/keys":
                self.service.fail("GET", path, lambda handler: handler.reply(self.service.respond(handler.asked)))
            self.service.always("GET", path, error(400, "Broken"))
            self.assertEqual(self.keys("disable", "name-0")[:2], (5, ""))
            self.assertEqual(self.changes(self.service), [])

    def test_the_sheet_of_a_key_says_all_about_it(self):
        self.service.keys[0] = make_key(
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

    def test_the_json_of_a_key_is_the_services_own_object(self):
        document = json.loads(self.keys("show", "name-5", "--json").out)
        self.assertEqual(list(document), ["tool", *self.all[5]])
        del document["tool"]
        self.assertEqual(document, self.all[5])


class CreateTest(KeysTest):
    """A new key is shown once, on stderr, before anything else can fail."""

    def redirected(self, redirection, *argv):
        """The real program with its outputs as a shell redirects them."""
        shell = ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, "keys", *argv]
        done = subprocess.run(shell, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return Run(done.returncode, done.stdout, done.stderr)

    def test_the_new_key_is_on_stderr_and_its_object_on_stdout(self):
        service = self.start()
        self.assertEqual(
            self.keys("create", "--name", "ci", "--limit", "5", "--limit-reset", "weekly"), Run(0, NEW_KEY, SHOWN)
        )
        self.assertEqual(service.secrets, [FIRST_SECRET])

    def test_the_json_is_the_keys_object_without_the_key(self):
        for inside in (False, True):
            with self.subTest(key_inside_data=inside):
                service = self.start(key_inside_data=inside)
                run = self.keys("create", "--name", "ci", "--json")
                document = json.loads(run.out)
                self.assertEqual(list(document), ["tool", *service.keys[0]])
                self.assertEqual(run.code, 0)
                self.shown_once(run)

    def test_the_real_program_shows_the_new_key_once(self):
        for options in ((), ("--json",), ("-v",), ("--json", "-v")):
            with self.subTest(options):
                self.start()
                self.shown_once(self.start_program("keys", "create", "--name", "ci", *options))

    def test_the_body_holds_only_what_was_asked_for(self):
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
                service = self.start(workspaces=[make_workspace(n) for n in range(2)])
                self.assertEqual(self.keys("create", "--name", "ci", *options).code, 0)
                self.assertEqual(self.changes(service), [("POST", "/keys/", f'{{"name": "ci"{fields}}}')])

    def test_a_name_may_hold_anything(self):
        for name in [*HOSTILE[:-2], '"', "\\", "-", "-x", "ключ", "日本", "x" * 300]:
            with self.subTest(name):
                service = self.start()
                self.assertEqual(self.keys("create", f"--name={name}").code, 0)
                self.assertEqual([json.loads(body) for _, _, body in self.changes(service)], [{"name": name}])

    def test_bad_arguments_are_refused_before_anything_is_sent(self):
        service = self.start()
        for argv, message in (
            ((), "the following arguments are required: --name"),
            (("--name", ""), "argument --name: it is empty"),
            (("--name", " \t"), "argument --name: it is empty"),
            (("--name", "ci", "--limit", "-1"), "argument --limit: '-1' is negative"),
            (("--name", "ci", "--limit=-0.01"), "argument --limit: '-0.01' is negative"),
            (("--name", "ci", "--limit", "nan"), "argument --limit: 'nan' isn't a finite number, such as 5 or 0.5"),
            (("--name", "ci", "--limit", "inf"), "argument --limit: 'inf' isn't a finite number, such as 5 or 0.5"),
            (("--name", "ci", "--limit", "none"), "argument --limit: 'none' isn't a finite number, such as 5 or 0.5"),
            (("--name", "ci", "--limit", "$5"), "argument --limit: '$5' isn't a finite number, such as 5 or 0.5"),
            (("--name", "ci", "--limit", ""), "argument --limit: '' isn't a finite number, such as 5 or 0.5"),
            (("--name", "ci", "extra"), "unrecognized arguments: extra"),
        ):
            with self.subTest(argv):
                self.fails(2, message, "create", *argv, hint="see: openrouter-remote keys create --help")
        for reset in ("yearly", "none", "Daily", ""):
            run = self.keys("create", "--name", "ci", "--limit-reset", reset)
            self.assertEqual(run[:2], (2, ""))
            self.assertIn(f"error: argument --limit-reset: invalid choice: '{reset}' (choose from ", run.err)
        self.assertEqual(service.requests, [])

    def test_the_new_key_is_shown_when_stdout_cannot_be_written(self):
        for redirection, why in ((">&-", "stdout is closed"), (">/dev/full", "No space left on device")):
            if redirection == ">/dev/full" and not os.path.exists("/dev/full"):
                continue
            for options in ((), ("--json",)):
                with self.subTest(redirection, options=options):
                    service = self.start()
                    run = self.redirected(redirection, "create", "--name", "ci", *options)
                    error = f"{LABEL}error: can't write to stdout: {why}\n"
                    self.assertEqual(run, Run(5, "", f"{SHOWN}{error}"))
                    self.assertEqual(len(service.keys), 1)

    def test_the_new_key_is_shown_when_nobody_reads_stdout(self):
        self.start()
        run = self.redirected("| true", "create", "--name", "ci")
        self.shown_once(run)
        self.assertNotIn("Traceback", run.err)

    def test_an_answer_of_another_shape_shows_the_key_and_is_an_error_unless_it_describes_it(self):
        secret, key = make_secret(5), make_key(5, name="ci")
        padding = "x" * 80  # so that an excerpt of the answer would be cut within the secret
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
            ("an error that holds it", {"error": {"code": 500, "message": f"{padding} {secret}"}}, 5),
        ):
            for options in ((), ("--json",), ("-v",)):
                with self.subTest(name, options=options):
                    service = self.start()
                    service.fail("POST", "/keys/", answer(201, body))
                    run = self.keys("create", "--name", "ci", *options)
                    self.assertEqual(run.code, code)
                    self.shown_once(run, secret)
                    if code:
                        self.assertEqual(run.out, "")
                        self.assertIn("the key was created", run.err)
                        self.assertIn("hint: look for it with: openrouter-remote keys list --all", run.err)
                    self.assertEqual([method for method, _, _ in self.changes(service)], ["POST"])

    def test_an_answer_that_is_cut_after_the_key_shows_it(self):
        secret = make_secret(5)
        for body in ({"key": secret, "data": make_key(5)}, {"data": {"key": secret, **make_key(5)}}):
            for options in ((), ("-v",)):
                with self.subTest(options):
                    service = self.start()
                    service.fail("POST", "/keys/", cut(body, 200))
                    run = self.keys("create", "--name", "ci", *options)
                    self.assertEqual(run[:2], (5, ""))
                    self.shown_once(run, secret)
                    self.assertIn("; the key was created and is shown above\n", run.err)

    def test_a_key_at_the_very_end_of_a_cut_answer_is_shown_where_it_has_the_usual_length(self):
        body = {"key": FIRST_SECRET, "data": make_key(5)}
        self.start().fail("POST", "/keys/", cut(body, 9 + len(FIRST_SECRET)))
        run = self.keys("create", "--name", "ci")
        self.shown_once(run)
        self.assertEqual(run[:2], (5, ""))

    def test_a_name_of_the_form_of_a_key_is_not_the_new_key(self):
        named = "sk-or-v1-" + "a" * 64
        self.start().fail("POST", "/keys/", answer(201, {"data": make_key(5, name=named), "secret": FIRST_SECRET}))
        self.shown_once(self.keys("create", "--name", named))

    def test_half_a_key_is_not_shown_as_one(self):
        service = self.start()
        body = {"key": make_secret(5), "data": make_key(5)}
        service.fail("POST", "/keys/", cut(body, 40))
        run = self.keys("create", "--name", "ci")
        self.assertEqual(run[:2], (5, ""))
        self.assertNotIn("is shown above", run.err)

    def test_a_key_that_the_answer_does_not_hold_is_an_error_that_says_what_to_delete(self):
        service = self.start()
        service.fail("POST", "/keys/", answer(201, {"data": make_key(5, name="ci")}))
        self.assertEqual(
            self.keys("create", "--name", "ci"),
            Run(
                5,
                "",
                f"{LABEL}error: POST /keys/: a key was created but couldn't be shown\n"
                "hint: delete it and create another: openrouter-remote keys delete ef2d127de37b\n",
            ),
        )

    def test_a_key_of_another_form_is_shown_whole(self):
        for secret in ("sk-or-v2-Ab.cd/ef+gh==ijklmnopqrstuvwxyz-0123456789_tuvwxyz", "sk-or-v1-" + "0123456789" * 20):
            with self.subTest(secret):
                service = self.start()
                service.fail("POST", "/keys/", answer(201, {"data": make_key(5, name="ci"), "key": secret}))
                self.assertEqual(self.keys("create", "--name", "ci").err, f"{secret}\n{NOTICE}")

    def test_both_forms_of_the_path_create_one_key(self):
        for switch, paths in (
            ("both", ["/keys/"]),
            ("slash", ["/keys/"]),
            ("no-slash-404", ["/keys/", "/keys"]),
            ("no-slash-405", ["/keys/", "/keys"]),
        ):
            with self.subTest(switch):
                service = self.start(create_path=switch)
                run = self.keys("create", "--name", "ci")
                self.assertEqual((run.code, [path for _, path, _ in self.changes(service)]), (0, paths))
                self.assertEqual(len(service.keys), 1)
                self.shown_once(run)

    def test_a_redirect_to_the_other_form_keeps_method_and_body(self):
        for status in (307, 308):
            with self.subTest(status):
                service = self.start()
                service.fail("POST", "/keys/", redirect(status, "/api/v1/keys"))
                self.assertEqual(self.keys("create", "--name", "ci").code, 0)
                body = '{"name": "ci"}'
                self.assertEqual(self.changes(service), [("POST", "/keys/", body), ("POST", "/keys", body)])

    def test_a_path_that_does_not_exist_in_either_form_is_an_error(self):
        service = self.start(create_path="no-slash-405")
        service.always("POST", "/keys", error(404, "Not Found"))
        self.assertEqual(
            self.keys("create", "--name", "ci"),
            Run(
                5,
                "",
                f"{LABEL}error: POST /keys: 404 Not Found\n"
                f"hint: OPENROUTER_BASE_URL is {service.url} (from the shell): is that the right base URL?\n",
            ),
        )


class FirstLineTest(KeysTest):
    """The new key is the first line that the real program writes on stderr, and somebody must read it."""

    COMMANDS = (("create", "--name", "ci"), ("rotate", "web"), ("rotate", "web", "--disable-old"))

    def bash(self, script, *argv):
        """The real program as "$@" of a bash script."""
        shell = ["bash", "-c", script, "bash", *COMMAND, "keys", *argv]
        done = subprocess.run(shell, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return Run(done.returncode, done.stdout, done.stderr)

    def test_a_pipe_that_reads_one_line_shows_the_key(self):
        for reader in ("head -1", "head -n 1", "grep -m1 sk-or-", "sed 1q"):
            for argv in self.COMMANDS:
                for options in ((), ("--json",)):
                    with self.subTest(reader, argv=argv, options=options):
                        service = self.start(make_key(1, name="web"))
                        run = self.bash(f'"$@" 2>&1 | {reader}', *argv, *options)
                        self.assertEqual(run, Run(0, f"{FIRST_SECRET}\n", ""))
                        self.assertEqual(service.secrets, [FIRST_SECRET])
                        self.assertEqual(service.keys[-1]["disabled"], "--disable-old" in argv)

    def test_the_key_is_the_first_line_and_the_notice_the_second(self):
        for argv in self.COMMANDS:
            with self.subTest(argv):
                self.start(make_key(1, name="web"))
                self.assertTrue(self.start_program("keys", *argv).err.startswith(SHOWN))

    def test_a_setting_that_cannot_be_set_is_said_after_the_key(self):
        service = self.start(ignored_on_create={"limit"})
        service.always("PATCH", "*", error(500, "Broken"))
        run = self.start_program("keys", "create", "--name", "ci", "--limit", "5")
        self.assertTrue(run.err.startswith(f"{SHOWN}{LABEL}warning: PATCH "), run.err)

    def test_nothing_is_created_when_stderr_is_closed(self):
        for argv in self.COMMANDS:
            for options in ((), ("--out", "new.env"), ("--json",)):
                with self.subTest(argv, options=options):
                    service = self.start(make_key(1, name="web"))
                    run = self.bash('exec "$@" 2>&-', *argv, *options)
                    self.assertEqual(run, Run(2, "", ""))
                    self.assertEqual((self.changes(service), os.path.exists("new.env")), ([], False))

    def test_nothing_is_created_when_stderr_is_a_pipe_whose_reader_is_gone(self):
        for argv in self.COMMANDS:
            for options in ((), ("--out", "new.env"), ("--json",)):
                with self.subTest(argv, options=options):
                    service = self.start(make_key(1, name="web"))
                    reader, writer = os.pipe()
                    os.close(reader)
                    try:
                        run = self.start_program("keys", *argv, *options, stderr=writer)
                    finally:
                        os.close(writer)
                    self.assertEqual(run[:2], (2, ""))
                    self.assertEqual((self.changes(service), os.path.exists("new.env")), ([], False))


class EchoTest(KeysTest):
    """Answers that send the request back, a credential in use with it, or wrap the new key in odd ways."""

    ECHO = f"Authorization: Bearer {MANAGEMENT_KEY}"

    def create(self, fault, key=FIRST_SECRET):
        """A run in which POST is answered by `fault`: the new key is shown once, and no credential anywhere."""
        service = self.start()
        service.fail("POST", "/keys/", fault)
        run = self.keys("create", "--name", "ci", "--timeout", "3600")
        self.assertEqual(run.err.splitlines().count(FIRST_SECRET), int(key is not None), run.err)
        for secret in (MANAGEMENT_KEY, USER_KEY):
            self.assertNotIn(secret[9:40], run.out + run.err)
        return run

    @staticmethod
    def deadline_after(received):
        """`background`, with the deadline of a request when so many bytes of its answer have come, not after a time."""
        real = program.background

        def background(call, *args):
            def wait(timeout=None):
                while len(args[4].raw) < received:
                    threading.Event().wait(0.001)
                raise program._Timeout

            begun = real(call, *args)
            return wait if call is program._exchange and args[0] == "POST" else begun

        return background

    def test_an_echo_of_a_credential_is_never_taken_for_the_new_key(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        whole = json.dumps({"echo": self.ECHO, "keys": [USER_KEY, MANAGEMENT_KEY]})
        for name, fault in (
            ("a page under 200", answer(200, f"<h1>Debug</h1><p>{self.ECHO}</p>", content_type="text/html")),
            ("an error under 200", answer(200, {"error": {"message": self.ECHO}})),
            ("a place of the key", answer(201, {"data": make_key(5), "key": MANAGEMENT_KEY})),
            ("the data", answer(201, {"data": {**make_key(5), "key": USER_KEY}})),
            ("with something behind it", answer(201, {"data": make_key(5), "key": f"{MANAGEMENT_KEY}-debug"})),
            ("a part of it", answer(201, {"data": make_key(5), "key": MANAGEMENT_KEY[:40]})),
            ("at the end of a sentence", answer(200, f"<p>Not {MANAGEMENT_KEY}. Not {USER_KEY}.")),
            ("side by side", answer(200, f"<p>{MANAGEMENT_KEY}{USER_KEY}")),
            ("in other letters", answer(201, {"data": make_key(5), "key": "sk-or-v1-" + MANAGEMENT_KEY[9:].upper()})),
            *((f"cut at {n}", cut(whole, n)) for n in range(20, len(whole), 7)),
        ):
            with self.subTest(name):
                self.assertEqual(self.create(fault, key=None).code, 5)

    def test_what_only_stands_for_a_key_is_never_taken_for_it(self):
        for name, fields in (
            ("points", {"data": make_key(5, label="sk-or-v1-777" + "." * 24 + "777")}),
            ("another sign", {"data": make_key(5, label="sk-or-v1-777" + "x" * 58 + "777")}),
            ("in its place", {"data": make_key(5), "key": "sk-or-v1-777" + "*" * 60}),
        ):
            with self.subTest(name):
                run = self.create(answer(201, fields), key=None)
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertNotIn(NOTICE, run.err)
                self.assertIn("error: POST /keys/: a key was created but couldn't be shown\n", run.err)

    def test_a_key_behind_escapes_is_shown(self):
        data = make_key(5, name="ci")
        escaped = json.dumps({"data": data, "key": FIRST_SECRET}).replace("sk-or", "\\u0073k\\u002dor")
        for name, fault in (
            ("and cut", cut(escaped, len(escaped) - 1)),
            ("in a page", answer(200, f"<p>Your key: {FIRST_SECRET.replace('-', '&#45;')}</p>")),
            ("as UTF-16, cut", answer(201, json.dumps({"data": data, "key": FIRST_SECRET}).encode("utf-16-le")[:-1])),
        ):
            with self.subTest(name):
                self.assertEqual(self.create(fault).code, 5)

    def test_a_redirect_that_holds_a_new_key_is_not_followed(self):
        run = self.create(answer(307, {"key": FIRST_SECRET}, {"Location": "/api/v1/keys"}))
        self.assertEqual((run.code, len(self.changes(self.service))), (5, 1))

    def test_beside_an_echo_the_new_key_is_found(self):
        data = make_key(5, name="ci")
        for name, body, code in (
            ("a member", {"data": data, "key": FIRST_SECRET, "debug": {"authorization": self.ECHO}}, 0),
            ("before it", {"debug": self.ECHO, "data": data, "key": FIRST_SECRET}, 0),
            ("in the other place", {"key": MANAGEMENT_KEY, "data": {**data, "key": FIRST_SECRET}}, 0),
            ("elsewhere", {"data": data, "debug": [self.ECHO, {"made": FIRST_SECRET}]}, 0),
            ("a page", f"<p>{self.ECHO}</p><p>Your key is {FIRST_SECRET}.</p>", 5),
            ("side by side", f"<p>{MANAGEMENT_KEY}{FIRST_SECRET}</p>", 5),
        ):
            with self.subTest(name):
                self.assertEqual(self.create(answer(201, body)).code, code)

    def test_a_key_that_came_whole_is_shown_whatever_it_was_wrapped_in(self):
        body = encode({"data": make_key(5, name="ci"), "key": FIRST_SECRET})
        packed, deflated = gzip.compress(body), zlib.compress(body)
        broken = packed[:-8] + b"\0" * 8
        half = len(body) // 2
        raw = zlib.compressobj(wbits=-15)
        bare = raw.compress(body) + raw.flush()

        def chunk(data):
            return b"%x\r\n%s\r\n" % (len(data), data)

        chunked = json_head({"Transfer-Encoding": "chunked"})
        odd = ("utf-8", "none", "br")
        refusals = (400, 401, 403, 404, 405, 409, 422, 429, 500, 502, 503)
        for name, fault in (
            ("its length ten too big", stream(lambda: [json_head({"Content-Length": len(body) + 10}), body])),
            ("no last chunk", stream(lambda: [chunked, chunk(body)])),
            ("a chunk of a negative size", stream(lambda: [chunked, b"-1\r\n", body])),
            *((f"the encoding {name}", answer(201, body, {"Content-Encoding": name})) for name in odd),
            ("deflate", answer(201, deflated, {"Content-Encoding": "deflate"})),
            ("bare deflate", answer(201, bare, {"Content-Encoding": "deflate"})),
            ("gzip that is not announced", answer(201, packed, {"Content-Encoding": "identity"})),
            ("gzip that is none", answer(201, body, {"Content-Encoding": "gzip"})),
            ("a wrong check sum", answer(201, broken, {"Content-Encoding": "gzip"})),
            ("gzip cut in its sum", answer(201, packed[:-4], {"Content-Encoding": "gzip"})),
            ("bytes behind gzip", answer(201, packed + b"more", {"Content-Encoding": "gzip"})),
            *((str(status), answer(status, body)) for status in refusals),
            *((str(status), answer(status, body, {"Location": "/"})) for status in (301, 302, 303)),
            ("a redirect elsewhere", answer(307, body, {"Location": "https://example.invalid/"})),
            ("an error beside it", answer(201, {"error": {"message": "late"}, "key": FIRST_SECRET})),
            ("a list", answer(201, [{"key": FIRST_SECRET}])),
        ):
            with self.subTest(name):
                run = self.create(fault)
                self.assertEqual(run[:2], (5, ""))
                self.assertIn("; the key was created and is shown above\n", run.err)
                self.assertEqual([method for method, _, _ in self.changes(self.service)], ["POST"])
        for name, fault, sent in (
            ("a connection kept open", never(json_head({}), body), body),
            ("a connection kept open, in chunks", never(chunked, chunk(body)), body),
            ("a connection kept open, packed", never(json_head({"Content-Encoding": "gzip"}), packed), packed),
        ):
            with self.subTest(name), mock.patch.object(program, "background", self.deadline_after(len(sent))):
                run = self.create(fault)
                self.assertEqual(run[:2], (5, ""))
                self.assertIn("no complete response within 3600 s; the key was created and is shown above\n", run.err)
        members = gzip.compress(body[:half]) + gzip.compress(body[half:])
        self.assertEqual(self.create(answer(201, members, {"Content-Encoding": "gzip"})).code, 0)
        self.assertEqual(self.create(answer(201, body.decode().encode("utf-16-le"))).code, 0)

    def test_rotation_changes_nothing_of_the_old_key_unless_the_new_one_was_shown(self):
        for name, fault in (
            ("an echo", answer(200, {"data": make_key(5), "key": MANAGEMENT_KEY})),
            ("a page", answer(200, f"<p>{self.ECHO}")),
            ("an error", answer(500, self.ECHO)),
        ):
            with self.subTest(name):
                service = self.start(make_key(1, name="ci"))
                service.fail("POST", "/keys/", fault)
                self.assertEqual(self.keys("rotate", "ci", "--disable-old").code, 5)
                self.assertEqual([method for method, _, _ in self.changes(service)], ["POST"])
                self.assertEqual((service.keys[0]["name"], service.keys[0]["disabled"]), ("ci", False))


class InterruptTest(KeysTest):
    """What an interrupted change says of what is done and what is unknown; the real program."""

    def interrupted(self, *argv, method, number=signal.SIGINT):
        """A run that gets a signal when the request with this method has arrived."""
        self.service.fail(method, "*", never())
        with self.started("keys", *argv) as process:
            while method not in [request.method for request in list(self.service.requests)]:
                self.service.wait_for_requests(len(self.service.requests) + 1)
            process.send_signal(number)
            out, err = process.communicate()
        return Run(process.returncode, out, err)

    def test_a_change_that_was_sent_is_unknown(self):
        for argv, method, what in (
            (("disable", "ci"), "PATCH", "the key was disabled"),
            (("enable", "ci"), "PATCH", "the key was enabled"),
            (("rename", "ci", "x"), "PATCH", "the key was renamed"),
            (("set-limit", "ci", "1"), "PATCH", "the limit was changed"),
            (("move", "ci", "Research"), "PATCH", "the key was moved"),
            (("delete", "ci", "-y"), "DELETE", "the key was deleted"),
        ):
            for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)):
                with self.subTest(argv, number=number):
                    self.start(make_key(1, name="ci"))
                    look = "look at it with: openrouter-remote keys show 6b86b273ff34"
                    warning = f"{LABEL}warning: interrupted: whether {what} is unknown; {look}\n"
                    run = self.interrupted(*argv, method=method, number=number)
                    self.assertEqual(run, Run(code, "", warning))

    def test_a_rotation_says_what_is_left_to_do(self):
        self.start(make_key(1, name="ci"))
        run = self.interrupted("rotate", "ci", method="PATCH")
        self.assertEqual(run[:2], (130, ""))
        self.assertEqual(
            run.err.partition(SHOWN)[2],
            f"{LABEL}warning: interrupted: the new key is shown above and works; whether the old key was renamed is "
            "unknown; look at it with: openrouter-remote keys show 6b86b273ff34; left to do: "
            "openrouter-remote keys rename 6b86b273ff34 'ci (old 2026-11-25)'; "
            "openrouter-remote keys disable 6b86b273ff34\n",
        )

    def test_what_only_reads_is_quiet(self):
        self.start(make_key(1, name="ci"))
        self.assertEqual(self.interrupted("show", "ci", method="GET"), Run(130, "", ""))


class UnmadeChangeTest(KeysTest):
    """A change is believed when the answer shows it."""

    def test_a_key_that_is_as_it_was_is_exit_5(self):
        for argv in UPDATES:
            with self.subTest(argv):
                key = make_key(1, name="ci", disabled=argv[0] == "enable")
                self.start(key, heeds_changes=False, workspaces=[make_workspace(), make_workspace(1, name="Research")])
                message = f"PATCH /keys/{key['hash']}: the key wasn't changed"
                self.fails(5, message, *argv)

    def test_so_is_an_old_key_that_a_rotation_leaves_as_it_was(self):
        hint = "hint: the new key is shown above and works; the old one works until it is disabled"
        for options in ((), ("--disable-old",)):
            self.start(make_key(1, name="ci"), heeds_changes=False)
            run = self.keys("rotate", "ci", *options)
            self.assertEqual(run.code, 5)
            self.assertIn("error: PATCH /keys/6b86b273ff34", run.err)
            self.assertIn(hint, run.err)

    def test_a_limit_is_compared_as_a_number(self):
        service = self.start(make_key(1, name="ci"))
        for given, stands in (
            *(("5", Decimal("5.0")), ("5.50", Decimal("5.5")), ("0", Decimal("0.00"))),
            *(("5", "5"), ("5", "5.00"), ("0", "0.0")),
        ):
            with self.subTest(given=given):
                service.fail("PATCH", "*", answer(200, {"data": {**service.keys[0], "limit": stands}}))
                self.assertEqual(self.keys("set-limit", "ci", given).code, 0)

    def test_a_name_is_compared_trimmed(self):
        service = self.start(make_key(1, name="ci"))
        for given, stands in ((" web ", "web"), ("web", " web\t"), ("web", "web")):
            with self.subTest(given=given, stands=stands):
                service.fail("PATCH", "*", answer(200, {"data": {**service.keys[0], "name": stands}}))
                self.assertEqual(self.keys("rename", "ci", given).code, 0)

    def test_a_time_is_compared_as_a_moment(self):
        asked = "2099-01-31T12:00:00Z"
        for got in (asked, "2099-01-31T12:00:00.000Z", "2099-01-31T12:00:00+00:00", "2099-01-31T14:00:00+02:00"):
            self.assertTrue(program.is_same("expires_at", asked, got), got)
        others: tuple = (None, "", 5, "x", "2099-01-31T12:00:01Z", "2099-01-31T12:00:00+02:00")
        for other in others:
            self.assertFalse(program.is_same("expires_at", asked, other), other)

    def test_a_field_that_the_answer_omits_is_believed(self):
        for argv, field in (
            (("disable", "ci"), "disabled"),
            (("rename", "ci", "web"), "name"),
            (("set-limit", "ci", "7"), "limit"),
            (("set-limit", "ci", "none"), "limit"),
            (("move", "ci", "Research"), "workspace_id"),
        ):
            with self.subTest(argv):
                service = self.start(make_key(1, name="ci"), workspaces=[make_workspace(name="Research")])
                data = {name: value for name, value in service.keys[0].items() if name != field}
                service.fail("PATCH", "*", answer(200, {"data": data}))
                self.assertEqual(self.keys(*argv).code, 0)

    def test_another_value_is_exit_5(self):
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
                service = self.start(make_key(1, name="ci"))
                service.fail("PATCH", "*", answer(200, {"data": {**service.keys[0], **fields}}))
                message = f"PATCH /keys/{service.keys[0]['hash']}: the key wasn't changed"
                self.fails(5, message, *argv)


class PoisonTest(KeysTest):
    """Commands that are printed to be run: what came from the service is one word of them, or left out."""

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

    def test_a_name_is_one_word_of_the_command_and_runs_as_it_stands(self):
        for name in self.NAMES:
            with self.subTest(name):
                service = self.start(make_key(1, name=name))
                service.fail("PATCH", "*", error(500, "Down"))
                run = self.keys("rotate", "6b86b273ff34")
                command = re.search(r"left to do: (openrouter-remote keys rename .*); openrouter-remote", run.err)
                assert command, run.err
                words = shlex.split(command[1])
                self.assertEqual(words[-1], f"{name} (old 2026-11-25)")
                service.keys = [key for key in service.keys if key["hash"] == make_key(1)["hash"]]
                self.assertEqual(self.run_program(*words[1:]).code, 0)
                self.assertEqual(service.keys[0]["name"], f"{name} (old 2026-11-25)")

    def test_a_name_that_cannot_be_shown_as_it_is_is_left_out_and_that_is_said(self):
        for name in ("a\nb", "a\tb", "\x1b[31m", "a\u202eb", "a\xa0b", "a\u200bb", f"for {USER_KEY}"):
            with self.subTest(name):
                self.env["OPENROUTER_API_KEY"] = USER_KEY
                service = self.start(make_key(1, name=name))
                service.fail("PATCH", "*", error(500, "Down"))
                run = self.keys("rotate", "6b86b273ff34")
                rename = "keys rename 6b86b273ff34 (plus a value with unprintable characters, not shown); "
                self.assertIn(f"left to do: openrouter-remote {rename}openrouter-remote keys disable", run.err)

    def test_a_hash_is_one_word_too(self):
        for hash, quoted in ((";touch PWNED", "';touch PWNED'"), ("-x", "-- -x"), ("$(id)", "'$(id)'")):
            with self.subTest(hash):
                service = self.start({**make_key(1, name="ci"), "hash": hash})
                service.always("PATCH", "*", error(500, "Down"))
                self.assertIn(f"keys disable {quoted}\n", self.keys("rotate", "ci").err)
                service.keys = service.keys[1:]
                service.always("DELETE", "*", error(500, "Down"))
                self.assertIn(f"keys show {quoted}\n", self.keys("delete", "ci", "-y").err)

    def test_a_reset_that_this_program_does_not_know_makes_no_command(self):
        service = self.start(make_key(1, name="ci", limit=5, limit_reset="; touch PWNED"))
        new = make_key(7, name="ci", limit=5)
        service.fail("POST", "/keys/", answer(201, {"data": new, "key": FIRST_SECRET}))
        service.always("PATCH", "*", error(500, "Down"))
        run = self.keys("rotate", "ci")
        self.assertEqual(run.code, 5)
        self.assertIn("hint: run: openrouter-remote keys set-limit 7902699be42c 5\n", run.err)
        self.assertNotIn("--reset", run.err)


class CreateSettingsTest(KeysTest):
    """What the service silently defaults on creation is set by a PATCH."""

    ASKED = ("create", "--name", "ci", "--limit", "5", "--limit-reset", "weekly", "--include-byok-in-limit")
    IGNORED = (
        ({"limit_reset"}, '{"limit_reset": "weekly"}'),
        ({"include_byok_in_limit"}, '{"include_byok_in_limit": true}'),
        ({"limit_reset", "include_byok_in_limit"}, '{"limit_reset": "weekly", "include_byok_in_limit": true}'),
        ({"limit", "limit_reset"}, '{"limit": 5, "limit_reset": "weekly"}'),
    )

    def test_only_what_is_missing_is_set(self):
        for ignored, body in self.IGNORED:
            with self.subTest(ignored):
                service = self.start(ignored_on_create=ignored)
                run = self.keys(*self.ASKED, "--json")
                hash = service.keys[0]["hash"]
                self.assertEqual(self.changes(service)[1:], [("PATCH", f"/keys/{hash}", body)])
                self.assertEqual(run.code, 0)
                self.shown_once(run)
                key = json.loads(run.out)
                self.assertEqual((key["limit"], key["limit_reset"], key["include_byok_in_limit"]), (5, "weekly", True))

    def test_nothing_is_set_where_the_answer_is_what_was_asked_for(self):
        service = self.start()
        self.assertEqual(self.keys(*self.ASKED).code, 0)
        self.assertEqual([method for method, _, _ in self.changes(service)], ["POST"])

    def test_what_was_not_asked_for_is_not_set(self):
        service = self.start(ignored_on_create={"limit_reset", "include_byok_in_limit"})
        self.assertEqual(self.keys("create", "--name", "ci", "--limit", "5").code, 0)
        self.assertEqual([method for method, _, _ in self.changes(service)], ["POST"])

    def test_a_change_that_fails_is_a_warning_with_a_command_that_sets_it(self):
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
                    service = self.start(ignored_on_create=ignored)
                    service.fail("PATCH", "*", fault)
                    run = self.keys(*asked, "--json")
                    self.assertEqual(run.code, 5)
                    self.shown_once(run)
                    key = service.keys[0]
                    self.assertEqual(json.loads(run.out)["hash"], key["hash"])
                    warning, hint = run.err.partition(SHOWN)[2].splitlines()
                    self.assertIn(f"{LABEL}warning: PATCH /keys/{key['hash']}: {reason}", warning)
                    command = "openrouter-remote keys set-limit " + sets.format(key["hash"][:12])
                    self.assertEqual(hint, f"hint: run: {command}")
                    self.assertEqual(self.run_program(*command.split()[1:]).code, 0)
                    wanted = dict(zip(asked[3::2], asked[4::2]))
                    self.assertEqual(key["limit_reset"], wanted.get("--limit-reset"))
                    self.assertEqual(key["limit"] and str(key["limit"]), wanted.get("--limit"))

    def test_a_byok_setting_that_cannot_be_set_is_a_warning_that_says_what_to_do(self):
        service = self.start(ignored_on_create={"include_byok_in_limit"})
        service.fail("PATCH", "*", error(500, "Broken"))
        run = self.keys(*self.ASKED)
        hash = service.keys[0]["hash"]
        self.assertEqual(run.code, 5)
        self.shown_once(run)
        self.assertEqual(
            run.err.partition(SHOWN)[2],
            f'{LABEL}warning: PATCH /keys/{hash}: 500 Broken; the new key lacks {{"include_byok_in_limit": true}}\n'
            f"hint: look at it with: openrouter-remote keys show {hash[:12]}\n",
        )

    def test_an_answer_to_the_change_that_is_no_key_is_a_failure_of_the_change(self):
        bodies: tuple = ({}, {"data": None}, {"data": []}, {"data": {}}, {"data": {"hash": None}}, "<html>")
        for body in bodies:
            with self.subTest(body=body):
                service = self.start(ignored_on_create={"limit_reset"})
                service.fail("PATCH", "*", answer(200, body))
                run = self.keys(*self.ASKED)
                self.assertEqual(run.code, 5)
                self.shown_once(run)
                command = f"keys set-limit --reset weekly {service.keys[0]['hash'][:12]} 5"
                self.assertIn(f"hint: run: openrouter-remote {command}\n", run.err)

    def test_a_change_that_changes_nothing_is_a_failure_of_the_change(self):
        service = self.start(ignored_on_create={"limit_reset"})

        def unheeding(handler):
            handler.reply(Reply(200, {"data": service.keys[0]}))

        service.fail("PATCH", "*", unheeding)
        run = self.keys(*self.ASKED)
        self.assertEqual(run.code, 5)
        command = f"keys set-limit --reset weekly {service.keys[0]['hash'][:12]} 5"
        self.assertIn(f"hint: run: openrouter-remote {command}\n", run.err)


class AfterCreationTest(KeysTest):
    """Once the key is made, nothing is requested but the PATCH of its settings and the steps of a rotation."""

    def after(self, service):
        """Method and path of every request after the one that created the key."""
        sent = [(request.method, request.path) for request in service.requests]
        return sent[sent.index(("POST", "/keys/")) + 1 :]

    def test_nothing_is_read_after_it(self):
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
                    service = self.start(make_key(1, name="web", limit=5), ignored_on_create=ignored)

                    def created(handler, service=service):
                        """After this, nothing can be read."""
                        service.always("GET", "*", error(500, "Broken"))
                        handler.reply(service.respond(handler.asked))

                    service.fail("POST", "/keys/", created)
                    run = self.keys(*argv, *options)
                    self.assertEqual(run.code, 0, run.err)
                    after = self.after(service)
                    self.assertEqual([method for method, _ in after], methods)
                    if argv[0] == "rotate":
                        self.assertEqual(after[-1], ("PATCH", old))

    def test_a_namesake_is_no_reason_to_warn(self):
        self.start(make_key(1, name="ci"))
        self.assertEqual(self.keys("create", "--name", "ci").err, SHOWN)

    def test_a_key_of_another_name_is_left_as_it_is(self):
        for options in ((), ("--limit", "5"), ("--limit", "5", "--limit-reset", "weekly", "--include-byok-in-limit")):
            for fields in ({}, {"limit": 1}, {"disabled": True}):
                with self.subTest(options, fields=fields):
                    other = make_key(5, name="production", **fields)
                    service = self.start(dict(other))
                    service.fail("POST", "/keys/", answer(201, {"data": other, "key": FIRST_SECRET}))
                    run = self.keys("create", "--name", "ci", *options)
                    self.assertEqual(run.code, 5)
                    self.shown_once(run)
                    self.assertIn(f"{SHOWN}{LABEL}warning: ", run.err)
                    self.assertIn("'production'", run.err)
                    self.assertNotIn("keys delete", run.err)
                    self.assertEqual([method for method, _, _ in self.changes(service)], ["POST"])
                    self.assertEqual(service.keys, [other])

    def test_what_the_api_writes_otherwise_is_what_was_asked_for(self):
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
                service = self.start()
                data = {**make_key(5, limit_remaining=5), **same, **fields}
                service.fail("POST", "/keys/", answer(201, {"data": data, "key": FIRST_SECRET}))
                run = self.keys(*asked, "--json")
                self.assertEqual((run.code, run.err), (0, SHOWN))
                self.assertEqual([method for method, _, _ in self.changes(service)], ["POST"])

    def test_another_limit_is_set(self):
        for limit in (None, "6", Decimal("5.01"), True, "five"):
            with self.subTest(limit=limit):
                key = {**make_key(5, name="ci"), "limit": limit}
                service = self.start(dict(key))
                service.fail("POST", "/keys/", answer(201, {"data": key, "key": FIRST_SECRET}))
                self.assertEqual(self.keys("create", "--name", "ci", "--limit", "5").code, 0)
                self.assertEqual(self.changes(service)[1:], [("PATCH", f"/keys/{key['hash']}", '{"limit": 5}')])

    def test_a_disabled_key_is_reported_with_the_command_that_enables_it(self):
        key = make_key(5, name="ci", disabled=True)
        service = self.start(key)
        service.fail("POST", "/keys/", answer(201, {"data": dict(key), "key": FIRST_SECRET}))
        run = self.keys("create", "--name", "ci")
        warning = f"{LABEL}warning: the new key is disabled\n"
        hint = f"hint: run: openrouter-remote keys enable {key['hash'][:12]}\n"
        self.assertEqual((run.code, run.err), (5, f"{SHOWN}{warning}{hint}"))
        self.assertEqual([method for method, _, _ in self.changes(service)], ["POST"])


class OtherSettingsTest(KeysTest):
    """What the service made is compared with what was asked for."""

    def test_what_cannot_be_mended_is_exit_5(self):
        key = make_key(5, name="ci", workspace_id=make_workspace(0)["id"])
        service = self.start(key, summer=True)
        service.fail("POST", "/keys/", answer(201, {"data": dict(key), "key": FIRST_SECRET}))
        run = self.keys("create", "--name", "ci", "--workspace", make_workspace(1)["id"])
        self.assertEqual(run.code, 5)
        self.assertIn("; the new key lacks {", run.err)
        self.assertNotIn("keys delete", run.err)


class CreateOnceTest(KeysTest):
    """POST is sent once, whatever happens."""

    ARGV = ("create", "--name", "ci")
    LOOK = "before you try again, look for it with: openrouter-remote keys list --all"

    def uncertain(self, reason):
        """The Run that leaves open whether a key was created."""
        error = f"{LABEL}error: POST /keys/: {reason}; the key may or may not have been created\n"
        return Run(5, "", f"{error}hint: {self.LOOK}\n")

    def posts(self, service):
        return sum(request.method == "POST" for request in service.requests)

    def test_an_uncertain_outcome_says_so_and_how_to_look(self):
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
            (answer(200, {"error": {"message": "late"}}), "200 with an error: late", 0),
            (cut({"data": {}}, 5), '200 with an answer that is cut short: {"dat', 0),
        ):
            with self.subTest(reason, created=created):
                service = self.start()
                service.fail("POST", "/keys/", fault)
                self.assertEqual(self.keys(*self.ARGV), self.uncertain(reason))
                self.assertEqual((self.posts(service), len(service.keys)), (1, created))
                self.assertEqual(self.waits, [])

    def test_an_answer_that_takes_too_long_is_uncertain(self):
        for fault in (never(), drip(json_head({}))):
            service = self.start()
            service.fail("POST", "/keys/", fault)
            self.assertEqual(
                self.keys(*self.ARGV, "--timeout", "0.05"), self.uncertain("no complete response within 0.05 s")
            )
            service.wait_for_requests()  # which may be sent later than that
            self.assertEqual(self.posts(service), 1)

    def test_how_to_look_finds_the_key(self):
        for options in ((), ("--workspace", make_workspace(1)["id"])):
            with self.subTest(options):
                self.start(make_key(1), workspaces=[make_workspace(n) for n in range(2)]).fail(
                    "POST", "/keys/", hang_up_after_work()
                )
                hint = self.keys("create", "--name", "brand-new", *options).err.partition("look for it with: ")[2]
                command = hint.partition(",")[0].split()
                self.assertEqual(command[0], "openrouter-remote")
                self.assertIn("brand-new", self.run_program(*command[1:]).out)

    def test_a_certain_refusal_does_not_say_so(self):
        for status in (400, 401, 402, 403, 409, 413, 422, 429):
            for headers in ({}, {"Retry-After": "1"}):
                with self.subTest(status, headers=headers):
                    service = self.start()
                    service.fail("POST", "/keys/", error(status, "No", headers))
                    run = self.keys(*self.ARGV)
                    self.assertEqual(run[:2], (3 if status in (401, 403) else 5, ""))
                    self.assertEqual(run.err.splitlines()[0], f"{LABEL}error: POST /keys/: {status} No")
                    self.assertNotIn("unknown", run.err)
                    self.assertNotIn("look with", run.err)
                    self.assertEqual((self.posts(service), len(service.keys)), (1, 0))

    def test_a_refusal_of_the_other_form_of_the_path_is_certain_or_not_like_the_first(self):
        for fault, uncertain in ((hang_up(), True), (error(500, "Broken"), True), (error(429, "Slow"), False)):
            service = self.start(create_path="no-slash-404")
            service.fail("POST", "/keys", fault)
            run = self.keys(*self.ARGV)
            self.assertEqual(run[:2], (5, ""))
            self.assertEqual(f"hint: {self.LOOK}\n" in run.err, uncertain)
            self.assertEqual(self.posts(service), 2)

    def test_a_service_that_cannot_be_reached_has_created_nothing(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))  # and does not listen
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
        service = self.start()
        service.fail("POST", "/keys/", redirect(307, f"{elsewhere.url}/keys/"))
        run = self.keys(*self.ARGV)
        self.assertEqual(run[:2], (5, ""))
        self.assertIn("not followed", run.err)
        self.assertEqual((self.posts(service), elsewhere.requests), (1, []))

    def test_the_services_own_message_is_shown(self):
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
        self.hash = self.service.keys[1]["hash"]

    def test_a_change_is_sent_with_only_what_changes_and_shows_the_key_as_it_is_now(self):
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
                before = dict(self.service.keys[1])
                run = self.keys(*argv)
                self.assertEqual((run.code, run.err), (0, ""))
                self.assertEqual(self.changes(self.service), [("PATCH", f"/keys/{self.hash}", body)])
                self.assertEqual(run.out.splitlines()[1][5:].split("  ")[0], {**before, **json.loads(body)}["name"])
                if out:
                    self.assertEqual(run.out, out)

    def test_the_json_of_a_change_is_the_key_as_it_is_now(self):
        document = json.loads(self.keys("set-limit", "ci", "10.5", "--json").out, parse_float=Decimal)
        self.assertEqual(list(document), ["tool", *self.service.keys[1]])
        self.assertEqual((
            document["name"], document["limit"], document["limit_remaining"]
        ), ("ci", Decimal("10.5"), Decimal("9.25")))  # fmt: skip

    def test_no_other_key_is_changed(self):
        other = dict(self.service.keys[0])
        for argv in CHANGES:
            self.keys(*argv)
        self.assertEqual(self.service.keys[:1], [other])

    def test_a_full_hash_is_looked_up_and_changed_and_nothing_else(self):
        self.keys("disable", self.hash)
        self.assertEqual(
            [(request.method, request.path) for request in self.service.requests],
            [("GET", f"/keys/{self.hash}"), ("PATCH", f"/keys/{self.hash}")],
        )

    def test_a_change_is_sent_once_whatever_happens(self):
        for argv in CHANGES:
            for fault in (hang_up(), error(429, "Slow"), error(500, "Broken"), html(502), error(503, "Broken")):
                self.renew()
                method = "DELETE" if argv[0] == "delete" else "PATCH"
                self.service.always(method, f"/keys/{self.hash}", fault)
                run = self.keys(*argv)
                self.assertEqual(run[:2], (5, ""))
                self.assertIn(f"{LABEL}error: {method} /keys/{self.hash}: ", run.err)
                self.assertEqual(len(self.changes(self.service)), 1)

    def test_an_answer_that_is_not_the_key_is_an_error(self):
        bodies: tuple = ({}, {"data": []}, {"data": None}, "<html>", {"data": {}}, {"data": {"hash": None}})
        for body in (*bodies, {"data": {"hash": 5}}, {"data": self.service.keys[0]}):
            for argv in UPDATES:
                with self.subTest(argv, body=body):
                    self.service.fail("PATCH", f"/keys/{self.hash}", answer(200, body))
                    run = self.keys(*argv)
                    self.assertEqual(run[:2], (5, ""))
                    self.assertIn(f"{LABEL}error: PATCH /keys/{self.hash}: ", run.err)

    def test_a_key_that_is_answered_without_its_hash_or_with_another_is_not_acted_on(self):
        other = self.service.keys[0]
        for data in ({"name": "ci"}, {"hash": None}, {"hash": ""}, {"hash": 5}, other):
            for argv in CHANGES:
                with self.subTest(argv, hash=data.get("hash")):
                    self.service.fail("GET", f"/keys/{self.hash}", answer(200, {"data": data}))
                    run = self.keys(*[self.hash if word == "ci" else word for word in argv])
                    self.assertEqual(run[:2], (5, ""))
                    self.assertEqual(self.changes(self.service), [])

    def test_bad_arguments_are_refused_before_anything_is_sent(self):
        for argv, message in (
            (("set-limit", "ci", "-1"), "argument USD|none: '-1' is negative"),
            (("set-limit", "ci", "nan"), "argument USD|none: 'nan' isn't a finite number, such as 5 or 0.5"),
            (("set-limit", "ci", "inf"), "argument USD|none: 'inf' isn't a finite number, such as 5 or 0.5"),
            (("set-limit", "ci", "null"), "argument USD|none: 'null' isn't a finite number, such as 5 or 0.5"),
            (("set-limit", "ci", ""), "argument USD|none: '' isn't a finite number, such as 5 or 0.5"),
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
        self.assertEqual(self.service.requests, [])

    def test_an_unknown_command_is_wrong_usage(self):
        run = self.keys("remove")
        self.assertEqual(run[:2], (2, ""))
        self.assertTrue(run.err.endswith("hint: see: openrouter-remote keys --help\n"), run.err)


class DeleteTest(KeysTest):
    def setUp(self):
        super().setUp()
        self.renew()

    def renew(self):
        self.start(make_key(1, name="other"), make_key(2, name="old laptop"))
        self.hash = self.service.keys[1]["hash"]

    def at_a_terminal(self, typed, *argv):
        """A run at a pseudo-terminal where `typed` (bytes) is entered: its exit code, its stdout, and all that stood
        on the terminal."""
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

    QUESTION = (
        "Delete the key 'old laptop' (d4735e3a265e) for ever? "
        "the reversible way is: openrouter-remote keys disable d4735e3a265e [y/N] "
    )

    def test_with_y_the_key_is_deleted_without_a_question(self):
        for option in ("-y", "--yes"):
            self.renew()
            self.assertEqual(
                self.keys("delete", "old laptop", option), Run(0, f"deleted: old laptop ({self.hash})\n", "")
            )
            self.assertEqual(self.changes(self.service), [("DELETE", f"/keys/{self.hash}", "")])
            self.assertEqual([key["name"] for key in self.service.keys], ["other"])

    def test_the_json_is_the_key_that_was(self):
        was = self.service.keys[1]
        document = json.loads(self.keys("delete", "old laptop", "-y", "--json").out)
        self.assertEqual(list(document), ["tool", *was, "deleted"])
        self.assertEqual((document["hash"], document["deleted"]), (was["hash"], True))

    def test_without_a_terminal_and_without_y_nothing_is_asked_of_the_service(self):
        refusal = Run(
            2,
            "",
            f"{LABEL}error: no terminal to confirm on; nothing was deleted\n"
            "hint: -y deletes without asking, for ever; the reversible way is: openrouter-remote keys disable KEY\n",
        )
        for options in ((), ("--json",)):
            self.assertEqual(self.start_program("keys", "delete", "old laptop", *options), refusal)
            self.assertEqual(
                self.start_program("keys", "delete", "old laptop", *options, stdin=None, input="y\n"), refusal
            )
        self.assertEqual(self.service.requests, [])

    def test_a_closed_stdin_is_no_terminal(self):
        shell = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "keys", "delete", "old laptop"]
        done = subprocess.run(shell, env=self.env, capture_output=True)
        self.assertEqual((done.returncode, done.stdout, self.service.requests), (2, b"", []))

    def test_a_clear_yes_at_a_terminal_deletes(self):
        for typed in (b"y\n", b"YES\n"):
            with self.subTest(typed):
                self.renew()
                self.assertEqual(
                    self.at_a_terminal(typed, "delete", "old laptop"),
                    Run(0, f"deleted: old laptop ({self.hash})\n", self.QUESTION),
                )
                self.assertEqual([key["name"] for key in self.service.keys], ["other"])

    def test_anything_else_at_a_terminal_deletes_nothing(self):
        for typed in (b"\n", b"n\n", b"yy\n", b"yes please\n", "да\n".encode(), b"\xff\n", b"\x04"):
            with self.subTest(typed):
                ended = "" if typed.endswith(b"\n") else "\n"
                self.assertEqual(
                    self.at_a_terminal(typed, "delete", "old laptop"),
                    Run(
                        2,
                        "",
                        self.QUESTION + f"{ended}{LABEL}error: not confirmed; nothing was deleted\n"
                        "hint: the reversible way is: openrouter-remote keys disable d4735e3a265e\n",
                    ),
                )
        self.assertEqual(self.changes(self.service), [])

    def test_ctrl_c_at_the_question_deletes_nothing(self):
        # The terminal is not the program's controlling one, so the signal is sent by hand after the question.
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        with self.started("keys", "delete", "old laptop", stdin=slave, stderr=slave) as process:
            os.close(slave)
            screen = b""
            while not screen.endswith(b"[y/N] "):
                screen += os.read(master, 4096)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.communicate()[0], "")
        self.assertEqual((process.returncode, self.changes(self.service)), (130, []))

    def test_the_question_shows_a_hostile_name_as_text(self):
        self.service.keys[1]["name"] = "a\x1b[2K\r'b"
        run = self.at_a_terminal(b"n\n", "delete", self.hash)
        self.assertTrue(run.err.startswith("Delete the key 'a\\x1b[2K\\r'b' (d4735e3a265e) for ever? "), run.err)

    def test_an_answer_that_does_not_say_deleted_is_an_error(self):
        for body in ({"deleted": False}, {}, {"deleted": "yes"}, {"deleted": 1}, {"data": {"deleted": True}}):
            with self.subTest(body=body):
                self.service.fail("DELETE", f"/keys/{self.hash}", answer(200, body))
                self.fails(
                    5,
                    f"DELETE /keys/{self.hash}: the response doesn't say it was deleted; "
                    "the key may or may not have been deleted",
                    "delete",
                    self.hash,
                    "-y",
                    hint="look at it with: openrouter-remote keys show d4735e3a265e",
                )


class HostileTest(KeysTest):
    """Names and hashes stay in their place in the path, whatever they hold."""

    NAMED = (("show", "ci"), ("disable", "ci"), ("delete", "ci", "-y"))

    def test_a_hostile_name_that_no_key_has_asks_only_for_lists_and_acts_on_nothing(self):
        service = self.start(make_key(1, name="ci"), make_key(2, name="web"))
        for name in ("", *HOSTILE):
            for command in (*(("keys", *argv) for argv in self.NAMED), ("usage", "--key", "ci")):
                with self.subTest(name=name, command=command):
                    del service.requests[:]
                    run = self.run_program(*[name if word == "ci" else word for word in command])
                    self.assertEqual(run[:2], (4, ""))
                    targets = {request.target.partition("?")[0] for request in service.requests}
                    self.assertLessEqual(targets, {"/api/v1/keys", "/api/v1/workspaces", "/api/v1/credits"})
                    self.assertEqual(self.changes(service), [])

    def test_a_key_with_a_hostile_name_is_the_one_acted_on(self):
        for name in HOSTILE:
            for argv in self.NAMED[1:]:
                with self.subTest(name=name, argv=argv):
                    service = self.start(make_key(1, name="web"), make_key(2, name=name))
                    hash = service.keys[1]["hash"]
                    self.assertEqual(self.keys(*[name if word == "ci" else word for word in argv]).code, 0)
                    self.assertEqual([path for _, path, _ in self.changes(service)], [f"/keys/{hash}"])

    def test_a_hostile_new_name_is_only_a_name(self):
        for name in HOSTILE[:-2]:
            with self.subTest(name):
                service = self.start(make_key(1, name="ci"))
                self.assertEqual(self.keys("rename", "ci", name).code, 0)
                self.assertEqual([r.body for r in service.requests if r.method == "PATCH"], [{"name": name}])

    def test_a_hostile_hash_of_the_service_never_leaves_its_place_in_the_path(self):
        # `.` and `..` would be taken out of a path wherever somebody tidies it up.
        for hash in HOSTILE:
            for argv in self.NAMED:
                with self.subTest(hash=hash, argv=argv):
                    service = self.start(make_key(1, name="web"), make_key(2, name="ci", hash=hash))
                    run = self.keys(*argv)
                    self.assertIn(run.code, (0, 5))
                    for request in service.requests:
                        if request.path in ("/keys", "/workspaces"):
                            self.assertEqual(request.method, "GET")
                            continue
                        start, segment = request.target[:13], request.target[13:]
                        self.assertEqual((start, unquote(segment)), ("/api/v1/keys/", hash))
                        self.assertRegex(segment, r"\A[A-Za-z0-9%_~:.-]+\Z")
                        self.assertNotIn(segment, (".", ".."))
                    self.assertEqual(service.keys[0], make_key(1, name="web"))

    def test_a_hostile_hash_of_a_new_key_never_leaves_its_place_in_the_path(self):
        for hash in HOSTILE:
            with self.subTest(hash):
                service = self.start(make_key(1, name="web"))
                body = {"data": make_key(2, name="ci", hash=hash), "key": make_secret(2)}
                service.fail("POST", "/keys/", answer(201, body))
                run = self.keys("create", "--name", "ci", "--limit", "1")
                self.assertEqual(run.err.splitlines().count(make_secret(2)), 1)
                for request in [r for r in service.requests if r.method == "PATCH"]:
                    self.assertEqual((request.target[:13], unquote(request.target[13:])), ("/api/v1/keys/", hash))


class CredentialTest(KeysTest):
    MIX_UP = (
        "hint: OPENROUTER_PROVISIONING_KEY (from the shell) holds a user key and was refused; this needs a "
        "management key (OPENROUTER_PROVISIONING_KEY or OPENROUTER_MANAGEMENT_KEY; make one at "
        "https://openrouter.ai/settings/management-keys). Both kinds of key begin sk-or-v1- and are easily confused\n"
    )

    def test_a_user_key_where_the_management_key_belongs_is_recognised(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = USER_KEY
        for status, message in ((401, "User not found."), (403, "Only management keys can perform this operation")):
            for argv in EVERY_COMMAND:
                with self.subTest(argv, status=status):
                    service = self.start(make_key(1, name="ci"), user_key_on_keys=status)
                    request = "POST /keys/" if argv[0] == "create" else "GET /keys"
                    refused = f"{LABEL}error: {request}: {status} {message}\n{self.MIX_UP}"
                    self.assertEqual(self.keys(*argv), Run(3, "", refused))
                    self.assertEqual(len(service.secrets), 0)

    def test_a_refused_key_that_does_not_tell_what_it_is_stays_refused(self):
        hint = self.MIX_UP.replace("holds a user key and was", "was")
        refused = Run(3, "", f"{LABEL}error: GET /keys: 401 User not found.\n{hint}")
        service = self.start(make_key(1, name="ci"))
        service.always("GET", "/keys", error(401, "User not found."))
        for fault in (error(401, "User not found."), error(404, "Not Found"), error(503, "Busy"), hang_up(), html(502)):
            with self.subTest(fault=fault):
                service.always("GET", "/key", fault)
                self.assertEqual(self.keys("list"), refused)

    def test_without_a_management_key_nothing_is_asked(self):
        del self.env["OPENROUTER_PROVISIONING_KEY"]
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        service = self.start(make_key(1, name="ci"))
        for argv in EVERY_COMMAND:
            with self.subTest(argv):
                self.fails(
                    3,
                    "this needs a management key, and OPENROUTER_PROVISIONING_KEY or OPENROUTER_MANAGEMENT_KEY "
                    "is not set",
                    *argv,
                    hint="set OPENROUTER_PROVISIONING_KEY in the shell or in a .env file; make a management key at "
                    "https://openrouter.ai/settings/management-keys. OPENROUTER_API_KEY (from the shell) is set: if it "
                    "holds a management key, call it OPENROUTER_PROVISIONING_KEY",
                )
        self.assertEqual(service.requests, [])

    def test_the_newer_name_of_the_management_key_serves(self):
        self.env["OPENROUTER_MANAGEMENT_KEY"] = self.env.pop("OPENROUTER_PROVISIONING_KEY")
        self.start(make_key(1, name="ci"))
        self.assertEqual(self.keys("show", "ci").code, 0)

    def test_every_request_carries_the_management_key_and_never_the_user_key(self):
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for argv in EVERY_COMMAND:
            service = self.start(make_key(1, name="ci"))
            self.assertEqual(self.keys(*argv).code, 0)
            self.assertEqual({r.headers.get("authorization") for r in service.requests}, {f"Bearer {MANAGEMENT_KEY}"})


if __name__ == "__main__":
    unittest.main()
