"""Who may use the service: the token, and requests that other web pages make a browser send."""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import urlsplit

from multibox.service.problem import Problem
from multibox.service.settings import ServiceSettings, is_loopback

OPEN_PATHS = frozenset(("/v2/health/live", "/v2/health/ready", "/health"))
"""Paths that need no token."""


def check_access(path: str, headers: Mapping[str, str], *, settings: ServiceSettings) -> None:
    """Raise Problem: 401 without the token, 403 for a request that another site triggers, 421 for a foreign Host."""
    if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
        raise Problem(403, "cross_site", "requests from pages of other sites are refused: use your own program")
    if settings.token is None:
        _check_host(headers.get("host", ""), settings)
    elif path not in OPEN_PATHS and not settings.is_token(_given(headers.get("authorization", ""))):
        raise Problem(
            401, "unauthorized", "this service needs its token: send the header 'Authorization: Bearer TOKEN'"
        )


def _check_host(host: str, settings: ServiceSettings) -> None:
    """Refuse names that a foreign site lets point to this machine, if the service is for this machine alone."""
    if not is_loopback(settings.host):
        return
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = "?"
    if name and not is_loopback(name):
        raise Problem(
            421,
            "foreign_host",
            f"the Host header names {name[:64]!r}, and without a token only localhost is served",
        )


def _given(authorization: str) -> str:
    """The token of a Bearer header, or the password of a Basic one, which browsers and Label Studio send."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
