"""Brands: by host, then by product, then the default one."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.brands import table
from accounts.flows.brands import base_url, brand_for
from accounts.models import Brand, BrandHost, OutgoingMail

pytestmark = pytest.mark.django_db


def test_a_page_takes_the_brand_of_its_host_then_of_its_product_then_the_default() -> None:
    house = Brand.objects.create(code="house", name="House", is_default=True)
    shop = Brand.objects.create(code="shop", name="Shop", product="prompts")
    guest = Brand.objects.create(code="guest", name="Guest")
    BrandHost.objects.create(brand=guest, host="art.example.org")
    table.clear()
    assert brand_for("art.example.org:8000", "prompts") == guest
    assert brand_for("ART.example.org") == guest
    assert brand_for("other.example.org", "prompts") == shop
    assert brand_for("other.example.org", "writing") == house


def test_without_any_brand_the_house_has_a_name() -> None:
    assert brand_for().name == "Atelier"


def test_looking_brands_up_costs_one_load_not_one_query_a_page(django_assert_num_queries) -> None:
    brand_for()
    with django_assert_num_queries(0):
        brand_for("a.example.org", "prompts")


@pytest.mark.parametrize(
    ("public", "expected"),
    [
        ("https://atelier.example", "https://art.example.org"),
        ("http://127.0.0.1:8000", "http://art.example.org:8000"),
    ],
)
def test_a_link_never_takes_the_port_of_the_request(
    settings: Settings, public: str, expected: str
) -> None:
    settings.PUBLIC_BASE_URL = public
    BrandHost.objects.create(brand=Brand.objects.create(code="a"), host="art.example.org")
    table.clear()
    assert base_url("ART.example.org:6666") == expected
    assert base_url("evil.example:6666") == public


def test_a_sign_up_mail_comes_from_the_sender_of_the_hosts_brand(
    client: Client, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["art.example.org"]
    brand = Brand.objects.create(code="a", name="Art", sender_email="art@example.org")
    BrandHost.objects.create(brand=brand, host="art.example.org")
    table.clear()
    data = {"email": "new@example.org", "password1": "correct horse battery"}
    client.post("/account/signup/", data, HTTP_HOST="art.example.org")
    mail = OutgoingMail.objects.get()
    assert mail.get_content()["from_email"] == "Art <art@example.org>"
