"""Show the digits in two dimensions.

    mlp plot-svd [--config FILE]

Writes a scatter plot of the coordinates in the first two singular directions, and a CSV file of the points beside it.
"""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlp import config
from mlp.commands.arguments import Parser, config_of
from mlp.data.dataset import Dataset
from mlp.data.svd import Floats, Projection, project
from mlp.system import blas_threads, command_line
from mlp.system.command_line import display_path
from mlp.system.errors import InputError
from mlp.system.files import replacing
from mlp.system.printable import listed
from mlp.training import from_config

PER_CLASS = 1000
REBUILT_PER_CLASS, MAX_REBUILT = 3, 150
"""Images rebuilt of each digit, and about as many at most of all together: a hundred take two seconds."""
MAX_NAMED = 5
"""More labels are only counted."""


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    settings = config_of(options)
    output, rebuilt = options.output or settings.output.directory / "svd.png", options.reconstruct
    if output == rebuilt:
        raise InputError(f"{output}: --output and --reconstruct must be different files")
    for path in filter(None, (output, rebuilt)):
        if path.suffix != ".png":
            raise InputError(f"{path}: the picture's name must end in .png")

    images = from_config.training_images(settings).first_of_each(options.per_class)
    with blas_threads.threads(settings.training.threads):
        projection = project(images, center=options.center)
        coordinates = projection.coordinates(images)
    from mlp.figures import plane  # slow to import, and not needed if the images cannot be read

    with config.naming("output.directory", applies=options.output is None):
        output.parent.mkdir(parents=True, exist_ok=True)
    if rebuilt:
        rebuilt.parent.mkdir(parents=True, exist_ok=True)
    points = output.with_suffix(".csv")
    write_points(points, images, coordinates)
    plane.scatter(output, coordinates, images.labels, images.digits, projection)
    print(f"{describe(images, projection)}\npicture: {display_path(output)}\npoints:  {display_path(points)}")
    if rebuilt:
        draw_rebuilt(rebuilt, images, projection)
        print(f"rebuilt: {display_path(rebuilt)}")


def parse(arguments: Sequence[str]) -> Namespace:
    parser = Parser(description="Show the digits in two dimensions.")
    parser.add_config()
    parser.add_argument(
        "--per-class", type=count, default=PER_CLASS, metavar="N", help=f"images of each digit (default: {PER_CLASS})"
    )
    parser.add_argument("--center", action="store_true", help="subtract the mean image first")
    parser.add_argument(
        "--output", type=command_line.path, metavar="FILE.png", help="the plot (default: svd.png in output.directory)"
    )
    parser.add_argument(
        "--reconstruct",
        type=command_line.path,
        metavar="FILE.png",
        help="also draw digits rebuilt from two coordinates",
    )
    return parser.parse_args(arguments)


def count(text: str) -> int:
    return command_line.integer_at_least(text, 1)


def write_points(path: Path, images: Dataset, coordinates: Floats) -> None:
    """Write a row for each image: index (in the IDX file), digit, x, y, in full precision."""
    labels = images.labels
    with replacing(path) as file:
        file.write(b"index,digit,x,y\n")
        for rows in images.blocks():
            points = zip(images.indices[rows], labels[rows], *coordinates[rows].T.tolist(), strict=True)
            file.write("".join(f"{index},{digit},{x},{y}\n" for index, digit, x, y in points).encode())


def draw_rebuilt(path: Path, images: Dataset, projection: Projection) -> None:
    """Draw the first images of each digit above the images rebuilt from their two coordinates."""
    from mlp.figures import plane

    chosen = images.first_of_each(max(1, min(REBUILT_PER_CLASS, MAX_REBUILT // len(images.digits))))
    order = np.argsort(chosen.labels, kind="stable")
    rebuilt = projection.rebuild(projection.coordinates(chosen))
    plane.reconstruction(path, chosen.pixels(order), rebuilt[order], chosen.labels[order], chosen.image_shape)


def describe(images: Dataset, projection: Projection) -> str:
    digits = images.digits
    of = f"the digits {listed(digits)}" if len(digits) <= MAX_NAMED else f"{len(digits)} labels"
    lines = [f"{len(images):,} images of {of}"]
    pairs = zip(projection.singular_values, projection.explained_variance(), strict=True)
    for number, (value, variance) in enumerate(pairs, 1):
        lines.append(f"singular value {number}: {value:14,.2f}, explained variance {variance:.2%}")
    return "\n".join(lines)
