"""Paid keys: a link by mail, the key shown once, longer with each payment, gone with the money."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.flows import keys, mail
from accounts.models import Account, ApiKey, AuditEntry, OutgoingMail, User
from billing.errors import BillingError
from billing.flows import keyplans, quotas, subscriptions
from billing.models import Fulfilment, KeyPlan, Order, OrderState, Subscription, SubscriptionState
from tests.billing import goods
from tests.billing.conftest import play

BASIC = {"plan": "basic", "daily_limit": 50, "days": 30}
PRO = {"plan": "pro", "daily_limit": 200, "days": 30}
DAY = timedelta(days=1)


def bought(account: Account, template: dict[str, Any] = BASIC, *, target: str = "") -> Fulfilment:
    sold = goods.offer("billing.key", template)
    return goods.delivery(goods.order(account, sold, target=target))


def subscribe(account: Account) -> Subscription:
    sold = goods.offer("billing.key", BASIC, recurring=True)
    return goods.subscription(goods.order(account, sold))


def period(sub: Subscription, number: int = 0) -> Fulfilment:
    start = timezone.now() + number * 30 * DAY
    return goods.delivery(sub.order, subscription=sub, start=start)


def last_mail() -> OutgoingMail:
    return OutgoingMail.objects.order_by("-pk")[0]


def token() -> str:
    """The token in the link of the last mail."""
    found = re.search(r"http\S+/claim/(\S+)", str(mail.message_of(last_mail()).body))
    assert found is not None
    return found[1]


def claimed(account: Account, template: dict[str, Any] = BASIC) -> tuple[Fulfilment, ApiKey]:
    given = bought(account, template)
    keyplans.fulfil(given)
    return given, keyplans.claim(KeyPlan.objects.get(order=given.order))[0]


def left(row: ApiKey | KeyPlan) -> int:
    """Days until the end, rounded."""
    row.refresh_from_db()
    assert row.expires_at is not None
    return round((row.expires_at - timezone.now()) / DAY)


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ({}, "plan is not a name"),
        ({**BASIC, "plan": ""}, "plan is not a name"),
        ({**BASIC, "plan": "x" * 41}, "plan is not a name"),
        ({**BASIC, "daily_limit": 0}, "daily_limit is not"),
        ({**BASIC, "daily_limit": 2_000_000}, "daily_limit is not"),
        ({**BASIC, "days": True}, "days is not"),
        ({**BASIC, "days": "30"}, "days is not"),
        ({**BASIC, "hours": 3}, "unknown field hours"),
    ],
)
def test_a_template_that_makes_no_sense_is_named(template: dict[str, Any], problem: str) -> None:
    assert any(problem in found for found in keyplans.problems(template))


def test_good_templates_have_no_problems() -> None:
    assert keyplans.problems(BASIC) == keyplans.problems(PRO) == []


def test_a_payment_prepares_one_key_and_mails_one_link(account: Account) -> None:
    given = bought(account)
    keyplans.fulfil(given)
    keyplans.fulfil(given)
    plan = KeyPlan.objects.get()
    assert (plan.plan, plan.daily_limit, plan.email) == ("basic", 50, "buyer@example.org")
    assert left(plan) == 30
    sent = OutgoingMail.objects.get()
    assert (sent.to_email, sent.carries_secret, sent.account) == (plan.email, True, account)
    assert sent.subject == "Your API key is ready"
    assert not ApiKey.objects.exists()


def test_the_link_shows_the_key_once_and_the_key_works(account: Account, owner: User) -> None:
    keyplans.fulfil(bought(account))
    text_of_link = token()
    key, text = keyplans.claim(keyplans.find(text_of_link), user=owner)
    assert (key.account, key.author, key.plan, key.daily_limit, key.email) == (
        account, owner, "basic", 50, "buyer@example.org",
    )  # fmt: skip
    assert left(key) == 30
    assert quotas.charge(text).remaining == 49
    with pytest.raises(BillingError, match="shown already"):
        keyplans.find(text_of_link)
    with pytest.raises(BillingError, match="shown already"):
        keyplans.claim(KeyPlan.objects.get())
    assert ApiKey.objects.count() == 1


def test_neither_the_token_nor_the_key_is_stored(account: Account) -> None:
    keyplans.fulfil(bought(account))
    secret = token()
    _, text = keyplans.claim(keyplans.find(secret))
    with connection.cursor() as cursor:
        for model in (KeyPlan, ApiKey, OutgoingMail):
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")
            stored = str(cursor.fetchall())
            assert secret not in stored
            assert text not in stored


def test_links_that_show_nothing_say_why(account: Account) -> None:
    with pytest.raises(BillingError, match="don't know this link") as unknown:
        keyplans.find("unheard-of")
    assert unknown.value.status == 404
    given = bought(account)
    keyplans.fulfil(given)
    secret = token()
    with (
        time_machine.travel(timezone.now() + 31 * DAY, tick=False),
        pytest.raises(BillingError, match="is over"),
    ):
        keyplans.find(secret)
    keyplans.withdraw(goods.undoing(given))
    with pytest.raises(BillingError, match="paid back"):
        keyplans.find(secret)
    with pytest.raises(BillingError, match="paid back"):
        keyplans.claim(KeyPlan.objects.get())


def test_a_new_link_replaces_the_old_one(account: Account) -> None:
    keyplans.fulfil(bought(account))
    old = token()
    keyplans.send_links("Buyer@Example.org")
    assert token() != old
    keyplans.find(token())
    with pytest.raises(BillingError, match="newer mail"):
        keyplans.find(old)


def test_the_outbox_renews_a_mail_with_a_link(account: Account) -> None:
    keyplans.fulfil(bought(account))
    old = token()
    OutgoingMail.objects.update(state="failed")
    mail.resend(last_mail())
    assert OutgoingMail.objects.count() == 2
    assert token() != old


def test_without_a_key_that_waits_no_link_is_sent(account: Account) -> None:
    claimed(account)
    before = OutgoingMail.objects.count()
    with pytest.raises(AccountsError, match="No key waits"):
        keyplans.send_links("buyer@example.org")
    assert OutgoingMail.objects.count() == before


def test_without_the_buyers_address_the_link_goes_to_the_author(
    account: Account, owner: User
) -> None:
    given = bought(account)
    Order.objects.update(buyer={}, author=owner)
    given.refresh_from_db()
    keyplans.fulfil(given)
    assert last_mail().to_email == owner.email


def test_another_purchase_extends_the_key_it_is_for_once(account: Account) -> None:
    _, key = claimed(account)
    again = bought(account, target=f"key:{key.pk}")
    keyplans.fulfil(again)
    keyplans.fulfil(again)
    assert left(key) == 60
    assert (key.plan, key.daily_limit) == ("basic", 50)
    assert ApiKey.objects.count() == 1
    assert OutgoingMail.objects.count() == 1


def test_an_extension_keeps_the_limit_that_staff_gave(account: Account, staff: User) -> None:
    _, key = claimed(account)
    keyplans.set_limit(key, 75, actor=staff, reason="A good customer")
    keyplans.fulfil(bought(account, target=f"key:{key.pk}"))
    assert (left(key), key.daily_limit) == (60, 75)


@pytest.mark.parametrize("template", [PRO, {**BASIC, "daily_limit": 60}, {**BASIC, "plan": "b"}])
def test_another_plan_is_another_key_and_days_stay_what_they_were(
    account: Account, template: dict[str, Any]
) -> None:
    _, key = claimed(account)
    other = bought(account, template, target=f"key:{key.pk}")
    keyplans.fulfil(other)
    assert (left(key), key.plan, key.daily_limit) == (30, "basic", 50)
    made, _ = keyplans.claim(keyplans.find(token()))
    assert (left(made), made.plan) == (30, template["plan"])
    assert made.daily_limit == template["daily_limit"]
    keyplans.withdraw(goods.undoing(other))
    made.refresh_from_db()
    assert made.revoked_at is not None
    assert left(key) == 30 and key.revoked_at is None


def test_the_key_of_a_subscription_is_not_extended(account: Account) -> None:
    sub = subscribe(account)
    keyplans.fulfil(period(sub))
    key, _ = keyplans.claim(KeyPlan.objects.get())
    before = left(key)
    once = bought(account, target=f"key:{key.pk}")
    keyplans.fulfil(once)
    assert left(key) == before
    made, _ = keyplans.claim(keyplans.find(token()))
    assert (left(made), KeyPlan.objects.get(api_key=made).order) == (30, once.order)
    keyplans.fulfil(period(sub, 1))
    keyplans.withdraw(goods.undoing(once))
    assert left(key) == before + 30 and key.is_live


def test_a_key_that_staff_gave_is_not_extended(account: Account, staff: User) -> None:
    key, _ = keyplans.issue_by_staff(
        account, plan="basic", daily_limit=50, days=10, email="", actor=staff, reason="Partner"
    )
    keyplans.fulfil(bought(account, target=f"key:{key.pk}"))
    assert left(key) == 10
    assert keyplans.find(token()).plan == "basic"


def test_an_expired_key_is_extended_from_now(account: Account) -> None:
    _, key = claimed(account)
    with time_machine.travel(timezone.now() + 100 * DAY, tick=False):
        keyplans.fulfil(bought(account, target=f"key:{key.pk}"))
        assert left(key) == 30


@pytest.mark.parametrize("why", ["revoked", "somebody else's", "gone", "endless", "nonsense"])
def test_a_key_that_cannot_be_extended_makes_way_for_a_new_one(account: Account, why: str) -> None:
    _, key = claimed(account)
    if why == "revoked":
        keys.revoke(key)
    if why == "somebody else's":
        ApiKey.objects.update(account=Account.objects.create(name="Other"))
    if why == "endless":
        ApiKey.objects.update(expires_at=None)
    number = {"gone": "999999", "nonsense": "x"}.get(why, str(key.pk))
    again = bought(account, target=f"key:{number}")
    keyplans.fulfil(again)
    assert keyplans.find(token()).order == again.order


def test_a_refund_revokes_the_key(account: Account) -> None:
    given, key = claimed(account)
    keyplans.withdraw(goods.undoing(given))
    key.refresh_from_db()
    first = key.revoked_at
    assert first is not None
    keyplans.withdraw(goods.undoing(given))
    key.refresh_from_db()
    assert key.revoked_at == first


def test_a_refund_in_part_keeps_the_key(account: Account) -> None:
    given, key = claimed(account)
    keyplans.withdraw(goods.undoing(given, 4999))
    key.refresh_from_db()
    assert key.is_live


def test_refunding_an_extension_takes_its_days_once(account: Account) -> None:
    _, key = claimed(account)
    again = bought(account, target=f"key:{key.pk}")
    keyplans.fulfil(again)
    keyplans.withdraw(goods.undoing(again))
    keyplans.withdraw(goods.undoing(again))
    assert left(key) == 30
    assert (key.plan, key.daily_limit, key.revoked_at) == ("basic", 50, None)


def test_refunding_the_first_order_leaves_the_days_of_a_paid_extension(account: Account) -> None:
    first, key = claimed(account)
    again = bought(account, target=f"key:{key.pk}")
    keyplans.fulfil(again)
    keyplans.withdraw(goods.undoing(first))
    keyplans.withdraw(goods.undoing(first))
    assert left(key) == 30
    assert key.revoked_at is None
    keyplans.withdraw(goods.undoing(again))
    key.refresh_from_db()
    assert key.revoked_at is not None, "nothing paid stands behind it any more"


@pytest.mark.parametrize("state", [OrderState.REFUNDED, OrderState.CHARGED_BACK])
def test_an_extension_whose_money_went_back_does_not_keep_the_key(
    account: Account, state: OrderState
) -> None:
    first, key = claimed(account)
    again = bought(account, target=f"key:{key.pk}")
    keyplans.fulfil(again)
    Order.objects.filter(pk=again.order_id).update(state=state)  # its taking back is on its way
    keyplans.withdraw(goods.undoing(first))
    key.refresh_from_db()
    assert key.revoked_at is not None
    keyplans.withdraw(goods.undoing(again))
    key.refresh_from_db()
    assert not key.is_live


def test_an_extension_bought_after_a_gap_outlives_a_late_refund_of_the_first_order(
    account: Account,
) -> None:
    first, key = claimed(account)
    with time_machine.travel(timezone.now() + 100 * DAY, tick=False):
        keyplans.fulfil(bought(account, target=f"key:{key.pk}"))
    with time_machine.travel(timezone.now() + 110 * DAY, tick=False):
        keyplans.withdraw(goods.undoing(first))
        assert left(key) == 20
        assert key.is_live


def test_refunding_one_of_three_orders_takes_only_its_days(account: Account) -> None:
    first, key = claimed(account)
    for days in (10, 20):
        with time_machine.travel(timezone.now() + days * DAY, tick=False):
            keyplans.fulfil(bought(account, target=f"key:{key.pk}"))
    assert left(key) == 90
    keyplans.withdraw(goods.undoing(first))
    assert left(key) == 60


def test_each_period_makes_the_same_key_last_longer(account: Account) -> None:
    sub = subscribe(account)
    keyplans.fulfil(period(sub))
    assert left(KeyPlan.objects.get()) == 44
    second = period(sub, 1)
    keyplans.fulfil(second)  # before it was claimed
    key, _ = keyplans.claim(KeyPlan.objects.get())
    assert left(key) == 74
    third = period(sub, 2)
    keyplans.fulfil(third)
    keyplans.fulfil(third)
    keyplans.fulfil(second)  # late, and again
    assert left(key) == 104
    assert left(KeyPlan.objects.get()) == 104
    assert OutgoingMail.objects.count() == 1


def test_a_renewal_keeps_the_limit_that_staff_gave(account: Account, staff: User) -> None:
    sub = subscribe(account)
    keyplans.fulfil(period(sub))
    key, _ = keyplans.claim(KeyPlan.objects.get())
    keyplans.set_limit(key, 75, actor=staff, reason="A good customer")
    keyplans.fulfil(period(sub, 1))
    key.refresh_from_db()
    assert key.daily_limit == 75


def test_a_change_of_plan_changes_the_key(account: Account) -> None:
    sub = subscribe(account)
    keyplans.fulfil(period(sub))
    key, _ = keyplans.claim(KeyPlan.objects.get())
    Subscription.objects.update(price=goods.offer("billing.key", PRO, recurring=True).price)
    sub.refresh_from_db()
    keyplans.fulfil(goods.delivery(sub.order, subscription=sub, paid=False))
    key.refresh_from_db()
    assert (key.plan, key.daily_limit) == ("pro", 200)


def test_a_lapse_ends_the_key_and_a_later_payment_brings_it_back(account: Account) -> None:
    sub = subscribe(account)
    given = period(sub)
    keyplans.fulfil(given)
    key, _ = keyplans.claim(KeyPlan.objects.get())
    lapse = goods.undoing(given, cause=Fulfilment.Cause.LAPSE)
    keyplans.withdraw(lapse)
    key.refresh_from_db()
    assert key.is_live, "the subscription runs: it was paid meanwhile"
    Subscription.objects.update(state=SubscriptionState.UNPAID)
    keyplans.withdraw(Fulfilment.objects.get(pk=lapse.pk))
    key.refresh_from_db()
    assert not key.is_live
    assert key.revoked_at is None
    keyplans.fulfil(goods.delivery(sub.order, subscription=sub))
    key.refresh_from_db()
    assert key.is_live


def test_the_key_of_a_failed_renewal_works_through_the_grace(
    account: Account, buy: Any, django_capture_on_commit_callbacks: Any
) -> None:
    sub = buy("prompts-basic-monthly")
    key, text = keyplans.claim(KeyPlan.objects.get())
    now = timezone.now()
    with time_machine.travel(now + 30 * DAY, tick=False):
        play(sub, "fail_renewal", django_capture_on_commit_callbacks)
    with time_machine.travel(now + 43 * DAY, tick=False):
        assert Subscription.objects.get().runs
        assert quotas.charge(text).remaining == 49
    with time_machine.travel(now + 45 * DAY, tick=False):
        subscriptions.remind()
        key.refresh_from_db()
        assert not key.is_live


def test_a_subscription_that_ended_before_its_delivery_gives_no_key(account: Account) -> None:
    sub = subscribe(account)
    sub.state = SubscriptionState.CANCELED
    sub.save()
    keyplans.fulfil(period(sub))
    assert not KeyPlan.objects.exists()


def test_refunding_the_last_period_ends_the_key_and_an_old_one_does_not(account: Account) -> None:
    sub = subscribe(account)
    old, new = period(sub, -1), period(sub)
    keyplans.fulfil(old)
    keyplans.fulfil(new)
    key, _ = keyplans.claim(KeyPlan.objects.get())
    keyplans.withdraw(goods.undoing(old))
    assert left(key) == 44
    keyplans.withdraw(goods.undoing(new))
    assert left(key) == 0
    assert not key.is_live


def test_a_period_paid_in_advance_and_refunded_leaves_the_one_before(account: Account) -> None:
    sub = subscribe(account)
    keyplans.fulfil(period(sub))
    ahead = period(sub, 1)
    keyplans.fulfil(ahead)
    key, _ = keyplans.claim(KeyPlan.objects.get())
    keyplans.withdraw(goods.undoing(ahead))
    assert left(key) == 30


def test_staff_issue_limit_and_revoke_with_a_reason(account: Account, staff: User) -> None:
    key, text = keyplans.issue_by_staff(
        account,
        plan="pro",
        daily_limit=200,
        days=10,
        email="partner@example.org",
        actor=staff,
        reason="Partner",
    )
    assert (left(key), key.email, key.author) == (10, "partner@example.org", staff)
    assert quotas.charge(text).limit == 200
    keyplans.set_limit(key, 1, actor=staff, reason="Too loud")
    keyplans.revoke(key, actor=staff, reason="Leaked")
    key.refresh_from_db()
    assert (key.daily_limit, key.is_live) == (1, False)
    entries = AuditEntry.objects.order_by("pk")
    assert [entry.action for entry in entries] == [
        "billing.issue_key", "billing.set_key_limit", "billing.revoke_key",
    ]  # fmt: skip
    assert (entries[1].before, entries[1].after) == ({"daily_limit": "200"}, {"daily_limit": "1"})
    with pytest.raises(BillingError, match="from 0 to"):
        keyplans.set_limit(key, -1, actor=staff, reason="Typo")
    with pytest.raises(AccountsError):
        keyplans.revoke(key, actor=staff, reason="")
