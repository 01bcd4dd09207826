"""Random changes of files: bytes of any file, tokens of text, nodes of JSON, members of archives.

Every function takes the content of a file and a `random.Random`, and returns the changed content.
"""

import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable
from copy import deepcopy
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]

NUMBERS = (
    *("0", "-1", "1", "2", "0.5", "-0.0", "32768", "65536", "2147483648", "-2147483649", "99999999999", "1e-320"),
    *("18446744073709551616", "1e30", "1e39", "-1e308", "1e309", "NaN", "inf", "-Infinity", "0x10", "1_0", "٣", ""),
    "9" * 5000,
)
TEXTS = (
    *(
        "",
        " ",
        "\0",
        "\n",
        "\ud800",
        "\u202e",
        "\x1b[31m",
        "é",
        "名",
        ".",
        "..",
        "/",
        "../outside.png",
        "a/../../outside.png",
    ),
    *(
        "/etc/passwd",
        "C:\\x\\0.jpg",
        "file:///etc/passwd",
        "*",
        "%s{0}",
        "null",
        "true",
        "x" * 300,
        "x/" * 2100,
        "&lol;",
    ),
    *("- [", "<![CDATA[", "<!-- ", "<!DOCTYPE a [<!ENTITY lol 'lol'>]>", "[" * 3000, "<a>" * 3000, '{"a":' * 3000),
)
_LONGEST = 200_000  # characters of a text that is changed once more; repeated lines of repeated words exceed any limit
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 0.5, 1e300, -1e39, 10**25, float("nan"), float("inf"), 2**31, 2**63, 100_000),
    *([], {}, [[]], [None], [1e9, 1e9, 1e9, 1e9], {"a": 1}, {"size": [1e9, 1e9], "counts": "x"}, *TEXTS[:20]),
)


def change_bytes(content: bytes, rng: random.Random) -> bytes:
    """One to four changes: bits, bytes, 2- and 4-byte integers, cuts, repetitions, insertions."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(changed) + 1) if rng.random() < 0.6 else rng.randrange(min(len(changed), 96) + 1)
        end = min(len(changed), at + rng.choice((1, 2, 4, 8, 64, 1024)))
        match rng.randrange(7):
            case 0:
                changed[at : at + 1] = bytes(b ^ (1 << rng.randrange(8)) for b in changed[at : at + 1])
            case 1:
                changed[at : at + 1] = bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))])
            case 2:
                number = rng.choice((0, 1, 0x7FFF, 0xFFFF, 30_000, 65_535))
                changed[at : at + 2] = struct.pack(rng.choice("<>") + "H", number)
            case 3:
                number = rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 1 << 20, 100_000))
                changed[at : at + 4] = struct.pack(rng.choice("<>") + "I", number)
            case 4:
                del changed[at : rng.choice((end, len(changed)))]
            case 5:
                changed[at:at] = changed[at:end] * rng.choice((1, 2, 100))
            case 6:
                changed[at:at] = rng.randbytes(rng.choice((1, 4, 16)))
    return bytes(changed)


def change_text(content: bytes, rng: random.Random) -> bytes:
    """Replace numbers and words by extreme ones, repeat, drop and swap lines, and change the encoding."""
    text = content.decode()
    for _ in range(rng.choice((1, 1, 2, 4))):
        if len(text) > _LONGEST:
            break
        spans = [match.span() for match in re.finditer(r"-?\d+(?:\.\d+)?|[^\W\d]+|[^\w\s]", text)] or [(0, 0)]
        start, end = rng.choice(spans)
        match rng.randrange(6):
            case 0 | 1:
                text = text[:start] + rng.choice(NUMBERS) + text[end:]
            case 2:
                text = text[:start] + rng.choice(TEXTS) + text[end:]
            case 3:
                other, stop = rng.choice(spans)
                text = text[:start] + text[other:stop] + text[end:]
            case 4:
                lines = text.splitlines(keepends=True) or [""]
                place = rng.randrange(len(lines))
                lines[place : place + 1] = [lines[place]] * rng.choice((0, 2, 3, 300))
                text = "".join(lines)
            case 5:
                text = text[:start] + text[rng.choice((end, len(text))) :]
    encoding = rng.choice(("utf-8",) * 7 + ("utf-16", "latin-1", "utf-8-sig"))
    if rng.random() < 0.1:
        text = text.replace("\n", rng.choice(("\r\n", "\r", "\v")))
    return text.encode(encoding, errors="surrogatepass" if encoding == "utf-8" else "replace")


def change_json(content: bytes, rng: random.Random) -> bytes:
    """Replace, remove, repeat or rename one to three nodes of a JSON document."""
    document = json.loads(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        document = _changed_node(document, rng)
    return json.dumps(document).encode()


def _changed_node(document: Any, rng: random.Random) -> Any:
    places: list[tuple[Any, Any]] = []
    _collect(document, places)
    if not places or rng.random() < 0.01:
        return deepcopy(rng.choice(VALUES))
    parent, key = rng.choice(places)
    match rng.randrange(6):
        case 0 | 1 | 2:
            parent[key] = deepcopy(rng.choice(VALUES))  # a list among them may be changed next
        case 3:
            del parent[key]
        case 4 if isinstance(parent, list):
            parent.insert(rng.randrange(len(parent) + 1), json.loads(json.dumps(parent[key])))
        case 4:
            parent[rng.choice((str(key) + "x", "id", "name", ""))] = parent.pop(key)
        case 5:
            other, place = rng.choice(places)
            parent[key] = json.loads(json.dumps(other[place]))
    return document


def _collect(node: Any, places: list[tuple[Any, Any]]) -> None:
    keys = node.keys() if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        places.append((node, key))
        _collect(node[key], places)


def change_json_document(content: bytes, rng: random.Random) -> bytes:
    """A JSON file: mostly its nodes, else its text or bytes."""
    return rng.choice((change_json, change_json, change_json, change_text, change_bytes))(content, rng)


def change_text_file(content: bytes, rng: random.Random) -> bytes:
    """A text file: mostly its tokens, else its bytes."""
    return rng.choice((change_text, change_text, change_text, change_bytes))(content, rng)


def change_safetensors(content: bytes, rng: random.Random) -> bytes:
    """The header or the description in it, with the length before it, else any bytes."""
    kind = rng.randrange(4)
    if kind == 3:
        return change_bytes(content, rng)
    (length,) = struct.unpack("<Q", content[:8])
    header, tensors = content[8 : 8 + length], content[8 + length :]
    fields = json.loads(header)
    if kind == 2:
        header = change_json(header, rng)
    else:
        metadata = fields["__metadata__"]
        metadata["multibox"] = change_json(metadata["multibox"].encode(), rng).decode()
        header = json.dumps(fields).encode()
    return struct.pack("<Q", len(header)) + header + tensors


def change_archive(content: bytes, rng: random.Random) -> bytes:
    """One member of a zip archive, such as the pickle of a .pth file, else any bytes."""
    if not content.startswith(b"PK") or rng.random() < 0.2:
        return change_bytes(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    pickles = [name for name in members if name.endswith(".pkl")]
    chosen = rng.choice(pickles * 8 + list(members))
    members[chosen] = _changed_pickle(members[chosen], rng)
    if rng.random() < 0.1:
        members.pop(rng.choice(list(members)))
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return result.getvalue()


def _changed_pickle(content: bytes, rng: random.Random) -> bytes:
    """Bytes, or one small integer: sizes, strides and offsets are BININT1 (K), BININT2 (M) and BININT (J)."""
    integers = [match.start() for match in re.finditer(rb"K.", content, re.DOTALL)]
    if not integers or rng.random() < 0.4:
        return change_bytes(content, rng)
    at = rng.choice(integers)
    number = rng.choice((-1, -(2**31), 2**31 - 1, 1_000_000, 0, 7))
    return content[:at] + b"J" + struct.pack("<i", number) + content[at + 2 :]
