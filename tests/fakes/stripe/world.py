"""The fake as tests hold it: the API's server, what happens in the world, and the webhooks."""

import json
import random
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from stripe import WebhookSignature

from tests.fakes.stripe.api import Api
from tests.fakes.stripe.hints import Data
from tests.fakes.stripe.server import API_KEY, Fault, Front, Kept, Server

SECRET = "whsec_" + "fake" * 8


@dataclass(frozen=True)
class Hook:
    """Where events go, and the secret they are signed with."""

    url: str
    secret: str = SECRET


class World(Api):
    """Stripe, and everybody who does something there.

    Things happen by method: `pay`, `decline`, `pay_later`, `arrive`, `bounce`, `expire`, `renew`,
    `pay_invoice`, `cancel`, `change_price`, `dispute`, `win`, `lose`, `refund_in_dashboard` …; each
    appends to `events`. `payload` and `sign` make a webhook of an event, `deliver` sends them.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.front = Front(self)
        self.server = Server(self.front, port)
        self.server.world_call = self.call  # type: ignore[method-assign]
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.key = API_KEY
        self.secret = SECRET
        self.hooks: list[Hook] = []
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> "World":
        """Begin to listen."""
        self.thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, and let go of calls that hang."""
        self.front.released.set()
        self.server.shutdown()
        self.server.server_close()

    # --- Faults --------------------------------------------------------------------------------
    def fault(self, path: str, kind: str, times: int = 1, method: str = "") -> None:
        """Let the next calls to a path go wrong; the kinds stand at Fault."""
        with self.lock:
            self.front.faults.append(Fault(path, kind, times, method))

    def calls(self, path: str, method: str = "") -> int:
        """Return how often a path was called."""
        return sum(1 for how, where in self.front.calls if path in where and method in ("", how))

    # --- Webhooks ------------------------------------------------------------------------------
    def payload(self, event: Data) -> bytes:
        """Return the body of an event's webhook."""
        return json.dumps(event, indent=2).encode()

    def sign(self, body: bytes, secret: str = SECRET, at: int | None = None) -> str:
        """Return the header Stripe-Signature for a body, by our own clock."""
        return WebhookSignature.generate_signature_header(
            body.decode(), secret, at if at is not None else int(time.time())
        )

    def named(self, kind: str) -> list[Data]:
        """Return the events of a type, oldest first."""
        return [event for event in self.events if event["type"] == kind]

    def deliver(
        self,
        events: list[Data] | None = None,
        *,
        copies: int = 1,
        seed: int | None = None,
        delay: float = 0.0,
    ) -> list[int]:
        """Post events (all of them) to every hook, and return the answers' status codes.

        `copies` of each; with a `seed` in a random order; up to `delay` seconds between two.
        """
        with self.lock:
            queue = [event for event in events or self.events for _ in range(copies)]
            hooks = list(self.hooks)
        chance = random.Random(seed)  # noqa: S311 - no secret
        if seed is not None:
            chance.shuffle(queue)
        codes = []
        for event in queue:
            time.sleep(chance.uniform(0, delay))
            codes += [self._post(hook, event) for hook in hooks]
        return codes

    def _post(self, hook: Hook, event: Data) -> int:
        body = self.payload(event)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": self.sign(body, hook.secret),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            return requests.post(hook.url, data=body, headers=headers, timeout=30).status_code
        except requests.RequestException:
            return 0

    # --- The world over HTTP -------------------------------------------------------------------
    def register(self, url: str, secret: str = SECRET) -> Data:
        """Send events to an address."""
        self.hooks.append(Hook(url, secret))
        return {"hooks": len(self.hooks)}

    def more_state(self) -> Data:
        """Return what else goes into the state file."""
        kept = {key: vars(one) for key, one in self.front.kept.items() if one.status}
        return super().more_state() | {"kept": kept}

    def load(self, path: Path) -> Data:
        """Keep everything in a file from now on, and go on from what it holds."""
        state = super().load(path)
        self.front.kept = {key: Kept(**one) for key, one in state.get("kept", {}).items()}
        return state

    def happened(self) -> Data:
        """Return all events."""
        return {"events": self.events, "troubles": self.server.troubles}

    def call(self, name: str, body: str) -> tuple[int, Any, Data]:
        """Do what `POST /_world/<method>` with keyword arguments in JSON asks for."""
        if name not in CALLS:
            return 404, {"error": {"message": f"The world has no {name}."}}, {}
        done = getattr(self, name)(**json.loads(body or "{}"))
        with self.lock:
            self.save()
        return 200, done, {}


CALLS = frozenset(
    ("pay", "decline", "pay_later", "arrive", "bounce", "expire")
    + ("renew", "pay_invoice", "give_up", "cancel", "change_price", "trial_will_end")
    + ("dispute", "move_dispute", "win", "lose")
    + ("refund_in_dashboard", "settle_refund", "fail_refund")
    + ("fault", "calls", "register", "deliver", "happened")
)
