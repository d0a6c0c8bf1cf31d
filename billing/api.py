"""Doors for programs: is my key good, what is left today, and where can I pay."""

import hashlib
import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.flows import signup
from billing.flows import checkout, quotas
from common.api import body_of, key_of
from common.errors import UserError
from common.ratelimit import limit, visitor_of
from common.schema import ERROR, ERRORS, KEY_AUTH

USAGE = inline_serializer(
    "Usage",
    {
        "plan": serializers.CharField(),
        "daily_limit": serializers.IntegerField(),
        "used_today": serializers.IntegerField(),
        "remaining_today": serializers.IntegerField(),
        "resets_at": serializers.DateTimeField(),
        "expires_at": serializers.DateTimeField(allow_null=True),
    },
)
CHECKED = inline_serializer(
    "KeyCheck",
    {
        "valid": serializers.BooleanField(),
        "prefix": serializers.CharField(),
        "name": serializers.CharField(),
        "account": serializers.CharField(),
        "plan": serializers.CharField(),
        "scopes": serializers.ListField(child=serializers.CharField()),
        "expires_at": serializers.DateTimeField(allow_null=True),
    },
)


def _answer(data: dict[str, Any], standing: quotas.Standing) -> Response:
    headers = quotas.quota_headers(standing.key.daily_limit, standing.remaining)
    return Response(data, headers={**headers, "Cache-Control": "no-store"})


class AuthCheckView(APIView):
    """Says whether a key is good, and for what."""

    @extend_schema(
        summary="Check a key",
        description="Answers 200 for a live key, whatever it is for, and 401 with the reason "
        "otherwise. Costs nothing.",
        request=None,
        responses={200: OpenApiResponse(CHECKED), **ERRORS},
        auth=KEY_AUTH,
    )
    def get(self, request: Request) -> Response:
        """Answer who the key belongs to."""
        standing = quotas.standing(key_of(request), scope=None)
        key = standing.key
        data = {
            "valid": True,
            "prefix": key.prefix,
            "name": key.name,
            "account": key.account.name,
            "plan": key.plan,
            "scopes": key.scopes.split(),
            "expires_at": key.expires_at,
        }
        return _answer(data, standing)

    @extend_schema(
        summary="Check a key (POST)",
        request=None,
        responses={200: OpenApiResponse(CHECKED), **ERRORS},
        auth=KEY_AUTH,
    )
    def post(self, request: Request) -> Response:
        """The same, for clients that only POST."""
        return self.get(request)


class UsageView(APIView):
    """Says what a key has used today."""

    @extend_schema(
        summary="See what is left today",
        description="Units are counted per key and day (UTC). Costs nothing.",
        request=None,
        responses={200: OpenApiResponse(USAGE), **ERRORS},
        auth=KEY_AUTH,
    )
    def get(self, request: Request) -> Response:
        """Answer limit, use and what is left."""
        standing = quotas.standing(key_of(request))
        data = {
            "plan": standing.key.plan,
            "daily_limit": standing.key.daily_limit,
            "used_today": standing.used,
            "remaining_today": standing.remaining,
            "resets_at": quotas.resets_at(),
            "expires_at": standing.key.expires_at,
        }
        return _answer(data, standing)


WANTED = inline_serializer(
    "CheckoutRequest",
    {
        "offer": serializers.CharField(help_text="Code of an offer, as /buy names it."),
        "email": serializers.EmailField(help_text="Where receipt and key are sent."),
        "country": serializers.CharField(required=False, help_text="ISO 3166, for the tax."),
    },
)
STARTED = inline_serializer(
    "CheckoutStarted",
    {
        "checkout_url": serializers.URLField(help_text="Send the buyer there."),
        "url": serializers.URLField(help_text="The same."),
        "session_id": serializers.CharField(),
        "order": serializers.UUIDField(),
        "state": serializers.CharField(),
        "total": serializers.IntegerField(help_text="Minor units, with tax."),
        "currency": serializers.CharField(),
    },
)
CHECKOUT_ERRORS = {
    404: OpenApiResponse(ERROR, "Nothing of that name is for sale."),
    409: OpenApiResponse(ERROR, "It can't be bought now; `code` says why."),
    503: OpenApiResponse(ERROR, "Payments are not set up, or the provider does not answer."),
}
CHECKOUTS_A_MINUTE = 20
KEY_FITS = 60  # letters; a longer Idempotency-Key is stored as its hash


class CheckoutView(APIView):
    """Begins a purchase for somebody without an account here."""

    @extend_schema(
        summary="Begin a purchase",
        description="Makes an order and answers where it can be paid. Prices are ours, whatever is "
        "sent. Send an Idempotency-Key header to be safe against a lost answer: the same key "
        "returns the same order.",
        request=WANTED,
        responses={200: OpenApiResponse(STARTED), **ERRORS, **CHECKOUT_ERRORS},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Place an order and open the provider's page."""
        limit("checkout", visitor_of(request), most=CHECKOUTS_A_MINUTE, seconds=60)
        data = body_of(request)
        offer = checkout.offer_wanted(
            {name: data.get(name) for name in ("offer", "plan", "price", "price_id")}
        )
        email = _email_in(data)
        key = request.headers.get("Idempotency-Key", "").strip()
        if len(key) > KEY_FITS:
            key = hashlib.sha256(key.encode()).hexdigest()
        order = checkout.place(
            offer,
            account=signup.guest_account(email),
            buyer={"email": email, "country": str(data.get("country") or "")[:2].upper()},
            idempotency_key=f"api:{key or secrets.token_urlsafe(16)}",
        )
        url = checkout.start(order)
        answer = {
            "checkout_url": url,
            "url": url,
            "session_id": order.checkout_ref,
            "order": order.uuid,
            "state": order.state,
            "total": order.total,
            "currency": order.currency,
        }
        return Response(answer, headers={"Cache-Control": "no-store"})


def _email_in(data: dict[str, Any]) -> str:
    email = str(data.get("email") or "").strip()
    try:
        validate_email(email)
    except ValidationError:
        raise UserError(
            "invalid_email", "Send the buyer's address as email.", field="email"
        ) from None
    return email
