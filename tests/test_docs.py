"""README.md, the skill and --help are true: command lines, sessions, scripts, options, exit codes and links."""

import contextlib
import copy
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections import namedtuple
from decimal import Decimal
from unittest import mock

from fake_openrouter import MANAGEMENT_KEY, USER_KEY, as_usual, demo_keys, error, make_key, make_model, timestamp
from support import COMMANDS, PROGRAM, ProgramTest, Run, help_pages, program

ROOT = os.path.dirname(os.path.dirname(PROGRAM))
SKILL = "skills/openrouter-remote/SKILL.md"
CRON = "skills/openrouter-remote/references/cron.md"
RECIPES = "skills/openrouter-remote/references/recipes.md"
README = "README.md"
DOCUMENTS = (README, SKILL, CRON, RECIPES)
# The documents' placeholders, with names that exist in the demonstration account.
PLACEHOLDERS = {"ID": "northwind/gale-70b", "KEY": "production", "NAME": "ci", "FILE": "catalog.json"}
KEYS = f"OPENROUTER_API_KEY={USER_KEY}\nOPENROUTER_PROVISIONING_KEY={MANAGEMENT_KEY}\n"

Block = namedtuple("Block", "language text")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def blocks(path):
    """The fenced code of a document."""
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", read(path), re.DOTALL | re.MULTILINE)
    return [Block(language, textwrap.dedent(text)) for language, text in found]


def code(path):
    """All code of a document, fenced and inline, as one text."""
    prose = re.sub(r"^ *```.*?^ *```$", "", read(path), flags=re.DOTALL | re.MULTILINE)
    return "\n".join([block.text for block in blocks(path)] + re.findall(r"`([^`]+)`", prose))


def command_lines(text):
    return re.findall(r"^ *(?:\$ )?(openrouter-remote .*)$", text, re.MULTILINE)


class ShellTest(ProgramTest):
    """The shell of a reader with both keys and a saved catalog, and a fake server with the demonstration account."""

    def setUp(self):
        super().setUp()
        self.more_keys: list = []
        self.server = self.start()
        self.env.update(program.parse_env(KEYS)[0])
        self.type("openrouter-remote models list --json > catalog.json")

    def type(self, line):
        """Run a command line: (exit code, what a terminal shows). A pipe to jq is left out if jq isn't installed."""
        self.server.keys, self.server.secrets = demo_keys() + copy.deepcopy(self.more_keys), []
        for name in os.listdir("."):
            if name.endswith(".env"):  # the previous line created it
                os.unlink(name)
        command, _, recipe = line.partition(" | jq ")
        command, _, file = command.partition(" > ")
        shown = io.StringIO()
        out = io.StringIO() if recipe or file else shown
        environment = mock.patch.dict(os.environ, self.env, clear=True)
        with environment, contextlib.redirect_stdout(out), contextlib.redirect_stderr(shown):
            exit_code = program.main(shlex.split(command, comments=True)[1:])
        if file:
            self.write(file, out.getvalue())
        elif recipe and shutil.which("jq"):
            jq = ["jq", *shlex.split(recipe, comments=True)]
            done = subprocess.run(jq, input=out.getvalue(), capture_output=True, text=True, encoding="utf-8")
            self.assertEqual((done.returncode, done.stderr), (0, ""), line)
            shown.write(done.stdout)
        return exit_code, shown.getvalue()

    def check(self, line):
        """Run a command line of a document: it must be accepted, and a jq filter must find something."""
        with self.subTest(line):
            line = re.sub(r"\b(ID|KEY|NAME|FILE)\b", lambda word: PLACEHOLDERS[word[0]], line)
            exit_code, shown = self.type(line)
            # An alert may fire, and `integrations` always exits with 2.
            allowed = {0, 1} if "--alert" in line else {2} if "integrations" in line else {0}
            self.assertIn(exit_code, allowed, shown)
            if " | jq " in line and shutil.which("jq"):
                self.assertNotIn(shown.strip(), ("", "null"))


class CommandLinesTest(ShellTest):
    def test_every_command_line_is_accepted(self):
        for path in DOCUMENTS:
            for block in blocks(path):
                if block.language != "console" and not block.text.startswith("#!"):  # those have their own tests
                    for line in command_lines(block.text):
                        self.check(line)
            for line in re.findall(r"`(openrouter-remote [^`\n…]+)`", read(path)):
                self.check(line)

    def test_the_first_command_lines_of_a_fresh_clone_work(self):
        lines = [line for block in blocks(README) if block.language == "sh" for line in block.text.splitlines()]
        (first,) = [line for line in lines if line.startswith("bin/")]
        self.check(first.replace("bin/", "", 1))
        for line in [
            line for line in lines if line.startswith("python3 tests/fake_openrouter.py") and "--serve" not in line
        ]:
            _, script, *argv = line.split()
            done = subprocess.run([sys.executable, script, *argv], cwd=ROOT, env=self.env, capture_output=True)
            self.assertEqual(done.returncode, 0, line)
            self.assertIn(b"northwind/gale-70b", done.stdout)
            if argv:  # the output depends on the date: both processes must have the test time
                self.assertEqual(done.stdout.decode(), self.run_program(*argv).out)

    def test_the_fake_server_keeps_running_and_keeps_new_keys(self):
        command = [sys.executable, "tests/fake_openrouter.py", "--serve"]
        with contextlib.ExitStack() as stack:
            process = stack.enter_context(
                subprocess.Popen(
                    command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
                )
            )
            stack.callback(process.kill)
            assert process.stdout
            lines = [process.stdout.readline() for _ in range(3)]
            names = [re.sub(r"^export (\w+)=\S+\n$", r"\1", line) for line in lines]
            self.assertEqual(names, ["OPENROUTER_BASE_URL", "OPENROUTER_API_KEY", "OPENROUTER_PROVISIONING_KEY"])
            self.env.update(program.parse_env("".join(lines))[0])
            created = self.run_program("keys", "create", "--name", "mine", "--json")
            self.assertEqual(program.parse_json(created.out)["created_at"], timestamp(self.now))
            self.assertIn("\n[ ]  mine  ", "\n" + "\n".join(self.run_program("keys", "list").out.splitlines()[1:]))

    def test_the_command_line_in_the_skill_runs_the_program(self):
        (line,) = re.findall(r"^python3 .*$", read(SKILL), re.MULTILINE)
        self.env.update(CLAUDE_SKILL_DIR=os.path.join(ROOT, os.path.dirname(SKILL)))
        line = line.replace("python3", shlex.quote(sys.executable), 1)
        done = subprocess.run(["bash", "-c", line], env=self.env, capture_output=True, encoding="utf-8")
        self.assertEqual((done.returncode, done.stdout), (0, BALANCE))

    def test_every_session_shows_what_the_program_prints(self):
        def without_keys(text):
            return re.sub(r"sk-or-v1-[0-9a-f]{64}", "sk-or-v1-…", text)

        sessions = [block.text for path in DOCUMENTS for block in blocks(path) if block.language == "console"]
        self.assertGreater(len(sessions), 10)
        for session in sessions:
            exit_code, shown = 0, ""
            for line in re.findall(r"^\$ (.*)$", session, re.MULTILINE):
                if "| jq" in line and not shutil.which("jq"):
                    break
                exit_code, output = (exit_code, f"{exit_code}\n") if line == "echo $?" else self.type(line)
                shown += f"$ {line}\n{output}"
            else:
                with self.subTest(session.partition("\n")[0]):
                    self.assertEqual(without_keys(shown), without_keys(session))
                    self.assertIn("echo $?" if exit_code else "", session)

    def test_every_example_in_help_is_accepted(self):
        for id in ("anthropic/claude-haiku-4.5", "openai/gpt-5-mini", "deepseek/deepseek-chat"):
            self.server.models.append(make_model(id))
            self.server.endpoints[id] = self.server.endpoints["northwind/gale-70b"]
        self.more_keys = [make_key(100 + n, name=name) for n, name in enumerate(("ci", "leaked-key", "old-key"))]
        for page in help_pages():
            examples = command_lines(page.text)
            if not page.commands and page.path != ("integrations",):
                self.assertGreater(len(examples), 0, page.path)
            for line in examples:
                self.check(line)

    def test_claude_code_accepts_every_command_line_of_the_skill(self):
        allowed = r'^(openrouter-remote |python3 "\$\{CLAUDE_SKILL_DIR\}/\.\./\.\./bin/openrouter-remote" )'
        for path in (SKILL, RECIPES):
            lines = [line for block in blocks(path) for line in block.text.splitlines() if line.strip()]
            self.assertGreater(len(lines), 5)
            for line in lines:
                self.assertRegex(line, allowed)
                self.assertNotRegex(line.partition(" | jq ")[0], r"[<>;&]")


class AgreementTest(ProgramTest):
    """README.md, SKILL.md and --help agree."""

    def test_every_document_names_every_command(self):
        for path in (README, SKILL):
            named = re.findall(r"(?<!inject )openrouter-remote ((?:(?:models|keys) )?[a-z][a-z-]*)", code(path))
            self.assertEqual({command.name for command in COMMANDS}, set(named), path)

    def test_every_option_in_a_document_exists(self):
        others = {
            *("-r", "-m", "-s", "-q", "-c", "-e", "-i", "-p"),  # of jq, Python, grep, chmod, mkdir and shells
            *("--script", "--no-agent", "--name", "--deliver", "--user", "--serve"),  # of other programs
        }
        known = others.union(*(page.options for page in help_pages()))
        for path in DOCUMENTS:
            named = set(re.findall(r"(?<![\w-])-(?:-[a-z][a-z-]*|[a-z]\b)", code(path)))
            self.assertLessEqual(named, known, path)

    def test_every_document_lists_every_exit_code(self):
        codes = re.findall(r"^  (\d+) ", program.build_parser().format_help(), re.MULTILINE)
        self.assertEqual(codes, ["0", "1", "2", "3", "4", "5", "130"])
        for path in (README, SKILL):
            self.assertEqual(re.findall(r"^\| (\d+) \|", read(path), re.MULTILINE), codes, path)

    def test_every_document_lists_every_capability(self):
        for path in (README, SKILL):
            for word in program.CAPABILITIES:
                self.assertIn(f"`{word}`", read(path), path)

    def test_every_document_lists_every_setting(self):
        settings = {*program.USER_KEY.names, *program.MANAGEMENT_KEY.names, "OPENROUTER_BASE_URL"}
        named = re.findall(r"OPENROUTER_[A-Z]+_[A-Z]+", program.build_parser().format_help())
        self.assertEqual(settings, set(named))
        for path in (README, SKILL):
            self.assertEqual(settings, set(re.findall(r"OPENROUTER_[A-Z]+_[A-Z]+", read(path))), path)
        for name in ("NO_COLOR", "TERM"):
            self.assertRegex(read(README), rf"`{name}[`=]")
        for path in DOCUMENTS:
            self.assertLessEqual(set(re.findall(r"OPENROUTER_[A-Z]+_[A-Z]+", read(path))), settings, path)

    def test_readme_lists_every_json_field(self):
        server = self.start()
        table = dict(re.findall(r"^\| `(.*?)`.* \| (.*) \|$", read(README).split("\n## JSON\n")[1], re.MULTILINE))
        self.write(".env", KEYS)
        for argv, row in (
            ("balance --alert-below 1 --alert-days 1 --spendable", "balance"),
            ("usage", "usage"),
            ("usage --by day", "usage --by …"),
            ("keys rotate spare", "keys rotate"),
            ("integrations", "integrations"),
        ):
            server.keys = demo_keys()
            document = program.parse_json(self.run_program(*argv.split(), "--json").out)
            for field in set(document) - {"tool"}:
                self.assertIn(f"`{field}`", table[row], argv)


class SkillTest(ProgramTest):
    def test_the_frontmatter_is_complete(self):
        start, frontmatter, _ = read(SKILL).split("---\n", 2)
        lines = re.findall(r"^([\w-]+): (?:>-)?(.*(?:\n  .*)*)$", frontmatter, re.MULTILINE)
        fields = {name: " ".join(value.split()) for name, value in lines}
        self.assertEqual((start, "".join(re.findall("^[^ :]+", frontmatter, re.MULTILINE))), ("", "".join(fields)))
        self.assertEqual(list(fields), ["name", "description", "when_to_use", "allowed-tools"])
        self.assertEqual(fields["name"], os.path.basename(os.path.dirname(SKILL)))
        place = '"${CLAUDE_SKILL_DIR}/../../bin/openrouter-remote"'
        references = "Read(/${CLAUDE_SKILL_DIR}/references/*)"
        rules = f"Bash(openrouter-remote:*) Bash(python3 {place}:*) {references}"
        self.assertEqual(fields["allowed-tools"], rules)
        self.assertIn("Use when ", fields["description"])  # other hosts show only the description
        self.assertGreater(len(fields["when_to_use"]), 100)
        self.assertLess(len(fields["description"]) + len(fields["when_to_use"]), 1536)

    def test_the_skill_is_short(self):
        body = read(SKILL).split("\n---\n", 1)[1]
        self.assertLess(len(body.splitlines()), 150)

    def test_the_skill_names_the_path_of_the_executable(self):
        place = "${CLAUDE_SKILL_DIR}/../../bin/openrouter-remote"
        self.assertIn(place, read(SKILL))
        path = place.replace("${CLAUDE_SKILL_DIR}", os.path.join(ROOT, os.path.dirname(SKILL)))
        self.assertTrue(os.path.samefile(path, PROGRAM))

    def test_the_skill_links_its_references(self):
        for name in os.listdir(os.path.join(ROOT, os.path.dirname(SKILL), "references")):
            self.assertIn(f"](references/{name})", read(SKILL))


class LinksTest(ProgramTest):
    def test_every_relative_link_works(self):
        for path in DOCUMENTS:
            for link in re.findall(r"\]\(([^)]+)\)", read(path)):
                file, _, heading = link.partition("#")
                if "://" in link:
                    continue
                target = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
                self.assertTrue(os.path.exists(os.path.join(ROOT, target)), f"{path}: {link}")
                titles = re.findall(r"^#+ (.*)$", read(target), re.MULTILINE) if heading else []
                anchors = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
                self.assertIn(heading, anchors or [""], f"{path}: {link}")


BALANCE = "total_credits: $10.0000\ntotal_usage:   $9.8848\nremaining:     $0.1152\n"
ALERT = "ALERT remaining $0.1152 is less than $5.00\n"
UNKNOWN = "openrouter-remote: error: GET /credits: 501 Not today\n"
REFUSED = "openrouter-remote: error: no key: set OPENROUTER_PROVISIONING_KEY (or OPENROUTER_MANAGEMENT_KEY)\n"
# A watched figure: the arguments, and stderr if the alert fires, if the answer is unknown and without a key.
Watch = namedtuple("Watch", "watched alert unknown refused")
NO_KEY = "openrouter-remote: error: no management key: set OPENROUTER_PROVISIONING_KEY (or OPENROUTER_MANAGEMENT_KEY)\n"
NO_KEYS = "openrouter-remote: error: GET /keys: 501 Not today\n"
CREDIT = Watch("balance --alert-below 5", ALERT, UNKNOWN, REFUSED)
WATCHES = (
    CREDIT,
    Watch("usage --alert-daily 10", "ALERT spend today $12.50 is more than $10.00\n", NO_KEYS, NO_KEY),
    Watch(
        "keys list --alert-below 1",
        "ALERT key 'ci-nightly' (6b86b273ff34) remaining $0.4812 is less than $1.00\n",
        NO_KEYS,
        NO_KEY,
    ),
)


class CronTest(ProgramTest):
    """The scheduled scripts, run as a scheduler does: without arguments and without keys in the environment."""

    def setUp(self):
        super().setUp()
        self.server = self.start()
        del self.env["OPENROUTER_BASE_URL"]
        self.env["HOME"] = self.folder
        bin = os.path.join(self.folder, ".local", "bin")
        os.makedirs(bin)
        os.symlink(PROGRAM, os.path.join(bin, "openrouter-remote"))
        os.symlink(sys.executable, os.path.join(bin, "python3"))
        self.env["PATH"] = os.pathsep.join([bin, self.env["PATH"]])

    def runs(self, env_file, *command):
        """{state: Run} of `command` in each state of the account."""
        os.makedirs(os.path.join(self.folder, "elsewhere"), exist_ok=True)
        command_path = os.path.join(self.folder, ".local", "bin", "openrouter-remote")
        runs = {}
        for state in ("well", "low", "unknown", "no key", "broken"):
            if os.path.exists(command_path):
                os.unlink(command_path)
            if state == "broken":  # such as a missing interpreter
                self.write(command_path, "#!/bin/sh\necho 'Traceback: an ALERT' >&2\nexit 1\n")
                os.chmod(command_path, 0o755)
            else:
                os.symlink(PROGRAM, command_path)
            self.server.credits["total_credits"] = 50 if state == "well" else 10
            fine = [make_key(1, name="ci-nightly", limit=5)]
            self.server.keys = fine if state == "well" else [*demo_keys(), make_key(9, usage_daily=Decimal("12.4237"))]
            for path in ("/credits", "/keys"):
                if state == "unknown":
                    self.server.always("GET", path, error(501, "Not today"))
                else:
                    self.server.always("GET", path, as_usual)
            keys = KEYS if state != "no key" else ""
            self.write(env_file, f"OPENROUTER_BASE_URL={self.server.url}\n{keys}")
            done = subprocess.run(
                command, cwd="elsewhere", env=self.env, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8"
            )
            runs[state] = Run(done.returncode, done.stdout, done.stderr)
        return runs

    def script_runs(self, name, watched=None):
        found = [block.text for block in blocks(CRON) if block.text.startswith(f"#!/usr/bin/env bash\n# {name}:")]
        self.assertEqual(len(found), 1, name)
        script = found[0] if watched is None else re.sub(r"(?m)^watched=\(.*\)$", f"watched=({watched})", found[0])
        self.assertEqual(script == found[0], watched in (None, CREDIT.watched))
        return self.runs("scripts/openrouter-remote.env", "bash", self.write(f"scripts/{name}", script))

    def check_refused(self, run, text, refused=REFUSED):
        self.assertEqual(run.code, 3)
        self.assertIn(refused, text)
        self.assertNotIn("ALERT", run.out + run.err)

    def test_crontab_lines_print_only_what_cron_should_mail(self):
        lines = [line for block in blocks(CRON) for line in block.text.splitlines() if line.startswith("0 ")]
        self.assertEqual(len(lines), len(WATCHES))
        for line, watch in zip(lines, WATCHES):
            with self.subTest(line):
                command = line.split(None, 5)[5]
                self.assertIn(f" {watch.watched}", command)
                runs = self.runs(".config/openrouter-remote.env", "sh", "-c", command)
                self.assertEqual(runs["well"], (0, "", ""))
                self.assertEqual((runs["low"].code, runs["low"].err), (1, watch.alert))
                self.assertNotEqual(runs["low"].out, "")
                self.assertEqual(runs["unknown"], (5, "", watch.unknown))
                self.check_refused(runs["no key"], runs["no key"].err, watch.refused)

    def test_the_table_lists_every_watched_figure(self):
        for watch in WATCHES:
            self.assertIn(f"`{watch.watched}`", read(CRON))

    def test_the_cron_script_distinguishes_low_from_unknown(self):
        for watch in WATCHES:
            with self.subTest(watch.watched):
                runs = self.script_runs("openrouter-cron.sh", watch.watched)
                self.assertEqual(runs["well"], (0, "", ""))
                self.assertEqual(runs["low"], (1, f"OpenRouter: {watch.alert}", ""))
                self.assertEqual(runs["unknown"], (5, "", f"OpenRouter is unknown: {watch.unknown}"))
                self.check_refused(runs["no key"], runs["no key"].err, watch.refused)
                self.assertEqual(runs["broken"], (5, "", "OpenRouter is unknown: Traceback: an ALERT\n"))

    def test_the_hermes_script_prints_an_alert_or_nothing_or_fails(self):
        for watch in WATCHES:
            with self.subTest(watch.watched):
                runs = self.script_runs("openrouter-balance.sh", watch.watched)
                self.assertEqual(runs["well"], (0, "", ""))
                self.assertEqual(runs["low"], (0, watch.alert, ""))
                self.assertEqual(runs["unknown"], (5, "", watch.unknown))
                self.check_refused(runs["no key"], runs["no key"].err, watch.refused)
                self.assertEqual(runs["broken"], (5, "", "Traceback: an ALERT\n"))

    def test_the_hermes_scripts_use_the_real_home(self):
        for name in ("openrouter-balance.sh", "openrouter-report.sh"):
            self.env.update(HERMES_REAL_HOME=self.folder, HOME=os.path.join(self.folder, "elsewhere"))
            self.assertEqual(self.script_runs(name)["well"], (0, "", ""))

    def test_the_hermes_script_for_an_agent_prints_the_state_or_nothing(self):
        runs = self.script_runs("openrouter-report.sh")
        self.assertEqual(runs["well"], (0, "", ""))
        code, out, err = runs["low"]
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out.partition("20")[0], f"STATE: low\n{BALANCE}{ALERT}")
        self.assertIn("\nlumen/lumen-4-mini  ", out)
        self.assertEqual(runs["unknown"], (5, f"STATE: unknown, exit code 5\n{UNKNOWN}", ""))
        self.check_refused(runs["no key"], runs["no key"].out)
        self.assertEqual(runs["broken"], (5, "STATE: unknown, exit code 5\nTraceback: an ALERT\n", ""))
