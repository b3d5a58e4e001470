"""A page in which a network trains: on the images of a config or a run, or on XOR's rows.

The page's scripts run the passes that ``javascript`` writes from the gates' formulas and the optimizer's update, in
float64. From the same seed its held-out images, initial weights and batches are those of ``Trainer``.
"""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.config import MAX_COUNT, Config, differing
from mlp.data import svd, xor
from mlp.data.dataset import Dataset
from mlp.figures.colors import REGION_OPACITY
from mlp.figures.style import OF_A_PAGE, class_looks, sign_colors
from mlp.gates import Value
from mlp.network import outputs_for
from mlp.optimizers import OPTIMIZERS, Optimizer
from mlp.pages import frame
from mlp.pages.image_passes import HIDDEN_LAYERS, image_passes
from mlp.pages.javascript import Script
from mlp.runs.finished import FinishedRun, read_consistently
from mlp.system.errors import InputError
from mlp.system.files import StrPath
from mlp.training import from_config
from mlp.training.random_streams import Stream

MAX_PAGE_BYTES = 3_000_000
PER_CLASS = 1000
"""Images of each class in the page; fewer if it would be too large."""
MIN_PER_CLASS = 10
MAX_UNITS = 256
"""Units of a layer that can be chosen, so that the page stays quick; a run may have more."""
SEEDS = 10**15
"""Seeds in the page are below: its scripts have them as float64."""
MODEL_OPTIONS = ("hidden_sizes", "activation", "loss")
TRAINING_OPTIONS = ("optimizer", "learning_rate", "momentum", "weight_decay", "batch_size", "seed")
"""What can be chosen in the page."""

MARGIN = 0.06
"""Around the points in the plane, relative to their extent."""
XOR_MARGIN = 0.3
"""The four rows are labelled."""


@dataclass(frozen=True)
class Examples:
    """What the page trains on: rows of bytes (n, inputs), of which ``scale`` is 1 in X."""

    pixels: NDArray[np.uint8] = field(repr=False)
    scale: int
    image_shape: tuple[int, int]
    classes: NDArray[np.uint8] = field(repr=False)
    digits: Sequence[int]
    """The label of each class."""
    indices: NDArray[np.int64] = field(repr=False)
    """Of the images in the IDX file."""
    directions: NDArray[np.float64] = field(repr=False)
    """(2, inputs): a place in the plane, times these, is a row of X."""
    coordinates: NDArray[np.float64] = field(repr=False)
    """(n, 2): the place of each row."""
    held_out: int = 0
    """How many rows are held out, whatever the seed."""
    input_names: Sequence[str] | None = None
    """Of inputs that are no pixels."""
    margin: float = MARGIN
    """Around the points in the plane."""


@dataclass(frozen=True)
class Command:
    """What trains with the library, so that the page can say how to repeat its training."""

    start: str
    """The command, to which options such as training.seed=1 are added."""
    options: Config
    """Those that it has without additions."""


def of_config(config: Config, command: Command | None = None) -> str:
    """The page for an untrained network. Raises InputError if the data are missing, or an image is too large."""
    config = from_config.resolved(config)
    images = from_config.training_images(config).first_of_each(PER_CLASS)
    weights = from_config.class_weights(config, from_config.split(config, images)[0])
    return _page(config, images, weights, command)


def of_run(directory: StrPath, command: Command | None = None) -> str:
    """The page for the network of a finished run, which is trained on there. Raises InputError as ``of_config``."""

    def page(run: FinishedRun) -> str:
        images = run.images("training").first_of_each(PER_CLASS)
        return _page(run.config, images, run.network.class_weights, command, run)

    return read_consistently(Path(directory), page)


def of_xor() -> str:
    """The page for XOR: four rows, none held out, and the notes' network."""
    config = Config().with_values(
        {"model.hidden_sizes": (xor.HIDDEN,), "training.batch_size": len(xor.X), "data.validation_fraction": 0.0}
    )
    rows = xor.X.astype(np.uint8)
    classes = xor.Y[:, 0].astype(np.uint8)
    indices, names = np.arange(len(rows)), ("x1", "x2")
    examples = Examples(rows, 1, (1, 2), classes, (0, 1), indices, np.eye(2), xor.X, 0, names, XOR_MARGIN)
    return _rendered(config, examples, class_weights=None, command=None, run=None)


def _page(
    config: Config,
    images: Dataset,
    class_weights: Sequence[float] | None,
    command: Command | None,
    run: FinishedRun | None = None,
) -> str:
    """The page with as many of the images of each class as fit.

    Raises InputError if one of each does not, or if the seed has too many digits.
    """
    if config.training.seed >= SEEDS:
        raise InputError(f"training.seed: {config.training.seed}: the page's seeds have at most 15 digits")
    count = PER_CLASS
    while True:
        images = images.first_of_each(count)
        held_out = from_config.split(config, images)[1]  # raises InputError if it leaves nothing to train on
        repeats = None if command is None else _command(config, count, class_weights, command)
        page = _rendered(config, _examples(images, held_out), class_weights, repeats, run)
        if len(page.encode()) <= MAX_PAGE_BYTES:
            return page
        if count < 2 * MIN_PER_CLASS:
            raise InputError(
                f"{images.source.files['images']}: the page would have {len(page):,} bytes, at most {MAX_PAGE_BYTES:,} "
                "are allowed: use smaller images, or fewer hidden units"
            )
        count //= 2


def _examples(images: Dataset, held_out: Dataset | None) -> Examples:
    projection = svd.project(images)
    return Examples(
        images.pixels(),
        255,
        images.image_shape,
        images.targets,
        images.digits,
        images.indices,
        projection.directions.T / 255,
        projection.coordinates(images),
        0 if held_out is None else len(held_out),
    )


def _command(config: Config, count: int, class_weights: Sequence[float] | None, command: Command) -> dict[str, Any]:
    """The command that repeats the page's training: how it starts, the keys of options that are added, and defaults.

    An option that it has already is left out. It trains on the page's images, in float64, at a constant learning rate.
    """
    defaults = command.options
    own = {
        "data.limit_per_digit": min(count, config.data.limit_per_digit or count),
        "training.class_weight": class_weights,
        "training.precision": "float64",
        "training.schedule": "constant",
        "training.patience": None,
    }
    changed = differing([config.with_values(own), defaults])
    settings = [f"{key}={_setting(mine)}" for key, (mine, _) in changed.items()]
    if config.data.directory != defaults.data.directory.absolute():
        settings.insert(0, f"data.directory={config.data.directory}")
    keys = {name: f"model.{name}" for name in MODEL_OPTIONS}
    keys |= {name: f"training.{name}" for name in (*TRAINING_OPTIONS, "epochs")}
    chosen = [setting for setting in settings if setting.partition("=")[0] not in keys.values()]
    return {
        "start": f"{command.start} {shlex.join(chosen)}",
        "keys": keys,
        "defaults": {name: defaults.value(key) for name, key in keys.items()},
    }


def _setting(value: Any) -> str:
    """A value as ``--set`` takes it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _rendered(
    config: Config,
    examples: Examples,
    class_weights: Sequence[float] | None,
    command: dict[str, Any] | None,
    run: FinishedRun | None,
) -> str:
    script, outputs = Script(explained=True), outputs_for(len(examples.digits))
    layers = {*HIDDEN_LAYERS, len(config.model.hidden_sizes)}
    for name, optimizer in OPTIMIZERS.items():
        script.add_function(name, *_update(optimizer))
    facts = {
        "data": {
            "pixels": frame.packed(examples.pixels),
            "scale": examples.scale,
            "image_shape": examples.image_shape,
            "classes": frame.packed(examples.classes),
            "indices": frame.packed(examples.indices.astype(np.int32)),
            "digits": examples.digits,
            "outputs": outputs,
            "fraction": config.data.validation_fraction,
            "class_weights": class_weights,
            "streams": {stream.name: stream.value for stream in Stream},
            "directions": frame.packed(examples.directions),
            "coordinates": frame.packed(examples.coordinates.astype(np.float32)),
            "limits": _limits(examples.coordinates, examples.margin),
            "input_names": examples.input_names,
        },
        "options": {name: getattr(config.model, name) for name in MODEL_OPTIONS}
        | {name: getattr(config.training, name) for name in TRAINING_OPTIONS},
        "limits": {
            "layers": max(layers),
            "units": max(MAX_UNITS, *config.model.hidden_sizes, 0),
            "batch_size": MAX_COUNT,
        },
        "looks": [(OF_A_PAGE[color], marker) for color, marker in class_looks(examples.digits)],
        "region_opacity": REGION_OPACITY,
        "networks": frame.packed_json(image_passes(outputs, script, layers, class_weights)),
        "command": command,
        "weights": None if run is None else frame.packed(run.network.parameter_block.astype(np.float64)),
        "sign_colors": frame.packed(sign_colors()),
    }
    return frame.render(
        "playground/playground.html",
        facts=facts,
        script=script,
        run=run,
        examples=examples,
        options=config.training,
        command=command,
    )


def _limits(coordinates: NDArray[np.float64], margin: float) -> list[list[float]]:
    """The smallest and the largest value in each direction of a square around the points (n, 2)."""
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    half = (0.5 + margin) * float((high - low).max()) or 1.0
    return [[float(middle - half), float(middle + half)] for middle in (low + high) / 2]


def _update(optimizer: type[Optimizer]) -> tuple[Callable[..., Sequence[Value]], list[str]]:
    """An optimizer's update of one parameter with its rates and the step's number as arguments, and their names.

    It returns the new parameter, then the new state.
    """
    rates = ["learning_rate", "momentum", "weight_decay"]

    def update(
        A: Value, dA: Value, rate: Value, momentum: Value, weight_decay: Value, step: Value, *state: Value
    ) -> Any:
        others = {"momentum": momentum, "weight_decay": weight_decay}
        options = {name: value for name, value in others.items() if name in optimizer.rates}
        own = optimizer(np.empty(0), np.empty(0), learning_rate=1.0, **options)
        return own.update(A, dA, *state, rate, *own.corrections_of(step))

    return update, ["A", "dA", *rates, "step", *optimizer.state_names]
