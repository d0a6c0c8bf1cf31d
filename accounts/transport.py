"""The way to the mail provider, SMTP or an HTTP service, and what each of its answers means.

Nobody can take a mail back, so the meaning is careful: `retry` only where nothing can have left,
`refused` where the provider said so for good, `unknown` for everything in between.
"""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import structlog
from anymail.exceptions import AnymailAPIError, AnymailError
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from common.http import Kind, ServiceError

log = structlog.get_logger(__name__)


@contextmanager
def opened() -> Iterator[BaseEmailBackend]:
    """Open a connection of `settings.MAIL_TRANSPORT`. Raises ServiceError (retry)."""
    connection = get_connection(settings.MAIL_TRANSPORT)
    try:
        connection.open()
    except Exception as error:
        raise ServiceError("retry", f"The mail server can't be reached: {error}") from error
    try:
        yield connection
    finally:
        _close(connection)


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (OSError, smtplib.SMTPException):
        log.info("mail_connection_close_failed")


def send(connection: BaseEmailBackend, message: EmailMessage) -> str:
    """Send one mail and return the provider's id, if it gives one. Raises ServiceError."""
    try:
        connection.send_messages([message])
    except AnymailAPIError as error:
        raise _meaning_of_http(error) from error
    except AnymailError as error:
        raise ServiceError("refused", f"The provider refused the mail: {error}") from error
    except smtplib.SMTPException as error:
        raise _meaning_of_smtp(error) from error
    except ValueError as error:
        raise ServiceError("refused", f"The mail can't be sent: {error}") from error
    except OSError as error:
        words = f"The connection broke while we were sending: {error}"
        raise ServiceError("unknown", words) from error
    status = getattr(message, "anymail_status", None)
    return str(getattr(status, "message_id", "") or "")


def _meaning_of_smtp(error: smtplib.SMTPException) -> ServiceError:
    """Read an SMTP failure: 4xx codes ask for another try, 5xx are final (RFC 5321, 4.2.1)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        kind: Kind = "retry" if codes and all(code < 500 for code in codes) else "refused"
        return ServiceError(kind, f"The mail server refused the recipient: {error}")
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return ServiceError("unknown", "The mail server hung up while we were sending.")
    if isinstance(error, smtplib.SMTPResponseException):
        kind = "refused" if error.smtp_code >= 500 else "retry"
        return ServiceError(kind, f"The mail server answered {error.smtp_code}.")
    return ServiceError("refused", f"The mail can't be sent: {error}")


def _meaning_of_http(error: AnymailAPIError) -> ServiceError:
    """Read a failure of a provider with an HTTP interface."""
    status, cause = error.status_code or 0, error.__cause__
    if status in (429, 503):
        return ServiceError("retry", f"The provider answered {status}.", status=status)
    if 400 <= status < 500 and status != 408:
        return ServiceError("refused", f"The provider refused the mail: {error}", status=status)
    if isinstance(cause, requests.ConnectTimeout) or "NewConnectionError" in repr(cause):
        return ServiceError("retry", "The provider can't be reached.")
    return ServiceError("unknown", f"The provider's answer is unclear ({status or 'none'}).")
