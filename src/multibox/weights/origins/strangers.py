"""Files that hold no SSD which multibox can import: what they are, and what could read them.

By the first bytes where a format has a signature, else by the suffix. To add one, add a line.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stranger:
    """What a file is ("an ONNX model"), and what to do with it, as the end of a sentence."""

    what: str
    advice: str


_CHECKPOINT = "give the checkpoint that it was made from: a .safetensors, .caffemodel, .pth, .tflite or .pb file"
_KERAS = "Keras reads it: export its detector as .tflite, and import that"
_TENSORFLOW = "export the detector as .tflite (export_tflite_graph_tf2.py) or as a frozen graph, and import that"
_ARCHIVE = "unpack it and give the weight file inside: .caffemodel, .pth, .safetensors, .tflite or .pb"

_KERAS_FILE = Stranger("a Keras file", _KERAS)
_SAVED_MODEL = Stranger("a SavedModel of TensorFlow", f"TensorFlow reads it: {_TENSORFLOW}")
_PROTOTXT = Stranger(
    "the structure of a Caffe model without its weights", "give the .caffemodel file, with this one as --prototxt"
)
_CORE_ML = Stranger("a Core ML model", f"Core ML runs it on Apple's devices; {_CHECKPOINT}")
_WEB_PAGE = Stranger("a web page", "the download gave an error page instead of the file: fetch it again")
_IMAGE = Stranger("an image", "multibox detect finds objects in images; give a weight file here")
_PACKED = Stranger("an archive", _ARCHIVE)

_BY_START: tuple[tuple[bytes, Stranger], ...] = (
    (b"\x89HDF", _KERAS_FILE),
    (b"\x1f\x8b", _PACKED),
    (b"BZh", _PACKED),
    (b"\xfd7zXZ", _PACKED),
    (b"7z\xbc\xaf", _PACKED),
    (b"Rar!", _PACKED),
    (b"GGUF", Stranger("a GGUF language model", "llama.cpp runs it; it is no detector")),
    (b"\x89PNG", _IMAGE),
    (b"\xff\xd8\xff", _IMAGE),
    (b"\x7fELF", Stranger("a compiled program or library", _CHECKPOINT)),
    (b"7767517\n", Stranger("the structure of an ncnn model", f"ncnn runs it; {_CHECKPOINT}")),
    (b"\x93NUMPY", Stranger("a NumPy array", f"NumPy reads it; {_CHECKPOINT}")),
    (b"<!DOCTYPE", _WEB_PAGE),
    (b"<!doctype", _WEB_PAGE),
    (b"<html", _WEB_PAGE),
    (b"<?xml", Stranger("an XML file", f"OpenVINO runs it if it is one of its models; {_CHECKPOINT}")),
    (b"name:", _PROTOTXT),
    (b"layer {", _PROTOTXT),
    (b"input:", _PROTOTXT),
    (b"version https://git-lfs", Stranger("a pointer of Git LFS", "fetch the file itself with `git lfs pull`")),
)

_BY_SUFFIX = {
    ".onnx": Stranger("an ONNX model", f"ONNX Runtime runs it; {_CHECKPOINT}"),
    ".h5": _KERAS_FILE,
    ".hdf5": _KERAS_FILE,
    ".keras": _KERAS_FILE,
    ".cfg": Stranger("the structure of a Darknet network", "Darknet and OpenCV run it; it is a YOLO, not an SSD"),
    ".names": Stranger("a list of class names", "give a weight file; this one goes to --class-names-file"),
    ".pte": Stranger("an ExecuTorch program", f"ExecuTorch runs it; {_CHECKPOINT}"),
    ".pt2": Stranger("an exported PyTorch program", f"torch.export.load reads it; {_CHECKPOINT}"),
    ".weights": Stranger("a Darknet file", "Darknet and OpenCV run it; it holds a YOLO, not an SSD"),
    ".xml": Stranger("an OpenVINO model", f"OpenVINO runs it; {_CHECKPOINT}"),
    ".blob": Stranger("a compiled OpenVINO model", f"OpenVINO runs it; {_CHECKPOINT}"),
    ".engine": Stranger("a TensorRT engine", f"TensorRT runs it on the kind of GPU that made it; {_CHECKPOINT}"),
    ".plan": Stranger("a TensorRT engine", f"TensorRT runs it on the kind of GPU that made it; {_CHECKPOINT}"),
    ".trt": Stranger("a TensorRT engine", f"TensorRT runs it on the kind of GPU that made it; {_CHECKPOINT}"),
    ".uff": Stranger("a TensorRT graph (UFF)", f"old versions of TensorRT read it; {_CHECKPOINT}"),
    ".prototxt": _PROTOTXT,
    ".pbtxt": Stranger("a graph or label map as text, without weights", "give the .pb file; label maps go to --labels"),
    ".config": Stranger("a configuration without weights", "give the frozen graph (.pb) or .tflite file beside it"),
    ".meta": Stranger("a part of a TensorFlow checkpoint", f"TensorFlow reads it: {_TENSORFLOW}"),
    ".index": Stranger("a part of a TensorFlow checkpoint", f"TensorFlow reads it: {_TENSORFLOW}"),
    ".mlmodel": _CORE_ML,
    ".mlpackage": _CORE_ML,
    ".mnn": Stranger("an MNN model", f"MNN runs it; {_CHECKPOINT}"),
    ".param": Stranger("the structure of an ncnn model", f"ncnn runs it; {_CHECKPOINT}"),
    ".params": Stranger("an MXNet file", f"MXNet and GluonCV read it; {_CHECKPOINT}"),
    ".pdmodel": Stranger("a PaddlePaddle model", f"PaddlePaddle runs it; {_CHECKPOINT}"),
    ".pdparams": Stranger("a PaddlePaddle checkpoint", "PaddlePaddle reads it; its SSDs cannot be imported"),
    ".pdiparams": Stranger("a PaddlePaddle file", "PaddlePaddle reads it; its SSDs cannot be imported"),
    ".npz": Stranger("an archive of NumPy arrays", f"NumPy and Chainer read it; {_CHECKPOINT}"),
    ".rknn": Stranger("a model compiled for Rockchip's NPUs", f"RKNN runs it; {_CHECKPOINT}"),
    ".hef": Stranger("a model compiled for Hailo's processors", f"HailoRT runs it; {_CHECKPOINT}"),
    ".zip": _PACKED,
    ".tar": _PACKED,
    ".json": Stranger("a JSON file without weights", _CHECKPOINT),
    ".yaml": Stranger("a YAML file without weights", _CHECKPOINT),
    ".txt": Stranger("a text file without weights", "give a weight file; lists of classes go to --labels"),
}

_BESIDE = {
    ".xml": Stranger("the weights of the OpenVINO model (.xml) beside it", "give that file if multibox exported it"),
    ".param": Stranger("the weights of the ncnn model (.param) beside it", f"ncnn runs it; {_CHECKPOINT}"),
}
"""What a .bin file is, by the suffix of the file beside it."""

_DATA_SHARD = ".data-"
_SAVED_MODEL_START = b"\x08\x01"  # a frozen graph begins with the field of its nodes, 0x0a


def find_stranger(path: Path, start: bytes) -> Stranger | None:
    """What the file with these first bytes is, None if no line of the tables fits."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    found = next(
        (one for signature, one in _BY_START if start.startswith(signature) or text.startswith(signature)), None
    )
    if found is not None:
        return found
    if path.suffix.lower() == ".pb" and start.startswith(_SAVED_MODEL_START):
        return _SAVED_MODEL
    if path.suffix.lower() == ".bin" and not start.startswith((b"PK", b"\x80")):
        return next((found for end, found in _BESIDE.items() if path.with_suffix(end).is_file()), None)
    if _DATA_SHARD in path.name.lower():
        return _BY_SUFFIX[".index"]
    return _BY_SUFFIX.get(path.suffix.lower())


def find_strange_folder(path: Path) -> Stranger | None:
    """What a folder is that a program reads as one model, None if it is none of the known ones."""
    if (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file():
        return _SAVED_MODEL
    if path.suffix.lower() == ".mlpackage" or (path / "Manifest.json").is_file():
        return _CORE_ML
    if (path / "checkpoint").is_file() and next(path.glob("*.index"), None) is not None:
        return _BY_SUFFIX[".index"]
    return None
