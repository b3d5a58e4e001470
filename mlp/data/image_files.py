"""Images out of files, as brightness: pictures by Pillow, IDX by idx.py."""

import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mlp import idx
from mlp.data.file_kinds import HEAD, READABLE, may_be_idx, other_kind, readable_kind
from mlp.data.preparation import averaged
from mlp.system.errors import InputError
from mlp.system.files import open_regular

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".heic", ".heif", ".avif", ".jxl")
"""Of names of pictures: in a folder, a file of such a name that is none is an error, other files are not."""
MAX_PIXELS = {"WEBP": 12_500_000}
"""Of an image in a format, else OTHERWISE: decoders take up to 4 bytes a pixel, WebP's 16."""
OTHERWISE = 50_000_000
KEPT_PIXELS = 4_000_000
"""Pixels, about: a larger picture is made smaller as it is read."""
MAX_BRIGHTNESS = 1e30
"""No image has such pixels; sums of them are finite in float32, too."""
BAND = 250_000
"""Pixels, about, that are looked at at a time."""
MAX_BYTES = 270_000_000
"""Memory to read one image with: the whole process has 130 MB beside it, and stays below 400 MB."""
ORIENTATION = 0x0112
"""EXIF's tag."""
READS_EXIF = ("TiffImagePlugin", Path(__file__).stem)
"""Where warnings about it come from; EXIF has the format of TIFF's tags."""
BITS_PER_SAMPLE, ROWS_PER_STRIP, TILE_WIDTH, TILE_LENGTH = 258, 278, 322, 323
"""TIFF's tags (TIFF 6.0, section 8 and 15)."""
STDERR = 2
MAX_SIDE = 65_535
"""Pixels, the most that JPEG has."""


@dataclass(frozen=True)
class GreyImage:
    """An image and what to call it: its file, and which one of the file if there are several."""

    file: Path
    index: int | None
    grey: NDArray[Any]
    """(rows, columns), brightness on any scale"""

    @property
    def name(self) -> str:
        """The file, with the index in it."""
        return str(self.file) if self.index is None else f"{self.file}[{self.index}]"

    def check_brightness(self, least: float = -MAX_BRIGHTNESS, most: float = MAX_BRIGHTNESS) -> None:
        """Raises InputError if a pixel is not a number in this range."""
        wrong = ~((self.grey >= least) & (self.grey <= most))  # what is not a number is in no range
        if wrong.any():
            row, column = (int(place[0]) for place in np.nonzero(wrong))
            value = self.grey[row, column]
            raise InputError(f"row {row}, column {column} is {value}, must be a number from {least:g} to {most:g}")


def files_of(path: Path) -> list[Path]:
    """The file itself; of a folder its pictures, by name, without those in folders below it and hidden ones.

    Raises InputError if a folder has no picture, OSError if it cannot be listed.
    """
    if not path.is_dir():
        return [path]
    visible = sorted(file for file in path.iterdir() if not file.name.startswith(".") and not file.is_dir())
    pictures = [file for file in visible if file.suffix.lower() in ENDINGS or _has_picture(file)]
    if not pictures:
        raise InputError(f"{path}: a folder without pictures: name image files, or a folder that has some in it")
    return pictures


def _has_picture(file: Path) -> bool:
    try:
        with open_regular(file) as opened:
            return readable_kind(opened.read(HEAD)) is not None
    except (InputError, OSError):  # it has no picture's name either
        return False


def read(path: Path, warn: Callable[[str], object]) -> Iterator[GreyImage]:
    """The one image of a picture, of several frames the first, or all of an IDX file.

    ``warn`` is told of a picture that is read although something in its file is damaged.
    Raises InputError for anything else, and for a damaged file; OSError if the system cannot read it.
    """
    try:
        with open_regular(path) as file:
            head = file.read(HEAD)
            file.seek(0)
            if kind := readable_kind(head):
                yield GreyImage(path, None, _picture(file, kind, path, warn))
                return
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: name an image file, {READABLE}") from None
    if other := other_kind(head):
        raise InputError(f"{path}: {other}, which is not read: save it as PNG or JPEG")
    if not may_be_idx(head):
        what = "not an image" if head else "an empty file"
        raise InputError(f"{path}: {what}: it must be {READABLE}: save it as PNG or JPEG")
    images = idx.rows(path)
    if len(images.shape) != 3 or 0 in images.shape:
        raise InputError(f"{path}: no images in it: its array has shape {images.shape}, it must be (n, rows, columns)")
    _check_size(path, *images.shape[1:])
    pixels = math.prod(images.shape[1:])
    _check_memory(path, pixels * (images.dtype.itemsize + 3))  # three comparisons of each pixel
    for index, grey in enumerate(images):
        yield GreyImage(path, index, grey)


def _check_size(path: Path, rows: int, columns: int, kind: str = "IDX") -> None:
    most = MAX_PIXELS.get(kind, OTHERWISE)
    if rows * columns > most or max(rows, columns) > MAX_SIDE:
        raise InputError(
            f"{path}: {rows:,} by {columns:,} pixels: at most {most:,} are read, {MAX_SIDE:,} a side: scale it down"
        )


def _check_memory(path: Path, size: int) -> None:
    if size > MAX_BYTES:
        raise InputError(
            f"{path}: takes {size:,} bytes of memory to read, at most {MAX_BYTES:,} are used: save it as PNG, smaller"
        )


def _decoding_bytes(image: Any, kind: str) -> int:
    """Memory that Pillow takes for a picture that is open but not loaded, about.

    Beside the pixels, which may be reduced, it holds the largest strip or tile of a TIFF, or all coefficients of a
    progressive JPEG, 2 bytes each.
    """
    pixels = image.height * image.width
    if kind == "JPEG" and image.info.get("progressive"):
        return int(pixels * 2 * len(image.getbands()))
    size = pixels * (1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4)
    if kind == "TIFF":
        tags = image.tag_v2
        columns, rows = tags.get(TILE_WIDTH, image.width), tags.get(TILE_LENGTH, tags.get(ROWS_PER_STRIP, image.height))
        rows = rows if TILE_LENGTH in tags else min(rows, image.height)
        size += columns * rows * sum(tags.get(BITS_PER_SAMPLE, (1,))) // 8
    return int(size)


def _picture(file: BinaryIO, kind: str, path: Path, warn: Callable[[str], object]) -> NDArray[Any]:
    from PIL import Image, UnidentifiedImageError  # slow to import, and of no use to IDX files

    said: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as heard, _libtiff(said) if kind == "TIFF" else nullcontext():
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # too large a size is refused below
            image = Image.open(file, formats=[kind])
            _check_size(path, image.height, image.width, kind)
            _check_memory(path, _decoding_bytes(image, kind))
            if kind == "JPEG":  # its decoder can make it smaller on the way
                image.draft(None, (image.width // _factor(image), image.height // _factor(image)))
            image.load()
            grey = _upright(_brightness(image), _orientation(image))
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: too many pixels ({error}): scale it down") from None
    except (MemoryError, InputError):
        raise
    except Exception as error:  # whatever Pillow's decoders raise for bytes that are none of the format
        if isinstance(error, OSError) and error.errno is not None:  # the system's own
            raise
        what = said[0] if said else "its header" if isinstance(error, UnidentifiedImageError) else error
        raise InputError(f"{path}: a damaged {kind} file ({what}): save it again") from None
    said += [" ".join(str(warning.message).split()) for warning in heard]
    if said and kind != "TIFF" and all(Path(warning.filename).stem in READS_EXIF for warning in heard):
        warn(f"{path}: its EXIF data are damaged, which say how it was held: it may lie on its side")
    elif said:
        warn(f"{path}: a damaged {kind} file ({said[0]}): what is read of it may not be what it shows: save it again")
    return grey


@contextmanager
def _libtiff(said: list[str]) -> Iterator[None]:
    """What libtiff says within this block, a line each; it writes into the file descriptor that stderr has."""
    with TemporaryFile() as file:
        stderr = os.dup(STDERR)
        os.dup2(file.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(stderr, STDERR)
            os.close(stderr)
            file.seek(0)
            said += file.read().decode(errors="replace").split("\n")[:-1]


def _brightness(image: Any) -> NDArray[Any]:
    """Of each pixel on white paper; if that leaves nothing to see, as of white ink on glass, the opacity.

    Pixels of large pictures are averaged. A band of rows at a time, as a copy of the whole may be too much for memory.
    """
    rows, columns, factor = image.height, image.width, _factor(image)
    step = factor * max(1, BAND // (factor * columns))
    bands = [
        _band(image.crop((0, top, columns, min(top + step, rows))), factor, see_through=image.has_transparency_data)
        for top in range(0, rows, step)
    ]
    grey, opacity = (np.concatenate(parts) for parts in zip(*bands, strict=True))
    return opacity if opacity.size and not np.ptp(grey) else grey


def _factor(image: Any) -> int:
    """By how much a picture is made smaller as it is read."""
    return math.ceil(math.sqrt(image.height * image.width / KEPT_PIXELS))


def _band(image: Any, factor: int, *, see_through: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Brightness and opacity of some rows; no opacity if all are opaque."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # more than 8 bits, which Pillow would cut off at 255
        return _averaged(image, factor), np.empty(0)
    if not see_through:
        return _averaged(image.convert("L"), factor), np.empty(0)
    layered = image.convert("RGBA")
    opacity = layered.getchannel("A")
    grey = Image.composite(layered.convert("L"), Image.new("L", image.size, 255), opacity)
    return _averaged(grey, factor), _averaged(opacity, factor)


def _averaged(band: Any, factor: int) -> NDArray[Any]:
    pixels: NDArray[Any] = np.asarray(band)
    return (
        pixels if factor == 1 else averaged(pixels, factor).astype(np.float32)
    )  # a copy of the whole in float64 is large


def _orientation(image: Any) -> Any:
    """What EXIF says of how the picture lies; a warning where the data are damaged."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception as error:  # whatever Pillow raises for bytes that are none of EXIF; the picture is there
        warnings.warn(str(error), stacklevel=1)
        return 1


def _upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The picture as its camera was held, by the tag Orientation (EXIF 2.3, section 4.6.4): 6 is turned clockwise."""
    if orientation in (5, 6, 7, 8):
        stored = stored.T
    down, across = (-1 if orientation in flipped else 1 for flipped in ((3, 4, 7, 8), (2, 3, 6, 7)))
    return stored[::down, ::across]
