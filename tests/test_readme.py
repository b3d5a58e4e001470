"""Every command and snippet of the README and of docs/commands.md works as it stands, in a copy of the checkout."""

import re
import shlex
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import make as make_docs
import pytest

from mlp.data.sources import download
from mlp.data.sources.download import RemoteDataset
from mlp.system.files import sha256
from tests.conftest import ROOT, copy_checkout, quicker, write_folder

README, CHINESE, COMMANDS = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md", "docs/commands.md")
)
LANGUAGES = pytest.mark.parametrize("text", [README, CHINESE], ids=["English", "Chinese"])
RUN_BY_CI = [
    "python -m pip install -e . && python train.py --config config.yaml",
    "python -m pip install -e '.[test]' && python -m pytest",
]
EVERY_FAULT = "python -m pytest tests/faults --all-trials"


def blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands_of(text):
    return [line for block in blocks("sh", text) for line in block.replace("\\\n", "").splitlines()]


@pytest.fixture
def checkout(tmp_path):
    return copy_checkout(tmp_path / "copy")


@pytest.fixture
def mirrors(tmp_path, monkeypatch):
    """MNIST is a few images of each digit, on a server of this machine."""
    folder = write_folder(tmp_path / "mirror", [*range(10)] * 100, [*range(10)] * 5, side=2, ending=".gz")
    files = {name: folder / name for name in download.DATASETS["mnist"].files}
    published = {name: (path.stat().st_size, sha256(path)) for name, path in files.items()}
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Mirror, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setitem(download.DATASETS, "mnist", RemoteDataset("MNIST", (url,), published))
        yield
        server.shutdown()


class Mirror(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def run_all(commands, checkout, here):
    """Within this process, which need not import matplotlib each time; as processes CI runs the first of them."""
    for command in commands:
        arguments = quicker(command)
        if arguments[0] == "scripts/sweep.py":  # its processes are tested where its tests are
            arguments += ["--jobs", 1, "--set", "data.limit_per_digit=50"]
        done = here(*arguments, cwd=checkout, draws_curve=command == TRAIN)
        assert done.returncode == 0, f"{command}\n{done.stderr}"


TRAIN = RUN_BY_CI[0].partition(" && ")[2]


def test_its_commands_in_their_order(checkout, here):
    commands = commands_of(README)
    assert commands[:2] == RUN_BY_CI
    run_all([TRAIN, *commands[2:]], checkout, here)


@pytest.mark.usefixtures("few_pairs", "replays_here")
@pytest.mark.parametrize("group", re.split(r"^## ", COMMANDS, flags=re.MULTILINE)[1:], ids=["runs", "passes", "data"])
def test_the_commands_of_a_group_in_their_order(group, checkout, here, mirrors):
    """After a run, and with all digits at hand."""
    run_all([f"{TRAIN} --set training.epochs=1", "python scripts/download_mnist.py"], checkout, here)
    run_all([line for line in commands_of(group) if "download_mnist" not in line], checkout, here)


def test_its_snippets_print_what_they_say(checkout):
    snippets = blocks("python")
    printed = make_docs.run_snippets(checkout, ROOT / "README.md", snippets)
    assert len(printed) == 2
    for snippet, output in zip(snippets, printed, strict=True):
        assert output.splitlines() == re.findall(r"# (.*)", snippet)


def test_the_gate_that_it_shows_is_that_of_the_code():
    """Without its names, docstring and types."""
    (gate,) = blocks("py")
    code = (ROOT / "mlp" / "gates.py").read_text(encoding="utf-8")
    same_class = code.partition(gate.splitlines()[0])[2].partition("\nclass ")[0]
    methods = same_class[same_class.index("    def forward") :].strip()
    untyped = re.sub(r": Value| -> \w+", "", methods)
    assert gate.partition("\n")[2].strip() == untyped


def test_ci_runs_the_two_commands_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in script  # it takes them from there, so that they cannot drift apart
    assert EVERY_FAULT in script
    assert EVERY_FAULT in (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    assert "python -m pip install ." in README
    assert re.search(r"pip install --quiet \.$", script, re.MULTILINE)


@LANGUAGES
def test_it_names_every_folder(text):
    folders = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "mlp").rglob("*.py")} - {"mlp"}
    assert {folder for folder in folders if f"`{folder}/`" not in text} == set()


@LANGUAGES
def test_every_command_is_named_and_described(text):
    """In the README's table by a link to its place on the page on commands."""
    names = {path.stem.replace("_", "-") for path in (ROOT / "scripts").glob("*.py")} | {"train"}
    headings = re.findall(r"^### ([a-z-]+)$", COMMANDS, re.MULTILINE)
    assert set(headings) == names
    assert re.findall(r"^\| \[[a-z-]+\]\(docs/commands\.md#([a-z-]+)\)", text, re.MULTILINE) == headings


@pytest.mark.usefixtures("few_pairs")
def test_the_commands_of_the_page_on_sweeps(tmp_path, here):
    """With few seeds and images, and without the cluster, which has a test of its own."""
    checkout = copy_checkout(tmp_path / "copy")
    write_folder(checkout / "data" / "mnist", [*range(10)] * 20, [*range(10)] * 2, side=2)
    page = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8").replace("\\\n", "")
    commands = re.findall(r"^    python scripts/sweep\.py (.*)$", page, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        fewer = re.sub(r"--scheduler \S+", "", re.sub(r"seed=0\.\.\d+", "seed=0", command))
        small = ["training.epochs=1", "data.limit_per_digit=20"]
        done = here("scripts/sweep.py", *shlex.split(fewer), "--jobs", 1, "--set", *small, cwd=checkout)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
