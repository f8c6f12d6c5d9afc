"""How long the program takes, how much memory, and how many requests in a row, beside what it is measured against.

    python3 tests/benchmark.py                 # every case
    python3 tests/benchmark.py usage-99 start  # those whose names begin so

Exit code 1 when a ratio or a number of requests is larger than allowed. Times are medians of both commands in turn;
they say little on a machine that has other work to do. The cases beside the service's official SDK are left out unless
SDK_PYTHON names an interpreter that can import it (`pip install openrouter`).
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


# ---- What the program talks to: a process of its own, so that its work and its memory are not measured.
#
# Every process has the real time here, because setting the test time would slow down each start.


def keys(count):
    """A service 150 ms away with so many keys."""
    from fake_openrouter import FakeOpenRouter, current_time, make_key, make_workspace

    rows = [make_key(n, usage=1, usage_monthly=1) for n in range(count)]
    return FakeOpenRouter(now=current_time(), latency=0.15, keys=rows, workspaces=[make_workspace()])


def catalogue(count):
    """A service with so many models, each as long as those of the real one (about 1.7 kB); the answer is made once."""
    import gzip

    from fake_openrouter import FakeOpenRouter, answer, current_time, encode, make_model, make_pricing

    models = []
    for n in range(count):
        pricing = make_pricing(f"0.{n % 97 + 1:02}", f"{n % 31}.5")
        model = make_model(f"author-{n % 61}/model-{n}", pricing=pricing, description="")
        text = f"Model {n} of {count}. " * 80
        models.append({**model, "description": text[: 1700 - len(encode(model))]})
    body = gzip.compress(encode({"data": models, "links": {"next": None}, "total_count": count}), 6)
    service = FakeOpenRouter(now=current_time())
    service.always("GET", "/models", answer(200, body, {"Content-Encoding": "gzip"}))
    return service


def far(count):
    """A service with so many models over TLS, behind `relay`."""
    service = catalogue(count)
    service.tls = True
    return service


async def relay(port):
    """Carry connections to `port`, as over a distance: what is sent arrives DELAY later, either way."""

    async def carry(reader, writer):
        while part := await reader.read(1 << 16):
            asyncio.get_running_loop().call_later(DELAY, writer.write, part)
        asyncio.get_running_loop().call_later(DELAY, writer.close)

    async def connect(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))

    server = await asyncio.start_server(connect, "127.0.0.1")
    print(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v1", flush=True)
    await server.serve_forever()


DELAY = 0.03  # seconds


def serve(make, count):
    with make(count) as service:
        if service.tls:
            threading.Thread(target=asyncio.run, args=[relay(service.port)], daemon=True).start()
        else:
            print(service.url, flush=True)
        sys.stdin.read()  # until the benchmark ends


# ---- What it is measured against

# PYTHON, INSTALLED and URL stand for what `measure` knows: an interpreter of its own, so that nothing that is installed
# for another purpose is loaded with it; the program as pip installs it, with its bytecode; the service.
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
SCRIPT_ALLOWED = 2.3 if sys.version_info[:2] == (3, 11) else None  # compilers differ
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

# `ours`: the command that runs the program. `code`: its exit code. `beside`: what it is measured against.
# `allowed`: the largest ratio of the medians, None for any. `make(count)` makes the service.
Case = namedtuple("Case", "name ours code beside allowed rounds make count")
CASES = (
    Case("usage-99", (*SCRIPT, "usage"), 0, (*SCRIPT, "balance"), 1.5, 9, keys, 99),
    Case("usage-1000", (*SCRIPT, "usage"), 0, (*SCRIPT, "balance"), 5, 9, keys, 1000),
    Case("usage-by", (*SCRIPT, "usage", "--by", "model"), 0, (*SCRIPT, "balance"), 1.5, 9, keys, 99),
    Case("runway", (*SCRIPT, "balance", "--runway"), 0, (*SCRIPT, "balance"), 1.5, 9, keys, 99),
    Case("start-version", (*STARTED, "--version"), 0, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-help", (*STARTED, "--help"), 0, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-integrations", (*STARTED, "integrations"), 2, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-wrong-usage", (*STARTED, "balance", "--nonsense"), 2, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-script", (sys.executable, PROGRAM, "--version"), 0, INTERPRETER, SCRIPT_ALLOWED, 25, keys, 0),
    Case("models-356", (*MODULE, "models", "list"), 0, (*PYTHON, "-c", SHORTEST, "URL"), 1.3, 15, catalogue, 356),
    Case("models-3560", LIST, 0, (*PYTHON, "-c", SHORTEST, "URL"), None, 7, catalogue, 3560),
    Case("models-10000", LIST, 0, (*PYTHON, "-c", SHORTEST, "URL"), None, 3, catalogue, 10000),
    Case("cost-3560", (*LIST, "--cost", "50k:2k"), 0, LIST, 1.5, 7, catalogue, 3560),
    Case("diff-3560", (*SCRIPT, "models", "diff", "f", "--save"), 0, (*LIST, "--json"), 2, 7, catalogue, 3560),
    Case("jq-356", (*MODULE, "models", "list"), 0, PIPELINE, None, 15, catalogue, 356),
    Case("jq-3560", (*MODULE, "models", "list"), 0, PIPELINE, None, 7, catalogue, 3560),
    Case("far-models-jq", (*MODULE, "models", "list"), 0, PIPELINE, 1.3, 15, far, 356),
    Case("far-balance-jq", (*MODULE, "balance"), 0, CREDITS_PIPELINE, 1.3, 15, far, 0),
    Case("far-models-sdk", (*MODULE, "models", "list"), 0, (*SDK_COMMAND, "models"), 0.45, 9, far, 356),
    Case("far-balance-sdk", (*MODULE, "balance"), 0, (*SDK_COMMAND, "credits"), 0.45, 9, far, 0),
)

Run = namedtuple("Run", "milliseconds megabytes")


def timed(command, env, folder, code):
    """Run a command that must end with this exit code."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != code:
            err.seek(0)
            raise SystemExit(f"{command}: exit code {process.returncode} and not {code}:\n{err.read().decode()}")
    return Run(1000 * took, used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def measure(case, folder, places):
    """The medians of both commands: (the program's Run, the other one's Run)."""
    from fake_openrouter import MANAGEMENT_KEY, TLS_CERTIFICATE

    arguments = [sys.executable, __file__, "--serve", case.make.__name__, str(case.count)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdin and service.stdout
        url = service.stdout.readline().strip()
        env = {
            "PATH": os.environ["PATH"],
            "OPENROUTER_BASE_URL": url,
            "OPENROUTER_PROVISIONING_KEY": MANAGEMENT_KEY,
            "SSL_CERT_FILE": TLS_CERTIFICATE,
        }
        words = {**places, "URL": url}
        commands = [
            ([words.get(word, word) for word in command], code)
            for command, code in ((case.ours, case.code), (case.beside, 0))
        ]
        runs: tuple = ([], [])
        for turn in range(case.rounds + 1):
            for which in (0, 1) if turn % 2 else (1, 0):
                run = timed(commands[which][0], env, folder, commands[which][1])
                if turn:  # the first only warms up
                    runs[which].append(run)
        service.stdin.close()
    return [Run(*map(statistics.median, zip(*of_one))) for of_one in runs]


def install(folder):
    """An interpreter with the program and nothing else: {PYTHON: path, INSTALLED: path}."""
    venv.create(os.path.join(folder, "venv"), symlinks=os.name != "nt")
    (site,) = glob.glob(os.path.join(folder, "venv", "lib", "python*", "site-packages"))
    py_compile.compile(shutil.copyfile(PROGRAM, os.path.join(site, "openrouter_remote.py")), doraise=True)
    launcher = os.path.join(folder, "venv", "bin", "openrouter-remote")
    with open(launcher, "w") as file:
        file.write(LAUNCHER.format(site))
    return {"PYTHON": os.path.join(folder, "venv", "bin", "python"), "INSTALLED": launcher}


def missing(case):
    """The programs that the case needs and that are not there."""
    if case.beside[0] == "sh":
        return [name for name in ("curl", "jq") if not shutil.which(name)]
    return [] if case.beside[0] else ["SDK_PYTHON"]


def measure_times(cases, folder):
    """Print a line for each case; returns whether one exceeded what is allowed."""
    print(f"{'case':<20}{'ms':>9}{'beside':>9}{'ratio':>9}{'allowed':>9}{'MB':>9}{'beside':>9}")
    exceeded = False
    places = install(folder)
    for case in cases:
        if missing(case):
            print(f"{case.name:<20}left out: {', '.join(missing(case))} not there")
            continue
        ours, beside = measure(case, folder, places)
        ratio = ours.milliseconds / beside.milliseconds
        too_slow = case.allowed is not None and ratio > case.allowed
        exceeded = exceeded or too_slow
        print(
            f"{case.name:<20}{ours.milliseconds:>9.0f}{beside.milliseconds:>9.0f}{ratio:>9.2f}"
            f"{case.allowed or '-':>9}{ours.megabytes:>9.0f}{beside.megabytes:>9.0f}"
            f"{'  too slow' if too_slow else ''}",
            flush=True,
        )
    return exceeded


# ---- Requests in a row: over a distance they are what a question costs.

# `ours`: the program's command line. `allowed`: how many requests in a row. `switches`: of the stand-in.
Depth = namedtuple("Depth", "name ours allowed switches", defaults=({},))
DEPTHS = (
    Depth("depth-balance", ["balance"], 1),
    Depth("depth-runway", ["balance", "--runway", "--spendable"], 1),
    Depth("depth-usage", ["usage"], 1, {"has_workspaces": False}),
    Depth("depth-usage-2", ["usage"], 2),
    Depth("depth-usage-by", ["usage", "--by", "model"], 1, {"has_workspaces": False}),
    Depth("depth-usage-hour", ["usage", "--by", "hour"], 1),
    Depth("depth-keys", ["keys", "list"], 1),
    Depth("depth-keys-show", ["keys", "show", "spare"], 1, {"has_workspaces": False}),
    Depth("depth-models", ["models", "list"], 1),
    Depth("depth-show-id", ["models", "show", "northwind/gale-70b"], 1),
    Depth("depth-show-part", ["models", "show", "gale-70b"], 1),
    Depth("depth-endpoints-id", ["models", "endpoints", "northwind/gale-70b"], 1),
    Depth("depth-endpoints-part", ["models", "endpoints", "gale-70b"], 2),
)


def measure_depths(cases, folder):
    """Print a line for each case; returns whether one exceeded what is allowed."""
    from fake_openrouter import MANAGEMENT_KEY, USER_KEY, FakeOpenRouter, current_time

    class Counting(FakeOpenRouter):
        """A request that arrives after another was answered is one deeper."""

        latency = 0.2  # so that those which are sent together are under way together
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

    print(f"{'case':<20}{'in a row':>9}{'allowed':>9}{'requests':>9}")
    exceeded = False
    for case in cases:
        service = Counting(now=current_time(), **case.switches)
        with service:
            env = {"OPENROUTER_BASE_URL": service.url, "OPENROUTER_API_KEY": USER_KEY}
            timed(
                [sys.executable, PROGRAM, *case.ours], {**env, "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT_KEY}, folder, 0
            )
        too_deep = service.depth > case.allowed
        exceeded = exceeded or too_deep
        print(
            f"{case.name:<20}{service.depth:>9}{case.allowed:>9}{len(service.requests):>9}"
            f"{'  too deep' if too_deep else ''}",
            flush=True,
        )
    return exceeded


def main(names):
    """Run the cases whose names begin with one of `names`; returns 1 when one exceeded what is allowed."""
    times, depths = ([case for case in of_kind if case.name.startswith(tuple(names or ("",)))] for of_kind in KINDS)
    if not times and not depths:
        raise SystemExit(f"no such case; there are: {', '.join(case.name for of_kind in KINDS for case in of_kind)}")
    with tempfile.TemporaryDirectory() as folder:
        exceeded = [
            measure_depths(depths, folder) if depths else False,
            measure_times(times, folder) if times else False,
        ]
    return 1 if any(exceeded) else 0


KINDS = (CASES, DEPTHS)

if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve({"keys": keys, "catalog": catalogue, "far": far}[sys.argv[2]], int(sys.argv[3]))
    else:
        raise SystemExit(main(sys.argv[1:]))
