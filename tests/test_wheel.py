"""Build the wheel, install it, and run it as the command and as the module."""

import glob
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

from fake_openrouter import USER_KEY
from support import PROGRAM, ProgramTest, Run, program

ROOT = os.path.dirname(os.path.dirname(PROGRAM))
BALANCE = "total_credits: $10.0000\ntotal_usage:   $9.8848\nremaining:     $0.1152\n"


@unittest.skipUnless(importlib.util.find_spec("hatchling"), "hatchling isn't installed")
class WheelTest(ProgramTest):
    site: str

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.site = os.path.join(folder.name, "site")
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder.name]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = glob.glob(os.path.join(folder.name, "*.whl"))
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", cls.site]
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run([*install, wheel], check=True, capture_output=True, env=env)

    def setUp(self):
        super().setUp()
        self.env["PYTHONPATH"] = os.pathsep.join([self.env["PYTHONPATH"], self.site])

    def run_installed(self, *argv, command=()):
        command = command or [os.path.join(self.site, "bin", "openrouter-remote")]
        done = subprocess.run([*command, *argv], env=self.env, capture_output=True, text=True)
        return Run(done.returncode, done.stdout, done.stderr)

    def test_the_command_and_the_module_run(self):
        self.start(credits_for_user_key="allowed")
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        for command in ((), (sys.executable, "-m", "openrouter_remote")):
            with self.subTest(command=command):
                version = f"openrouter-remote {program.__version__}\n"
                self.assertEqual(self.run_installed("--version", command=command), Run(0, version, ""))
                self.assertEqual(self.run_installed("balance", command=command), Run(0, BALANCE, ""))
                alert = self.run_installed("balance", "--alert-below", "5", command=command)
                self.assertEqual(alert, Run(1, BALANCE, "ALERT remaining $0.1152 is less than $5.00\n"))

    def test_the_bytecode_is_cached(self):
        self.assertEqual(len(glob.glob(os.path.join(self.site, "__pycache__", "openrouter_remote.*.pyc"))), 1)

    def test_the_metadata_has_the_version_and_no_requirements(self):
        (path,) = glob.glob(os.path.join(self.site, "openrouter_remote-*.dist-info", "METADATA"))
        with open(path, encoding="utf-8") as file:
            head = file.read().partition("\n\n")[0].splitlines()
        self.assertIn(f"Version: {program.__version__}", head)
        self.assertIn("Requires-Python: >=3.9", head)
        self.assertEqual([line for line in head if line.startswith("Requires-Dist")], [])

    def test_a_failure_during_import_is_exit_5(self):
        self.replace_module("decimal", "raise MemoryError\n")
        message = "openrouter-remote: error: unexpected MemoryError: \n"
        self.assertEqual(self.run_installed("balance", "--alert-below", "5"), Run(5, "", message))


if __name__ == "__main__":
    unittest.main()
