"""Predict the digits in pictures of any size, such as photos, or in IDX files.

    mlp predict [--run RUN] IMAGE ...

The digit may be dark on light or light on dark; each image is prepared as MNIST's digits were. An image unlike all
training images is marked as novel. Files that cannot be read are named on stderr, and the exit code is then 2; the
other images are still classified.
"""

import json
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.commands.arguments import Parser, run_directory
from mlp.data import image_files
from mlp.data.dataset import inputs_of_ink
from mlp.data.file_kinds import READABLE
from mlp.data.image_files import GreyImage, describe
from mlp.data.novelty import MIN_IMAGES, NoveltyDetector
from mlp.data.picture import Sample, samples
from mlp.data.sources import class_names
from mlp.languages.catalogue import Say, say
from mlp.languages.choice import add_language
from mlp.network import block_length, by_class, decide
from mlp.runs.finished import FinishedRun, read_run
from mlp.system import blas_threads, command_line
from mlp.system.command_line import PICTURE_ENDINGS, check_failures, display_path, warn
from mlp.system.errors import InputError
from mlp.system.text_table import aligned

MAX_DRAWN_IMAGES = 20
NOVEL = {True: "predict.yes", False: "predict.no", None: "predict.unknown"}
TITLES = {
    "digit": "predict.digit",
    "class": "predict.class",
    "probability": "predict.probability",
    "second_digit": "predict.second",
    "second_class": "predict.class",
    "second_probability": "predict.probability",
}
"""The key of each column's heading."""


@dataclass(frozen=True)
class Answer:
    """The network's prediction for an image."""

    sample: Sample
    digit: int
    class_name: str | None
    """The digit's name, if the data folder has names."""
    probability: float
    """Of this digit."""
    novel: bool | None
    """Whether the image is unlike the training images; None if unknown."""
    second: dict[str, Any]
    """For more than two classes the second most probable one: ``second_digit``, ``second_probability``, and
    ``second_class`` if it has a name."""

    def as_json(self) -> dict[str, Any]:
        """The image's entry in the output of ``--json``."""
        answer = {"file": str(self.sample.file), "index": self.sample.index, "digit": self.digit}
        answer |= {"probability": self.probability, "novel": self.novel} | self.second
        return answer if self.class_name is None else answer | {"class": self.class_name}


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    in_words = partial(say, language=options.lang)
    try:
        run = read_run(run_directory(options))
    except InputError:
        if options.json:
            print("[]")
        raise
    failures: list[str] = []
    pictures = MAX_DRAWN_IMAGES if options.show else 0
    images = images_of(options.images, failures, transpose=run.config.data.transpose)
    prepared = samples(images, run.image_shape, failures, as_is=options.as_is, pictures=pictures)
    with blas_threads.threads(run.config.training.threads):
        answers = list(predict(run, prepared))
    if options.json:
        print(json.dumps([answer.as_json() for answer in answers], indent=2))
    elif answers:
        print(table(answers, in_words))
    if options.show and answers:
        draw_pictures(options.show, answers, options.lang)
        if not options.json:
            print(f"\n{in_words('predict.stages', file=display_path(options.show))}")
    check_failures(failures)


def parse(arguments: Sequence[str]) -> Namespace:
    """The options. Raises InputError if they contradict each other."""
    parser = Parser(description="Predict which of a run's digits each image shows.")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=f"{READABLE}, or a folder of pictures")
    parser.add_run("--run")
    parser.add_argument(
        "--show", type=command_line.path, metavar="FILE", help="draw the stages of preparation: .png, .svg or .pdf"
    )
    parser.add_argument(
        "--as-is", action="store_true", help="the images are prepared already: of the run's size, light on dark"
    )
    parser.add_argument("--json", action="store_true", help="print the answers as JSON")
    add_language(parser)
    options = parser.parse_args(arguments)
    if options.show and options.show.suffix.lower() not in PICTURE_ENDINGS:
        raise InputError(f"--show {options.show}: must end in {', '.join(PICTURE_ENDINGS)}")
    if options.show and options.as_is:
        raise InputError("--show draws the preparation, --as-is skips it: give one of them")
    return options


def images_of(names: Sequence[str], failures: list[str], *, transpose: bool) -> Iterator[GreyImage]:
    """All images of all files and folders. ``failures`` gets a message for each file that cannot be read.

    ``transpose``: the images of IDX files are transposed, as in the run's data, and are turned upright.
    """
    for name in names:
        try:
            files = image_files.files_of(command_line.path(name))
        except ArgumentTypeError as error:
            failures.append(str(error))
        except (InputError, OSError) as error:
            failures.append(describe(error, name))
        else:
            yield from image_files.read_each(files, failures, warn, transpose=transpose)


def predict(run: FinishedRun, prepared: Iterator[Sample]) -> Iterator[Answer]:
    """The network's answer to each sample, computed block by block."""
    detector, digits = novelty_detector(run), run.config.data.labels
    names = class_names.read(run.config.data.directory, warn)
    length = block_length(run.network.sizes[0])
    while block := list(islice(prepared, length)):
        ink = np.stack([sample.ink.reshape(-1) for sample in block])
        P = run.network.predict(inputs_of_ink(ink, run.config.data.scale))
        novelty = detector.are_novel(ink).tolist() if detector else [None] * len(block)
        for sample, p, first, is_novel in zip(block, by_class(P), decide(P).astype(int), novelty, strict=True):
            if sample.digit_count > 1:
                warn(f"{sample.name}: several separate digits: cut out one of them")
                is_novel = True
            digit, second = digits[first], second_of(p, first, digits, names)
            yield Answer(sample, digit, names.get(digit), float(p[first]), is_novel, second)


def second_of(p: NDArray[np.float64], first: int, digits: Sequence[int], names: Mapping[int, str]) -> dict[str, Any]:
    """The most probable class besides the first; empty for two classes, where it is the other one."""
    if len(digits) == 2:
        return {}
    second = max((k for k in range(len(digits)) if k != first), key=p.__getitem__)
    name = {"second_class": names[digits[second]]} if digits[second] in names else {}
    return {"second_digit": digits[second]} | name | {"second_probability": float(p[second])}


def novelty_detector(run: FinishedRun) -> NoveltyDetector | None:
    """The detector made from the training images. Returns None, with a warning, if it cannot be made."""
    try:
        detector = NoveltyDetector.of(run.images("training"))
    except (InputError, OSError) as error:
        warn(f"novel is unknown, without the training images: {describe(error, run.config.data.directory)}")
        return None
    if detector is None:
        warn(f"novel is unknown: at least {MIN_IMAGES} training images are needed for it")
    return detector


def table(answers: Sequence[Answer], say: Say = say) -> str:
    """The answers as a table to print."""
    columns = ["digit", *["class"] * any(answer.class_name is not None for answer in answers), "probability"]
    columns += [f"second_{column}" for column in columns if answers[0].second]
    rows = []
    for answer in answers:
        values = answer.as_json()
        novel = say(NOVEL[answer.novel])
        rows.append([answer.sample.name, *(cell(values.get(column, "")) for column in columns), novel])
    titles = [say("predict.file"), *(say(TITLES[column]) for column in columns), say("predict.novel")]
    lines = aligned([titles, *rows])
    return f"{lines}\n\n{say('predict.explanation')}" if any(answer.novel for answer in answers) else lines


def cell(value: int | float | str) -> str:
    """A digit, a class's name or a probability."""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def draw_pictures(path: Path, answers: Sequence[Answer], language: str) -> None:
    """Draw the stages of preparation of the first images."""
    from mlp.figures.preparation import Stages, draw_stages  # matplotlib is slow to import

    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = ((answer, answer.sample.picture) for answer in answers)
    shown = [Stages(each.sample.name, picture, partial(verdict, each)) for each, picture in pictures if picture]
    draw_stages(path, shown, language)


def verdict(answer: Answer, say: Say) -> str:
    """The prediction in the words of a language."""
    name = answer.class_name or say("figure.digit", digit=answer.digit)
    parts = [say("figure.answer", answer=name, p=cell(answer.probability))]
    if of := answer.second:
        second = of.get("second_class", of["second_digit"])
        parts.append(say("figure.second_answer", answer=second, p=cell(of["second_probability"])))
    if answer.novel:
        parts.append(say("figure.unlike"))
    return say("figure.between").join(parts)
