"""A run in TensorBoard: event files in the folder `tensorboard` of the run."""

import json
from collections.abc import Mapping

from multibox.experiments.logs.log import Images, Opening

FOLDER = "tensorboard"


class TensorBoardLog:
    """Writes scalars, images and the recipe. A resumed run drops what was logged after its checkpoint."""

    def __init__(self, opening: Opening) -> None:
        from torch.utils.tensorboard import SummaryWriter

        purge = opening.step + 1 if opening.step else None
        self._writer = SummaryWriter(str(opening.folder / FOLDER), purge_step=purge)
        if not opening.step:
            text = json.dumps(opening.recipe.to_json(), indent=2)
            self._writer.add_text("recipe", "    " + text.replace("\n", "\n    "))

    def numbers(self, step: int, row: Mapping[str, float]) -> None:
        for name, value in row.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def images(self, step: int, images: Images) -> None:
        for name, image in images.items():
            self._writer.add_image(f"validation/{name}", image, step, dataformats="HWC")
        self._writer.flush()

    def close(self, *, finished: bool) -> None:
        self._writer.close()


def open_log(opening: Opening) -> TensorBoardLog:
    """The log of a run."""
    return TensorBoardLog(opening)
