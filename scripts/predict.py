"""Say which digit an image shows: PNG and JPEG of any size, or IDX.

    python scripts/predict.py [--run RUN] IMAGE ...

Dark on light or light on dark, each is prepared as MNIST's digits were. A file that is no image is named on stderr,
and the exit code is 2; the others are judged all the same.
"""

import sys

from mlp import launch

if __name__ == "__main__":
    sys.exit(launch.run(__file__))  # it hears signals while this file imports what is below, then calls main

import json
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlp import blas, command_line, config, finished_runs, image_files
from mlp.command_line import CONFIG, shown, warn
from mlp.dataset import BLOCK
from mlp.errors import InputError
from mlp.finished_runs import FinishedRun
from mlp.image_files import GreyImage
from mlp.network import decide
from mlp.preparation import Blank, Floats, Prepared, ink_of, prepare
from mlp.text_table import aligned

MOST_SHOWN = 20
"""Images in the picture of the stages."""
ENDINGS = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Answer:
    """What the network says of an image. The preparation is kept of the first few alone, to be shown."""

    image: GreyImage
    prepared: Prepared | None
    digit: int
    probability: float
    """Of this digit."""

    @property
    def facts(self) -> dict[str, Any]:
        """Ready for JSON; ``index`` is the place in an IDX file."""
        image = self.image
        return {"file": str(image.file), "index": image.index, "digit": self.digit, "probability": self.probability}


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    directory = options.run or finished_runs.newest(config.load(CONFIG).output.directory, warn)
    run = finished_runs.read(directory)
    failures: list[str] = []
    with blas.threads(run.config.training.threads):
        answers = list(judge(run, options.images, options.as_is, failures))
    if options.json:
        print(json.dumps([answer.facts for answer in answers], indent=2))
    elif answers:
        rows = [[answer.image.name, str(answer.digit), f"{answer.probability:.4f}"] for answer in answers]
        print(aligned([["file", "digit", "probability"], *rows]))
    if options.show and answers:
        show(options.show, answers[:MOST_SHOWN])
        if not options.json:
            print(f"\nstages: {shown(options.show)}")
    if failures:
        raise InputError("\n".join(failures))


def parse(arguments: Sequence[str]) -> Namespace:
    """The options; InputError for those that do not go together."""
    parser = command_line.Parser(description="Say which of a run's two digits each image shows.")
    parser.add_argument("images", type=command_line.path, nargs="+", metavar="IMAGE", help="a PNG, JPEG or IDX file")
    parser.add_argument(
        "--run", type=command_line.path, metavar="RUN", help="the run whose network to ask (default: the newest)"
    )
    parser.add_argument(
        "--show", type=command_line.path, metavar="FILE", help="draw the stages of preparation: .png, .svg or .pdf"
    )
    parser.add_argument(
        "--as-is", action="store_true", help="images of the run's size that are prepared already, light on dark"
    )
    parser.add_argument("--json", action="store_true", help="print the answers as JSON")
    options = parser.parse_args(arguments)
    if options.show and options.show.suffix.lower() not in ENDINGS:
        raise InputError(f"--show {options.show}: must end in {', '.join(ENDINGS)}")
    if options.show and options.as_is:
        raise InputError("--show draws the preparation, --as-is leaves it out: give one of them")
    return options


def judge(run: FinishedRun, paths: Sequence[Path], as_is: bool, failures: list[str]) -> Iterator[Answer]:
    """The network's answer to each image, in blocks; what is wrong with a file or an image goes to the failures."""
    X = np.empty((BLOCK, run.network.sizes[0]))
    waiting: list[tuple[GreyImage, Prepared | None]] = []
    kept = 0
    for image in images_of(paths, failures):
        try:
            prepared = None if as_is else prepare(ink_of(image.grey), run.image_shape)
            X[len(waiting)] = (scaled(run, image) if prepared is None else prepared.image).reshape(-1)
        except (Blank, InputError) as error:
            failures.append(f"{image.name}: {error}")
            continue
        waiting.append((image, prepared if kept < MOST_SHOWN else None))
        kept += 1
        if len(waiting) == BLOCK:
            yield from answers_to(run, X, waiting)
            waiting = []
    if waiting:
        yield from answers_to(run, X[: len(waiting)], waiting)


def images_of(paths: Sequence[Path], failures: list[str]) -> Iterator[GreyImage]:
    """All images of all files."""
    for path in paths:
        try:
            yield from image_files.read(path)
        except InputError as error:
            failures.append(str(error))


def scaled(run: FinishedRun, image: GreyImage) -> Floats:
    """The image as a data file would have it, from 0..255 to 0..1."""
    if image.grey.shape != run.image_shape:
        raise InputError(f"{image.grey.shape} pixels, the run's images have {run.image_shape}: leave out --as-is")
    return image.grey / 255


def answers_to(run: FinishedRun, X: Floats, images: Sequence[tuple[GreyImage, Prepared | None]]) -> Iterator[Answer]:
    P = run.network.predict(X)[:, 0]
    for (image, prepared), p, positive in zip(images, P.tolist(), decide(P), strict=True):
        digit = run.config.data.digits[int(positive)]
        yield Answer(image, prepared, digit, p if positive else 1 - p)


def show(path: Path, answers: Sequence[Answer]) -> None:
    """Draw the stages of the first images."""
    from mlp.preparation_drawing import Stages, draw  # matplotlib is slow to import

    path.parent.mkdir(parents=True, exist_ok=True)
    draw(
        path,
        [
            Stages(answer.image, answer.prepared, f"digit {answer.digit}, probability {answer.probability:.4f}")
            for answer in answers
            if answer.prepared is not None
        ],
    )
