"""Small files of data sets that tests write: images, VOC XML, COCO JSON and YOLO labels."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

BOX = "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>8</xmax><ymax>9</ymax></bndbox>"


def write_image(*paths: Path) -> None:
    """Write images of 40 x 20 pixels, each with its own color."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        color = sum(str(path).encode()) % 251
        cv2.imwrite(str(path), np.full((20, 40, 3), color, dtype=np.uint8))


def write_file(path: Path, content: str | bytes) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def voc_xml(name: str = "dog", *, filename: str = "", head: str = "", attributes: str = "") -> str:
    """An annotation with one object."""
    inner = f"<filename>{filename}</filename><size><width>40</width><height>20</height></size>"
    return f"{head}<annotation{attributes}>{inner}<object><name>{name}</name>{BOX}</object></annotation>"


def coco_json(
    images: list[dict[str, Any]], annotations: list[dict[str, Any]], categories: list[dict[str, Any]] | None = None
) -> str:
    """A file of COCO instances; the category is 1, dog, unless some are given."""
    chosen = [{"id": 1, "name": "dog"}] if categories is None else categories
    return json.dumps({"images": images, "annotations": annotations, "categories": chosen})


def coco_image(number: Any = 1, name: Any = "a.jpg") -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": 40, "height": 20}


def coco_object(number: Any = 1, image: Any = 1, **fields: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image, "category_id": 1, "bbox": [2, 3, 6, 7]} | fields
