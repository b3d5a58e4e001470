"""A valid data folder is used and an invalid one refused, in bounded time and memory."""

import gzip
import os
import re
import struct
import zlib

import numpy as np
import pytest

from mlp import idx
from mlp.system import memory
from tests.faults.fault_helpers import bounded, one_message, project, train

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
HEADER = {IMAGES: 16, LABELS: 8}
COUNT = 40
MALFORMED = "put an intact copy in its place"


def rewritten(change):
    """Change the file's bytes."""

    def damage(path):
        path.write_bytes(change(path.read_bytes()))

    return damage


def packed(change, before=lambda content: content):
    """Compress the file, with its bytes changed before and after that."""

    def damage(path):
        content = gzip.compress(before(path.read_bytes()), mtime=0)
        path.unlink()
        path.with_name(path.name + ".gz").write_bytes(change(content))

    return damage


def cut(at):
    return lambda content: content[:at]


def with_header(code, *shape):
    """The same elements with another header."""
    header = bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return lambda content: header + content[4 + 4 * content[3] :]


def instead(make):
    """Put something else in the file's place."""

    def damage(path):
        path.unlink()
        make(path)

    return damage


def sparse(path):
    """The largest possible header, and a hole of that size: terabytes for images, gigabytes for labels."""
    axes = 3 if path.name == IMAGES else 1
    shape = (1 << 31, 28, 28)[:axes]
    path.write_bytes(bytes([0, 0, 8, axes]) + struct.pack(f">{axes}I", *shape))
    os.truncate(path, 4 + 4 * axes + int(np.prod(shape)))


def bomb(content):
    """Bytes that unpack to a thousand times their size, after a header that promises little."""
    return content + bytes(100_000_000)


def two_members(second):
    return lambda content: gzip.compress(gzip.decompress(content)[:20]) + second(gzip.decompress(content)[20:])


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


EACH = {
    **{f"cut off at {at}": (rewritten(cut(at)), "truncated|empty") for at in (0, 1, 3, 4, 5, 7, -1)},
    "cut off after the header": (lambda path: os.truncate(path, HEADER[path.name]), "truncated: .* but 0 follow"),
    "one byte too many": (rewritten(lambda content: content + b"\n"), "too long"),
    "two files in one": (rewritten(lambda content: content * 2), "too long"),
    "text": (rewritten(lambda content: b"0,1,0,1\n"), 'text, not an IDX file: it begins with "0,1,0,1"'),
    "little-endian": (rewritten(lambda content: content[3::-1] + content[4:]), "00 00 was expected"),
    "an unknown type": (rewritten(with_header(0x0A, COUNT)), "element type 0a is none of the IDX types"),
    "signed bytes": (rewritten(lambda content: content[:2] + b"\x09" + content[3:]), "axes of int8"),
    "floats": (lambda path: idx.write(path, np.zeros((COUNT, 4, 4)[: 3 if path.name == IMAGES else 1])), "of float64"),
    "two axes": (rewritten(lambda content: with_header(8, 1, len(content) - HEADER[kind(content)])(content)), "2 axes"),
    "no axes": (rewritten(lambda content: bytes([0, 0, 8, 0, 7])), "0 axes of uint8"),
    "255 axes": (rewritten(lambda content: bytes([0, 0, 8, 255]) + content), "255 axes, at most 32"),
    "one element too many promised": (rewritten(with_header(8, COUNT * 16 + 1)), "truncated"),
    "all that can be promised": (rewritten(with_header(8, 2**32 - 1)), "truncated"),
    "a product that overflows": (
        rewritten(with_header(8, 2**32 - 1, 2**32 - 1, 2**32 - 1)),
        "more than any memory holds",
    ),
    "an overflow that comes back to 0": (rewritten(with_header(8, 2**31, 2**31, 4)), "truncated|more than any memory"),
    "no element": (rewritten(lambda content: with_header(8, *[0] * content[3])(b"\0\0\x08\0")), "but|no image"),
    "gzip twice": (packed(gzip.compress), "gzip data within gzip data: gunzip it once"),
    "gzip of nothing": (packed(lambda content: gzip.compress(b"")), "empty"),
    "gzip cut off in its header": (packed(cut(6)), "the gzip data end early"),
    "gzip cut off in its middle": (packed(cut(-20)), "the gzip data end early"),
    "gzip cut off in its checksum": (packed(cut(-6)), "the gzip data end early"),
    "gzip with one bit wrong": (packed(flipped), "no intact gzip file|truncated|too long|not an IDX"),
    "gzip with a wrong checksum": (packed(lambda content: content[:-8] + bytes(8)), "no intact gzip file"),
    "garbage behind gzip": (packed(lambda content: content + b"garbage"), "no intact gzip file"),
    "zeros behind gzip": (packed(lambda content: content + bytes(512)), "no intact gzip file"),
    "a megabyte of zeros behind gzip": (packed(lambda content: content + bytes(1 << 20)), "no intact gzip file"),
    "zeros between two members": (
        packed(two_members(lambda rest: bytes(8) + gzip.compress(rest))),
        "no intact gzip file",
    ),
    "a gzip header with a wrong checksum": (
        packed(lambda content: content[:3] + b"\x02" + content[4:10] + b"\0\0" + content[10:]),
        "no intact gzip file",
    ),
    "a second member cut off": (packed(two_members(lambda rest: gzip.compress(rest)[:-5])), "the gzip data end early"),
    "a second member that is raw": (packed(two_members(lambda rest: rest)), "no intact gzip|truncated"),
    "a member too many": (packed(lambda content: content + gzip.compress(b"x")), "too long"),
    "a zlib stream": (
        packed(lambda content: zlib.compress(gzip.decompress(content))),
        "not an IDX file: it begins with 78",
    ),
    "a gzip bomb": (packed(lambda content: content, before=bomb), "too long"),
    "a gzip bomb that says so": (
        packed(lambda content: content, before=lambda content: with_header(8, 2**32 - 1)(content)),
        "of gzip can hold",
    ),
    "a pipe": (instead(os.mkfifo), "not a regular file"),
    "an empty folder": (instead(os.mkdir), "no training (images|labels): put one of"),
    "a link to nowhere": (instead(lambda path: path.symlink_to("nowhere")), "No such file"),
    "a link to itself": (instead(lambda path: path.symlink_to(path)), "symbolic links"),
    "an endless device": (instead(lambda path: path.symlink_to("/dev/zero")), "not a regular file"),
    "an empty device": (instead(lambda path: path.symlink_to("/dev/null")), "not a regular file"),
    "a hole": (instead(sparse), "almost empty"),
    "nothing": (instead(lambda path: None), "no training (images|labels): put one of"),
    "two spellings": (lambda path: path.with_name(path.name + ".gz").write_bytes(b""), "are two spellings of one file"),
}
"""Damage to either file, and its message."""


def kind(content):
    return IMAGES if content[3] == 3 else LABELS


def labels(*values):
    return lambda folder: idx.write(folder / LABELS, np.array(values, np.uint8))


TOGETHER = {
    "a label fewer": (labels(*[0, 1] * 19, 0), "39 labels, but .* has 40 images"),
    "a label more": (labels(*[0, 1] * 20, 0), "41 labels, but .* has 40 images"),
    "labels above 9 alone": (labels(*[10, 255] * 20), "no digit 0 in it: it holds 10, 255"),
    "no zero": (labels(*[1, 7] * 20), "no digit 0 in it: it holds 1, 7"),
    "no one": (labels(*[0] * 40), "no digit 1 in it: it holds 0"),
    "one zero alone, with validation": (labels(0, *[1] * 39), "leaves none of 1 images of digit 0"),
    "images of no rows": (lambda folder: idx.write(folder / IMAGES, np.zeros((40, 0, 4), np.uint8)), "no image in it"),
    "the two files exchanged": (
        lambda folder: (
            (folder / IMAGES).rename(folder / "x"),
            (folder / LABELS).rename(folder / IMAGES),
            (folder / "x").rename(folder / LABELS),
        ),
        "is it the right file under this name",
    ),
    "no folder": (lambda folder: folder.rename(folder.with_name("elsewhere")), "no such folder"),
    "a file for a folder": (
        lambda folder: (folder.rename(folder.with_name("elsewhere")), folder.write_text("")),
        "not a folder",
    ),
}

HOSTILE = {
    f"{name}: {what}": (lambda folder, damage=damage, name=name: damage(folder / name), message)
    for name in (IMAGES, LABELS)
    for what, (damage, message) in EACH.items()
} | TOGETHER


@pytest.mark.parametrize(("damage", "message"), HOSTILE.values(), ids=HOSTILE)
def test_a_faulty_folder_is_refused(damage, message, tmp_path, monkeypatch, capsys, injected):
    config, folder = project(tmp_path), tmp_path / "made"
    damage(folder)
    with bounded():
        assert train(monkeypatch, "--config", config, "--output", tmp_path / "run") == 2
    said = one_message(capsys.readouterr().err)
    assert re.search(message, said)
    assert str(folder) in said or "data.validation_fraction" in said
    assert not (tmp_path / "run").exists()
    injected("hostile data folders, refused")


GOOD = {
    "gzip": packed(lambda content: content),
    "gzip under a raw name": rewritten(gzip.compress),
    "raw under a gzip name": packed(gzip.decompress),
    "gzip in two members": packed(two_members(gzip.compress)),
    "gzip with a name and a comment in its header": packed(
        lambda content: content[:3] + b"\x18" + content[4:10] + b"name\0comment\0" + content[10:]
    ),
    "a link to the file": lambda path: (path.rename(path.with_suffix(".x")), path.symlink_to(path.with_suffix(".x"))),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_a_valid_folder_is_used(change, tmp_path, monkeypatch, injected):
    config = project(tmp_path)
    for name in (IMAGES, LABELS):
        change(tmp_path / "made" / name)
    assert train(monkeypatch, "--config", config, "--output", tmp_path / "run") == 0
    injected("unusual data folders, used")


def bomb(path, count):
    """A gzip file of an IDX file of ``count`` times 10 MiB of zeros; it is a ten-thousandth of that size."""
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", 10 * count, 1 << 10, 1 << 10)
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(header) + count * gzip.compress(bytes(10 << 20)))
    path.unlink()


@pytest.mark.parametrize("name", [IMAGES, "t10k-images-idx3-ubyte"])
@pytest.mark.parametrize("free", [10_737_418_239, None], ids=["there is less", "nobody knows"])
def test_a_file_that_announces_more_than_the_free_memory_is_refused(
    free, name, tmp_path, monkeypatch, capsys, injected, here
):
    """10 GiB: the system would grant them, and kill the process when it uses them."""
    config, run = project(tmp_path), tmp_path / "run"
    if name != IMAGES:
        assert train(monkeypatch, "--config", config, "--output", run) == 0
        capsys.readouterr()
    bomb(tmp_path / "made" / name, 1024)
    monkeypatch.setattr(memory, "free", lambda: free)
    with bounded():
        if name == IMAGES:
            assert train(monkeypatch, "--config", config, "--output", run) == 2
            said = capsys.readouterr().err
        else:
            said = here("scripts/predict.py", "--run", run, tmp_path / "made" / f"{name}.gz").stderr.splitlines()[-1]
    assert f"{name}.gz: the header promises 10240 x " in said
    assert "10,737,418,240 bytes, more than the free memory: gunzip it" in one_message(said)
    injected("gzip data larger than the free memory")


def test_the_free_memory_is_known(tmp_path, monkeypatch):
    """It is at most the machine's memory, and at most the container's limit."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < memory.free() <= machine
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "limit").write_text("1000000\n")
    monkeypatch.setattr(memory, "LIMITS", (tmp_path / "max", tmp_path / "limit", tmp_path / "absent"))
    assert memory.free() == 1_000_000
