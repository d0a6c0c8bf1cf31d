"""Invoices and credit notes, on the screen and as PDF, from one template."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from billing.models import Invoice
from billing.views import access
from common.ratelimit import limit, visitor_of

PDFS_A_MINUTE = 20


@require_safe
def invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an invoice or a credit note, made for printing."""
    return render(request, "billing/invoice.html", _context(_invoice_or_404(request, pk)))


@require_safe
def invoice_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """Return it as a PDF."""
    row = _invoice_or_404(request, pk)
    limit("pdf", visitor_of(request), most=PDFS_A_MINUTE, seconds=60)
    return pdf_of(row)


def pdf_of(row: Invoice) -> HttpResponse:
    """Answer an invoice as a PDF; who may see it was asked before."""
    # WeasyPrint takes more than a second to load: only who asks for a PDF waits for it.
    paper = import_module("billing.paper")
    page = render_to_string("billing/invoice_pdf.html", {**_context(row), "files": paper.FILES})
    pdf = paper.pdf(page)
    response = HttpResponse(pdf, content_type="application/pdf")
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in row.number)
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    response["Cache-Control"] = "private, no-store"
    return response


def _invoice_or_404(request: HttpRequest, pk: int) -> Invoice:
    parts = ("order", "corrects", "payment", "refund")
    row = Invoice.objects.select_related(*parts).filter(pk=pk).first()
    if row is None:
        raise Http404
    mine = str(row.order.uuid) in access.shown_here(request)
    if not (mine or Invoice.objects.visible_to(request.user).filter(pk=pk).exists()):
        raise Http404
    return row


def _context(row: Invoice) -> dict[str, Any]:
    money = row.payment or row.refund
    return {
        "invoice": row,
        "test": money is not None and money.gateway == "sandbox",
        "by_provider": row.issued_by,
        # Where Stripe works the tax out, none may have other reasons than this.
        "no_tax": not (row.tax_lines or row.issued_by or settings.STRIPE_TAX),
    }
