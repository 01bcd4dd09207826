"""Reads protobuf's text format, without a schema and without a protobuf library."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from multibox.errors import WeightsError
from multibox.system.text import read_text

MAX_BYTES = 4 << 20
"""The largest text. That of a network with a thousand layers has 300 kB."""
MAX_DEPTH = 20

_TOKEN = re.compile(
    r"""(?P<space>[\s,;]+|\#[^\n]*)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<word>-?[A-Za-z_]\w*)
    |(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?)
    |(?P<mark>[{}<>:]|\[|\])""",
    re.VERBOSE,
)
_CLOSING = {"{": "}", "<": ">"}


@dataclass(eq=False)
class Message:
    """The fields of a message, in order; scalar values are texts as written, without quotes."""

    line: int
    fields: dict[str, "list[Message | str]"] = field(default_factory=dict)

    def add(self, name: str, value: "Message | str") -> None:
        self.fields.setdefault(name, []).append(value)

    def messages(self, name: str) -> "list[Message]":
        """The values of a field that are messages."""
        return [value for value in self.fields.get(name, []) if isinstance(value, Message)]

    def texts(self, name: str) -> list[str]:
        """The values of a field that are scalars."""
        return [value for value in self.fields.get(name, []) if isinstance(value, str)]

    def text(self, name: str, default: str = "") -> str:
        """The last scalar value of a field."""
        return self.texts(name)[-1] if self.texts(name) else default


class _Token(NamedTuple):
    kind: str
    value: str
    line: int


def read_text_format(path: Path) -> Message:
    """The message in a text file.

    Raises DataError if it is not a text, WeightsError with the line if it is not in the text format.
    """
    return _parsed(read_text(path, limit=MAX_BYTES), path)


def _parsed(text: str, path: Path) -> Message:
    """Read all fields; the stack holds the open messages and what closes them."""
    top = Message(1)
    stack = [(top, "")]
    tokens = _tokens(text, path)
    for token in tokens:
        message, closing = stack[-1]
        if token.value == closing and token.kind == "mark":
            stack.pop()
            continue
        if token.kind != "word":
            raise _wrong(path, token, "the name of a field")
        value = _next(tokens, path, token)
        if value.value == ":" and value.kind == "mark":
            value = _next(tokens, path, value)
        if value.kind == "mark" and value.value in _CLOSING:
            inner = Message(value.line)
            message.add(token.value, inner)
            stack.append((inner, _CLOSING[value.value]))
            if len(stack) > MAX_DEPTH:
                raise _wrong(path, value, f"at most {MAX_DEPTH} messages inside each other")
            continue
        for scalar in _list(tokens, path, value) if value.value == "[" and value.kind == "mark" else [value]:
            message.add(token.value, _scalar(scalar, path))
    if len(stack) > 1:
        line = stack[-1][0].line
        raise WeightsError(f"{path} ends inside the message that begins in line {line}: copy or fetch it again")
    return top


def _tokens(text: str, path: Path) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _wrong(path, _Token("", text[at], line), "a field")
        kind, value = found.lastgroup or "", found[0]
        if kind != "space":
            yield _Token(kind, value, line)
        line += value.count("\n")
        at = found.end()


def _next(tokens: Iterator[_Token], path: Path, after: _Token) -> _Token:
    token = next(tokens, None)
    if token is None:
        raise _wrong(path, after, "a value after it")
    return token


def _list(tokens: Iterator[_Token], path: Path, opening: _Token) -> Iterator[_Token]:
    """The values before the closing bracket."""
    while (token := _next(tokens, path, opening)).value != "]" or token.kind != "mark":
        yield token


def _scalar(token: _Token, path: Path) -> str:
    if token.kind == "mark":
        raise _wrong(path, token, "a value")
    return re.sub(r"\\(.)", r"\1", token.value[1:-1]) if token.kind == "text" else token.value


def _wrong(path: Path, token: _Token, wanted: str) -> WeightsError:
    return WeightsError(
        f"{path} has {token.value[:40]!r} in line {token.line} where the text format of Caffe has {wanted}: give the "
        ".prototxt file with the layers of the model"
    )
