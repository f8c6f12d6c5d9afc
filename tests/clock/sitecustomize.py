"""Gives the real program the time of a test: Python imports this module at its start if it is on PYTHONPATH.

Nothing is waited for between two tries.
"""

import os
import time

time.time = lambda: float(os.environ["TEST_TIME"])
time.sleep = lambda seconds: None
