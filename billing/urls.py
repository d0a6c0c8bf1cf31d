"""Addresses of the account page and of the usage doors."""

from django.urls import path

from billing import api, views

app_name = "billing"
urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/keys/<int:pk>/revoke/", views.revoke_key, name="revoke-key"),
    path("auth/check", api.AuthCheckView.as_view(), name="auth-check"),
    path("usage", api.UsageView.as_view(), name="usage"),
]
