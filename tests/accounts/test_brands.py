"""Brands: by host, then by product, then the default one."""

import pytest

from accounts.brands import table
from accounts.flows.brands import brand_for
from accounts.models import Brand, BrandHost

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
