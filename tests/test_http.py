"""HTTP: headers, redirects, redaction, retries, limits, and errors for unusable responses."""

import errno
import gzip
import itertools
import json
import os
import socket
import threading
import zlib
from collections import Counter
from decimal import Decimal
from email.utils import formatdate
from unittest import mock

from fake_openrouter import (
    EXPIRED_KEY,
    LONGEST_WAIT,
    MANAGEMENT_KEY,
    TLS_CERTIFICATE,
    USER_KEY,
    FakeOpenRouter,
    as_usual,
    bad_gzip,
    drip,
    endless,
    error,
    gzip_bomb,
    hang_up,
    html,
    json_head,
    make_key,
    make_workspace,
    redirect,
    respond,
    stall,
    stream,
    truncate,
)
from support import ProgramTest, Run, program

CREDITS = {"data": {"total_credits": 10, "total_usage": Decimal("9.8848")}}
CREDITS_TEXT = '{"data": {"total_credits": 10, "total_usage": 9.8848}}'
BALANCE = "total_credits: $10.0000\ntotal_usage:   $9.8848\nremaining:     $0.1152\n"
RETRIED = {408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
CUT_SHORT = "200 with a truncated response"
NOT_JSON = "200 with a response that isn't a JSON object"


def failed(what, hint=None):
    """The run of a failed GET /credits: exit code 5 and this error."""
    hint = "" if hint is None else f"hint: {hint}\n"
    return Run(5, "", f"openrouter-remote: error: GET /credits: {what}\n{hint}")


def packed(data):
    return respond(200, data, {"Content-Encoding": "gzip"})


def raw(*parts):
    """A response as raw bytes, including its head."""
    return stream(lambda: parts)


def forever(first, part):
    """The bytes `first`, then `part` over and over."""
    return stream(lambda: itertools.chain([first], itertools.repeat(part)))


class HttpTest(ProgramTest):
    """The user key may read the credits here. No run may print any part of a key."""

    def setUp(self):
        super().setUp()
        self.server = self.start(credits_for_user_key="allowed")
        self.env["OPENROUTER_API_KEY"] = USER_KEY

    def other_server(self):
        """A second server on another port, which must not receive a request."""
        other = FakeOpenRouter(credits_for_user_key="allowed")
        other.__enter__()
        self.addCleanup(other.__exit__, None, None, None)
        return other

    def balance(self, *options, lasting=None):
        """Run `balance`, where each GET /credits gets the fault `lasting`. Forgets the requests and waits of earlier
        runs."""
        self.server.requests.clear()
        self.waits.clear()
        if lasting:
            self.server.always("GET", "/credits", lasting)
        run = self.run_program("balance", *options)
        for part in ("f00df00d", "beefbeef"):
            self.assertNotIn(part, run.out + run.err)
        return run

    def wrong_base_url(self, what):
        """`failed` with the hint that the base URL, which isn't the default here, may be wrong."""
        url = self.server.url
        return failed(what, f"check OPENROUTER_BASE_URL: it is {url} (from the shell)")

    def assert_tries(self, number):
        self.assertEqual([request.path for request in self.server.requests], ["/credits"] * number)


class RequestTest(HttpTest):
    def test_the_key_is_sent_as_a_bearer_token(self):
        self.assertEqual(self.balance(), Run(0, BALANCE, ""))
        self.assert_tries(1)
        self.assertEqual(self.server.requests[0].headers["authorization"], f"Bearer {USER_KEY}")

    def test_headers_name_the_program_and_accept_gzip_and_json(self):
        self.balance()
        headers = self.server.requests[0].headers
        self.assertEqual(headers["user-agent"], f"openrouter-remote/{program.__version__}")
        self.assertEqual((headers["accept-encoding"], headers["accept"]), ("gzip", "application/json"))

    def test_gzip_does_not_change_the_result(self):
        for switch in (True, False):
            with self.subTest(gzip=switch):
                self.server.gzip = switch
                self.assertEqual(self.balance(), Run(0, BALANCE, ""))

    def test_the_names_of_gzip_are_accepted_in_any_case(self):
        for name in ("gzip", "GZIP", "x-gzip"):
            with self.subTest(name=name):
                body = respond(200, gzip.compress(CREDITS_TEXT.encode()), {"Content-Encoding": name})
                self.assertEqual(self.balance(lasting=body), Run(0, BALANCE, ""))

    def test_responses_without_a_length_are_read_to_the_end(self):
        body = CREDITS_TEXT.encode()
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
        for name, parts in (
            ("chunked", [json_head({"Transfer-Encoding": "chunked"}), chunks]),
            ("until it closes", [json_head({}), body]),
        ):
            with self.subTest(name):
                self.assertEqual(self.balance(lasting=raw(*parts)), Run(0, BALANCE, ""))


class RedirectTest(HttpTest):
    STATUSES = (301, 302, 303, 307, 308)

    def test_a_redirect_within_the_origin_is_followed_with_the_key(self):
        for status in self.STATUSES:
            for location in (self.server.url + "/credits", "/api/v1/credits", "credits", "./credits#top"):
                with self.subTest(status=status, location=location):
                    self.server.fail("GET", "/credits", redirect(status, location))
                    self.assertEqual(self.balance(), Run(0, BALANCE, ""))
                    self.assert_tries(2)
                    first, second = self.server.requests
                    self.assertEqual((second.method, second.headers), (first.method, first.headers))

    def test_a_redirect_to_another_origin_is_an_error_and_sends_nothing_there(self):
        other, port = self.other_server(), self.server.port
        for status in self.STATUSES:
            for location in (
                f"{other.url}/credits",
                f"//127.0.0.1:{other.port}/api/v1/credits",
                f"http://localhost:{other.port}/api/v1/credits",
                f"http://localhost:{port}/api/v1/credits",
                f"https://127.0.0.1:{port}/api/v1/credits",
                f"http://127.0.0.1:{port}@127.0.0.1:{other.port}/api/v1/credits",
            ):
                with self.subTest(status=status, location=location):
                    origin = "/".join(location.replace("//", "http://", not location.startswith("http")).split("/")[:3])
                    self.assertEqual(
                        self.balance(lasting=redirect(status, location)),
                        failed(f"{status} redirects to another origin, {origin}: not followed"),
                    )
                    self.assert_tries(1)
        self.assertEqual(other.requests, [])

    def test_an_explicit_default_port_is_the_same_origin(self):
        for one, other, same in (
            ("https://a.example/x", "https://A.example:443/y", True),
            ("http://127.0.0.1/", "http://127.0.0.1:80", True),
            ("http://[::1]:80/", "http://[::1]/", True),
            ("https://a.example:443", "https://a.example:0443/?q", True),
            ("https://a.example", "https://a.example:80", False),
            ("http://a.example", "http://a.example:443", False),
            ("https://a.example", "http://a.example", False),
            ("https://a.example", "https://a.example:4430", False),
            ("https://a.example", "https://a.example:443@b.example", False),
            ("https://a.example", "https://a.example.b.example", False),
        ):
            with self.subTest(one=one, other=other):
                self.assertEqual(program.origin(one) == program.origin(other), same)

    def test_a_redirect_to_anything_but_a_web_address_is_an_error(self):
        for location in (
            "file:///etc/passwd",
            "ftp://127.0.0.1/credits",
            "data:application/json,{}",
            "http://[",
            ":::",
        ):
            with self.subTest(location=location):
                run = self.balance(lasting=redirect(302, location))
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertTrue(run.err.startswith("openrouter-remote: error: GET /credits: "), run.err)

    def test_a_redirect_loop_ends(self):
        self.assertEqual(self.balance(lasting=redirect(302, "/api/v1/credits")), failed("302 redirects too often"))
        self.assertLessEqual(len(self.server.requests), 10)

    def test_a_redirect_without_a_location_is_an_error(self):
        self.assertEqual(self.balance(lasting=respond(302, "Moved")), self.wrong_base_url("302 Moved"))
        self.assert_tries(1)


class RedactionTest(HttpTest):
    """`balance()` checks every run for parts of the keys."""

    def test_a_key_that_a_response_echoes_is_redacted(self):
        echo = f"Authorization: Bearer {USER_KEY}"
        for name, fault in (
            ("an error message", error(400, echo)),
            ("a refusal", error(401, echo)),
            ("an error under 200", respond(200, {"error": {"message": echo}})),
            ("a page", respond(200, f"<p>{echo}</p>", content_type="text/html")),
            ("an error page", respond(502, f"<p>{echo}</p>", content_type="text/html")),
            ("a response without data", respond(200, {"echo": echo})),
            ("an amount", respond(200, {"data": {"total_credits": echo, "total_usage": 0}})),
            ("a redirect", redirect(302, f"https://{USER_KEY}.example/")),
            ("a status line", raw(f"{echo}\r\n\r\n".encode())),
            ("a status", raw(f"HTTP/1.1 {USER_KEY}\r\n\r\n".encode())),
        ):
            for options in ((), ("--verbose",), ("--json",)):
                with self.subTest(name, options=options):
                    self.assertIn(self.balance(*options, lasting=fault).code, (3, 5))

    def test_a_key_in_the_data_is_redacted(self):
        data = {**CREDITS["data"], "note": f"Bearer {USER_KEY}", USER_KEY: 1}
        run = self.balance("--json", lasting=respond(200, {"data": data}))
        self.assertEqual((run.code, json.loads(run.out)["note"]), (0, "Bearer [key]"))

    def test_an_excerpt_does_not_end_within_a_key(self):
        for length in range(60, 165, 8):
            for name, body in (
                ("text", "x" * length + USER_KEY),
                ("a page", f"<p>{'x' * length}</p><b>{USER_KEY}</b>"),
                ("no data", {"x" * length: USER_KEY}),
            ):
                with self.subTest(name, length=length):
                    self.assertEqual(self.balance(lasting=respond(200, body)).code, 5)

    def test_a_response_that_ends_within_a_key_shows_no_part_of_it(self):
        for key in (USER_KEY, "gateway-f00df00df00df00df00d"):
            self.env["OPENROUTER_API_KEY"] = key
            body = json.dumps({"echo": f"Bearer {key}"})
            for keep in range(len(body)):
                with self.subTest(key=key, keep=keep):
                    self.assertEqual(self.balance(lasting=truncate(body, keep)).code, 5)

    def test_adjacent_keys_are_both_redacted(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        for text in (
            USER_KEY + MANAGEMENT_KEY,
            f"{USER_KEY}-{MANAGEMENT_KEY}",
            f"{USER_KEY}_{USER_KEY}.{MANAGEMENT_KEY}",
        ):
            with self.subTest(text=text):
                data = {**CREDITS["data"], "note": text}
                run = self.balance("--json", lasting=respond(200, {"data": data}))
                self.assertNotIn("sk-or", run.out)

    def test_anything_of_the_form_of_a_key_is_redacted(self):
        for key in (
            "sk-or-v1-" + "c0de" * 16,
            "sk-or-v2-" + "Ab_cd-ef" * 3,
            "sk-or-v-" + "x" * 40,
            "sk-or-mgmt-" + "0123456789abcdef",
            "sk-or-provisioning2-" + "A_-z" * 4,
        ):
            self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
            data = {**CREDITS["data"], "note": f"<{key}>", key: [{"nested": key}]}
            for name, fault, code, shown in (
                ("JSON", respond(200, {"data": data}), 0, '"<[key]>",\n  "[key]": [\n    {"nested": "[key]"}\n  ]'),
                ("an error", error(400, f"key {key} is unknown"), 5, "error: GET /credits: 400 key [key] is unknown\n"),
                ("a refusal", error(401, f"({key})"), 3, "error: GET /credits: 401 ([key])\n"),
                ("a page", respond(502, f"<p>{key}</p>"), 5, "error: GET /credits: 502 [key] (3 tries)\n"),
            ):
                with self.subTest(name, key=key):
                    run = self.balance("--json", "-v", lasting=fault)
                    self.assertEqual(run.code, code)
                    self.assertIn(shown, run.out + run.err)
                    self.assertNotIn(key, run.out + run.err)
            self.server.always("GET", "/credits", respond(200, CREDITS))
            self.server.keys = [make_key(1, name=f"old {key}", usage=1)]
            for command in (("keys", "list", "--all"), ("keys", "show", self.server.keys[0]["hash"]), ("usage",)):
                for options in ((), ("--json",)):
                    with self.subTest("a name", key=key, command=command, options=options):
                        run = self.run_program(*command, *options)
                        self.assertEqual((run.code, run.err), (0, ""))
                        self.assertIn("old [key]", run.out)
                        self.assertNotIn(key, run.out)

    def test_text_that_only_resembles_a_key_is_not_redacted(self):
        for text in (
            "sk-or-v1-f0e...c96",  # a label
            "sk-or-mgmt-0123456789abcde",  # one character too few
            "sk-or-" + "x" * 40,  # no dash after the word
            "sk-or-V1-" + "x" * 40,
        ):
            with self.subTest(text):
                data = {**CREDITS["data"], "note": text}
                self.assertIn(f'"{text}"', self.balance("--json", lasting=respond(200, {"data": data})).out)

    def test_a_part_of_a_key_in_an_error_is_hidden(self):
        rest = USER_KEY[len("sk-or-v1-") :]
        for name, fault in (
            ("without its prefix", error(400, f"unknown token {rest}")),
            ("the first half", error(400, f"unknown key {USER_KEY[:27]}…")),
            ("the middle", error(400, f"unknown key …{rest[20:34]}…")),
            ("in two lines", error(400, f"{USER_KEY[:40]}\n{USER_KEY[40:]}")),
            ("in an incomplete object", respond(200, f'{{"echo": "{USER_KEY}')),
        ):
            for options in ((), ("--verbose",)):
                with self.subTest(name, options=options):
                    run = self.balance(*options, lasting=fault)
                    self.assertEqual((run.code, run.out), (5, ""))
                    self.assertNotIn("f00d", run.err)

    def test_a_key_typed_on_the_command_line_is_redacted(self):
        self.env["OPENROUTER_API_KEY"] = "gateway-f00df00df00df00df00d"
        for argv in (("gateway-f00df00df00df00df00d",), ("--timeout", "gateway-f00df00df00df00df00d")):
            with self.subTest(argv=argv):
                self.assertEqual(self.balance(*argv).code, 2)

    def test_a_label_is_not_redacted(self):
        self.assertEqual(
            self.balance(lasting=error(400, "sk-or-v1-f00...00d expired")), failed("400 sk-or-v1-f00...00d expired")
        )

    def test_a_configured_key_that_was_not_sent_is_redacted(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.assertEqual(
            self.balance(lasting=error(400, f"neither {MANAGEMENT_KEY} nor {USER_KEY}")),
            failed("400 neither [key] nor [key]"),
        )


class RetryTest(HttpTest):
    def test_only_transient_statuses_are_tried_three_times(self):
        for status in (*range(400, 452), *range(500, 532), 598, 599):
            if status not in (401, 403):
                with self.subTest(status=status):
                    tries = 3 if status in RETRIED else 1
                    what = f"{status} Not now" + (" (3 tries)" if tries == 3 else "")
                    expected = self.wrong_base_url(what) if status == 404 else failed(what)
                    self.assertEqual(self.balance(lasting=error(status, "Not now")), expected)
                    self.assert_tries(tries)
                    self.assertEqual(len(self.waits), tries - 1)

    def test_a_refused_key_is_not_retried(self):
        for status in (401, 403):
            with self.subTest(status=status):
                self.assertEqual(self.balance(lasting=error(status, "No")).code, 3)
                self.assert_tries(1)

    def test_a_broken_connection_is_tried_three_times(self):
        whole = gzip.compress(CREDITS_TEXT.encode(), mtime=0)
        chunked = json_head({"Transfer-Encoding": "chunked"})
        for name, fault, what in (
            ("before the response", hang_up(), "no response: Remote end closed connection without response"),
            ("within the body", truncate(CREDITS, 30), f"{CUT_SHORT}: {CREDITS_TEXT[:30].rstrip()}"),
            ("before the body", truncate(CREDITS, 0), f"{CUT_SHORT}: nothing"),
            ("before the last byte", truncate(CREDITS, len(CREDITS_TEXT) - 1), f"{CUT_SHORT}: {CREDITS_TEXT[:-1]}"),
            ("within a chunk", raw(chunked, b"36\r\n", CREDITS_TEXT[:9].encode()), None),
            ("before the last chunk", raw(chunked, b"36\r\n", CREDITS_TEXT.encode(), b"\r\n"), None),
            ("within gzip", packed(whole[:-12]), None),
            ("within the gzip checksum", packed(whole[:-3]), f"{CUT_SHORT}: {CREDITS_TEXT}"),
        ):
            with self.subTest(name):
                run = self.balance(lasting=fault)
                self.assert_tries(3)
                if what is None:
                    self.assertEqual((run.code, run.out), (5, ""))
                    self.assertIn(CUT_SHORT, run.err)
                else:
                    self.assertEqual(run._replace(err=run.err.partition("hint:")[0]), failed(f"{what} (3 tries)"))

    def test_success_at_the_second_or_third_try_is_success(self):
        for faults in ((hang_up(),), (error(503, "Busy"), hang_up()), (truncate(CREDITS, 9), error(529, "Overloaded"))):
            with self.subTest(faults=len(faults)):
                self.server.fail("GET", "/credits", *faults)
                self.assertEqual(self.balance(), Run(0, BALANCE, ""))
                self.assert_tries(len(faults) + 1)

    def test_a_complete_but_unusable_response_is_not_retried(self):
        for body in ("<p>Welcome</p>", "", "[]", {}, {"error": {"code": 500, "message": "Overloaded"}}):
            with self.subTest(body=body):
                self.assertEqual(self.balance(lasting=respond(200, body)).code, 5)
                self.assert_tries(1)

    def test_the_backoff_grows_and_is_random(self):
        first, second = zip(*(self.balance(lasting=error(503, "Busy")) and tuple(self.waits) for _ in range(12)))
        self.assertGreater(min(first), 0.1)
        self.assertLess(max(second), 10)
        self.assertLess(max(first), min(second))
        self.assertGreater(len(set(first)), 1)
        self.assertGreater(len(set(second)), 1)

    def test_verbose_shows_each_try(self):
        self.server.fail("GET", "/credits", error(503, "Busy", {"Retry-After": "4"}))
        run = self.balance("--verbose")
        self.assertRegex(run.err, r"\n.*GET /credits: 503 Busy, \d+\.\d+ s; retrying in 4\.[4-8] s\n")
        self.assertRegex(run.err, r"\n.*GET /credits: 200, \d+\.\d+ s, \d+ bytes\n$")


class RetryAfterTest(HttpTest):
    def wait(self, header, status=429):
        """Run `balance` with this Retry-After in the first response."""
        self.server.fail("GET", "/credits", error(status, "Slow down", {"Retry-After": header}))
        return self.balance()

    def assert_waited(self, seconds):
        """A random moment longer than `seconds`: requests that were refused together don't come back together."""
        self.assertEqual(len(self.waits), 1)
        self.assertTrue(seconds + 0.4 <= self.waits[0] <= seconds + 0.8, self.waits)

    def test_retry_after_in_seconds_is_honored(self):
        for header, seconds in (("0", 0), ("1", 1), (" 7 ", 7), ("30", 30)):
            for status in (429, 503):
                with self.subTest(header=header, status=status):
                    self.assertEqual(self.wait(header, status), Run(0, BALANCE, ""))
                    self.assert_waited(seconds)

    def test_the_rate_limit_reset_is_honored_without_a_retry_after(self):
        later = str(int(1000 * self.now.timestamp()) + 5000)
        for status, headers, seconds in (
            (429, {"X-RateLimit-Reset": later}, 5),
            (429, {"X-RateLimit-Reset": "1"}, 0),
            (429, {"X-RateLimit-Reset": "soon"}, 0),
            (429, {"X-RateLimit-Reset": later, "Retry-After": "2"}, 2),
            (503, {"X-RateLimit-Reset": later}, 0),
        ):
            with self.subTest(status=status, headers=headers):
                self.server.fail("GET", "/credits", error(status, "Slow down", headers))
                self.assertEqual(self.balance(), Run(0, BALANCE, ""))
                self.assert_waited(seconds)

    def test_a_rate_limit_reset_beyond_thirty_seconds_fails_at_once(self):
        later = str(int(1000 * self.now.timestamp()) + 90_000)
        run = self.balance(lasting=error(429, "Slow down", {"X-RateLimit-Reset": later}))
        self.assertEqual(run, failed("429 Slow down", "the server asks to wait 90 s before the next try"))
        self.assert_tries(1)

    def test_retry_after_as_a_date_is_honored(self):
        now = self.now.timestamp()
        for date, seconds in (
            (formatdate(now + 20, usegmt=True), 20),
            (formatdate(now + 20), 20),  # with the zone -0000, which means unknown
            (formatdate(now - 3600, usegmt=True), 0),
        ):
            with self.subTest(date=date):
                self.assertEqual(self.wait(date), Run(0, BALANCE, ""))
                self.assert_waited(seconds)

    def test_a_retry_after_beyond_thirty_seconds_fails_at_once_and_says_how_long(self):
        for header in ("31", "3600", "999999999", "1" + "0" * 15, "1" + "0" * 400):
            with self.subTest(header=header):
                self.assertEqual(
                    self.balance(lasting=error(429, "Slow down", {"Retry-After": header})),
                    failed("429 Slow down", f"the server asks to wait {header[:16]} s before the next try"),
                )
                self.assert_tries(1)
                self.assertEqual(self.waits, [])

    def test_a_retry_after_date_beyond_thirty_seconds_fails_at_once_and_says_how_long(self):
        date = formatdate(self.now.timestamp() + 3600, usegmt=True)
        run = self.balance(lasting=error(503, "Maintenance", {"Retry-After": date}))
        self.assertEqual(run, failed("503 Maintenance", "the server asks to wait 3600 s before the next try"))
        self.assert_tries(1)

    def test_an_unreadable_retry_after_is_ignored(self):
        for header in (
            "soon",
            "-5",
            "1.5",
            "",
            "7 s",
            "0x10",
            "NaN",
            "Wed, 99 Foo 2026 00:00:00 GMT",
            "1" * 5000 + "x",
        ):
            with self.subTest(header=header[:30]):
                self.assertEqual(self.wait(header), Run(0, BALANCE, ""))
                self.assert_waited(0)

    def test_a_retry_after_does_not_make_a_status_transient(self):
        self.assertEqual(self.balance(lasting=error(400, "Bad", {"Retry-After": "1"})), failed("400 Bad"))
        self.assert_tries(1)


class ConcurrencyTest(HttpTest):
    """40 workspaces, whose keys are requested at the same time."""

    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        workspaces = [make_workspace(n) for n in range(41)]
        keys = [make_key(n, workspace_id=workspaces[n]["id"], usage=1) for n in range(41)]
        self.server = self.start(workspaces=workspaces, keys=keys)

    def usage(self):
        run = self.run_program("usage", "--json")
        self.assertEqual(run.code, 0, run.err)
        return json.loads(run.out)["totals"]["all_time"]

    def test_at_most_eight_requests_run_at_once(self):
        together = threading.Barrier(8, timeout=LONGEST_WAIT)

        def meet(handler):
            if "workspace_id" in handler.received.query:
                together.wait()  # for seven others
            as_usual(handler)

        self.server.always("GET", "/keys", meet)
        self.assertEqual(self.usage(), 41)
        self.assertEqual(self.server.most_in_flight, 8)

    def test_requests_that_are_rate_limited_once_all_succeed(self):
        refused: Counter = Counter()

        def limit(handler):
            refused[handler.received.target] += 1
            if refused[handler.received.target] == 1:
                error(429, "Slow down", {"Retry-After": "1"})(handler)
            else:
                as_usual(handler)

        self.server.always("GET", "/keys", limit)
        self.assertEqual(self.usage(), 41)
        self.assertEqual(set(refused.values()), {2})


class WriteTest(HttpTest):
    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
        self.path = f"/keys/{self.server.keys[1]['hash']}"

    def writes(self):
        """What the program sent other than GET."""
        return [request for request in self.server.requests if request.method != "GET"]

    def test_a_write_is_sent_once_whatever_happens(self):
        hash = self.server.keys[1]["hash"]
        for method, path, argv in (
            ("POST", "/keys/", ("create", "--name", "new")),
            ("PATCH", self.path, ("disable", hash)),
            ("DELETE", self.path, ("delete", hash, "-y")),
        ):
            for fault in (*(error(status, "No") for status in RETRIED), hang_up(), truncate({"data": {}}, 5)):
                with self.subTest(method=method):
                    self.server.requests.clear()
                    self.server.always(method, path, fault)
                    self.assertEqual(self.run_program("keys", *argv).code, 5)
                    self.assertEqual([request.method for request in self.writes()], [method])
        self.assertEqual(self.waits, [])

    def test_307_and_308_keep_method_and_body(self):
        for status in (307, 308):
            with self.subTest(status=status):
                self.server.requests.clear()
                self.server.fail("POST", "/keys/", redirect(status, "/api/v1/keys"))
                self.assertEqual(self.run_program("keys", "create", "--name", "new").code, 0)
                requests = [(request.method, request.path, request.body) for request in self.writes()]
                self.assertEqual(requests, [("POST", "/keys/", {"name": "new"}), ("POST", "/keys", {"name": "new"})])
                self.assertEqual(len({str(request.headers) for request in self.writes()}), 1)

    def test_no_redirect_turns_a_write_into_a_get(self):
        for status in (301, 302, 303):
            with self.subTest(status=status):
                self.server.requests.clear()
                self.server.fail("POST", "/keys/", redirect(status, "/api/v1/keys"))
                run = self.run_program("keys", "create", "--name", "new")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertIn(f"POST /keys/: {status} redirects a POST: not followed", run.err)
                self.assertEqual(
                    [(request.method, request.path) for request in self.server.requests], [("POST", "/keys/")]
                )

    def test_a_write_is_not_redirected_to_another_origin(self):
        other = self.other_server()
        for status in RedirectTest.STATUSES:
            with self.subTest(status=status):
                self.server.fail("POST", "/keys/", redirect(status, other.url + "/keys/"))
                self.assertEqual(self.run_program("keys", "create", "--name", "new").code, 5)
        self.assertEqual(other.requests, [])


class TimeoutTest(HttpTest):
    def test_the_timeout_bounds_the_whole_request_however_slowly_bytes_arrive(self):
        for name, fault in (
            ("nothing at all", stall()),
            ("a dripping header", drip(b"HTTP/1.1 200 OK\r\nX: ", b"y")),
            ("a dripping body", drip(json_head({"Content-Length": 10**6}))),
            ("endless interim responses", drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
            ("a dripping body of an error", drip(b"HTTP/1.1 503 Busy\r\n\r\n")),
            ("a body without an end", stall(json_head({}), CREDITS_TEXT.encode())),
        ):
            with self.subTest(name):
                run = self.balance("--timeout", "0.05", lasting=fault)
                self.assertEqual(run, failed("no complete response within 0.05 s", "try a longer --timeout"))
                self.server.wait_for_requests()  # the program may not have sent it yet
                self.assert_tries(1)

    def test_redirects_do_not_extend_the_timeout(self):
        clock = 0

        def slow_redirect(handler):
            nonlocal clock
            clock += 2000
            redirect(302, "/api/v1/credits")(handler)

        with mock.patch.object(program.time, "monotonic", lambda: clock):
            run = self.balance("--timeout", "3000", lasting=slow_redirect)
        self.assertEqual(run, failed("no complete response within 3000 s", "try a longer --timeout"))
        self.assert_tries(2)

    def test_a_response_in_small_chunks_within_the_timeout_is_accepted(self):
        small = raw(json_head({}), *(b"%c" % byte for byte in CREDITS_TEXT.encode()))
        self.assertEqual(self.balance("--timeout", "3600", lasting=small), Run(0, BALANCE, ""))

    def test_the_program_exits_at_the_timeout_while_bytes_still_arrive(self):
        self.server.always("GET", "/credits", drip(json_head({})))
        run = self.start_program("balance", "--timeout", "0.2")
        self.assertEqual(run, failed("no complete response within 0.2 s", "try a longer --timeout"))


class UnusableResponseTest(HttpTest):
    def test_a_response_that_is_not_json_is_shown_as_a_short_excerpt(self):
        for fault, what in (
            (html(200), f"{NOT_JSON}: 200 OK 200 OK"),
            (html(404), "404 404 Not Found 404 Not Found"),
            (html(502), "502 502 Bad Gateway 502 Bad Gateway (3 tries)"),
            (respond(200, "<style>p { color: red }</style><p>Please\n  log in</p>"), f"{NOT_JSON}: Please log in"),
            (respond(200, ""), f"{NOT_JSON}: nothing"),
            (respond(200, "<p></p>\n"), f"{NOT_JSON}: nothing"),
            (respond(204), "204 with a response that isn't a JSON object: nothing"),
            (respond(404), "404 nothing"),
            (respond(200, "Hello"), f"{NOT_JSON}: Hello"),
            (respond(200, CREDITS_TEXT + ","), f"{NOT_JSON}: {CREDITS_TEXT},"),
            (respond(200, b'{"data": "\xff"}'), f'{NOT_JSON}: {{"data": "\ufffd"}}'),
            (respond(200, "x" * 10_000), f"{NOT_JSON}: {'x' * 159}…"),
            (respond(400, "Bad"), "400 Bad"),
        ):
            with self.subTest(what=what):
                self.assertEqual(self.balance(lasting=fault), self.wrong_base_url(what))

    def test_json_that_is_not_an_object_has_no_base_url_hint(self):
        for body in ("[1, 2]", "7", '"text"', "null"):
            with self.subTest(body=body):
                self.assertEqual(self.balance(lasting=respond(200, body)), failed(f"{NOT_JSON}: {body}"))

    def test_an_error_under_status_200_is_an_error(self):
        for message, what in (
            ({"code": 402, "message": "Insufficient credits"}, "Insufficient credits"),
            ("Insufficient credits", "Insufficient credits"),
            ({"code": 402}, '{"error": {"code": 402}, "data": {"total_credits": 1, "total_usage": 0}}'),
        ):
            with self.subTest(message=message):
                body = {"error": message, "data": {"total_credits": 1, "total_usage": 0}}
                self.assertEqual(self.balance(lasting=respond(200, body)), failed(f"200 with an error: {what}"))

    def test_a_null_error_is_not_an_error(self):
        self.assertEqual(self.balance(lasting=respond(200, {"error": None, **CREDITS})), Run(0, BALANCE, ""))

    def test_an_error_of_any_shape_is_one_readable_line(self):
        for value in (
            None,
            True,
            7,
            [],
            ["a"],
            {"message": None},
            {"message": {"a": 1}},
            {"message": ""},
            "",
            "a\nb\x1b[2J",
        ):
            for status in (200, 400, 403):
                with self.subTest(value=value, status=status):
                    run = self.balance(lasting=respond(status, {"error": value}))
                    self.assertIn(run.code, (3, 5))
                    line, _, rest = run.err.partition("\n")
                    self.assertRegex(line, rf"^openrouter-remote: error: GET /credits: .*\b{status}\b")
                    self.assertRegex(rest, r"\A(hint: [^\n]+\n)?\Z")
                    self.assertTrue(run.err.replace("\n", "").isprintable())

    def test_control_characters_in_errors_are_escaped(self):
        self.assertEqual(
            self.balance(lasting=error(400, "a\nb\x1b[31m\x9b\u202e")), failed(r"400 a b\x1b[31m\x9b\u202e")
        )
        self.assertEqual(self.balance(lasting=respond(400, "a\x1b[31m\0b")), self.wrong_base_url(r"400 a\x1b[31m\x00b"))

    def test_a_response_without_usable_data_is_reported_with_status_and_excerpt(self):
        bodies: tuple = (
            {},
            {"credits": 1},
            {"data": None},
            {"data": []},
            {"data": "text"},
            {"data": 5},
            {"data": True},
        )
        for body in bodies:
            with self.subTest(body=body):
                run = self.balance(lasting=respond(200, body))
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertRegex(run.err, r"^openrouter-remote: error: GET /credits: .*\b200\b.*`data`")
                self.assertIn(json.dumps(body), run.err)

    def test_the_excerpt_of_a_response_without_data_is_short(self):
        run = self.balance(lasting=respond(200, {"text": "x" * 10_000}))
        self.assertEqual(run.code, 5)
        self.assertLess(len(run.err), 400)

    def test_invalid_json_numbers_are_refused(self):
        for number in ("NaN", "Infinity", "-Infinity", "1.", ".5", "0x10", "01", "+1"):
            with self.subTest(number=number):
                body = f'{{"data": {{"total_credits": {number}, "total_usage": 0}}}}'
                self.assertEqual(self.balance(lasting=respond(200, body)), self.wrong_base_url(f"{NOT_JSON}: {body}"))

    def test_numbers_have_at_most_a_thousand_characters_and_an_exponent_below_a_thousand(self):
        for held in ("9" * 1000, "-" + "9" * 999, "0." + "1" * 998, "1e999", "1E-999"):
            self.assertEqual(program.parse_json(held), Decimal(held))
        for refused in ("9" * 1001, "-" + "9" * 1000, "0." + "1" * 999, "1e1000", "1E-1000"):
            with self.subTest(refused=refused), self.assertRaises(ValueError):
                program.parse_json(refused)

    def test_numbers_of_four_hundred_digits_are_exact(self):
        for number in ("9" * 400, "0." + "1" * 400, "-" + "7" * 200 + "." + "7" * 200):
            with self.subTest(number=number[:5]):
                body = f'{{"data": {{"total_credits": {number}, "total_usage": 0}}}}'
                run = self.balance("--json", lasting=respond(200, body))
                self.assertEqual(run.code, 0)
                self.assertIn(f'"remaining": {number}\n', run.out)
                self.assertEqual(self.balance(lasting=respond(200, body)).code, 0)

    def test_huge_numbers_are_an_error_without_a_traceback(self):
        numbers = ("9" * 100_000, "0." + "1" * 100_000, "1e999999999", "-1E-999999999", "1e99999999999999999999")
        for number in (*numbers, "1e-99999999999999999999", "0e99999999999999999999", "1e" + "9" * 5000):
            for field in ("total_credits", "total_usage", "unknown"):
                with self.subTest(number=number[:12], field=field):
                    body = json.dumps({"data": {"total_credits": 1, "total_usage": 0, field: "?"}})
                    run = self.balance("--json", lasting=respond(200, body.replace('"?"', number)))
                    self.assertEqual((run.code, run.out), (5, ""))
                    self.assertLess(len(run.err), 400)

    def test_numbers_with_exponents_are_accepted(self):
        body = '{"data": {"total_credits": 1E1, "total_usage": 98848e-4}}'
        self.assertEqual(self.balance(lasting=respond(200, body)), Run(0, BALANCE, ""))
        self.assertIn('"total_credits": 10,\n  "total_usage": 9.8848,', self.balance("--json").out)

    def test_deep_nesting_is_never_a_traceback(self):
        for depth in (50, 200, 330, 480, 700, 900, 980, 1500, 100_000):
            for opening, closing in (("[", "]"), ('{"a": ', "}")):
                with self.subTest(depth=depth, opening=opening):
                    nested = opening * depth + "0" + closing * depth
                    body = f'{{"data": {{"total_credits": 1, "total_usage": 0, "nested": {nested}}}}}'
                    run = self.balance("--json", lasting=respond(200, body))
                    self.assertIn(run.code, (0, 5))
                    self.assertEqual(nested in run.out, run.code == 0)
                    for unusable in (body.replace("total_credits", "nothing"), nested):
                        failure = self.balance(lasting=respond(200, unusable))
                        self.assertEqual((failure.code, failure.out), (5, ""))
                        self.assertRegex(failure.err, r"\Aopenrouter-remote: error: [^\n]{1,400}\n(hint: [^\n]+\n)?\Z")
                    if run.code == 5:
                        self.assertRegex(run.err, r"\Aopenrouter-remote: error: [^\n]{1,400}\n(hint: [^\n]+\n)?\Z")

    def test_broken_compression_is_reported(self):
        for name, fault in (("invalid deflate data", bad_gzip()), ("not gzip", packed(CREDITS_TEXT.encode()))):
            with self.subTest(name):
                run = self.balance(lasting=fault)
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertIn("GET /credits: 200 with a corrupt response: nothing", run.err)

    def test_a_wrong_gzip_checksum_is_reported(self):
        whole = bytearray(gzip.compress(CREDITS_TEXT.encode()))
        whole[-8] ^= 1
        run = self.balance(lasting=packed(bytes(whole)))
        self.assertEqual(run, failed("200 with a corrupt response: nothing (3 tries)"))

    def test_plain_json_under_another_content_encoding_is_accepted(self):
        for encoding in ("br", "deflate", "zstd", "identity", "gzip, gzip"):
            with self.subTest(encoding=encoding):
                fault = respond(200, CREDITS, {"Content-Encoding": encoding})
                self.assertEqual(self.balance(lasting=fault), Run(0, BALANCE, ""))

    def test_a_body_compressed_in_another_way_is_not_json(self):
        body = zlib.compress(CREDITS_TEXT.encode())
        run = self.balance(lasting=respond(200, body, {"Content-Encoding": "deflate"}))
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertIn(f"GET /credits: {NOT_JSON}: ", run.err)
        self.assertTrue(run.err.replace("\n", "").isprintable())

    def test_an_invalid_status_line_is_a_short_error(self):
        for line in (b"SSH-2.0-server\r\n\r\n", b"x" * 60_000 + b"\r\n\r\n", b"x" * 100_000, b"HTTP/1.1 abc\r\n\r\n"):
            with self.subTest(line=line[:10]):
                run = self.balance(lasting=raw(line))
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertTrue(
                    run.err.startswith("openrouter-remote: error: GET /credits: no response: "), run.err[:99]
                )
                self.assertLess(len(run.err), 600)


class SizeLimitTest(HttpTest):
    def test_a_response_above_64_mib_is_refused_while_it_arrives(self):
        chunked = json_head({"Transfer-Encoding": "chunked"})
        for name, fault in (
            ("endless", endless()),
            ("endless in chunks", endless(chunked=True)),
            ("announced", forever(json_head({"Content-Length": 10**12}), b" " * 65536)),
            ("a gzip bomb", gzip_bomb(80)),
            ("a negative chunk size", forever(chunked + b"-1\r\n", b" " * 65536)),
        ):
            with self.subTest(name):
                self.assertEqual(self.balance(lasting=fault), failed("200 with more than 64 MiB"))
                self.assert_tries(1)

    def test_a_large_response_below_the_limit_is_accepted(self):
        self.assertEqual(self.balance(lasting=respond(200, " " * (20 << 20) + CREDITS_TEXT)), Run(0, BALANCE, ""))

    def test_endless_bytes_after_a_gzip_body_are_ignored(self):
        head = json_head({"Content-Encoding": "gzip"}) + gzip.compress(CREDITS_TEXT.encode())
        run = self.balance("--timeout", "3600", lasting=forever(head, b" " * 65536))
        self.assertEqual(run, Run(0, BALANCE, ""))

    def test_endless_headers_end_in_an_error(self):
        for name, fault in (
            ("lines", forever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")),
            ("one line", forever(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536)),
        ):
            with self.subTest(name):
                run = self.balance("--timeout", "3600", lasting=fault)
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertTrue(run.err.startswith("openrouter-remote: error: GET /credits: no response: "), run.err)


class UnreachableServerTest(HttpTest):
    def closed_port(self):
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            return one.getsockname()[1]

    def test_a_refused_connection_is_tried_three_times_and_reported_with_its_origin(self):
        origin = f"http://127.0.0.1:{self.closed_port()}"
        self.env["OPENROUTER_BASE_URL"] = f"{origin}/api/v1"
        self.assertEqual(
            self.balance(),
            failed(
                f"no response: {os.strerror(errno.ECONNREFUSED)} (3 tries)",
                f"check the network, the proxy variables and the base URL, {origin}",
            ),
        )
        self.assertEqual(len(self.waits), 2)

    def test_an_unknown_host_is_exit_5(self):
        for host in ("no-such-host.invalid", "a" * 64 + ".invalid", "a..invalid"):
            with self.subTest(host=host):
                self.env["OPENROUTER_BASE_URL"] = f"https://{host}/api/v1"
                run = self.balance("--timeout", "0.2")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertRegex(
                    run.err, r"^openrouter-remote: error: GET /credits: no (complete )?response[^\n]+\nhint: "
                )

    def test_a_server_without_tls_is_exit_5(self):
        self.env["OPENROUTER_BASE_URL"] = self.server.url.replace("http:", "https:")
        run = self.balance("--timeout", "3600")
        self.assertEqual((run.code, run.out, self.server.requests), (5, "", []))
        self.assertTrue(run.err.startswith("openrouter-remote: error: GET /credits: no response: "), run.err)
        self.assertEqual(self.waits, [])  # another try wouldn't help


class TlsTest(HttpTest):
    def setUp(self):
        super().setUp()
        self.server = self.start(tls=True, credits_for_user_key="allowed")
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY

    def test_a_trusted_certificate_is_accepted(self):
        self.env["SSL_CERT_FILE"] = TLS_CERTIFICATE
        self.assertEqual(self.start_program("balance"), Run(0, BALANCE, ""))

    def test_an_untrusted_certificate_is_not_retried_and_the_hint_names_ssl_cert_file(self):
        run = self.start_program("balance", "-v")
        self.assertEqual((run.code, run.out, self.server.requests), (5, "", []))
        error = "openrouter-remote: error: GET /credits: no response: [SSL: CERTIFICATE_VERIFY_FAILED] "
        self.assertIn(error, run.err)
        self.assertNotIn("tries)", run.err)
        origin = self.server.url[: -len("/api/v1")]
        hint = f"hint: the certificate of {origin} can't be verified: install ca-certificates, or behind "
        self.assertTrue(run.err.endswith(hint + "a TLS proxy set SSL_CERT_FILE to its certificate\n"), run.err)
        self.assertNotIn("retrying", run.err)

    def test_after_a_failed_handshake_a_write_is_known_to_be_unsent(self):
        for argv in (("create", "--name", "ci"), ("delete", "production", "-y"), ("disable", "production")):
            with self.subTest(argv=argv):
                run = self.start_program("keys", *argv)
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertNotIn("may or may not", run.err)


class ProxyTest(HttpTest):
    """These start the real program, because urllib reads the environment only once."""

    def test_https_uses_a_tunnel_through_the_proxy_which_never_sees_the_key(self):
        self.env["OPENROUTER_BASE_URL"] = "https://eu.openrouter.invalid/api/v1"
        for name in ("https_proxy", "HTTPS_PROXY"):
            with self.subTest(name):
                self.server.requests.clear()
                self.env[name] = f"http://127.0.0.1:{self.server.port}"
                run = self.start_program("balance")
                self.assertEqual((run.code, run.out), (5, ""))
                self.assertIn("GET /credits: no response: Tunnel connection failed: 404 Not Found (3 tries)\n", run.err)
                self.assertEqual({request.target for request in self.server.requests}, {"eu.openrouter.invalid:443"})
                self.assertNotIn(USER_KEY, str(self.server.requests))
                del self.env[name]

    def test_no_proxy_bypasses_the_proxy(self):
        self.env["OPENROUTER_BASE_URL"] = "https://eu.openrouter.invalid/api/v1"
        self.env.update(https_proxy=f"http://127.0.0.1:{self.server.port}", no_proxy=".invalid")
        run = self.start_program("balance", "--timeout", "0.2")
        self.assertEqual((run.code, self.server.requests), (5, []))

    def test_loopback_is_never_reached_through_a_proxy(self):
        proxy = self.other_server()
        urls = [self.server.url, self.server.url.replace("127.0.0.1", "localhost")]
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            for url in urls:
                with self.subTest(name, url=url):
                    env = {"OPENROUTER_BASE_URL": url, name: f"http://127.0.0.1:{proxy.port}"}
                    self.server.requests.clear()
                    self.env.update(env)
                    self.assertEqual(self.start_program("balance"), Run(0, BALANCE, ""))
                    self.assert_tries(1)
                    del self.env[name]
        self.assertEqual(proxy.requests, [])


class RefusalTest(HttpTest):
    USER_HINT = (
        "hint: OPENROUTER_API_KEY (from {}) was refused; the balance needs a management key: "
        "set OPENROUTER_PROVISIONING_KEY to one from https://openrouter.ai/settings/management-keys; "
        "older accounts can set OPENROUTER_API_KEY to a user key from https://openrouter.ai/keys\n"
    )
    MANAGEMENT_HINT = (
        "hint: {} (from {}) was refused: set OPENROUTER_PROVISIONING_KEY "
        "(or OPENROUTER_MANAGEMENT_KEY) to a valid management key, or create one at https://openrouter.ai/settings/management-keys\n"
    )

    def test_the_hint_for_a_refused_user_key_has_its_source_and_where_to_create_one(self):
        for key, message in (("sk-or-v1-" + "0" * 64, "User not found."), (EXPIRED_KEY, "API key expired")):
            with self.subTest(message):
                self.env["OPENROUTER_API_KEY"] = key
                text = f"openrouter-remote: error: GET /credits: 401 {message}\n" + self.USER_HINT.format("the shell")
                self.assertEqual(self.balance(), Run(3, "", text))

    def test_an_exhausted_budget_or_limit_is_not_reported_as_a_wrong_key(self):
        for message in ("Key limit exceeded (total limit)", "This request would exceed a workspace budget"):
            with self.subTest(message):
                self.server.always("GET", "/credits", error(403, message))
                self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY
                text = f"openrouter-remote: error: GET /credits: 403 {message}\n"
                hint = "hint: OPENROUTER_PROVISIONING_KEY (from the shell) has reached a budget or limit; "
                self.assertEqual(self.balance(), Run(3, "", f"{text}{hint}the key itself is fine\n"))

    def test_the_hint_for_a_user_key_that_may_not_read_the_credits_names_its_file(self):
        self.server.credits_for_user_key = "refused"
        path = self.write("my.env", f"OPENROUTER_API_KEY={USER_KEY}\n")
        message = "openrouter-remote: error: GET /credits: 403 Only management keys can perform this operation\n"
        self.assertEqual(self.balance("--env-file", path), Run(3, "", message + self.USER_HINT.format(path)))

    def test_a_refused_management_key_is_reported_with_the_variable_it_came_from(self):
        del self.env["OPENROUTER_API_KEY"]
        for name in ("OPENROUTER_PROVISIONING_KEY", "OPENROUTER_MANAGEMENT_KEY"):
            with self.subTest(name):
                path = self.write(".env", f"{name}={EXPIRED_KEY}\n")
                message = "openrouter-remote: error: GET /credits: 401 API key expired\n"
                self.assertEqual(self.balance(), Run(3, "", message + self.MANAGEMENT_HINT.format(name, path)))

    def test_a_malformed_key_is_not_printed(self):
        for key in ("sk-or-v1-f00df00df00df00d\nX-Injected: 1", "f00df00d f00df00d", "sk-or-v1-f00df00dключ"):
            with self.subTest(key=key):
                self.env["OPENROUTER_API_KEY"] = key
                run = self.balance()
                self.assertEqual((run.code, run.out, self.server.requests), (3, "", []))
                self.assertRegex(
                    run.err,
                    r"\Aopenrouter-remote: error: OPENROUTER_API_KEY \(from the shell\) is malformed: it contains ",
                )

    def test_other_variables_are_not_redacted(self):
        hash = self.server.keys[1]["hash"]
        self.env.update(
            OPENROUTER_PROVISIONING_KEY=MANAGEMENT_KEY, OPENROUTER_KEY_HASH=hash, OPENROUTER_KEY_NAME="production"
        )
        run = self.run_program("keys", "show", hash, "--json", "-v")
        document = json.loads(run.out)
        self.assertEqual((run.code, document["hash"], document["name"]), (0, hash, "production"))
        self.assertIn(f"GET /keys/{hash}: 200", run.err)
        self.assertIn(hash, json.loads(self.run_program("keys", "list", "--json").out))
        self.write(".env", f"OPENROUTER_KEY_HASH={hash}\nOPENROUTER_OTHER_KEY={hash}\n")
        self.assertIn(hash, self.run_program("keys", "show", hash).out)
        self.assertNotIn("[key]", run.out + run.err)
