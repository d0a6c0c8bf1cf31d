"""The fake Stripe: as strict as the SDK's types, and exact about keys, events and faults."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from billing.gateways.stripe import Stripe
from tests.fakes.stripe import SECRET, World
from tests.fakes.stripe.hints import Misfit
from tests.fakes.stripe.shapes import check_object

REFUND = {"payment_intent": "pi_1"}
SESSION = {
    "mode": "payment",
    "success_url": "https://x.example/",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "500",
    "line_items[0][price_data][product_data][name]": "A poster",
}


@pytest.fixture
def world() -> Any:
    """A Stripe that nothing of ours talks to."""
    made = World().start()
    yield made
    made.stop()


def ask(
    world: World,
    path: str,
    data: dict[str, str] | None = None,
    *,
    method: str = "POST",
    **headers: str,
) -> requests.Response:
    """Ask as a client would."""
    base = {"Authorization": f"Bearer {world.key}", "Stripe-Version": world.api_version}
    where = {"data": data} if method == "POST" else {"params": data}
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return requests.request(
        method, f"{world.base}/v1/{path}", headers=base | names, timeout=10, **where
    )


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"colour": "red"}, "colour"),
        ({"mode": "gift"}, "mode"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"automatic_tax[enabled]": "yes"}, "automatic_tax[enabled]"),
        ({"automatic_tax[liability][type]": "self"}, "automatic_tax[enabled]"),
        ({"line_items[0][price_data][colour]": "red"}, "line_items[0][price_data][colour]"),
        ({"line_items[2][quantity]": "1"}, "line_items"),
        ({"metadata[a][b]": "deep"}, "metadata[a]"),
        ({"subscription_data[trial_period_days]": "5"}, "subscription_data"),
        ({"customer": "cus_1"}, "customer"),
        ({"line_items[0][price]": "price_1"}, "line_items[0]"),
        ({"success_url": "here"}, "success_url"),
        ({"expires_at": "5"}, "expires_at"),
        ({"expand[0]": "colour"}, "expand"),
        ({"expand[0]": "mode"}, "expand"),
        ({"expand[0]": "payment_intent.latest_charge.colour"}, "expand"),
    ],
)
def test_a_parameter_stripe_would_refuse_is_refused(
    world: World, change: dict[str, str], param: str
) -> None:
    assert ask(world, "checkout/sessions", SESSION).status_code == 200
    answer = ask(world, "checkout/sessions", SESSION | change)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_a_path_of_more_than_four_names_is_not_expanded(world: World) -> None:
    deep = {"expand[0]": "data.payments.data.payment.payment_intent"}
    assert ask(world, "invoices", deep, method="GET").status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer sk_test_wrong"}, 401),
        ({"Stripe_Version": "2020-01-01"}, 400),
        ({"Stripe_Version": ""}, 400),
    ],
)
def test_key_and_version_must_be_right(world: World, headers: dict[str, str], status: int) -> None:
    assert ask(world, "account", method="GET", **headers).status_code == status


def test_an_address_stripe_does_not_have_is_not_found(world: World) -> None:
    assert ask(world, "posters", method="GET").status_code == 404


def test_a_key_answers_once_and_only_for_the_same_parameters(world: World) -> None:
    first, again, other = (
        ask(world, "products", {"name": name}, Idempotency_Key="k") for name in ("A", "A", "B")
    )
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 400
    assert other.json()["error"]["type"] == "idempotency_error"


def test_a_key_that_is_being_worked_on_is_a_conflict(world: World) -> None:
    world.front.slow = 0.5
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(ask, world, "products", {"name": "A"}, Idempotency_Key="k")
            for _ in range(4)
        ]
        codes = sorted(one.result().status_code for one in asked)
    assert codes == [200, 409, 409, 409]
    assert len(world.all("product")) == 1


def test_what_was_refused_leaves_the_key_free(world: World) -> None:
    assert ask(world, "products", {"colour": "x"}, Idempotency_Key="k").status_code == 400
    assert ask(world, "products", {"name": "A"}, Idempotency_Key="k").status_code == 200


def test_an_object_no_sdk_knows_is_noticed() -> None:
    world = World()
    try:
        intent = world.payment_intent(500, "usd")
        world.show(intent)
        for change in (
            {"colour": "red"},
            {"status": "paid"},
            {"amount": "500"},
            {"metadata": None},
        ):
            with pytest.raises(Misfit):
                check_object(stripe.PaymentIntent, intent | change)
        del intent["currency"]
        with pytest.raises(Misfit, match="missing"):
            world.show(intent)
    finally:
        world.server.server_close()


def test_every_event_of_a_whole_life_is_what_the_sdk_knows(world: World) -> None:
    price = world.create_price(
        {
            "currency": "usd",
            "unit_amount": 999,
            "product": world.create_product({"name": "Plan"})["id"],
            "recurring": {"interval": "month"},
        }
    )
    session = world.create_session(
        {
            "mode": "subscription",
            "success_url": "https://x.example/",
            "line_items": [{"price": price["id"], "quantity": 1}],
            "subscription_data": {"trial_period_days": 14},
        }
    )
    subscription = world.pay(session["id"])["subscription"]
    world.trial_will_end(subscription)
    world.renew(subscription)
    bill = world.renew(subscription, paid=False)
    world.pay_invoice(bill["id"], paid=False)
    world.pay_invoice(bill["id"])
    world.cancel(subscription, at_period_end=True)
    world.renew(subscription)
    types = [event["type"] for event in world.events]
    for kind in (
        "checkout.session.completed",
        "customer.subscription.trial_will_end",
        "invoice.paid",
        "invoice.payment_failed",
        "customer.subscription.deleted",
    ):
        assert kind in types
    assert all(Stripe().parse_event(world.payload(event)).id for event in world.events)
    assert world.objects[subscription]["status"] == "canceled"


def test_what_it_signs_is_what_stripe_would_sign(world: World) -> None:
    body = world.payload(world.emit("product.created", world.create_product({"name": "A"})))
    assert stripe.WebhookSignature.verify_header(body, world.sign(body), SECRET, 300)


def test_as_a_process_it_remembers_over_a_restart(tmp_path: Path, project: Path) -> None:
    state = tmp_path / "stripe.json"
    command = [sys.executable, "-m", "tests.fakes.stripe", "--state-file", str(state)]
    ref = ""
    for start in range(2):
        with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            ready, base = process.stdout.readline().split()
            assert ready == "READY"
            try:
                headers = {
                    "Authorization": f"Bearer sk_test_{'0' * 24}",
                    "Stripe-Version": World.api_version,
                    "Idempotency-Key": "k",
                }
                made = requests.post(
                    f"{base}/v1/checkout/sessions", SESSION, headers=headers, timeout=10
                )
                if start == 0:
                    ref = made.json()["id"]
                    paid = requests.post(
                        f"{base}/_world/pay", json.dumps({"session": ref}), timeout=10
                    )
                    assert paid.json()["payment_status"] == "paid"
                assert made.json()["id"] == ref
                told = requests.post(f"{base}/_world/happened", timeout=10).json()
                assert told["events"][-1]["type"] == "checkout.session.completed"
                assert told["troubles"] == []
            finally:
                process.terminate()
                process.wait(10)
