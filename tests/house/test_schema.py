"""The API keeps its word: what the schema says is what is answered, and nothing brings it down."""

from typing import Any

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from pytest_django.live_server_helper import LiveServer
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from accounts.flows import keys
from accounts.models import Account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("words")]
KEY = "schema-test-key-000"


@pytest.fixture
def live_key(db: None) -> str:
    account = Account.objects.create(name="Schema")
    return keys.issue(account, name="k", daily_limit=1_000_000, text=KEY)[1]


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_input_brings_the_api_down(
    words: None, live_key: str, live_server: LiveServer, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_url(f"{live_server.url}/api/schema/?format=json")
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 10
    for operation in operations:
        try_operation(operation, mode)


def try_operation(operation: Any, mode: GenerationMode) -> None:
    """Call one door with 30 inputs that fit the schema, or that do not."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    def one(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Bearer {KEY}"})
        case.validate_response(
            response,
            checks=[not_a_server_error, status_code_conformance, response_schema_conformance],
        )

    try:
        one()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing about this door can be wrong


def test_the_schema_names_every_door(client: Client) -> None:
    paths = client.get("/api/schema/", {"format": "json"}).json()["paths"]
    for path in ("/optimize", "/api/optimize", "/api/v1/optimize", "/auth/check", "/usage"):
        assert path in paths
    assert "/api/v1/optimize/batch" in paths


def test_the_manual_shows_an_example_for_each_door(client: Client) -> None:
    page = client.get("/api/docs/").content.decode()
    assert "curl" in page
    assert "/api/v1/optimize" in page


def test_the_real_answer_fits_the_schema(client: Client, live_key: str) -> None:
    schema = client.get("/api/schema/", {"format": "json"}).json()
    described = set(schema["components"]["schemas"]["Result"]["properties"])
    answer = client.post(
        "/optimize",
        {"idea": "a fox", "seed": 1},
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {KEY}",
    ).json()
    assert set(answer) == described
