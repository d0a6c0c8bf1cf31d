"""Doors for programs: one idea, a batch, variants."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.api import body_of, key_of
from common.schema import ERRORS, KEY_AUTH
from prompts.flows import optimize
from prompts.serializers import (
    BatchRequestSerializer,
    BatchResultSerializer,
    OptimizeRequestSerializer,
    ResultSerializer,
    VariantsRequestSerializer,
)


class OptimizeView(APIView):
    """One idea."""

    @extend_schema(
        summary="Optimise an idea",
        description="Turns a rough idea into prompts for SDXL, ComfyUI, Midjourney, Pika and "
        "Runway. Costs one unit. The same input gives the same answer as long as "
        "`vocabulary_version` stays the same.",
        request=OptimizeRequestSerializer,
        responses={200: OpenApiResponse(ResultSerializer), **ERRORS},
        auth=KEY_AUTH,
    )
    def post(self, request: Request) -> Response:
        """Answer the result, with what is left of the quota in the headers."""
        key = key_of(request)
        parsed = optimize.parse(body_of(request))
        results, granted = optimize.for_key(key, [parsed])
        return Response(results[0], headers=granted.headers())


class OptimizeBatchView(APIView):
    """Several ideas."""

    @extend_schema(
        summary="Optimise several ideas",
        description=f"Up to {optimize.MOST_IDEAS} ideas at once. Costs one unit each; where fewer "
        "are left, nothing is done and nothing is charged.",
        request=BatchRequestSerializer,
        responses={200: OpenApiResponse(BatchResultSerializer), **ERRORS},
        auth=KEY_AUTH,
    )
    def post(self, request: Request) -> Response:
        """Answer the results in the order of the ideas."""
        key = key_of(request)
        requests = optimize.parse_batch(body_of(request))
        results, granted = optimize.for_key(key, requests)
        return Response({"results": results}, headers=granted.headers())


class VariantsView(APIView):
    """Variants of one idea."""

    @extend_schema(
        summary="Make variants of an idea",
        description="Results that differ in exactly one slot, for A/B tests. Costs one unit each.",
        request=VariantsRequestSerializer,
        responses={200: OpenApiResponse(BatchResultSerializer), **ERRORS},
        auth=KEY_AUTH,
    )
    def post(self, request: Request) -> Response:
        """Answer the variants; the first one is the plain result."""
        key = key_of(request)
        parsed, slot, count = optimize.parse_variants(body_of(request))
        results, granted = optimize.variants_for_key(key, parsed, slot, count)
        return Response({"results": results}, headers=granted.headers())
