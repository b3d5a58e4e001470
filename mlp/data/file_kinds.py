"""The kind of a file, by its first bytes, because its name may be wrong; and the endings of pictures' names."""

from collections.abc import Mapping

from mlp.idx import TYPES

HEAD_BYTES = 12
"""Enough to recognize each kind."""
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
"""Formats that can be read: the first bytes, where a dot is any byte, and Pillow's name."""
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
"""Other kinds of files; the first match counts."""
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".heic", ".heif", ".avif", ".jxl")
"""In a folder, a file with such a name must be a picture; other files are skipped if they are not pictures."""
READABLE = "PNG, JPEG, BMP, GIF, WebP, TIFF, PPM or IDX"
"""For messages."""


def kind_of(head: bytes, kinds: Mapping[bytes, str]) -> str | None:
    """The kind of a file with these first bytes, looked up in READ or NOT_READ; None if it is not there."""
    for start, kind in kinds.items():
        pairs = zip(start, head, strict=False)
        if len(head) >= len(start) and all(expected in (found, ord(".")) for expected, found in pairs):
            return kind
    return None


def may_be_idx(head: bytes) -> bool:
    """Whether a file is gzipped or begins like IDX: two zeros and the code of an element type."""
    return head.startswith(b"\x1f\x8b") or (head.startswith(b"\0\0") and (len(head) < 4 or head[2] in TYPES))
