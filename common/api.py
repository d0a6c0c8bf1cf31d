"""How every API of the house reads and answers JSON."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, UnreadablePostError
from rest_framework.exceptions import APIException, MethodNotAllowed, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import UserError

log = structlog.get_logger(__name__)


class JSONRenderer(BaseRenderer):
    """Compact JSON, keys in the order they were made."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the bytes of `data`; nothing for an empty answer."""
        return b"" if data is None else orjson.dumps(data, default=str)


class JSONParser(BaseParser):
    """Reads a JSON object of at most `settings.API_BODY_LIMIT` bytes.

    Raises UserError: `body_too_large`, `invalid_json`, `invalid_type`.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the object in the body."""
        limit: int = settings.API_BODY_LIMIT
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise UserError(
                "body_too_large",
                f"The request is larger than {limit // 1000} kB.",
                status=413,
                headers={"Connection": "close"},
            )
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise UserError(
                "invalid_json", f"The body is not valid JSON: {error.msg}.", position=error.pos
            ) from None
        if not isinstance(data, dict):
            raise UserError("invalid_type", "The body must be a JSON object with named fields.")
        return data


def key_of(request: HttpRequest) -> str:
    """Return the API key of a request: `Authorization: Bearer …` or `X-API-Key: …`.

    Raises UserError `key_missing` (401). Keys in addresses are not read: they end up in logs.
    """
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    key = (
        text.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "").strip()
    )
    if not key:
        raise UserError(
            "key_missing",
            "Send your API key, as Authorization: Bearer <key>.",
            status=401,
            headers={"WWW-Authenticate": "Bearer"},
        )
    return key


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body; an empty one when nothing was sent."""
    data = request.data
    return data if isinstance(data, dict) else {}


def as_user_error(error: Exception) -> UserError | None:
    """Return the error in our own shape, or nothing for a fault of ours."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, Http404):
        return UserError("not_found", "There is nothing here.", status=404)
    if isinstance(error, PermissionDenied):
        return UserError("forbidden", "You may not do this.", status=403)
    if isinstance(error, UnreadablePostError):
        return UserError("body_incomplete", "The request ended before its body was complete.")
    if isinstance(error, RequestDataTooBig):
        return UserError("body_too_large", "The request is too large.", status=413)
    if isinstance(error, MethodNotAllowed):
        return UserError(
            "method_not_allowed", "This address does not take that method.", status=405
        )
    if isinstance(error, UnsupportedMediaType):
        return UserError(
            "unsupported_media_type", "Send JSON, with Content-Type application/json.", status=415
        )
    if isinstance(error, APIException):
        return UserError(str(error.default_code), str(error.detail), status=error.status_code)
    return None


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answer every error of an API view in one shape; a fault of ours is logged and says little."""
    known = as_user_error(error)
    if known is None:
        log.exception("api_fault")
        known = UserError(
            "server_error", "Something went wrong on our side. Try again.", status=500
        )
    return Response(known.as_dict(), status=known.status, headers=known.headers)
