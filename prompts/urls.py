"""Addresses of the prompts page and its doors for programs."""

from django.urls import path

from prompts import api, views

app_name = "prompts"
urlpatterns = [
    path("", views.index, name="index"),
    path("optimize", api.OptimizeView.as_view(), name="optimize"),
    path("api/optimize", api.OptimizeView.as_view(), name="api-optimize"),
]
