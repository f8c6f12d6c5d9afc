"""Some cases of fuzz.py, and every failure that it has found so far."""

import signal
import unittest

from fake_openrouter import USER_KEY, make_secret
from fuzz import (
    Case,
    Edit,
    Process,
    ProcessRunner,
    Raw,
    Runner,
    broken_process_promises,
    broken_promises,
    fuzz,
    fuzz_processes,
)

KNOWN = (
    # A field that should be text was used as the member of a set.
    Case(("keys", "list", "--all"), (Edit("GET /keys", "set", (["data", 0, "workspace_id"], [])),)),
    Case(("usage", "--by", "day"), (Edit("GET /keys", "set", (["data", 1, "workspace_id"], {})),)),
    # An integer of 400 digits was converted to a float.
    *(
        Case(("balance", *options), (Edit("GET /credits", "set", (["data", field], Raw(sign + "9" * 400))),))
        for options in (("--alert-below", "100"), ("--alert-below", "100", "--json"), ("--alert-days", "100"))
        for field in ("total_credits", "total_usage")
        for sign in ("", "-")
    ),
    # A key was split by a line break on a narrow terminal.
    *(
        Case(
            ("models", "show", "gale-8b"),
            (Edit("GET /models", "everywhere", ("knowledge_cutoff", before + USER_KEY)),),
            terminal=width,
        )
        for before in ("", "y" * 40, "no word of it ")
        for width in (20, 60, 200)
    ),
    # A file couldn't be created, but stdout was already written.
    Case(("models", "diff", "no/such/folder.json", "--save", "--json")),
    # An argument that isn't text was part of a URL.
    *(Case(("models", verb, "a/\udcff\udcfe")) for verb in ("show", "endpoints")),
)


class FuzzTest(unittest.TestCase):
    maxDiff = None

    def test_cases_that_failed_before_pass_now(self):
        with Runner() as runner:
            for case in KNOWN:
                with self.subTest(case=case):
                    outcome, _ = runner.run(case)
                    self.assertEqual(broken_promises(case, outcome), [])

    def test_random_cases_break_no_promise(self):
        reports: list = []
        failures = fuzz(20260805, range(150), say=reports.append)
        self.assertEqual(failures, 0, "\n".join(reports))

    def test_processes_in_odd_circumstances_break_no_promise(self):
        reports: list = []
        failures = fuzz_processes(20260805, range(15), say=reports.append, timed=False)
        self.assertEqual(failures, 0, "\n".join(reports))

    def test_a_broken_promise_of_a_process_is_detected(self):
        process = Process(("keys", "create", "--name", "x"), "pipe", "pipe", "pipe", {}, "", None, None)
        with ProcessRunner() as runner:
            good, left = runner.run(process)
        secret = make_secret(1_000_000)
        for name, changes, circumstances in (
            ("exit code", {"code": 120}, {}),
            ("interrupt", {"code": 130}, {}),
            ("signal", {"code": -signal.SIGTERM}, {"signal": signal.SIGINT}),
            ("alert", {"code": 1, "out": ""}, {"signal": signal.SIGTERM}),
            ("traceback", {"err": good.err + "Exception ignored in: x\n"}, {"signal": signal.SIGINT}),
            ("credential", {"out": USER_KEY}, {"stderr": "closed"}),
            ("new key on stdout", {"out": secret}, {"stderr": "closed"}),
            ("lost key", {"err": ""}, {"signal": signal.SIGINT}),
            ("catalog", {"crash": "broken"}, {}),
        ):
            with self.subTest(promise=name):
                bad = broken_process_promises(process._replace(**circumstances), good._replace(**changes), left)
                self.assertNotEqual(bad, [])
        self.assertNotEqual(broken_process_promises(process, good, [".catalog.json.x"]), [])
        self.assertEqual(broken_process_promises(process, good, left), [])

    def test_a_broken_promise_is_detected(self):
        case = Case(("balance", "--json"))
        with Runner() as runner:
            good, _ = runner.run(case)
        for name, changes in (
            ("exit code", {"code": 6}),
            ("alert", {"code": 1}),
            ("crash", {"crash": "ValueError"}),
            ("JSON", {"out": good.out[:-3]}),
            ("number", {"out": good.out.replace("0.1152", "1E-7")}),
            ("constant", {"out": good.out.replace("0.1152", "NaN")}),
            ("first key", {"out": good.out.replace('"tool"', '"tools"')}),
            ("control", {"out": good.out + "\x7f"}),
            ("bidi", {"err": "hint: \u202e\n"}),
            ("credential", {"out": good.out.replace("0.1152", f'"{USER_KEY}"')}),
            ("credential on stderr", {"err": f"hint: {USER_KEY[:40]}\n"}),
            ("stdout with an error", {"code": 5, "err": "openrouter-remote: error: x\n"}),
            ("no error line", {"code": 5, "out": "", "err": "x\n"}),
            ("odd line", {"err": "Traceback (most recent call last):\n"}),
        ):
            with self.subTest(promise=name):
                self.assertNotEqual(broken_promises(case, good._replace(**changes)), [])
        self.assertEqual(broken_promises(case, good), [])
