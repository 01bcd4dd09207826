"""The priors of a whole network, from those of its maps."""

from collections.abc import Sequence
from dataclasses import replace

from multibox.coder import VARIANCES
from multibox.errors import UsageError
from multibox.priors import SPECS, PriorMap, PriorSpec, Variances
from multibox.size import Size
from multibox.weights.origins.caffe.deploy.ends import prior_maps
from multibox.weights.origins.caffe.deploy.output import Output
from multibox.weights.origins.caffe.deploy.read import Deploy


def choose_priors(output: Output, deploy: Deploy, *, given: PriorSpec | str | None) -> tuple[PriorSpec, Variances]:
    """The given priors, else those of the file, and their variances, which are 1 if offsets are not scaled.

    Raises UsageError if there are none, or if the given ones are for another input size.
    """
    size = Size(*deploy.shape[1:])
    spec = SPECS.get(given) if isinstance(given, str) else given
    if isinstance(given, str) and spec is None:
        raise UsageError(f"priors {given!r} are not known: choose one of {', '.join(SPECS)}, or give a file")
    if spec is None and output.priors is None:
        raise UsageError(
            f"{deploy.source} has no PriorBox layers, so its priors are not known: give them with --priors FILE, "
            "as `multibox priors fit` writes it"
        )
    maps = () if output.priors is None else prior_maps(output.priors)
    variances = (maps[0].variances if maps else None) or VARIANCES
    if spec is None:
        spec = _spec(size, maps, usual=variances)
    elif spec.input_size != size:
        raise UsageError(
            f"the given priors are for an input of {_sides(spec.input_size)}, and {deploy.source} has {_sides(size)}"
        )
    if output.scaled:
        return spec, variances
    spec = replace(spec, maps=tuple(replace(source, variances=None) for source in spec.maps))
    return spec, (1.0, 1.0, 1.0, 1.0)


def _spec(size: Size, maps: Sequence[PriorMap], *, usual: Variances) -> PriorSpec:
    """Maps as one set, with what all of them share outside the maps. Sizes are cut to whole pixels, as officially."""
    clip = all(source.clip for source in maps)
    own = tuple(
        replace(
            source,
            clip=source.clip and not clip,
            variances=None if source.variances == usual else source.variances,
        )
        for source in maps
    )
    return PriorSpec(size, own, truncate=True, clip=clip)


def _sides(size: Size) -> str:
    return f"{size.height} x {size.width}"
