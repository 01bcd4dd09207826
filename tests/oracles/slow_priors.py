"""PriorBox from the text of its options, one box at a time, as prior_box_layer.cpp computes it."""

from math import floor, sqrt

import numpy as np


def corners(parameters: str, cells: tuple[int, int], image: tuple[int, int]) -> np.ndarray:
    """(P, 4) corners relative to the image, for a map of `cells` (rows, columns)."""
    options = read(parameters)
    steps = [options.get(f"step_{side}", options.get("step", [0])) for side in ("h", "w")]
    step_y, step_x = (s[0] or size / n for s, size, n in zip(steps, image, cells, strict=True))
    offset = options.get("offset", [0.5])[0]
    ratios = [1.0]
    for ratio in options.get("aspect_ratio", []):
        if any(abs(ratio - known) < 1e-6 for known in ratios):
            continue
        ratios.append(ratio)
        if options.get("flip", [1])[0]:
            ratios.append(1 / ratio)
    rows = []
    for row in range(cells[0]):
        for column in range(cells[1]):
            x, y = (column + offset) * step_x, (row + offset) * step_y
            for number, size in enumerate(options["min_size"]):
                small = floor(size)
                sides = [(small, small)]
                if "max_size" in options:
                    sides.append((sqrt(small * floor(options["max_size"][number])),) * 2)
                sides += [(small * sqrt(r), small / sqrt(r)) for r in ratios if abs(r - 1) >= 1e-6]
                rows += [[x - w / 2, y - h / 2, x + w / 2, y + h / 2] for w, h in sides]
    boxes = np.array(rows) / [image[1], image[0], image[1], image[0]]
    return boxes.clip(0, 1) if options.get("clip", [0])[0] else boxes


def read(text: str) -> dict[str, list[float]]:
    """The numbers of each option; true and false as 1 and 0."""
    words = text.replace("[", "").replace("]", "").replace(",", "").replace("true", "1").replace("false", "0").split()
    found: dict[str, list[float]] = {}
    name = ""
    for word in words:
        if word.endswith(":"):
            name = word[:-1]
            found.setdefault(name, [])
        else:
            found[name].append(float(word))
    return found
