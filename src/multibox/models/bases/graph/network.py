"""Runs the steps of a graph."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.config import BaseNetwork
from multibox.models.heads import Heads, rows_of


class GraphNetwork(BaseNetwork):
    """Runs the steps in order; each is a sequence of layers with a name, on the maps of other steps.

    `layers` are the modules of each step, `inputs` the names of its maps. `outputs` are the maps to return, with their
    channels. A map is forgotten after its last use.
    """

    def __init__(
        self,
        layers: Mapping[str, Sequence[nn.Module]],
        inputs: Mapping[str, Sequence[str]],
        *,
        outputs: Mapping[str, int],
        image: str,
    ) -> None:
        super().__init__()
        self.steps = nn.ModuleDict({name: _Chain(*modules) for name, modules in layers.items()})
        self.inputs = {name: tuple(names) for name, names in inputs.items()}
        self.outputs, self.image = tuple(outputs), image
        self.channels = tuple(outputs.values())
        last = {source: name for name, names in self.inputs.items() for source in names}
        self._unused = {name: [s for s, user in last.items() if user == name and s not in outputs] for name in inputs}

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        maps = {self.image: x}
        for name, step in self.steps.items():
            maps[name] = step(*(maps[source] for source in self.inputs[name]))
            for source in self._unused[name]:
                del maps[source]
        return [maps[name] for name in self.outputs]

    def image_convolution(self) -> nn.Conv2d | None:
        """The convolution that alone sees the image; None if other layers or several see it."""
        users = [name for name, sources in self.inputs.items() if self.image in sources]
        if len(users) != 1 or self.image in self.outputs:
            return None
        first = self.steps[users[0]][0]  # type: ignore[index]
        return first if isinstance(first, nn.Conv2d) else None


class _Chain(nn.Sequential):
    """Layers in order, the first of which can take several maps."""

    def forward(self, *maps: Tensor) -> Tensor:
        first, *others = self
        x: Tensor = first(*maps)
        for layer in others:
            x = layer(x)
        return x


class GraphHeads(Heads):
    """Predictors with a source each: `places` are the positions of the sources of all predictors, offsets first."""

    def __init__(
        self, location: Sequence[nn.Module], confidence: Sequence[nn.Module], *, places: Sequence[int], outputs: int
    ) -> None:
        super().__init__((), (), outputs=outputs)
        self.location, self.confidence = nn.ModuleList(location), nn.ModuleList(confidence)
        self.places = tuple(places)

    def forward(
        self, sources: Sequence[Float[Tensor, "b _ _ _"]]
    ) -> tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]:
        """Offsets and logits of all priors, in the priors' order."""
        own = [sources[place] for place in self.places]
        count = len(self.location)
        offsets = [rows_of(layer(x), 4) for layer, x in zip(self.location, own[:count], strict=True)]
        logits = [rows_of(layer(x), self.outputs) for layer, x in zip(self.confidence, own[count:], strict=True)]
        return torch.cat(offsets, dim=1), torch.cat(logits, dim=1)
