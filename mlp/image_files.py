"""Images out of files, as brightness: PNG and JPEG by Pillow, IDX by idx.py."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mlp import idx
from mlp.errors import InputError
from mlp.files import open_regular

PICTURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG"}
"""By the first bytes."""
IDX = (b"\0\0", b"\x1f\x8b")
"""The first bytes of the format, and of gzip."""
MOST_PIXELS = 50_000_000
"""Of a picture: 400 MB while it is prepared."""


@dataclass(frozen=True)
class GreyImage:
    """An image and what to call it: its file, and which one of the file where there are several."""

    file: Path
    index: int | None
    grey: NDArray[Any]
    """(rows, columns), brightness on any scale"""

    @property
    def name(self) -> str:
        """The file, with the index in it."""
        return str(self.file) if self.index is None else f"{self.file}[{self.index}]"


def read(path: Path) -> Iterator[GreyImage]:
    """The one image of a PNG or JPEG, or all of an IDX file. InputError for anything else, and for a damaged one."""
    try:
        with open_regular(path) as file:
            head = file.read(4)
            kind = next((kind for start, kind in PICTURES.items() if head.startswith(start)), None)
            if kind is not None:
                file.seek(0)
                yield GreyImage(path, None, _picture(file, kind, path))
                return
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: name a PNG, JPEG or IDX file") from None
    if not head.startswith(IDX):
        raise InputError(f"{path}: not an image: it is neither PNG, JPEG nor IDX")
    images = idx.read(path)
    if images.ndim != 3 or 0 in images.shape:
        raise InputError(f"{path}: no images in it: its array has shape {images.shape}, it must be (n, rows, columns)")
    for index, grey in enumerate(images):
        yield GreyImage(path, index, grey)


def _picture(file: BinaryIO, kind: str, path: Path) -> NDArray[Any]:
    from PIL import Image, ImageOps  # slow to import, and of no use to IDX files

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(file, formats=[kind])
            rows, columns = image.height, image.width
            if rows * columns <= MOST_PIXELS:
                return _brightness(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(f"{path}: {_too_large()}") from None
    except MemoryError:
        raise
    except Exception as error:  # whatever Pillow's decoders raise for bytes that are none of the format
        raise InputError(f"{path}: a damaged {kind} file ({error}): save it again") from None
    raise InputError(f"{path}: {rows:,} by {columns:,} pixels: {_too_large()}")


def _too_large() -> str:
    return f"at most {MOST_PIXELS:,} pixels are read: scale it down"


def _brightness(image: Any) -> NDArray[Any]:
    """Of each pixel on white paper; where that leaves nothing to see, as of white ink on glass, the opacity."""
    if image.mode.startswith(("I", "F")):  # 16 bits, which Pillow would cut to 255
        return np.asarray(image, np.float64)
    if not image.has_transparency_data:
        return np.asarray(image.convert("L"))
    layered = image.convert("RGBA")
    opacity = np.asarray(layered.getchannel("A"), np.float64)
    grey = 255 - (255 - np.asarray(layered.convert("RGB").convert("L"), np.float64)) * opacity / 255
    return grey if np.ptp(grey) else opacity
