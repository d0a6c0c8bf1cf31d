"""What other frameworks call us through: allauth's account adapter and Django's mail backend."""

from collections.abc import Sequence
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from accounts.flows import brands, mail

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
        brand = brands.brand_for(request.get_host() if request else "")
        values = {
            "request": request,
            "email": email,
            "brand": brand,
            "base_url": settings.PUBLIC_BASE_URL,
            **context,
        }
        mail.enqueue(
            self.render_mail(template_prefix, email, values),
            template=template_prefix,
            carries_secret=template_prefix in SECRET_MESSAGES,
        )
