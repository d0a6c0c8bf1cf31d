"""What the fake remembers: objects by id, events, and how an object is shown."""

import copy
import itertools
import json
import secrets
import threading
import time
from pathlib import Path
from typing import Any

import stripe
from stripe import StripeObject

from tests.fakes.stripe.hints import Data, hints, listed, may_be_id, resource
from tests.fakes.stripe.shapes import ON_REQUEST, blank, check_object

CLASSES: dict[str, type[StripeObject]] = {
    "account": stripe.Account,
    "balance_transaction": stripe.BalanceTransaction,
    "billing_portal.session": stripe.billing_portal.Session,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "product": stripe.Product,
    "refund": stripe.Refund,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
}
DEEPEST = 4  # names in a path of `expand`


class ApiError(Exception):
    """An answer in Stripe's error shape."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"type": kind, "message": message, "code": code, "param": param}
        self.body = {"error": {name: text for name, text in error.items() if text}}


def no_such(noun: str, ref: str, *, param: str = "id", status: int = 404) -> ApiError:
    """Return Stripe's answer for an id it does not know."""
    return ApiError(f"No such {noun}: '{ref}'", status=status, code="resource_missing", param=param)


class Books:
    """All objects, and what happened to them. `lock` is held by whoever changes something."""

    api_version = "2026-05-27.dahlia"

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.objects: dict[str, Data] = {}
        self.events: list[Data] = []
        self.ahead = 0  # seconds the fake's clock is ahead of ours
        self.numbers = itertools.count(1)
        self.state_file: Path | None = None
        account = blank(stripe.Account, id="acct_Fake0000000001", country="US", type="standard")
        self.objects[account["id"]] = account | {"settings": None, "email": "seller@example.org"}

    # --- Keeping -------------------------------------------------------------------------------
    def now(self) -> int:
        """Return the fake's time."""
        return int(time.time()) + self.ahead

    def new_id(self, prefix: str) -> str:
        """Return a fresh id."""
        return f"{prefix}_{next(self.numbers):08d}{secrets.token_hex(6)}"

    def put(self, cls: type, prefix: str, **values: Any) -> Data:
        """Keep a new object; what is not given is null or empty. It is checked when shown."""
        own = {"id": self.new_id(prefix), "created": self.now(), "livemode": False}
        known = hints(cls)
        made = blank(cls, **{k: v for k, v in own.items() if k in known} | values)
        self.objects[made["id"]] = made
        return made

    def get(self, ref: str, noun: str, *, param: str = "id", status: int = 404) -> Data:
        """Return an object. Raises ApiError where there is none of that kind."""
        found = self.objects.get(ref)
        if found is None or found["object"] != noun:
            raise no_such(noun.rpartition(".")[2], ref, param=param, status=status)
        return found

    def all(self, noun: str, **equal: Any) -> list[Data]:
        """Return the objects of a kind with these values, newest first."""
        rows = [
            one
            for one in self.objects.values()
            if one["object"] == noun and all(one.get(k) == v for k, v in equal.items())
        ]
        # Stripe's times have seconds only; those of one second stay in the order they were made.
        rows.reverse()
        return sorted(rows, key=lambda one: one.get("created", 0), reverse=True)

    def emit(self, kind: str, thing: Data, previous: Data | None = None, **request: Any) -> Data:
        """Write down an event with the object as it stands now."""
        event = self.put(
            stripe.Event,
            "evt",
            type=kind,
            api_version=self.api_version,
            pending_webhooks=1,
            request={"id": None, "idempotency_key": None} | request,
            data={"object": self.show(thing)}
            | ({"previous_attributes": previous} if previous else {}),
        )
        check_object(stripe.Event, event)
        self.events.append(event)
        return event

    def save(self) -> None:
        """Write everything to the state file, where there is one."""
        if self.state_file is None:
            return
        state = {"objects": self.objects, "events": [one["id"] for one in self.events]}
        state |= {"ahead": self.ahead, "next": next(self.numbers)} | self.more_state()
        draft = self.state_file.with_suffix(".new")
        draft.write_text(json.dumps(state))
        draft.replace(self.state_file)

    def more_state(self) -> Data:
        """Return what else goes into the state file."""
        return {}

    def load(self, path: Path) -> Data:
        """Keep everything in a file from now on, and go on from what it holds."""
        state: Data = json.loads(path.read_text()) if path.exists() else {}
        if state:
            self.objects = state["objects"]
            self.events = [self.objects[ref] for ref in state["events"]]
            self.ahead = state["ahead"]
            self.numbers = itertools.count(state["next"] + 1)
        self.state_file = path
        return state

    # --- Showing -------------------------------------------------------------------------------
    def show(self, thing: Data, expand: list[str] | None = None) -> Data:
        """Return an object as Stripe shows it, checked against the SDK's class."""
        cls = CLASSES[thing["object"]]
        shown = self._visible(cls, thing)
        for path in expand or ():
            self._expand(cls, shown, path.split("."), path)
        check_object(cls, shown)
        return shown

    def page(self, rows: list[Data], expand: list[str], **rest: Any) -> Data:
        """Return a page of a list; paths of `expand` begin with "data"."""
        inner = []
        for path in expand:
            first, _, rest_of = path.partition(".")
            if first != "data" or not rest_of:
                raise ApiError(
                    f"This property cannot be expanded ({path}). You want to expand a property on "
                    f"the list's elements, so prefix it with `data.`."
                )
            self._check_depth(path)
            inner.append(rest_of)
        return {"object": "list", "data": [self.show(row, inner) for row in rows]} | rest

    def _visible(self, cls: type, thing: Data) -> Data:
        hidden = ON_REQUEST.get(cls, frozenset())
        shown = {k: copy.deepcopy(v) for k, v in thing.items() if k not in hidden}
        if isinstance(shown.get("total_details"), dict):
            shown["total_details"].pop("breakdown", None)
        return shown

    def _check_depth(self, path: str) -> None:
        if path.count(".") + 1 > DEEPEST:
            raise ApiError(f"You cannot expand more than {DEEPEST} levels of a property: {path}.")

    def _expand(self, cls: type, shown: Data, names: list[str], path: str) -> None:
        """Put an object in the place of an id, or what is hidden into its place."""
        self._check_depth(path)
        name, rest = names[0], names[1:]
        kind = hints(cls).get(name)
        hidden = name in ON_REQUEST.get(cls, ())
        if kind is None or not (hidden or rest or may_be_id(kind)):
            raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
        if hidden and name not in shown:
            shown[name] = self._hidden(shown, name)
        value = shown.get(name)
        if isinstance(value, str) and may_be_id(kind):
            found = self.objects[value]
            value = shown[name] = self._visible(CLASSES[found["object"]], found)
        row = listed(kind)
        if row is not None and rest and isinstance(value, dict):
            if rest[0] != "data":
                raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
            rows, inner = value["data"], rest[1:]
        elif row is not None or not isinstance(value, dict):
            inner_class = row or next(iter(resource(kind)), None)
            self._check_path(inner_class, rest, path)
            return
        else:
            rows, inner = [value], rest
        for one in rows if inner else ():
            self._expand(row or self._class_of(one, kind), one, inner, path)

    def _class_of(self, value: Data, kind: Any) -> type:
        return CLASSES.get(value.get("object", "")) or resource(kind)[0]

    def _check_path(self, cls: type | None, rest: list[str], path: str) -> None:
        """Refuse a path that leads nowhere, also where a null ended the walk early."""
        for name in rest:
            if name == "data":
                continue
            kind = hints(cls).get(name) if cls is not None else None
            if kind is None:
                raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
            cls = listed(kind) or next(iter(resource(kind)), None)

    def _hidden(self, shown: Data, name: str) -> Any:
        """Return what is only shown when asked for."""
        kept = self.objects.get(shown.get("id", ""), {}).get(name)
        if kept is not None:
            return copy.deepcopy(kept)
        if name == "payments":
            rows = self.all("invoice_payment", invoice=shown["id"])
            return self.as_list(rows, f"/v1/invoices/{shown['id']}/payments")
        if name == "refunds":
            rows = self.all("refund", charge=shown["id"])
            return self.as_list(rows, f"/v1/charges/{shown['id']}/refunds")
        if name in ("discounts", "taxes"):
            return []
        return self.as_list([], f"/v1/{name}") if name == "sources" else None

    def as_list(self, rows: list[Data], url: str) -> Data:
        """Return rows as a list inside an object."""
        return {
            "object": "list",
            "data": copy.deepcopy(rows),
            "has_more": False,
            "url": url,
        }
