"""A fake OpenRouter server: for the tests, and for people without an account.

In a test:

    with FakeOpenRouter(page_size=2) as fake:
        fake.fail("GET", "/keys", error(503, "Overloaded"))
        ...  # send requests to fake.url with MANAGEMENT_KEY, then look into fake.requests

From a shell, with a made-up account:

    python3 tests/fake_openrouter.py                 # take a short tour
    python3 tests/fake_openrouter.py usage --json    # run one command of openrouter-remote
    python3 tests/fake_openrouter.py --serve         # keep the server running for another terminal

It implements OpenRouter's management API and rejects what OpenRouter would reject: unknown paths, query parameters
and body fields, wrong types, the wrong kind of key. Amounts in its state may be int or Decimal; they are sent with
exactly these digits.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import math
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter, deque, namedtuple
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from typing import Any, Callable
from urllib.parse import parse_qsl, unquote, urlencode
from uuid import NAMESPACE_URL, uuid5

USER_KEY = "sk-or-v1-" + "f00d" * 16
MANAGEMENT_KEY = "sk-or-v1-" + "beef" * 16
MGMT_KEY = "sk-or-mgmt-" + "b0a7" * 16  # a management key in its newer form
EXPIRED_KEY = "sk-or-v1-" + "dead" * 16
DISABLED_KEY = "sk-or-v1-" + "0ff0" * 16  # gets the same response as an unknown key

# method, target: as in the request line. path: without /api/v1 and the query, still percent-encoded. query: name
# -> value. headers: lower-case name -> value. body: the parsed JSON, or None. raw: the body's bytes.
Request = namedtuple("Request", "method target path query headers body raw")
# body: bytes and str are sent unchanged, None as an empty body, anything else as JSON.
Response = namedtuple("Response", "status body headers content_type", defaults=({}, "application/json"))
Fault = Callable[["Handler"], None]

# A certificate and its key for localhost and 127.0.0.1, valid until 2099. Only for the tests and the benchmark.
TLS_CERTIFICATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tls.pem")

PERIODS = ("_daily", "_weekly", "_monthly", "")
# The expiration_date of some models that won't be removed any time soon.
PLACEHOLDER_DATE = "2098-12-31"

# The time of the tests, a Wednesday. The server's clock stands still at this time unless another one is given.
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc)

# The seconds after which a test fails instead of waiting for a program or a request that never comes.
LONGEST_WAIT = 120


# --- Builders: complete objects as in OpenRouter's OpenAPI description; keyword arguments replace any field


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@cache
def identifier(text: str) -> str:
    return str(uuid5(NAMESPACE_URL, text))


def timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def days_before(moment: datetime, days: int) -> str:
    return str(moment.date() - timedelta(days=days))


def make_workspace(n: int = 0, **fields: Any) -> dict:
    return {
        "id": identifier(f"workspace {n}"),
        "name": f"Workspace {n}",
        "slug": f"workspace-{n}",
        "description": None,
        "default_guardrail_id": identifier(f"guardrail {n}"),
        "default_image_model": None,
        "default_provider_sort": None,
        "default_text_model": None,
        "include_byok_in_budgets": False,
        "io_logging_api_key_ids": None,
        "io_logging_sampling_rate": 1,
        "is_data_discount_logging_enabled": False,
        "is_observability_broadcast_enabled": False,
        "is_observability_io_logging_enabled": False,
        "created_at": "2026-01-05T08:00:00Z",
        "created_by": "user_demo",
        "updated_at": None,
        **fields,
    }


def make_key(n: int, **fields: Any) -> dict:
    """A key as in GET /keys; a higher n is an older key. `limit_remaining` is calculated unless given."""
    created = datetime(2026, 5, 1, 9) - timedelta(minutes=n)
    key = {
        "hash": digest(str(n)),
        "name": f"key {n}",
        "label": make_label(make_secret(n)),
        "disabled": False,
        "limit": None,
        "limit_reset": None,
        "include_byok_in_limit": False,
        "created_at": created.isoformat() + "Z",
        "updated_at": None,
        "last_used_at": None,
        "expires_at": None,
        "creator_user_id": "user_demo",
        "external_user": None,
        "workspace_id": make_workspace(0)["id"],
    }
    key.update({kind + period: 0 for kind in ("usage", "byok_usage") for period in PERIODS})
    key.update(fields)
    return {**key, "limit_remaining": remaining(key), **fields}


def make_secret(n: int) -> str:
    return "sk-or-v1-" + digest(f"secret {n}")


def make_label(secret: str) -> str:
    return f"{secret[:12]}...{secret[-3:]}"


def make_key_info(key: dict, management: bool = False, **fields: Any) -> dict:
    """The response of GET /key for a key as in GET /keys. The key's own limit is one of its budgets."""
    not_in_key_info = ("hash", "name", "disabled", "created_at", "updated_at", "last_used_at", "external_user")
    budgets = [] if key["limit"] is None else [make_budget(key["limit"], key["limit_remaining"], key["limit_reset"])]
    return {
        **{name: value for name, value in key.items() if name not in not_in_key_info},
        "allowed_data_regions": ["global"],
        "budgets": budgets,
        "effective_budget": budgets[0] if budgets else None,
        "free_model_daily_requests": {"limit": 1000, "used": 12, "remaining": 988},
        "organization_id": None,
        "is_free_tier": False,
        "is_management_key": management,
        "is_provisioning_key": management,
        "rate_limit": {"requests": -1, "interval": "10s", "note": "No longer in use."},
        **fields,
    }


def make_budget(limit: Any, remaining: Any, reset: str | None = None, **fields: Any) -> dict:
    """A budget as in GET /key, by default the limit of the key itself."""
    return {
        "scope": "key_limit",
        "budget_id": None,
        "guardrail_id": None,
        "limit_usd": limit,
        "spend_usd": Decimal(str(limit)) - Decimal(str(remaining)),
        "remaining_usd": remaining,
        "include_byok": False,
        "reset_interval": reset,
        "resets_at": None if reset is None else "2026-12-01T00:00:00Z",
        **fields,
    }


def remaining(key: dict) -> Decimal | None:
    """The remaining part of a key's limit in the current period; None without a limit."""
    if key["limit"] is None:
        return None
    period = f"_{key['limit_reset']}" if key["limit_reset"] else ""
    counted = ["usage", "byok_usage"] if key["include_byok_in_limit"] else ["usage"]
    # Through text, because the limit in a request's body may be a float.
    return Decimal(str(key["limit"])) - sum(Decimal(str(key.get(usage + period, 0))) for usage in counted)


def make_pricing(prompt: str, completion: str, **others: Any) -> dict:
    """Prices per token, given in USD per million tokens (as strings); `others` are taken unchanged."""
    return {"prompt": per_token(prompt), "completion": per_token(completion), **others}


def per_token(per_million: str) -> str:
    return f"{(Decimal(per_million) / 1_000_000).normalize():f}"


def make_architecture(inputs: str = "text", outputs: str = "text") -> dict:
    return {
        "modality": f"{inputs.replace(' ', '+')}->{outputs.replace(' ', '+')}",
        "input_modalities": inputs.split(),
        "output_modalities": outputs.split(),
        "tokenizer": "Other",
        "instruct_type": None,
    }


def make_model(id: str, **fields: Any) -> dict:
    author, _, slug = id.lstrip("~").partition("/")
    base = id.partition(":")[0]
    canonical = base if id.startswith(("~", "openrouter/")) else f"{base}-20260301"
    context = fields.get("context_length", 131072)
    return {
        "id": id,
        "canonical_slug": canonical,
        "hugging_face_id": None,
        "name": f"{author.title()}: {slug.replace('-', ' ').replace(':', ' ').title()}",
        "created": 1772323200,
        "description": f"A made-up model by {author.title()}.",
        "context_length": context,
        "architecture": make_architecture(),
        "pricing": make_pricing("0.5", "1.5"),
        "top_provider": {"context_length": context, "max_completion_tokens": 16384, "is_moderated": False},
        "per_request_limits": None,
        "supported_parameters": supported(),
        "default_parameters": {},
        "supported_voices": None,
        "knowledge_cutoff": None,
        "expiration_date": None,
        "links": {"details": f"/api/v1/models/{canonical}/endpoints"},
        **fields,
    }


def make_batch_model(model: dict, **fields: Any) -> dict:
    """The model's `:batch` variant, which only the Batch API serves, at half the price per token."""

    def halved(prices: dict) -> dict:
        same = ("web_search", "min_prompt_tokens", "utc_start", "utc_end", "utc_days", "overrides")
        return {
            name: value if name in same else f"{(Decimal(value) / 2).normalize():f}" for name, value in prices.items()
        }

    pricing = halved(model["pricing"])
    if "overrides" in pricing:
        pricing["overrides"] = [halved(override) for override in pricing["overrides"]]
    return {**model, "id": f"{model['id']}:batch", "name": f"{model['name']} (batch)", "pricing": pricing, **fields}


def make_alias(id: str, target: dict, **fields: Any) -> dict:
    """An alias such as `~author/x-latest`, with the context, price and abilities of its target."""
    alias = make_model(id, alias_target={"name": target["name"], "slug": target["id"]}, created=target["created"])
    same = ("context_length", "architecture", "pricing", "top_provider", "supported_parameters")
    alias.update({name: target[name] for name in same})
    alias["architecture"] = {**target["architecture"], "tokenizer": "Router"}
    return {**alias, **fields}


def make_router(id: str, **fields: Any) -> dict:
    """A router such as `openrouter/auto`, whose price depends on the model it chooses."""
    router = make_model(id, context_length=2_000_000, pricing={"prompt": "-1", "completion": "-1"})
    router["architecture"]["tokenizer"] = "Router"
    router["top_provider"].update(context_length=None, max_completion_tokens=None)
    return {**router, **fields}


def make_media_model(id: str, outputs: str, inputs: str = "text", **fields: Any) -> dict:
    """A model for images, audio, video and so on. By default its tokens cost nothing: another unit is billed."""
    return make_model(
        id,
        **{
            "architecture": make_architecture(inputs, outputs),
            "context_length": 65536,
            "pricing": make_pricing("0", "0"),
            "supported_parameters": [],
            **fields,
        },
    )


def make_video_model(id: str, **skus: str) -> dict:
    """A model without `pricing`: its prices are `pricing_skus`, such as `duration_seconds="0.1"`."""
    model = make_media_model(id, "video", "text image", pricing=None, pricing_skus=skus, context_length=None)
    model["top_provider"]["max_completion_tokens"] = None
    return model


def supported(*abilities: str) -> list:
    """The `supported_parameters` of a model or endpoint; abilities: tools, reasoning, json."""
    extra = {
        "tools": ["tool_choice", "tools"],
        "reasoning": ["include_reasoning", "reasoning"],
        "json": ["response_format", "structured_outputs"],
    }
    plain = ["max_tokens", "seed", "stop", "temperature", "top_p"]
    return sorted(plain + [name for ability in abilities for name in extra[ability]])


def make_endpoint(provider: str, **fields: Any) -> dict:
    """An endpoint of a model; `provider` should be a ProviderName of the OpenAPI description."""
    model = fields.get("model_id", "northwind/gale-70b-20260301")
    return {
        "name": f"{provider} | {model}",
        "model_id": model,
        "model_name": "Northwind: Gale 70B",
        "provider_name": provider,
        "tag": provider.lower().replace(" ", "-"),
        "quantization": "fp8",
        "status": 0,
        "context_length": 131072,
        "max_completion_tokens": 16384,
        "max_prompt_tokens": None,
        "pricing": make_pricing("0.5", "1.5", discount=0),
        "supported_parameters": supported("tools"),
        "supports_implicit_caching": False,
        "uptime_last_5m": 100,
        "uptime_last_30m": Decimal("99.82397465234993"),
        "uptime_last_1d": Decimal("99.9"),
        "service_tier": None,
        "native_tools": {},
        "supports_diarization": False,
        "supports_tool_choice": dict.fromkeys(("auto", "none", "required", "function"), True),
        **make_statistics(900, 50),
        **fields,
    }


def make_statistics(latency: int, throughput: int) -> dict:
    """An endpoint's statistics with these medians (milliseconds and tokens per second)."""

    def percentiles(p50: int, step: float) -> dict:
        return {name: round(p50 * step**i, 1) for i, name in enumerate(("p50", "p75", "p90", "p99"))}

    return {"latency_last_30m": percentiles(latency, 1.5), "throughput_last_30m": percentiles(throughput, 0.8)}


def make_activity(days_ago: int, model: str, provider: str, key: str, **fields: Any) -> dict:
    """A row of GET /activity. `key` is the hash of the key that spent the money, `_hour` the UTC hour; neither is part
    of a response. `days_ago` counts from NOW; pass `date` to override it."""
    return {
        "_key": key,
        "_hour": 9,
        "date": days_before(NOW, days_ago),
        "model": model,
        "model_permaslug": f"{model}-20260301",
        "endpoint_id": identifier(f"{model} {provider}"),
        "provider_name": provider,
        "usage": 0,
        "byok_usage_inference": 0,
        "requests": 1,
        "prompt_tokens": 1000,
        "completion_tokens": 200,
        "reasoning_tokens": 0,
        "cached_tokens": 0,
        **fields,
    }


def make_daily_activity(spend: dict, now: datetime = NOW, **fields: Any) -> list:
    """One row of activity for each day of `spend`, {days ago: USD}, latest first. The other days have no row."""
    given = {"model": "northwind/gale-70b", "provider": "DeepInfra", "key": demo_keys()[1]["hash"], **fields}
    return [
        make_activity(days_ago, date=days_before(now, days_ago), usage=Decimal(str(usd)), **given)
        for days_ago, usd in sorted(spend.items())
    ]


# --- The demo account: the initial state of a FakeOpenRouter


def demo_workspaces() -> list:
    return [
        make_workspace(0, name="Default", slug="default"),
        make_workspace(1, name="Research", slug="research", description="Experiments and evaluations"),
    ]


def demo_keys(now: datetime = NOW) -> list:
    """Newest first. The second one is USER_KEY."""

    def usage(*figures: str, kind: str = "usage") -> dict:
        return {kind + period: Decimal(figure) for period, figure in zip(PERIODS, figures)}

    research = demo_workspaces()[1]["id"]
    monthly = {"limit": 5, "limit_reset": "monthly"}
    weekly = {"limit": Decimal("0.5"), "limit_reset": "weekly", "include_byok_in_limit": True}
    until = f"{days_before(now, -45)}T00:00:00Z"
    byok = usage("0.04", "0.31", "1.72", "6.08", kind="byok_usage")
    past = f"{days_before(now, 20)}T00:00:00Z"

    def used(days: int) -> dict:
        return {"last_used_at": timestamp(now - timedelta(days=days, minutes=90))}

    return [
        make_key(1, name="ci-nightly", **usage("0.0031", "0.0188", "0.0642", "0.0642"), **weekly, **used(0)),
        make_key(2, name="production", **usage("0.0612", "0.2907", "1.1846", "4.4102"), **monthly, **used(0)),
        make_key(3, name="eval-runner", workspace_id=research, **usage("0", "0.0419", "0.6533", "2.0717"), **used(1)),
        make_key(4, name="notebook", workspace_id=research, limit=1, expires_at=until, **byok, **used(0)),
        make_key(5, name="chat-bot", **usage("0.012", "0.0745", "0.3129", "1.2083"), **used(0)),
        make_key(6, name="old-laptop", disabled=True, **usage("0", "0", "0", "0.8791"), **used(97)),
        make_key(7, name="spare"),
        make_key(8, name="hackathon", expires_at=past, **usage("0", "0", "0.2105", "0.3012"), **used(21)),
    ]


def demo_activity(now: datetime = NOW) -> list:
    """Latest day first: today so far (which GET /activity leaves out), then a year, with less on every third day."""
    ci, production, evaluation, notebook, chat = (key["hash"] for key in demo_keys()[:5])
    per_day = (  # model, provider, key, requests a day, USD a request, BYOK USD a request
        ("lumen/lumen-4-mini", "Lumen", production, 9, "0.00311", "0"),
        ("lumen/lumen-4-large", "Lumen", production, 1, "0.0143", "0"),
        ("northwind/gale-70b", "Groq", evaluation, 40, "0.00042", "0"),
        ("northwind/gale-70b", "DeepInfra", chat, 31, "0.00029", "0"),
        ("harbor/coder-480b", "Together", notebook, 6, "0", "0.0095"),
        ("northwind/gale-70b:free", "Chutes", ci, 25, "0", "0"),
    )
    today = (  # adds up to the keys' usage of the day; the hours are those of a day that ends at noon
        ("lumen/lumen-4-mini", "Lumen", production, 8, 15, "0.0469", "0"),
        ("lumen/lumen-4-large", "Lumen", production, 10, 1, "0.0143", "0"),
        ("northwind/gale-70b", "DeepInfra", chat, 11, 40, "0.012", "0"),
        ("northwind/gale-70b", "DeepInfra", ci, 3, 10, "0.0031", "0"),
        ("harbor/coder-480b", "Together", notebook, 9, 4, "0", "0.04"),
    )
    rows = [
        make_activity(
            0, model, provider, key, date=days_before(now, 0), _hour=hour * now.hour // 12, requests=requests,
            usage=Decimal(usage), byok_usage_inference=Decimal(byok),
        )
        for model, provider, key, hour, requests, usage, byok in today
    ]  # fmt: skip
    for days_ago in range(1, 366):
        for model, provider, key, most, price, byok_price in per_day:
            requests = most if days_ago % 3 else (most + 1) // 2
            sums = {
                "requests": requests,
                "prompt_tokens": 2100 * requests,
                "completion_tokens": 310 * requests,
                "usage": Decimal(price) * requests,
                "byok_usage_inference": Decimal(byok_price) * requests,
            }
            hour = (5 * days_ago + requests) % 24
            date = days_before(now, days_ago)
            rows.append(make_activity(days_ago, model, provider, key, date=date, _hour=hour, **sums))
    return rows


def demo_models(now: datetime = NOW) -> list:
    """Newest first."""
    beyond = {"min_prompt_tokens": 200_000, "prompt": per_token("6"), "completion": per_token("22.5")}
    cached = {"input_cache_read": per_token("0.3")}
    nights = {"utc_start": 1630, "utc_end": 30, "prompt": per_token("0.07"), "completion": per_token("0.28")}
    scores = {"intelligence_index": Decimal("61.4"), "coding_index": Decimal("57.9"), "agentic_index": None}
    contest = {"arena": "models", "category": "website", "elo": 1287, "rank": 6, "win_rate": Decimal("58.1")}
    large = {
        "pricing": make_pricing("3", "15", **cached, web_search="0.01", overrides=[beyond]),
        "reasoning": {"mandatory": False, "supported_efforts": ["high", "medium", "low"]},
        "benchmarks": {"artificial_analysis": scores, "design_arena": [contest]},
        "knowledge_cutoff": "2025-11-30",
    }
    latest = {"alias_target": {"slug": "lumen/lumen-4-mini", "name": "Lumen: Lumen 4 Mini"}}
    thinking = {"reasoning": {"mandatory": True}}
    owl = {"pricing": make_pricing("0.14", "0.56", overrides=[nights])}
    leaving = {"expiration_date": days_before(now, -21)}
    # Billed per image: its tokens cost nothing.
    sketch = {"architecture": make_architecture("text", "image text"), "supported_parameters": ["seed"]}
    auto = {"name": "Auto Router", "pricing": {"prompt": "-1", "completion": "-1"}}
    table: list = [  # id, context, USD per million tokens in and out, inputs, abilities, other fields
        ("lumen/lumen-4-large", 1_000_000, "3", "15", "text image file", "tools reasoning json", large),
        ("~lumen/lumen-mini-latest", 400_000, "0.8", "4", "text image", "tools reasoning json", latest),
        ("lumen/lumen-4-mini", 400_000, "0.8", "4", "text image", "tools reasoning json", {}),
        ("lumen/lumen-4-mini:thinking", 400_000, "0.8", "4", "text image", "tools reasoning json", thinking),
        ("northwind/gale-70b", 131_072, "0.12", "0.39", "text", "tools json", {}),
        ("northwind/gale-70b:free", 131_072, "0", "0", "text", "", {}),
        ("northwind/gale-8b", 32_768, "0.02", "0.03", "text", "", {}),
        ("harbor/night-owl-2", 131_072, "0.14", "0.56", "text", "tools reasoning", owl),
        ("harbor/coder-480b", 262_144, "0.22", "0.95", "text", "tools json", {}),
        ("atlas/panorama-vl-32b", 131_072, "0.35", "1.05", "text image", "", {}),
        ("quill/scribe-2.5", 131_072, "0.2", "0.8", "text", "tools", {}),
        ("quill/scribe-1", 16_384, "0.4", "1.6", "text", "tools", leaving),
        ("meridian/open-mini", 65_536, "0", "0", "text", "tools", {}),
        ("meridian/sketch-1", 32_768, "0", "0", "text", "", sketch),
        ("openrouter/auto", 2_000_000, "0", "0", "text image file", "tools reasoning json", auto),
    ]
    models = [
        make_model(
            id,
            created=1772323200 - age * 8 * 86400,
            context_length=context,
            **{
                "architecture": make_architecture(inputs),
                "supported_parameters": supported(*abilities.split()),
                "pricing": make_pricing(price_in, price_out),
                **others,
            },
        )
        for age, (id, context, price_in, price_out, inputs, abilities, others) in enumerate(table)
    ]
    (batch,) = [make_batch_model(model) for model in models if model["id"] == "northwind/gale-8b"]
    per_image_token = {"image_output": per_token("30"), "web_search": "0.014"}
    painter = make_media_model(
        "meridian/painter-2",
        "image",
        "text image",
        created=models[-1]["created"],
        pricing=make_pricing("0.25", "1.5", **per_image_token),
    )
    return [*models, batch, painter]


def demo_endpoints() -> dict:
    """Several providers for northwind/gale-70b, none for the router, the alias and the batch model, one for every
    other model. Prices are net: they include the discount."""
    endpoints = {
        model["id"]: [
            make_endpoint(
                "DeepInfra",
                model_id=model["canonical_slug"],
                model_name=model["name"],
                context_length=model["context_length"],
                pricing={**model["pricing"], "discount": 0},
                supported_parameters=model["supported_parameters"],
            )
        ]
        for model in demo_models()
        if not model["id"].startswith(("~", "openrouter/")) and not model["id"].endswith(":batch")
    }
    cheap = {"pricing": make_pricing("0.12", "0.39", discount=0), **make_statistics(1240, 42)}
    fast = {"pricing": make_pricing("0.59", "0.79", discount=Decimal("0.1")), **make_statistics(310, 268)}
    ailing = {"status": -2, "uptime_last_5m": None, "uptime_last_30m": Decimal("87.33"), **make_statistics(9250, 11)}
    flex = {"service_tier": "flex", "pricing": make_pricing("0.06", "0.2", discount=0), **make_statistics(4200, 31)}
    silent = {"latency_last_30m": None, "throughput_last_30m": None, "supported_parameters": supported()}
    endpoints["northwind/gale-70b"] = [
        make_endpoint("DeepInfra", tag="deepinfra/fp8", **cheap),
        make_endpoint("BaseTen", tag="baseten/fp8", **make_statistics(520, 118)),
        make_endpoint("BaseTen", tag="baseten/fp8", context_length=65536, **make_statistics(610, 96)),
        make_endpoint("Groq", quantization=None, **fast),
        make_endpoint("Together", tag="together/fp8", **ailing),
        make_endpoint("Parasail", quantization="unknown", **silent),
        make_endpoint("DeepInfra", tag="deepinfra/flex", **flex),
    ]
    return endpoints


# --- What OpenRouter accepts


class Refusal(Exception):
    """Raised to respond with this error."""

    def __init__(self, status: int, message: str | dict):
        super().__init__(message)
        self.response = Response(status, message if isinstance(message, dict) else error_body(status, message))


def error_body(status: int, message: str) -> dict:
    return {"error": {"code": status, "message": message}}


def page_of_html(status: int) -> str:
    title = f"{status} {http.client.responses.get(status, 'Error')}"
    return f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"


def is_amount(fake: FakeOpenRouter, value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def is_text(fake: FakeOpenRouter, value: Any) -> bool:
    return isinstance(value, str) and value != ""


def is_future_utc(fake: FakeOpenRouter, value: Any) -> bool:
    form = r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}(\.\d+)?(Z|\+00:00)"
    if not isinstance(value, str) or not re.fullmatch(form, value, re.ASCII):
        return False
    try:
        return datetime.fromisoformat(value[:19] + "+00:00") > fake.now
    except ValueError:  # such as month 13 or February 30
        return False


def is_external(fake: FakeOpenRouter, value: Any) -> bool:
    """Since October 2026: who uses the key, and optionally the key's own value."""
    if fake.older_api or not isinstance(value, dict) or not {"user"} <= set(value) <= {"user", "api_key"}:
        return False
    api_key = value.get("api_key", "x" * 32)
    return is_text(fake, value["user"]) and isinstance(api_key, str) and len(api_key) >= 32


def is_integer(low: int, high: float = math.inf) -> Callable[[FakeOpenRouter, str], bool]:
    return lambda fake, value: bool(re.fullmatch("[0-9]+", value)) and low <= int(value) <= high


def is_workspace(fake: FakeOpenRouter, value: Any) -> bool:
    return fake.has_workspaces and value in [workspace["id"] for workspace in fake.workspaces]


def completed_days(fake: FakeOpenRouter) -> list:
    return [days_before(fake.now, days) for days in range(1, 31)]


# Body fields and their checks.
CHANGE = {
    "name": is_text,
    "disabled": lambda fake, value: isinstance(value, bool),
    "limit": lambda fake, value: value is None or is_amount(fake, value),
    "limit_reset": lambda fake, value: value in ("daily", "weekly", "monthly", None),
    "include_byok_in_limit": lambda fake, value: isinstance(value, bool),
    "workspace_id": is_workspace,
}
CREATE = {
    **{name: check for name, check in CHANGE.items() if name not in ("disabled", "workspace_id")},
    "expires_at": lambda fake, value: value is None or is_future_utc(fake, value),
    "creator_user_id": lambda fake, value: value is None or is_text(fake, value),
    "external": is_external,
    "workspace_id": is_text,
}

# Query parameters and their checks. Those of the description that this server doesn't implement are missing, so that
# it rejects them instead of ignoring them.
KEYS_QUERY = {
    "include_disabled": lambda fake, value: value in ("true", "false"),
    "include_expired": lambda fake, value: not fake.older_api and value in ("true", "false"),
    "offset": is_integer(0),
    "workspace_id": is_workspace,
}
ACTIVITY_QUERY = {
    "date": lambda fake, value: value in completed_days(fake),
    "api_key_hash": lambda fake, value: value != "",
    "workspace_id": is_workspace,
}
WORKSPACES_QUERY = {"offset": is_integer(0), "limit": is_integer(1, 100)}
MODELS_QUERY = {
    "offset": is_integer(0),
    "limit": is_integer(1, 1000),
    "output_modalities": lambda fake, value: value != "",
    "zdr": lambda fake, value: value == "true",
}
USER_MODELS_QUERY = {
    "offset": MODELS_QUERY["offset"],
    "limit": MODELS_QUERY["limit"],
    "output_modalities": lambda fake, value: not fake.older_api and value != "",
}


def is_moment(value: Any) -> bool:
    """ISO 8601, UTC, with seconds."""
    form = r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]+)?Z"
    if not isinstance(value, str) or not re.fullmatch(form, value):
        return False
    try:
        return bool(moment(value))
    except ValueError:
        return False


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:19] + "+00:00")


def is_list_of(names: Iterable, low: int, high: int) -> Callable[[FakeOpenRouter, Any], bool]:
    known = set(names)
    return lambda fake, value: isinstance(value, list) and low <= len(value) <= high and set(value) <= known


# POST /analytics/query: its metrics and dimensions, and the fields of an activity row behind them.
METRICS = {
    "credits_usage": "usage",
    "byok_usage": "byok_usage_inference",
    "request_count": "requests",
    "tokens_prompt": "prompt_tokens",
    "tokens_completion": "completion_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "cached_tokens": "cached_tokens",
}
MONEY_METRICS = {"credits_usage", "byok_usage"}
DIMENSIONS = {"model": "model", "provider": "provider_name", "api_key_id": "_key"}
LONGEST_RANGE = {"provider": 31, "hour": 31}  # days; 365 for everything else
# Fields that this server doesn't implement are missing here, too.
ANALYTICS = {
    "metrics": is_list_of(METRICS, 1, len(METRICS)),
    "dimensions": is_list_of(DIMENSIONS, 0, 2),
    "granularity": lambda fake, value: value in ("hour", "day"),
    "time_range": lambda fake, value: (
        isinstance(value, dict) and set(value) == {"start", "end"} and all(map(is_moment, value.values()))
    ),
    "filters": lambda fake, value: isinstance(value, list) and len(value) <= 20 and all(map(is_filter, value)),
    "limit": lambda fake, value: isinstance(value, int) and 1 <= value <= 10_000,
}


def is_filter(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"field", "operator", "value"}:
        return False
    return value["field"] in DIMENSIONS and value["operator"] == "eq" and isinstance(value["value"], str)


# Fields that OpenRouter added in October 2026.
NEW_IN_KEYS = {"last_used_at", "external_user"}
NEW_IN_KEY_INFO = {"allowed_data_regions", "budgets", "effective_budget", "free_model_daily_requests"}
NEW_IN_KEY_INFO |= {"organization_id", "workspace_id"}
NEW_IN_ACTIVITY = {"cached_tokens"}
NEW_IN_ENDPOINTS = {"service_tier", "native_tools", "supports_diarization", "supports_tool_choice"}


# A client that uses this server as its proxy sends the whole URL as target.
PREFIX = re.compile(r"^(?:https?://[^/?]+)?/api/v1(?=/)")


def match(pattern: str, path: str) -> list | None:
    """The decoded values of the {names} of `pattern` in `path`; None if the path doesn't match.

    A name doesn't match an empty segment, so `//` never matches.
    """
    expected, actual = pattern.split("/"), path.split("/")
    if len(expected) != len(actual):
        return None
    values = []
    for name, segment in zip(expected, actual):
        if name.startswith("{") and segment:
            values.append(unquote(segment))
        elif name != segment:
            return None
    return values


# --- The server


class State:
    """An attribute that is created on first use, since a test needs few of them, and that can be set. Thread-safe."""

    def __init__(self, make: Callable[[FakeOpenRouter], Any]):
        self.make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, fake: FakeOpenRouter | None, owner: type) -> Any:
        if fake is None:
            return self
        with fake.lock:
            if self.name not in fake.__dict__:
                fake.__dict__[self.name] = self.make(fake)
            return fake.__dict__[self.name]


class FakeOpenRouter:
    """OpenRouter on a loopback port, for the duration of a `with` block.

    The switches and state below can be given as keyword arguments and changed at any time.
    """

    # Switches; the defaults are the newer behavior.
    older_api = False  # the API as of August 2026
    credits_for_user_key = "refused"  # "allowed" (older); "zeros": 200 with both figures 0
    key_required = ""  # "openrouter", "gateway": 401 without a key on public paths too, with an error of this form
    forbidden: tuple = ()  # paths such as "/keys": 403 for management keys on them and below, though GET /key works
    user_key_status = 401  # or 403: for a user key on /keys, /workspaces and /activity
    page_size = 100  # of GET /keys
    models_page_size: int | None = None  # pages of GET /models even without `limit` and `offset`
    has_workspaces = True
    workspaces_page_size = 100  # the most rows of GET /workspaces, whatever `limit` says
    unlisted_workspaces = 0  # counted in the total_count of GET /workspaces, but never listed
    workspaces_refused = False  # 403 for GET /workspaces
    default_workspace_gone = False  # 404 for GET /keys without a workspace_id
    aliases_have_endpoints = False  # True (older): GET /models/~author/x-latest/endpoints lists those of its target
    benchmark_form = "number"  # or "value", "score": each index of artificial_analysis is an object with this field
    endpoints_in_models = False  # each model has `endpoints`, as since 2026-10-30
    has_model_path = True  # GET /model/{author}/{slug}
    has_analytics = True  # POST /analytics/query; the older API lacks it anyway
    max_analytics_rows = 10_000  # of POST /analytics/query
    create_path = "both"  # "slash": 307 for POST /keys; "no-slash-404", "no-slash-405": this status for POST /keys/
    key_inside_data = False  # the new key is inside `data` instead of beside it
    ignored_on_create: set = set()  # body fields that POST /keys accepts and ignores
    applies_changes = True  # False: PATCH returns 200 and changes nothing
    statistics = "percentiles"  # "numbers" (older); "null"
    activity_date_time = False  # `2026-06-03 00:00:00` for `2026-06-03`
    latency = 0.0  # seconds before each response, for the benchmark
    tls = False  # https with TLS_CERTIFICATE
    gzip = True  # if the client accepts it

    now = NOW

    credits = State(lambda self: {"total_credits": 10, "total_usage": Decimal("9.8848")})
    user_key_info = State(lambda self: make_key_info(demo_keys(self.now)[1]))
    workspaces = State(lambda self: demo_workspaces())  # the first is the default workspace
    keys = State(lambda self: demo_keys(self.now))  # newest first
    activity = State(lambda self: demo_activity(self.now))
    models = State(lambda self: demo_models(self.now))
    endpoints = State(lambda self: demo_endpoints())  # model id -> list
    # Ids of the models with a zero-data-retention endpoint, and of those that USER_KEY's settings allow.
    zdr_models = State(lambda self: {"lumen/lumen-4-mini", "northwind/gale-70b", "harbor/coder-480b"})
    user_models = State(
        lambda self: {row["id"] for row in self.models if not re.search("^meridian/|:batch$", row["id"])}
    )

    def __init__(self, **settings: Any):
        self.lock = threading.RLock()
        self.secrets: list = []  # the whole keys that POST /keys created
        self.requests: list = []  # every Request, in order of arrival
        for name, value in settings.items():
            if not hasattr(FakeOpenRouter, name) or callable(getattr(FakeOpenRouter, name)):
                raise TypeError(f"FakeOpenRouter has no state or switch {name!r}")
            setattr(self, name, value)
        self.in_flight = self.most_in_flight = 0
        self.bugs: list = []  # exceptions in this server itself, raised at the end
        self.stopping = threading.Event()
        self._arrival = threading.Condition(self.lock)
        self._next_faults: dict = {}  # (method, path) -> deque
        self._lasting_faults: dict = {}  # (method, path) -> fault

    def __enter__(self) -> FakeOpenRouter:
        self._server = Server(self)
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/api/v1"
        self._listener = threading.Thread(target=self._server.serve, daemon=True)
        self._listener.start()
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):  # the listener may be stopping already
            socket.create_connection(("127.0.0.1", self.port)).close()  # wakes the listener
        self._listener.join()
        self._server.server_close()
        if self.bugs and kind is None:
            raise self.bugs[0]

    def fail(self, method: str, path: str, *faults: Fault) -> None:
        """Give the next requests with this method and path ("*": any) these faults, one each, in order."""
        self._next_faults.setdefault((method, path), deque()).extend(faults)

    def always(self, method: str, path: str, fault: Fault) -> None:
        """Give every request with this method and path this fault, unless `fail` has one for it."""
        self._lasting_faults[method, path] = fault

    def wait_for_requests(self, count: int = 1) -> None:
        """Wait until this many requests have arrived, whether they have a response or not."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self.requests) >= count, LONGEST_WAIT):
                raise TimeoutError(f"{len(self.requests)} of {count} requests have arrived")

    def receive(self, request: Request) -> Fault | None:
        """Record a request, which is in flight until `done`; return its fault, if any."""
        names = [(request.method, request.path), (request.method, "*")]
        with self.lock:
            self.requests.append(request)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            self._arrival.notify_all()
            for name in names:
                if self._next_faults.get(name):
                    return self._next_faults[name].popleft()
            return next((self._lasting_faults[name] for name in names if name in self._lasting_faults), None)

    def done(self) -> None:
        with self.lock:
            self.in_flight -= 1

    def respond(self, request: Request) -> Response:
        """Carry out the request."""
        with self.lock:
            try:
                return self._respond(request)
            except Refusal as refusal:
                return refusal.response

    def _respond(self, request: Request) -> Response:
        routes = {}
        for route in self.ROUTES:
            values = match(route.path, request.path)
            if values is not None:
                routes[route.method] = route, values
        if not routes or not PREFIX.match(request.target):
            raise Refusal(404, "Not Found")
        if request.method not in routes:
            raise Refusal(405, "Method Not Allowed")
        route, values = routes[request.method]
        caller = self._caller(request, public=route.access == "public")
        if route.access == "management" and caller != "management":
            message = {401: "User not found.", 403: "Only management keys can perform this operation"}
            raise Refusal(self.user_key_status, message[self.user_key_status])
        if caller == "management" and f"{request.path}/".startswith(tuple(f"{path}/" for path in self.forbidden)):
            raise Refusal(403, "Insufficient permissions")
        for name, value in request.query.items():
            if name not in route.query or not route.query[name](self, value):
                raise Refusal(400, f"Invalid query parameter: {name}={value}")
        if request.raw and request.method in ("GET", "DELETE"):
            raise Refusal(400, "Unexpected body")
        return route.action(self, request, caller, *values)

    def _caller(self, request: Request, public: bool) -> str | None:
        """The kind of the key: "user" or "management"; None without a key, which only public paths allow."""
        header = request.headers.get("authorization")
        if header is None and public and not self.key_required:
            return None
        if header is None and self.key_required == "gateway":
            raise Refusal(401, {"detail": "Unauthorized"})
        bearer = re.fullmatch(r"Bearer (\S+)", header or "")
        if not bearer:
            raise Refusal(401, "Missing Authentication header")
        caller = {USER_KEY: "user", MANAGEMENT_KEY: "management", MGMT_KEY: "management"}.get(bearer[1])
        if not caller:
            raise Refusal(401, "API key expired" if bearer[1] == EXPIRED_KEY else "User not found.")
        return caller

    def _object(self, request: Request) -> dict:
        """The JSON object of a request's body."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise Refusal(415, "Unsupported Media Type: application/json expected")
        if not isinstance(request.body, dict) or not request.body:
            raise Refusal(400, "A JSON object with at least one field expected")
        return request.body

    def _check(self, fields: dict, checks: dict) -> dict:
        for name, value in fields.items():
            if name not in checks:
                raise Refusal(400, f"Unrecognized key: {name}")
            if not checks[name](self, value):
                raise Refusal(400, f"Invalid value for {name}: {value!r}")
        return fields

    def get_credits(self, request: Request, caller: str) -> Response:
        if caller == "user" and self.credits_for_user_key == "refused":
            raise Refusal(403, "Only management keys can perform this operation")
        if caller == "user" and self.credits_for_user_key == "zeros":
            return Response(200, {"data": {"total_credits": 0, "total_usage": 0}})
        return Response(200, {"data": self.credits})

    def _without(self, row: dict, new: set) -> dict:
        """The row; with the older API, without the fields in `new`."""
        return {name: value for name, value in row.items() if not (self.older_api and name in new)}

    def get_current_key(self, request: Request, caller: str) -> Response:
        key_info = self.user_key_info
        if caller == "management":
            secret = request.headers["authorization"].split()[1]
            key_info = make_key_info(make_key(0, label=make_label(secret)), management=True)
        return Response(200, {"data": self._without(key_info, NEW_IN_KEY_INFO)})

    def list_keys(self, request: Request, caller: str) -> Response:
        keys = self.keys
        if self.has_workspaces:
            if self.default_workspace_gone and "workspace_id" not in request.query:
                raise Refusal(404, "Default workspace not found")
            workspace = request.query.get("workspace_id", self.workspaces[0]["id"])
            keys = [key for key in keys if key["workspace_id"] == workspace]
        if request.query.get("include_disabled") != "true":
            keys = [key for key in keys if not key["disabled"]]
        if request.query.get("include_expired") != "true":
            keys = [key for key in keys if not key["expires_at"] or key["expires_at"] > timestamp(self.now)]
        offset = int(request.query.get("offset", 0))
        return Response(200, {"data": [self._shown(key) for key in keys[offset : offset + self.page_size]]})

    def _shown(self, key: dict) -> dict:
        shown = self._without(key, NEW_IN_KEYS)
        return {name: value for name, value in shown.items() if name != "workspace_id" or self.has_workspaces}

    def _key(self, hash: str) -> dict:
        for key in self.keys:
            if key["hash"] == hash:
                return key
        raise Refusal(404, "API key not found")

    def get_key(self, request: Request, caller: str, hash: str) -> Response:
        return Response(200, {"data": self._shown(self._key(hash))})

    def create_key(self, request: Request, caller: str) -> Response:
        slash = request.path.endswith("/")
        if self.create_path == "slash" and not slash:
            return Response(307, None, {"Location": "/api/v1/keys/"})
        if self.create_path.startswith("no-slash") and slash:
            raise Refusal(int(self.create_path[-3:]), "POST /keys/ does not exist")
        body = self._check(self._object(request), CREATE)
        if "name" not in body:
            raise Refusal(400, "Required: name")
        if "workspace_id" in body and not is_workspace(self, body["workspace_id"]):
            raise Refusal(400, "Unknown workspace_id")
        fields = {name: value for name, value in body.items() if name not in self.ignored_on_create}
        fields.setdefault("workspace_id", self.workspaces[0]["id"])
        fields["external_user"] = fields.pop("external", {}).get("user")
        # Larger than the numbers of the keys that tests create themselves.
        n = 1_000_000 + len(self.secrets)
        self.secrets.append(make_secret(n))
        self.keys.insert(0, make_key(n, created_at=timestamp(self.now), **fields))
        data, secret = self._shown(self.keys[0]), {"key": self.secrets[-1]}
        return Response(201, {"data": {**data, **secret}} if self.key_inside_data else {"data": data, **secret})

    def change_key(self, request: Request, caller: str, hash: str) -> Response:
        key = self._key(hash)
        known = {name for name in CHANGE if not self.older_api or name != "workspace_id"}
        changes = {name: value for name, value in self._object(request).items() if name in known}
        if not changes:
            raise Refusal(400, "No update fields provided")
        self._check(changes, CHANGE)
        if self.applies_changes:
            key.update(changes, updated_at=timestamp(self.now))
            key["limit_remaining"] = remaining(key)
        return Response(200, {"data": self._shown(key)})

    def delete_key(self, request: Request, caller: str, hash: str) -> Response:
        self.keys.remove(self._key(hash))
        return Response(200, {"deleted": True})

    def list_workspaces(self, request: Request, caller: str) -> Response:
        if not self.has_workspaces:
            raise Refusal(404, "Not Found")
        if self.workspaces_refused:
            raise Refusal(403, "You do not have access to workspaces")
        offset = int(request.query.get("offset", 0))
        size = min(int(request.query.get("limit", 50)), self.workspaces_page_size)
        total = len(self.workspaces) + self.unlisted_workspaces
        return Response(200, {"data": self.workspaces[offset : offset + size], "total_count": total})

    def list_activity(self, request: Request, caller: str) -> Response:
        query = request.query
        days = [query["date"]] if "date" in query else completed_days(self)
        rows = [row for row in self.activity if row["date"] in days]
        if "api_key_hash" in query:
            rows = [row for row in rows if row["_key"] == query["api_key_hash"]]
        if "workspace_id" in query:
            workspaces = {key["hash"]: key["workspace_id"] for key in self.keys}
            rows = [row for row in rows if workspaces.get(row["_key"]) == query["workspace_id"]]
        time = " 00:00:00" if self.activity_date_time else ""
        shown = [{**self._without(row, NEW_IN_ACTIVITY), "date": row["date"] + time} for row in rows]
        for row in shown:
            del row["_key"], row["_hour"]
        return Response(200, {"data": shown})

    def query_analytics(self, request: Request, caller: str) -> Response:
        if self.older_api or not self.has_analytics:
            raise Refusal(404, "Not Found")
        body = self._check(self._object(request), ANALYTICS)
        if "metrics" not in body:
            raise Refusal(400, "Required: metrics")
        week = {"start": timestamp(self.now - timedelta(days=7)), "end": timestamp(self.now)}
        start, end = (moment(body.get("time_range", week)[bound]) for bound in ("start", "end"))
        dimensions, granularity = body.get("dimensions", []), body.get("granularity")
        longest = min(LONGEST_RANGE.get(name, 365) for name in (*dimensions, granularity))
        if not start < end or end - start > timedelta(days=longest):
            raise Refusal(400, f"Invalid time_range: start must be before end, by at most {longest} days")
        names = {key["hash"]: key["name"] for key in self.keys}
        titles = {row["id"]: row["name"] for row in self.models}
        filters = {entry["field"]: entry["value"] for entry in body.get("filters", [])}
        groups: dict = {}
        for row in self.activity:
            spent_at = moment(f"{row['date'][:10]}T{row['_hour']:02}:00:00")
            if not start <= spent_at < end or any(row[DIMENSIONS[name]] != value for name, value in filters.items()):
                continue
            bucket = () if granularity is None else (str(spent_at)[: 19 if granularity == "hour" else 10],)
            sums = groups.setdefault((*bucket, *(row[DIMENSIONS[name]] for name in dimensions)), Counter())
            sums.update({metric: row[METRICS[metric]] for metric in body["metrics"]})
        labels: dict = {"api_key_id": names.get, "model": lambda id: titles.get(id, id), "provider": str}
        rows = []
        for group, sums in sorted(groups.items(), reverse=True):
            bucket, values = (group[:1], group[1:]) if granularity else ((), group)
            rows.append({f"date__{granularity}": text for text in bucket})
            rows[-1].update({name: labels[name](value) for name, value in zip(dimensions, values)})
            figures = {name: sums[name] if name in MONEY_METRICS else str(sums[name]) for name in body["metrics"]}
            rows[-1].update(figures)
        most = min(body.get("limit", 1000), self.max_analytics_rows)
        unknown = filters.get("api_key_id") not in (None, *names)
        data = {
            "data": rows[:most],
            "metadata": {"query_time_ms": 42, "row_count": len(rows[:most]), "truncated": len(rows) > most},
            **({"warnings": [f"api_key_id {filters['api_key_id']} could not be resolved"]} if unknown else {}),
        }
        return Response(200, {"data": data})

    def list_user_models(self, request: Request, caller: str) -> Response:
        return self.list_models(request, caller, [row for row in self.models if row["id"] in self.user_models])

    def list_models(self, request: Request, caller: str | None, models: list | None = None) -> Response:
        wanted = request.query.get("output_modalities", "text").split(",")
        models = self.models if models is None else models
        if "zdr" in request.query:
            models = [row for row in models if row["id"] in self.zdr_models]
        if wanted != ["all"]:
            models = [row for row in models if set(wanted) & set(row["architecture"]["output_modalities"])]
        total = len(models)
        following = None
        if {"offset", "limit"} & set(request.query) or self.models_page_size:
            offset = int(request.query.get("offset", 0))
            limit = int(request.query.get("limit", self.models_page_size or 500))
            models = models[offset : offset + limit]
            if offset + limit < total:
                query = urlencode({**request.query, "offset": offset + limit, "limit": limit})
                following = f"/api/v1{request.path}?{query}"
        data = [self._shown_model(model) for model in models]
        return Response(200, {"data": data, "links": {"next": following}, "total_count": total})

    def _shown_model(self, model: dict) -> dict:
        scores = (model.get("benchmarks") or {}).get("artificial_analysis")
        if scores and self.benchmark_form != "number":
            scores = {name: None if score is None else {self.benchmark_form: score} for name, score in scores.items()}
            model = {**model, "benchmarks": {**model["benchmarks"], "artificial_analysis": scores}}
        if self.endpoints_in_models:
            model = {**model, "endpoints": self.endpoints.get(model["id"], [])}
        return model

    def _model(self, author: str, slug: str, resolve: bool = True) -> dict:
        """The model with this id or canonical slug; with `resolve`, for an alias its target."""
        by_name = {row["canonical_slug"]: row for row in reversed(self.models)}
        by_name.update({row["id"]: row for row in self.models})
        model = by_name.get(f"{author}/{slug}")
        if model is None:
            raise Refusal(404, f"Model {author}/{slug} not found")
        return by_name.get(model.get("alias_target", {}).get("slug"), model) if resolve else model

    def get_model(self, request: Request, caller: str | None, author: str, slug: str) -> Response:
        if not self.has_model_path:
            return Response(404, page_of_html(404), content_type="text/html; charset=utf-8")
        return Response(200, {"data": self._shown_model(self._model(author, slug))})

    def list_endpoints(self, request: Request, caller: str | None, author: str, slug: str) -> Response:
        def figures(statistic: Any) -> Any:
            if caller is None or self.statistics == "null":
                return None
            return statistic["p50"] if self.statistics == "numbers" and statistic else statistic

        model = self._model(author, slug, resolve=self.aliases_have_endpoints)
        statistics = ("latency_last_30m", "throughput_last_30m")
        data = {name: model[name] for name in ("id", "name", "created", "description", "architecture")}
        data["endpoints"] = [
            {**self._without(endpoint, NEW_IN_ENDPOINTS), **{name: figures(endpoint[name]) for name in statistics}}
            for endpoint in self.endpoints.get(model["id"], [])
        ]
        return Response(200, {"data": data})

    Route = namedtuple("Route", "method path access action query", defaults=({},))
    ROUTES = (
        Route("GET", "/credits", "any", get_credits),
        Route("GET", "/key", "any", get_current_key),
        Route("GET", "/keys", "management", list_keys, KEYS_QUERY),
        Route("POST", "/keys", "management", create_key),
        Route("POST", "/keys/", "management", create_key),
        Route("GET", "/keys/{hash}", "management", get_key),
        Route("PATCH", "/keys/{hash}", "management", change_key),
        Route("DELETE", "/keys/{hash}", "management", delete_key),
        Route("GET", "/workspaces", "management", list_workspaces, WORKSPACES_QUERY),
        Route("GET", "/activity", "management", list_activity, ACTIVITY_QUERY),
        Route("POST", "/analytics/query", "management", query_analytics),
        Route("GET", "/models", "public", list_models, MODELS_QUERY),
        Route("GET", "/models/user", "any", list_user_models, USER_MODELS_QUERY),
        Route("GET", "/model/{author}/{slug}", "public", get_model),
        Route("GET", "/models/{author}/{slug}/endpoints", "public", list_endpoints),
    )


# --- HTTP


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # enough for clients that send many requests at once

    def __init__(self, fake: FakeOpenRouter):
        super().__init__(("127.0.0.1", 0), Handler)
        self.fake = fake
        self.context = None
        if fake.tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(TLS_CERTIFICATE)
        self.stopping = fake.stopping  # fuzz.py replaces `fake`

    def serve(self) -> None:
        """Handle requests until the fake stops. (`serve_forever` only checks for that at intervals.)"""
        while not self.stopping.is_set():
            self.handle_request()

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context:  # in the request's own thread, because a handshake may take long
            with self.context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        else:
            super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):  # which is a client that closed the connection
            self.fake.bugs.append(error)


class Handler(BaseHTTPRequestHandler):
    """One request on one connection."""

    server: Server

    def do_GET(self) -> None:
        # Not self.path: newer Pythons remove a leading double slash from it.
        target = self.requestline.split()[1]
        path, _, query = target.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        raw = self.rfile.read(int(headers.get("content-length", 0)))
        self.received = Request(
            self.command,
            target,
            PREFIX.sub("", path),
            dict(parse_qsl(query, keep_blank_values=True)),
            headers,
            parse_json(raw),
            raw,
        )
        fake = self.fake
        fault = fake.receive(self.received)
        try:
            fake.stopping.wait(fake.latency)
            (fault or as_usual)(self)
        finally:
            fake.done()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = do_GET

    @property
    def fake(self) -> FakeOpenRouter:
        return self.server.fake

    def send(self, response: Response) -> None:
        body, headers = encode(response.body), {"Content-Type": response.content_type, **response.headers}
        accepted = self.headers.get("Accept-Encoding", "")
        if body and self.fake.gzip and "gzip" in accepted and "Content-Encoding" not in headers:
            body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
        self.wfile.write(head(response.status, {"Content-Length": len(body), **headers}) + body)

    def log_message(self, *_: Any) -> None:
        pass


def head(status: int, headers: dict) -> bytes:
    """The status line and headers of a response. Each connection carries one response."""
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unknown')}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def parse_json(raw: bytes) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(raw, parse_constant=refuse)
    except ValueError:
        return None


def encode(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    # json can't write a Decimal as a number, so it is written as a marked string whose quotes are then removed.
    text = json.dumps(body, default=lambda number: f"\0{number:f}\0")
    return re.sub(r'"\\u0000([-0-9.]+)\\u0000"', r"\1", text).encode()


# --- Faults, for `fail` and `always`


def respond(
    status: int, body: Any = None, headers: dict | None = None, content_type: str = "application/json"
) -> Fault:
    return lambda handler: handler.send(Response(status, body, headers or {}, content_type))


def error(status: int, message: str, headers: dict | None = None) -> Fault:
    return respond(status, error_body(status, message), headers)


def limit_exceeded(what: str = "Key limit exceeded (monthly limit)") -> Fault:
    """A 403 although the key is right: it has reached a limit or a budget."""
    return error(403, f"{what}. Manage it using https://openrouter.ai/settings/keys")


def unauthorized_by_gateway(status: int = 401) -> Fault:
    """An error that isn't OpenRouter's: a gateway in front of it wants a key of its own."""
    return respond(status, {"detail": "Unauthorized"})


def html(status: int) -> Fault:
    """The error page of a proxy."""
    return respond(status, page_of_html(status), content_type="text/html; charset=utf-8")


def redirect(status: int, location: str) -> Fault:
    return respond(status, headers={"Location": location})


def as_usual(handler: Handler) -> None:
    """No fault: the response that the request gets anyway."""
    handler.send(handler.fake.respond(handler.received))


def hang_up() -> Fault:
    """Close the connection without a response."""
    return lambda handler: None


def hang_up_after_work() -> Fault:
    """Carry out the request, then close the connection without a response."""

    def fault(handler: Handler) -> None:
        handler.fake.respond(handler.received)

    return fault


def stream(parts: Callable[[], Iterable[bytes]], pause: float = 0) -> Fault:
    """Send raw bytes, status line and headers included, with `pause` seconds after each part. No test may depend on the
    pause: it only keeps an endless response from being sent too fast."""

    def fault(handler: Handler) -> None:
        for part in parts():
            handler.wfile.write(part)
            if handler.fake.stopping.wait(pause):
                return

    return fault


def when(event: threading.Event, fault: Fault | None = None) -> Fault:
    """Respond, or do what `fault` does, once `event` is set."""

    def wait(handler: Handler) -> None:
        event.wait()
        (fault or as_usual)(handler)

    return wait


def stall(*sent: bytes) -> Fault:
    """Send only these bytes, and keep the connection open until the fake stops."""

    def fault(handler: Handler) -> None:
        handler.wfile.write(b"".join(sent))
        handler.fake.stopping.wait()

    return fault


def json_head(headers: dict) -> bytes:
    return head(200, {"Content-Type": "application/json", **headers})


def truncate(body: Any, keep: int) -> Fault:
    """Send only the first `keep` bytes of a body, with the Content-Length of all of it."""
    whole = encode(body)
    return stream(lambda: [json_head({"Content-Length": len(whole)}), whole[:keep]])


def drip(first: bytes, part: bytes = b" ") -> Fault:
    """Send `first`, then `part` again and again, so slowly that only a timeout can end it."""
    return stream(lambda: chain([first], repeat(part)), 0.01)


def endless(chunk: bytes = b" " * 65536, chunked: bool = False) -> Fault:
    """Send the same bytes again and again, until the client closes the connection or the fake stops."""
    part = b"%x\r\n%s\r\n" % (len(chunk), chunk) if chunked else chunk
    first = json_head({"Transfer-Encoding": "chunked"} if chunked else {})
    return stream(lambda: chain([first], repeat(part)))


def gzip_bomb(megabytes: int) -> Fault:
    """Send valid gzip of valid JSON that starts with this much white space."""

    def parts() -> Iterable[bytes]:
        packer = zlib.compressobj(wbits=31)
        yield json_head({"Content-Encoding": "gzip"})
        for _ in range(megabytes):
            yield packer.compress(b" " * 2**20)
        yield packer.compress(b'{"data": []}') + packer.flush()

    return stream(parts)


def bad_gzip() -> Fault:
    """Send a body that starts like gzip but isn't."""
    return respond(200, gzip.compress(b"", mtime=0)[:10] + b"no deflate stream", {"Content-Encoding": "gzip"})


# --- The command line

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "bin", "openrouter-remote")
TOUR = (
    "balance --runway",
    "usage --by model --days 7",
    "models cheap --supports tools --limit 5",
    "models endpoints northwind/gale-70b",
    "keys list --all",
)
HELP = f"""usage: fake_openrouter.py [--serve | COMMAND ...]

Run openrouter-remote against a fake OpenRouter with a made-up account. No key and no network is needed.

  (no arguments)  take a short tour of {len(TOUR)} commands
  COMMAND ...     run one command of openrouter-remote, such as: usage --by model --days 7
  --serve         keep the server running for another terminal, and print the lines to paste there; what you create
                  and change is kept until Ctrl-C
  -h, --help      show this help
"""


def current_time() -> datetime:
    """The current time from `time.time`, as in the program, because tests/clock replaces only that."""
    return datetime.fromtimestamp(time.time(), timezone.utc)


def main(argv: list) -> int:
    if argv in (["-h"], ["--help"]):
        print(HELP, end="")
        return 0
    if "--serve" in argv and len(argv) > 1:
        print("fake_openrouter.py: error: --serve takes no other arguments", file=sys.stderr)
        return 2
    with FakeOpenRouter(now=current_time()) as fake:
        settings = {
            "OPENROUTER_BASE_URL": fake.url,
            "OPENROUTER_API_KEY": USER_KEY,
            "OPENROUTER_PROVISIONING_KEY": MANAGEMENT_KEY,
        }
        if argv == ["--serve"]:
            return serve(settings)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "fake.env")
            # Closed before the program reads it: Windows opens no file twice.
            with open(path, "w", encoding="utf-8") as env_file:
                # The provisioning key wins over OPENROUTER_MANAGEMENT_KEY, so the caller's own key is never used.
                env_file.writelines(f"{name}={value}\n" for name, value in settings.items())
            # An interrupt also reaches the command, whose exit code is returned then.
            signal.signal(signal.SIGINT, lambda *_: None)
            return run(path, argv) if argv else tour(path)


def serve(settings: dict) -> int:
    """Keep running until an interrupt."""
    for name, value in settings.items():
        print(f"export {name}={value}", flush=True)
    print("# Paste these lines into another terminal. Ctrl-C stops the server.", file=sys.stderr)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    return 0


def tour(env_file: str) -> int:
    try:
        for command in TOUR:
            # Not print(): after a closed pipe (`| head`), text left in its buffer causes a traceback at exit.
            os.write(1, f"$ openrouter-remote {command}\n".encode())
            code = run(env_file, command.split())
            if code:
                return code
            os.write(1, b"\n")
    except BrokenPipeError:
        pass
    return 0


def run(env_file: str, command: list) -> int:
    # A file given with --env-file wins over the caller's own .env files. Their proxy must not be used either.
    arguments = [sys.executable, PROGRAM, "--env-file", env_file, *command]
    code = subprocess.call(arguments, env={**os.environ, "no_proxy": "127.0.0.1"})
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
