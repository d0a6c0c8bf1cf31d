"""Doors for programs: is my key good, and what is left today."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.flows import quotas
from common.api import key_of
from common.schema import ERRORS, KEY_AUTH

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
