"""Signed webhooks of Stripe's, as it sends them."""

import json
import time
from typing import Any

from stripe import WebhookSignature

from bench import load
from tests.fakes.stripe.world import SECRET

Event = dict[str, Any]


def body_of(event: Event) -> bytes:
    """Return the body of an event's webhook, laid out as Stripe does."""
    return json.dumps(event, indent=2).encode()


def signature(body: bytes) -> str:
    """Return the header that signs a body."""
    return WebhookSignature.generate_signature_header(body.decode(), SECRET, int(time.time()))


def request(event: Event, path: str = "/stripe/webhook") -> bytes:
    """Return the bytes of the request that brings an event."""
    body = body_of(event)
    return load.request("POST", path, body=body, headers=[f"Stripe-Signature: {signature(body)}"])


def copies(event: Event, number: int, salt: str) -> list[Event]:
    """Return events of the same size about objects that are all different."""
    found = []
    for n in range(number):
        thing = {**event["data"]["object"], "id": f"cs_test_{salt}{n:08}"}
        found.append({**event, "id": f"evt_{salt}{n:08}", "data": {"object": thing}})
    return found
