"""Measures the program's time and memory against other commands, and counts its sequential requests.

    python3 tests/benchmark.py                 # every case
    python3 tests/benchmark.py usage-99 start  # the cases whose names start with one of these

Exits with 1 if a ratio or a number of requests is larger than allowed. Times are medians; the two commands of a case
take turns. On a busy machine they mean little. Cases that compare with OpenRouter's official SDK are skipped unless
SDK_PYTHON is an interpreter that can import it (`pip install openrouter`).
"""

import asyncio
import glob
import os
import py_compile
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections import namedtuple

TESTS = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.path.dirname(TESTS), "bin", "openrouter-remote")


# --- The fake server, in a process of its own, so that its work isn't measured
#
# Every process uses the real time, because setting the test time would slow down each start.


def keys(count):
    """A fake with `count` keys and 150 ms of latency."""
    from fake_openrouter import FakeOpenRouter, current_time, make_key, make_workspace

    rows = [make_key(n, usage=1, usage_monthly=1) for n in range(count)]
    return FakeOpenRouter(now=current_time(), latency=0.15, keys=rows, workspaces=[make_workspace()])


def catalog(count):
    """A fake with `count` models of realistic size (about 1.7 kB), all in one response that is prepared in advance."""
    import gzip

    from fake_openrouter import FakeOpenRouter, current_time, encode, make_model, make_pricing, respond

    models = []
    for n in range(count):
        pricing = make_pricing(f"0.{n % 97 + 1:02}", f"{n % 31}.5")
        model = make_model(f"author-{n % 61}/model-{n}", pricing=pricing, description="")
        text = f"Model {n} of {count}. " * 80
        models.append({**model, "description": text[: 1700 - len(encode(model))]})
    body = gzip.compress(encode({"data": models, "links": {"next": None}, "total_count": count}), 6)
    fake = FakeOpenRouter(now=current_time())
    fake.always("GET", "/models", respond(200, body, {"Content-Encoding": "gzip"}))
    return fake


def far(count):
    """A fake with `count` models, with TLS and behind `relay`."""
    fake = catalog(count)
    fake.tls = True
    return fake


async def relay(port):
    """Relay connections to `port` with a delay of DELAY in each direction, like a distant server."""

    async def forward(reader, writer):
        while part := await reader.read(1 << 16):
            asyncio.get_running_loop().call_later(DELAY, writer.write, part)
        asyncio.get_running_loop().call_later(DELAY, writer.close)

    async def connect(reader, writer):
        fake_reader, fake_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(forward(reader, fake_writer), forward(fake_reader, writer))

    server = await asyncio.start_server(connect, "127.0.0.1")
    print(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v1", flush=True)
    await server.serve_forever()


DELAY = 0.03  # seconds


def serve(make, count):
    with make(count) as fake:
        if fake.tls:
            threading.Thread(target=asyncio.run, args=[relay(fake.port)], daemon=True).start()
        else:
            print(fake.url, flush=True)
        sys.stdin.read()  # until the benchmark ends


# --- The commands to compare

# `measure` replaces these words: PYTHON by an interpreter in an empty environment, so that no unrelated package is
# loaded; INSTALLED by the program as pip installs it, with its bytecode; URL by the fake server's URL.
PYTHON = ("PYTHON",)
SCRIPT = (*PYTHON, PROGRAM)
MODULE = (*PYTHON, "INSTALLED")
LAUNCHER = """import sys

sys.path.insert(0, {!r})
from openrouter_remote import entry_point

sys.exit(entry_point())
"""
LIST = (*SCRIPT, "models", "list")
STARTED = (sys.executable, "INSTALLED")
INTERPRETER = (sys.executable, "-c", "import argparse, json")
# A script is compiled at every start, which takes most of its time. How long depends on the Python, so compiling counts
# on both sides.
COMPILING = f"import argparse, json; compile(open({PROGRAM!r}, encoding='utf-8').read(), 'program', 'exec')"
COMPILER = (sys.executable, "-c", COMPILING)
SHORTEST = """
import gzip, json, sys, urllib.request

request = urllib.request.Request(sys.argv[1] + "/models", headers={"Accept-Encoding": "gzip"})
models = json.loads(gzip.decompress(urllib.request.urlopen(request).read()))["data"]
rows = [("id", "in $/M", "out $/M")]
for model in models:
    prices = model["pricing"]
    rows.append((model["id"], f"{float(prices['prompt']) * 1e6:.2f}", f"{float(prices['completion']) * 1e6:.2f}"))
widths = [max(map(len, column)) for column in zip(*rows)]
for id, *prices in rows:
    print(id.ljust(widths[0]), *(price.rjust(width) for price, width in zip(prices, widths[1:])), sep="  ")
"""
JQ = ".data[] | [.id, (.pricing.prompt | tonumber * 1e6), (.pricing.completion | tonumber * 1e6)] | @tsv"
PIPELINE = ("sh", "-c", 'curl -s --compressed "$1/models" | jq -re "$2"', "sh", "URL", JQ)
CREDITS = 'curl -s -H "Authorization: Bearer $OPENROUTER_PROVISIONING_KEY" "$1/credits" | jq -e ".data"'
CREDITS_PIPELINE = ("sh", "-c", CREDITS, "sh", "URL")
SDK = """
import os, sys

from openrouter import OpenRouter

client = OpenRouter(api_key=os.environ["OPENROUTER_PROVISIONING_KEY"], server_url=sys.argv[1])
if sys.argv[2] == "credits":
    print(client.credits.get_credits().data)
else:
    for model in client.models.list().result.data:
        print(model.id, model.pricing.prompt, model.pricing.completion)
"""
SDK_COMMAND = (os.environ.get("SDK_PYTHON", ""), "-c", SDK, "URL")

# ours: the command that runs the program. code: its exit code. other: the command to compare it with.
# allowed: the largest ratio of the medians, or None for any. make(count): creates the fake server.
Case = namedtuple("Case", "name ours code other allowed rounds make count")
CASES = (
    Case("usage-99", (*SCRIPT, "usage"), 0, (*SCRIPT, "balance"), 1.5, 9, keys, 99),
    Case("usage-1000", (*SCRIPT, "usage"), 0, (*SCRIPT, "balance"), 5, 9, keys, 1000),
    Case("usage-by", (*SCRIPT, "usage", "--by", "model"), 0, (*SCRIPT, "balance"), 1.5, 9, keys, 99),
    Case("runway", (*SCRIPT, "balance", "--runway"), 0, (*SCRIPT, "balance"), 1.5, 9, keys, 99),
    Case("start-version", (*STARTED, "--version"), 0, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-help", (*STARTED, "--help"), 0, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-integrations", (*STARTED, "integrations"), 2, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-usage-error", (*STARTED, "balance", "--nonsense"), 2, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-script", (sys.executable, PROGRAM, "--version"), 0, COMPILER, 1.2, 25, keys, 0),
    Case("models-356", (*MODULE, "models", "list"), 0, (*PYTHON, "-c", SHORTEST, "URL"), 1.3, 15, catalog, 356),
    Case("models-3560", LIST, 0, (*PYTHON, "-c", SHORTEST, "URL"), None, 7, catalog, 3560),
    Case("models-10000", LIST, 0, (*PYTHON, "-c", SHORTEST, "URL"), None, 3, catalog, 10000),
    Case("cost-3560", (*LIST, "--cost", "50k:2k"), 0, LIST, 1.5, 7, catalog, 3560),
    Case("diff-3560", (*SCRIPT, "models", "diff", "f", "--save"), 0, (*LIST, "--json"), 2, 7, catalog, 3560),
    Case("jq-356", (*MODULE, "models", "list"), 0, PIPELINE, None, 15, catalog, 356),
    Case("jq-3560", (*MODULE, "models", "list"), 0, PIPELINE, None, 7, catalog, 3560),
    Case("far-models-jq", (*MODULE, "models", "list"), 0, PIPELINE, 1.3, 15, far, 356),
    Case("far-balance-jq", (*MODULE, "balance"), 0, CREDITS_PIPELINE, 1.3, 15, far, 0),
    Case("far-models-sdk", (*MODULE, "models", "list"), 0, (*SDK_COMMAND, "models"), 0.45, 9, far, 356),
    Case("far-balance-sdk", (*MODULE, "balance"), 0, (*SDK_COMMAND, "credits"), 0.45, 9, far, 0),
)

Run = namedtuple("Run", "milliseconds megabytes")


def timed(command, env, folder, code):
    """Run a command and check its exit code."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != code:
            err.seek(0)
            raise SystemExit(f"{command}: exit code {process.returncode} instead of {code}:\n{err.read().decode()}")
    return Run(1000 * took, used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def measure(case, folder, places):
    """The medians of both commands: [the program's Run, the other command's Run]."""
    from fake_openrouter import MANAGEMENT_KEY, TLS_CERTIFICATE

    arguments = [sys.executable, __file__, "--serve", case.make.__name__, str(case.count)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout
        url = server.stdout.readline().strip()
        env = {
            "PATH": os.environ["PATH"],
            "OPENROUTER_BASE_URL": url,
            "OPENROUTER_PROVISIONING_KEY": MANAGEMENT_KEY,
            "SSL_CERT_FILE": TLS_CERTIFICATE,
        }
        words = {**places, "URL": url}
        commands = [
            ([words.get(word, word) for word in command], code)
            for command, code in ((case.ours, case.code), (case.other, 0))
        ]
        runs: tuple = ([], [])
        for turn in range(case.rounds + 1):
            for which in (0, 1) if turn % 2 else (1, 0):
                run = timed(commands[which][0], env, folder, commands[which][1])
                if turn:  # the first turn only warms up
                    runs[which].append(run)
        server.stdin.close()
    return [Run(*map(statistics.median, zip(*of_one))) for of_one in runs]


def install(folder):
    """Create an environment with only the program: {PYTHON: path, INSTALLED: path}."""
    venv.create(os.path.join(folder, "venv"), symlinks=os.name != "nt")
    (site,) = glob.glob(os.path.join(folder, "venv", "lib", "python*", "site-packages"))
    py_compile.compile(shutil.copyfile(PROGRAM, os.path.join(site, "openrouter_remote.py")), doraise=True)
    launcher = os.path.join(folder, "venv", "bin", "openrouter-remote")
    with open(launcher, "w") as file:
        file.write(LAUNCHER.format(site))
    return {"PYTHON": os.path.join(folder, "venv", "bin", "python"), "INSTALLED": launcher}


def missing(case):
    """The programs or variables that the case needs but that are missing."""
    if case.other[0] == "sh":
        return [name for name in ("curl", "jq") if not shutil.which(name)]
    return [] if case.other[0] else ["SDK_PYTHON"]


def measure_times(cases, folder):
    """Print a line for each case; return whether one of them exceeds its limit."""
    print(f"{'case':<20}{'ms':>9}{'other':>9}{'ratio':>9}{'allowed':>9}{'MB':>9}{'other':>9}")
    exceeded = False
    places = install(folder)
    for case in cases:
        if missing(case):
            print(f"{case.name:<20}skipped: {', '.join(missing(case))} missing")
            continue
        ours, other = measure(case, folder, places)
        ratio = ours.milliseconds / other.milliseconds
        too_slow = case.allowed is not None and ratio > case.allowed
        exceeded = exceeded or too_slow
        print(
            f"{case.name:<20}{ours.milliseconds:>9.0f}{other.milliseconds:>9.0f}{ratio:>9.2f}"
            f"{case.allowed or '-':>9}{ours.megabytes:>9.0f}{other.megabytes:>9.0f}"
            f"{'  too slow' if too_slow else ''}",
            flush=True,
        )
    return exceeded


# --- Sequential requests, which decide how long a command takes with a distant server

# ours: the program's arguments. allowed: the most requests in sequence. switches: of FakeOpenRouter.
Depth = namedtuple("Depth", "name ours allowed switches", defaults=({},))
DEPTHS = (
    Depth("depth-balance", ["balance"], 1),
    Depth("depth-runway", ["balance", "--runway", "--spendable"], 1),
    Depth("depth-usage", ["usage"], 1, {"has_workspaces": False}),
    Depth("depth-usage-2", ["usage"], 2),
    Depth("depth-usage-by", ["usage", "--by", "model"], 1, {"has_workspaces": False}),
    Depth("depth-usage-hour", ["usage", "--by", "hour"], 1),
    Depth("depth-compare", ["usage", "--by", "key", "--compare"], 1, {"has_workspaces": False}),
    Depth("depth-keys", ["keys", "list"], 1),
    Depth("depth-keys-show", ["keys", "show", "spare"], 1, {"has_workspaces": False}),
    Depth("depth-models", ["models", "list"], 1),
    Depth("depth-models-ids", ["models", "list", "gale-70b", "lumen-4-mini"], 1),
    Depth("depth-show-id", ["models", "show", "northwind/gale-70b"], 1),
    Depth("depth-show-part", ["models", "show", "gale-70b"], 1),
    Depth("depth-endpoints-id", ["models", "endpoints", "northwind/gale-70b"], 1),
    Depth("depth-endpoints-part", ["models", "endpoints", "gale-70b"], 2),
)


def measure_depths(cases, folder):
    """Print a line for each case; return whether one of them exceeds its limit."""
    from fake_openrouter import MANAGEMENT_KEY, USER_KEY, FakeOpenRouter, current_time

    class Counting(FakeOpenRouter):
        """A request that arrives after the response to another one is one level deeper."""

        latency = 0.2  # so that requests sent together overlap
        depth = 0

        def __init__(self, **switches):
            self.of_thread = threading.local()
            super().__init__(**switches)

        def receive(self, request):
            with self.lock:
                self.of_thread.depth = self.depth + 1
            return super().receive(request)

        def done(self):
            with self.lock:
                self.depth = max(self.depth, self.of_thread.depth)
            super().done()

    print(f"{'case':<20}{'sequence':>9}{'allowed':>9}{'requests':>9}")
    exceeded = False
    for case in cases:
        fake = Counting(now=current_time(), **case.switches)
        with fake:
            env = {"OPENROUTER_BASE_URL": fake.url, "OPENROUTER_API_KEY": USER_KEY}
            timed(
                [sys.executable, PROGRAM, *case.ours], {**env, "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT_KEY}, folder, 0
            )
        too_deep = fake.depth > case.allowed
        exceeded = exceeded or too_deep
        print(
            f"{case.name:<20}{fake.depth:>9}{case.allowed:>9}{len(fake.requests):>9}{'  too deep' if too_deep else ''}",
            flush=True,
        )
    return exceeded


def main(names):
    """Run the cases whose names start with one of `names`; return 1 if one of them exceeds its limit."""
    times, depths = ([case for case in of_kind if case.name.startswith(tuple(names or ("",)))] for of_kind in KINDS)
    if not times and not depths:
        raise SystemExit(f"no such case; choose from: {', '.join(case.name for of_kind in KINDS for case in of_kind)}")
    with tempfile.TemporaryDirectory() as folder:
        exceeded = [
            measure_depths(depths, folder) if depths else False,
            measure_times(times, folder) if times else False,
        ]
    return 1 if any(exceeded) else 0


KINDS = (CASES, DEPTHS)

if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve({"keys": keys, "catalog": catalog, "far": far}[sys.argv[2]], int(sys.argv[3]))
    else:
        raise SystemExit(main(sys.argv[1:]))
