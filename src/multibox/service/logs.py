"""Logs of the service on standard error: one line for each request, as text or as JSON."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import cv2

from multibox.errors import UsageError
from multibox.words import escaped

KINDS = ("text", "json", "none")


def check_kind(kind: str) -> None:
    """Raise UsageError for a word that is not in KINDS."""
    if kind not in KINDS:
        raise UsageError(f"--log {kind!r} is not known: choose one of {', '.join(KINDS)}")


def start_logs(kind: str) -> None:
    """Let the loggers of the service write lines of a kind of KINDS; "none" leaves out requests."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if kind == "json" else _Text())
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the same of damaged images
    for name, level in (
        ("multibox.service", logging.WARNING if kind == "none" else logging.INFO),
        ("uvicorn.error", logging.CRITICAL),  # the gate logs every failure itself
        ("python_multipart", logging.CRITICAL),  # says of every broken form what the client is told
        ("asyncio", logging.ERROR),
    ):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", {})


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        row = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            row["traceback"] = self.formatException(record.exc_info)
        return json.dumps(row)


class _Text(logging.Formatter):
    """12:01:33 POST /v1/detect 200 23.1 ms id=… model=…"""

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        fields = dict(_fields(record))
        if fields:
            head = "{} {} {} {} ms".format(*(fields.pop(key) for key in ("method", "path", "status", "ms")))
            text = " ".join([head, *(f"{key}={value}" for key, value in fields.items())])
        else:
            text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return f"{clock} {escaped(text, kept=chr(10) if record.exc_info else '')}"
