"""Mail: a row in the caller's transaction first, then a worker sends it, once.

First try at once, then three more after 2, 10 and 60 minutes. A final "no" fails at once.
When nobody can know whether a mail left, it is marked unsure and waits for a person.
"""

import base64
import uuid
from collections.abc import Mapping
from email.mime.base import MIMEBase
from typing import Any

import structlog
from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import transport
from accounts.errors import AccountsError
from accounts.flows import brands
from accounts.models import Account, Brand, MailAttempt, OutgoingMail
from common.fields import UnreadableSecret
from common.http import ServiceError
from common.jobs import JobState

log = structlog.get_logger(__name__)

UNREADABLE = (
    "This mail was sealed with a key that is no longer in FIELD_KEYS, so nobody can read it. "
    "Send a new one."
)
REPLACED = "Replaced by a new mail with a new link."


def send(
    template: str,
    *,
    to: str,
    context: Mapping[str, Any],
    account: Account | None = None,
    dedupe_key: str | None = None,
    carries_secret: bool = False,
    brand: Brand | None = None,
) -> OutgoingMail:
    """Write a mail from `<template>.subject.txt`, `.txt` and `.html` in the caller's transaction.

    With a `brand` the mail comes from that brand's sender, else from the one in the settings.

    With a `dedupe_key` that was used before, the earlier mail is returned and nothing is sent.
    """
    subject = " ".join(render_to_string(f"{template}.subject.txt", dict(context)).split())
    message = EmailMultiAlternatives(
        subject, render_to_string(f"{template}.txt", dict(context)), brands.sender(brand), [to]
    )
    message.attach_alternative(render_to_string(f"{template}.html", dict(context)), "text/html")
    return enqueue(
        message,
        template=template,
        account=account,
        dedupe_key=dedupe_key,
        carries_secret=carries_secret,
    )


def enqueue(
    message: EmailMessage,
    *,
    template: str = "",
    account: Account | None = None,
    dedupe_key: str | None = None,
    carries_secret: bool = False,
) -> OutgoingMail:
    """Write `message` as a row in the caller's transaction; a worker sends it after the commit."""
    with transaction.atomic():
        kept, created = OutgoingMail.objects.defer("sealed").get_or_create(
            dedupe_key=dedupe_key or uuid.uuid4().hex,
            defaults={
                "template": template,
                "account": account,
                "to_email": (message.recipients() or [""])[0],
                "subject": " ".join(message.subject.split()),
                "carries_secret": carries_secret,
                **OutgoingMail.kept(_content_of(message), carries_secret=carries_secret),
            },
        )
        if created:
            kept.ring()
    return kept


def _content_of(message: EmailMessage) -> dict[str, Any]:
    alternatives = getattr(message, "alternatives", [])
    html = next((str(part[0]) for part in alternatives if part[1] == "text/html"), "")
    body = str(message.body)
    return {
        "from_email": message.from_email or settings.DEFAULT_FROM_EMAIL,
        "to": list(message.to),
        "cc": list(message.cc),
        "bcc": list(message.bcc),
        "reply_to": list(message.reply_to),
        "headers": {name: str(value) for name, value in message.extra_headers.items()},
        "text": "" if message.content_subtype == "html" else body,
        "html": body if message.content_subtype == "html" else html,
        "attachments": [_attachment(part) for part in message.attachments],
    }


def _attachment(part: Any) -> dict[str, str]:
    if isinstance(part, MIMEBase):
        data = part.get_payload(decode=True)
        name, kind = part.get_filename() or "attachment", part.get_content_type()
    else:
        name, data, kind = part
    raw = data.encode() if isinstance(data, str) else bytes(data or b"")
    return {
        "name": name or "attachment",
        "type": kind or "application/octet-stream",
        "data": base64.b64encode(raw).decode(),
    }


def message_of(mail: OutgoingMail) -> EmailMultiAlternatives:
    """Return a stored mail as Django's message.

    Raises AccountsError when it was emptied or its secret can't be read any more.
    """
    try:
        content = mail.get_content()
    except UnreadableSecret as error:
        raise AccountsError("mail_unreadable", UNREADABLE) from error
    if not content:
        raise AccountsError("mail_emptied", "This mail was emptied: a secret is not kept.")
    message = EmailMultiAlternatives(
        mail.subject,
        content["text"],
        content["from_email"],
        content["to"],
        bcc=content["bcc"],
        cc=content["cc"],
        reply_to=content["reply_to"],
        headers={"Message-ID": f"<{mail.dedupe_key}@{settings.PUBLIC_HOST}>", **content["headers"]},
    )
    if content["html"]:
        message.attach_alternative(content["html"], "text/html")
    for part in content["attachments"]:
        message.attach(part["name"], base64.b64decode(part["data"]), part["type"])
    return message


@shared_task(throws=(AccountsError,))
def deliver(mail_id: int) -> None:
    """Send one stored mail. Running it twice is harmless."""
    if not settings.MAIL_TRANSPORT:
        return  # No provider yet: the mail waits, and a system check says so.
    mail = OutgoingMail.objects.claim(mail_id)
    if mail is None:
        return  # Another worker has it, or it is done.
    outcome, words = "sent", ""
    try:
        message_id = _hand_over(mail)
    except ServiceError as error:
        outcome, words = error.kind, str(error)
        recorded = mail.finish(error=error, handed_over_at=None, **_emptied(mail, error))
    else:
        # A secret is kept no longer than it takes to send it.
        recorded = mail.finish(message_id=message_id, sealed="")
    if recorded:
        MailAttempt.objects.create(mail=mail, number=mail.attempts, outcome=outcome, error=words)
        log.info("mail_tried", mail=mail.pk, outcome=outcome, attempt=mail.attempts)


def _emptied(mail: OutgoingMail, error: ServiceError) -> dict[str, str]:
    """Forget the secret of a mail that nobody will try again: it is replaced, never resent."""
    again = error.kind == "retry" and mail.attempts < mail.max_attempts
    return {} if again else {"sealed": ""}


def _hand_over(mail: OutgoingMail) -> str:
    """Give the mail to the provider and return its id. Raises ServiceError."""
    try:
        message = message_of(mail)
    except AccountsError as error:
        raise ServiceError("refused", error.message) from error
    with transport.opened() as connection:
        # From here on a crash leaves it open whether the mail left: see release_silent.
        if not mail.renew(handed_over_at=timezone.now()):
            raise ServiceError("unknown", "Another worker took over.")
        return transport.send(connection, message)


def resend(mail: OutgoingMail) -> None:
    """Send a mail again: the same one, or, where it carries a secret, a new one with a new link.

    Raises AccountsError where the mail is under way or its secret cannot be made anew.
    """
    if mail.state in (JobState.QUEUED, JobState.RUNNING):
        raise AccountsError("mail_under_way", "This mail is on its way already.")
    if mail.carries_secret:
        _replace(mail)
    else:
        _requeue(OutgoingMail.objects.filter(pk=mail.pk))


def _replace(mail: OutgoingMail) -> None:
    """Make a new mail with a new link, once for each mail: the row is taken first."""
    path = settings.MAIL_RENEWALS.get(mail.template)
    if path is None:
        raise AccountsError("mail_not_renewable", "This mail's secret can't be made again.")
    with transaction.atomic():
        taken = (
            OutgoingMail.objects.replaceable()
            .filter(pk=mail.pk)
            .update(state=JobState.CANCELLED, error=REPLACED, sealed="")
        )
        if not taken:
            raise AccountsError("mail_replaced", "A new mail has replaced this one already.")
        import_string(path)(mail.to_email)


def retry_all() -> int:
    """Send every failed mail again, those with a secret as new ones; return how many."""
    failed = OutgoingMail.objects.filter(state=JobState.FAILED)
    renewed = 0
    for mail in failed.filter(carries_secret=True).defer("content", "sealed"):
        try:
            resend(mail)
            renewed += 1
        except AccountsError as error:
            log.info("mail_not_renewed", mail=mail.pk, reason=error.code)
    return renewed + _requeue(failed.filter(carries_secret=False))


def _requeue(mails: Any) -> int:
    with transaction.atomic():
        pks = list(mails.values_list("pk", flat=True))
        rows = OutgoingMail.objects.filter(pk__in=pks).exclude(
            state__in=(JobState.QUEUED, JobState.RUNNING)
        )
        count = rows.update(
            state=JobState.QUEUED,
            attempts=0,
            run_after=timezone.now(),
            handed_over_at=None,
            finished_at=None,
        )
        for mail in OutgoingMail.objects.filter(pk__in=pks).only("pk"):
            mail.ring()
    return count
