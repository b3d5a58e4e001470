"""Predict the digits in pictures of any size, such as photos, or in IDX files.

    python scripts/predict.py [--run RUN] IMAGE ...

Dark on light or light on dark, each is prepared as MNIST's digits were. An image that is unlike all training images is
marked as novel. A file that is no image is named on stderr, and the exit code is 2; the others are judged all the same.
"""

import json
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mlp.commands.arguments import run_directory
from mlp.data import image_files
from mlp.data.file_kinds import READABLE
from mlp.data.image_files import GreyImage
from mlp.data.ink import writing
from mlp.data.ink.paper import Blank, Floats
from mlp.data.ink.writing import Writing
from mlp.data.novelty import FEWEST, Known
from mlp.network import block_length, decide
from mlp.runs.finished import FinishedRun, read_run
from mlp.system import blas_threads, command_line
from mlp.system.command_line import MAX_MESSAGE_LINES, display_path, warn
from mlp.system.errors import InputError
from mlp.system.text_table import aligned

MAX_SHOWN = 20
"""Images in the picture of the stages."""
ENDINGS = (".png", ".svg", ".pdf")
NOVEL = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True)
class Sample:
    """An image on its way to the network, without the picture that it was read from, which may be large."""

    file: Path
    index: int | None
    """The place in an IDX file."""
    name: str
    pixels: Floats
    """(rows, columns) of the run's images, 0 to 1."""
    digits: int
    """Separate digits on the picture."""
    stages: Writing | None
    """How it was prepared, if that is to be shown."""


@dataclass(frozen=True)
class Answer:
    """What the network says of an image."""

    sample: Sample
    digit: int
    probability: float
    """Of this digit."""
    novel: bool | None
    """Whether it is unlike the training images; None if that cannot be told."""

    def as_json(self) -> dict[str, Any]:
        """The contract's keys."""
        file, index = str(self.sample.file), self.sample.index
        return {
            "file": file,
            "index": index,
            "digit": self.digit,
            "probability": self.probability,
            "novel": self.novel,
        }


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    try:
        run = read_run(run_directory(options))
    except InputError:
        if options.json:
            print("[]")
        raise
    failures: list[str] = []
    with blas_threads.threads(run.config.training.threads):
        answers = list(judge(run, samples(run, options, failures)))
    if options.json:
        print(json.dumps([answer.as_json() for answer in answers], indent=2))
    elif answers:
        print(table(answers))
    if options.show and answers:
        show(options.show, answers)
        if not options.json:
            print(f"\nstages: {display_path(options.show)}")
    for failure in failures[:-MAX_MESSAGE_LINES]:  # one message would leave them out
        warn(failure)
    if failures:
        raise InputError(*failures[-MAX_MESSAGE_LINES:])


def parse(arguments: Sequence[str]) -> Namespace:
    """The options. Raises InputError for those that do not go together."""
    parser = command_line.Parser(description="Say which of a run's two digits each image shows.")
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help=f"{READABLE}, or a folder of pictures",
    )
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


def samples(run: FinishedRun, options: Namespace, failures: list[str]) -> Iterator[Sample]:
    """Every image, ready for the network; what is wrong with a file or an image goes to the failures."""
    shown_so_far = 0
    for image in images_of(options.images, failures):
        try:
            if options.as_is:
                yield Sample(image.file, image.index, image.name, as_it_is(run, image), 1, None)
                continue
            image.check_brightness()
            written = writing.read(image.grey, run.image_shape)
        except (Blank, InputError) as error:
            failures.append(f"{image.name}: {error}")
            continue
        stages = written if options.show and shown_so_far < MAX_SHOWN else None
        shown_so_far += 1
        yield Sample(image.file, image.index, image.name, written.prepared.image, written.digits, stages)


def images_of(names: Sequence[str], failures: list[str]) -> Iterator[GreyImage]:
    """All images of all files and folders. A file that cannot be read is a failure, and costs no other."""
    for name in names:
        try:
            files = image_files.files_of(command_line.path(name))
        except (InputError, OSError, ArgumentTypeError) as error:
            failures.append(described(error, name))
            continue
        for file in files:
            try:
                yield from image_files.read(file, warn)
            except (InputError, OSError, MemoryError) as error:
                failures.append(described(error, file))


def described(error: Exception, path: Path | str) -> str:
    """An error in one line that names the file."""
    if isinstance(error, InputError | ArgumentTypeError):
        return " ".join(error.args)
    if isinstance(error, OSError):
        return f"{path}: {error.strerror or error}"
    return f"{path}: not enough memory: scale it down"


def as_it_is(run: FinishedRun, image: GreyImage) -> Floats:
    """The image as a data file would have it, from 0..255 to 0..1."""
    if image.grey.shape != run.image_shape:
        raise InputError(f"{image.grey.shape} pixels, the run's images have {run.image_shape}: leave out --as-is")
    image.check_brightness(0, 255)
    return np.asarray(image.grey / 255)


def judge(run: FinishedRun, waiting: Iterator[Sample]) -> Iterator[Answer]:
    """The network's answer to each image, in blocks."""
    known = known_images(run)
    length = block_length(run.network.sizes[0])
    while block := list(islice(waiting, length)):
        X = np.stack([sample.pixels.reshape(-1) for sample in block])
        P = run.network.predict(X)[:, 0]
        unlike = known.are_unlike(X).tolist() if known else [None] * len(block)
        for sample, p, positive, is_unlike in zip(block, P.tolist(), decide(P), unlike, strict=True):
            if sample.digits > 1:
                warn(f"{sample.name}: several separate digits: cut out one of them")
                is_unlike = True
            digit = run.config.data.digits[int(positive)]
            yield Answer(sample, digit, p if positive else 1 - p, is_unlike)


def known_images(run: FinishedRun) -> Known | None:
    """The training images to compare with, if they can be had and are enough; else a warning says why they are not."""
    try:
        known = Known.of(run.images("training"))
    except (InputError, OSError) as error:
        warn(f"novel is unknown, without the training images: {described(error, run.config.data.directory)}")
        return None
    if known is None:
        warn(f"novel is unknown: fewer than {FEWEST} training images cannot tell what is like them")
    return known


def table(answers: Sequence[Answer]) -> str:
    """The answers for people."""
    rows = [
        [answer.sample.name, str(answer.digit), f"{answer.probability:.4f}", NOVEL[answer.novel]] for answer in answers
    ]
    lines = aligned([["file", "digit", "probability", "novel"], *rows])
    if any(answer.novel for answer in answers):
        lines += (
            "\n\nnovel: like none of the training images; the network must answer with one of its digits all the same"
        )
    return lines


def show(path: Path, answers: Sequence[Answer]) -> None:
    """Draw the stages of the first images."""
    from mlp.figures.preparation import Stages, draw_stages  # matplotlib is slow to import

    path.parent.mkdir(parents=True, exist_ok=True)
    draw_stages(
        path,
        [
            Stages(answer.sample.name, answer.sample.stages, verdict(answer))
            for answer in answers
            if answer.sample.stages
        ],
    )


def verdict(answer: Answer) -> str:
    """The answer in words."""
    unlike = ", unlike the training images" if answer.novel else ""
    return f"digit {answer.digit}, probability {answer.probability:.4f}{unlike}"
