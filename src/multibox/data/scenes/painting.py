"""Colors, textures and light of generated images. A canvas is float32 RGB in 0..1 and is painted in place."""

import colorsys
import math

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from multibox.size import Size

Canvas = Float32[np.ndarray, "h w 3"]
Color = Float32[np.ndarray, "3"]

_LEAST_COLOR_DISTANCE = 0.3  # in RGB; black and white are 1.7 apart


def color(
    rng: np.random.Generator,
    *,
    saturation: tuple[float, float],
    value: tuple[float, float],
    hue: tuple[float, float] = (0.0, 1.0),
) -> Color:
    """A random color inside ranges of hue (a full turn is 1), saturation and value."""
    turn = rng.uniform(*hue) % 1
    return np.array(colorsys.hsv_to_rgb(turn, rng.uniform(*saturation), rng.uniform(*value)), np.float32)


def background(rng: np.random.Generator, size: Size) -> Canvas:
    """Two muted colors blended by clouds and a slope. Every second image has a fine pattern as well."""
    height, width = size
    first, second = (color(rng, saturation=(0.05, 0.5), value=(0.2, 0.9)) for _ in range(2))
    blend = 0.5 + 0.6 * clouds(rng, size) + 0.5 * _slope(rng, size)
    canvas = first + (second - first) * np.clip(blend, 0, 1)[:, :, None]
    if rng.uniform() < 0.5:
        canvas += rng.uniform(0.02, 0.08) * pattern(rng, size)[:, :, None]
    return np.ascontiguousarray(np.clip(canvas, 0, 1), dtype=np.float32).reshape(height, width, 3)


def clouds(rng: np.random.Generator, size: Size) -> Float32[np.ndarray, "h w"]:
    """Noise on four scales, each half as strong as the next coarser one, about -1 to 1."""
    total = np.zeros(size, np.float32)
    for octave in range(4):
        cells = 3 * 2**octave
        coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        total += cv2.resize(coarse, (size.width, size.height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return total / np.float32(1.3)


def pattern(rng: np.random.Generator, size: Size) -> Float32[np.ndarray, "h w"]:
    """Stripes, checks, dots or clouds at any angle, -1 to 1."""
    kind = int(rng.integers(4))
    if kind == 3:
        return np.clip(clouds(rng, size), -1, 1)
    along, across = _turned_grid(rng, size)
    period = rng.uniform(6, 22)
    waves = np.sin(along * (2 * math.pi / period)), np.sin(across * (2 * math.pi / period))
    if kind == 0:
        return np.clip(3 * waves[0], -1, 1)
    checks = waves[0] * waves[1]
    return np.clip(5 * checks, -1, 1) if kind == 1 else np.clip(6 * (checks - 0.45), -1, 1)


def fill(rng: np.random.Generator, size: Size, *, ground: Color, hue: tuple[float, float] = (0.0, 1.0)) -> Canvas:
    """The surface of an object: a strong color unlike the ground, plain or patterned, lit from one side."""
    base = ground
    while np.linalg.norm(base - ground) < _LEAST_COLOR_DISTANCE:
        base = color(rng, saturation=(0.35, 0.95), value=(0.35, 1.0), hue=hue)
    surface: Canvas = np.broadcast_to(base, (*size, 3))
    if rng.uniform() < 0.55:
        other = color(rng, saturation=(0.2, 0.95), value=(0.3, 1.0))
        weight = rng.uniform(0.15, 0.6) * (0.5 + 0.5 * pattern(rng, size))
        surface = surface + (other - base) * weight[:, :, None]
    lit = 1 + rng.uniform(0.05, 0.4) * _slope(rng, size)
    return np.clip(surface * lit[:, :, None], 0, 1).astype(np.float32)


def paint(canvas: Canvas, surface: Float32[np.ndarray, "#h #w 3"], cover: UInt8[np.ndarray, "h w"]) -> None:
    """Blend a surface into the canvas. `cover` is its opacity at each pixel, 0 to 255."""
    opacity = cover[:, :, None] / np.float32(255)
    canvas += (surface - canvas) * opacity


def shade(canvas: Canvas, cover: UInt8[np.ndarray, "h w"], *, depth: float, blur: float) -> None:
    """Darken the canvas below `cover`, with an edge softened by a blur of `blur` pixels."""
    soft = cv2.GaussianBlur(cover, (0, 0), blur)
    canvas *= 1 - np.float32(depth / 255) * soft[:, :, None]


def finish(rng: np.random.Generator, canvas: Canvas) -> UInt8[np.ndarray, "h w 3"]:
    """Simulate light and camera: uneven brightness, tint, contrast, sometimes blur, and noise. Rounds to 8 bits."""
    size = Size(*canvas.shape[:2])
    light = 1 + rng.uniform(0, 0.3) * _slope(rng, size)
    tint = rng.uniform(0.9, 1.1, 3).astype(np.float32)
    image: Canvas = canvas * (light[:, :, None] * tint * np.float32(rng.uniform(0.75, 1.1)))
    image = np.clip(image, 0, 1) ** np.float32(rng.uniform(0.8, 1.25))
    if rng.uniform() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.2))
    image += rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0.005, 0.04))
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def _slope(rng: np.random.Generator, size: Size) -> Float32[np.ndarray, "h w"]:
    """A plane that rises from -1 to 1 across the image in a random direction."""
    along, _ = _turned_grid(rng, size)
    return along / np.abs(along).max()


def _turned_grid(rng: np.random.Generator, size: Size) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """Coordinates in pixels from the center along two perpendicular axes at a random angle."""
    angle = rng.uniform(0, 2 * math.pi)
    x = np.arange(size.width, dtype=np.float32)[None] - np.float32((size.width - 1) / 2) + np.float32(1e-3)
    y = np.arange(size.height, dtype=np.float32)[:, None] - np.float32((size.height - 1) / 2)
    cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return x * cosine + y * sine, y * cosine - x * sine
