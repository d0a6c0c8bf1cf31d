"""Limits per visitor, shared by all processes."""

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from common.errors import UserError
from common.ratelimit import limit, visitor_of


def use(times: int, *, subject: str = "a", most: int = 3) -> None:
    for _ in range(times):
        limit("test", subject, most=most, seconds=60)


def test_the_limit_holds_per_subject_and_says_when_to_come_back() -> None:
    use(3)
    with pytest.raises(UserError) as refused:
        use(1)
    assert refused.value.status == 429
    assert 0 < int(refused.value.headers["Retry-After"]) <= 60
    use(3, subject="b")


def test_a_broken_store_leaves_the_page_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(cache, "add", fail)
    use(10)


@pytest.mark.parametrize(
    ("remote", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::"),
    ],
)
def test_a_visitor_is_an_address_or_a_whole_ipv6_network(remote: str, counted: str) -> None:
    assert visitor_of(RequestFactory().get("/", REMOTE_ADDR=remote)) == counted


def test_a_made_up_forwarded_address_is_not_believed(settings: Settings) -> None:
    request = RequestFactory().get(
        "/", REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_FOR="198.51.100.1"
    )
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 0
    assert visitor_of(request) == "203.0.113.7"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert visitor_of(request) == "198.51.100.1"


def test_a_request_that_came_past_the_proxies_counts_by_its_own_address(
    settings: Settings,
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    request = RequestFactory().get(
        "/", REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_FOR="198.51.100.1"
    )
    assert visitor_of(request) == "203.0.113.7"
