"""Pieces every endpoint's OpenAPI description shares."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, inline_serializer
from rest_framework import serializers

KEY_AUTH: list[Any] = [{"ApiKey": []}]
ERROR = inline_serializer(
    "Error",
    {
        "error": inline_serializer(
            "ErrorDetail",
            {
                "code": serializers.CharField(help_text="Stable, for programs."),
                "message": serializers.CharField(help_text="For people."),
            },
        )
    },
)
ERRORS: dict[int, OpenApiResponse] = {
    400: OpenApiResponse(ERROR, "The input can't be used; `code` and `field` say why."),
    401: OpenApiResponse(ERROR, "The key is missing, unknown, revoked or expired."),
    403: OpenApiResponse(ERROR, "The key is not made for this."),
    405: OpenApiResponse(ERROR, "The address does not take this method."),
    406: OpenApiResponse(ERROR, "Only JSON is answered."),
    413: OpenApiResponse(ERROR, "The body is too large."),
    415: OpenApiResponse(ERROR, "The body is not JSON."),
    429: OpenApiResponse(ERROR, "The quota is used up, or too much came at once."),
}
