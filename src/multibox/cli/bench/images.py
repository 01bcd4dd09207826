"""What the options of `multibox bench` say about images: which, and how many at once."""

from pathlib import Path
from typing import Any

from multibox.errors import UsageError


def batch_sizes(text: str) -> list[int]:
    """Numbers from a text like "1,8". Raises UsageError for another."""
    sizes = text.split(",")
    if not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise UsageError(f"--batch is {text!r}: give numbers from 1 up, with commas between them")
    return [int(size) for size in sizes]


def images_to_time(folder: Path | None) -> list[Any]:
    """Files of the folder, or the bytes of generated images. Raises UsageError where the folder has none."""
    if folder is None:
        from multibox.bench.images import sample_images

        return list(sample_images(count=8))
    from multibox.images.find import find_images

    found = find_images([folder])
    if not found.files:
        raise UsageError(found.problems[0])
    return list(found.files)
