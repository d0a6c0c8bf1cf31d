"""Card data never come near us: they are typed on the provider's page and nowhere else."""

import re
from pathlib import Path

from django.apps import apps
from django.conf import settings

CARD = re.compile(
    r"card_?number|\bcvc\b|\bcvv\b|cc-(number|csc|exp)|card\[|payment_method_data", re.I
)
OURS = ("accounts", "billing", "common", "config", "prompts", "templates", "static/js")


def test_no_page_form_or_call_of_ours_has_a_place_for_card_data(project: Path) -> None:
    files = [
        path
        for folder in OURS
        for path in (project / folder).rglob("*")
        if path.suffix in (".py", ".html", ".js") and "djstripe_migrations" not in path.parts
    ]
    assert len(files) > 200
    assert [str(path) for path in files if CARD.search(path.read_text(encoding="utf-8"))] == []


def test_no_table_of_ours_has_a_place_for_card_data() -> None:
    columns = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in ("accounts", "billing", "prompts")
        for field in model._meta.get_fields()
    ]
    assert [name for name in columns if re.search(r"card|cvc|cvv|iban", name, re.I)] == []


def test_no_script_of_a_provider_runs_on_our_pages() -> None:
    assert [str(part) for part in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["script-src"]] == [
        "'self'"
    ]
