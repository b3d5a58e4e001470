"""What a file is, by its first bytes, whatever its name says."""

from mlp.idx import TYPES

HEAD = 12
"""Bytes that are looked at."""
READ = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"RIFF....WEBP": "WEBP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    **{b"P%d" % number: "PPM" for number in range(1, 7)},
}
"""Pillow's name of each format that is read, by how its files begin; a dot is any byte."""
NOT_READ = {
    b"....ftyphe": "a HEIC picture",
    b"....ftypmif1": "a HEIC picture",
    b"....ftypmsf1": "a HEIC picture",
    b"....ftypavi": "an AVIF picture",
    b"....ftypqt": "a QuickTime video",
    b"....ftypcrx": "a camera's raw picture",
    b"....ftyp": "an MP4 video",
    b"....jP  ": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"....JXL ": "a JPEG XL picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\1\0": "an ICO icon",
    b"icns": "an ICNS icon",
    b"RIFF....AVI ": "an AVI video",
    b"\x1a\x45\xdf\xa3": "a WebM video",
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript document",
    b"8BPS": "a Photoshop picture",
    b"gimp xcf": "a GIMP picture",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML file",
    b"<!DOCTYPE": "a web page",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"<HTML": "a web page",
    b"qoif": "a QOI picture",
    b"\x76\x2f\x31\x01": "an OpenEXR picture",
    b"SIMPLE  =": "a FITS picture",
    b"\x93NUMPY": "a NumPy array",
    b"PK\3\4": "a ZIP archive",
}
"""What other files are; of several beginnings the first that fits."""
READABLE = "PNG, JPEG, BMP, GIF, WebP, TIFF, PPM or IDX"
"""In words."""


def readable_kind(head: bytes) -> str | None:
    """Pillow's name of the format of a picture that begins so, if it is read."""
    return _kind(head, READ)


def other_kind(head: bytes) -> str | None:
    """What a file is, in words, that begins so and is not read; None if that is not known."""
    return _kind(head, NOT_READ)


def may_be_idx(head: bytes) -> bool:
    """Whether a file is gzipped, or IDX, intact or not: after two zeros it has the code of an element type."""
    return head.startswith(b"\x1f\x8b") or (head.startswith(b"\0\0") and (len(head) < 4 or head[2] in TYPES))


def _kind(head: bytes, kinds: dict[bytes, str]) -> str | None:
    for start, kind in kinds.items():
        pairs = zip(start, head, strict=False)
        if len(head) >= len(start) and all(expected in (found, ord(".")) for expected, found in pairs):
            return kind
    return None
