"""Small valid files of every kind that multibox reads, by their paths in the folder of a case."""

import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch

from devkit import tiny_settings
from multibox.batch.rows import result_columns
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.evaluation.results.parquet import CLASS_NAMES
from multibox.experiments.recipe import override
from multibox.experiments.recipes import find_recipe
from multibox.models.ssd import SSD
from multibox.size import Size
from multibox.tiling.file import write_priors
from multibox.weights.exported import Exported
from multibox.weights.file import save_weights
from oracles import mini_ssd
from oracles.frozen_writer import write_frozen
from oracles.tflite_writer import write_tflite
from tiny_detector import noise_image
from tiny_training import SIDE, tiny_config

Files = dict[str, bytes]

_DESCRIPTIONS = Path(__file__).parents[1] / "data_files/descriptions"
_LITERT = Path(__file__).parents[1] / "data_files/litert"
_NAMES = ("cat", "driver's seat")


def _image(suffix: str, *, seed: int = 0) -> bytes:
    return cv2.imencode(suffix, noise_image(seed=seed, width=40, height=30))[1].tobytes()


def _xml(name: str, label: str) -> bytes:
    objects = "".join(
        f"<object><name>{label}</name><pose>Left</pose><truncated>0</truncated><difficult>{number}</difficult><bndbox>"
        f"<xmin>{3 + number}</xmin><ymin>2.5</ymin><xmax>30</xmax><ymax>25</ymax></bndbox></object>"
        for number in (0, 1)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotation><folder>x</folder><filename>{name}</filename><size>'
        f"<width>40</width><height>30</height><depth>3</depth></size>{objects}</annotation>\n"
    ).encode()


def voc() -> Files:
    return {
        "Annotations/a.xml": _xml("a.jpg", "cat"),
        "Annotations/b (1).xml": _xml("b (1).png", "dog"),
        "JPEGImages/a.jpg": _image(".jpg", seed=1),
        "JPEGImages/b (1).png": _image(".png", seed=2),
        "ImageSets/Main/train.txt": b"a\nb (1)\n",
        "ImageSets/Main/cat_train.txt": b"a 1\nb (1) -1\n",
    }


def coco() -> Files:
    document = {
        "info": {"year": 2017},
        "licenses": [],
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": 40, "height": 30},
            {"id": "2", "file_name": "sub/b.jpg", "width": 40, "height": 30},
        ],
        "categories": [{"id": 1, "name": "cat", "supercategory": "animal"}, {"id": 7, "name": "cup"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [3, 2.5, 20, 20], "area": 400.0, "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": "7", "bbox": [1, 1, 9, 9], "iscrowd": "1", "ignore": 0},
            {
                "id": 3,
                "image_id": 2,
                "category_id": 7,
                "segmentation": [[1, 1, 20, 1, 20, 20]],
                "area": 180.5,
                "iscrowd": 0,
            },
        ],
    }
    return {
        "annotations/instances_train.json": json.dumps(document).encode(),
        "train/a.jpg": _image(".jpg", seed=1),
        "train/sub/b.jpg": _image(".jpg", seed=2),
    }


def yolo() -> Files:
    return {
        "data.yaml": b'path: .\ntrain: images/train\nval: images/val\nnc: 2\nnames: [cat, "driver\'s seat"]\n',
        "images/train/a.jpg": _image(".jpg", seed=1),
        "images/train/b.png": _image(".png", seed=2),
        "images/val/c.jpg": _image(".jpg", seed=3),
        "labels/train/a.txt": b"0 0.5 0.5 0.25 0.5\n1 0.3 0.3 0.1 0.2\n",
        "labels/train/b.txt": b"1 0.1 0.1 0.6 0.1 0.6 0.7 0.1 0.7\n",
        "labels/val/c.txt": b"0 0.5 0.5 1 1\n",
    }


def cvat_yolo() -> Files:
    return {
        "obj.data": b"classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n",
        "obj.names": b"cat\ndog\n",
        "train.txt": b"data/obj_train_data/a.jpg\ndata/obj_train_data/b.png\n",
        "obj_train_data/a.jpg": _image(".jpg", seed=1),
        "obj_train_data/a.txt": b"0 0.5 0.5 0.25 0.5\n",
        "obj_train_data/b.png": _image(".png", seed=2),
        "obj_train_data/b.txt": b"1 0.3 0.3 0.1 0.2\n",
    }


def ilsvrc() -> Files:
    return {
        "Annotations/DET/train/ILSVRC2013_train/n02084071/x_1.xml": _xml("x_1", "n02084071"),
        "Annotations/DET/val/y_1.xml": _xml("y_1", "n02121808"),
        "Data/DET/train/ILSVRC2013_train/n02084071/x_1.JPEG": _image(".jpg", seed=1),
        "Data/DET/val/y_1.JPEG": _image(".jpg", seed=2),
        "ImageSets/DET/train.txt": b"ILSVRC2013_train/n02084071/x_1 1\n",
        "ImageSets/DET/val.txt": b"y_1 1\n",
    }


def images() -> Files:
    noise = noise_image(seed=4, width=40, height=30)
    jpeg = _image(".jpg")
    tiff = b"Exif\0\0" + b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, 6, 0, 0)
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 2) + tiff + jpeg[2:]
    alpha = np.dstack([noise, noise[:, :, :1]])
    deep = noise.astype(np.uint16) * 257
    return {
        "a.jpg": jpeg,
        "turned.jpg": turned,
        "progressive.jpg": cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes(),
        "a.png": _image(".png"),
        "alpha.png": cv2.imencode(".png", alpha)[1].tobytes(),
        "deep.png": cv2.imencode(".png", deep)[1].tobytes(),
        "a.webp": _image(".webp"),
        "lossless.webp": cv2.imencode(".webp", alpha, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes(),
        "a.bmp": _image(".bmp"),
        "a.tif": _image(".tif"),
        "deep.tiff": cv2.imencode(".tiff", deep)[1].tobytes(),
        "a.gif": _gif(),
    }


def _gif() -> bytes:
    """One frame of 2 x 2 pixels in four colors."""
    colors = bytes(range(12))
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 2, 2, 0) + b"\x02\x03\x04\x12\x05\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 2, 2, 0x91, 0, 0) + colors + frame + b"\x3b"


def _model() -> SSD:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SSD(tiny_config(), _NAMES).eval()


def weights() -> Files:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.safetensors"
        save_weights(path, _model(), info={"score": 0.5, "recipe": {"name": "tiny"}})
        return {path.name: path.read_bytes()}


def _export_text() -> str:
    return Exported.of(_model(), info={}, precision="fp32", end="raw", batch=None).to_text()


def descriptions() -> Files:
    names = ("ssd300", "ssdlite320", "torchvision300", "amdegroot300")
    texts = {f"{name}.json": (_DESCRIPTIONS / f"{name}.json").read_bytes() for name in names}
    return {**texts, "export.json": _export_text().encode()}


def pth() -> Files:
    tensors = {
        "module.vgg.0.weight": torch.zeros(4, 3, 3, 3),
        "module.vgg.0.bias": torch.zeros(4),
        "module.L2Norm.weight": torch.zeros(4).half(),
        "module.loc.0.weight": torch.zeros(8, 4, 3, 3).transpose(0, 1),
        "module.conf.0.weight": torch.zeros(6, 4, 3, 3),
        "module.steps": torch.tensor(3),
    }
    plain, checkpoint, old = io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save(tensors, plain)
    torch.save({"model": tensors, "epoch": 3, "best": 0.5}, checkpoint)
    torch.save(tensors, old, _use_new_zipfile_serialization=False)
    return {"plain.pth": plain.getvalue(), "checkpoint.pth": checkpoint.getvalue(), "old.pth": old.getvalue()}


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _layers() -> Iterator[bytes]:
    for name, shape in (("conv1_1", (4, 3, 3, 3)), ("conv4_3_norm_mbox_loc", (8, 4, 3, 3))):
        blobs = b""
        for sides in (shape, shape[:1]):
            values = np.zeros(sides, "<f4").tobytes()
            blobs += _field(7, _field(7, _field(1, b"".join(map(_varint, sides)))) + _field(5, values))
        yield _field(1, name.encode()) + blobs
    floats = b"".join(_varint(number << 3 | 5) + struct.pack("<f", 30.0 + number) for number in (1, 2, 3, 6, 10))
    yield _field(1, b"conv4_3_norm_mbox_priorbox") + _field(203, floats + _varint(5 << 3) + b"\x01")


def caffemodel() -> Files:
    old = _field(4, b"conv1_1") + _field(6, b"\x08\x01\x10\x01\x18\x01\x20\x02" + _field(5, bytes(8)))
    new = _field(1, b"VGG") + b"".join(_field(100, layer) for layer in _layers())
    return {"new.caffemodel": new, "old.caffemodel": _field(2, old)}


def tensorflow() -> Files:
    """Whole small detectors, as quantized and float TFLite files and as a frozen graph."""
    from flatbuffers import flexbuffers

    values, anchors = mini_ssd.random_values(seed=0), mini_ssd.anchors(seed=0)
    options = bytes(flexbuffers.Dumps({"num_classes": mini_ssd.CLASSES, "nms_iou_threshold": 0.5, "y_scale": 10.0}))
    quantized, _ = write_tflite(values, kind="int8", anchors=anchors, options=options)
    plain, _ = write_tflite(values, kind="half")
    return {
        "int8.tflite": quantized,
        "half.tflite": plain,
        "frozen.pb": write_frozen(values, anchors=anchors, batch_norm=True),
        "labels.pbtxt": b'item { id: 1 name: "cat" } item { id: 3 display_name: "dog" }',
    }


def tflite() -> Files:
    """An exported detector, and one of another program that ends with its postprocessing, both whole."""
    from flatbuffers import flexbuffers

    options = {"max_detections": 9, "max_classes_per_detection": 1, "detections_per_class": 9, "use_regular_nms": True}
    scales = dict.fromkeys(("x_scale", "y_scale"), 10.0) | dict.fromkeys(("w_scale", "h_scale"), 5.0)
    rules = {"num_classes": mini_ssd.CLASSES, "nms_iou_threshold": 0.5, "nms_score_threshold": 0.1}
    content, _ = write_tflite(
        mini_ssd.random_values(seed=0),
        kind="float",
        anchors=mini_ssd.anchors(seed=0),
        options=bytes(flexbuffers.Dumps(options | scales | rules)),
    )
    return {"tiny.tflite": (_LITERT / "tiny.tflite").read_bytes(), "other.tflite": content}


def openvino() -> Files:
    """A small exported detector, as the two files of OpenVINO."""
    from multibox.detection.export.openvino import export_openvino

    with TemporaryDirectory() as folder:
        export_openvino(_model(), Path(folder) / "model.xml", end="raw")
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def onnx() -> Files:
    """A graph with the right inputs, outputs and description, and zeros for answers."""
    from onnx import TensorProto, helper

    count = tiny_config().priors.count
    outputs = {"offsets": (1, count, 4), "logits": (1, count, len(_NAMES) + 1)}
    nodes = [
        helper.make_node(
            "ConstantOfShape",
            [f"shape_{name}"],
            [name],
            value=helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        )
        for name in outputs
    ]
    shapes = [helper.make_tensor(f"shape_{name}", TensorProto.INT64, [3], shape) for name, shape in outputs.items()]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, (1, SIDE, SIDE, 3))
    graph = helper.make_graph(nodes, "zeros", [images], infos, initializer=shapes)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    entry = model.metadata_props.add()
    entry.key, entry.value = "multibox", _export_text()
    return {"model.onnx": model.SerializeToString()}


def priors() -> Files:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "priors.json"
        write_priors(path, find_recipe("quick").model.priors, about={"data": "x"})
        return {path.name: path.read_bytes()}


def recipe() -> Files:
    chosen = override(find_recipe("quick"), tiny_settings())
    return {"recipe.json": json.dumps(chosen.to_json()).encode()}


def run_folder() -> Files:
    rows = [{"step": step, "loss": 1.5, "location_loss": 0.5, "images_per_second": 3.0} for step in (1, 2)]
    written = json.dumps(find_recipe("quick").to_json()).encode()
    return {"recipe.json": written, "metrics.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows)}


def detections() -> Files:
    data = {f"data/{name}": content for name, content in voc().items() if "ImageSets" not in name}
    entry = {"image_id": "a", "category_id": 1, "bbox": [1, 2, 20, 20.5], "score": 0.5}
    return {
        **data,
        "results.json": json.dumps([entry, {**entry, "category_id": 2, "score": 1e-3}]).encode(),
        "voc/comp4_det_test_cat.txt": b"a 0.5 2 3 20 20.5\nb (1) 0.001 2 3 20.000 20\n",
        "voc/comp4_det_test_dog.txt": b"",
        "text/a.txt": b"0 0.5 2 3 20 20.5\n1 0.25 2 3 20 20.5\n",
    }


def parquet() -> Files:
    """The parts of a batch over two images, one of which could not be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = {f"data/{name}": content for name, content in voc().items() if "ImageSets" not in name}
    boxes = np.float32([[1, 2, 20, 20.5], [3, 4, 9, 9]])
    found = Detections(boxes, np.float32([0.5, 0.1]), np.array([0, 1]), ("cat", "dog"), Size(30, 40))
    files = {}
    for number, (name, result) in enumerate((("a.jpg", found), ("b (1).png", DataError("it is damaged")))):
        columns = {"image": pa.array([name]), **result_columns([result], class_names=found.class_names)}
        table = pa.table(columns).replace_schema_metadata({CLASS_NAMES: json.dumps(found.class_names)})
        written = io.BytesIO()
        pq.write_table(table, written)
        files[f"parts/part-{number:05d}.parquet"] = written.getvalue()
    return data | files
