"""A page in which a network trains: on the images of a config or a run, or on XOR's rows.

The page's scripts run the passes that ``javascript`` writes from the gates' formulas and the optimizer's update, in
float64. From the same seed its held-out images, initial weights and batches are those of ``Trainer``.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.config import Config, Training, differing
from mlp.data import svd, xor
from mlp.data.dataset import Dataset
from mlp.figures.colors import REGION_OPACITY
from mlp.figures.style import OF_A_PAGE, class_looks, marker_outline, sign_colors
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
"""Seeds must be below this, because the page's scripts have them as float64."""
MODEL_OPTIONS = ("hidden_sizes", "activation", "loss")
TRAINING_OPTIONS = ("optimizer", "learning_rate", "momentum", "weight_decay", "batch_size", "seed")
"""What can be chosen in the page."""
RANGE = ("type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
"""The keys of a JSON schema that say which numbers are allowed."""
MARGIN = 0.06
"""Around the points in the plane, relative to their extent."""
XOR_MARGIN = 0.3
"""The four rows are labelled."""


@dataclass(frozen=True)
class Examples:
    """What the page trains on: rows of bytes (n, inputs), which divided by ``scale`` are X."""

    pixels: NDArray[np.uint8] = field(repr=False)
    scale: float
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
    """The command that trains with the library; the page adds options to it, and so repeats its own training."""

    start: str
    flag: str
    """What stands before added options, such as training.seed=1."""
    options: Config
    """The config that it uses without added options."""


@dataclass(frozen=True)
class Subject:
    """What the page trains."""

    config: Config
    """Its labels are resolved."""
    class_weights: Sequence[float] | None = None
    command: Command | None = None
    run: FinishedRun | None = None
    """The run whose network goes on learning."""

    @cached_property
    def networks(self) -> tuple[Script, dict[str, Any]]:
        """The script with the passes and the updates, and each kind of network that can be chosen, packed."""
        script, layers = Script(explained=True), {*HIDDEN_LAYERS, len(self.config.model.hidden_sizes)}
        for name, optimizer in OPTIMIZERS.items():
            script.add_function(name, *_update(optimizer))
        outputs = outputs_for(len(self.config.data.labels))
        return script, frame.packed_json(image_passes(outputs, script, layers, self.class_weights))


def of_config(config: Config, command: Command | None = None) -> str:
    """The page for an untrained network. Raises InputError if the data are missing, or an image is too large."""
    config = from_config.resolved(config)
    images = from_config.training_images(config).first_of_each(PER_CLASS)
    weights = from_config.class_weights(config, from_config.split(config, images)[0])
    return _page(Subject(config, weights, command), images)


def of_run(directory: StrPath, command: Command | None = None) -> str:
    """The page for the network of a finished run, which goes on learning. Raises InputError as ``of_config``."""

    def page(run: FinishedRun) -> str:
        images = run.images("training").first_of_each(PER_CLASS)
        return _page(Subject(run.config, run.network.class_weights, command, run), images)

    return read_consistently(Path(directory), page)


def of_xor() -> str:
    """The page for XOR: four rows, none held out, and the notes' network."""
    options = {"model.hidden_sizes": (xor.HIDDEN,), "training.batch_size": len(xor.X), "data.validation_fraction": 0.0}
    examples = Examples(
        pixels=xor.X.astype(np.uint8),
        scale=1,
        image_shape=(1, 2),
        classes=xor.Y[:, 0].astype(np.uint8),
        digits=(0, 1),
        indices=np.arange(len(xor.X)),
        directions=np.eye(2),
        coordinates=xor.X,
        input_names=("x1", "x2"),
        margin=XOR_MARGIN,
    )
    return _rendered(Subject(Config().with_values(options)), examples, command=None)


def _page(subject: Subject, images: Dataset) -> str:
    """The page with as many of the images of each class as fit.

    Raises InputError if fewer than MIN_PER_CLASS fit, or if the seed has too many digits.
    """
    config = subject.config
    if config.training.seed >= SEEDS:
        raise InputError(f"training.seed: {config.training.seed}: the page's seeds have at most 15 digits")
    count = int(np.bincount(images.targets).max())
    while True:
        images = images.first_of_each(count)
        held_out = from_config.split(config, images)[1]  # raises InputError if it leaves nothing to train on
        page = _rendered(subject, _examples(images, held_out), _command(subject, count))
        if len(page.encode()) <= MAX_PAGE_BYTES:
            return page
        count //= 2
        if count < MIN_PER_CLASS:
            raise InputError(
                f"{images.source.files['images']}: the page would have {len(page):,} bytes, at most {MAX_PAGE_BYTES:,} "
                "are allowed: use smaller images, or fewer hidden units"
            )


def _examples(images: Dataset, held_out: Dataset) -> Examples:
    projection = svd.project(images)
    return Examples(
        pixels=images.pixels(),
        scale=images.scale,
        image_shape=images.image_shape,
        classes=images.targets,
        digits=images.digits,
        indices=images.indices,
        directions=projection.directions.T / images.scale,
        coordinates=projection.coordinates(images),
        held_out=len(held_out),
    )


def _command(subject: Subject, count: int) -> dict[str, Any] | None:
    """The command that repeats the page's training: its settings, the keys of those that the page adds, and defaults.

    It trains on the page's images, in float64, at a constant learning rate. What it does anyway is left out.
    """
    config, command = subject.config, subject.command
    if command is None:
        return None
    own = {
        "data.limit_per_digit": min(count, config.data.limit_per_digit or count),
        "training.class_weight": subject.class_weights,
        "training.precision": "float64",
        "training.schedule": "constant",
        "training.patience": None,
    }
    keys = {name: f"model.{name}" for name in MODEL_OPTIONS}
    keys |= {name: f"training.{name}" for name in (*TRAINING_OPTIONS, "epochs")}
    defaults = command.options
    changed = differing([config.with_values(own), defaults])
    settings = [f"{key}={_setting(mine)}" for key, (mine, _) in changed.items() if key not in keys.values()]
    if config.data.directory != defaults.data.directory.absolute():
        settings.insert(0, f"data.directory={config.data.directory}")
    return {
        "start": command.start,
        "flag": command.flag,
        "settings": settings,
        "keys": keys,
        "defaults": {name: defaults.value(key) for name, key in keys.items()},
    }


def _setting(value: Any) -> str:
    """A value as a command takes it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _rendered(subject: Subject, examples: Examples, command: dict[str, Any] | None) -> str:
    config, run, (script, networks) = subject.config, subject.run, subject.networks
    facts = {
        "data": {
            "pixels": frame.packed(examples.pixels),
            "scale": examples.scale,
            "image_shape": examples.image_shape,
            "classes": frame.packed(examples.classes),
            "indices": frame.packed(examples.indices.astype(np.int32)),
            "digits": examples.digits,
            "outputs": outputs_for(len(examples.digits)),
            "fraction": config.data.validation_fraction,
            "class_weights": subject.class_weights,
            "streams": {stream.name: stream.value for stream in Stream},
            "directions": frame.packed(examples.directions),
            "coordinates": frame.packed(examples.coordinates.astype(np.float32)),
            "limits": _limits(examples.coordinates, examples.margin),
            "input_names": examples.input_names,
        },
        "options": {name: getattr(config.model, name) for name in MODEL_OPTIONS}
        | {name: getattr(config.training, name) for name in TRAINING_OPTIONS},
        "most": {
            "layers": max(*HIDDEN_LAYERS, len(config.model.hidden_sizes)),
            "units": max(MAX_UNITS, *config.model.hidden_sizes, 0),
        },
        "ranges": ranges(),
        "looks": [(OF_A_PAGE[color], marker_outline(marker)) for color, marker in class_looks(examples.digits)],
        "region_opacity": REGION_OPACITY,
        "networks": networks,
        "command": command,
        "weights": None if run is None else frame.packed(run.network.parameter_block.astype(np.float64)),
        "sign_colors": frame.packed(sign_colors()),
    }
    values = {"facts": facts, "script": script, "run": run, "examples": examples, "command": command}
    return frame.render("playground/playground.html", **values, options=config.training)


def ranges() -> dict[str, dict[str, Any]]:
    """Each option that is a number: its type and range, as JSON schema names them."""
    properties = Training.model_json_schema()["properties"]
    numbers = [name for name in TRAINING_OPTIONS if properties[name]["type"] != "string"]
    found = {name: {key: properties[name][key] for key in RANGE if key in properties[name]} for name in numbers}
    return found | {"seed": found["seed"] | {"exclusiveMaximum": SEEDS}}


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
