"""What other frameworks call us through: allauth's account adapter and Django's mail backend."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from accounts.flows import brands, mail
from accounts.models import User

# allauth's messages that hold a link or a code which signs somebody in.
SECRET_MESSAGES = {
    "account/email/email_confirmation",
    "account/email/email_confirmation_signup",
    "account/email/password_reset_key",
    "account/email/password_reset_code",
    "account/email/login_code",
}


class OutboxEmailBackend(BaseEmailBackend):
    """Django's EMAIL_BACKEND: every mail becomes an outbox row in the caller's transaction."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Store the mails, all or none; return how many."""
        with transaction.atomic():
            for message in email_messages:
                mail.enqueue(message)
        return len(email_messages)


class AccountAdapter(DefaultAccountAdapter):
    """allauth, with our outbox and the brand of the host."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Render one of allauth's messages and put it into the outbox."""
        request = allauth_context.request
        host = request.get_host() if request else ""
        brand = brands.brand_for(host)
        values = {
            "request": request,
            "email": email,
            "brand": brand,
            "base_url": brands.base_url(host),
            **context,
        }
        mail.enqueue(
            self.render_mail(template_prefix, email, values),
            template=template_prefix,
            carries_secret=template_prefix in SECRET_MESSAGES,
        )

    def get_email_confirmation_url(
        self, request: HttpRequest | None, emailconfirmation: Any
    ) -> str:
        """Return the address that verifies an e-mail address."""
        path = reverse("account_confirm_email", args=[emailconfirmation.key])
        return brands.base_url(request.get_host() if request else "") + path

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the address that sets a new password."""
        request = allauth_context.request
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        base = brands.base_url(request.get_host() if request else "")
        return base + path.replace("UID-KEY", quote(key))


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """allauth's sign-in through others, with our one name per person."""

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> User:
        """Fill in what the provider says about a new person."""
        user: User = super().populate_user(request, sociallogin, data)
        parts = (data.get("first_name"), data.get("last_name"))
        name = data.get("name") or " ".join(part for part in parts if part)
        user.name = name[: User._meta.get_field("name").max_length]
        return user
