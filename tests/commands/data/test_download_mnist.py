"""A download is the published file or nothing: tested with a server that misbehaves in every way."""

import contextlib
import gzip
import hashlib
import os
import re
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from mlp.data.sources import download
from mlp.data.sources.download import RemoteDataset
from mlp.system.errors import InputError

pytest.importorskip("pooch", reason="pooch is not installed: the extra download has it")

CONTENT = {
    name: gzip.compress(os.urandom(size), mtime=0)
    for name, size in {
        "train-images-idx3-ubyte.gz": 300_000,
        "train-labels-idx1-ubyte.gz": 3000,
        "t10k-images-idx3-ubyte.gz": 50_000,
        "t10k-labels-idx1-ubyte.gz": 500,
    }.items()
}
FIRST = "train-images-idx3-ubyte.gz"
PUBLISHED = list(download.DATASETS.values())


class Server(BaseHTTPRequestHandler):
    """Answers in the way named by the first folder of the path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, way, name = self.path.split("/")
        with contextlib.suppress(OSError):  # the client may hang up
            getattr(self, way)(CONTENT[name])

    def log_message(self, *_):
        pass

    def head(self, status=200, **headers):
        self.send_response(status)
        self.send_header("Connection", "close")
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()

    def good(self, body):
        self.head(Content_Length=len(body), Content_Type="application/gzip")
        self.wfile.write(body)

    def without_length(self, body):
        self.head()
        self.wfile.write(body)

    def slow(self, body):
        self.head(Content_Length=len(body))
        for start in range(0, len(body), download.CHUNK_BYTES):
            time.sleep(0.2 if start else 0)
            self.wfile.write(body[start : start + download.CHUNK_BYTES])
            self.wfile.flush()

    def page(self, body):
        self.head(Content_Type="text/html; charset=utf-8")
        self.wfile.write(b"<html>Sign in to this network</html>")

    def page_under_another_name(self, body):
        self.head(Content_Type="application/gzip")
        self.wfile.write(b"<html>Sign in to this network</html>")

    def cut_off(self, body):
        self.head(Content_Length=len(body))
        self.wfile.write(body[: len(body) // 2])

    def short(self, body):
        self.head()
        self.wfile.write(body[:-1])

    def announced_short(self, body):
        self.head(Content_Length=len(body) - 1)
        self.wfile.write(body[:-1])

    def nothing(self, body):
        self.head()

    def other_bytes(self, body):
        self.head(Content_Length=len(body))
        self.wfile.write(body[:-1] + bytes([body[-1] ^ 1]))

    def silent(self, body):
        time.sleep(5)

    def stall(self, body):
        self.head(Content_Length=len(body))
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        time.sleep(5)

    def drip(self, body):
        self.head(Content_Length=len(body))
        for byte in body[:100]:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.05)

    def endless(self, body):
        self.head()
        self.wfile.write(body)
        for _ in range(1000):
            self.wfile.write(bytes(1 << 16))

    def endless_chunks(self, body):
        self.head(Transfer_Encoding="chunked")
        for _ in range(1000):
            self.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")

    def interrupted(self, body):
        self.head(Content_Length=len(body))
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        os.kill(os.getpid(), signal.SIGINT)

    def around(self, body):
        self.head(302, Location=self.path, Content_Length=0)

    def missing(self, body):
        self.head(404, Content_Length=0, Content_Type="text/html")

    def empty(self, body):
        self.head(204)

    def part(self, body):
        self.head(206, Content_Length=len(body))
        self.wfile.write(body)

    def broken(self, body):
        self.head(503, Content_Length=0)

    def no_http(self, body):
        self.close_connection = True
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n")


WAYS = {
    "page": "answers with a web page instead of the file",
    "page_under_another_name": "other bytes than the published ones (by their SHA-256)",
    "cut_off": "no whole answer (IncompleteRead(",
    "short": "other bytes than the published ones (by their SHA-256)",
    "announced_short": "other bytes than the published ones (by their SHA-256)",
    "nothing": "other bytes than the published ones (by their SHA-256)",
    "other_bytes": "other bytes than the published ones (by their SHA-256)",
    "silent": "no whole answer (timed out)",
    "stall": "no whole answer (timed out)",
    "drip": "sends less than 65,536 bytes in 0.4 seconds",
    "endless": f"sends more than the file's {len(CONTENT[FIRST]):,} bytes",
    "endless_chunks": f"sends more than the file's {len(CONTENT[FIRST]):,} bytes",
    "around": "no whole answer (Exceeded 30 redirects.)",
    "missing": "answers 404 Not Found",
    "empty": "answers 204 No Content",
    "part": "answers 206 Partial Content",
    "broken": "answers 503 Service Unavailable",
    "no_http": "no whole answer (SSH-2.0-OpenSSH",
}


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def small(monkeypatch, server):
    """A data set of small files, and little patience with slow mirrors."""
    files = {name: (len(body), hashlib.sha256(body).hexdigest()) for name, body in CONTENT.items()}
    monkeypatch.setitem(
        download.DATASETS, "mnist", RemoteDataset("MNIST", (f"{server}/page/", f"{server}/good"), files)
    )
    monkeypatch.setattr(download, "PATIENCE_SECONDS", 0.4)


@pytest.mark.parametrize("way", WAYS)
def test_a_bad_answer_is_reported_and_nothing_is_kept(way, server, tmp_path, here):
    done = here("scripts/download_mnist.py", "--to", tmp_path / "mnist", "--mirror", f"{server}/{way}")
    assert (done.returncode, done.stdout) == (2, "")
    head, problem = done.stderr.splitlines()
    assert head == f"error: {tmp_path / 'mnist' / FIRST}: no mirror has it, nothing was written:"
    assert problem.startswith(f"       {server}/{way}/{FIRST}: ")
    assert WAYS[way] in problem
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["good", "slow", "without_length", "page", "silent", "stall", "drip", "endless"])
def test_downloads_work_in_any_thread(way, server, tmp_path, injected):
    published, ends = download.DATASETS["mnist"], []

    def work():
        try:
            ends.append(download.fetch(published, FIRST, tmp_path, [f"{server}/{way}"], pytest.fail))
        except InputError as error:
            ends.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    (end,) = ends
    if way in WAYS:
        assert WAYS[way] in end
        assert list(tmp_path.iterdir()) == []
    else:
        assert (tmp_path / FIRST).read_bytes() == CONTENT[FIRST]
    injected("mirrors, in a thread other than the main one")


def test_ctrl_c_leaves_nothing(server, tmp_path, here):
    done = here("scripts/download_mnist.py", "--to", tmp_path / "mnist", "--mirror", f"{server}/interrupted")
    assert (done.returncode, done.stderr) == (130, "interrupted: give the same command again\n")
    assert list(tmp_path.iterdir()) == []


def test_if_a_mirror_fails_the_next_one_is_used(server, tmp_path, here):
    done = here("scripts/download_mnist.py", "--to", tmp_path / "mnist")
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "mnist").iterdir()} == CONTENT
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "mnist").iterdir()} == {0o644}
    warnings = done.stderr.splitlines()
    assert warnings == [
        f"warning: {server}/page/{name}: answers with a web page instead of the file: trying another mirror"
        for name in CONTENT
    ]
    lines = [f"{tmp_path / 'mnist' / name}: from {server}/good" for name in CONTENT]
    assert done.stdout.splitlines() == [*lines, f"next: python train.py --set data.directory={tmp_path / 'mnist'}"]


@pytest.mark.parametrize("way", ["without_length", "slow"])
def test_a_file_may_come_without_a_length_or_slowly_but_steadily(way, server, tmp_path, here):
    """Its whole download takes longer than a mirror may be silent."""
    assert here("scripts/download_mnist.py", "--to", tmp_path, "--mirror", f"{server}/{way}").returncode == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == CONTENT


def test_existing_files_stay_and_only_the_rest_is_downloaded(server, tmp_path, here):
    (tmp_path / FIRST).write_bytes(CONTENT[FIRST])
    os.utime(tmp_path / FIRST, (0, 0))
    done = here("scripts/download_mnist.py", "--to", tmp_path, "--mirror", f"{server}/good")
    assert done.returncode == 0
    assert (tmp_path / FIRST).stat().st_mtime == 0
    assert f"{tmp_path / FIRST}: was there, untouched\n" in done.stdout
    again = here("scripts/download_mnist.py", "--to", tmp_path, "--mirror", "http://127.0.0.1:1/nobody")
    assert (again.returncode, again.stdout.count("was there, untouched")) == (0, 4)


def test_complete_files_stay_when_a_later_one_fails(server, tmp_path, here, monkeypatch):
    labels = "train-labels-idx1-ubyte.gz"
    monkeypatch.setitem(download.DATASETS["mnist"].files, labels, (len(CONTENT[labels]), "0" * 64))
    done = here("scripts/download_mnist.py", "--to", tmp_path / "new", "--mirror", f"{server}/good")
    assert done.returncode == 2
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FIRST]


@pytest.mark.parametrize("name", [FIRST, "train-images.idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_another_file_in_its_place_is_kept(name, server, tmp_path, here):
    (tmp_path / name).write_bytes(b"mine")
    done = here("scripts/download_mnist.py", "--to", tmp_path, "--mirror", f"{server}/good")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {tmp_path / name}: ")
    assert done.stderr.endswith("move it away, or name another folder\n")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, b"mine")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "cifar"], "invalid choice: 'cifar'"),
        (["--mirror", "ftp://host"], "argument --mirror: ftp://host: must begin with http:// or https://"),
        (["--to", ""], "a path must not be empty"),
    ],
)
def test_bad_arguments(arguments, message, here):
    done = here("scripts/download_mnist.py", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.title)
def test_each_data_set_has_four_files_and_two_mirrors(published):
    assert len({urlsplit(mirror).hostname for mirror in published.mirrors}) == 2
    assert list(published.files) == list(CONTENT)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for _, digest in published.files.values())
