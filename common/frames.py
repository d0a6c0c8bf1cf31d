"""Showing somebody's HTML inside our pages without trusting it."""

from csp.constants import HEADER
from django.http import HttpResponse

POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src 'self' data:; style-src 'unsafe-inline'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


def framed(response: HttpResponse) -> HttpResponse:
    """Let a page of ours frame this answer; no script, form or outside request runs in it."""
    # Our pages refuse to be framed, so links leave the frame; at the end it cannot upset a doctype.
    response.write('<base target="_blank">')
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Cache-Control"] = "no-store"
    response[HEADER] = POLICY
    return response
