"""Checks of this area's settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string


@register()
def mail_can_leave(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Production needs a mail provider, or sign-up mails wait for ever."""
    if settings.MAIL_TRANSPORT:
        return []
    return [
        Warning(
            "No mail provider is set, so mails are stored but not sent.",
            hint="Set SENDGRID_API_KEY, or SMTP_HOST with SMTP_USER and SMTP_PASS.",
            id="accounts.W001",
        )
    ]


@register()
def renewals_exist(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every path in MAIL_RENEWALS must be a function."""
    messages: list[CheckMessage] = []
    for template, path in settings.MAIL_RENEWALS.items():
        try:
            import_string(path)
        except ImportError as error:
            messages.append(Error(f"MAIL_RENEWALS[{template!r}]: {error}", id="accounts.E001"))
    return messages
