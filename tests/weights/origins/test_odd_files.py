"""Weight files of unusual content: each is an error of one line, without much memory."""

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from multibox.errors import WeightsError
from multibox.weights.file import fill, save_weights
from multibox.weights.origins.caffe.ssd import convert as convert_caffe
from multibox.weights.origins.foreign_weights import ForeignWeights, read_foreign_weights
from multibox.weights.origins.origin import ImportChoices
from multibox.weights.origins.recognize import import_weights
from multibox.weights.source import open_weights
from tiny_detector import tiny_model


class Runs:
    """Would make a file when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.mkdir, ("ran",)


def heads(**tensors: torch.Tensor) -> dict[str, torch.Tensor]:
    """The tensors that tell an amdegroot file."""
    usual = {
        "L2Norm.weight": torch.zeros(8),
        "loc.0.weight": torch.zeros(16, 4, 3, 3),
        "conf.0.weight": torch.zeros(84, 4, 3, 3),
    }
    return {**usual, **{name.replace("__", "."): value for name, value in tensors.items()}}


PICKLES = {
    "a number": (pickle.dumps(5), "not a complete .pth file|no named tensors"),
    "nothing": (b"", "is empty"),
    "noise": (bytes(range(256)) * 8, "damaged"),
    "an empty stack": (b"\x80\x022.", "damaged|not a complete"),
    "a mark alone": (b"\x80\x02(.", "damaged|not a complete"),
    "deep lists": (b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", "damaged|not a complete|no named"),
    "a noisy archive": (b"PK\x03\x04" + bytes(range(256)), "not a complete .pth file"),
    "code": (pickle.dumps({"a": Runs()}), "could run code"),
}


@pytest.mark.parametrize("kind", PICKLES)
def test_odd_pickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    """Pickles of other things and damaged ones against one line; nothing is run."""
    monkeypatch.chdir(tmp_path)
    content, message = PICKLES[kind]
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=message) as caught:
        import_weights(tmp_path / "w.pth")
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["w.pth"]


ONE = torch.zeros(1)
ODD_TENSORS = {
    "huge": (heads(x=ONE.expand(2**33)), "'x' with shape .* but fewer values"),
    "huge classes": (heads(conf__0__weight=ONE.expand(4_000_000, 512, 3, 3)), "but fewer values"),
    "many classes": (
        heads(conf__0__weight=torch.zeros(4_000_000, 1, 1, 1)),
        "lacks .vgg",
    ),
    "no axes": (heads(loc__0__weight=torch.zeros(())), "not a convolution"),
    "no outputs": (heads(loc__0__weight=torch.zeros(0, 4, 3, 3)), "fit no number of classes|predictors of 0"),
    "complex": (heads(loc__0__weight=torch.zeros(16, 4, 3, 3, dtype=torch.complex64)), "not a plain array"),
    "sparse": (heads(L2Norm__weight=torch.zeros(8).to_sparse()), "not a plain array"),
    "without values": (heads(loc__0__weight=torch.empty(16, 4, 3, 3, device="meta")), "not a plain array"),
}


@pytest.mark.parametrize("kind", ODD_TENSORS)
def test_odd_tensors(tmp_path: Path, kind: str):
    """Tensors that are no plain arrays, or that claim more values than they have, against one line."""
    tensors, message = ODD_TENSORS[kind]
    torch.save(tensors, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=message):
        import_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite(value: float):
    """A whole file in which one value is not finite: one line with its tensor, instead of a file that cannot load."""
    model = tiny_model()
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first = next(iter(tensors))
    tensors[first].view(-1)[0] = value
    with pytest.raises(WeightsError, match=f"w.pth holds '{first}' with values that are not finite"):
        fill(model, tensors, source="w.pth")


def test_a_compressed_archive_is_refused(tmp_path: Path):
    """An archive that unpacks to more bytes than it has against one line, before it is unpacked."""
    saved = io.BytesIO()
    torch.save({"loc.0.weight": torch.zeros(1_000_000)}, saved)
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert (tmp_path / "w.pth").stat().st_size < 100_000
    with pytest.raises(WeightsError, match="compressed and unpacks to 4 MB"):
        import_weights(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("w.onnx", b"\x08\x07", "an ONNX model"),
        ("w.tflite", b"\x1c\0\0\0TFL3" + bytes(20), "a TFLite model"),
        ("w", b"\x1c\0\0\0TFL3" + bytes(20), "a TFLite model"),
        ("w.PB", b"\x0a\x10", "a TensorFlow graph"),
        ("w.h5", b"\x89HDF\r\n", "a Keras file"),
        ("w", b"hello, this is text", "not a weight file of a known format"),
    ],
)
def test_files_of_other_programs_are_named(tmp_path: Path, name: str, content: bytes, what: str):
    """Files that are damaged or hold no weights to import against one line with their kind."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=what):
        import_weights(tmp_path / name)


def test_files_without_suffix(tmp_path: Path):
    """Our weights and foreign ones under a name without suffix, against their contents."""
    model = tiny_model()
    save_weights(tmp_path / "ours", model, info={"a": 1})
    loaded, info = open_weights(tmp_path / "ours")
    assert (loaded.class_names, info) == (model.class_names, {"a": 1})
    save_file({"a": torch.ones(2)}, tmp_path / "foreign")
    assert read_foreign_weights(tmp_path / "foreign").tensors["a"].tolist() == [1, 1]
    torch.save({"a": torch.ones(2)}, tmp_path / "pickle")
    assert read_foreign_weights(tmp_path / "pickle").tensors["a"].tolist() == [1, 1]
    (tmp_path / "lying").write_bytes(struct.pack("<Q", 2**60) + b'{"a": 1}')
    with pytest.raises(WeightsError, match="not a weight file of a known format"):
        read_foreign_weights(tmp_path / "lying")


def test_an_ssd_on_another_base_is_named():
    """The names of OpenCV's face detector, an SSD on ResNet-10, against the message that names the base."""
    names = ("data_bn", "conv1_h", "conv4_3_norm_mbox_loc", "conv6_2_mbox_loc")
    foreign = ForeignWeights("res10.caffemodel", {f"{name}.weight": torch.zeros(1) for name in names})
    with pytest.raises(WeightsError, match=r"another base network than VGG16 \(its layers begin with data_bn, conv1_h"):
        convert_caffe(foreign, ImportChoices())
