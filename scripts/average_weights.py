"""Average the weights of two detectors of the same structure into one float16 file.

    python -m scripts.average_weights FIRST.safetensors SECOND.safetensors OUT.safetensors

The description and the metadata are those of the second file. The detector in the package was made this way from the
last two rounds of its training (docs/model-card.md).
"""

import sys
from pathlib import Path

import torch

from multibox.weights.file import load_weights, save_weights


def average(first: Path, second: Path, out: Path) -> None:
    """Write the mean of both; tensors that are not floating-point come from the second."""
    (one, _), (other, info) = load_weights(first), load_weights(second)
    values = one.state_dict()
    mean = {
        name: (values[name] + value) / 2 if value.is_floating_point() else value
        for name, value in other.state_dict().items()
    }
    other.load_state_dict(mean)
    save_weights(out, other, info=info, dtype=torch.float16)


if __name__ == "__main__":
    average(*map(Path, sys.argv[1:4]))
