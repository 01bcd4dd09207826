"""HTML reports from Jinja2 templates: every value is escaped, and each page is one file without scripts or network.

Templates are named by their path in the package, such as "check/report.html". They extend "drawing/page.html", which
holds the style sheet, and import the macros of "drawing/parts.html".
"""

import base64
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from multibox._version import __version__
from multibox.system.atomic import write_atomically

__all__ = ["Markup", "jpeg_uri", "percent", "png_uri", "render", "write_page"]


def write_page(path: Path | str, template: str, values: Mapping[str, object]) -> None:
    """Render a template into a file; its folder is created if it does not exist."""
    write_atomically(Path(path), render(template, values).encode())


def render(template: str, values: Mapping[str, object]) -> str:
    """Render a template. All values are escaped, except Markup, which is inserted unchanged.

    Raises jinja2.UndefinedError for a name that `values` lacks.
    """
    return _environment().get_template(template).render(values)


def percent(value: float) -> str:
    """A share as per cent with one decimal; a dash for nan."""
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def jpeg_uri(image: UInt8[np.ndarray, "h w 3"], *, max_width: int | None = None, quality: int = 86) -> str:
    """The RGB image as a JPEG data address for `src`, made smaller if it is wider than `max_width`."""
    height, width = image.shape[:2]
    if max_width is not None and width > max_width:
        size = (max_width, max(1, round(height * max_width / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return _data_uri("image/jpeg", encoded.tobytes())


def png_uri(path: Path) -> str:
    """A PNG file as a data address for `src`."""
    return _data_uri("image/png", path.read_bytes())


def _data_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("multibox", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["version"] = __version__
    environment.filters["percent"] = percent
    environment.filters["thousands"] = "{:,}".format
    return environment
