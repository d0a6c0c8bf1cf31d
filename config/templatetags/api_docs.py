"""Template filter that turns an OpenAPI schema into what the API page draws.

The page is made from the schema alone, so an endpoint is documented by being in the API.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

JSON = "application/json"
METHODS = ("get", "post", "put", "patch", "delete")
MAX_DEPTH = 4  # nested objects below this are named, not unfolded


class Field(TypedDict):
    """One input of an endpoint."""

    name: str
    kind: str
    required: bool
    about: str


class Answer(TypedDict):
    """One status an endpoint answers with."""

    status: str
    about: str
    example: str


class Endpoint(TypedDict):
    """One method of one path."""

    id: str
    method: str
    path: str
    title: str
    about: str
    locked: bool
    fields: list[Field]
    example: str
    answers: list[Answer]
    errors: list[Answer]


@register.filter
def endpoints(schema: Mapping[str, Any]) -> list[Endpoint]:
    """Return every endpoint of an OpenAPI 3 schema, in the order of the schema."""
    return [
        endpoint(schema, path, method, item[method])
        for path, item in schema.get("paths", {}).items()
        for method in METHODS
        if method in item
    ]


@register.filter
def inline_code(text: str) -> SafeString:
    """Return text as HTML in which `words in backticks` are code."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return mark_safe(marked)  # noqa: S308 escaped above; only <code> is added


@register.simple_tag
def curl(endpoint: Endpoint, base: str, key: str = "YOUR_KEY") -> str:
    """Return the shell command that calls an endpoint at `base`."""
    parts = [f"curl {base}{endpoint['path']}"]
    if endpoint["method"] not in {"GET", "POST"} or (
        endpoint["method"] == "POST" and not endpoint["example"]
    ):
        parts[0] = f"curl -X {endpoint['method']} {base}{endpoint['path']}"
    if endpoint["locked"]:
        parts.append(f"-H 'Authorization: Bearer {key}'")
    if endpoint["example"]:
        quoted = endpoint["example"].replace("'", "'\\''")
        parts += ["-H 'Content-Type: application/json'", f"-d '{quoted}'"]
    return " \\\n  ".join(parts)


def endpoint(
    schema: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> Endpoint:
    """Return one operation as the page shows it."""
    body = json_part(operation.get("requestBody", {}))
    shape = resolve(schema, body.get("schema", {}))
    example = example_of(schema, body, whole=False)
    title, _, about = operation.get("description", "").partition("\n")
    answers = [
        answer(schema, status, told) for status, told in operation.get("responses", {}).items()
    ]
    return {
        "id": operation.get("operationId", f"{method}{path}").replace("/", "-"),
        "method": method.upper(),
        "path": path,
        "title": operation.get("summary") or title.strip() or path,
        "about": (operation.get("description", "") if operation.get("summary") else about).strip(),
        "locked": any(operation.get("security", schema.get("security", []))),
        "fields": [*parameters_of(schema, operation), *fields_of(schema, shape)],
        "example": json.dumps(example, indent=2, ensure_ascii=False) if example else "",
        "answers": [told for told in answers if told["status"] < "4"],
        "errors": [told for told in answers if told["status"] >= "4"],
    }


def json_part(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON media type of a body or a response, or nothing."""
    part: Mapping[str, Any] = content.get("content", {}).get(JSON, {})
    return part


def answer(schema: Mapping[str, Any], status: str, told: Mapping[str, Any]) -> Answer:
    """Return one response as the page shows it."""
    example = example_of(schema, json_part(told))
    return {
        "status": status,
        "about": told.get("description", ""),
        "example": json.dumps(example, indent=2, ensure_ascii=False) if example else "",
    }


def resolve(schema: Mapping[str, Any], shape: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow `$ref` and the single `allOf` that drf-spectacular writes around a described one."""
    while "$ref" in shape:
        node: Any = schema
        for step in str(shape["$ref"]).removeprefix("#/").split("/"):
            node = node[step]
        shape = node
    if len(shape.get("allOf", ())) == 1:
        return {**resolve(schema, shape["allOf"][0]), **shape}
    return shape


def parameters_of(schema: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[Field]:
    """Yield the path, query and header parameters."""
    for parameter in operation.get("parameters", ()):
        yield {
            "name": parameter["name"],
            "kind": f"{kind_of(schema, parameter.get('schema', {}))} in the {parameter['in']}",
            "required": parameter.get("required", False),
            "about": parameter.get("description", ""),
        }


def fields_of(schema: Mapping[str, Any], shape: Mapping[str, Any]) -> Iterator[Field]:
    """Yield the properties of a JSON body."""
    for name, inner in shape.get("properties", {}).items():
        yield {
            "name": name,
            "kind": kind_of(schema, inner),
            "required": name in shape.get("required", ()),
            "about": resolve(schema, inner).get("description", ""),
        }


def kind_of(schema: Mapping[str, Any], shape: Mapping[str, Any]) -> str:
    """Return the type of a value in everyday words."""
    shape = resolve(schema, shape)
    for choice in ("oneOf", "anyOf"):
        if choice in shape:
            kinds = [kind_of(schema, inner) for inner in shape[choice]]
            return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "nothing"))
    if shape.get("type") == "array":
        return f"list of {kind_of(schema, shape.get('items', {}))}"
    kind = str(shape.get("type", "any"))
    return {"string": "text", "integer": "whole number", "boolean": "yes or no"}.get(kind, kind)


def example_of(schema: Mapping[str, Any], part: Mapping[str, Any], *, whole: bool = True) -> Any:
    """Return the example a media type names, else one made from its schema.

    Not `whole`: without what may be left out, so that a command that is tried out is short.
    """
    if "example" in part:
        return part["example"]
    for named in part.get("examples", {}).values():
        return named.get("value")
    return made_up(schema, part.get("schema", {}), whole=whole)


def made_up(
    schema: Mapping[str, Any], shape: Mapping[str, Any], depth: int = 0, *, whole: bool = True
) -> Any:
    """Return a value that fits: the example, default or first choice, else the zero of its type."""
    shape = resolve(schema, shape)
    for source in ("example", "default"):
        if shape.get(source) is not None:
            return shape[source]
    if shape.get("enum"):
        return shape["enum"][0]
    if shape.get("properties") and depth < MAX_DEPTH:
        return {
            name: made_up(schema, inner, depth + 1, whole=whole)
            for name, inner in shape["properties"].items()
            if whole or name in shape.get("required", shape["properties"])
        }
    if shape.get("type") == "array" and depth < MAX_DEPTH:
        items = shape.get("items")
        return [made_up(schema, items, depth + 1, whole=whole)] if items else []
    return {"string": "…", "integer": 0, "number": 0, "boolean": False, "array": []}.get(
        str(shape.get("type")), {}
    )
