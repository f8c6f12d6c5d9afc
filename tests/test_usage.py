"""`usage`: exact spend over every key of every page and workspace."""

import json
import threading
from decimal import Decimal
from unittest import mock

from fake_openrouter import (
    LONGEST_WAIT,
    MANAGEMENT_KEY,
    PERIODS,
    USER_KEY,
    Response,
    as_usual,
    demo_keys,
    error,
    hang_up,
    html,
    make_key,
    make_secret,
    make_workspace,
    respond,
)
from support import ProgramTest, Run, program

MONEY_FIELDS = [kind + period for kind in ("usage", "byok_usage") for period in PERIODS]
USER_KEY_HINT = (
    "hint: OPENROUTER_PROVISIONING_KEY (from the shell) is a user key and was refused: "
    "set OPENROUTER_PROVISIONING_KEY (or OPENROUTER_MANAGEMENT_KEY) to a valid management key, or create one at "
    "https://openrouter.ai/settings/management-keys\n"
)


def spent(*amounts, kind="usage"):
    """Money fields of a key: today, this week, this month, all-time."""
    return {kind + period: Decimal(amount) for period, amount in zip(PERIODS, amounts)}


def from_offset(offset, fault):
    """The fault for every page that begins at `offset` or later."""
    return lambda handler: (fault if int(handler.received.query.get("offset", 0)) >= offset else as_usual)(handler)


class UsageTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env["OPENROUTER_PROVISIONING_KEY"] = MANAGEMENT_KEY

    def usage(self, *argv):
        """The document of `usage --json`, its numbers exact."""
        run = self.run_program("usage", "--json", *argv)
        self.assertEqual((run.code, run.err), (0, ""))
        return json.loads(run.out, parse_float=Decimal)


class PagesTest(UsageTest):
    def test_each_key_counts_once_whatever_the_page_size(self):
        for size in (25, 50, 100):
            for count in (0, 1, 99, 100, 101, 250, 1000):
                with self.subTest(page_size=size, keys=count):
                    # Amounts with 20 decimals, which a float would lose; the biggest month is the oldest key.
                    keys = [
                        make_key(
                            n, **spent(*(Decimal(n * factor).scaleb(-20) for factor in (1, 10**6, 10**12, 10**18)))
                        )
                        for n in range(1, count + 1)
                    ]
                    self.start(page_size=size, keys=keys, workspaces=[make_workspace()])
                    document = self.usage()
                    self.assertEqual([k["hash"] for k in document["keys"]], [key["hash"] for key in reversed(keys)])
                    total = count * (count + 1) // 2
                    self.assertEqual(
                        document["totals"],
                        {
                            "daily": Decimal(total).scaleb(-20),
                            "weekly": Decimal(total).scaleb(-14),
                            "monthly": Decimal(total).scaleb(-8),
                            "all_time": Decimal(total).scaleb(-2),
                        },
                    )

    def test_sums_are_exact_decimals(self):
        self.start(keys=[make_key(n, **spent("0.1", "0.1", "0.1", "0.1")) for n in range(12)])
        run = self.run_program("usage", "--json")
        self.assertIn('"totals": {"daily": 1.2, "weekly": 1.2, "monthly": 1.2, "all_time": 1.2}', run.out)
        self.assertEqual(run.code, 0)

    def test_every_page_of_every_workspace_counts(self):
        workspaces = [make_workspace(n) for n in range(3)]
        keys = [make_key(n, workspace_id=workspaces[n % 3]["id"], usage=2**n) for n in range(40)]
        self.start(page_size=5, workspaces=workspaces, keys=keys)
        document = self.usage()
        self.assertEqual(sorted(k["hash"] for k in document["keys"]), sorted(k["hash"] for k in keys))
        self.assertEqual(document["totals"]["all_time"], 2**40 - 1)

    def test_every_page_of_workspaces_counts(self):
        workspaces = [make_workspace(n) for n in range(120)]
        keys = [make_key(n, workspace_id=workspaces[n]["id"], usage=1) for n in range(120)]
        self.start(workspaces=workspaces, keys=keys)
        self.assertEqual(self.usage()["totals"]["all_time"], 120)

    def test_keys_of_other_workspaces_count_if_the_default_one_has_none(self):
        self.start(workspaces=[make_workspace(n) for n in range(2)], keys=[
            make_key(1, workspace_id=make_workspace(1)["id"], usage=3)
        ])  # fmt: skip
        self.assertEqual(self.usage()["totals"]["all_time"], 3)

    def test_disabled_keys_count_in_every_workspace(self):
        workspaces = [make_workspace(n) for n in range(2)]
        keys = [make_key(n, disabled=n % 2 == 0, workspace_id=workspaces[n // 20]["id"], usage=1) for n in range(40)]
        self.start(page_size=5, workspaces=workspaces, keys=keys)
        self.assertEqual(self.usage()["totals"]["all_time"], 40)

    def test_expired_keys_count(self):
        dates = (None, "2026-11-25T11:59:59Z", "2026-11-25T12:00:01Z", "2020-01-01T00:00:00.000Z")
        self.start(keys=[make_key(n, expires_at=date, usage=1) for n, date in enumerate(dates)])
        self.assertEqual(self.usage()["totals"]["all_time"], 4)

    def test_the_older_api_without_include_expired_works(self):
        workspaces = [make_workspace(n) for n in range(2)]
        keys = [make_key(n, workspace_id=workspaces[n % 2]["id"], usage=1) for n in range(24)]
        server = self.start(older_api=True, page_size=5, keys=keys, workspaces=workspaces)
        self.assertEqual(self.usage()["totals"]["all_time"], 24)
        refused = [request for request in server.requests if "include_expired" in request.query]
        self.assertEqual(len(refused), 1)

    def test_no_key_is_missed_if_the_list_changes_while_it_is_read(self):
        def create(server):
            server.keys.insert(0, make_key(0, usage=1))

        def delete(server):
            del server.keys[0]

        for size in (5, 10, 25):
            for change, total in ((create, 31), (delete, 29)):
                for page in range(1, 5):
                    with self.subTest(page_size=size, change=change.__name__, page=page):
                        keys = [make_key(n, usage=1) for n in range(1, 31)]
                        server = self.start(page_size=size, keys=keys, has_workspaces=False)

                        def moved(handler, change=change):
                            with handler.fake.lock:
                                change(handler.fake)
                            as_usual(handler)

                        server.fail("GET", "/keys", *[as_usual] * page, moved)
                        document = self.usage()
                        # A change may be missing from pages that were read before it, but must not hide another key.
                        self.assertIn(document["totals"]["all_time"], (30, total))
                        hashes = {key["hash"] for key in document["keys"]}
                        self.assertLessEqual({key["hash"] for key in keys[1:]}, hashes)
                        self.assertEqual(len(document["keys"]), len(hashes))

    def first_pages(self, server):
        """How often reading the list began."""
        return sum(r.path == "/keys" and "offset" not in r.query for r in server.requests)

    def test_reading_starts_over_if_a_known_key_appears_again(self):
        keys = [make_key(n, usage=1) for n in range(14)]
        server = self.start(page_size=10, keys=keys, has_workspaces=False)

        def twice(handler):
            """Put the first key in place of the twelfth."""
            reply = handler.fake.respond(handler.received)
            rows = [keys[0] if row["hash"] == keys[11]["hash"] else row for row in reply.body["data"]]
            handler.send(Response(200, {"data": rows}))

        server.fail("GET", "/keys", as_usual, *[twice] * program.PAGES_AT_ONCE)
        self.assertEqual(self.usage()["totals"]["all_time"], 14)
        self.assertEqual(self.first_pages(server), 2)
        server.always("GET", "/keys", twice)
        self.assertEqual(self.run_program("usage").code, 5)

    def test_no_key_is_missed_if_one_is_created_with_every_page(self):
        for size, count in ((25, 600), (100, 1000)):
            with self.subTest(page_size=size):
                keys = [make_key(n, usage=1) for n in range(1, count + 1)]
                server = self.start(page_size=size, keys=list(keys), has_workspaces=False)

                def moved(handler):
                    with handler.fake.lock:
                        handler.fake.keys.insert(0, make_key(9000 + len(handler.fake.keys), usage=1))
                    as_usual(handler)

                server.always("GET", "/keys", moved)
                hashes = [key["hash"] for key in self.usage()["keys"]]
                self.assertLessEqual({key["hash"] for key in keys}, set(hashes))
                self.assertEqual(len(hashes), len(set(hashes)))
                self.assertEqual(self.first_pages(server), 1)

    def deleted(self, number):
        """Delete so many of the newest keys before the response."""

        def fault(handler):
            with handler.fake.lock:
                del handler.fake.keys[:number]
            as_usual(handler)

        return fault

    def test_reading_starts_over_if_the_last_known_key_is_missing(self):
        server = self.start(page_size=50, keys=[make_key(n, usage=1) for n in range(200)], has_workspaces=False)
        server.fail("GET", "/keys", as_usual, self.deleted(6))
        self.assertEqual(self.usage()["totals"]["all_time"], 194)
        self.assertEqual(self.first_pages(server), 2)

    def test_four_deleted_keys_do_not_start_reading_over(self):
        server = self.start(page_size=50, keys=[make_key(n, usage=1) for n in range(200)], has_workspaces=False)
        server.fail("GET", "/keys", as_usual, self.deleted(4))
        self.usage()
        self.assertEqual(self.first_pages(server), 1)

    def test_a_list_that_keeps_changing_is_exit_5(self):
        server = self.start(page_size=50, keys=[make_key(n, usage=1) for n in range(1000)], has_workspaces=False)
        server.always("GET", "/keys", self.deleted(6))
        message = "GET /keys: the list kept changing while it was read"
        self.assertEqual(self.run_program("usage"), Run(5, "", f"openrouter-remote: error: {message}\n"))
        self.assertEqual(self.first_pages(server), 3)

    def offsets(self, server):
        return [request.query.get("offset") for request in server.requests if request.path == "/keys"]

    def test_no_key_is_missed_if_a_page_of_keys_is_created_between_two_pages(self):
        # The second page shows only rows of the first one, pushed down, and yet it isn't the end.
        for size, count in ((10, 40), (100, 300)):
            with self.subTest(page_size=size):
                server = self.start(page_size=size, keys=[make_key(n, usage=1) for n in range(count)])
                created: list = []

                def busy(handler, size=size, created=created):
                    with handler.fake.lock:
                        if "offset" in handler.received.query and not created:
                            created += [make_key(9000 + n, usage=1) for n in range(size - 5)]
                            handler.fake.keys[:0] = created
                    as_usual(handler)

                server.always("GET", "/keys", busy)
                self.assertEqual(self.usage()["totals"]["all_time"], count)

    def test_a_page_whose_size_is_not_a_multiple_of_5_is_the_last(self):
        for count in (1, 4, 6, 99, 101):
            with self.subTest(keys=count):
                server = self.start(keys=[make_key(n, usage=1) for n in range(count)], has_workspaces=False)
                self.assertEqual(self.usage()["totals"]["all_time"], count)
                offsets = self.offsets(server)
                self.assertEqual((offsets[0], "95" in offsets), (None, count > 100))
                self.assertEqual(len(offsets) == 1, count < 100)

    def test_another_page_follows_one_whose_size_is_a_multiple_of_5(self):
        for count in (5, 50, 100):
            with self.subTest(keys=count):
                server = self.start(keys=[make_key(n, usage=1) for n in range(count)], has_workspaces=False)
                self.assertEqual(self.usage()["totals"]["all_time"], count)
                self.assertGreater(len(self.offsets(server)), 1)

    def test_pages_overlap_by_five_rows(self):
        for size in (25, 50, 100):
            with self.subTest(page_size=size):
                keys = [make_key(n, usage=1) for n in range(3 * size)]
                server = self.start(page_size=size, keys=keys, has_workspaces=False)
                self.usage()
                offsets = sorted(int(offset or 0) for offset in self.offsets(server))
                self.assertEqual(offsets[:3], [0, size - 5, 2 * (size - 5)])

    def test_no_key_is_missed_if_page_sizes_differ(self):
        keys = [make_key(n, usage=1) for n in range(203)]
        server = self.start(has_workspaces=False)

        def uneven(handler):
            offset = int(handler.received.query.get("offset", 0))
            size = 20 if offset // 5 % 3 or not offset else 10
            handler.send(Response(200, {"data": keys[offset : offset + size]}))

        server.always("GET", "/keys", uneven)
        self.assertEqual(self.usage()["totals"]["all_time"], 203)

    def test_a_key_listed_twice_on_a_page_counts_once(self):
        keys = [make_key(n, usage=1) for n in range(9)]
        server = self.start(has_workspaces=False)

        def doubled(handler):
            offset = int(handler.received.query.get("offset", 0))
            handler.send(Response(200, {"data": [keys[0], *keys][offset : offset + 10]}))

        server.always("GET", "/keys", doubled)
        self.assertEqual(self.usage()["totals"]["all_time"], 9)
        self.assertNotIn("-", "".join(map(str, self.offsets(server))))

    @mock.patch.object(program, "MAX_REQUESTS", 20)
    def test_an_endless_list_is_exit_5(self):
        server = self.start(has_workspaces=False)

        def more(handler):
            offset = int(handler.received.query.get("offset", 0))
            handler.send(Response(200, {"data": [make_key(offset + n) for n in range(5)]}))

        server.always("GET", "/keys", more)
        message = "openrouter-remote: error: GET /keys: more than 1,000 pages\n"
        self.assertEqual(self.run_program("usage"), Run(5, "", message))
        self.assertEqual(sum(request.path == "/keys" for request in server.requests), 20)

    def test_a_full_page_is_the_whole_list_if_the_server_ignores_offset(self):
        for count in (5, 100):
            keys = [make_key(n, usage=1) for n in range(count)]
            server = self.start(has_workspaces=False)
            server.always("GET", "/keys", respond(200, {"data": keys}))
            with self.subTest(count=count):
                self.assertEqual(self.usage()["totals"]["all_time"], count)

    def test_keys_may_be_in_use_while_they_are_read(self):
        server = self.start(has_workspaces=False)

        def busy(handler):
            keys = [make_key(n, usage=1, last_used_at=str(len(server.requests))) for n in range(10)]
            handler.send(Response(200, {"data": keys}))

        server.always("GET", "/keys", busy)
        self.assertEqual(self.usage()["totals"]["all_time"], 10)

    def test_no_workspace_is_skipped_if_the_default_page_lists_its_key(self):
        spaces = [make_workspace(n) for n in range(2)]
        there = [make_key(n, usage=100, workspace_id=spaces[1]["id"]) for n in (1, 2)]
        server = self.start(workspaces=spaces, keys=[make_key(0, usage=1), *there])

        def default(handler):
            if "workspace_id" in handler.received.query:
                as_usual(handler)
            else:
                handler.send(Response(200, {"data": [server.keys[0], there[0]]}))

        server.always("GET", "/keys", default)
        self.assertEqual(self.usage()["totals"]["all_time"], 201)

    def test_a_short_page_is_the_whole_list_if_the_server_ignores_offset(self):
        keys = [make_key(n, usage=1) for n in range(3)]
        server = self.start(has_workspaces=False)
        server.always("GET", "/keys", respond(200, {"data": keys}))
        self.assertEqual(self.usage()["totals"]["all_time"], 3)

    def test_a_server_without_workspaces_works(self):
        for fault in (error(404, "Not Found"), html(404)):
            server = self.start(page_size=5, keys=[make_key(n, usage=1) for n in range(12)], has_workspaces=False)
            server.always("GET", "/workspaces", fault)
            self.assertEqual(self.usage()["totals"]["all_time"], 12)

    def test_a_404_on_a_later_page_of_workspaces_is_exit_5(self):
        workspaces = [make_workspace(n) for n in range(120)]
        server = self.start(workspaces=workspaces, keys=[make_key(1, usage=1)])
        server.always("GET", "/workspaces", from_offset(1, error(404, "Not Found")))
        run = self.run_program("usage")
        self.assertEqual((run.code, run.out), (5, ""))
        self.assertTrue(run.err.startswith("openrouter-remote: error: GET /workspaces: 404 Not Found\n"), run.err)

    def test_if_workspaces_are_refused_the_default_one_is_shown_with_a_warning(self):
        self.start(workspaces_refused=True)
        warning = (
            "openrouter-remote: warning: GET /workspaces: 403 You do not have access to workspaces; "
            "keys of other workspaces, if any, are missing\n"
        )
        for argv in (("usage",), ("keys", "list"), ("keys", "list", "--all"), ("keys", "show", "production")):
            with self.subTest(argv=argv):
                run = self.run_program(*argv)
                self.assertEqual((run.code, run.err), (0, warning))

    def test_without_a_default_workspace_the_named_ones_are_read(self):
        self.start(default_workspace_gone=True)
        run = self.run_program("keys", "list", "--all", "--json")
        names = [row["name"] for hash, row in json.loads(run.out).items() if hash != "tool"]
        self.assertEqual((run.code, sorted(names)), (0, sorted(key["name"] for key in demo_keys())))

    def test_without_any_workspace_a_404_is_an_error(self):
        server = self.start(has_workspaces=False)
        server.always("GET", "/keys", error(404, "Not Found"))
        self.assertEqual(self.run_program("usage").code, 5)

    def test_credits_keys_and_workspaces_are_requested_concurrently(self):
        server = self.start()
        together = threading.Barrier(3, timeout=LONGEST_WAIT)

        def meet(handler):
            together.wait()
            as_usual(handler)

        for path in ("/credits", "/keys", "/workspaces"):
            server.fail("GET", path, meet)
        self.usage()  # this would never end if one waited for another

    def test_workspaces_are_read_concurrently(self):
        workspaces = [make_workspace(n) for n in range(3)]
        keys = [make_key(n, workspace_id=workspaces[n % 3]["id"], usage=1) for n in range(6)]
        server = self.start(workspaces=workspaces, keys=keys)
        together = threading.Barrier(2, timeout=LONGEST_WAIT)

        def meet(handler):
            if "workspace_id" in handler.received.query:  # the first page of another workspace
                together.wait()
            as_usual(handler)

        server.always("GET", "/keys", meet)
        self.usage()


class TextTest(UsageTest):
    KEYS = (
        make_key(1, name="ci", **spent("0", "0.5", "0.5", "0.5")),
        make_key(2, name="web", **spent("0.25", "0.25", "1.75", "4")),
        make_key(3, name="laptop", disabled=True, **spent("0", "0", "0", "2.5")),
    )

    def start(self, *keys, **switches):
        return super().start(keys=list(keys or self.KEYS), workspaces=[make_workspace()], **switches)

    def test_text_shows_credits_then_totals_then_keys(self):
        self.start(credits={"total_credits": 10, "total_usage": 7})
        self.assertEqual(
            self.run_program("usage"),
            Run(
                0,
                "total_credits: $10.0000\n"
                "total_usage:   $7.0000\n"
                "remaining:     $3.0000\n"
                "\n"
                "today:      $0.2500\n"
                "this week:  $0.7500\n"
                "this month: $2.2500\n"
                "all-time:   $7.0000\n"
                "\n"
                "     name    hash            today  this week  this month  all-time\n"
                "[ ]  web     d4735e3a265e  $0.2500    $0.2500     $1.7500   $4.0000\n"
                "[ ]  ci      6b86b273ff34  $0.0000    $0.5000     $0.5000   $0.5000\n"
                "[x]  laptop  4e07408562be  $0.0000    $0.0000     $0.0000   $2.5000\n",
                "",
            ),
        )

    def test_spend_beyond_that_of_the_keys_has_its_own_line(self):
        self.start(credits={"total_credits": 10, "total_usage": Decimal("9.8848")})
        out = self.run_program("usage").out
        self.assertIn("\nthis month:  $2.2500\nall-time:    $7.0000\nother spend: $2.8848\n\n", out)

    def test_without_spend_beyond_that_of_the_keys_there_is_no_line_for_it(self):
        for total in ("7", "6.9999"):  # credits may lag
            with self.subTest(total_usage=total):
                self.start(credits={"total_credits": 10, "total_usage": Decimal(total)})
                run = self.run_program("usage")
                self.assertEqual(run.code, 0)
                self.assertNotIn("deleted", run.out)

    def test_byok_usage_is_a_separate_block_and_never_added_in(self):
        self.start(
            make_key(1, name="ci", **spent("1", "2", "3", "4"), **spent("0", "0.5", "0.6", "0.7", kind="byok_usage")),
            make_key(2, name="web", **spent("0", "0", "0", "1"), **spent("0", "0", "0.1", "0.1", kind="byok_usage")),
            credits={"total_credits": 10, "total_usage": 5},
        )
        self.assertEqual(
            self.run_program("usage").out.partition("\n\n")[2],
            "today:      $1.0000\n"
            "this week:  $2.0000\n"
            "this month: $3.0000\n"
            "all-time:   $5.0000\n"
            "\n"
            "BYOK today:      $0.0000\n"
            "BYOK this week:  $0.5000\n"
            "BYOK this month: $0.7000\n"
            "BYOK all-time:   $0.8000\n"
            "\n"
            "     name  hash            today  this week  this month  all-time  BYOK month\n"
            "[ ]  ci    6b86b273ff34  $1.0000    $2.0000     $3.0000   $4.0000     $0.6000\n"
            "[ ]  web   d4735e3a265e  $0.0000    $0.0000     $0.0000   $1.0000     $0.1000\n",
        )

    def test_keys_without_spend_are_sorted_by_byok(self):
        byok = (1, 3, 0, 2)
        self.start(*(make_key(n, name=f"n{n}", byok_usage_monthly=usd) for n, usd in enumerate(byok)))
        self.assertEqual([key["name"] for key in self.usage()["keys"]], ["n1", "n3", "n0", "n2"])

    def test_expired_and_disabled_keys_are_marked(self):
        past = "2026-11-01T00:00:00Z"
        self.start(
            make_key(1, name="past", expires_at=past),
            make_key(2, name="both", expires_at=past, disabled=True),
            make_key(3, name="to-come", expires_at="2026-12-01T00:00:00Z"),
        )
        marks = {line[5:].split()[0]: line[:3] for line in self.run_program("usage").out.splitlines()[-3:]}
        self.assertEqual(marks, {"past": "[-]", "both": "[x]", "to-come": "[ ]"})

    def test_keys_are_sorted_by_month_and_ties_stay_newest_first(self):
        months = ("0.9", "10", "0", "9.99999999999999999999", "10", "0.10")
        self.start(*(make_key(n, name=f"n{n}", usage_monthly=Decimal(m)) for n, m in enumerate(months)))
        table = self.run_program("usage").out.splitlines()[-6:]
        self.assertEqual([line.split()[2] for line in table], ["n1", "n4", "n3", "n0", "n5", "n2"])
        self.assertEqual([key["name"] for key in self.usage()["keys"]], ["n1", "n4", "n3", "n0", "n5", "n2"])

    def test_an_account_without_keys_has_zeros_and_an_empty_table(self):
        super().start(keys=[], workspaces=[make_workspace()], credits={"total_credits": 5, "total_usage": 0})
        self.assertEqual(
            self.run_program("usage").out,
            "total_credits: $5.0000\n"
            "total_usage:   $0.0000\n"
            "remaining:     $5.0000\n"
            "\n"
            "today:      $0.0000\n"
            "this week:  $0.0000\n"
            "this month: $0.0000\n"
            "all-time:   $0.0000\n"
            "\n"
            "  name  hash  today  this week  this month  all-time\n",
        )

    def test_control_characters_in_a_name_are_escaped(self):
        self.start(make_key(1, name="a\x1b[2Jb\nc"))
        self.assertIn("\n[ ]  a\\x1b[2Jb\\nc  6b86b273ff34  ", self.run_program("usage").out)


class JsonTest(UsageTest):
    def test_json_has_credits_totals_byok_totals_and_the_apis_key_objects(self):
        keys = [make_key(n, **spent("0", "0", f"{n}.10", "12.345678901234567890"), external_user="é") for n in (1, 2)]
        credits = {"total_credits": 10, "total_usage": Decimal("9.8848")}
        self.start(keys=keys, workspaces=[make_workspace()], credits=credits)
        document = self.usage()
        self.assertEqual(list(document), ["tool", "credits", "totals", "byok_totals", "other_usage", "keys"])
        self.assertEqual(
            list(document["credits"].items()),
            [("total_credits", 10), ("total_usage", Decimal("9.8848")), ("remaining", Decimal("0.1152"))],
        )
        self.assertEqual(
            list(document["totals"].items()),
            [("daily", 0), ("weekly", 0), ("monthly", Decimal("3.2")), ("all_time", Decimal("24.69135780246913578"))],
        )
        self.assertEqual(
            list(document["byok_totals"].items()), [("daily", 0), ("weekly", 0), ("monthly", 0), ("all_time", 0)]
        )
        self.assertEqual([list(k.items()) for k in document["keys"]], [list(keys[1].items()), list(keys[0].items())])

    def test_small_sums_are_plain_numbers(self):
        keys = [make_key(n, **spent("0.0000001", "0", "0", "0")) for n in (1, 2)]
        self.start(keys=keys, workspaces=[make_workspace()])
        self.assertIn('"totals": {"daily": 0.0000002, ', self.run_program("usage", "--json").out)

    def test_without_keys_json_has_the_same_shape(self):
        self.start(keys=[], workspaces=[make_workspace()], credits={"total_credits": 5, "total_usage": 0})
        zeros = {"daily": 0, "weekly": 0, "monthly": 0, "all_time": 0}
        document = self.usage()
        del document["tool"]
        self.assertEqual(
            document,
            {
                "credits": {"total_credits": 5, "total_usage": 0, "remaining": 5},
                "totals": zeros,
                "byok_totals": zeros,
                "other_usage": 0,
                "keys": [],
            },
        )


class CreditsTest(UsageTest):
    KEYS = (make_key(1, name="ci", **spent("1", "1", "1", "1")),)

    def test_unavailable_credits_are_a_warning_and_the_rest_is_shown(self):
        for fault, reason in (
            (error(403, "Forbidden"), "403 Forbidden"),
            (error(500, "Broken"), "500 Broken (3 tries)"),
            (error(404, "Not Found"), "404 Not Found"),
            (hang_up(), "no response: Remote end closed connection without response (3 tries)"),
            (
                respond(200, {"data": {"total_credits": "10", "total_usage": 1}}),
                '`total_credits` isn\'t a number: "10"',
            ),
        ):
            with self.subTest(reason):
                server = self.start(keys=list(self.KEYS), workspaces=[make_workspace()])
                server.always("GET", "/credits", fault)
                warning = f"openrouter-remote: warning: the account's credits are unknown: GET /credits: {reason}\n"
                self.assertEqual(
                    self.run_program("usage"),
                    Run(
                        0,
                        "today:      $1.0000\n"
                        "this week:  $1.0000\n"
                        "this month: $1.0000\n"
                        "all-time:   $1.0000\n"
                        "\n"
                        "     name  hash            today  this week  this month  all-time\n"
                        "[ ]  ci    6b86b273ff34  $1.0000    $1.0000     $1.0000   $1.0000\n",
                        warning,
                    ),
                )
                run = self.run_program("usage", "--json")
                self.assertEqual((run.code, run.err), (0, warning))
                document = json.loads(run.out)
                self.assertIsNone(document["credits"])
                self.assertEqual(document["totals"], {"daily": 1, "weekly": 1, "monthly": 1, "all_time": 1})

    def test_credits_are_shown_whatever_the_user_key_may_read(self):
        for allowed in ("refused", "allowed", "zeros"):
            with self.subTest(allowed):
                self.start(credits_for_user_key=allowed)
                self.env["OPENROUTER_API_KEY"] = USER_KEY
                self.assertEqual(self.usage()["credits"]["remaining"], Decimal("0.1152"))

    def test_only_the_user_key_of_the_same_layer_replaces_a_refused_management_key(self):
        def refuse(handler):
            is_management = handler.received.headers["authorization"] == f"Bearer {MANAGEMENT_KEY}"
            (error(403, "No access to credits") if is_management else as_usual)(handler)

        server = self.start(credits_for_user_key="allowed")
        server.always("GET", "/credits", refuse)
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        self.assertEqual(self.usage()["credits"]["remaining"], Decimal("0.1152"))
        both = f"OPENROUTER_MANAGEMENT_KEY={MANAGEMENT_KEY}\nOPENROUTER_API_KEY={USER_KEY}\n"
        path = self.write("both.env", both)
        self.env["OPENROUTER_API_KEY"] = "sk-or-v1-of-another-account"
        self.assertEqual(self.usage("--env-file", path)["credits"]["remaining"], Decimal("0.1152"))
        # The user key of another layer may belong to another account.
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        path = self.write("management.env", f"OPENROUTER_MANAGEMENT_KEY={MANAGEMENT_KEY}\n")
        del self.env["OPENROUTER_PROVISIONING_KEY"]
        run = self.run_program("usage", "--json", "--env-file", path)
        self.assertEqual((run.code, json.loads(run.out)["credits"]), (0, None))
        self.assertIn("the account's credits are unknown: GET /credits: 403 No access to credits", run.err)
        run = self.run_program("balance", "--runway", "--env-file", path)
        self.assertEqual((run.code, run.out), (3, ""))
        self.env["OPENROUTER_MANAGEMENT_KEY"] = MANAGEMENT_KEY
        run = self.run_program("balance", "--runway")
        self.assertEqual((run.code, run.out.splitlines()[2]), (0, "remaining:     $0.1152"))


class OneKeyTest(UsageTest):
    def setUp(self):
        super().setUp()
        workspaces = [make_workspace(n) for n in range(2)]
        self.keys = [
            make_key(n, workspace_id=workspaces[n % 2]["id"], disabled=n == 3, **spent("0", "0", f"{n}", f"{n}.5"))
            for n in range(1, 6)
        ]
        self.server = self.start(page_size=5, keys=self.keys, workspaces=workspaces)

    def test_a_key_is_found_by_hash_prefix_name_or_label_in_every_workspace(self):
        for key in self.keys:
            for name in (key["hash"], key["hash"][:4], key["name"], key["label"]):
                with self.subTest(name):
                    document = self.usage("--key", name)
                    self.assertEqual([row["hash"] for row in document["keys"]], [key["hash"]])
                    self.assertEqual(document["totals"]["all_time"], key["usage"])

    def test_one_key_has_no_line_for_spend_beyond_the_keys(self):
        self.assertEqual(
            self.run_program("usage", "--key", "key 3"),
            Run(
                0,
                "total_credits: $10.0000\n"
                "total_usage:   $9.8848\n"
                "remaining:     $0.1152\n"
                "\n"
                "today:      $0.0000\n"
                "this week:  $0.0000\n"
                "this month: $3.0000\n"
                "all-time:   $3.5000\n"
                "\n"
                "     name   hash            today  this week  this month  all-time\n"
                "[x]  key 3  4e07408562be  $0.0000    $0.0000     $3.0000   $3.5000\n",
                "",
            ),
        )

    def test_a_full_hash_requests_only_that_key(self):
        self.usage("--key", self.keys[2]["hash"])
        paths = sorted(request.path for request in self.server.requests)
        self.assertEqual(paths, ["/credits", f"/keys/{self.keys[2]['hash']}"])

    def test_an_unknown_key_is_exit_4_with_the_nearest_names(self):
        self.assertEqual(
            self.run_program("usage", "--key", "kay 2"),
            Run(
                4,
                "",
                "openrouter-remote: error: no key named 'kay 2'\n"
                "hint: did you mean key 2, key 5, key 4, key 3, key 1?\n",
            ),
        )

    def test_an_empty_key_is_exit_4(self):
        run = self.run_program("usage", "--key", "")
        self.assertEqual((run.code, run.out), (4, ""))


class FailureTest(UsageTest):
    def assert_error(self, error):
        for options in ((), ("--json",)):
            self.assertEqual(self.run_program("usage", *options), Run(5, "", f"openrouter-remote: error: {error}\n"))

    def test_an_amount_that_is_not_a_number_is_exit_5_in_every_key(self):
        server = self.start(page_size=5, has_workspaces=False)
        for field in MONEY_FIELDS:
            for value, shown in (("1.5", '"1.5"'), (None, "null"), (True, "true"), ([], "[]"), ({}, "{}")):
                if value is None and field.startswith("byok"):
                    continue
                with self.subTest(field=field, value=value):
                    server.keys = [*(make_key(n) for n in range(6)), make_key(6, **{field: value})]
                    self.assert_error(f"GET /keys: `{field}` isn't a number: {shown}")

    def test_a_missing_amount_is_exit_5_except_for_byok(self):
        for field in MONEY_FIELDS:
            for value in ({}, {field: None}):
                with self.subTest(field, value=value):
                    keys = [make_key(n, **spent("1", "1", "1", "1", kind="byok_usage")) for n in range(3)]
                    del keys[2][field]
                    keys[2].update(value)
                    self.start(keys=keys)
                    if field.startswith("byok"):
                        self.assertEqual(self.usage()["byok_totals"]["all_time"], 2 if field == "byok_usage" else 3)
                    else:
                        self.assert_error(f"GET /keys: `{field}` isn't a number: null")

    def test_a_failed_page_is_exit_5_without_a_partial_sum(self):
        for offset in (1, 8, 12):
            with self.subTest(offset=offset):
                server = self.start(page_size=5, keys=[make_key(n) for n in range(17)], has_workspaces=False)
                server.always("GET", "/keys", from_offset(offset, error(500, "Broken")))
                self.assert_error("GET /keys: 500 Broken (3 tries)")

    def test_a_malformed_page_is_exit_5_without_a_partial_sum(self):
        for body, what in (
            ({"data": None}, '200 without a list in `data`: {"data": null}'),
            ({"data": {"keys": []}}, '200 without a list in `data`: {"data": {"keys": []}}'),
            ({"keys": []}, '200 without a list in `data`: {"keys": []}'),
            ({"data": ["a"]}, "200 with a row without a usable `hash`: a"),
            ({"data": [{"name": "a"}]}, '200 with a row without a usable `hash`: {"name": "a"}'),
            ({"data": [{"hash": ""}]}, '200 with a row without a usable `hash`: {"hash": ""}'),
            ({"data": [{"hash": 5}]}, '200 with a row without a usable `hash`: {"hash": 5}'),
        ):
            with self.subTest(body=body):
                server = self.start(page_size=5, keys=[make_key(n) for n in range(7)], has_workspaces=False)
                server.always("GET", "/keys", from_offset(1, respond(200, body)))
                self.assert_error(f"GET /keys: {what}")

    def test_unavailable_workspaces_are_exit_5_without_a_partial_sum(self):
        for fault, what in (
            (error(500, "Broken"), "500 Broken (3 tries)"),
            (respond(200, {"data": {}}), '200 without a list in `data`: {"data": {}}'),
        ):
            server = self.start()
            server.always("GET", "/workspaces", fault)
            self.assert_error(f"GET /workspaces: {what}")

    def test_a_workspace_with_unavailable_keys_is_exit_5_and_named(self):
        server = self.start()
        research = server.workspaces[1]["id"]
        for fault, what in ((error(400, "Broken"), "400 Broken"), (error(403, "No access"), "403 No access")):
            with self.subTest(what):

                def refuse(handler, fault=fault):
                    (fault if handler.received.query.get("workspace_id") == research else as_usual)(handler)

                server.always("GET", "/keys", refuse)
                self.assert_error(f"workspace 'Research': GET /keys: {what}")

    def test_a_user_key_in_the_management_variable_is_recognized(self):
        self.env["OPENROUTER_PROVISIONING_KEY"] = USER_KEY
        for status, message in ((401, "User not found."), (403, "Only management keys can perform this operation")):
            with self.subTest(status):
                self.start(user_key_status=status)
                self.assertEqual(
                    self.run_program("usage"),
                    Run(3, "", f"openrouter-remote: error: GET /keys: {status} {message}\n{USER_KEY_HINT}"),
                )

    def test_without_a_management_key_nothing_is_requested(self):
        del self.env["OPENROUTER_PROVISIONING_KEY"]
        self.env["OPENROUTER_API_KEY"] = USER_KEY
        server = self.start()
        self.assertEqual(
            self.run_program("usage"),
            Run(
                3,
                "",
                "openrouter-remote: error: no management key: set OPENROUTER_PROVISIONING_KEY "
                "(or OPENROUTER_MANAGEMENT_KEY)\n"
                "hint: set it in the shell or in a .env file; create one at "
                "https://openrouter.ai/settings/management-keys. OPENROUTER_API_KEY (from the shell) is set: if it's a "
                "management key, rename it to OPENROUTER_PROVISIONING_KEY\n",
            ),
        )
        self.assertEqual(server.requests, [])

    def test_keys_are_not_printed(self):
        self.start(keys=[make_key(1, name=f"for {MANAGEMENT_KEY}")])
        run = self.run_program("usage", "-v")
        self.assertNotIn(MANAGEMENT_KEY[:20], run.out + run.err)
        self.assertNotIn(make_secret(1)[:20], run.out + run.err)


class AlertTest(UsageTest):
    """--alert-daily, --alert-weekly and --alert-monthly."""

    def setUp(self):
        super().setUp()
        self.server = self.start(
            keys=[
                make_key(1, name="ci", **spent("0.5", "1", "2", "9")),
                make_key(2, name="web", **spent("0", "3", "3", "3")),
            ],
            workspaces=[make_workspace()],
        )

    def test_an_exact_match_does_not_alert(self):
        for period, amount, shown in (
            ("daily", "0.5", "today"),
            ("weekly", "4", "this week"),
            ("monthly", "5", "this month"),
        ):
            for limit, code in ((amount, 0), ("0", 1), (f"{Decimal(amount) - Decimal('0.0000001')}", 1), ("1e3", 0)):
                with self.subTest(period=period, limit=limit):
                    run = self.run_program("usage", f"--alert-{period}", limit)
                    self.assertEqual(run.code, code)
                    shown_limit = limit if "." in limit else f"{limit}.00"
                    exact = program.with_decimals(Decimal(amount), 2)
                    alert = f"ALERT spend {shown} ${exact} is more than ${shown_limit}\n"
                    self.assertEqual(run.err, alert if code else "")
                    self.assertIn(f"\n{shown}: ", run.out)

    def test_json_has_the_alert(self):
        run = self.run_program("usage", "--json", "--alert-daily", "0.4", "--alert-monthly", "5")
        self.assertEqual((run.code, run.err), (1, "ALERT spend today $0.50 is more than $0.40\n"))
        document = json.loads(run.out, parse_float=Decimal)
        self.assertEqual(list(document), ["tool", "credits", "totals", "byok_totals", "other_usage", "keys", "alert"])
        self.assertEqual(document["alert"], {"daily": Decimal("0.4"), "monthly": 5, "triggered": True})
        self.assertEqual(self.usage("--alert-weekly", "4")["alert"], {"weekly": 4, "triggered": False})

    def test_each_alert_has_its_own_line(self):
        run = self.run_program("usage", "--alert-daily", "0", "--alert-weekly", "9", "--alert-monthly", "1")
        self.assertEqual(
            (run.code, run.err),
            (1, "ALERT spend today $0.50 is more than $0.00\nALERT spend this month $5.00 is more than $1.00\n"),
        )

    def test_with_key_the_alert_watches_that_key(self):
        run = self.run_program("usage", "--key", "ci", "--alert-weekly", "0.99")
        self.assertEqual((run.code, run.err), (1, "ALERT spend this week of 'ci' $1.00 is more than $0.99\n"))
        self.assertEqual(self.run_program("usage", "--key", "ci", "--alert-weekly", "1").code, 0)

    def test_quiet_prints_nothing_while_all_is_well(self):
        for options in ((), ("--json",)):
            self.assertEqual(self.run_program("usage", "--quiet", "--alert-daily", "0.5", *options), Run(0, "", ""))
            run = self.run_program("usage", "--quiet", "--alert-daily", "0.49", *options)
            self.assertEqual((run.code, run.err), (1, "ALERT spend today $0.50 is more than $0.49\n"))
            self.assertNotEqual(run.out, "")

    def test_quiet_needs_an_alert_option_and_alerts_do_not_combine_with_by(self):
        see = "hint: see: openrouter-remote usage --help\n"
        for argv, message in (
            (["--quiet"], "--quiet needs --alert-daily, --alert-weekly or --alert-monthly"),
            (["--by", "day", "--quiet"], "--quiet needs --alert-daily, --alert-weekly or --alert-monthly"),
            (
                ["--by", "day", "--alert-daily", "1"],
                "alerts can't be used with --by: they cover today, this week or this month",
            ),
        ):
            with self.subTest(argv):
                run = self.run_program("usage", *argv)
                self.assertEqual(run, Run(2, "", f"openrouter-remote: error: {message}\n{see}"))
        self.assertEqual(self.server.requests, [])

    def test_a_negative_threshold_is_a_usage_error(self):
        self.assertEqual(self.run_program("usage", "--alert-daily=-1").code, 2)

    def test_a_failed_request_is_never_an_alert(self):
        for fault, code in (
            (error(500, "Broken"), 5),
            (error(401, "User not found."), 3),
            (hang_up(), 5),
            (html(200), 5),
        ):
            with self.subTest(code):
                self.server.always("GET", "/keys", fault)
                run = self.run_program("usage", "--alert-daily", "0", "--quiet")
                self.assertEqual((run.code, run.out), (code, ""))
                self.assertNotIn("ALERT", run.err)

    def test_with_workspaces_out_of_sight_an_alert_fires_or_is_unknown(self):
        self.server.workspaces_refused = True
        for limit, code, triggered in (("0.4", 1, True), ("9", 5, None)):
            run = self.run_program("usage", "--alert-daily", limit, "--json")
            self.assertEqual((run.code, json.loads(run.out)["alert"]["triggered"]), (code, triggered))
            self.assertIn("keys of other workspaces, if any, are missing", run.err)
            self.assertEqual(run.err.count("ALERT"), int(code == 1))
        for name in (self.server.keys[0]["hash"], "ci"):  # whose spend is known
            self.assertEqual(self.run_program("usage", "--alert-daily", "9", "--key", name).code, 0)

    def test_quiet_prints_an_incomplete_result(self):
        self.server.workspaces_refused = True
        run = self.run_program("usage", "--alert-daily", "9", "--quiet")
        self.assertEqual((run.code, "\nthis month: $5.0000\n" in run.out), (5, True))

    def test_a_key_without_a_name_is_a_dash_in_the_alert(self):
        self.server.keys[0]["name"] = None
        run = self.run_program("usage", "--key", self.server.keys[0]["hash"], "--alert-daily", "0")
        self.assertEqual(run.err, "ALERT spend today of '-' $0.50 is more than $0.00\n")

    def test_unavailable_credits_do_not_matter_to_the_alert(self):
        self.server.always("GET", "/credits", error(500, "Broken"))
        run = self.run_program("usage", "--alert-daily", "0.5", "--quiet")
        self.assertEqual((run.code, run.out), (0, ""))
