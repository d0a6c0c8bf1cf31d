"""Doors for payment providers: check, store, answer. The work is done by a task afterwards."""

import structlog
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.flows import inbox
from billing.gateways.contract import BadSignature
from common.errors import UserError

log = structlog.get_logger(__name__)


@csrf_exempt  # signed by the provider instead
@require_POST
def stripe(request: HttpRequest) -> JsonResponse:
    """Take an event of Stripe's. 400 for a wrong signature, 413 for too much, else 200 at once."""
    return _take(request, "stripe")


def _take(request: HttpRequest, gateway: str) -> JsonResponse:
    try:
        # The size is judged before the body is read, so that nobody fills the memory.
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.WEBHOOK_BODY_LIMIT:
            raise UserError("body_too_large", "The event is too large.", status=413)
        new = inbox.receive(gateway, request.body, request.headers)
    except BadSignature as error:
        log.warning("webhook_refused", gateway=gateway, reason=str(error))
        return JsonResponse(UserError("bad_signature", str(error)).as_dict(), status=400)
    except UserError as error:
        log.warning("webhook_refused", gateway=gateway, reason=error.code)
        return JsonResponse(error.as_dict(), status=error.status)
    return JsonResponse({"received": True, "new": new})
