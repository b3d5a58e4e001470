"""For any names of files and folders, output is harmless to a terminal, and written files are valid."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mlp import config
from mlp.figures.fonts import labels
from mlp.system.printable import printable, quoted
from tests.conftest import LOG_TIME, ROOT, STRICT, run_here, undrawn, write_folder

PIECES = {
    "a colour": b"\x1b[31mred",
    "a window's title": b"\x1b]0;title\x07",
    "a newline": b"a\nerror: b",
    "a carriage return": b"a\rb",
    "a tab": b"a\tb",
    "an override": "a\u202egnp".encode(),
    "isolates": "\u2066a\u2067b\u2068c\u2069".encode(),
    "nothing to be seen": "\u200b\ufeff".encode(),
    "a line separator": "a\u2028b\u2029c".encode(),
    "Latin-1": b"caf\xe9",
    "a control of 8 bits": "\x9b31m\x85".encode(),
    "the byte of one": b"\x9b31m",
    "what XML has no place for": "\x01\x0c\x7f\ufffe\uffff".encode(),
    "a script": b"<script>alert(1)<!-- &amp; ]]>",
    "quotes and blanks": b" '\"`$(id) $x^2$ |\\ ",
    "an option": b"--json",
    "a home": b"~root",
    "wide ones": "漢字 e\u0301 👩\ufe0f".encode(),
}
WORST = b"-" + b"".join(PIECES.values())
NAMES = {"all at once": WORST, "all of UTF-8": WORST.decode(errors="ignore").encode(), **PIECES}
NAMES |= {"the longest": b"n" * 240}  # with room for an ending and, while it is written, .tmp
EXPLAINED = ("error: ", "warning: ", "epoch ", "run ", " " * 7)
"""The beginnings of lines on stderr."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A folder with data, a config, the runs 0001 (evaluated) and 0002 (not), and a picture of a zero."""
    folder = tmp_path_factory.mktemp("plain")
    write_folder(folder / "made", [0, 9] * 40, [0, 9] * 5, side=8)
    (folder / "config.yaml").write_text(
        "data: {directory: made, digits: [0, 9]}\nmodel: {hidden_sizes: [3]}\ntraining: {epochs: 3, batch_size: 4}\n"
    )
    for seed in (1, 2):
        done = run_here("train.py", "--config", folder / "config.yaml", "--set", f"training.seed={seed}")
        assert done.returncode == 0, done.stderr
    rows, columns = np.mgrid[-1:1:28j, -1:1:28j]
    ring = np.abs(np.hypot(rows, columns) - 0.6) < 0.12
    Image.fromarray(np.where(ring, 0, 255).astype(np.uint8)).save(folder / "ring.png")
    return folder


def shown_well(done, code):
    """A command's output, after checks of its exit code and that no line can control a terminal."""
    assert done.returncode == code, done.stdout + done.stderr
    for line in [*done.stdout.split("\n"), *done.stderr.split("\n")]:
        assert line.isprintable(), line
    for line in LOG_TIME.sub("", done.stderr).splitlines():
        assert line.startswith(EXPLAINED), line
    return done.stdout


def copied(plain, target):
    """The finished run under another name."""
    return Path(shutil.copytree(plain / "outputs" / "0001", target))


def typed(text):
    """A word as bash reads it."""
    return os.fsdecode(subprocess.run(["bash", "-c", f"printf %s {text}"], capture_output=True, check=True).stdout)  # noqa: S607


def cells(out):
    """The table at the beginning of the output: rows of cells."""
    return [re.split("  +", line.strip()) for line in out.split("\n\n")[0].splitlines()]


def is_utf8(name):
    return not any("\udc80" <= character <= "\udcff" for character in name)


def drawing(path):
    """The elements of an SVG file."""
    return ElementTree.parse(path)  # noqa: S314 - our own


class Page(HTMLParser):
    """The text of a page's title and headings, and its elements."""

    def __init__(self, path):
        super().__init__()
        self.texts, self.tags = [], []
        text = path.read_text(encoding="utf-8")
        assert all(line.isprintable() for line in text.replace("\t", "").split("\n"))
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def trained(plain, name):
    """A run with that name: the path in the output can be copied, and leads to the run."""
    again = ["train.py", "--config", plain / "config.yaml", "--output", f"./{name}"]
    with undrawn():
        out = shown_well(run_here(*again, cwd=Path.cwd()), 0)
        shown_well(run_here(*again, cwd=Path.cwd()), 2)
        shown_well(run_here("train.py", "--resume", f"./{name}", cwd=Path.cwd()), 0)
    printed = dict(re.split(": +", line, maxsplit=1) for line in out.splitlines())
    assert Path(typed(printed["run"])) == Path(name)
    assert typed(printed["run"])[0] not in "-~"  # neither an option nor a home folder
    assert printed["next"].endswith(f" {printed['run']}")


def configured(plain, name):
    """Config and data in a folder with that name: the run's copy of the config names them, or they are refused."""
    shutil.copytree(plain / "made", Path(name) / "made")
    shutil.copy(plain / "config.yaml", Path(name))
    with undrawn():
        done = run_here("train.py", "--output", Path("run").absolute(), cwd=Path(name).absolute())
    if is_utf8(name):
        shown_well(done, 0)
        assert config.load(Path("run", "config.yaml")) == config.load(Path(name).absolute() / "config.yaml")
    else:
        shown_well(done, 2)
        assert "/made: not UTF-8, as data.directory must be on this system: give the folder another name" in done.stderr


def set_on_the_command_line(plain, name):
    """As an option's value: it is accepted, or refused with the name of the option."""
    shown_well(run_here("train.py", "--config", f"./{name}"), 2)
    done = run_here("scripts/plot_svd.py", "--set", f"data.directory={name}", cwd=plain)
    assert "data.directory" in done.stderr
    shown_well(done, 2)


def judged(plain, name):
    run = copied(plain, name)
    with undrawn():
        out = shown_well(run_here("scripts/evaluate.py", f"./{name}", cwd=Path.cwd()), 0)
    assert Path(typed(out.partition("\n")[0].partition(", by ")[2])) == Path(name)
    (run / "model.npz").unlink()
    shown_well(run_here("scripts/evaluate.py", run.absolute(), "--json"), 2)


def compared(plain, name):
    """In a table, a picture and JSON, and in a received run's own files."""
    runs = [copied(plain, name).absolute(), plain / "outputs" / "0002"]
    picture = Path(f"{name[:200]}.png").absolute()
    out = shown_well(run_here("scripts/compare.py", *runs, "--output", picture), 0)
    assert cells(out)[0] == ["run", printable(name).strip(), "0002"]
    assert len(cells(out)) == 9
    assert typed(re.search("^picture: +(.*)", out, re.MULTILINE)[1]) == str(picture)
    Image.open(picture).verify()
    with undrawn():
        facts = json.loads(shown_well(run_here("scripts/compare.py", *runs, "--json", "--output", picture), 0))
    assert facts["runs"][0] | {"run": str(runs[0]), "name": name} == facts["runs"][0]


def saying(run, text):
    """The run's manifest with this text wherever it may hold text."""
    manifest = json.loads((run / "manifest.json").read_text())
    manifest |= dict.fromkeys(("machine", "started", "ended", "platform", "git_commit"), text)
    manifest |= {"versions": {text: text, "numpy": text}, "resumed": [{"at": text, "changed": [text]}]}
    (run / "manifest.json").write_text(json.dumps(manifest))
    return manifest


def received(plain, name):
    """A run whose own files hold that text."""
    run, other = copied(plain, "received"), plain / "outputs" / "0002"
    text = os.fsencode(name).decode(errors="replace")
    manifest = saying(run, text)
    manifest["training_files"] = dict.fromkeys(manifest["training_files"], "0" * 64)
    (run / "manifest.json").write_text(json.dumps(manifest))
    out = shown_well(run_here("scripts/compare.py", run.absolute(), other, "--output", Path("a.png").absolute()), 0)
    assert len(cells(out)) == 10
    done = run_here("scripts/replay.py", run.absolute())
    assert "not identical: the data: other bytes in" in done.stderr
    shown_well(done, 1)
    for file, what in (
        ("history.csv", f"epoch,{text}\n"),
        ("evaluation-test.json", json.dumps({"files": {text: text}})),
        ("config.yaml", json.dumps({"training": {text: text}})),
        ("manifest.json", json.dumps(manifest | {"status": text})),
        ("manifest.json", json.dumps(manifest | {"training_files": {text: text}})),
    ):
        before = (run / file).read_bytes() if (run / file).exists() else None
        (run / file).write_text(what)
        shown_well(run_here("scripts/compare.py", run.absolute(), other), 2)
        (run / file).unlink() if before is None else (run / file).write_bytes(before)


def predicted(plain, name):
    """Pictures with that name in a folder with that name: a row each in the table, and names in JSON and SVG."""
    folder, run = Path(name[:120]).absolute(), plain / "outputs" / "0001"
    folder.mkdir()
    pictures = [shutil.copy(plain / "ring.png", folder / f"{name}{k}.png") for k in range(2)]
    ask = ["scripts/predict.py", "--run", run]
    out = shown_well(run_here(*ask, folder), 0)
    assert [row[0] for row in cells(out)] == ["file", *(printable(str(picture)).strip() for picture in pictures)]
    answers = json.loads(shown_well(run_here(*ask, *pictures, "--json"), 0))
    assert [answer["file"] for answer in answers] == list(map(str, pictures))
    out = shown_well(run_here(*ask, folder, "--show", folder / "stages.svg"), 0)
    texts = ["".join(element.itertext()) for element in drawing(folder / "stages.svg").iter() if "text" in element.tag]
    assert sum(": digit " in text and text.isprintable() for text in texts) == 2
    assert typed(out.rpartition("stages: ")[2].strip()) == str(folder / "stages.svg")
    (folder / f"{name}0.png").write_bytes(b"none")
    shown_well(run_here(*ask, folder, folder / f"not {name}"), 2)


def reported(plain, name):
    """The page of a run with that name, which is also in its manifest."""
    run, text = copied(plain, name), os.fsencode(name).decode(errors="replace")
    saying(run, text)
    with undrawn():
        out = shown_well(run_here("scripts/report.py", f"./{name}", cwd=Path.cwd()), 0)
    assert Path(typed(out.removeprefix("report: ").strip())) == Path(name, "report.html")
    page = Page(run / "report.html")
    assert [text for text in page.texts if "0 or 9? " in text] == 2 * [f"0 or 9? Run {printable(name)}"]
    assert page.texts.count(printable(text)) == 6
    assert page.tags.count("script") == 3  # of the frame, the data, of the page: none from the name


def drawn(plain, name):
    """Pictures and pages of circuits and points, and an expression with that text."""
    name = name[:200]
    for ending in (".svg", ".html"):
        file = Path(f"./{name}{ending}").absolute()
        out = shown_well(run_here("scripts/circuit.py", "x * y", "x=1", "y=2", "--draw", file), 0)
        assert len(cells(out)) == 4
        assert typed(out.rpartition("drawing: ")[2].strip()) == str(file)
    drawing(f"./{name}.svg")
    commented = "x * y # " + re.sub("[\n\r]", " ", name)  # these would end the comment
    done = run_here("scripts/circuit.py", commented, "x=1", "y=2", "--draw", Path("page.html").absolute())
    shown_well(done, 0 if is_utf8(name) else 2)
    if is_utf8(name):
        assert printable(commented) in Page(Path("page.html")).texts
    else:
        assert "error: the expression, column " in done.stderr
        assert ": not UTF-8\n" in done.stderr
    shown_well(run_here("scripts/circuit.py", f"x {name}", f"{name}=1", "--upstream", name), 2)
    shown_well(run_here("scripts/circuit.py", "x * y", "x=1", "y=2", f"--jacobian={name}", f"--wrt={name}"), 2)


def projected(plain, name):
    """The picture of the plane, and its points."""
    picture = Path(f"./{name[:200]}.png").absolute()
    with undrawn():
        out = shown_well(run_here("scripts/plot_svd.py", "--config", plain / "config.yaml", "--output", picture), 0)
    lines = dict(line.split(": ", 1) for line in out.splitlines() if line.startswith(("picture", "points")))
    assert [typed(line.strip()) for line in lines.values()] == [str(picture), str(picture.with_suffix(".csv"))]
    with open(picture.with_suffix(".csv"), encoding="utf-8", newline="") as file:
        assert {len(row) for row in csv.reader(file)} == {4}


def swept(plain, name):
    """A sweep in which one run fails because of its folder's name, and a received one diverged with that text."""
    ask = ["scripts/sweep.py", "--config", plain / "config.yaml", "--jobs", 1, "--output", Path(name).absolute()]
    ask += ["--vary", "training.seed=0..2"]
    Path(name).mkdir()
    with undrawn():
        shown_well(run_here(*ask), 0)
        run = Path(name) / "seed=1"
        manifest = json.loads((run / "manifest.json").read_text())
        (run / "manifest.json").write_text(json.dumps(manifest | {"status": "diverged"}))
        report = {"kind": "diverged", "reason": os.fsencode(name).decode(errors="replace"), "epoch": 1, "step": 1}
        (run / "divergence.json").write_text(json.dumps(report))
        shutil.rmtree(Path(name) / "seed=2")
        (Path(name) / "seed=2").write_text("")
        out = shown_well(run_here(*ask), 2)
    assert typed(re.search("^table: +(.*)", out, re.MULTILINE)[1]) == str(Path(name, "sweep.csv").absolute())
    assert len(out.split("\n\n")[0].splitlines()) == 2
    with open(Path(name, "sweep.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["finished", "diverged", "failed"]
    assert all(row["message"].isprintable() for row in rows)
    (Path(name) / "sweep.json").write_text(json.dumps({"config": {}, "files": {}, "vary": {name: [name]}}))
    shown_well(run_here(*ask), 2)


def imported(plain, name):
    """A class with that name, and a picture with that name."""
    for folder in (name, "~"):
        Path("pictures", folder).mkdir(parents=True)
        for k in range(2):
            shutil.copy(plain / "ring.png", Path("pictures", folder, f"{name[:120]}{k}.png"))
    made = Path(f"made{name[:200]}").absolute()
    out = shown_well(run_here("scripts/import_images.py", Path("pictures").absolute(), made), 0 if is_utf8(name) else 2)
    if is_utf8(name):
        assert [row[1] for row in cells(out)[1:3]] == [printable(each).strip() for each in sorted([name, "~"])]
        assert typed(re.search("^samples: (.*)", out, re.MULTILINE)[1]) == str(made / "samples.png")
        with open(made / "classes.csv", encoding="utf-8", newline="") as file:
            assert [row[1] for row in csv.reader(file)] == ["name", *sorted([name, "~"])]
    (Path("pictures") / "~" / f"{name[:120]}.png").write_bytes(b"none")
    shown_well(run_here("scripts/import_images.py", Path("pictures").absolute(), made.with_name("other")), 2)


def copied_data(plain, name):
    """Data folders with that name."""
    data = Path(shutil.copytree(plain / "made", name)).absolute()
    out = shown_well(run_here("scripts/select_digits.py", data, Path(f"new{name[:200]}").absolute(), 0, 9), 0)
    assert len(out.splitlines()) == 6
    shown_well(run_here("scripts/select_digits.py", data, data, 0), 2)
    shown_well(run_here("scripts/grow_data.py", data, Path(f"grown{name[:200]}").absolute(), "--images", 10), 0)
    shown_well(run_here("scripts/check_gradients.py", "--config", data), 2)


PLACES = [
    trained,
    configured,
    set_on_the_command_line,
    judged,
    compared,
    received,
    predicted,
    reported,
    drawn,
    projected,
]
PLACES += [swept, copied_data, imported]


@pytest.mark.trials(len(PLACES) + 2, len(PLACES) * len(NAMES))
def test_no_name_controls_a_terminal_or_leaves_its_place(trial, plain, tmp_path, monkeypatch, injected):
    name, place = os.fsdecode(list(NAMES.values())[trial // len(PLACES)]), PLACES[trial % len(PLACES)]
    if place is swept:
        pytest.importorskip("joblib", reason="joblib is not installed: the extra sweep has it")
    monkeypatch.chdir(tmp_path)
    place(plain, name)
    injected("hostile names, shown and written")


@pytest.mark.trials(1, 4)
def test_the_bytes_are_harmless_in_any_encoding_of_stdout(trial, plain, tmp_path):
    surroundings = ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {})
    folder = tmp_path / os.fsdecode(WORST)
    folder.mkdir()
    copied(plain, folder / "run")
    shutil.copy(plain / "ring.png", folder / os.fsdecode(WORST))
    command = [sys.executable, *STRICT, ROOT / "scripts" / "predict.py", "--run", "run", ".", "nothing\n"]
    environment = os.environ | [*surroundings, {"PYTHONIOENCODING": "cp1252"}][trial]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stdout.count(b"\n") == 2, done.stderr
    assert b"\nerror: nothing\\n: no such file: " in done.stderr
    assert all(line.isprintable() for line in (done.stdout + done.stderr).decode(errors="strict").splitlines())


@pytest.mark.parametrize("name", list(map(os.fsdecode, NAMES.values())), ids=NAMES)
def test_a_shown_path_is_read_by_a_shell_as_that_path(name):
    assert quoted(name).isprintable()
    assert typed(quoted(name)) == name
    assert printable(name).isprintable()
    assert labels.drawable(name) == labels.drawable(printable(name))


@pytest.mark.parametrize("name", ["0001", "a b", "naïve", "漢字", "x,y=1", "it's", "a\\b"])
def test_an_ordinary_name_is_shown_as_it_is(name):
    assert printable(name) == name
    assert quoted(name) == shlex.quote(name)
