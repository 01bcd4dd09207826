"""One color for each class: the same in every image, well apart from its neighbors."""

import math

import numpy as np
from jaxtyping import Float64

_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))  # successive multiples never come close to one another
_LIGHTNESS = (0.75, 0.61, 0.83)
_CHROMA = 0.19

# Oklab (B. Ottosson, 2020): lightness, green-red and blue-yellow to cube roots of cone responses, those to linear sRGB
_TO_CONES = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.291485548]]
)
_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.707614701],
    ]
)


def class_color(label: int) -> tuple[int, int, int]:
    """The RGB color of a class: hues a golden angle apart, three lightnesses in turn, as vivid as sRGB allows."""
    lightness, hue = _LIGHTNESS[label % 3], 0.5 + label * _GOLDEN_ANGLE
    for chroma in np.linspace(_CHROMA, 0, 20):  # the first chroma inside the gamut
        color = _linear(lightness, chroma, hue)
        if color.min() >= 0 and color.max() <= 1:
            break
    red, green, blue = (round(255 * _gamma(value)) for value in color)
    return red, green, blue


def ink(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """Black or white, whichever has the higher contrast (WCAG 2.1) on the color."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in np.array(color) / 255
    ]
    luminance = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 0.05 * 1.05 else (255, 255, 255)


def _linear(lightness: float, chroma: float, hue: float) -> Float64[np.ndarray, "3"]:
    cones = _TO_CONES @ np.array([lightness, chroma * math.cos(hue), chroma * math.sin(hue)])
    return _TO_RGB @ cones**3


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
