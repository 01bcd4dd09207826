"""Names and shapes of all learned values, on which weight files depend: they never change.

The lists are in tests/data_files/state_dicts, one line for each entry, for 3 classes.
`python tests/contracts/test_state_dict_names.py` writes the list of a new model and does not change old ones.
"""

from pathlib import Path

import pytest
import torch

from multibox.models.any_size import ssd_config
from multibox.models.config import (
    ModelConfig,
    light_config,
    slim300_config,
    ssd300_config,
    ssd512_config,
    ssdlite320_config,
)
from multibox.models.ssd import SSD

LISTS = Path(__file__).parents[1] / "data_files" / "state_dicts"
CONFIGS = {
    "ssd300": ssd300_config(),
    "ssd300_full": ssd300_config(atrous=False),
    "ssd512": ssd512_config(),
    "slim300": slim300_config(),
    "light160": light_config(side=160),
    "ssdlite320": ssdlite320_config(),
    **{f"{base}-224": ssd_config(base, 224) for base in ("mobilenet_v1", "mobilenet_v2", "resnet18", "resnet50")},
}


def entries(config: ModelConfig) -> str:
    # Only the VGG models are too large to build; normalization is slow to set up without memory.
    with torch.device("cpu" if config.base.has_batch_norm else "meta"):
        model = SSD(config, ("cat", "dog", "owl"))
    return "".join(f"{name} {'x'.join(map(str, v.shape))}".rstrip() + "\n" for name, v in model.state_dict().items())


@pytest.mark.parametrize("name", CONFIGS)
def test_names_and_shapes(name: str) -> None:
    """Every entry of the state dict, in order, against the stored list."""
    assert entries(CONFIGS[name]) == (LISTS / f"{name}.txt").read_text()


if __name__ == "__main__":
    for name, config in CONFIGS.items():
        if not (LISTS / f"{name}.txt").exists():
            (LISTS / f"{name}.txt").write_text(entries(config))
