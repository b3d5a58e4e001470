"""Decode a picture file with Pillow into brightness, within a limit of memory, and report damage in our own words."""

import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mlp.data.preparation import averaged
from mlp.system.errors import InputError
from mlp.system.files import StrPath

MAX_PIXELS = 50_000_000
"""Most decoders take up to 4 bytes per pixel."""
MAX_WEBP_PIXELS = 12_500_000
"""WebP's decoder takes 16 bytes per pixel."""
MAX_SIDE = 65_535
"""Pixels: the limit of JPEG."""
MAX_DECODING_BYTES = 270_000_000
"""The rest of the process takes 130 MB: the whole stays below 400 MB."""
KEPT_PIXELS = 4_000_000
"""Approximate: a larger picture is made smaller while it is read."""
BAND_PIXELS = 250_000
"""Approximate: pixels that are converted at a time."""
ORIENTATION = 0x0112
"""The EXIF tag."""
EXIF_SOURCES = ("TiffImagePlugin", Path(__file__).stem)
"""Modules that warn about EXIF data, which have the format of TIFF's tags."""
BITS_PER_SAMPLE, ROWS_PER_STRIP, TILE_WIDTH, TILE_LENGTH = 258, 278, 322, 323
"""Tags of TIFF (TIFF 6.0, sections 8 and 15)."""
STDERR = 2


def check_limits(path: StrPath, rows: int, columns: int, needed_bytes: int, kind: str = "IDX") -> None:
    """Raises InputError if an image has too many pixels, or if decoding it needs too much memory."""
    limit = MAX_WEBP_PIXELS if kind == "WEBP" else MAX_PIXELS
    if rows * columns > limit or max(rows, columns) > MAX_SIDE:
        raise InputError(
            f"{path}: {rows:,} by {columns:,} pixels: at most {limit:,} are read, {MAX_SIDE:,} a side: scale it down"
        )
    if needed_bytes > MAX_DECODING_BYTES:
        raise InputError(
            f"{path}: reading it takes {needed_bytes:,} bytes of memory, at most {MAX_DECODING_BYTES:,} are used: "
            "save it as a smaller PNG"
        )


def decode(file: BinaryIO, kind: str, path: StrPath, warn: Callable[[str], object]) -> NDArray[Any]:
    """The brightness (rows, columns) of a picture, turned upright; the first frame if there are several.

    ``kind`` is Pillow's name of the format. ``warn`` gets a message if the file is damaged but can be read. Raises
    InputError if it cannot be decoded, OSError if the system cannot read it.
    """
    from PIL import Image, UnidentifiedImageError  # slow to import, and not needed for IDX files

    problems: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as caught, _libtiff(problems) if kind == "TIFF" else nullcontext():
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # check_limits has its own
            image = Image.open(file, formats=[kind])
            check_limits(path, image.height, image.width, _decoding_bytes(image, kind), kind)
            if kind == "JPEG":  # its decoder can reduce the picture itself
                image.draft(None, (image.width // _reduction(image), image.height // _reduction(image)))
            image.load()
            grey = _upright(_brightness(image), _orientation(image))
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: too many pixels ({error}): scale it down") from None
    except (MemoryError, InputError):
        raise
    except Exception as error:  # Pillow's decoders raise many kinds for damaged data
        if isinstance(error, OSError) and error.errno is not None:  # from the system, not from a decoder
            raise
        what = problems[0] if problems else "its header" if isinstance(error, UnidentifiedImageError) else error
        raise InputError(f"{path}: a damaged {kind} file ({what}): save it again") from None
    problems += [" ".join(str(warning.message).split()) for warning in caught]
    if problems and kind != "TIFF" and all(Path(warning.filename).stem in EXIF_SOURCES for warning in caught):
        warn(f"{path}: its EXIF data, which say how the camera was held, are damaged: it may lie on its side")
    elif problems:
        warn(f"{path}: a damaged {kind} file ({problems[0]}): it may be read wrongly: save it again")
    return grey


def _decoding_bytes(image: Any, kind: str) -> int:
    """About how much memory Pillow takes to load an open picture.

    Besides the pixels it holds the largest strip or tile of a TIFF. A progressive JPEG takes 2 bytes a coefficient.
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


@contextmanager
def _libtiff(problems: list[str]) -> Iterator[None]:
    """Collect the lines that libtiff prints in this block: it writes to the file descriptor of stderr."""
    with TemporaryFile() as file:
        stderr = os.dup(STDERR)
        os.dup2(file.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(stderr, STDERR)
            os.close(stderr)
            file.seek(0)
            problems += file.read().decode(errors="replace").split("\n")[:-1]


def _brightness(image: Any) -> NDArray[Any]:
    """The brightness of each pixel on white paper. If all are equal, the opacity: white ink on a transparent picture.

    Large pictures are averaged band by band: a converted copy of the whole may not fit in memory.
    """
    rows, columns, factor = image.height, image.width, _reduction(image)
    step = factor * max(1, BAND_PIXELS // (factor * columns))
    bands = [
        _band(image.crop((0, top, columns, min(top + step, rows))), factor, transparent=image.has_transparency_data)
        for top in range(0, rows, step)
    ]
    grey, opacity = (np.concatenate(parts) for parts in zip(*bands, strict=True))
    return opacity if opacity.size and not np.ptp(grey) else grey


def _reduction(image: Any) -> int:
    """The factor by which a picture is made smaller."""
    return math.ceil(math.sqrt(image.height * image.width / KEPT_PIXELS))


def _band(image: Any, factor: int, *, transparent: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Brightness and opacity of some rows; the opacity is empty if the picture is not transparent."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # more than 8 bits, which Pillow would clip at 255
        return _averaged(image, factor), np.empty(0)
    if not transparent:
        return _averaged(image.convert("L"), factor), np.empty(0)
    layered = image.convert("RGBA")
    opacity = layered.getchannel("A")
    grey = Image.composite(layered.convert("L"), Image.new("L", image.size, 255), opacity)
    return _averaged(grey, factor), _averaged(opacity, factor)


def _averaged(band: Any, factor: int) -> NDArray[Any]:
    pixels: NDArray[Any] = np.asarray(band)
    return pixels if factor == 1 else averaged(pixels, factor).astype(np.float32)  # half the memory of float64


def _orientation(image: Any) -> Any:
    """The EXIF tag that says how the camera was held; 1, and a warning, if the EXIF data are damaged."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception as error:  # Pillow raises many kinds for damaged data; the picture itself is intact
        warnings.warn(str(error), stacklevel=1)
        return 1


def _upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The picture turned as its orientation says (EXIF 2.3, section 4.6.4): 6 is turned clockwise."""
    if orientation in (5, 6, 7, 8):
        stored = stored.T
    down, across = (-1 if orientation in flipped else 1 for flipped in ((3, 4, 7, 8), (2, 3, 6, 7)))
    return stored[::down, ::across]
