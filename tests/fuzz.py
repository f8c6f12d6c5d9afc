"""Fuzzes openrouter-remote: every command, with malformed responses, files and arguments.

    python3 tests/fuzz.py [--processes] [--seed N] [--cases N] [--only K]

Whatever happens, the program exits with a code of its contract, prints no control characters, no credential and no
traceback, and its stdout is the complete answer or empty. A case depends only on the seed and its number. A failure is
printed with the shortest case that shows it, in the form of test_fuzz.KNOWN, and makes the exit code 1. --processes
runs the program in processes of its own: with broken streams, other locales, odd folders, and signals.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import io
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import namedtuple
from collections.abc import Iterable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from decimal import Decimal
from typing import Any
from unittest import mock

from fake_openrouter import (
    MANAGEMENT_KEY,
    MGMT_KEY,
    NOW,
    PLACEHOLDER_DATE,
    USER_KEY,
    FakeOpenRouter,
    as_usual,
    encode,
    head,
    make_key,
    make_video_model,
)
from support import CLOCK, COMMAND, INHERITED, PROGRAM, program

# argv: without the program's name. edits: changes to the responses. switches: of FakeOpenRouter. env: variables in
# addition to the usual ones. files: name -> bytes, in the current folder. terminal: its width, or None for a pipe.
Case = namedtuple("Case", "argv edits switches env files terminal", defaults=((), {}, {}, {}, None))
# A change to the responses to `target` ("GET /keys", or "*"): see Mutator.
Edit = namedtuple("Edit", "target kind args")
# delivered: new keys that reached the program in full. unapplied: whether a PATCH that seemed to succeed changed
# nothing. kept: the keys that existed from start to end. key_file: the content of the file that --out created, or None.
Outcome = namedtuple(
    "Outcome",
    "code out err crash bugs secrets requests delivered unapplied kept key_file",
    defaults=((), False, (), None),
)


class Raw(str):
    """JSON text that is sent unchanged."""

    def __repr__(self) -> str:
        return f"Raw({str(self)!r})"


# --- Values

ESCAPES = "\x1b[31m\x07\x00\x7f\x9b2J\u202e\u2066\u200f\u2028\x85\r\n\t"
HASHES = [f"{n:064x}" for n in (0, 1)]
VALUES: list = [
    *(None, True, False, 0, 1, -1, 2**64, -(10**30), "", " ", "0", "-1", "-0", "1e3", "1e999", "NaN", "-Infinity", "x"),
    *(
        Raw(text)
        for text in ("-0", "-0.0", "-1.5", "1e400", "1E-400", "1e-30", "1e999999999", "NaN", "-Infinity", "1.")
    ),
    *(Raw(text) for text in ("9" * 400, "-" + "9" * 400, "0." + "1" * 400, "9" * 5000, "01", "'x'", "undefined")),
    *("9" * 400, "0." + "3" * 400, "0x10", "١٢", "１２", "1_000", "+5", "0.000000000000000000000000000000000001"),
    *([], {}, [[]], [None], [{}], [""], {"": {}}, {"p50": -1}, {"p50": "x"}, [[[[[[[[[[1]]]]]]]]]]),
    *(Raw("[" * depth + "]" * depth) for depth in (100, 990, 20_000)),
    *(Raw('{"a":' * depth + "1" + "}" * depth) for depth in (100, 490)),
    *(
        ESCAPES,
        "name " + ESCAPES,
        Raw(r'"\ud800"'),
        Raw(r'"\udcff x \ud83d\ude00"'),
        "\ud800",
        "\u0301" * 50,
        "測試" * 40,
    ),
    *("\U0001f600", "\ufeff", "\xa0", "\u200b\u2060", "\U000e0041", "<b>" * 50, "x" * 20_000, "a b " * 400, "\\", "'"),
    *(
        USER_KEY,
        MGMT_KEY,
        f"Bearer {MANAGEMENT_KEY}!",
        "y" * 120 + USER_KEY,
        "sk-or-v1-" + "0" * 64,
        "z " * 70 + MANAGEMENT_KEY,
    ),
    *(Raw('{"id": "a/b", "id": "a/c"}'), Raw('{"data": [], "data": {}}'), {"tool": 1}, {ESCAPES: ESCAPES}),
    *("tool", "a/b/c", "/", "..", "../..", "a" * 64, *HASHES, "~x/y:free", "?", "%00", "{0}", "%s"),
    *(
        "2026-02-30",
        PLACEHOLDER_DATE,
        "9999-12-31",
        "0000-00-00",
        "2026-06-03 00:00:00",
        "2026-06-03T00:00:00Z",
        "99999-01-01",
    ),
    *(2400, -30, 1299, "0130", ["mon", 7, None], {"min_prompt_tokens": "x", "prompt": "-1"}),
]
NAMES = [
    "tool",
    "",
    "id",
    "hash",
    "key",
    "error",
    "data",
    ESCAPES,
    USER_KEY,
    "cost",
    "price_per_million",
    "\ud800",
    "x",
]
STATUSES = [
    *(200, 201, 202, 204, 206, 300, 301, 302, 304, 307, 308, 400, 401, 402, 403, 404, 405, 408, 409, 413, 418, 429),
    *(499, 500, 501, 502, 503, 504, 520, 524, 529, 530, 599, 600, 999),
]
HEADERS = [
    *(("Retry-After", v) for v in ("0", "-1", "31", "9" * 400, "1e9", "\x1b[31m", "Wed, 21 Oct 2015 07:28:00 GMT", "")),
    *(("Retry-After", v) for v in ("Mon, 99 Foo 99999 99:99:99 +9999", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 1")),
    *(("Content-Encoding", v) for v in ("gzip", "br", "identity", "\x1b[31mx", "gzip, gzip", "", "x-gzip", "\xa0")),
    *(("Location", v) for v in ("/api/v1/keys", "//x.example/", "http://x.example\x1b[31m/", "http://[", "", "\x9b")),
    *(("Location", v) for v in ("http://127.0.0.1:1/", "?", "ftp://x/", "http://127.0.0.1:99999999/", "/" + "é" * 9)),
    *(("Location", v) for v in (f"http://{USER_KEY}.example/", "http://\u0661.example:x/".encode().decode("latin-1"))),
    *(("Content-Length", v) for v in ("-1", "abc", "0", "1", "9" * 30, "1, 1", "")),
    *(("Transfer-Encoding", v) for v in ("chunked", "gzip", "\x1b")),
    *(("Content-Type", v) for v in ("text/html", "", "\x1b[31m", "application/json; charset=utf-16")),
    ("X-Long", "x" * 70_000),
]
BODIES = [
    *(b"", b" ", b"null", b"[]", b"{}", b'""', b"0", b"<html><h1>502 \x1b[31mBad</h1></html>", b"\xff\xfe\x00", b"{"),
    *(b'{"error": null}', b'{"error": {}}', b'{"error": {"message": {"x": 1}}}', b'{"error": "\\u001b[2J\\u202e"}'),
    *(b'{"error": {"code": 401, "message": "\\ud800' + USER_KEY.encode() + b'"}}', b'{"data": null}', b"\x00" * 99),
    *(
        b'{"data": {}}',
        b'{"data": [{}]}',
        b'{"data": [null]}',
        b'{"data": [], "links": {"next": "/x"}}',
        b"\xef\xbb\xbf{}",
    ),
    *('{"data": {}}'.encode(coding) for coding in ("utf-16", "utf-32", "utf-16-be")),
    b"x" * 140 + MANAGEMENT_KEY.encode(),
    b"[" * 100_000,
    b'{"data":' * 3000 + b"1" + b"}" * 3000,
    ("<b>" * 2000 + USER_KEY).encode(),
    gzip.compress(b'{"data": []}', mtime=0),
]
RAW_RESPONSES = [
    *(
        b"",
        b"\r\n",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 \x1b[31m\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
    ),
    *(
        b"HTTP/1.1 -1 \r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n{}",
        b"\x00" * 70_000,
        b"HTTP/1.1 200",
    ),
    *(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n", b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n{}"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    b"HTTP/1.1 401 " + USER_KEY.encode() + b"\r\n\r\n" + USER_KEY.encode(),
]


def dumps(value: Any) -> str:
    """JSON text; Raw text is kept unchanged, and Decimals become numbers."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dumps, value)) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def resolve(edit: Edit, body: Any) -> Edit:
    """Turn a "random" edit, whose argument is a seed, into one that names a place in `body`."""
    rng = random.Random(edit.args[0])
    path: list = []
    node = body
    while isinstance(node, (dict, list)) and node and (not path or rng.random() < 0.85):
        step = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        path.append(step)
        node = node[step]
    value = rng.choice(VALUES)
    ways: list = [("set", path, value)] * 6 + [("delete", path)] * 2 + [("add", path[:-1], rng.choice(NAMES), value)]
    if path and isinstance(path[-1], str):
        ways += [("everywhere", path[-1], value)] * 3
    ways += [("repeat", path, rng.choice([0, 2, 150]))]
    kind, *args = rng.choice(ways)
    return Edit(edit.target, kind, tuple(args))


def everywhere(node: Any, name: str, value: Any) -> None:
    for child in list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else ():
        everywhere(child, name, value)
    if isinstance(node, dict) and name in node:
        node[name] = value


def change(body: Any, edit: Edit) -> Any:
    """`body` after an edit of its JSON; unchanged if the place doesn't exist."""
    first, *more = copy.deepcopy(edit.args)  # because another edit may change what this one inserts
    if edit.kind == "everywhere":
        everywhere(body, first, *more)
        return body
    box: Any = {"": body}
    place, steps = box, ["", *first]
    try:
        for step in steps[:-1]:
            place = place[step]
        last = steps[-1]
        if edit.kind == "set":
            place[last] = more[0]
        elif edit.kind == "delete":
            del place[last]
        elif edit.kind == "add":
            place[last][more[0]] = more[1]
        elif edit.kind == "repeat":
            place[last] = place[last] * more[0] if isinstance(place[last], (list, str)) else [place[last]] * more[0]
    except (LookupError, TypeError):
        pass
    return box.get("", Raw(""))


def with_members(body: Any, **members: Any) -> Any:
    return {**body, **members} if isinstance(body, dict) else body


# Ways to send back a credential with a body.
ECHOES = {
    "member": lambda body, key: with_members(body, debug={"authorization": f"Bearer {key}"}),
    "first": lambda body, key: {"echo": f"{key}.", **body} if isinstance(body, dict) else body,
    "key": lambda body, key: with_members(body, key=key),
    "error": lambda body, key: {"error": {"message": f"Bearer {key}"}},
    "page": lambda body, key: f"<html><p>Authorization: Bearer {key}</p><pre>{dumps(body)}</pre></html>",
    "side by side": lambda body, key: f"{key}{dumps(body)}",
}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def encoded_as(name: str, compress: Any = lambda data: data) -> Any:
    return lambda data: ({"Content-Encoding": name}, compress(data))


# Headers and bytes of a complete body in an odd or broken encoding. The program can read those in READABLE.
ENCODINGS: dict = {
    "too long": lambda data: ({"Content-Length": str(len(data) + 10)}, data),
    "no last chunk": lambda data: ({"Transfer-Encoding": "chunked"}, chunk(data)),
    "negative chunk": lambda data: ({"Transfer-Encoding": "chunked"}, b"-1\r\n" + data),
    **{name: encoded_as(name) for name in ("utf-8", "none", "br", "gzip, gzip")},
    "deflate": encoded_as("deflate", zlib.compress),
    "no gzip": encoded_as("gzip"),
    "wrong checksum": encoded_as("gzip", lambda data: gzip.compress(data)[:-8] + b"\0" * 8),
}
READABLE = {"too long", "no last chunk", "utf-8", "none", "br", "gzip, gzip"}


class Mutator:
    """A fault for every request: sends the usual response after applying the edits whose target it is.

    Edits: "random" (seed), which becomes one of "set" (path, value), "delete" (path), "add" (path, name, value),
    "repeat" (path, times) and "everywhere" (name, value); "status" (number), "header" (name, value), "body" (bytes),
    "raw" (bytes with headers), "truncate" (bytes kept), "flip" (offset, byte), "slow" (seconds before the last byte);
    "echo" (of ECHOES): sends a credential back; "encode" (of ENCODINGS): sends the body in an odd encoding; "keys"
    ("add" or "remove"): a key is added or removed before the response; "unapplied": PATCH succeeds but changes nothing.
    """

    def __init__(self, edits: list):
        self.edits = edits
        self.resolved: list = []
        self.delivered: list = []  # new keys that were sent in full

    def __call__(self, handler: Any) -> None:
        request = handler.received
        name = f"{request.method} {request.path}"
        edits = [edit for edit in self.edits if edit.target in ("*", name)]
        fake = handler.fake
        for edit in edits:
            if edit.kind == "keys" and request.path == "/keys":
                with fake.lock:
                    if edit.args[0] == "add":
                        fake.keys.insert(0, make_key(5000 + len(fake.requests)))
                    elif fake.keys:
                        del fake.keys[0]
        unapplied = request.method == "PATCH" and any(edit.kind == "unapplied" for edit in edits)
        before = copy.deepcopy(fake.keys) if unapplied else None
        response = fake.respond(request)
        if before is not None and response.status == 200:
            fake.keys, hash = before, response.body["data"]["hash"]
            response = response._replace(body={"data": next(key for key in before if key["hash"] == hash)})
        body, status, headers = copy.deepcopy(response.body), response.status, {"Content-Type": response.content_type}
        headers.update(response.headers)
        packed, pause = None, 0.0
        encoding = None
        for edit in edits:
            if edit.kind == "random":
                edit = resolve(edit, body)
            self.resolved.append(edit._replace(target=name))
            if edit.kind == "raw":
                handler.wfile.write(edit.args[0])
                return
            if edit.kind == "status":
                status = edit.args[0]
            elif edit.kind == "header":
                headers[edit.args[0]] = edit.args[1]
            elif edit.kind == "body":
                packed = edit.args[0]
            elif edit.kind in ("truncate", "flip"):
                packed = dumps(body).encode("utf-8", "surrogatepass") if packed is None else packed
                at = edit.args[0] % (len(packed) + 1)
                packed = packed[:at] + (b"" if edit.kind == "truncate" else bytes([edit.args[1]]) + packed[at + 1 :])
                if edit.kind == "truncate":
                    headers.setdefault("Content-Length", str(len(packed) + 1))
            elif edit.kind == "slow":
                pause = edit.args[0]
            elif edit.kind == "echo":
                body = ECHOES[edit.args[0]](body, MANAGEMENT_KEY if "authorization" in request.headers else USER_KEY)
            elif edit.kind == "encode":
                encoding = edit.args[0]
            elif edit.kind in ("keys", "unapplied"):
                pass
            elif not isinstance(response.body, (str, type(None))):
                body = change(body, edit)
        if packed is None:
            is_json = not isinstance(response.body, (str, type(None)))
            packed = dumps(body).encode("utf-8", "surrogatepass") if is_json else encode(body)
        harmless = {edit.kind for edit in edits} <= {"echo", "encode", "unapplied", "keys"}
        if request.method == "POST" and harmless and (encoding is None or encoding in READABLE):
            self.delivered += [secret for secret in fake.secrets if secret.encode() in packed]
        if encoding:
            more, packed = ENCODINGS[encoding](packed)
            headers.update(more)
            handler.wfile.write(head(status, headers) + packed)
            return
        if fake.gzip and "Content-Encoding" not in headers:
            packed, headers["Content-Encoding"] = gzip.compress(packed, 1), "gzip"
        headers.setdefault("Content-Length", str(len(packed)))
        if pause:
            handler.wfile.write(head(status, headers) + packed[:-1])
            fake.stopping.wait(pause)
            packed = packed[-1:]
            handler.wfile.write(packed)
        else:
            handler.wfile.write(head(status, headers) + packed)


# --- Cases

KEYS = ["production", "ci-nightly", "notebook", "nobody", HASHES[0], "", ESCAPES, "🔑", "a" * 64]
MODELS = [
    *("northwind/gale-70b", "~lumen/lumen-mini-latest", "gale", "lumen/lumen-4-mini", "Gale 70b", "openrouter/lumen"),
    *("openrouter/auto", "northwind/gale-8b:batch", "gale-70b@preset/x", "@preset/x", "gale-8b:free", "atlas/reel-1"),
    *("gale:nitro", "x/y", "a/b/c", "", "/", "..", "é/ü"),
]
AMOUNTS = ["0", "5", "1e3", "0.1", "100", "2.00", "12", "9" * 30, "x"]
KEY_FILE = "new.env"
# Values for arguments, by the argument's own name or its metavar; the first two are valid.
ARGUMENTS: dict = {
    "A,B": ["tools", "vision", "json,seed", "fp8", "nothing", "image,audio", "unknown,x", ","],
    "AUTHOR": ["lumen", "northwind", "~", "lumne"],
    "DATE": ["2099-01-31", "2001-01-31", "x"],
    "DAYS": ["7", "1", "30", "0", "31", "365", "400", "1m", "999999999"],
    "FILE": ["catalog.json"],
    "ID": MODELS,
    "IN:OUT": ["50k:2k", "50k:2k:40k", "0:0", "300k:1", "1:", "1m:1m", "1:1:2"],
    "KEY": KEYS,
    "MODALITY": ["image", "all", "text", "nothing"],
    "PERCENT": ["99", "99.9", "0", "100", "101", "-1", "x"],
    "N": ["3", "1", "100k", "1m", "0", "-1"],
    "NAME": ["renamed", "production", "", ESCAPES],
    "TEXT": ["gale", ESCAPES],
    "USD": AMOUNTS,
    "USD|none": [*AMOUNTS, "none", "none"],
    "WORKSPACE": ["Research", "Default", "", ESCAPES],
    "--out": [KEY_FILE, KEY_FILE, f"no/{KEY_FILE}", ".", "", ESCAPES],
}
SWITCHES: list = [
    {}, {}, {}, {"credits_for_user_key": "allowed"}, {"credits_for_user_key": "zeros"}, {"user_key_status": 403},
    {"page_size": 5}, {"older_api": True}, {"workspaces_refused": True}, {"default_workspace_gone": True},
    {"page_size": 5}, {"models_page_size": 4}, {"has_workspaces": False}, {"has_model_path": False},
    {"has_analytics": False}, {"max_analytics_rows": 2},
    {"aliases_have_endpoints": True}, {"benchmark_form": "value"}, {"benchmark_form": "score"},
    {"endpoints_in_models": True}, {"forbidden": ("/keys",)}, {"key_required": "gateway"},
    {"key_required": "openrouter"}, {"unlisted_workspaces": 1}, {"workspaces_page_size": 1},
    {"create_path": "slash"}, {"create_path": "no-slash-404"}, {"key_inside_data": True}, {"gzip": False},
    {"ignored_on_create": {"limit", "expires_at"}}, {"statistics": "numbers"}, {"activity_date_time": True},
]  # fmt: skip
PATHS = {
    "balance": ["GET /credits", "GET /key", "GET /activity"],
    "usage": ["GET /credits", "GET /keys", "GET /activity", "GET /workspaces", "GET /key", "POST /analytics/query"],
    "models": [
        "GET /models",
        "GET /models/user",
        "GET /model/northwind/gale-70b",
        "GET /models/northwind/gale-70b/endpoints",
    ],
    "keys": ["GET /keys", "GET /workspaces", "POST /keys/", "POST /keys", "GET /key"],
}


def random_text(rng: random.Random, longest: int = 40) -> str:
    """Random text without a NUL, which no argument can have."""
    ways = [
        lambda: "".join(chr(rng.choice([*range(1, 0x300), *range(0x2000, 0x2070), 0x1F600])) for _ in range(9)),
        lambda: os.fsdecode(rng.randbytes(rng.randrange(longest)).replace(b"\0", b"")),
        lambda: rng.choice([v for v in VALUES if isinstance(v, str) and v.isascii() and "sk-or" not in v]).replace(
            "\0", ""
        ),
        lambda: rng.choice("-=:/.,~@[") * rng.randrange(1, 9),
        lambda: "x" * rng.choice([200, 5000, 100_000]),
        lambda: os.fsdecode(b"a/\xff\xfe"),
    ]
    # Raises for text that can't be an argument; some bytes that aren't text are kept.
    return rng.choice(ways)().encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def random_edit(rng: random.Random, targets: list) -> Edit:
    target = "*" if rng.random() < 0.25 else rng.choice(targets)
    kinds = {"random": 60, "status": 8, "header": 8, "body": 7, "raw": 4, "truncate": 4, "flip": 4, "slow": 0.5}
    kinds.update({"echo": 9, "encode": 9, "keys": 3, "unapplied": 3})
    kind = rng.choices(list(kinds), list(kinds.values()))[0]
    arguments: dict = {
        "random": lambda: (rng.randrange(2**32),),
        "status": lambda: (rng.choice(STATUSES),),
        "header": lambda: rng.choice(HEADERS),
        "body": lambda: (rng.choice(BODIES),),
        "raw": lambda: (rng.choice([*RAW_RESPONSES, rng.randbytes(rng.randrange(300))]),),
        "truncate": lambda: (rng.randrange(3000),),
        "flip": lambda: (rng.randrange(20_000), rng.randrange(256)),
        "slow": lambda: (rng.choice([0.01, 0.08]),),
        "echo": lambda: (rng.choice(list(ECHOES)),),
        "encode": lambda: (rng.choice(list(ENCODINGS)),),
        "keys": lambda: (rng.choice(["add", "remove"]),),
        "unapplied": lambda: (),
    }
    return Edit(target, kind, tuple(arguments[kind]()))


def random_env(rng: random.Random) -> bytes:
    """Random bytes for a `.env` file, most of them made of pieces of a valid one."""
    pieces = [
        b"OPENROUTER_API_KEY=", b"OPENROUTER_API_KEY_FILE=", b"catalog.json",
        b"OPENROUTER_BASE_URL=", b"OPENROUTER_PROVISIONING_KEY=", b"export ", b"\n", b"\r\n",
        b"\r", b'"', b"'", b"\\", b" # ", b"#", b"=", b"\xff\xfe", b"\xef\xbb\xbf", b"\0", USER_KEY.encode(),
        b"https://x.example",
        b"http://127.0.0.1:1/api/v1", b"http://127.0.0.1:99999", b"https://openrouter.ai.", b"http://[::1", b"\x1b[31m",
        "\u202e".encode(), b"\t", b"x" * 5000, b"\\n", b"$HOME", b"http://127.0.0.1:1/" + USER_KEY.encode(),
        b"https://" + USER_KEY.encode() + b"@x.example", rng.randbytes(30),
    ]  # fmt: skip
    most = 20_000 if rng.random() < 0.01 else 40
    return b"".join(rng.choice(pieces) for _ in range(rng.randrange(most)))


def random_argument(rng: random.Random, name: str, settings: dict) -> str:
    """A value for this argument or option; both parameters are those of the program's `add_argument`."""
    if "choices" in settings:
        return str(rng.choice([*settings["choices"], *settings["choices"], "x"]))
    values = ARGUMENTS.get(name) or ARGUMENTS[settings.get("metavar") or name.strip("-").upper()]
    return rng.choice(values[:2] if rng.random() < 0.7 else values)


def random_argv(rng: random.Random) -> list:
    """A random command line, from the program's own registry of commands."""
    words, command = rng.choice([*program.COMMANDS.items()])
    argv, optional = [*words], []
    for names, settings in command.options:
        option = [names[0]] if names[0].startswith("-") else []
        for _ in range(rng.choice([0, 0, 1, 2, 3]) if settings.get("nargs") == "*" else not settings.get("action")):
            option.append(random_argument(rng, names[0], settings))
        if settings.get("required") or not names[0].startswith("-"):
            argv += option
        else:
            optional.append(option)
    for option in rng.sample(optional, min(len(optional), rng.choice([0, 0, 1, 2, 3, 4]))):
        argv += option
    return argv


def make_case(seed: int, number: int) -> Case:
    rng = random.Random(f"{seed}/{number}")
    argv = random_argv(rng)
    targets = list(PATHS.get(argv[0], ["*"]))
    switches = dict(rng.choice(SWITCHES))
    keys = FakeOpenRouter().keys if argv[0] == "keys" else []
    for key in keys[:2]:
        targets += [f"{method} /keys/{key['hash']}" for method in ("GET", "PATCH", "DELETE")]
    edits = [random_edit(rng, targets) for _ in range(rng.choice([0, 1, 1, 1, 1, 2, 2, 3]))]
    for edit in [edit for edit in edits if edit.kind == "header"]:  # some headers matter only with certain statuses
        statuses = {"Location": [301, 302, 303, 307, 308], "Retry-After": [408, 429, 503]}.get(edit.args[0])
        if statuses:
            edits.append(Edit(edit.target, "status", (rng.choice(statuses),)))
    env, files = {}, {}
    if rng.random() < 0.06:
        argv.insert(rng.randrange(len(argv) + 1), random_text(rng))
    if rng.random() < 0.06:
        argv[rng.randrange(len(argv))] = random_text(rng)
    if rng.random() < 0.05:
        files[rng.choice([".env", ".env.local"])] = random_env(rng)
    if rng.random() < 0.04:
        files["named.env"] = random_env(rng)
        argv += ["--env-file", "named.env"]
    if rng.random() < 0.05:
        env[rng.choice(["OPENROUTER_API_KEY", "OPENROUTER_MANAGEMENT_KEY", "OPENROUTER_PROVISIONING_KEY"])] = (
            rng.choice(
                [
                    "",
                    "x",
                    USER_KEY,
                    MANAGEMENT_KEY,
                    MGMT_KEY,
                    "op://vault/key",
                    "$KEY",
                    "a\nb",
                    "é",
                    "\x1b",
                    os.fsdecode(b"\xff" * 20),
                ]
            )
        )
    if "catalog.json" in argv:
        files["catalog.json"] = random_catalog(rng)
    if rng.random() < 0.5:
        argv.insert(rng.choice([0, len(argv)]), "--json")
    if rng.random() < 0.15:
        argv.append("-v")
    if any(edit.kind == "slow" for edit in edits):
        argv += ["--timeout", "0.05"]
    return Case(tuple(argv), tuple(edits), switches, env, files, rng.choice([None, None, None, 20, 60, 200]))


def random_catalog(rng: random.Random) -> bytes:
    tool = {"name": "openrouter-remote", "version": "0"}
    catalog = {"tool": tool, **{row["id"]: row for row in FakeOpenRouter().models[: rng.randrange(15)]}}
    for _ in range(rng.randrange(3)):
        catalog = change(catalog, resolve(Edit("", "random", (rng.randrange(2**32),)), catalog))
    return dumps(catalog).encode("utf-8", "surrogatepass")


# --- What every run must keep

CONTROLS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
OWN_SEQUENCES = re.compile(r"\x1b\[(?:1|2|31|33|0)m|\r\x1b\[K(?:[0-9]+ .{1,40} …(?=\r\x1b\[K))?")
SECRET = re.compile("|".join(re.escape(key[-24:-12]) for key in (USER_KEY, MANAGEMENT_KEY, MGMT_KEY)))
AMOUNTS_LEFT = ("remaining", "key_remaining", "budget_remaining", "spendable")
ERROR_LINES = re.compile(r"(?s)(?:.*\n)?openrouter-remote: error: [^\n]+\n(?:hint: [^\n]+\n)?")
# Every line on stderr, except for -v and new keys.
LINES = (
    r"openrouter-remote: (?:error|warning): .+|hint: .+"
    r"|ALERT (?:(?:key_|budget_)?remaining|spendable|the credit|spend|key) .+"
    r"|[0-9]+ models?(?:; filter with .+)?|[0-9]+ of [0-9]+ models?(?:; filter with .+)?"
    r"|none of [0-9]+ (?:models|keys) .+"
    r"|no (?:model|endpoint|keys?).*|nothing changed since .+|don't match the filters: .+"
    r"|.+ didn't exist; nothing to compare yet|[0-9]+ added, [0-9]+ removed, [0-9]+ changed"
    r"|[0-9]+ endpoints? hidden \(.+\); --all shows them|.+ (?:is a router|works only through the Batch API) and has .+"
    r"|[0-9]+ unused keys? (?:created less than [0-9]+ days ago|without a readable created_at) left out"
    r"|[0-9]+ Batch API models? hidden; --batch lists only those|.+ is an alias of .+|.+ was read as .+"
    r"|[0-9]+ of these have no price for cached input.*|--cost counts text: .+|manage BYOK keys .+"
    r"|used OPENROUTER_\w+ \(from .+\).*"
)


def no_constant(text: str) -> None:
    raise ValueError(f"{text} in JSON")


def plain_number(text: str) -> Decimal:
    if "e" in text.lower():
        raise ValueError(f"{text} isn't a plain number")
    return Decimal(text)


def broken_promises(case: Case, outcome: Outcome) -> list:
    """The promises of the contract for every run that this one broke."""
    broken = []

    def promise(kept: Any, text: str) -> None:
        if not kept:
            broken.append(text)

    code, out, err = outcome.code, outcome.out, outcome.err
    command = next((word for word in case.argv if word in ("balance", "usage", "models", "keys", "integrations")), "")
    as_json = "--json" in case.argv
    makes_keys = command == "keys" and {"create", "rotate"} & set(case.argv)
    if outcome.crash:
        return [f"an exception: {outcome.crash}"]
    promise(code in (0, 1, 2, 3, 4, 5), f"exit code {code}")
    promise(not outcome.bugs, f"an exception in a thread: {outcome.bugs}")
    promise("Traceback" not in err + out, "a traceback")
    if case.terminal:
        out, err = OWN_SEQUENCES.sub("", out), OWN_SEQUENCES.sub("", err)
    promise(not CONTROLS.search(out), f"a control character on stdout: {CONTROLS.findall(out)[:3]}")
    promise(not CONTROLS.search(err), f"a control character on stderr: {CONTROLS.findall(err)[:3]}")
    # A key with a flipped byte isn't a key any more, so nothing could recognize it.
    damaged = any(edit.kind == "flip" for edit in case.edits)
    promise(damaged or not SECRET.search(re.sub(r"\s+", "", out)), "a configured key on stdout")
    lines = err.splitlines()
    # An edited response may hold a key of the form that isn't configured: create and rotate show it as the new one.
    configured = f"{USER_KEY} {MANAGEMENT_KEY} {case.env} {case.files}"
    shown = lines[1:] if makes_keys and lines and lines[0] not in configured else lines
    promise(damaged or not SECRET.search(re.sub(r"\s+", "", "".join(shown))), "a configured key on stderr")
    shown = [*lines, *re.findall("^OPENROUTER_API_KEY=(.*)\n$", outcome.key_file or "")]
    lost = [secret for secret in outcome.delivered if secret not in shown]
    promise(not lost, "a new key that arrived in full and wasn't shown")
    promise(outcome.key_file is None or not makes_keys or len(shown) > len(lines), "a file of --out without a key")
    promise(not any(secret in err for secret in shown[len(lines) :]), "a new key in the file and on stderr")
    unapplied = any(edit.kind == "unapplied" for edit in case.edits) and outcome.unapplied
    promise(not unapplied or code == 5, "a change that wasn't made is reported as done")
    simple = {edit.kind for edit in case.edits} <= {"keys"}
    simple = simple and not {"older_api", "workspaces_refused"} & set(case.switches)
    all_keys = "keys list --all" in " ".join(case.argv) and not {"--idle", "--quiet"} & set(case.argv)
    if all_keys and as_json and code == 0 and simple:
        promise({key["hash"] for key in outcome.kept} <= set(json.loads(out)), "keys missing from the list")
    promise(not any(secret in out for secret in outcome.secrets), "a new key on stdout")
    promise(all(sum(secret in line for line in lines) <= 1 for secret in outcome.secrets), "a new key twice on stderr")
    alerts = any(word.startswith("--alert") for word in case.argv)
    incomplete = "openrouter-remote: warning: " in err if command == "balance" or alerts else makes_keys and code == 5
    if code in (2, 3, 4, 5):
        promise(not out or command == "integrations" or incomplete, f"stdout with exit code {code}")
        if not out:
            promise(ERROR_LINES.fullmatch(err), "no well-formed error at the end of stderr")
    elif code == 0:
        promise("openrouter-remote: error:" not in err or "-v" in case.argv, "an error with exit code 0")
    known = LINES + r"|openrouter-remote: .+" if {"-v", "--verbose"} & set(case.argv) else LINES
    for line in lines:
        promise(makes_keys or re.fullmatch(known, line), f"an odd line on stderr: {line[:200]!r}")
    helps = {"-h", "--help", "--version"} & set(case.argv)
    if as_json and not helps and (out or (code in (0, 1) and "--quiet" not in case.argv)):
        promise(out.isascii(), "JSON that isn't ASCII")
        try:
            payload = json.loads(out, parse_constant=no_constant, parse_int=str, parse_float=plain_number)
            promise(isinstance(payload, dict) and list(payload)[:1] == ["tool"], "JSON that doesn't start with tool")
            left = [payload[name] for name in AMOUNTS_LEFT if payload.get(name) is not None]
            if command == "balance" and "days_left" in payload and Decimal(payload["remaining"] or 1) <= 0:
                promise(payload["days_left"] == "0", "days left without credit")
                alert = payload.get("alert", {})
                promise(Decimal(alert.get("days", 0)) <= 0 or alert["triggered"] is True, "no alert without credit")
            if "alert" in payload and "days" not in payload["alert"]:
                limits = {name: Decimal(limit) for name, limit in payload["alert"].items() if name != "triggered"}
                if command == "balance":
                    fired = any(Decimal(amount) < limits["below"] for amount in left)
                else:
                    fired = any(Decimal(payload["totals"][period]) > limits[period] for period in limits)
                expected = True if fired else None if code else False
                promise(payload["alert"]["triggered"] is expected, "an alert that doesn't match the figures")
            if code == 1 and command != "keys":
                promise(payload["alert"]["triggered"] is True, "exit code 1 without an alert in the JSON")
            elif code == 0 and "alert" in payload and command in ("balance", "usage"):
                promise(payload["alert"]["triggered"] is False, "an alert in the JSON, but exit code 0")
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            broken.append(f"invalid JSON: {error!r}")
    if code == 1:
        promise(alerts and re.search("(?m)^ALERT ", err), "exit code 1 without an alert")
        promise(out or "--quiet" not in case.argv, "an alert without the balance")
    return broken


# --- Running a case


class Stream(io.TextIOWrapper):
    """An output in memory that can pretend to be a terminal."""

    def __init__(self, terminal: Any):
        super().__init__(io.BytesIO(), encoding="utf-8", newline="")
        self.terminal = terminal

    def isatty(self) -> bool:
        return bool(self.terminal)

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]


def only_loopback(host: Any, *args: Any, **options: Any) -> Any:
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise socket.gaierror(f"no network in a test: {host}")
    return real_getaddrinfo(host, *args, **options)


real_getaddrinfo = socket.getaddrinfo


class Runner:
    """Runs cases in this process, in a temporary folder and with one port for all fake servers."""

    def __enter__(self) -> Runner:
        self.stack = ExitStack()
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.stack.callback(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.server = self.stack.enter_context(FakeOpenRouter())
        self.stack.enter_context(mock.patch.object(time, "sleep", lambda seconds: None))
        self.stack.enter_context(mock.patch.object(time, "time", NOW.timestamp))
        self.stack.enter_context(mock.patch("socket.getaddrinfo", only_loopback))
        self.stack.enter_context(mock.patch.object(threading, "excepthook", self.thread_failed))
        self.bugs: list = []
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.bugs.clear()
        self.stack.close()

    def thread_failed(self, failure: Any) -> None:
        self.bugs.append(failure.exc_value)

    def run(self, case: Case) -> tuple:
        """(Outcome, the edits as they were applied)."""
        fake = FakeOpenRouter(**case.switches)
        fake.models = [*fake.models, make_video_model("atlas/reel-1", duration_seconds="0.1")]
        mutator = Mutator(list(case.edits))
        first = list(fake.keys)
        for method in ("GET", "POST", "PATCH", "DELETE"):
            fake.always(method, "*", mutator)
        self.server._server.fake = fake
        self.bugs = fake.bugs
        for name in os.listdir("."):
            os.unlink(name)
        for name, content in case.files.items():
            with open(name, "wb") as file:
                file.write(content)
        env = {"OPENROUTER_API_KEY": USER_KEY, "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT_KEY}
        env.update(OPENROUTER_BASE_URL=self.server.url, COLUMNS=str(case.terminal or 80), TERM="xterm")
        env.update(case.env)
        out, err = Stream(case.terminal), Stream(case.terminal)
        code, crash, before = None, None, set(threading.enumerate())
        with ExitStack() as stack:
            stack.enter_context(mock.patch.dict(os.environ, env, clear=True))
            stack.enter_context(mock.patch("sys.stdin", io.StringIO()))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            try:
                code = program.main(list(case.argv))
            except Exception as error:
                crash = f"{error!r} at {where(error)}"
            texts = out.text(), err.text()
            fake.stopping.set()
            for thread in set(threading.enumerate()) - before:  # threads that the program doesn't wait for
                if thread.ident:  # it has started
                    thread.join()
        bugs = [bug for bug in fake.bugs if not isinstance(bug, OSError)]
        requests = [f"{request.method} {request.path}" for request in fake.requests]
        unapplied = self.unapplied(fake, mutator)
        kept = [key for key in first if key in fake.keys]
        content = None
        for name in {entry.name for entry in os.scandir() if entry.is_file()} - set(case.files):
            with open(name, "rb") as key_file:
                content = key_file.read().decode("utf-8", "replace")
        delivered = tuple(mutator.delivered)
        outcome = Outcome(code, *texts, crash, bugs, fake.secrets, requests, delivered, unapplied, tuple(kept), content)
        return outcome, mutator.resolved

    @staticmethod
    def unapplied(fake: FakeOpenRouter, mutator: Mutator) -> bool:
        """Whether the last PATCH seemed to succeed but changed nothing."""
        patches = [request for request in fake.requests if request.method == "PATCH"]
        if not patches or {edit.kind for edit in mutator.resolved} - {"unapplied", "keys"}:
            return False
        hash = patches[-1].path.rpartition("/")[2]
        key = next((key for key in fake.keys if key["hash"] == hash), None)
        changes = (patches[-1].body or {}).items()
        return key is not None and any(key.get(name) != value for name, value in changes)


def where(error: BaseException) -> str:
    trace = error.__traceback__
    places = []
    while trace:
        places.append(f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(places[-4:])


def kind_of(broken: list) -> str:
    """The part of a failure that stays the same when its case gets shorter."""
    text = broken[0] if broken else ""
    crash = re.match(r"an exception: (\w+).* (\S+):", text, re.DOTALL)
    return " ".join(crash.groups()) if crash else re.sub("[0-9]+", "", text.partition(":")[0])


def shortest(runner: Runner, case: Case, broken: list) -> tuple:
    """The shortest case found that breaks the same promise, and the promises it breaks."""
    kind = kind_of(broken)

    def attempt(shorter: Case) -> bool:
        nonlocal case, broken
        outcome, _ = runner.run(shorter)
        found = broken_promises(shorter, outcome)
        if kind_of(found) == kind:
            case, broken = shorter, found
            return True
        return False

    _, resolved = runner.run(case)
    unique = [edit for index, edit in enumerate(resolved) if edit not in resolved[:index]]
    attempt(case._replace(edits=tuple(unique)))
    again = True
    while again:
        again = False
        for field in ("edits", "argv"):
            for index in reversed(range(len(getattr(case, field)))):
                items = getattr(case, field)
                again |= attempt(case._replace(**{field: items[:index] + items[index + 1 :]}))
        for field in ("switches", "env", "files"):
            for name in list(getattr(case, field)):
                again |= attempt(case._replace(**{field: {k: v for k, v in getattr(case, field).items() if k != name}}))
        if case.terminal:
            again |= attempt(case._replace(terminal=None))
    return case, broken


def described(case: Case) -> str:
    """The case as Python, without fields that have their defaults."""
    defaults = Case(())
    fields = {name: value for name, value in case._asdict().items() if value != getattr(defaults, name)}
    return "Case(" + ", ".join(f"{name}={value!r}" for name, value in fields.items()) + ")"


def report(text: str) -> None:
    print(text, flush=True)


def fuzz(seed: int, numbers: Iterable[int], verbose: bool = False, say: Any = report) -> int:
    """Run the cases with these numbers, and report each kind of failure once with `say`; return their count."""
    known: set = set()
    done = 0
    codes: dict = {}
    with Runner() as runner:
        for number in numbers:
            case = make_case(seed, number)
            outcome, _ = runner.run(case)
            done += 1
            codes[outcome.code] = codes.get(outcome.code, 0) + 1
            broken = broken_promises(case, outcome)
            if verbose:
                say(f"{described(case)}\n{outcome}")
            if not broken or kind_of(broken) in known:
                continue
            known.add(kind_of(broken))
            short, broken = shortest(runner, case, broken)
            outcome, _ = runner.run(short)
            say(f"FAILURE seed {seed} case {number}: {'; '.join(broken)}\n  {described(short)[:1500]}")
            say(f"  exit code {outcome.code}\n  stdout {outcome.out[:400]!r}\n  stderr {outcome.err[-400:]!r}\n")
    by_code = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items(), key=str))
    say(f"seed {seed}: {done} cases, {len(known)} kinds of failure; exit codes {by_code}")
    return len(known)


# --- The program in processes

# stdin, stdout, stderr: "pipe", "closed", "full", or the number of bytes after which the reader closes it. folder: one
# of FOLDERS. signal: a number, or None. moment: when the signal is sent: ("request", n), when the nth request arrives;
# ("read", n), after n bytes of output; ("after", seconds), which no test uses.
Process = namedtuple("Process", "argv stdin stdout stderr env folder signal moment")
PROCESSES = [
    *(["balance"], ["balance", "--alert-below", "5"], ["balance", "--alert-below", "0.1", "--quiet", "--runway", "-v"]),
    *(["usage"], ["usage", "--by", "model", "--json"], ["models", "list", "--json"], ["models", "show", "gale-8b"]),
    *(["models", "list", "-v", "--cost", "1k:1k"], ["models", "endpoints", "x/y"], ["keys", "list", "--all"]),
    *(["keys", "create", "--name", "größe"], ["keys", "rotate", "production"], ["keys", "delete", "spare"]),
    *(["models", "diff", "catalog.json", "--save"], ["integrations"], ["--help"], ["--version"], ["nonsense"]),
]
BROKEN: list = ["closed", *(["full"] if os.path.exists("/dev/full") else []), 0, 1, 100]
LOCALES: list = [
    *({}, {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONUTF8": "1"}),
    *({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "en_US.ISO-8859-1"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "x"}),
]
FOLDERS = ["", "deleted", "deep", "unreadable", "huge", "strange"]
with open(PROGRAM, encoding="utf-8") as source:  # the line of the hooks that hide tracebacks
    FIRST_LINE = 1 + source.read().partition("unraisablehook")[0].count("\n")
SIGNALS = [signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE]


def make_process(seed: int, number: int, timed: bool) -> Process:
    rng = random.Random(f"processes {seed}/{number}")
    streams = [rng.choice(BROKEN) if rng.random() < share else "pipe" for share in (0.3, 0.4, 0.3)]
    folder = rng.choice(FOLDERS) if rng.random() < 0.3 else ""
    sent = rng.choice(SIGNALS) if rng.random() < 0.6 else None
    env = rng.choice(LOCALES) if rng.random() < 0.5 else {}
    moments: list = [("request", rng.randrange(1, 5)), ("read", rng.choice([1, 50, 500]))]
    moments += [("after", rng.uniform(0, 0.15))] * 4 if timed else []
    moment = rng.choice(moments) if sent else None
    return Process._make([tuple(rng.choice(PROCESSES)), *streams, env, folder, sent, moment])


class ProcessRunner:
    """Runs the program in processes, each with a folder and a fake server of its own."""

    def __enter__(self) -> ProcessRunner:
        self.stack = ExitStack()
        self.top = self.stack.enter_context(tempfile.TemporaryDirectory())
        return self

    def __exit__(self, *_: Any) -> None:
        self.stack.close()

    def run(self, process: Process) -> tuple:
        """(Outcome, the names of temporary files that remain)."""
        with tempfile.TemporaryDirectory(dir=self.top) as folder, ExitStack() as stack, FakeOpenRouter() as fake:
            catalog = os.path.join(folder, "catalog.json")
            with open(catalog, "wb") as file:
                file.write(random_catalog(random.Random(0)))
            inner = self.make_folder(process.folder, folder)
            env = {name: os.environ[name] for name in INHERITED if name in os.environ}
            env.update(OPENROUTER_API_KEY=USER_KEY, OPENROUTER_MANAGEMENT_KEY=MANAGEMENT_KEY, **process.env)
            env.update(OPENROUTER_BASE_URL=fake.url, **CLOCK)
            ends = (process.stdin, process.stdout, process.stderr)
            full = stack.enter_context(open("/dev/full", "r+b", buffering=0)) if "full" in ends else None

            def prepare() -> None:
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                if process.folder == "deleted":
                    os.rmdir(inner)
                for descriptor, end in enumerate(ends):
                    if end == "closed":
                        os.close(descriptor)

            options: dict = {
                name: {"closed": subprocess.DEVNULL, "full": full}.get(end, subprocess.PIPE)
                for name, end in zip(("stdin", "stdout", "stderr"), ends)
            }
            options.update(env=env, cwd=inner, preexec_fn=prepare, bufsize=0)
            argv = [catalog if word == "catalog.json" else word.encode() for word in process.argv]
            kind, when = process.moment or ("", 0)
            texts: dict = {1: b"", 2: b""}
            child: Any = None
            started = threading.Event()

            def send() -> None:
                started.wait()
                child.send_signal(process.signal)

            def handle(handler: Any) -> None:
                if kind == "request" and len(fake.requests) == when:
                    send()
                as_usual(handler)

            for method in ("GET", "POST", "PATCH", "DELETE"):
                fake.always(method, "*", handle)

            def read(number: int, stream: Any, end: Any) -> None:
                while end == "pipe" or len(texts[number]) < end:
                    data = stream.read(1 if kind == "read" else 65536 if end == "pipe" else end - len(texts[number]))
                    if not data:
                        break
                    texts[number] += data
                    if kind == "read" and len(texts[1] + texts[2]) == when:
                        send()
                stream.close()

            child = stack.enter_context(subprocess.Popen([*COMMAND, *argv], **options))
            started.set()

            if child.stdin:
                child.stdin.close()
            readers = [
                threading.Thread(target=read, args=(number, stream, end))
                for number, stream, end in ((1, child.stdout, process.stdout), (2, child.stderr, process.stderr))
                if stream
            ]
            for reader in readers:
                reader.start()
            if kind == "after":
                time.sleep(when)
                send()
            code = child.wait()
            for reader in readers:
                reader.join()
            with open(catalog, "rb") as saved:
                is_complete = isinstance(json.loads(saved.read()), dict)
            left = sorted(name for name in os.listdir(folder) if name.startswith(".cat"))
        out, err = (texts[number].decode("utf-8", "backslashreplace") for number in (1, 2))
        bugs = [bug for bug in fake.bugs if not isinstance(bug, OSError)]
        fake.bugs.clear()
        crash = None if is_complete else "the saved catalog is broken"
        return Outcome(code, out, err, crash, bugs, fake.secrets, fake.requests), left

    @staticmethod
    def make_folder(kind: str, folder: str) -> str:
        if kind == "deep":
            folder = os.path.join(folder, *["d" * 50] * 12)  # macOS allows 1,024 bytes in all
        elif kind:
            folder = os.path.join(folder, "f\n\x1b[31m" + ("" if sys.platform == "darwin" else "\udcff"))
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, ".env")
        if kind == "strange":
            os.mkfifo(path)
            os.symlink(".env.local", path + ".local")
        if kind in ("unreadable", "huge"):
            with open(path, "wb") as file:
                file.write(b"OPENROUTER_API_KEY=x\n" if kind == "unreadable" else b"#" * (1 << 21))
            os.chmod(path, 0)
        return folder


def broken_process_promises(process: Process, outcome: Outcome, left: list) -> list:
    """The same for a process."""
    broken = []

    def promise(kept: Any, text: str) -> None:
        if not kept:
            broken.append(text)

    code, out = outcome.code, outcome.out
    err = re.sub(
        r"(?s)\AFailed checking if argv\[0\] is .*\nKeyboardInterrupt\n", "", outcome.err
    )  # from CPython itself
    # The program can't handle an interrupt that arrives before its own first lines have run.
    by_signal = process.signal and code == -process.signal
    lines = [int(line) for line in re.findall(re.escape(f'"{PROGRAM}", line ') + "([0-9]+)", err)]
    seen = process.stderr == "pipe"
    too_early = process.signal == signal.SIGINT and not out and max(lines, default=0) < FIRST_LINE
    too_early = too_early and code in (1, 120, -2) and not re.search("(?m)^(openrouter-remote|ALERT)", err)
    promise(by_signal or too_early or code in (0, 1, 2, 3, 4, 5, 130), f"exit code {code}")
    promise(code != 130 or process.signal == signal.SIGINT, "exit code 130 without an interrupt")
    promise(code != 1 or too_early or process.argv[-2:] == ("--alert-below", "5"), "exit code 1 without an alert")
    traces = ("Traceback", "Exception ignored", "Fatal Python", "KeyboardInterrupt", "Error:")
    promise(too_early or not any(trace in err + out for trace in traces), "a traceback")
    promise(not outcome.crash and not outcome.bugs, f"{outcome.crash} {outcome.bugs}")
    promise(not SECRET.search(err + out), "a credential")
    promise(not any(secret in out for secret in outcome.secrets), "a new key on stdout")
    promise(not left or process.signal == signal.SIGTERM, f"temporary files remain: {left}")
    if seen and process.signal in (None, signal.SIGINT, signal.SIGPIPE):
        warned = "may or may not have been created" in err
        promise(warned or all(secret in err for secret in outcome.secrets), "a new key that wasn't shown")
    if (process.stdout, process.stderr) == ("pipe", "pipe") and not process.signal:
        helps = process.argv[0].startswith("--")
        broken += [] if helps else broken_promises(Case(process.argv), outcome)
    return broken


def fuzz_processes(
    seed: int, numbers: Iterable[int], verbose: bool = False, say: Any = report, timed: bool = True
) -> int:
    """Like `fuzz`, with processes. `timed`: also send signals after a random time."""
    failures, early = 0, 0
    codes: dict = {}
    with ProcessRunner() as launcher:
        for number in numbers:
            process = make_process(seed, number, timed)
            outcome, left = launcher.run(process)
            codes[outcome.code] = codes.get(outcome.code, 0) + 1
            broken = broken_process_promises(process, outcome, left)
            early += "KeyboardInterrupt" in outcome.err and not broken
            if verbose:
                say(f"{process}\n{outcome}")
            if broken:
                failures += 1
                say(f"FAILURE seed {seed} process {number}: {'; '.join(broken)}\n  {process}")
                say(f"  exit code {outcome.code}\n  stdout {outcome.out[:400]!r}\n  stderr {outcome.err[-600:]!r}\n")
    by_code = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items(), key=str))
    say(f"seed {seed}: {sum(codes.values())} processes, {failures} failures; exit codes {by_code}")
    say(f"  {early} were interrupted before the first line of the program")
    return failures


def main(argv: Any = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--seed", type=int, default=random.randrange(2**32), help="seed of the random cases (default: a random one)"
    )
    parser.add_argument("--cases", type=int, default=2000, help="number of cases (default: 2000)")
    parser.add_argument("--only", type=int, metavar="K", help="only run case K of this seed, and show its outcome")
    parser.add_argument("--processes", action="store_true", help="run the program in processes, in odd circumstances")
    args = parser.parse_args(argv)
    numbers = range(args.cases) if args.only is None else [args.only]
    return 1 if (fuzz_processes if args.processes else fuzz)(args.seed, numbers, args.only is not None) else 0


if __name__ == "__main__":
    sys.exit(main())
