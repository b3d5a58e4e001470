"""MNIST and Fashion-MNIST from their mirrors, by pooch: no byte is taken for a file's that its SHA-256 does not know.

A mirror may answer with a web page, with too little, too much or something else, ever more slowly, or not at all: it is
left for the next one, and nothing of it stays.
"""

import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from typing import TYPE_CHECKING, Any

from mlp.data.idx_folder import AXES, PREFIX, file_names
from mlp.system.command_line import quiet
from mlp.system.errors import InputError
from mlp.system.files import make_folder, sha256
from mlp.system.progress import Bar

if TYPE_CHECKING:
    from requests import Response

CHUNK = 1 << 16
"""Bytes that are looked at at a time."""
PATIENCE = 30.0
"""Seconds in which a mirror must send a chunk."""


@dataclass(frozen=True)
class RemoteDataset:
    """A data set as it was published: where it lies, and of each file its bytes and their SHA-256."""

    title: str
    mirrors: tuple[str, ...]
    files: dict[str, tuple[int, str]]


DATASETS = {
    "mnist": RemoteDataset(
        "MNIST",
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        {
            "train-images-idx3-ubyte.gz": (
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            "train-labels-idx1-ubyte.gz": (
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            "t10k-images-idx3-ubyte.gz": (
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            "t10k-labels-idx1-ubyte.gz": (
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        },
    ),
    "fashion": RemoteDataset(
        "Fashion-MNIST",
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        {
            "train-images-idx3-ubyte.gz": (
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            "train-labels-idx1-ubyte.gz": (
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            "t10k-images-idx3-ubyte.gz": (
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            "t10k-labels-idx1-ubyte.gz": (
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        },
    ),
}
"""The SHA-256 are those that TensorFlow Datasets and other catalogues record of the published files."""


class BadAnswer(Exception):
    """What is wrong with what a mirror sent."""


def missing(published: RemoteDataset, folder: Path) -> list[str]:
    """The names of the files that the folder has not; InputError where something else is in a file's place."""
    names = []
    for name, (_, digest) in published.files.items():
        path = folder / name
        for spelling in _spellings(name):
            if spelling != name and os.path.lexists(folder / spelling):
                raise InputError(f"{folder / spelling}: in the place of {name}: move it away, or name another folder")
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
    folder: Path,
    mirrors: Sequence[str],
    warn: Callable[[str], object],
    *,
    show: bool,
) -> str:
    """Download a file from the first mirror that has it, and tell from which; InputError where none has.

    ``warn`` is told what is wrong with a mirror where another is left. ``show`` is whether there is a bar on stderr.
    """
    if not folder.exists():
        make_folder(folder)
    problems: list[str] = []
    for mirror in mirrors:
        url = f"{mirror.removesuffix('/')}/{name}"
        if problems:
            warn(f"{problems[-1]}: trying another mirror")
        try:
            _retrieve(url, folder / name, *published.files[name], show=show)
        except BadAnswer as bad:
            problems.append(f"{url}: {bad}")
        else:
            return mirror
    raise InputError(f"{folder / name}: no mirror has it, nothing was written:", *problems)


def _retrieve(url: str, path: Path, size: int, digest: str, *, show: bool) -> None:
    """Download a file, checked before it gets its name; BadAnswer with what else came."""
    import logging  # slow to import, and for those who download

    import pooch
    from requests import HTTPError, RequestException

    with (
        quiet(pooch.get_logger(), logging.WARNING),  # it would report each file, which is reported already
        _patient() as alarm,
        closing(alarm),
        Bar(total=size, unit="B", unit_scale=True, desc=path.name, leave=False, disable=not show) as bar,
    ):
        downloader = pooch.HTTPDownloader(
            progressbar=_Meter(size, bar, alarm),
            chunk_size=CHUNK,
            timeout=2 * PATIENCE,  # which the timer is ahead of
            headers={"Accept-Encoding": "identity"},  # the file's bytes as they are
            hooks={"response": _Announced(size, alarm)},
        )
        try:
            pooch.retrieve(url, f"sha256:{digest}", path.name, path.parent, downloader=downloader)
        except HTTPError as error:
            raise BadAnswer(f"answers {error.response.status_code} {error.response.reason}") from error
        except RequestException as error:
            raise BadAnswer(_reason(error)) from error
        except ValueError as error:
            raise BadAnswer("other bytes than the published ones (by their SHA-256)") from error
    path.chmod(0o644)  # a temporary file is its owner's alone


def _reason(error: BaseException) -> str:
    """Why there is no whole answer, in one line: what is at the bottom of it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return f"no whole answer ({' '.join(str(error).split()) or type(error).__name__})"


class _Announced:
    """Looks at what an answer says of itself before its body comes."""

    def __init__(self, size: int, alarm: "_Alarm"):
        self._size, self._alarm = size, alarm

    def __call__(self, response: "Response", *_: Any, **__: Any) -> None:
        self._alarm.response = response
        if response.is_redirect or response.status_code >= 400:  # which have their own words
            return
        kind, length = response.headers.get("Content-Type", ""), response.headers.get("Content-Length")
        try:
            if response.status_code != 200:
                raise BadAnswer(f"answers {response.status_code} {response.reason}")
            if kind.startswith("text/html"):
                raise BadAnswer("answers with a web page instead of the file")
            if length is not None and length != str(self._size):
                raise BadAnswer(f"announces {length} bytes, the file has {self._size:,}")
        except BadAnswer:
            response.close()
            raise


class _Meter:
    """What pooch takes for a progress bar: counts what comes, and is the end of what never ends."""

    total: int | None = None

    def __init__(self, size: int, bar: Bar, again: Callable[[], object]):
        self._size, self._bar, self._again, self._found = size, bar, again, 0

    def update(self, count: int) -> None:
        """Count a chunk; pooch says of the short last one, too, that it is whole."""
        self._again()
        self._found += count
        if self._found >= self._size + CHUNK:
            raise BadAnswer(f"sends more than the file's {self._size:,} bytes")
        self._bar.update(min(count, self._size - self._bar.n))

    def reset(self) -> None:
        """All has come; pooch then counts it once more."""
        self._found = 0

    def close(self) -> None:
        """Nothing more comes."""


class _Alarm:
    """To be called whenever a mirror has sent a chunk: PATIENCE seconds after the last time it is late."""

    response: "Response | None" = None
    """The mirror's answer, as soon as its head has come."""

    def __init__(self, again: Callable[[], object]):
        self._again = again

    def __call__(self) -> None:
        self._again()

    def close(self) -> None:
        """End the connection, which is left open where the answer was not read to its end."""
        if self.response is not None:
            self.response.close()


@contextmanager
def _patient() -> Iterator[_Alarm]:
    """Within this block BadAnswer is raised where the alarm that it gives is not called for PATIENCE seconds.

    By a timer of the system's (setitimer(2)): a mirror that sends a byte now and then keeps every timeout of a socket
    waiting. On Windows, and in a thread other than the main one, which no signal reaches, by a thread that ends the
    connection; there, until the head of an answer has come, a socket's timeouts are all.
    """
    message = f"sends less than {CHUNK:,} bytes in {PATIENCE:g} seconds"
    if not hasattr(signal, "setitimer") or current_thread() is not main_thread():
        with _watched(message) as alarm:
            yield alarm
        return

    def late(*_: object) -> None:
        raise BadAnswer(message)

    def again() -> None:
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)

    timer_before = signal.getitimer(signal.ITIMER_REAL)
    before = signal.signal(signal.SIGALRM, late)
    again()
    try:
        yield _Alarm(again)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer_before)


@contextmanager
def _watched(message: str) -> Iterator[_Alarm]:
    """As ``_patient``, by a thread."""
    heard, ended = Event(), Event()
    alarm, late = _Alarm(heard.set), Event()

    def watch() -> None:
        while not ended.is_set():
            if heard.wait(PATIENCE):
                heard.clear()
            elif alarm.response is not None:
                late.set()
                # What reads from the connection then finds its end.
                with suppress(OSError, ValueError), closing(_socket(alarm.response)) as connection:
                    connection.shutdown(socket.SHUT_RDWR)
                return

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield alarm
    except BadAnswer:
        if late.is_set():
            raise BadAnswer(message) from None
        raise
    finally:
        ended.set()
        heard.set()
        thread.join()


def _socket(response: "Response") -> socket.socket:
    """The connection of an answer, as a socket of one's own."""
    return socket.fromfd(response.raw.fileno(), socket.AF_INET, socket.SOCK_STREAM)
