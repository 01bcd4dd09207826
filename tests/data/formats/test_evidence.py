"""What a data set is: the evidence of each format, several formats in one folder, and none."""

from pathlib import Path

import pytest

from data_set_files import coco_image, coco_json, coco_object, voc_xml, write_file, write_image
from multibox.check.check import check_dataset
from multibox.data.formats.recognize import recognize
from multibox.data.load import load_dataset
from multibox.errors import DataError

LABEL = "0 0.5 0.5 0.2 0.2\n"


def yolo(root: Path) -> None:
    write_image(root / "images/a.jpg")
    write_file(root / "labels/a.txt", LABEL)


def coco(path: Path) -> None:
    write_file(path, coco_json([coco_image()], [coco_object()]))


def format_of(root: Path) -> str:
    return recognize(root).scan("all").format


def test_a_stray_json_is_not_a_coco_file(tmp_path: Path) -> None:
    """A YOLO export with notes.json (categories alone), results and other JSON is read as YOLO, with its classes."""
    yolo(tmp_path)
    write_file(tmp_path / "classes.txt", "cup\r\nplate\r\n")
    write_file(tmp_path / "notes.json", '{"categories": [{"id": 0, "name": "cup"}], "info": {"year": 2024}}')
    write_file(tmp_path / "results.json", '[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]')
    write_file(tmp_path / "images.json", '{"images": 3}')
    data = load_dataset(tmp_path)
    assert (data.class_names, data.num_objects, data.problems) == (("cup", "plate"), 1, ())


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("data.yaml", "a.json"), "yolo"),
        (("classes.txt", "a.json"), "yolo"),
        (("a.json",), "coco"),
        (("annotations/a.json",), "coco"),
        (("data.yaml", "Annotations/a.xml"), "yolo"),
        (("Annotations/a.xml",), "voc"),
        (("Annotations/a.xml", "ImageSets/Main/train.txt", "data.yaml"), "voc"),
    ],
)
def test_the_stronger_evidence_wins_and_is_named(tmp_path: Path, files: tuple[str, ...], expected: str) -> None:
    """A YOLO folder with the files of another format, against the format; the message names the other one."""
    yolo(tmp_path)
    contents = {"data.yaml": "train: images\nnames: [dog]\n", "classes.txt": "dog\n", "train.txt": "a\n"}
    for name in files:
        path = tmp_path / name
        if path.suffix == ".json":
            coco(path)
        else:
            write_file(path, voc_xml() if path.suffix == ".xml" else contents[path.name])
    source = recognize(tmp_path)
    raw = source.scan(source.training_split())
    assert raw.format == expected
    assert raw.faults[0].kind == "two_formats"
    assert f"read as {expected} (" in raw.faults[0].message


def test_an_xml_file_counts_by_its_root(tmp_path: Path) -> None:
    """A stray XML file beside data.yaml is no VOC; CVAT's XML is named; a namespace and a comment do not matter."""
    yolo(tmp_path / "a")
    write_file(tmp_path / "a/data.yaml", "train: images\nnames: [cup]\n")
    write_file(tmp_path / "a/best.xml", '<?xml version="1.0"?><net name="model"><layers/></net>')
    assert format_of(tmp_path / "a") == "yolo"
    write_file(tmp_path / "b/annotations.xml", "<?xml version='1.0'?><annotations><image/></annotations>")
    with pytest.raises(DataError, match=r"found 1 file \.xml; it looks like annotations\.xml.*CVAT for images"):
        recognize(tmp_path / "b")
    head, space = "<?xml version='1.0'?><!-- <other> -->", ' xmlns="http://example.org/voc"'
    write_file(tmp_path / "c/Annotations/a.xml", voc_xml(head=head, attributes=space))
    assert load_dataset(tmp_path / "c").class_names == ("dog",)
    write_file(tmp_path / "c/Annotations/b.xml", "<annotations/>")
    with pytest.raises(DataError, match=r"b\.xml: its root is <annotations> and not <annotation>: CVAT for images"):
        load_dataset(tmp_path / "c")


@pytest.mark.parametrize(
    ("images", "labels"),
    [("images", "annots"), ("IMAGES", "ANNOTATIONS"), ("Photos", "Xml"), ("data/pictures", "data/boxes"), ("x", "x")],
)
def test_voc_folders_of_any_name(tmp_path: Path, images: str, labels: str) -> None:
    """Folders are found by what they hold, in any case."""
    root = tmp_path / "data" if images.startswith("data/") else tmp_path
    write_image(tmp_path / images / "a.jpg")
    write_file(tmp_path / labels / "a.XML", voc_xml())
    (example,) = load_dataset(root if images != "x" else tmp_path / "x")
    assert (example.image, len(example.labels)) == (tmp_path / images / "a.jpg", 1)


def test_yolo_folders_in_capitals(tmp_path: Path) -> None:
    """IMAGES and LABELS, labels in .TXT, and labels in a folder named annotations against one object each."""
    for images, label in (("IMAGES", "LABELS/a.TXT"), ("images", "annotations/a.txt"), ("Images", "Labels/a.txt")):
        root = tmp_path / images / label.partition("/")[0]
        write_image(root / images / "a.jpg")
        write_file(root / label, LABEL)
        assert (format_of(root), load_dataset(root).num_objects) == ("yolo", 1)


@pytest.mark.parametrize("kind", ["voc", "yolo", "coco"])
def test_split_folders_below_images(tmp_path: Path, kind: str) -> None:
    """images/train and images/test with annotations beside the images, in three formats, against two splits."""
    for split in ("train", "test"):
        home = tmp_path / "images" / split
        write_image(home / "a.jpg")
        if kind == "voc":
            write_file(home / "a.xml", voc_xml())
        elif kind == "yolo":
            write_file(home / "a.txt", LABEL)
        else:
            coco(home / "_annotations.coco.json")
    source = recognize(tmp_path)
    assert (source.scan("all").format, sorted(source.splits())) == (kind, ["test", "train"])
    assert load_dataset(tmp_path).num_objects == 1
    assert check_dataset(tmp_path).ok


def test_nothing_found_says_what_is_there(tmp_path: Path) -> None:
    """The message about other formats, folders and files, and an empty folder, against what is in them."""
    write_image(tmp_path / "a/x.jpg", tmp_path / "a/sub/y.jpg")
    write_file(tmp_path / "a/x.json", '{"version": "5", "shapes": []}')
    with pytest.raises(DataError, match=r"found sub/, 1 file \.jpg, 1 file \.json; it looks like LabelMe JSON"):
        recognize(tmp_path / "a")
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match="found nothing; looked for"):
        recognize(tmp_path / "b")


def test_a_broken_file_matters_only_without_another_format(tmp_path: Path) -> None:
    """A broken data.yaml beside VOC is passed over; alone it is the error."""
    write_file(tmp_path / "data.yaml", "names: [")
    with pytest.raises(DataError, match=r"data\.yaml is not YAML"):
        recognize(tmp_path)
    write_file(tmp_path / "Annotations/a.xml", voc_xml())
    assert format_of(tmp_path) == "voc"


def test_hidden_files_of_macos(tmp_path: Path) -> None:
    """Files ._NAME beside every file of three formats change nothing."""
    yolo(tmp_path / "yolo")
    write_file(tmp_path / "yolo/data.yaml", "train: images\nnames: [cup]\n")
    write_image(tmp_path / "voc/JPEGImages/a.jpg", tmp_path / "coco/a.jpg")
    write_file(tmp_path / "voc/Annotations/a.xml", voc_xml())
    coco(tmp_path / "coco/a.json")
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        write_file(path.with_name(f"._{path.name}"), b"\0\5\x16\7    Mac OS X")
    for name in ("yolo", "voc", "coco"):
        data = load_dataset(tmp_path / name)
        assert (len(data), data.num_objects, data.problems) == (1, 1, ())
