"""Adds an entry to the metadata of a .tflite file."""

from typing import Any

import numpy as np

from multibox.errors import UsageError
from multibox.words import pip_install


def with_metadata(content: bytes, name: str, text: str) -> bytes:
    """The same model with a metadata entry; needs ai-edge-litert, which describes the format."""
    schema, flatbuffers = _packages()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for stored in model.buffers:
        if stored.offset:  # the quantizer writes values behind the flatbuffer
            stored.data = np.frombuffer(content, np.uint8, count=stored.size, offset=stored.offset)
            stored.offset = stored.size = 0
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(text.encode(), np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = name, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(content) + len(text) + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _packages() -> tuple[Any, Any]:
    try:
        import flatbuffers
        from ai_edge_litert import schema_py_generated
    except ImportError:
        raise UsageError(
            f"writing a LiteRT model needs the package ai-edge-litert: {pip_install('ai-edge-litert')}"
        ) from None
    return schema_py_generated, flatbuffers
