"""Files that hold no SSD to import: what the message says that they are, and what could read them."""

import io
import sys
import tarfile
import types
import zipfile
from pathlib import Path

import pytest
import torch

from multibox.errors import WeightsError
from multibox.weights.origins.recognize import import_weights
from multibox.weights.source import open_weights


@pytest.mark.parametrize(
    ("name", "content", "what", "reader"),
    [
        ("w.onnx", b"\x08\x07", "an ONNX model", "ONNX Runtime runs it"),
        ("w.h5", b"\x89HDF\r\n", "a Keras file", "Keras reads it"),
        ("w", b"\x89HDF\r\n", "a Keras file", "export its detector as .tflite"),
        ("saved_model.pb", b"\x08\x01", "a SavedModel of TensorFlow", "TensorFlow reads it"),
        ("model.ckpt.data-00000-of-00001", b"abc", "a part of a TensorFlow checkpoint", "export the detector"),
        ("pipeline.config", b"model {", "a configuration without weights", "frozen graph"),
        ("w.engine", b"abc", "a TensorRT engine", "TensorRT runs it"),
        ("deploy.prototxt", b"layer {", "the structure of a Caffe model", "--prototxt"),
        ("yolo.weights", b"abc", "a Darknet file", "a YOLO, not an SSD"),
        ("w.tar.gz", b"\x1f\x8b\x08", "an archive", "unpack it"),
        ("w.pth", b"<!DOCTYPE html>", "not a complete .pth file but a web page", "fetch it again"),
        ("w.caffemodel", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS", "git lfs pull"),
        ("photo.jpg", b"\xff\xd8\xff\xe0", "an image", "multibox detect"),
        ("w.param", b"7767517\n", "the structure of an ncnn model", "ncnn runs it"),
        ("w.pb", b"\x08\x01\x12\x8a", "a SavedModel of TensorFlow", "TensorFlow reads it"),
        ("w.caffemodel", b'name: "net"\n', "the structure of a Caffe model without", "--prototxt"),
        ("w.caffemodel", b"\n <html>", "a web page", "fetch it again"),
        ("yolo.cfg", b"[net]", "the structure of a Darknet network", "a YOLO, not an SSD"),
        ("w.pth", b"", "is empty", "fetch it again"),
        ("w.bin", b"\x01\x30\x16\x47", "no file of torch.save", "checkpoint"),
    ],
)
def test_strangers(tmp_path: Path, name: str, content: bytes, what: str, reader: str) -> None:
    """One line with both for each."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=what) as caught:
        import_weights(tmp_path / name)
    assert reader in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("beside", "what"), [("w.xml", "the OpenVINO model"), ("w.param", "the ncnn model")])
def test_weights_beside_their_structure(tmp_path: Path, beside: str, what: str) -> None:
    """The .bin file of another runtime against a line that names its other file."""
    (tmp_path / "w.bin").write_bytes(b"\0" * 100)
    (tmp_path / beside).touch()
    with pytest.raises(WeightsError, match=f"w.bin is not a complete .bin file but the weights of {what}"):
        import_weights(tmp_path / "w.bin")


def test_archives(tmp_path: Path) -> None:
    """A Keras 3 file and an archive with a model inside against their messages."""
    with zipfile.ZipFile(tmp_path / "k", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", "")
    with pytest.raises(WeightsError, match="is a Keras file"):
        import_weights(tmp_path / "k")
    with zipfile.ZipFile(tmp_path / "coco_ssd.zip", "w") as archive:
        archive.writestr("detect.tflite", "")
        archive.writestr("labelmap.txt", "")
    with pytest.raises(WeightsError, match=r"unpack it and give the weight file inside"):
        import_weights(tmp_path / "coco_ssd.zip")
    with tarfile.open(tmp_path / "w.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("x"), io.BytesIO())
    with pytest.raises(WeightsError, match="is an archive"):
        import_weights(tmp_path / "w.tar")


@pytest.mark.parametrize(
    ("names", "what", "advice"),
    [
        ("rpn.head.conv.weight roi_heads.box_head.fc6.weight", "a Faster R-CNN of torchvision", "torchvision runs it"),
        (
            "head.classification_head.cls_logits.bias head.regression_head.a",
            "a RetinaNet or FCOS",
            "torchvision runs it",
        ),
        ("model.0.conv.weight model.0.bn.weight", "a YOLO of Ultralytics", "ultralytics runs it"),
        ("class_embed.weight bbox_embed.0.weight", "a DETR", "the program that trained it"),
        ("backbone.a.weight bbox_head.cls_convs.0.0.weight", "an MMDetection model", "MMDetection runs it"),
        ("layer4.1.conv1.weight fc.weight", "a ResNet classifier", "base_weights=FILE"),
        ("features.0.weight classifier.6.weight", "a classifier", "finds no boxes"),
        ("a.weight b.weight", "contains no SSD of a known origin", "begin with a.weight, b.weight"),
    ],
)
def test_tensors_of_others(tmp_path: Path, names: str, what: str, advice: str) -> None:
    """State dicts of other detectors and of classifiers, by the names of their tensors."""
    torch.save({name: torch.zeros(1) for name in names.split()}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=what) as caught:
        import_weights(tmp_path / "w.pth")
    assert advice in str(caught.value)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("module", "what"),
    [
        ("ultralytics.nn.tasks", "a YOLO of Ultralytics, which cannot be imported: ultralytics runs it"),
        ("models.yolo", "a YOLOv5 or YOLOv7"),
        ("my.net", "a pickle with objects of the Python module 'my.net', .* could run code"),
    ],
)
def test_pickled_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, what: str, protocol: int
) -> None:
    """Whole models instead of tensors against a line with the program that wrote them; nothing is imported."""
    model = type("Model", (), {"__module__": module})
    parts = module.split(".")
    with monkeypatch.context() as patch:
        for end in range(1, len(parts) + 1):
            patch.setitem(sys.modules, ".".join(parts[:end]), types.ModuleType(parts[end - 1]))
        vars(sys.modules[module])["Model"] = model
        content = {"model": model(), "weight": torch.zeros(1)}
        torch.save(content, tmp_path / "w.pt", pickle_protocol=protocol)
        torch.save(content, tmp_path / "old.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    for name in ("w.pt", "old.pt"):
        with pytest.raises(WeightsError, match=what):
            import_weights(tmp_path / name)


def test_a_pickled_module(tmp_path: Path) -> None:
    """A whole module of PyTorch's own classes."""
    torch.save(torch.nn.Linear(1, 1), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"a pickled module of PyTorch.*save its state_dict\(\)"):
        import_weights(tmp_path / "w.pth")


def test_script_modules(tmp_path: Path) -> None:
    """An archive with the parts that torch.jit.save writes."""
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        for part in ("data.pkl", "constants.pkl", "version", "code/__torch__.py"):
            archive.writestr(f"w/{part}", "")
    with pytest.raises(WeightsError, match=r"a TorchScript module: load it with torch\.jit\.load"):
        import_weights(tmp_path / "w.pt")


@pytest.mark.parametrize(
    ("name", "parts", "what"),
    [
        ("exported", ("saved_model.pb",), "a SavedModel of TensorFlow"),
        ("net.mlpackage", ("Manifest.json",), "a Core ML model"),
        ("train", ("checkpoint", "model.ckpt-1.index"), "a part of a TensorFlow checkpoint"),
        ("run", ("other.txt",), "is a folder: give a weight file, for example .*last.safetensors"),
    ],
)
def test_folders(tmp_path: Path, name: str, parts: tuple[str, ...], what: str) -> None:
    """Models that are a folder, and a folder of something else."""
    (tmp_path / name).mkdir()
    for part in parts:
        (tmp_path / name / part).touch()
    with pytest.raises(WeightsError, match=what):
        open_weights(tmp_path / name)
