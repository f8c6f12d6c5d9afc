"""`--out FILE` of `keys create` and `keys rotate`: the new key goes into a file of the owner's, and nowhere else."""

import errno
import json
import os
import resource
import stat
from typing import Any
from unittest import mock

from fake_openrouter import (
    MANAGEMENT_KEY,
    answer,
    cut,
    error,
    hang_up,
    hang_up_after_work,
    html,
    make_key,
    make_secret,
    make_workspace,
)
from support import ProgramTest, Run, program

SECRET = make_secret(1_000_000)  # of the first key that a stand-in creates
LINE = f"OPENROUTER_API_KEY={SECRET}\n"
LABEL = "openrouter-remote: "
LOOK = "before you try again, look for it with: openrouter-remote keys list --all"
NEW_FILE = "hint: name a file that doesn't exist yet, in a writable folder\n"
TABLE = (
    "     name  label               hash          limit  reset  remaining    month  all-time  last used\n"
    "[ ]  ci    sk-or-v1-f93...b9a  6cce36d9f8a9      -  -              -  $0.0000   $0.0000  never\n"
)
CREATE = ("create", "--name", "ci", "--out", "new.env")
ROTATE = ("rotate", "ci", "--out", "new.env")


class KeyFileTest(ProgramTest):
    service: Any = None

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.start()

    def start(self, **switches):
        self.service = super().start(**{"keys": [make_key(1, name="ci")], "workspaces": [make_workspace()], **switches})
        return self.service

    def keys(self, *argv):
        return self.run_program("keys", *argv)

    def content(self):
        """What stands in the file; None where there is none."""
        if not os.path.lexists("new.env"):
            return None
        with open("new.env", encoding="ascii") as file:
            return file.read()

    def sent(self):
        return [request.method for request in self.service.requests if request.method != "GET"]

    def never_shown(self, run):
        for part in (SECRET[9:20], SECRET[30:50]):
            self.assertNotIn(part, run.out + run.err)


class FileTest(KeyFileTest):
    def test_the_key_is_in_the_file_and_nowhere_else(self):
        self.start(keys=[])
        run = self.keys(*CREATE)
        self.assertEqual(run, Run(0, TABLE, "the new key is in new.env\n"))
        self.assertEqual(self.content(), LINE)
        self.assertEqual(self.sent(), ["POST"])

    def test_only_the_owner_can_read_it_whatever_the_umask(self):
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

    def test_json_has_no_key(self):
        run = self.keys(*CREATE, "--json")
        self.assertEqual(run.code, 0)
        self.assertEqual(json.loads(run.out)["name"], "ci")
        self.never_shown(run)

    def test_a_rotation_puts_the_new_key_there_too(self):
        run = self.keys(*ROTATE, "--disable-old")
        self.assertEqual((run.code, run.err), (0, "the new key is in new.env\n"))
        self.assertEqual(self.content(), LINE)
        self.never_shown(run)
        self.assertEqual(self.sent(), ["POST", "PATCH"])

    def test_verbose_shows_nothing_of_it(self):
        self.never_shown(self.keys(*CREATE, "-v"))
        self.assertEqual(self.content(), LINE)

    def test_an_answer_that_is_odd_but_holds_the_key_fills_the_file(self):
        body = {"data": make_key(9), "key": SECRET}
        for fault, message in (
            (answer(500, body), "POST /keys/: 500 "),
            (answer(201, {"odd": SECRET}), "POST /keys/: the key was created, but the response doesn't describe it"),
            (cut({"x": SECRET, "rest": "x" * 99}, 99), "POST /keys/: 200 with an answer that is cut short"),
        ):
            with self.subTest(message):
                self.start().fail("POST", "/keys/", fault)
                run = self.keys(*CREATE)
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertIn(f"{LABEL}error: {message}", run.err)
                self.never_shown(run)
                self.assertEqual(self.content(), LINE)
                os.unlink("new.env")

    def test_a_later_step_that_fails_says_where_the_key_is(self):
        self.service.always("PATCH", "*", error(500, "Broken"))
        run = self.keys(*ROTATE)
        self.assertEqual((run.code, run.out, self.content()), (5, "", LINE))
        self.assertIn("hint: the new key is in new.env and works; the old one works until it is disabled; ", run.err)

    def test_a_key_of_odd_characters_is_one_word_for_a_shell_too(self):
        odd = "sk-or-v1-" + "$(touch${IFS}x)`id`;#" + "a" * 20
        data = make_key(9, name="ci", external_user=odd)
        self.service.fail("POST", "/keys/", answer(201, {"data": data, "key": odd}))
        run = self.keys(*CREATE, "--json")
        self.assertNotIn(odd, run.out + run.err)
        self.assertEqual(self.content(), f"OPENROUTER_API_KEY='{odd}'\n")
        self.assertEqual(program.parse_env(self.content())[0], {"OPENROUTER_API_KEY": odd})

    def test_verbose_does_not_show_one_of_odd_characters(self):
        odd = "sk-or-v1-feedfacecaf!e0123" + "f" * 40
        self.service.fail("POST", "/keys/", answer(500, {"key": odd}))
        run = self.keys(*CREATE, "-v")
        self.assertEqual(self.content(), f"OPENROUTER_API_KEY='{odd}'\n")
        self.assertNotIn("e0123", run.err)


class BeforeTest(KeyFileTest):
    """What is wrong with the file is found before anything is sent."""

    def refused(self, path, reason):
        for argv in (CREATE[:-1], ROTATE[:-1]):
            with self.subTest(argv=argv, path=path):
                message = f"{LABEL}error: --out {path}: {reason}: nothing was created\n"
                self.assertEqual(self.keys(*argv, path), Run(2, "", message + NEW_FILE))
                self.assertEqual(self.service.requests, [])

    def test_a_file_that_exists_is_left_as_it_is(self):
        self.write("new.env", "mine")
        self.refused("new.env", "File exists")
        self.assertEqual(self.content(), "mine")
        os.symlink("elsewhere", "link")
        self.refused("link", "File exists")
        self.assertFalse(os.path.exists("elsewhere"))
        self.refused(".", "File exists")

    def test_a_folder_that_is_missing_or_no_folder(self):
        self.refused("no/new.env", "No such file or directory")
        self.refused("", "No such file or directory")
        self.write("file", "")
        self.refused("file/new.env", "Not a directory")

    def test_it_is_not_a_name_at_all(self):
        self.refused("x" * 300, "File name too long")

    def test_stdout_is_no_place_for_a_key(self):
        for argv in (CREATE[:-1], ROTATE[:-1]):
            message = f"{LABEL}error: --out -: a new key never goes to stdout; nothing was created\nhint: name a file\n"
            self.assertEqual(self.keys(*argv, "-"), Run(2, "", message))
        self.assertEqual((self.service.requests, os.listdir(".")), ([], []))

    def test_where_nothing_was_created_there_is_no_file(self):
        for fault, code in ((error(400, "Bad"), 5), (error(401, "User not found."), 3), (error(403, "No"), 3)):
            self.service.fail("POST", "/keys/", fault)
            self.assertEqual((self.keys(*CREATE).code, self.content()), (code, None))
        self.assertEqual((self.keys("rotate", "nobody", "--out", "new.env").code, self.content()), (4, None))
        del self.env["OPENROUTER_PROVISIONING_KEY"]
        self.assertEqual((self.keys(*CREATE).code, self.content()), (3, None))

    def test_where_that_is_unknown_there_is_none_either(self):
        for fault in (hang_up(), hang_up_after_work(), html(502), answer(201, {"data": {}})):
            self.start().fail("POST", "/keys/", fault)
            run = self.keys(*CREATE)
            self.assertEqual((run.code, run.out, self.content()), (5, "", None))
            self.assertIn(LOOK, run.err)

    def test_an_empty_file_that_cannot_be_removed_is_told(self):
        reason = f"{LABEL}warning: --out new.env: Read-only file system; an empty file remains\n"
        fault = OSError(errno.EROFS, os.strerror(errno.EROFS))
        self.service.fail("POST", "/keys/", error(400, "Bad"))
        with mock.patch("os.unlink", side_effect=fault):
            run = self.keys(*CREATE)
        self.assertEqual((run.code, run.err), (5, f"{LABEL}error: POST /keys/: 400 Bad\n{reason}"))

    def test_wrong_usage_makes_no_file(self):
        self.assertEqual((self.keys("create", "--out", "new.env").code, self.content()), (2, None))


class FullDiskTest(KeyFileTest):
    """The disk is full after the answer, seen from outside: no byte, or not all, can be written to any file."""

    def test_the_key_is_shown_after_all_and_there_is_no_file(self):
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
                    reason = "File too large" if not room else "not all of it could be written"
                    warning = f"{LABEL}warning: --out new.env: {reason}; the key is shown above instead\n"
                    shown = f"{SECRET}\nthis is the new key; it won't be shown again\n"
                    self.assertTrue(run.err.startswith(shown + warning), run.err)
                    self.assertEqual((run.out + run.err).count(SECRET), 1)
                    self.assertIsNone(self.content())
                    self.assertEqual(self.sent()[0], "POST")


class InterruptTest(KeyFileTest):
    """Ctrl-C; the real program."""

    def test_one_while_the_file_is_made_leaves_none(self):
        self.run_first(
            "import os, signal\n"
            "real = os.open\n"
            "def made(path, *args):\n"
            "    descriptor = real(path, *args)\n"
            "    if str(path).endswith('new.env'):\n"
            "        os.kill(os.getpid(), signal.SIGINT)\n"
            "    return descriptor\n"
            "os.open = made\n"
        )
        for argv in (CREATE, ROTATE):
            self.assertEqual(self.start_program("keys", *argv), Run(130, "", ""))
            self.assertEqual((self.content(), self.service.requests), (None, []))
