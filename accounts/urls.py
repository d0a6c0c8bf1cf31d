"""Addresses of the account pages."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("outbox/", views.outbox, name="outbox"),
    path("outbox/<slug:mail_id>/", views.outbox_mail, name="outbox-mail"),
    path("outbox/<slug:mail_id>/body/", views.outbox_body, name="outbox-body"),
]
