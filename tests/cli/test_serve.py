"""`multibox serve`: wrong options. What it serves is tested in tests/service."""

import importlib.util
import socket
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the packages of multibox[serve] are not installed")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "0.0.0.0"], "give --token FILE, or --without-token"),
        (["--host", "999.1.1.1", "--without-token"], "cannot listen at 999.1.1.1"),
        (["--log", "xml"], "--log 'xml' is not known"),
        (["--port", "99999"], "--port"),
        (["--batch", "0"], "--batch"),
        (["--max-mb", "0"], "--max-mb"),
        (["a=x.onnx", "a=y.onnx"], "two models are named 'a'"),
        (["a b=x.onnx"], "cannot be the name of a model"),
        (["--threads", "0"], "--threads"),
    ],
)
def test_wrong_use_is_one_line(multibox, words: list[str], message: str):
    """Wrong options against exit code 2 and one line."""
    outcome = multibox("serve", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--token", "EMPTY"], "is not a token of 16 or more"),
        (["--token", "absent.txt"], "cannot read the token file absent.txt (no such file or directory): check"),
        (["--media", "EMPTY"], "is not a folder"),
    ],
)
def test_unusable_files_are_one_line(multibox, tmp_path: Path, words: list[str], message: str):
    """Files that are missing or have no use against exit code 1 and one line."""
    (tmp_path / "empty").write_text("")
    outcome = multibox("serve", *(str(tmp_path / "empty") if word == "EMPTY" else word for word in words))
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


def test_a_port_that_is_taken(multibox):
    """The port of another program against exit code 2 and its number."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        outcome = multibox("serve", "--port", port)
    assert outcome.code == 2
    assert f"port {port}" in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("content", [None, b"", b"no weights at all"])
def test_unusable_weights_are_one_line(multibox, tmp_path: Path, content: bytes | None):
    """A missing, an empty and a foreign weight file against exit code 1 and a line with its name, after the start."""
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    outcome = multibox("serve", path, "--port", 0)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.splitlines()[:1] == ["loading w"]
    assert outcome.err.count("\n") == 2
    assert str(path) in outcome.err


def test_missing_packages_are_named(multibox, monkeypatch: pytest.MonkeyPatch):
    """Without uvicorn against the extra that has it."""
    find = importlib.util.find_spec

    def found(name: str, package: str | None = None) -> object:
        return None if name == "uvicorn" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", found)
    outcome = multibox("serve")
    assert outcome.code == 2
    assert outcome.err == "multibox: serve needs uvicorn: pip install uvicorn\n"
