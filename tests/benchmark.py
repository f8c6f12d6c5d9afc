"""How long the program takes, and how much memory, beside what it is measured against: both in turn, medians.

    python3 tests/benchmark.py                 # every case
    python3 tests/benchmark.py usage-99 start  # those whose names begin so

Exit code 1 when a ratio is larger than allowed. The figures say little on a machine that has other work to do.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "bin", "openrouter-remote")


# ---- What the program talks to: a process of its own, so that its work and its memory are not measured.


def keys(count):
    """A service 150 ms away with so many keys."""
    from standin import StandIn, make_key, make_workspace

    rows = [make_key(n, usage=1, usage_monthly=1) for n in range(count)]
    return StandIn(latency=0.15, keys=rows, workspaces=[make_workspace()])


def catalogue(count):
    """A service with so many models, each as long as those of the real one (about 1.7 kB); the answer is made once."""
    import gzip

    from standin import StandIn, answer, encode, make_model, make_pricing

    models = []
    for n in range(count):
        pricing = make_pricing(f"0.{n % 97 + 1:02}", f"{n % 31}.5")
        model = make_model(f"author-{n % 61}/model-{n}", pricing=pricing, description="")
        text = f"Model {n} of {count}. " * 80
        models.append({**model, "description": text[: 1700 - len(encode(model))]})
    body = gzip.compress(encode({"data": models, "links": {"next": None}}), 6)
    service = StandIn()
    service.always("GET", "/models", answer(200, body, {"Content-Encoding": "gzip"}))
    return service


def serve(make, count):
    with make(count) as service:
        print(service.url, flush=True)
        sys.stdin.read()  # until the benchmark ends


# ---- What it is measured against

PYTHON = (sys.executable,)
OURS = (*PYTHON, PROGRAM)
INTERPRETER = (*PYTHON, "-c", "import argparse, json")
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
PIPELINE = ("sh", "-c", 'curl -s --compressed "$1/models" | jq -r "$2"', "sh", "URL", JQ)

# `ours`: the program's command line. `code`: its exit code. `beside`: the command that it is measured against (URL:
# the service). `allowed`: the largest ratio of the medians, None for any. `make(count)` makes the service.
Case = namedtuple("Case", "name ours code beside allowed rounds make count")
CASES = (
    Case("usage-99", ["usage"], 0, (*OURS, "balance"), 2.6, 9, keys, 99),
    Case("usage-1000", ["usage"], 0, (*OURS, "balance"), 5, 9, keys, 1000),
    Case("usage-by", ["usage", "--by", "model"], 0, (*OURS, "balance"), 2.6, 9, keys, 99),
    Case("runway", ["balance", "--runway"], 0, (*OURS, "balance"), 1.5, 9, keys, 99),
    Case("start-version", ["--version"], 0, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-help", ["--help"], 0, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-integrations", ["integrations"], 2, INTERPRETER, 1.5, 25, keys, 0),
    Case("start-wrong-usage", ["balance", "--nonsense"], 2, INTERPRETER, 1.5, 25, keys, 0),
    Case("models-356", ["models", "list"], 0, (*PYTHON, "-c", SHORTEST, "URL"), 1.3, 15, catalogue, 356),
    Case("models-3560", ["models", "list"], 0, (*PYTHON, "-c", SHORTEST, "URL"), None, 7, catalogue, 3560),
    Case("models-35600", ["models", "list"], 0, (*PYTHON, "-c", SHORTEST, "URL"), None, 3, catalogue, 35600),
    Case("cost-3560", ["models", "list", "--cost", "50k:2k"], 0, (*OURS, "models", "list"), 1.5, 7, catalogue, 3560),
    Case("diff-3560", ["models", "diff", "f", "--save"], 0, (*OURS, "models", "list", "--json"), 2, 7, catalogue, 3560),
    Case("jq-356", ["models", "list"], 0, PIPELINE, None, 15, catalogue, 356),
    Case("jq-3560", ["models", "list"], 0, PIPELINE, None, 7, catalogue, 3560),
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


def measure(case, folder):
    """The medians of both commands: (the program's Run, the other one's Run)."""
    from standin import MANAGEMENT_KEY

    arguments = [sys.executable, __file__, "--serve", case.make.__name__, str(case.count)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdin and service.stdout
        url = service.stdout.readline().strip()
        env = {"PATH": os.environ["PATH"], "OPENROUTER_BASE_URL": url, "OPENROUTER_PROVISIONING_KEY": MANAGEMENT_KEY}
        commands = [([*OURS, *case.ours], case.code), ([url if word == "URL" else word for word in case.beside], 0)]
        runs: tuple = ([], [])
        for turn in range(case.rounds + 1):
            for which in (0, 1) if turn % 2 else (1, 0):
                run = timed(commands[which][0], env, folder, commands[which][1])
                if turn:  # the first only warms up
                    runs[which].append(run)
        service.stdin.close()
    return [Run(*map(statistics.median, zip(*of_one))) for of_one in runs]


def main(names):
    """Run the cases whose names begin with one of `names`; returns 1 when a ratio is too large."""
    chosen = [case for case in CASES if not names or case.name.startswith(tuple(names))]
    if not chosen:
        raise SystemExit(f"no such case; there are: {', '.join(case.name for case in CASES)}")
    exceeded = False
    print(f"{'case':<20}{'ms':>9}{'beside':>9}{'ratio':>9}{'allowed':>9}{'MB':>9}{'beside':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen:
            if case.beside is PIPELINE and not (shutil.which("curl") and shutil.which("jq")):
                print(f"{case.name:<20}left out: curl or jq is missing")
                continue
            ours, beside = measure(case, folder)
            ratio = ours.milliseconds / beside.milliseconds
            too_slow = case.allowed is not None and ratio > case.allowed
            exceeded = exceeded or too_slow
            print(
                f"{case.name:<20}{ours.milliseconds:>9.0f}{beside.milliseconds:>9.0f}{ratio:>9.2f}"
                f"{case.allowed or '-':>9}{ours.megabytes:>9.0f}{beside.megabytes:>9.0f}"
                f"{'  too slow' if too_slow else ''}",
                flush=True,
            )
    return 1 if exceeded else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve({"keys": keys, "catalogue": catalogue}[sys.argv[2]], int(sys.argv[3]))
    else:
        raise SystemExit(main(sys.argv[1:]))
