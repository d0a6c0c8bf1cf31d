"""Invoices on the screen and as PDF: the same paper, for its buyer only, without the network."""

import re
import zlib
from typing import Any

import pytest
from django.test import Client
from weasyprint.urls import FatalURLFetchingError

from billing.models import Invoice, Payment, Seller
from billing.paper import FILES, OwnFiles
from tests.billing.conftest import play

pytestmark = pytest.mark.django_db


def text_of(client: Client, invoice: Invoice) -> str:
    answer = client.get(f"/invoices/{invoice.pk}/")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def test_an_invoice_says_who_sold_what_to_whom(owner_client: Client, buy: Any) -> None:
    Seller.objects.update_or_create(
        is_default=True,
        defaults={"code": "at", "name": "Atelier & Sons", "address": "1 Main St\nTown",
                  "tax_id": "XX123"},
    )  # fmt: skip
    invoice = buy("prompts-basic").invoices.get()
    text = text_of(owner_client, invoice)
    for part in (invoice.number, "Atelier &amp; Sons", "1 Main St<br>Town", "XX123",
                 "owner@example.org", "United States", "Basic key", "$9.00"):  # fmt: skip
        assert part in text
    assert "not registered for tax" in text


def test_a_test_payment_never_looks_like_a_real_invoice(owner_client: Client, buy: Any) -> None:
    invoice = buy("prompts-basic").invoices.get()
    assert "TEST – no money was paid" in text_of(owner_client, invoice)
    Payment.objects.update(gateway="stripe")
    real = text_of(owner_client, invoice)
    assert "TEST" not in real and "Paid on" in real


def test_a_credit_note_names_what_it_corrects(
    owner_client: Client, buy: Any, django_capture_on_commit_callbacks: Any
) -> None:
    order = play(buy("prompts-basic"), "refund", django_capture_on_commit_callbacks)
    first, note = order.invoices.order_by("pk")
    text = text_of(owner_client, note)
    assert "Credit note" in text and first.number in text and "−$9.00" in text


def test_the_pdf_is_a_pdf_of_the_same_paper(owner_client: Client, buy: Any) -> None:
    invoice = buy("prompts-basic").invoices.get()
    answer = owner_client.get(f"/invoices/{invoice.pk}.pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert invoice.number in answer.headers["Content-Disposition"]
    streams = re.findall(rb"stream\n(.*?)\nendstream", answer.content, re.DOTALL)
    assert any(b"Geist" in inflated(stream) for stream in streams)  # our own letters were found


def test_what_a_buyer_typed_is_text_on_the_paper(owner_client: Client, buy: Any) -> None:
    invoice = buy("prompts-basic").invoices.get()
    Invoice.objects.update(sold_to={"name": '<img src="https://example.org/x.png">'})
    assert "&lt;img src=" in text_of(owner_client, invoice)
    assert owner_client.get(f"/invoices/{invoice.pk}.pdf").status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/x.css",
        "file:///etc/passwd",
        f"{FILES}../config/settings.py",
        f"{FILES}js/base.js",
        f"{FILES}css/missing.css",
        "data:text/css,a{}",
    ],
)
def test_the_pdf_loads_nothing_but_our_own_sheets(url: str) -> None:
    with pytest.raises(FatalURLFetchingError):
        OwnFiles().fetch(url)


@pytest.mark.parametrize("tail", ["/", ".pdf"])
def test_a_stranger_finds_no_invoice(
    client: Client, stranger_client: Client, buy: Any, tail: str
) -> None:
    invoice = buy("prompts-basic").invoices.get()
    for who in (client, stranger_client):
        assert who.get(f"/invoices/{invoice.pk}{tail}").status_code == 404
    assert client.get(f"/invoices/{invoice.pk + 999}{tail}").status_code == 404


def test_a_guest_sees_the_invoice_in_the_browser_that_bought(
    client: Client, buy: Any, django_assert_max_num_queries: Any
) -> None:
    order = buy("prompts-basic")
    session = client.session
    session["orders"] = [str(order.uuid)]
    session.save()
    with django_assert_max_num_queries(5):
        text_of(client, order.invoices.get())
