"""Every admin page opens, and its queries do not grow with its rows."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.flows import keys
from accounts.models import (
    Account,
    AccountNote,
    ApiKey,
    AuditEntry,
    Brand,
    BrandHost,
    LegalText,
    MailAttempt,
    Membership,
    OutgoingMail,
    User,
)
from billing.flows import quotas
from billing.models import Order, Payment, Subscription, Wallet
from prompts.flows import vocabulary
from prompts.models import (
    ConflictSet,
    NegativeTerm,
    PlatformProfile,
    Preset,
    Suggestion,
    Term,
    VocabularyVersion,
)
from tests.billing import rows

pytestmark = pytest.mark.django_db
OURS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in ("accounts", "billing", "prompts")
]
SURE = {"confirmed": "yes", "reason": "It leaked."}
OTHERS = [model for model in admin.site._registry if model not in OURS]


def fill(start: int, count: int) -> None:
    """Make rows of everything staff look at."""
    for n in range(start, start + count):
        user = User.objects.create_user(f"user{n}@example.org")
        account = Account.objects.create(name=f"Account {n}")
        Membership.objects.create(account=account, user=user)
        _, text = keys.issue(account, name=f"Key {n}", author=user, plan="free")
        quotas.charge(text)
        brand = Brand.objects.create(code=f"brand-{n}", name=f"Brand {n}")
        BrandHost.objects.create(brand=brand, host=f"host{n}.example.org")
        LegalText.objects.create(brand=brand, kind="terms", text="…")
        mail = OutgoingMail.objects.create(
            to_email=f"to{n}@example.org",
            subject=f"Mail {n}",
            account=account,
            content={"html": "<p>x</p>", "text": "x"},
            created_at=timezone.now(),
        )
        MailAttempt.objects.create(mail=mail, number=1, outcome="retry", error="busy")
        AuditEntry.objects.create(actor=user, action="billing.refund", model="x", object_id=str(n))
        AccountNote.objects.create(account=account, author=user, text=f"Called {n}")
        fill_vocabulary(n, user)
        rows.everything(n, account, user)


def fill_vocabulary(n: int, author: User) -> None:
    """Make one row of every table of the vocabulary, and a version by its own author."""
    Term.objects.create(slot="mood", family=f"family {n}", text=f"mood {n}", aliases=[f"m{n}"])
    ConflictSet.objects.create(code=f"X{n}", title=f"Conflict {n}", sides=[["a"], ["b"]])
    Preset.objects.create(code=f"preset-{n}", title=f"Preset {n}", slots={"mood": [f"mood {n}"]})
    NegativeTerm.objects.create(group="style", text=f"unwanted {n}", when=["person"])
    Suggestion.objects.create(slot="mood", when=f"cue {n}", text=f"mood {n}", reason="It suits.")
    PlatformProfile.objects.create(
        platform="pika", version=f"v{n}", title=f"Pika {n}", settings={"form": "bot"}
    )
    VocabularyVersion.objects.create(
        name=f"version {n}", fingerprint=str(n), author=author, note=f"Changed {n}", data={}
    )


def grow(row: models.Model, start: int, count: int) -> None:
    """Give one row more of what stands below it in its form."""
    for n in range(start, start + count):
        if isinstance(row, Account):
            user = User.objects.create_user(f"member{n}@example.org")
            Membership.objects.create(account=row, user=user)
        elif isinstance(row, Brand):
            BrandHost.objects.create(brand=row, host=f"more{n}.example.org")
        elif isinstance(row, OutgoingMail):
            MailAttempt.objects.create(mail=row, number=n, outcome="retry", error="busy")
        elif isinstance(row, (Order, Payment, Subscription)):
            rows.below(row)
        elif isinstance(row, Wallet):
            rows.coins(row)
        elif isinstance(row, User):
            row.groups.add(Group.objects.create(name=f"group {n}"))


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address)
    assert response.status_code == 200, address
    return len(captured)


def name_of(model: type[models.Model]) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}"


@pytest.fixture
def vocabulary_rows(db: None) -> None:
    vocabulary.load_starter()


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_a_list_opens_with_a_constant_number_of_queries(
    staff_client: Client, vocabulary_rows: None, model: type[models.Model]
) -> None:
    address = reverse(f"admin:{name_of(model)}_changelist")
    fill(0, 3)
    staff_client.get(address)  # content types and permissions are cached after the first page
    few, rows = queries(staff_client, address), model._default_manager.count()
    fill(3, 6)
    assert model._default_manager.count() >= rows + 6, "fill() makes no rows of this table"
    assert queries(staff_client, address) == few
    assert few <= 15


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_a_form_opens_with_a_constant_number_of_queries(
    staff_client: Client, vocabulary_rows: None, model: type[models.Model]
) -> None:
    fill(0, 2)
    row: Any = model._default_manager.first()
    assert row is not None
    grow(row, 0, 2)
    address = reverse(f"admin:{name_of(model)}_change", args=[row.pk])
    staff_client.get(address)
    few = queries(staff_client, address)
    fill(2, 6)
    grow(row, 2, 20)
    assert queries(staff_client, address) == few
    assert few <= 20


def test_the_growing_form_shows_what_grew(staff_client: Client) -> None:
    account = Account.objects.create(name="Team")
    grow(account, 0, 3)
    page = staff_client.get(reverse("admin:accounts_account_change", args=[account.pk]))
    assert all(f"member{n}@example.org" in page.content.decode() for n in range(3))


def test_revoking_many_keys_takes_as_many_queries_as_revoking_few(staff_client: Client) -> None:
    account = Account.objects.create(name="Buyer")
    address = reverse("admin:accounts_apikey_changelist")

    def revoke(count: int) -> int:
        made = [keys.issue(account, name=f"k{n}")[0].pk for n in range(count)]
        data = {"action": "revoke_keys", "_selected_action": made, **SURE}
        with CaptureQueriesContext(connection) as captured:
            assert staff_client.post(address, data).status_code == 302
        assert not ApiKey.objects.live().exists()
        return len(captured)

    revoke(1)
    assert revoke(30) == revoke(3)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_a_list_can_be_searched(staff_client: Client, model: type[models.Model]) -> None:
    address = reverse(f"admin:{name_of(model)}_changelist")
    assert staff_client.get(address, {"q": "nothing like this"}).status_code == 200


@pytest.mark.parametrize("model", [*OURS, *OTHERS], ids=lambda model: model._meta.label)
def test_every_list_and_every_add_form_opens(
    staff_client: Client, model: type[models.Model]
) -> None:
    for page in ("changelist", "add"):
        response = staff_client.get(reverse(f"admin:{name_of(model)}_{page}"))
        assert response.status_code in ((200,) if page == "changelist" else (200, 403)), page


def test_the_index_opens(staff_client: Client) -> None:
    assert staff_client.get("/admin/").status_code == 200


def test_a_new_key_is_shown_once_and_works(staff_client: Client) -> None:
    account = Account.objects.create(name="Buyer")
    response = staff_client.post(
        reverse("admin:accounts_apikey_add"),
        {
            "account": account.pk,
            "name": "Shop",
            "email": "a@example.org",
            "plan": "pro",
            "scopes": "prompts",
            "daily_limit": 200,
            "expires_at_0": "",
            "expires_at_1": "",
            "reason": "A partner asked.",
        },
        follow=True,
    )
    import re

    text = re.search(r"atelier_test_\S+?_[0-9a-f]{8}", response.content.decode())
    assert text is not None
    assert quotas.standing(text[0]).key.daily_limit == 200
    again = staff_client.get(reverse("admin:accounts_apikey_changelist")).content.decode()
    assert text[0] not in again


def test_changing_a_key_keeps_its_digest_and_revoking_stops_it(
    staff_client: Client, key: Any
) -> None:
    row, text = key
    address = reverse("admin:accounts_apikey_change", args=[row.pk])
    data = {
        "account": row.account_id,
        "name": row.name,
        "email": "",
        "plan": "",
        "scopes": "prompts",
        "daily_limit": 9,
        "expires_at_0": "",
        "expires_at_1": "",
        "revoked_at_0": "",
        "revoked_at_1": "",
        "reason": "Too busy.",
    }
    assert staff_client.post(address, data).status_code == 302
    assert quotas.standing(text).key.daily_limit == 9
    staff_client.post(
        reverse("admin:accounts_apikey_changelist"),
        {"action": "revoke_keys", "_selected_action": [row.pk], **SURE},
    )
    with pytest.raises(Exception, match="revoked"):
        quotas.standing(text)


def test_a_mail_is_shown_rendered_with_its_tries(staff_client: Client) -> None:
    fill(0, 1)
    mail = OutgoingMail.objects.get()
    page = staff_client.get(reverse("admin:accounts_outgoingmail_change", args=[mail.pk]))
    body = reverse("admin:accounts_outgoingmail_body", args=[mail.pk])
    assert body in page.content.decode()
    assert "busy" in page.content.decode()
    frame = staff_client.get(body)
    assert frame.content.startswith(b"<p>x</p>")
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_mail_with_a_secret_is_never_shown(staff_client: Client) -> None:
    mail = OutgoingMail.objects.create(
        to_email="a@example.org",
        subject="Reset",
        carries_secret=True,
        sealed='{"html": "the link"}',
    )
    page = staff_client.get(reverse("admin:accounts_outgoingmail_change", args=[mail.pk]))
    assert "never shown" in page.content.decode()
    assert "the link" not in page.content.decode()
    body = reverse("admin:accounts_outgoingmail_body", args=[mail.pk])
    assert staff_client.get(body).status_code == 404


def test_staff_retry_everything_that_failed_with_one_button(staff_client: Client) -> None:
    fill(0, 2)
    OutgoingMail.objects.update(state="failed")
    page = staff_client.get(reverse("admin:accounts_outgoingmail_changelist"), {"attention": "yes"})
    assert "Retry all 2 failed" in page.content.decode()
    address = reverse("admin:accounts_outgoingmail_retry")
    assert staff_client.get(address).status_code == 404
    assert staff_client.post(address).status_code == 302
    assert OutgoingMail.objects.filter(state="queued").count() == 2


def test_support_staff_see_mails_but_no_vocabulary(client: Client) -> None:
    from accounts.flows import starter

    starter.seed()
    helper = User.objects.create_user("helper@example.org", is_staff=True)
    helper.groups.add(Group.objects.get(name="support"))
    client.force_login(helper)
    assert client.get(reverse("admin:accounts_outgoingmail_changelist")).status_code == 200
    assert client.get(reverse("admin:prompts_term_changelist")).status_code == 403
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 200


def test_a_published_legal_text_never_changes(staff_client: Client) -> None:
    brand = Brand.objects.create(code="b", name="B")
    text = LegalText.objects.create(
        brand=brand, kind="terms", text="v1", published_at=timezone.now()
    )
    address = reverse("admin:accounts_legaltext_change", args=[text.pk])
    staff_client.post(
        address, {"brand": brand.pk, "kind": "terms", "version": 1, "text": "changed"}
    )
    text.refresh_from_db()
    assert text.text == "v1"
