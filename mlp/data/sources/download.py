"""MNIST and Fashion-MNIST from their mirrors, by pooch: a file is accepted only if its SHA-256 matches.

A mirror may send a web page, other bytes, too few, too many, too slowly, or nothing. Then nothing is kept, and the next
mirror is tried.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

from mlp.data.idx_folder import AXES, PREFIX, file_names
from mlp.system.command_line import quiet
from mlp.system.errors import Error, InputError
from mlp.system.files import StrPath, make_folder, sha256
from mlp.system.progress import Report, shown

CHUNK_BYTES = 1 << 16
PATIENCE_SECONDS = 30.0
"""A mirror must answer, and then send each CHUNK_BYTES, within this time."""


@dataclass(frozen=True)
class RemoteDataset:
    """A data set as it was published: its mirrors, and each file's size in bytes and SHA-256."""

    title: str
    mirrors: tuple[str, ...]
    files: dict[str, tuple[int, str]]


NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _files(*sizes_and_digests: tuple[int, str]) -> dict[str, tuple[int, str]]:
    return dict(zip(NAMES, sizes_and_digests, strict=True))


DATASETS = {
    "mnist": RemoteDataset(
        "MNIST",
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        _files(
            (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
    ),
    "fashion": RemoteDataset(
        "Fashion-MNIST",
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        _files(
            (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
    ),
}
"""The SHA-256 are from TensorFlow Datasets and other catalogues of the published files."""


class BadAnswer(Error):
    """What is wrong with a mirror's answer."""


def missing(published: RemoteDataset, folder: StrPath) -> list[str]:
    """The names of the files that are not in the folder. Raises InputError if a file there is not the published one."""
    folder, names = Path(folder), list[str]()
    for name, (_, digest) in published.files.items():
        path = folder / name
        for spelling in _spellings(name):
            if spelling != name and os.path.lexists(folder / spelling):
                raise InputError(f"{folder / spelling}: would be read as {name}: move it away, or name another folder")
        if not os.path.lexists(path):
            names.append(name)
        elif not path.is_file() or sha256(path) != digest:
            raise InputError(f"{path}: not {published.title}'s file: move it away, or name another folder")
    return names


def _spellings(name: str) -> Sequence[str]:
    """The names that the same file may have in an IDX folder."""
    every = (file_names(part, kind) for part in PREFIX for kind in AXES)
    return next(spellings for spellings in every if name in spellings)


def fetch(
    published: RemoteDataset,
    name: str,
    folder: StrPath,
    mirrors: Sequence[str],
    warn: Callable[[str], object],
) -> str:
    """Download a file from the first mirror that has it, and return that mirror. Raises InputError if none has it.

    ``warn`` gets a message for each mirror that fails before the last.
    """
    folder = Path(folder)
    if not folder.exists():
        make_folder(folder)
    problems: list[str] = []
    for mirror in mirrors:
        url = f"{mirror.removesuffix('/')}/{name}"
        if problems:
            warn(f"{problems[-1]}: trying another mirror")
        try:
            _retrieve(url, folder / name, *published.files[name])
        except BadAnswer as bad:
            problems.append(f"{url}: {bad}")
        else:
            return mirror
    raise InputError(f"{folder / name}: no mirror has it, nothing was written:", *problems)


def _retrieve(url: str, path: Path, size: int, digest: str) -> None:
    """Download a file and check it before it gets its name. Raises BadAnswer if the mirror sends anything else."""
    import logging  # slow to import, as the others here

    import pooch
    import requests
    import urllib3

    with (
        quiet(pooch.get_logger(), logging.WARNING),  # it would report each file a second time
        shown(total=size, unit="B", unit_scale=True, desc=path.name) as report,
    ):
        downloader = partial(_receive, size, report)
        try:
            pooch.retrieve(url, f"sha256:{digest}", path.name, path.parent, downloader=downloader)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise BadAnswer(f"no whole answer ({_cause(error)})") from error
        except ValueError as error:
            raise BadAnswer("other bytes than the published ones (by their SHA-256)") from error
    path.chmod(0o644)  # a temporary file can be read by its owner only


def _receive(size: int, report: Report, url: str, file: str, _: object) -> None:
    """Write a mirror's answer into a file, for pooch. Raises BadAnswer if it is a web page, too slow or too long.

    The timeout alone would wait forever while a mirror sends a byte now and then.
    """
    import requests

    with (
        open(file, "wb") as output,
        requests.get(url, stream=True, timeout=PATIENCE_SECONDS, headers={"Accept-Encoding": "identity"}) as response,
    ):
        if response.status_code != 200:
            raise BadAnswer(f"answers {response.status_code} {response.reason}")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise BadAnswer("answers with a web page instead of the file")
        received, due, deadline = 0, CHUNK_BYTES, monotonic() + PATIENCE_SECONDS
        while data := response.raw.read1(CHUNK_BYTES):
            output.write(data)
            report.advance(len(data))
            received += len(data)
            if received > size:
                raise BadAnswer(f"sends more than the file's {size:,} bytes")
            if received >= due:
                due, deadline = received + CHUNK_BYTES, monotonic() + PATIENCE_SECONDS
            elif monotonic() > deadline:
                raise BadAnswer(f"sends less than {CHUNK_BYTES:,} bytes in {PATIENCE_SECONDS:g} seconds")


def _cause(error: BaseException) -> str:
    """The first error in a chain of errors, in one line."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return " ".join(str(error).split()) or type(error).__name__
