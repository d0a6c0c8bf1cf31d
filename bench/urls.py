"""The real addresses, and the yardsticks beside them."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from accounts.models import ApiKey
from billing.flows import quotas
from common.api import key_of


@csrf_exempt
def bare(request: HttpRequest) -> JsonResponse:
    """Answer at once."""
    return JsonResponse({"ok": True})


@csrf_exempt
def one_query(request: HttpRequest) -> JsonResponse:
    """Answer after one lookup by primary key."""
    return JsonResponse({"name": ApiKey.objects.get(pk=1).name})


@csrf_exempt
def charge(request: HttpRequest) -> JsonResponse:
    """Look a key up and charge it."""
    granted = quotas.charge(key_of(request))
    return JsonResponse({"remaining": granted.remaining})


urlpatterns = [
    path("bench/bare", bare),
    path("bench/one-query", one_query),
    path("bench/charge", charge),
    path("", include("config.urls")),
]
