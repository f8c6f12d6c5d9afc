"""`--out FILE` of `keys create` and `keys rotate`: the new key is written to a file with mode 0600 and not shown."""

import os
import unittest

if os.name != "posix":
    raise unittest.SkipTest("these tests need POSIX")

import errno
import json
import os
import resource
import stat
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
    truncate,
)
from support import ProgramTest, Run, program

SECRET = make_secret(1_000_000)  # the first key that a fake server creates
LINE = f"OPENROUTER_API_KEY={SECRET}\n"
LABEL = "openrouter-remote: "
LOOK = "before you try again, check whether it exists: openrouter-remote keys list --all"
NEW_FILE = "hint: name a file that doesn't exist yet, in a writable folder\n"
TABLE = (
    "     name  label               hash          limit  reset  remaining    month  all-time  last used\n"
    "[ ]  ci    sk-or-v1-f93...b9a  6cce36d9f8a9      -  -              -  $0.0000   $0.0000  never\n"
)
CREATE = ("create", "--name", "ci", "--out", "new.env")
ROTATE = ("rotate", "ci", "--out", "new.env")
NOT_COPIED = "guardrails and spend alerts of the old key aren't copied\n"


class KeyFileTest(ProgramTest):
    server: Any = None

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.start()

    def start(self, **switches):
        self.server = super().start(**{"keys": [make_key(1, name="ci")], "workspaces": [make_workspace()], **switches})
        return self.server

    def keys(self, *argv):
        return self.run_program("keys", *argv)

    def content(self):
        """The text of the file, or None if there is no file."""
        if not os.path.lexists("new.env"):
            return None
        with open("new.env", encoding="ascii") as file:
            return file.read()

    def sent(self):
        return [request.method for request in self.server.requests if request.method != "GET"]

    def never_shown(self, run):
        for part in (SECRET[9:20], SECRET[30:50]):
            self.assertNotIn(part, run.out + run.err)


class FileTest(KeyFileTest):
    def test_the_key_is_only_in_the_file(self):
        self.start(keys=[])
        run = self.keys(*CREATE)
        self.assertEqual(run, Run(0, TABLE, "the new key is in new.env\n"))
        self.assertEqual(self.content(), LINE)
        self.assertEqual(self.sent(), ["POST"])

    def test_the_file_has_mode_0600_with_any_umask(self):
        for mask in (0, 0o022, 0o077):
            with self.subTest(oct(mask)):
                before = os.umask(mask)
                self.addCleanup(os.umask, before)
                self.assertEqual(self.keys("create", "--name", "x", "--out", f"mask-{mask}").code, 0)
                os.umask(before)
                self.assertEqual(stat.S_IMODE(os.stat(f"mask-{mask}").st_mode), 0o600)

    def test_the_file_can_be_read_as_settings(self):
        self.keys(*CREATE)
        self.assertEqual(program.parse_env(self.content()), ({"OPENROUTER_API_KEY": SECRET}, []))

    def test_the_json_has_no_key(self):
        run = self.keys(*CREATE, "--json")
        self.assertEqual(run.code, 0)
        self.assertEqual(json.loads(run.out)["name"], "ci")
        self.never_shown(run)

    def test_rotate_writes_the_new_key_too(self):
        run = self.keys(*ROTATE, "--disable-old")
        self.assertEqual((run.code, run.err), (0, f"the new key is in new.env\n{NOT_COPIED}"))
        self.assertEqual(self.content(), LINE)
        self.never_shown(run)
        self.assertEqual(self.sent(), ["POST", "PATCH"])

    def test_verbose_doesnt_show_the_key(self):
        self.never_shown(self.keys(*CREATE, "-v"))
        self.assertEqual(self.content(), LINE)

    def test_a_key_in_an_unusable_response_is_written(self):
        body = {"data": make_key(9), "key": SECRET}
        for fault, message in (
            (respond(500, body), "POST /keys/: 500 "),
            (respond(201, {"odd": SECRET}), "POST /keys/: the key was created, but the response doesn't describe it"),
            (truncate({"x": SECRET, "rest": "x" * 99}, 99), "POST /keys/: 200 with a truncated response"),
        ):
            with self.subTest(message):
                self.start().fail("POST", "/keys/", fault)
                run = self.keys(*CREATE)
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertIn(f"{LABEL}error: {message}", run.err)
                self.never_shown(run)
                self.assertEqual(self.content(), LINE)
                os.unlink("new.env")

    def test_a_failed_rename_says_where_the_key_is(self):
        self.server.always("PATCH", "*", error(500, "Broken"))
        run = self.keys(*ROTATE)
        self.assertEqual((run.code, run.out, self.content()), (5, "", LINE))
        self.assertIn("hint: the new key is in new.env and works; the old key still works; ", run.err)

    def test_a_key_with_shell_characters_is_quoted(self):
        odd = "sk-or-v1-" + "$(touch${IFS}x)`id`;#" + "a" * 20
        data = make_key(9, name="ci", external_user=odd)
        self.server.fail("POST", "/keys/", respond(201, {"data": data, "key": odd}))
        run = self.keys(*CREATE, "--json")
        self.assertNotIn(odd, run.out + run.err)
        self.assertEqual(self.content(), f"OPENROUTER_API_KEY='{odd}'\n")
        self.assertEqual(program.parse_env(self.content())[0], {"OPENROUTER_API_KEY": odd})


class RefusedFileTest(KeyFileTest):
    """A file that can't be created is found before any request, and no file remains without a key."""

    def refused(self, path, reason):
        for argv in (CREATE[:-1], ROTATE[:-1]):
            with self.subTest(argv=argv, path=path):
                message = f"{LABEL}error: --out {path}: {reason}; nothing was created\n"
                self.assertEqual(self.keys(*argv, path), Run(2, "", message + NEW_FILE))
                self.assertEqual(self.server.requests, [])

    def test_an_existing_file_is_not_changed(self):
        self.write("new.env", "mine")
        self.refused("new.env", "File exists")
        self.assertEqual(self.content(), "mine")
        os.symlink("elsewhere", "link")
        self.refused("link", "File exists")
        self.assertFalse(os.path.exists("elsewhere"))
        self.refused(".", "File exists")

    def test_a_missing_folder_is_a_usage_error(self):
        self.refused("no/new.env", "No such file or directory")
        self.refused("", "No such file or directory")
        self.write("file", "")
        self.refused("file/new.env", "Not a directory")

    def test_a_name_that_is_too_long_is_a_usage_error(self):
        self.refused("x" * 300, "File name too long")

    def test_a_dash_is_a_usage_error(self):
        for argv in (CREATE[:-1], ROTATE[:-1]):
            message = f"{LABEL}error: --out -: a new key never goes to stdout; nothing was created\nhint: name a file\n"
            self.assertEqual(self.keys(*argv, "-"), Run(2, "", message))
        self.assertEqual((self.server.requests, os.listdir(".")), ([], []))

    def test_no_file_remains_if_no_key_was_created(self):
        for fault, code in ((error(400, "Bad"), 5), (error(401, "User not found."), 3), (error(403, "No"), 3)):
            self.server.fail("POST", "/keys/", fault)
            self.assertEqual((self.keys(*CREATE).code, self.content()), (code, None))
        self.assertEqual((self.keys("rotate", "nobody", "--out", "new.env").code, self.content()), (4, None))
        del self.env["OPENROUTER_PROVISIONING_KEY"]
        self.assertEqual((self.keys(*CREATE).code, self.content()), (3, None))

    def test_no_file_remains_if_a_key_may_have_been_created(self):
        for fault in (hang_up(), hang_up_after_work(), html(502), respond(201, {"data": {}})):
            self.start().fail("POST", "/keys/", fault)
            run = self.keys(*CREATE)
            self.assertEqual((run.code, run.out, self.content()), (5, "", None))
            self.assertIn(LOOK, run.err)

    def test_an_empty_file_that_cant_be_removed_is_a_warning(self):
        reason = f"{LABEL}warning: --out new.env: Read-only file system; an empty file was left behind\n"
        fault = OSError(errno.EROFS, os.strerror(errno.EROFS))
        self.server.fail("POST", "/keys/", error(400, "Bad"))
        with mock.patch("os.unlink", side_effect=fault):
            run = self.keys(*CREATE)
        self.assertEqual((run.code, run.err), (5, f"{reason}{LABEL}error: POST /keys/: 400 Bad\n"))

    def test_a_usage_error_creates_no_file(self):
        self.assertEqual((self.keys("create", "--out", "new.env").code, self.content()), (2, None))


class FullDiskTest(KeyFileTest):
    """The disk is full after the response: nothing, or only a part of the key, can be written."""

    def test_the_key_is_shown_on_stderr_and_no_file_remains(self):
        for room in (0, 30):
            for argv in (CREATE, ROTATE):
                with self.subTest(room=room, argv=argv):
                    self.start()
                    before = resource.getrlimit(resource.RLIMIT_FSIZE)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
                    try:
                        run = self.keys(*argv)
                    finally:
                        resource.setrlimit(resource.RLIMIT_FSIZE, before)
                    self.assertEqual((run.code, "[ ]  ci " in run.out), (5, True))
                    warning = f"{LABEL}warning: --out new.env: File too large; the key is shown above instead\n"
                    shown = f"{SECRET}\nthis is the new key; it won't be shown again\n"
                    self.assertTrue(run.err.startswith(shown + warning), run.err)
                    self.assertEqual((run.out + run.err).count(SECRET), 1)
                    self.assertIsNone(self.content())
                    self.assertEqual(self.sent()[0], "POST")
