"""Colors of drawings: one for each class, the same in every image, and those of paper and ink."""

import math

import numpy as np
from jaxtyping import Float64

Color = tuple[int, int, int]
"""Red, green and blue from 0 to 255."""

PAPER: Color = (246, 246, 246)
INK: Color = (29, 29, 34)

_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))  # multiples of it never come close to one another
_LIGHTNESSES = (0.75, 0.61, 0.83)
_LARGEST_CHROMA = 0.19

# Oklab (B. Ottosson, 2020): from lightness, green-red and blue-yellow to the cube roots of the cone responses, and
# from the cone responses to linear sRGB.
_OKLAB_TO_CONES = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.291485548]]
)
_CONES_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.707614701],
    ]
)


def class_color(label: int) -> Color:
    """The color of a class: hues a golden angle apart, three lightnesses in turn, as vivid as sRGB allows."""
    lightness, hue = _LIGHTNESSES[label % 3], 0.5 + label * _GOLDEN_ANGLE
    for chroma in np.linspace(_LARGEST_CHROMA, 0, 20):  # ends at the first chroma inside the gamut
        linear = _linear_rgb(lightness, chroma, hue)
        if linear.min() >= 0 and linear.max() <= 1:
            break
    red, green, blue = (round(255 * _gamma_encoded(value)) for value in linear)
    return red, green, blue


def text_color(background: Color) -> Color:
    """Black or white: the one with the higher contrast on the background (WCAG 2.1)."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in np.array(background) / 255
    ]
    luminance = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 0.05 * 1.05 else (255, 255, 255)


def _linear_rgb(lightness: float, chroma: float, hue: float) -> Float64[np.ndarray, "3"]:
    cone_roots = _OKLAB_TO_CONES @ np.array([lightness, chroma * math.cos(hue), chroma * math.sin(hue)])
    return _CONES_TO_RGB @ cone_roots**3


def _gamma_encoded(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
