"""Archives for the fault tests: SHA-256 and checksums are right, whatever they hold."""

import hashlib
import io
import json
import struct
import zipfile
import zlib

import numpy as np

COMMENT = b"sha256 "
DIGITS = 64


def npy(array):
    """An array as .npy."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    return file.getvalue()


def with_header(text, content=b""):
    """An .npy file, of NumPy's format 1.0, with this header."""
    text = text.encode() if isinstance(text, str) else text
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + content


def header(dtype, shape, fortran_order=False):
    """The text of a header as NumPy writes it."""
    return f"{{'descr': {dtype!r}, 'fortran_order': {fortran_order}, 'shape': {shape}, }}"


def members_of(path):
    """The bytes of each file of an archive, by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(members):
    """An archive of any (name, bytes), in NumPy's format."""
    content, entries = b"", []
    for name, inner in members:
        name = name.encode()
        entries.append((name, inner, len(content)))
        content += local(name, inner) + inner
    return content + directory(entries, len(content))


def sealed(content):
    """An archive without a comment, with one added that holds its SHA-256."""
    content = content[:-2] + struct.pack("<H", len(COMMENT) + DIGITS) + COMMENT
    return content + hashlib.sha256(content).hexdigest().encode()


def resealed(content):
    """Bytes that end in a SHA-256, which is made right."""
    return content[:-DIGITS] + hashlib.sha256(content[:-DIGITS]).hexdigest().encode()


def local(name, content):
    """The local header of an entry: record, name and size."""
    size, big = len(content), 2**32 - 1
    record = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 33, zlib.crc32(content), big, big, len(name), 20)
    return record + name + struct.pack("<2H2Q", 1, 16, size, size)


def directory(entries, start):
    """The central directory of (name, content, offset), which begins at ``start``, and the end record."""
    made = b""
    for name, content, at in entries:
        crc, size = zlib.crc32(content), len(content)
        numbers = (crc, size, size, len(name), 0, 0, 0, 0, 0o600 << 16, at)
        made += struct.pack("<4s6H3L5H2L", b"PK\1\2", 3 << 8 | 45, 45, 0, 0, 0, 33, *numbers) + name
    return made + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(entries), len(entries), len(made), start, 0)


def nested(count, size, around=()):
    """An archive of ``count`` arrays that each contain all later ones, after the arrays ``around``."""
    content, entries = bytes(size), []
    for number in range(count):
        array = with_header(header("<f8", (len(content) // 8,)), content)
        name = b"n%09d.npy" % number
        content = local(name, array) + array
        entries.append((name, array, len(content)))
    front = b""
    placed = []
    for name, other in around:
        placed.append((name.encode(), other, len(front)))
        front += local(name.encode(), other) + other
    whole = front + content
    placed += [(name, array, len(whole) - back) for name, array, back in entries]
    return whole + directory(placed, len(whole))


def text_array(text):
    """As ``np.array`` stores a text, but it may end in zeros or hold invalid characters."""
    return with_header(header(f"<U{max(1, len(text))}", "()"), text.encode("utf-32-le", "surrogatepass") or bytes(4))


def rest_of(members):
    """The JSON of a checkpoint."""
    return json.loads(np.load(io.BytesIO(members["rest.npy"])).item())
