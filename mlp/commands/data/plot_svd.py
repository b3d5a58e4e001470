"""Show the digits in two dimensions.

    python scripts/plot_svd.py [--config FILE]

Writes the scatter of the first two singular directions' coordinates, and beside it a CSV of the same points.
"""

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
from mlp.training import from_config

PER_CLASS = 1000
REBUILT_PER_CLASS = 3


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Show the digits in two dimensions.")
    parser.add_config()
    parser.add_argument(
        "--per-class", type=int, default=PER_CLASS, metavar="N", help=f"first images of each digit ({PER_CLASS})"
    )
    parser.add_argument("--center", action="store_true", help="take the mean image off first")
    parser.add_argument(
        "--output", type=command_line.path, metavar="FILE.png", help="default: svd.png under output.directory"
    )
    parser.add_argument(
        "--reconstruct", type=command_line.path, metavar="FILE.png", help="also show six digits rebuilt from the plane"
    )
    options = parser.parse_args(arguments)
    if options.per_class < 1:
        raise InputError(f"--per-class {options.per_class}: must be at least 1")
    settings = config_of(options)
    output = options.output or settings.output.directory / "svd.png"
    if output == options.reconstruct:
        raise InputError(f"{output}: --output and --reconstruct must be two files")
    for path in filter(None, (output, options.reconstruct)):
        if path.suffix != ".png":
            raise InputError(f"{path}: the picture's name must end in .png")

    images = from_config.training_images(settings).first_of_each(options.per_class)
    with blas_threads.threads(settings.training.threads):
        projection = project(images, center=options.center)
        coordinates = projection.coordinates(images)
    from mlp.figures import plane  # matplotlib is slow to import, and what fails has no use for it

    with config.naming("output.directory", applies=options.output is None):
        output.parent.mkdir(parents=True, exist_ok=True)
    if options.reconstruct:
        options.reconstruct.parent.mkdir(parents=True, exist_ok=True)
    write_points(output.with_suffix(".csv"), images, coordinates)
    plane.scatter(output, coordinates, images.labels, images.digits, projection)
    print(describe(images, projection))
    print(f"picture: {display_path(output)}\npoints:  {display_path(output.with_suffix('.csv'))}")
    if options.reconstruct:
        draw_rebuilt(options.reconstruct, images, projection)
        print(f"rebuilt: {display_path(options.reconstruct)}")


def write_points(path: Path, images: Dataset, coordinates: Floats) -> None:
    """Index (in the IDX file), digit, x, y: a row an image, in full precision."""
    labels = images.labels
    with replacing(path) as file:
        file.write(b"index,digit,x,y\n")
        for rows in images.blocks():
            points = zip(images.indices[rows], labels[rows], *coordinates[rows].T.tolist(), strict=True)
            file.write("".join(f"{index},{digit},{x},{y}\n" for index, digit, x, y in points).encode())


def draw_rebuilt(path: Path, images: Dataset, projection: Projection) -> None:
    """The first three images of each digit beside what their two coordinates say of them."""
    from mlp.figures import plane

    chosen = images.first_of_each(REBUILT_PER_CLASS)
    order = np.argsort(chosen.labels, kind="stable")
    rebuilt = projection.rebuild(projection.coordinates(chosen))
    plane.reconstruction(path, chosen.pixels(order), rebuilt[order], chosen.labels[order], chosen.image_shape)


def describe(images: Dataset, projection: Projection) -> str:
    values, shares = projection.singular_values, projection.energy_shares()
    return "\n".join(
        [f"{len(images):,} images of the digits {images.digits[0]} and {images.digits[1]}"]
        + [f"singular value {k + 1}: {values[k]:14,.2f}, {shares[k]:.2%} of the energy" for k in range(2)]
    )
