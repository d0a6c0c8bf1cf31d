"""What other frameworks call us through: allauth's adapters and Django's mail backend."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context as allauth_context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse

from accounts.errors import AccountsError
from accounts.flows import brands, mail, signup
from accounts.models import User

# allauth's messages that hold a link or a code which signs somebody in.
SECRET_MESSAGES = {
    "account/email/email_confirmation",
    "account/email/email_confirmation_signup",
    "account/email/password_reset_key",
    "account/email/password_reset_code",
    "account/email/login_code",
}


TAKEN_OVER = (
    "Your address is confirmed now. Nobody had confirmed it before, so the old password and keys "
    "no longer work."
)
LONGEST_ADDRESS = 254  # what a mail server takes, and what our columns hold


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

    def get_from_email(self) -> str:
        """Return the sender of the brand whose host was asked."""
        request = allauth_context.request
        return brands.sender(brands.brand_for(request.get_host() if request else ""))

    def clean_email(self, email: str) -> str:
        """Refuse an address that no mail server takes, wherever one is typed."""
        if len(email) > LONGEST_ADDRESS:
            raise ValidationError(f"Use an address of at most {LONGEST_ADDRESS} characters.")
        return str(super().clean_email(email))

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Confirm an address for the person who is signed in; anybody else signs in first.

        Somebody may have signed up with an address of another, who then opens the link.
        """
        if request.user.pk != email_address.user_id:
            raise ImmediateHttpResponse(redirect_to_login(request.get_full_path()))
        return bool(super().confirm_email(request, email_address))

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

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let in the owner of an address, and nobody who has yet to show that it is theirs."""
        process = sociallogin.state.get("process")
        if process == AuthProcess.CONNECT:
            _only_proven(request)
        elif process != AuthProcess.REDIRECT:
            _take_over(request, sociallogin)

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """Find the person of an address that the provider has proven."""
        for address in sociallogin.email_addresses:
            if address.verified:
                signup.release(address.email)
        found: tuple[User, str] | None = super().authenticate_by_email(sociallogin)
        return found if found and signup.is_way_in(*found) else None

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> User:
        """Fill in what the provider says about a new person."""
        user: User = super().populate_user(request, sociallogin, data)
        parts = (data.get("first_name"), data.get("last_name"))
        name = data.get("name") or " ".join(part for part in parts if part)
        user.name = name[: User._meta.get_field("name").max_length]
        return user


def _only_proven(request: HttpRequest) -> None:
    if not isinstance(request.user, User):
        return  # allauth sends who is not signed in to the log-in page
    try:
        signup.only_proven(request.user)
    except AccountsError as error:
        messages.error(request, error.message)
        raise ImmediateHttpResponse(redirect("account_email")) from error


def _take_over(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Where the provider proves an address that its user here never proved, hand the user over."""
    user, email = sociallogin.user, sociallogin._did_authenticate_by_email
    if not email or not user.is_active:
        return
    if EmailAddress.objects.filter(user=user, email=email, verified=True).exists():
        return
    if not signup.prove(user, email):
        raise ImmediateHttpResponse(redirect("account_login"))
    messages.info(request, TAKEN_OVER)
