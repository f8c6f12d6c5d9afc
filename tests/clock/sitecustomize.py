"""Sets the clock of a process that a test starts: Python imports this module at startup if it is on PYTHONPATH.

The time is always TEST_TIME, and sleeping takes no time. The Python code in TEST_CODE runs next, before the program;
it can use `real_sleep`.
"""

import os
import time

real_sleep = time.sleep
time.time = lambda: float(os.environ["TEST_TIME"])
time.sleep = lambda seconds: None
exec(os.environ.get("TEST_CODE", ""))
