"""The example of docs/bases.md, a base network of one's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from multibox.models.bases.config import BaseConfig, BaseNetwork
from multibox.size import Size

PAGE = Path(__file__).parents[3] / "docs" / "bases.md"


@torch.inference_mode()
def test_the_example_is_a_base_network() -> None:
    """Classes made from the text of the page: channels, cells and the name that the config promises."""
    code = PAGE.read_text(encoding="utf-8").partition("## Your own")[2].partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"BaseConfig": BaseConfig, "BaseNetwork": BaseNetwork, "nn": nn}
    names |= {"dataclass": dataclass, "Literal": Literal}
    exec(compile(code, str(PAGE), "exec"), names)  # text of this repository
    config = names["StripesConfig"]()
    base = config.build()
    maps = base(torch.zeros(1, 3, 97, 130))
    assert [tuple(x.shape[2:]) for x in maps] == list(config.cells(Size(97, 130)))
    assert [x.shape[1] for x in maps] == list(base.channels)
    assert list(config.named()) == ["stripes"]
