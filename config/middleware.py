"""Middleware of the house: health, what is refused at the door, headers, errors for people."""

import re
from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.db import DataError, Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from redis.exceptions import RedisError

from common.errors import UserError
from common.refresh import Refreshed

GetResponse = Callable[[HttpRequest], HttpResponseBase]
PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "microphone=(), payment=(), usb=()"
)
READY_SECONDS = 2.0
LARGEST_BODY = 6_000_000  # bytes; the largest legal one is a brand's logo
# Not isdigit: "²" is a digit to Python, and it refuses to read thousands of digits.
LENGTH = re.compile(r"[0-9]{1,12}")


def _migrations(old: str | None) -> str:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "pending" if pending else "ok"


# Reading the migrations is costly, and anybody may ask.
migrations = Refreshed(_migrations, lambda: READY_SECONDS)


def readiness() -> dict[str, str]:
    """Return what each part the site needs has to say: `ok` or the name of the trouble."""
    parts = {"database": "ok", "migrations": "ok", "broker": "ok"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        parts["migrations"] = migrations.get()
    except Error:
        parts["database"] = parts["migrations"] = "unreachable"
    try:
        cache.get("readyz")
    except (RedisError, OSError):
        parts["broker"] = "unreachable"
    return parts


class HealthMiddleware:
    """Answers /healthz and /readyz before hosts, sessions and logs, as load balancers need it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the two probes; pass everything else on."""
        if request.path_info == "/healthz":
            return HttpResponse("ok", content_type="text/plain")
        if request.path_info == "/readyz":
            parts = readiness()
            ready = all(value == "ok" for value in parts.values())
            return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)
        return self.get_response(request)


class EdgeMiddleware:
    """Refuses at the door what no part of the site can use: huge bodies and NUL characters."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer 413 or 400 in plain words, or pass on."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not LENGTH.fullmatch(length) or int(length) > LARGEST_BODY:
            return self._refuse("body_too_large", "The request is too large.", 413)
        raw = f"{request.path_info}?{request.META.get('QUERY_STRING', '')}"
        # PostgreSQL stores no NUL, so nothing that holds one can be looked up.
        hidden = "\x00" in raw or "%00" in raw
        if hidden or any("\x00" in value for value in request.COOKIES.values()):
            return self._refuse("bad_request", "The request holds a NUL character.", 400)
        return self.get_response(request)

    def _refuse(self, code: str, message: str, status: int) -> HttpResponse:
        # JSON for everybody: no person's browser sends such a request by itself.
        response = JsonResponse(UserError(code, message).as_dict(), status=status)
        response["Connection"] = "close"
        return response


class SecurityHeadersMiddleware:
    """Adds the headers that Django has no setting for."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on, then add the headers."""
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        # A page that asked who is there may show it: no cache between us and them may keep it.
        user = getattr(request, "_cached_user", None)
        if user is not None and user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        # Pictures appear in mails, which other sites show.
        media = request.path_info.startswith(settings.MEDIA_URL)
        policy = "cross-origin" if media else "same-origin"
        response.headers.setdefault("Cross-Origin-Resource-Policy", policy)
        if not settings.IS_PRODUCTION:
            response.headers.setdefault("X-Robots-Tag", "noindex")
        return response


class UserErrorMiddleware:
    """Turns an error meant for the user, raised by any page, into a page that says it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a UserError, and a look-up the database can't make; leave the rest to Django."""
        if isinstance(error, (DataError, OverflowError)) and request.method in ("GET", "HEAD"):
            error = UserError("bad_request", "We could not understand that request.")
        if isinstance(error, RedisError):
            # Sign-up and login count their tries there, and do not go on without counting.
            error = UserError(
                "try_later", "A part of the site is away. Try again soon.", status=503
            )
        if not isinstance(error, UserError):
            return None
        context = {"code": error.status, "message": error.message}
        response = render(request, "errors/said.html", context, status=error.status)
        for name, value in error.headers.items():
            response[name] = value
        return response
