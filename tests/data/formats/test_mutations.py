"""Small data sets with random damage: a data set or a MultiboxError of one line, in every format."""

import random
from pathlib import Path

import pytest

from data_set_files import coco_image, coco_json, coco_object, voc_xml, write_file, write_image
from multibox.check.check import check_dataset
from multibox.data.load import load_dataset
from multibox.errors import MultiboxError

CASES = 60
INSERTS = (
    *(b"[", b"{", b'"', b"null", b"-1", b"1e999", b"1e308", b"nan", b"9" * 30, b"true", b"[]", b"{}", b"\\ud800"),
    *(b"\0", b"\xff\xfe", b"\xff", b"&a;", b"../", b"\\", b"\n", b"*", b": ", b"- ", b"/", b"<a>", b"  "),
)
BEGINNINGS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"%YAML 9\n", b'<?xml version="1.0" encoding="x"?>')


def voc(root: Path) -> list[Path]:
    write_image(root / "JPEGImages/a.jpg", root / "JPEGImages/b.jpg")
    write_file(root / "Annotations/b.xml", voc_xml("cat"))
    return [
        write_file(root / "Annotations/a.xml", voc_xml(filename="a.jpg")),
        write_file(root / "ImageSets/Main/train.txt", "a\nb\n"),
    ]


def coco(root: Path) -> list[Path]:
    write_image(root / "train/a.jpg")
    item = coco_object(segmentation=[[1, 2, 3, 4, 5, 6]], iscrowd=0, area=3)
    return [write_file(root / "annotations/instances_train.json", coco_json([coco_image()], [item]))]


def yolo(root: Path) -> list[Path]:
    write_image(root / "images/a.jpg", root / "images/b.jpg")
    return [
        write_file(root / "labels/a.txt", "0 .5 .5 .1 .1\n1 .1 .1 .3 .1 .3 .3\n"),
        write_file(root / "data.yaml", 'path: .\ntrain: images\nval: list.txt\nnc: 2\nnames: {0: "a", 1: b}\n'),
        write_file(root / "list.txt", "images/a.jpg\nimages/b.jpg\n"),
    ]


def darknet(root: Path) -> list[Path]:
    write_image(root / "obj_train_data/a.jpg")
    write_file(root / "obj_train_data/a.txt", "0 .5 .5 .1 .1\n")
    return [
        write_file(root / "obj.data", "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\n"),
        write_file(root / "train.txt", "data/obj_train_data/a.jpg\n"),
        write_file(root / "obj.names", "cup\n"),
    ]


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one to four changes: other bytes, cuts, repetitions, words of the formats, deep nesting."""
    for _ in range(rng.choice([1, 1, 2, 4])):
        place = rng.randrange(len(data) + 1)
        start, end = data[:place], data[place:]
        data = rng.choice(
            [
                start + bytes([rng.randrange(256)]) + end[1:],
                start + end[rng.randrange(1, 20) :],
                start + rng.choice(INSERTS) + end,
                start,
                start + data[rng.randrange(len(data) + 1) :][:40] + end,
                start + rng.choice([b"[", b"<a>", b'{"a":', b"x"]) * rng.choice([10, 3000]) + end,
                data.replace(rng.choice([b"1", b"0", b'"', b".", b"a"]), rng.choice([b"", b"null", b"99999999999"]), 1),
                rng.choice(BEGINNINGS) + data,
            ]
        )
    return data


@pytest.mark.parametrize("make", [voc, coco, yolo, darknet])
def test_random_damage(tmp_path: Path, make) -> None:
    """Reading and checking after each change raise nothing but a MultiboxError whose message is one line of text."""
    rng = random.Random(7)
    files = make(tmp_path)
    for _ in range(CASES):
        file = rng.choice(files)
        whole = file.read_bytes()
        file.write_bytes(damaged(whole, rng))
        for function in (load_dataset, check_dataset):
            message = ""
            try:
                function(tmp_path)
            except MultiboxError as error:
                message = str(error)
            assert "\n" not in message
            message.encode()
        file.write_bytes(whole)
