"""The start page of the staff site: our sections, in our order, and no noise."""

import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def sections(page: str) -> list[str]:
    names = re.findall(r'class="section"[^>]*>\s*([^<]+?)\s*</a>', page)
    return list(dict.fromkeys(names))


def test_the_sections_stand_in_the_order_staff_think_in(staff_client: Client) -> None:
    page = staff_client.get("/admin/").content.decode()
    assert sections(page) == [
        "Prompts",
        "People, brands and mail",
        "Billing",
        "Sign-in addresses",
        "Google sign-in",
        "Staff roles",
        "Scheduled tasks",
        "Stripe&#x27;s own data (a copy)",
    ]


def test_a_section_is_called_the_same_on_its_own_pages(staff_client: Client) -> None:
    page = staff_client.get("/admin/account/emailaddress/").content.decode()
    assert "Sign-in addresses" in page.partition("breadcrumbs")[2].partition("</ol>")[0]


@pytest.mark.parametrize(
    "address",
    [
        "djstripe/apikey/",
        "djstripe/webhookendpoint/",
        "djstripe/webhookeventtrigger/",
        "sites/site/",
        "socialaccount/socialtoken/",
    ],
)
def test_tables_that_are_noise_have_no_page(staff_client: Client, address: str) -> None:
    assert staff_client.get(f"/admin/{address}").status_code == 404
