"""Score functions: how the logits of a prior become scores of classes, and what training minimizes for them.

SSD's is the softmax over background and classes. Detectors of the TensorFlow Object Detection API have a sigmoid for
each class; their background logit, if they have one, counts in training alone.
"""

from math import inf, log

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from multibox.output_rules import ScoreFunction as ScoreFunction

_ROUNDING = 1e-3  # of a logarithm: generous for float32


def class_scores(logits: Float[Tensor, "*b k"], function: ScoreFunction = "softmax") -> Float[Tensor, "*b c"]:
    """Scores of all classes but the background, which is the first logit."""
    return logits[..., 1:].sigmoid() if function == "sigmoid" else logits.softmax(dim=-1)[..., 1:]


def possible_priors(
    logits: Float[Tensor, "p k"], *, threshold: float, function: ScoreFunction = "softmax"
) -> Int64[Tensor, " n"]:
    """Priors with a score that can pass the threshold, and few others.

    With softmax a score is below e^(its logit - the background's logit), with sigmoid below e^(its logit).
    """
    margin = log(threshold) - _ROUNDING if threshold > 0 else -inf
    best = logits[:, 1:].amax(dim=1)
    return torch.nonzero(best > margin if function == "sigmoid" else best > logits[:, 0] + margin).squeeze(1)


def log_partition(logits: Float[Tensor, "*b k"], function: ScoreFunction = "softmax") -> Float[Tensor, "*b"]:
    """The number from which the logit of the true class is subtracted to get the confidence loss of a prior.

    With softmax this is equation 3. With sigmoid the loss is the sum of the binary cross entropies of background and
    classes, each against 1 for the true class and 0 for the others.
    """
    wide = logits.float()
    return F.softplus(wide).sum(dim=-1) if function == "sigmoid" else wide.logsumexp(dim=-1)
