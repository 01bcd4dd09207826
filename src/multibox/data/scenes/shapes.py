"""Outlines of the six classes of generated images, and of clutter: rotated, stretched and rasterized."""

import math

import cv2
import numpy as np
from jaxtyping import Float64, Int32, UInt8

from multibox.size import Size

SHAPES = ("cross", "disc", "ring", "square", "star", "triangle")

_FRACTION_BITS = 4  # outlines are drawn to a sixteenth of a pixel

Outline = list[Float64[np.ndarray, "corners 2"]]


def outline(name: str, rng: np.random.Generator) -> Outline:
    """Closed curves inside radius 1 around the origin, with small random differences. A second curve is a hole."""
    if name == "disc":
        return [_regular(72)]
    if name == "ring":
        return [_regular(72), _regular(72) * rng.uniform(0.45, 0.68)]
    if name == "star":
        return [_regular(10) * np.where(np.arange(10) % 2, rng.uniform(0.38, 0.5), 1.0)[:, None]]
    if name == "cross":
        arm = rng.uniform(0.22, 0.34)
        quarter = np.array([[arm, 1], [arm, arm], [1, arm]])
        return [np.concatenate([quarter @ _rotation(-turn * math.pi / 2).T for turn in range(4)])]
    if name == "square":
        return [np.array([[0.8, 0.8], [-0.8, 0.8], [-0.8, -0.8], [0.8, -0.8]])]
    return [_regular(3)]


def turned(shape: Outline, rng: np.random.Generator, *, center: Float64[np.ndarray, "2"], radius: float) -> Outline:
    """The outline in pixels: stretched by up to a quarter, rotated by any angle, scaled to `radius` and moved."""
    stretch = math.exp(rng.uniform(-0.22, 0.22))
    matrix = _rotation(rng.uniform(0, 2 * math.pi)) @ np.diag([stretch, 1 / stretch]) * radius
    return [curve @ matrix.T + center for curve in shape]


def area(shape: Outline) -> float:
    """Area in pixels without the hole. Parts outside the image count."""
    sides = [abs(float(np.sum(c[:, 0] * np.roll(c[:, 1], -1) - np.roll(c[:, 0], -1) * c[:, 1]))) / 2 for c in shape]
    return sides[0] - sum(sides[1:])


def surroundings(shape: Outline, size: Size, *, margin: float) -> tuple[slice, slice]:
    """Rows and columns of the image within a margin around the outline; one pixel if the outline is outside."""
    corners = np.concatenate(shape)
    low = np.clip(np.floor(corners.min(axis=0) - margin), 0, [size.width - 1, size.height - 1]).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) + margin), low + 1, [size.width, size.height]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def mask(shape: Outline, size: Size) -> UInt8[np.ndarray, "h w"]:
    """The share of each pixel that the outline covers, 0 to 255, in an image of `size`."""
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, _fixed(shape), 255, cv2.LINE_AA, _FRACTION_BITS)
    return canvas


def contour(shape: Outline, size: Size, *, thickness: int) -> UInt8[np.ndarray, "h w"]:
    """The share of each pixel that a line along the outline covers, 0 to 255."""
    canvas = np.zeros(size, np.uint8)
    cv2.polylines(canvas, _fixed(shape), True, 255, thickness, cv2.LINE_AA, _FRACTION_BITS)
    return canvas


def blob(rng: np.random.Generator, *, center: Float64[np.ndarray, "2"], radius: float) -> Outline:
    """Clutter: a smooth irregular outline unlike the six classes."""
    angles = np.linspace(0, 2 * math.pi, 60, endpoint=False)
    waves = [rng.uniform(0.12, 0.3) * np.sin(k * angles + rng.uniform(0, 6.3)) for k in (2, 3, 5)]
    reach = radius * (1 + np.sum(waves, axis=0))
    return [np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1) + center]


def stroke(rng: np.random.Generator, *, center: Float64[np.ndarray, "2"], reach: float) -> Outline:
    """Clutter: a bent line, there and back, drawn with `contour`."""
    ends = [center + rng.uniform(-2, 2, 2) * reach * step for step in (-1, 0, 1)]
    t = np.linspace(0, 1, 24)[:, None]
    curve = (1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * ends[1] + t**2 * ends[2]
    return [np.concatenate([curve, curve[-2:0:-1]])]


def _regular(corners: int) -> Float64[np.ndarray, "corners 2"]:
    angles = np.arange(corners) * 2 * math.pi / corners
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _rotation(angle: float) -> Float64[np.ndarray, "2 2"]:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _fixed(shape: Outline) -> list[Int32[np.ndarray, "corners 2"]]:
    """Fixed-point corners. Pixel centers are half numbers in our coordinates and whole numbers in OpenCV's."""
    return [np.round((curve - 0.5) * 2**_FRACTION_BITS).astype(np.int32) for curve in shape]
