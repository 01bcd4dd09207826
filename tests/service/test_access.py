"""The token, and requests that pages of other sites let a browser send."""

import base64
from pathlib import Path

import pytest

from multibox.errors import InputError, UsageError
from multibox.service.settings import is_loopback, read_token, require_token_beyond_loopback
from running_service import TOKEN, Running, Serve

PATHS = ("/v1/models", "/metrics", "/openapi.json", "/v2", "/v2/models/tiny")


@pytest.fixture
def guarded(serve: Serve) -> Running:
    return serve(token=TOKEN)


def test_everything_but_health_needs_the_token(guarded: Running, photo: bytes):
    """Each path without and with the token."""
    client = guarded.client
    for path in PATHS:
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    for path in ("/v2/health/live", "/v2/health/ready", "/health"):
        assert client.get(path).status_code == 200
    refused = client.post("/v1/detect", content=photo)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Token {TOKEN}",
        TOKEN,
        "Basic " + TOKEN,
        "Basic !!!",
        "Basic " + base64.b64encode(TOKEN.encode()).decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Bearer \u00e9".encode().decode("latin-1"),
    ],
)
def test_wrong_tokens(guarded: Running, header: str):
    """Guesses and malformed headers against 401."""
    answer = guarded.client.get("/v1/models", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert TOKEN not in answer.text


def test_a_browser_can_send_it_as_password(guarded: Running):
    """Basic authentication with any name and the token as password."""
    assert guarded.client.get("/v1/models", auth=("anybody", TOKEN)).status_code == 200


def test_pages_of_other_sites_are_refused(server: Running, photo: bytes):
    """Requests that a browser marks as cross-site against 403; a link to the page is allowed."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert server.client.post("/v1/detect", content=photo, headers=headers).status_code == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert server.client.get("/v1/models", headers=link).status_code == 200


@pytest.mark.parametrize(("host", "status"), [("localhost:1", 200), ("[::1]:8000", 200), ("evil.example", 421)])
def test_foreign_names_for_this_machine(server: Running, host: str, status: int):
    """The Host header of a page that lets its own name point to 127.0.0.1 against 421."""
    assert server.client.get("/v1/models", headers={"Host": host}).status_code == status


def test_no_answer_allows_other_sites(server: Running):
    """An Origin and a preflight request against no CORS header."""
    answer = server.client.options(
        "/v1/detect", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])
def test_other_machines_need_a_token(host: str):
    """Addresses beyond loopback against UsageError, unless a token or the wish is given."""
    with pytest.raises(UsageError, match=r"--token FILE, or --without-token"):
        require_token_beyond_loopback(host, token=None, without_token=False)
    require_token_beyond_loopback(host, token=TOKEN, without_token=False)
    require_token_beyond_loopback(host, token=None, without_token=True)


def test_loopback_addresses():
    """Names and addresses of this machine."""
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.8.8.8", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "localhost.evil.example", "")))


@pytest.mark.parametrize(
    "content", [b"", b"short", b"with a space in it", "ümlaut-ümlaut-ümlaut".encode(), b"\n" + b"x" * 40]
)
def test_weak_tokens_are_refused(tmp_path: Path, content: bytes):
    """Empty, short and odd first lines against InputError."""
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(InputError, match="openssl rand"):
        read_token(tmp_path / "token")


def test_a_token_file(tmp_path: Path):
    """The first line without its end."""
    (tmp_path / "token").write_text(f"{TOKEN}\nrest\n")
    assert read_token(tmp_path / "token") == TOKEN
