"""Letters outside ASCII: drawn with an installed font that has them, by Pillow if it is installed.

OpenCV's own font has only ASCII.
"""

import logging
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from multibox.drawing.colors import Color

log = logging.getLogger(__name__)

_FONTS_OF_MACOS = Path("/System/Library/Fonts/Supplemental/Arial Unicode.ttf")
_CAPITAL = 0.72  # height of a capital letter in common fonts, relative to their size
_SECONDS = 10


def can_draw(text: str) -> bool:
    """Whether a font is installed that has all letters of the text."""
    return _font_file("".join(sorted(set(text)))) is not None


def text_length(text: str, *, capital: float) -> int:
    """The width of a text in pixels; `capital` is the height of a capital letter in pixels."""
    return int(_font(text, capital).getlength(text)) + 1


def draw_text(
    image: UInt8[np.ndarray, "h w 3"], text: str, *, left: int, baseline: int, capital: float, color: Color
) -> None:
    """Draw a text that `can_draw` accepts into the image."""
    from PIL import Image, ImageDraw

    canvas = Image.fromarray(image)
    ImageDraw.Draw(canvas).text((left, baseline), text, font=_font(text, capital), fill=color, anchor="ls")
    image[:] = np.asarray(canvas)


@cache
def warn_once(name: str) -> None:
    """Log that a class is drawn with its number."""
    log.warning(
        "class %s is drawn with its number: no installed font has its letters, or Pillow is not installed "
        "(pip install pillow)",
        name,
    )


def _font(text: str, capital: float) -> Any:
    return _sized_font(_font_file("".join(sorted(set(text)))), max(6, round(capital / _CAPITAL)))


@cache
def _sized_font(file: Path | None, size: int) -> Any:
    from PIL import ImageFont

    assert file is not None
    return ImageFont.truetype(file, size)


@cache
def _font_file(letters: str) -> Path | None:
    """The file of an installed font that has all letters; None if there is none or Pillow is not installed."""
    try:
        from PIL import ImageFont

        files = [file for file in _fonts_with(letters) if file.suffix.lower() in (".ttf", ".ttc", ".otf")]
        file = min(files, key=_preference, default=None)
        if file is not None:
            ImageFont.truetype(file, 12)
    except (ImportError, OSError):
        return None
    return file


def _preference(file: Path) -> tuple[bool, bool, str]:
    """Upright sans-serif fonts first."""
    name = file.stem.lower()
    return "sans" not in name, any(word in name for word in ("bold", "italic", "oblique", "mono", "light")), name


def _fonts_with(letters: str) -> list[Path]:
    """Files of the fonts that have all letters, from fontconfig; macOS has one font for nearly all scripts."""
    program = shutil.which("fc-list")
    if program is None:
        return [_FONTS_OF_MACOS] if _FONTS_OF_MACOS.is_file() else []
    codes = " ".join(f"{ord(letter):x}" for letter in letters if not letter.isspace())
    command = [program, "--format", "%{file}\n", f":charset={codes}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return []
    return [Path(line) for line in done.stdout.splitlines() if line]
