"""Batches brought to the device while it computes."""

from collections.abc import Iterator

import torch

from multibox.data.loading.loader import Batch


def on_device(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """The batches on `device`.

    On CUDA each is copied on a stream of its own, beside the steps that are queued on the current stream: the host has
    to run ahead of the device, so that it asks for a batch early, and the batch to lie in page-locked memory.
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
            tensor.record_stream(computing)  # or its memory were given to the next copy too soon
        yield copied
