"""Addresses of the usage doors."""

from django.urls import path

from billing import api

app_name = "billing"
urlpatterns = [
    path("auth/check", api.AuthCheckView.as_view(), name="auth-check"),
    path("usage", api.UsageView.as_view(), name="usage"),
]
