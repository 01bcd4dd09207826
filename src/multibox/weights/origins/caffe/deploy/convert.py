"""Any Caffe SSD, from its .prototxt and .caffemodel files, as a model whose structure is data."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from multibox.data.classes.published import names_for
from multibox.errors import UsageError, WeightsError
from multibox.models.bases.graph.config import GraphConfig
from multibox.models.config import ModelConfig
from multibox.models.faults import find_fault
from multibox.models.rule_faults import find_class_fault
from multibox.models.ssd import SSD
from multibox.priors import PriorSpec
from multibox.weights.file import fill
from multibox.weights.origins.caffe import ssd as vgg
from multibox.weights.origins.caffe.deploy.build import Network, build_nodes
from multibox.weights.origins.caffe.deploy.ends import find_output
from multibox.weights.origins.caffe.deploy.heads import FoundHeads, find_heads
from multibox.weights.origins.caffe.deploy.known import AUTHORS, KnownFile, known_file
from multibox.weights.origins.caffe.deploy.named import as_named
from multibox.weights.origins.caffe.deploy.nodes import Node, reachable
from multibox.weights.origins.caffe.deploy.normalization import Normalization, find_normalization
from multibox.weights.origins.caffe.deploy.read import read_deploy
from multibox.weights.origins.caffe.deploy.simplify import absorb_normalization, merge_scales, to_rgb
from multibox.weights.origins.caffe.deploy.spec import choose_priors
from multibox.weights.origins.caffe.deploy.steps import write_steps
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.origin import ImportChoices


def convert_deploy(foreign: ForeignWeights, choices: ImportChoices) -> SSD:
    """The detector of `foreign`, a .caffemodel file, with the structure in `choices.prototxt`, in evaluation mode.

    SSD300 and SSD512 on VGG16 become these models. Raises WeightsError that names the layer for what multibox cannot
    build, UsageError if the caller has to say something that the files do not.
    """
    assert choices.prototxt is not None
    if not foreign.layers:
        raise UsageError(f"--prototxt belongs to a .caffemodel file, and {foreign.source} is none: leave it out")
    if choices.size is not None:
        raise UsageError(f"{choices.prototxt} has the input size: choose no size, or change its input_shape")
    deploy = read_deploy(Path(choices.prototxt))
    known = _known(foreign)
    network = build_nodes(deploy, {layer.name: layer.blobs for layer in foreign.layers})
    output = network.output or find_output(network.ends, source=deploy.source)
    added: list[Node] = []
    heads = find_heads(network, output, added)
    normalization = find_normalization(deploy.transform, choices, known=known.normalization, source=foreign.source)
    names = names_for(heads.classes, choices.class_names or known.class_names, source=foreign.source)
    priors, variances = choose_priors(output, deploy, given=choices.priors or known.priors)
    _check_priors(priors, heads, source=deploy.source)
    graph, tensors, normalization = _graph(network, heads, added, normalization)
    config = ModelConfig(
        (deploy.name or Path(foreign.source).stem)[:100],
        graph,
        (),
        priors,
        mean=normalization.rgb.mean,
        std=normalization.rgb.std,
        variances=variances,
        clip=output.clip,
        score_function=heads.function,
        box_code=output.code,
        detection=known.settings or output.settings,
    )
    model = _assembled(config, tensors, names, source=deploy.source)
    return as_named(model, foreign, choices) or model


def _known(foreign: ForeignWeights) -> KnownFile:
    """What is known about the file; files with the authors' names of layers have the authors' mean."""
    known = known_file(Path(foreign.source))
    if known.normalization is None and vgg.recognizes(foreign) and "conv1_1.weight" in foreign:
        return replace(known, normalization=AUTHORS)
    return known


def _check_priors(priors: PriorSpec, heads: FoundHeads, *, source: str) -> None:
    """Raise WeightsError unless each group of predictors has as many priors as it predicts offsets for."""
    predicted = [len(found.bias) // 4 for found in heads.location]
    given = [one.boxes_per_cell for one in priors.maps]
    if predicted != given:
        numbers = [", ".join(map(str, counts)) for counts in (predicted, given)]
        raise WeightsError(
            f"{source} predicts {numbers[0]} boxes in a cell of its maps, but the priors have {numbers[1]}: give the "
            "priors that it was trained with"
        )


def _graph(
    network: Network, heads: FoundHeads, added: list[Node], normalization: Normalization
) -> tuple[GraphConfig, dict[str, Tensor], Normalization]:
    predictors = [*heads.location, *heads.confidence]
    nodes = reachable([*network.nodes, *added], [found.source for found in predictors])
    nodes = merge_scales(nodes, predictors)
    nodes, normalization = absorb_normalization(network.image, nodes, predictors, normalization)
    if normalization.channels == "bgr":
        nodes = to_rgb(network.image, nodes, predictors)
    graph, tensors = write_steps(network.image, nodes, heads.location, heads.confidence)
    return graph, tensors, normalization


def _assembled(config: ModelConfig, tensors: dict[str, Tensor], names: Sequence[str], *, source: str) -> SSD:
    fault = find_fault(config) or find_class_fault(names, priors=config.priors.count)
    if fault is not None:
        raise WeightsError(f"{source} gives a detector that cannot work: {fault}; check that it is an SSD")
    with torch.random.fork_rng(devices=[]):
        model = SSD(config, names)
    fill(model, tensors, source=source)
    return model.eval()
