"""Copies batches to the device while it computes."""

from collections.abc import Iterator

import torch

from multibox.data.loading.batch import Batch


def on_device(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """Yield the batches on `device`.

    On CUDA each batch is copied on a separate stream, in parallel to the steps queued on the current stream. This
    needs batches in page-locked memory and a host that runs ahead of the device.
    """
    if device.type != "cuda":
        for batch in batches:
            yield batch.to(device)
        return
    copying, computing = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    for batch in batches:
        with torch.cuda.stream(copying):
            copied = batch.to(device, non_blocking=True)
        computing.wait_stream(copying)
        for tensor in (copied.images, copied.boxes, copied.labels, copied.valid, copied.difficult):
            tensor.record_stream(computing)  # otherwise its memory could be reused too early
        yield copied
