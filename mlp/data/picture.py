"""From a picture of any kind to an image for the network: the digit is found, then prepared as MNIST's digits were."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data.image_files import GreyImage
from mlp.data.preparation import Floats, Prepared, averaged, prepare
from mlp.data.segmentation.background import remove_background
from mlp.data.segmentation.components import extract_digits
from mlp.data.segmentation.ruled_lines import remove_lines
from mlp.system.errors import InputError

MAX_SIDE = 512
"""Pixels: larger pictures are made smaller first."""
SAME = 1 / 255
"""Ink that differs by less than one step of a byte is the same."""


@dataclass(frozen=True)
class Picture:
    """A picture and the stages of its preparation."""

    levels: Floats = field(repr=False)
    """(rows, columns): its brightness, after it was made smaller."""
    prepared: Prepared
    """Its ink, of the same shape, and the image for the network."""
    digit_count: int
    """Separate digits; the network can only classify single ones."""


def prepare_picture(grey: NDArray[Any], shape: tuple[int, int]) -> Picture:
    """Find the digit on a picture with these brightnesses (rows, columns), and prepare it as an image of this shape.

    Brightness may be on any scale, the digit dark on light or light on dark. An image that is prepared already, such as
    one of MNIST, is returned unchanged. Raises InputError if nothing is drawn on the picture.
    """
    levels = averaged(grey, -(-max(grey.shape) // MAX_SIDE)).astype(np.float64)
    if not np.ptp(levels):
        raise InputError("nothing is drawn on it: it has the same brightness everywhere")
    if levels.shape == shape:
        for ink in (levels - levels.min(), levels.max() - levels):
            prepared = prepare(ink / ink.max(), shape)
            if np.abs(prepared.image - prepared.ink).max() < SAME:
                return Picture(levels, prepared, 1)
    ink = remove_background(levels - min(levels.min(), 0))
    digits, digit_count = extract_digits(remove_lines(ink))
    return Picture(levels, prepare(digits, shape), digit_count)


@dataclass(frozen=True)
class Sample:
    """An image prepared for the network."""

    file: Path
    index: int | None
    """The position in an IDX file."""
    name: str
    ink: Floats = field(repr=False)
    """(rows, columns) of the network's images, 0 to 1; ``dataset.inputs_of_ink`` turns it into the network's inputs."""
    digit_count: int = 1
    picture: Picture | None = None
    """Its stages of preparation, if they are to be drawn."""


def samples(
    images: Iterable[GreyImage], shape: tuple[int, int], failures: list[str], *, as_is: bool = False, pictures: int = 0
) -> Iterator[Sample]:
    """Each image prepared for a network that takes this shape; ``failures`` gets a message for each image that fails.

    ``as_is``: the images are prepared already, with pixels 0 to 255. The first ``pictures`` samples keep their Picture.
    """
    for image in images:
        try:
            if as_is:
                yield Sample(image.file, image.index, image.name, _scaled(image, shape))
                continue
            image.check_brightness()
            picture = prepare_picture(image.grey, shape)
        except InputError as error:
            failures.append(f"{image.name}: {error}")
            continue
        kept = picture if pictures > 0 else None
        pictures -= 1
        yield Sample(image.file, image.index, image.name, picture.prepared.image, picture.digit_count, kept)


def _scaled(image: GreyImage, shape: tuple[int, int]) -> Floats:
    """The pixels from 0..255 to 0..1. Raises InputError if the image has another shape or range."""
    if image.grey.shape != shape:
        raise InputError(f"{image.grey.shape} pixels, the run's images have {shape}: prepare it, do not take it as is")
    image.check_brightness(0, 255)
    return np.asarray(image.grey / 255)
