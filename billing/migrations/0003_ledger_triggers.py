from collections.abc import Callable
from typing import Any

from django.db import migrations

from billing import triggers


def run(statements: dict[str, list[str]]) -> Callable[[Any, Any], None]:
    def execute(apps: Any, schema_editor: Any) -> None:
        for statement in statements[schema_editor.connection.vendor]:
            schema_editor.execute(statement)

    return execute


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_money")]

    operations = [migrations.RunPython(run(triggers.INSTALL), run(triggers.REMOVE))]
