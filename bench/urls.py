"""The real addresses, and the yardsticks beside them."""

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from accounts.models import Account, ApiKey
from billing.flows import credits, meters, quotas
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
def one_insert(request: HttpRequest) -> JsonResponse:
    """Store the body in a table with nothing else to it."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_row (body) VALUES (%s)", [request.body.decode()])
    return JsonResponse({"ok": True})


@csrf_exempt
def charge(request: HttpRequest) -> JsonResponse:
    """Look a key up and charge it."""
    granted = quotas.charge(key_of(request))
    return JsonResponse({"remaining": granted.remaining})


def meter(request: HttpRequest, account: int) -> JsonResponse:
    """Charge an account's plan."""
    granted = meters.charge(account, "campaigns.generations")
    return JsonResponse({"remaining": granted.remaining})


def balance(request: HttpRequest, account: int) -> JsonResponse:
    """Say how many coins an account can spend."""
    wallet = credits.wallet_of(Account(pk=account))
    return JsonResponse({"spendable": credits.spendable(wallet)})


urlpatterns = [
    path("bench/bare", bare),
    path("bench/one-query", one_query),
    path("bench/one-insert", one_insert),
    path("bench/charge", charge),
    path("bench/meter/<int:account>", meter),
    path("bench/balance/<int:account>", balance),
    path("", include("config.urls")),
]
