"""Names of weights on the Hub: hf://OWNER/NAME, hf://OWNER/NAME@REVISION, hf://OWNER/NAME@REVISION/FILE."""

import re
from dataclasses import dataclass
from pathlib import Path

from multibox.errors import UsageError

SCHEME = "hf://"
FILE = "model.safetensors"
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_NAME = re.compile(rf"hf://({_PART}/{_PART})(?:@([A-Za-z0-9][A-Za-z0-9._%-]*))?(?:/([^@]+))?")


@dataclass(frozen=True)
class HubName:
    """A repository, a branch, tag or commit of it (None for its main branch), and a file in it."""

    repository: str
    revision: str | None = None
    file: str = FILE

    def __str__(self) -> str:
        revision = "" if self.revision is None else f"@{self.revision}"
        file = "" if self.file == FILE else f"/{self.file}"
        return f"{SCHEME}{self.repository}{revision}{file}"


def is_hub_name(source: Path | str) -> bool:
    """Whether a text names weights on the Hub."""
    return str(source).startswith("hf:/")  # a Path has only one slash


def parse_hub_name(text: str) -> HubName:
    """The parts of a name. A / in a revision is written as %2F. Raises UsageError for other texts."""
    if is_hub_name(text):
        text = SCHEME + text.removeprefix("hf:").lstrip("/")
    found = _NAME.fullmatch(text)
    if found is None or ".." in text:
        raise UsageError(f"{text!r} is no name on the Hub; give hf://owner/name, hf://owner/name@revision or .../file")
    revision = None if found[2] is None else found[2].replace("%2F", "/").replace("%2f", "/")
    return HubName(found[1], revision, found[3] or FILE)
