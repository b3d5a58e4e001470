"""Archives and manifests with random changes and the right SHA-256 are read as a whole run, or refused.

Each in a second at most, in no more than 64 MB above the file's size, and without any other error.
"""

import io
import json
import random
import struct

import numpy as np
import pytest

from mlp.runs import checkpoint
from mlp.runs import finished as finished_runs
from mlp.runs.npz import Damaged
from mlp.system.errors import InputError
from mlp.system.files import sha256
from tests.conftest import finished_run
from tests.faults import archives
from tests.faults.test_sealed_archives import save_two, within_bounds

PIECE = 100
"""Mutations in one test."""

NUMBERS = [0, 1, 2, 3, 4, 8, 19, 20, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]
TYPES = ["<f4", "<f8", ">f4", ">f8", "<f2", "<U0", "<U1", "<U7", "<U99999999", "|S0", "|S1", "|V0", "|V8", "<M8"]
TYPES += ["<M8[D]", "<m8[s]", "|b1", "<i8", "|u1", "<c8", "|O", "f8", "=f8", "x"]
SHAPES = ["()", "(0,)", "(1,)", "(19,)", "(19)", "(2,8)", "(2, 8)", "(8, 2)", "(0, 8)", "(100000000, 0)", "(2, 2, 4)"]
SHAPES += ["(-1,)", "(1e3,)", "(4, 3)", "(02, 8)", "(2L, 8L)", "[2, 8]", "((((((((("]
SHAPES += [f"({10**12},)", f"({10**18}, 8)", f"({2**64},)", f"({10**400},)"]
HEADERS = ["", "{", "}", "(" * 9000, "-" * 900 + "1", "[" * 60_000, "{}", "None", "{'descr': '<f8'}", "\0", "\x85", "#"]
VALUES = [None, True, False, -1, 0, 1, 2, 3, 1.5, -0.0, 1e300, 2**53, 2**64, 10**400, 10**4200, "", "1", "\ud800"]
VALUES += [float("nan"), float("inf"), [], {}, [1, 2], [[]] * 9, [0] * 20_000, {"a": 1}, "[" * 99, "a" * 90_000]
SNIPPETS = [*"{}[],:\"'0-.", "null", "true", "NaN", "-Infinity", "1e999", "9" * 4000, "9" * 9000, "[" * 3000]
SNIPPETS += ['{"a":' * 300]
SNIPPETS += [
    "\\ud800",
    "\ud800",
    "\0",
    "\n",
    '"facts"',
    '"progress"',
    '"training"',
    "&a ",
    "*a",
    "!!python/object",
    "- ",
]


def scatter(content, choose):
    """Change some bytes anywhere."""
    changed = bytearray(content)
    for _ in range(choose.choice([1, 1, 2, 5])):
        at = choose.randrange(len(changed))
        match choose.randrange(5):
            case 0:
                changed[at] ^= 1 << choose.randrange(8)
            case 1:
                changed[at] = choose.choice([0, 1, 0x28, 0x50, 0x7F, 0xFF])
            case 2:
                del changed[at : at + choose.choice([1, 2, 8, 100])]
            case 3:
                end = at + choose.choice([1, 8, 46, 200])
                changed[at:at] = changed[at:end]
            case 4:
                changed[at:at] = choose.randbytes(choose.choice([1, 8, 99]))
        changed = changed or bytearray(1)
    return bytes(changed)


RECORDS = {b"PK\3\4": (30, 50), b"PK\1\2": (46, 20), b"PK\5\6": (22, 0)}
"""The records of an archive: their sizes, and the length of what follows and may be changed, too."""


def renumber(content, choose):
    """Change some numbers or names in an archive's records."""
    changed = bytearray(content)
    for _ in range(choose.choice([1, 1, 2, 4])):
        signature = choose.choice(list(RECORDS))
        places = [at for at in range(len(changed)) if changed.startswith(signature, at)]
        if not places:
            continue
        size, more = RECORDS[signature]
        kind = choose.choice(["<B", "<H", "<L", "<Q"])
        at = choose.choice(places) + choose.randrange(4, size + more)
        number = choose.choice([*NUMBERS, *places, len(content), len(content) - 1]) % (1 << 8 * struct.calcsize(kind))
        changed[at : at + struct.calcsize(kind)] = struct.pack(kind, number)
    return bytes(changed)


def move(content, choose):
    """Nest entries, or exchange their offsets or names, only in the directory."""
    places = [at for at in range(len(content)) if content.startswith(b"PK\1\2", at)]
    changed = bytearray(content)
    one, other = (choose.choice(places) for _ in range(2))
    first, last = choose.choice([(16, 28), (42, 46), (20, 46), (46, 54)])
    changed[one + first : one + last] = content[other + first : other + last]
    return bytes(changed)


def member(members, choose):
    """Change an array's header, its numbers, or the list of arrays."""
    members = list(members.items())
    at = choose.randrange(len(members))
    name, content = members[at]
    start = 10 + int.from_bytes(content[8:10], "little")
    match choose.randrange(7):
        case 0:
            header = archives.header(
                choose.choice(TYPES), choose.choice(SHAPES), choose.choice([False, False, True, 1])
            )
            members[at] = name, archives.with_header(header, content[start:])
        case 1:  # as many bytes as the header promises, if possible
            kind, shape = choose.choice(TYPES[:12]), [choose.randrange(9) for _ in range(choose.randrange(4))]
            size = int(np.prod(shape)) * {"<U7": 28, "<U99999999": 4}.get(
                kind, int(kind[-1]) if kind[-1] in "248" else 4
            )
            members[at] = name, archives.with_header(archives.header(kind, tuple(shape)), bytes(size))
        case 2:
            members[at] = name, archives.with_header(choose.choice(HEADERS), content[start:])
        case 3:
            members[at] = name, scatter(content[:start], choose) + content[start:]
        case 4:
            array = np.load(io.BytesIO(content)).copy()
            if array.dtype.kind == "f" and array.size:
                array.flat[choose.randrange(array.size)] = choose.choice([np.nan, np.inf, -np.inf, -1, 0, 1e30, 0.5, 3])
                members[at] = name, archives.npy(array)
        case 5:
            members[at] = choose.choice([name, "x.npy", "", "../x.npy", "x" * 60_000, "é.npy", "a.npy/"]), content
        case 6:
            members[at : at + choose.randrange(2)] = [("also" + name, content)] * choose.choice([0, 1, 300])
    return members


def in_json(text, choose):
    """Change a value, or some letters, of JSON."""
    value = json.loads(text)
    inner, step = {"": value}, ""
    while isinstance(inner[step], dict | list) and inner[step] and choose.random() < 0.9:
        inner = inner[step]
        step = choose.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
    match choose.randrange(4):
        case 0 if step != "":
            del inner[step]
        case 1 if isinstance(inner[step], str):
            inner[step] = in_text(inner[step], choose)
        case 2:
            inner[step] = choose.choice([[inner[step]], {"a": inner[step]}, str(inner[step]), [inner[step]] * 3])
        case _:
            inner[step] = choose.choice(VALUES)
    text = json.dumps(value)
    return in_text(text, choose) if choose.random() < 0.2 else text


def in_text(text, choose):
    """Insert something into a text, or remove something."""
    at = choose.randrange(len(text) + 1)
    return text[:at] + choose.choice(SNIPPETS) + text[at + choose.choice([0, 0, 1, 5, 50]) :]


def mutated(path, name, choose):
    """The bytes of an archive with a random change; the array ``name`` is JSON."""
    content, members = path.read_bytes(), archives.members_of(path)
    match choose.randrange(6):
        case 0:
            return scatter(content, choose)
        case 1:
            return renumber(content, choose)
        case 2:
            return move(content, choose)
        case 3:
            return archives.archive(member(members, choose))
        case _:
            text = np.load(io.BytesIO(members[name])).item()
            return archives.archive((members | {name: archives.text_array(in_json(text, choose))}).items())


@pytest.mark.trials(1, 600)
def test_a_checkpoint_is_read_whole_or_not_at_all(trial, settings, tmp_path, injected):
    path = save_two(settings, tmp_path / "run") / checkpoint.NEWEST
    whole = path.with_name("whole.npz")
    path.rename(whole)
    for number in range(PIECE):
        choose = random.Random(PIECE * trial + number)
        content = mutated(whole, "rest.npy", choose)
        has_comment = archives.COMMENT in content[-archives.DIGITS - 9 :]
        path.write_bytes(archives.resealed(content) if has_comment else archives.sealed(content))
        try:
            with within_bounds(path):
                found = checkpoint.read_checkpoint(path)
        except Damaged:
            injected("mutated archives: checkpoints, damaged")
        else:
            blocks = found.state.blocks.values()
            assert all(block.dtype == found.config.training.precision and np.isfinite(block).all() for block in blocks)
            assert [row.epoch for row in found.state.progress.history] == [1, 2][: len(found.state.progress.history)]
            json.dumps(found.facts)
            injected("mutated archives: checkpoints, whole")


@pytest.mark.trials(1, 300)
def test_a_model_is_read_whole_or_refused(trial, settings, injected):
    directory, _ = finished_run(settings)
    path, manifest = directory / "model.npz", directory / "manifest.json"
    whole, facts = path.rename(path.with_name("whole.npz")), json.loads(manifest.read_text())
    for number in range(PIECE):
        path.write_bytes(mutated(whole, "config.npy", random.Random(PIECE * trial + number)))
        manifest.write_text(json.dumps(facts | {"weights_sha256": sha256(path)}))
        read_or_refuse(directory, path, "models", injected)


@pytest.mark.trials(1, 100)
def test_a_manifest_is_read_or_refused(trial, settings, injected):
    directory, _ = finished_run(settings)
    path = directory / "manifest.json"
    text = path.read_text()
    for number in range(PIECE):
        path.write_text(in_json(text, random.Random(PIECE * trial + number)), errors="surrogatepass")
        read_or_refuse(directory, path, "manifests", injected)


def read_or_refuse(directory, path, kind, injected):
    """Read the run, whose weights are then finite, or see it refused with an error that names it."""
    refused = None
    with within_bounds(path):
        try:
            run = finished_runs.read_run(directory)
        except InputError as error:
            refused = str(error)
    if refused is None:
        assert np.isfinite(run.network.parameter_block).all()
        injected(f"mutated archives: {kind}, whole")
    else:
        assert refused.startswith(str(directory))
        injected(f"mutated archives: {kind}, refused")
