"""Pages of the house itself: errors, the API's manual, robots.txt."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from common.errors import UserError
from config.context import chosen_theme

API_PREFIXES = ("/api/", "/optimize", "/auth/", "/usage")


def _wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIXES) and not request.path.startswith("/api/docs")


def _error(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse(UserError(code, message).as_dict(), status=status)
    return render(request, f"errors/{status}.html", {"message": message}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that can't be understood."""
    return _error(request, 400, "bad_request", "We could not understand that request.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer somebody who may not do this."""
    return _error(request, 403, "forbidden", "You may not do this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that nobody lives at, or that belongs to somebody else."""
    return _error(request, 404, "not_found", "There is nothing here.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours, without touching the database."""
    if _wants_json(request):
        error = UserError("server_error", "Something went wrong on our side. Try again.")
        return JsonResponse(error.as_dict(), status=500)
    # No request context: the context processors ask sessions and brands, which the database holds.
    theme = chosen_theme(request)
    return HttpResponse(render_to_string("errors/500.html", {"theme": theme}), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that came back without our token, mostly because the page was open for long."""
    return render(request, "errors/csrf.html", status=403)


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Tell crawlers what is not for them."""
    lines = ["User-agent: *", "Disallow: /account/", "Disallow: /admin/", "Disallow: /outbox/"]
    if not settings.IS_PRODUCTION:
        lines = ["User-agent: *", "Disallow: /"]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain")


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """The API's manual, made from the same schema that programs read."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    endpoints = [
        {"path": path, "method": method.upper(), **operation}
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    ]
    return render(request, "api/docs.html", {"schema": schema, "endpoints": endpoints})
