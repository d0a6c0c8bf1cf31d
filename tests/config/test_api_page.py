"""The API page is drawn from the OpenAPI schema."""

import json
import shlex

from config.templatetags.api_docs import curl, endpoints, inline_code

SCHEMA = {
    "paths": {
        "/api/v1/thing": {
            "parameters": [],
            "post": {
                "operationId": "make_thing",
                "summary": "Make a thing",
                "security": [{"ApiKey": []}],
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}
                    }
                },
                "responses": {
                    "200": {"description": "The thing"},
                    "401": {"description": "No key"},
                },
            },
            "get": {"operationId": "see_thing", "description": "See it\nMore.", "security": [{}]},
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["idea"],
                "properties": {
                    "idea": {"type": "string", "description": "What.", "example": "a fox's den"},
                    "tags": {
                        "oneOf": [
                            {"type": "array", "items": {"type": "string"}},
                            {"type": "string"},
                        ]
                    },
                    "parent": {"$ref": "#/components/schemas/Thing"},
                },
            }
        }
    },
}


def test_every_method_of_every_path_is_shown_with_inputs_and_answers() -> None:
    seen, made = endpoints(SCHEMA)
    assert (seen["method"], seen["title"], seen["about"]) == ("GET", "See it", "More.")
    assert not seen["locked"]
    assert made["locked"]
    assert [(field["name"], field["kind"], field["required"]) for field in made["fields"]] == [
        ("idea", "text", True),
        ("tags", "list of text or text", False),
        ("parent", "object", False),
    ]
    assert [answer["status"] for answer in made["answers"]] == ["200"]
    assert [answer["status"] for answer in made["errors"]] == ["401"]


def test_the_command_can_be_pasted_into_a_shell() -> None:
    _, made = endpoints(SCHEMA)
    words = shlex.split(curl(made, "https://example.org").replace("\\\n", " "))
    assert words[:2] == ["curl", "https://example.org/api/v1/thing"]
    assert json.loads(words[words.index("-d") + 1])["idea"] == "a fox's den"
    assert "Authorization: Bearer YOUR_KEY" in words


def test_words_in_backticks_are_code_and_everything_else_is_escaped() -> None:
    assert inline_code("`code` <b>") == "<code>code</code> &lt;b&gt;"
