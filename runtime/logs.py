"""Structured logs. Each line that belongs to a request contains the request ID."""

import logging
import sys
from asyncio import CancelledError
from contextvars import ContextVar

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from settings import Settings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The ID of the request that is being answered. Set by `middleware.RequestId`, added to each log line."""
# Without local variables, which contain personal data and secrets.
_tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


def configure(settings: Settings) -> None:
    """Write all logs, ours and those of libraries, to standard error in the configured format."""
    shared: list[structlog.typing.Processor] = [
        _named,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [_tracebacks, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [
            _harmless,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("pymongo").setLevel("WARNING")
    logging.getLogger("httpx").setLevel("WARNING")  # it reports every request
    logging.getLogger("python_multipart").setLevel("ERROR")  # it warns about every malformed form a client sends
    logging.getLogger("uvicorn.error").addFilter(_Cancelled())


class _Cancelled(logging.Filter):
    """Drops uvicorn's tracebacks of canceled requests: those still running at shutdown are canceled on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0] if record.exc_info else None
        return kind is not CancelledError and not record.getMessage().rstrip().endswith("CancelledError")


def _harmless(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape control characters in values, which come from clients: they could begin a line or control a terminal."""
    for name, value in event.items():
        if name != "event" and isinstance(value, str) and not value.isprintable():
            event[name] = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in value)
    return event


def _named(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add the ID of the request that is being answered."""
    if identifier := request_id.get():
        event.setdefault("request_id", identifier)
    return event
