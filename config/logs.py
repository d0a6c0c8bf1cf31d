"""Structured logs: one line per event with request and task ids; JSON in production."""

import re
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor, WrappedLogger

SECRET_NAMES = ("password", "secret", "token", "authorization", "api_key", "cookie", "digest")


def hide_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Blank every value whose name says that it is a secret."""
    for name in event:
        if any(word in name.lower() for word in SECRET_NAMES):
            event[name] = "[hidden]"
    return event


# Addresses whose last part lets whoever has it in: a new password, a proven address, a paid key,
# an order.
ONE_TIME = re.compile(r"(/password/reset/key/|/confirm-email/|/claim/|[?&]key=)[^\s/?&]+")


def hide_one_time_links(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Blank the secret part of one-time links in everything that is logged."""
    for name, value in event.items():
        if isinstance(value, str) and "/" in value:
            event[name] = ONE_TIME.sub(r"\1[hidden]", value)
    return event


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.UnicodeDecoder(),
    hide_secrets,
    hide_one_time_links,
]


def logging_settings(level: str, *, as_json: bool) -> dict[str, Any]:
    """Return Django's LOGGING and set up structlog to go through it."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        # Without the values of local variables: among them are passwords and keys.
        traces = ExceptionDictTransformer(show_locals=False)
        final += [ExceptionRenderer(traces), structlog.processors.JSONRenderer()]
    else:
        final += [
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": final,
                "foreign_pre_chain": SHARED,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"handlers": [], "propagate": True},
            "django.request": {"level": "ERROR"},  # the request line already says 4xx
            "celery.utils.functional": {"level": "WARNING"},
            "fontTools": {"level": "WARNING"},
            "weasyprint": {"level": "ERROR"},  # it tells each step, and each CSS rule it skips
            "weasyprint.progress": {"level": "ERROR"},
        },
    }
