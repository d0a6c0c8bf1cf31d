"""Addresses of the account page, the shop and what follows it, and of the usage doors."""

from django.conf import settings
from django.urls import path

from billing import api, webhooks
from billing.views import claims, home, orders, papers, plans, purchase, sandbox, shop

app_name = "billing"
urlpatterns = [
    path("account/", home.account, name="account"),
    path("account/keys/<int:pk>/revoke/", home.revoke_key, name="revoke-key"),
    path("account/plans/", plans.plans, name="plans"),
    path("account/plans/portal/", plans.portal, name="portal"),
    path("buy", shop.buy, name="buy"),
    path("buy/<slug:code>", purchase.buy_offer, name="buy-offer"),
    path("orders/<uuid:uuid>/", orders.order, name="order"),
    path("orders/<uuid:uuid>/state", orders.order_state, name="order-state"),
    path("claim/<str:token>", claims.claim, name="claim"),
    path("invoices/<int:pk>/", papers.invoice, name="invoice"),
    path("invoices/<int:pk>.pdf", papers.invoice_pdf, name="invoice-pdf"),
    path("auth/check", api.AuthCheckView.as_view(), name="auth-check"),
    path("usage", api.UsageView.as_view(), name="usage"),
    path("checkout/create", api.CheckoutView.as_view(), name="checkout-create"),
    path("create-checkout-session", api.CheckoutView.as_view(), name="create-checkout-session"),
    path("stripe/webhook", webhooks.stripe, name="stripe-webhook"),
    path("stripe-webhook", webhooks.stripe, name="stripe-webhook-too"),
]
if not settings.IS_PRODUCTION:
    # The flow behind it refuses in production too.
    urlpatterns.append(path("test-payments/<str:ref>", sandbox.test_payment, name="test-payment"))
