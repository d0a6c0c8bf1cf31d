"""Middleware of the house: health answers and the headers Django does not set."""

from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from redis.exceptions import RedisError

from common.errors import UserError

GetResponse = Callable[[HttpRequest], HttpResponseBase]
PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "microphone=(), payment=(), usb=()"
)


def readiness() -> dict[str, str]:
    """Return what each part the site needs has to say: `ok` or the name of the trouble."""
    parts = {"database": "ok", "migrations": "ok", "broker": "ok"}
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            parts["migrations"] = "pending"
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


class SecurityHeadersMiddleware:
    """Adds the headers that Django has no setting for."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on, then add the headers."""
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
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
        """Answer a UserError; leave every other fault to Django."""
        if not isinstance(error, UserError):
            return None
        context = {"code": error.status, "message": error.message}
        response = render(request, "errors/said.html", context, status=error.status)
        for name, value in error.headers.items():
            response[name] = value
        return response
