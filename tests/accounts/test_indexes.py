"""Looking somebody up by address uses an index, on the database of production."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.flows import signup
from accounts.models import Account, User


@pytest.mark.django_db
def test_addresses_are_stored_and_found_in_lower_case() -> None:
    user = User.objects.create(email=" MiXed@Example.ORG ")
    assert user.email == "mixed@example.org"
    assert User.objects.get_by_natural_key("Mixed@EXAMPLE.org") == user
    guest = signup.guest_account("Guest@Example.org")
    assert Account.objects.unclaimed(" GUEST@example.org").get() == guest
    User.objects.filter(pk=user.pk).update(email="OTHER@example.org")
    user.refresh_from_db()
    assert user.email == "other@example.org"


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.django_db
def test_postgresql_finds_an_address_by_its_index() -> None:
    assert connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a few rows would be read whole
    looked_for = "A@example.org"
    for rows in (User.objects.filter(email=looked_for), Account.objects.unclaimed(looked_for)):
        plan = rows.explain()
        assert "Index" in plan and "Seq Scan" not in plan, plan
    with CaptureQueriesContext(connection) as queries, pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key(looked_for)
    assert "UPPER" not in queries[0]["sql"]
