"""Every command of docs/ works as it stands and prints what the page says; every picture and link is there."""

import csv
import json
import re
import shlex
import shutil
import sys
import tomllib
from html import unescape

import config_docs
import make as make_docs
import numpy as np
import pytest

from mlp.circuits.examples import EXAMPLES
from mlp.commands.backpropagation import circuit as circuit_command
from mlp.config import KEYS
from mlp.system import command_line
from tests.conftest import ROOT, copy_checkout, write_folder
from tests.markdown import anchors, links

PAGE = ROOT / "docs" / "circuits.md"
TEXT = PAGE.read_text(encoding="utf-8")
GALLERY = (ROOT / "docs" / "gallery.html").read_text(encoding="utf-8")
BLOCK = make_docs.BLOCK


def words(text):
    """Numbers as numbers, for comparing what is computed; all else as it stands."""
    found = []
    for word in re.split(r"[\s,()\[\]]+", text):
        try:
            found.append(pytest.approx(float(word), rel=1e-6, abs=1e-6))
        except ValueError:
            found.append(word)
    return found


@pytest.fixture
def checkout(tmp_path):
    """A copy without the page's pictures and the gallery, a test's own: runs are numbered, and the newest is asked."""
    target = copy_checkout(tmp_path / "copy")
    shutil.rmtree(target / "docs" / "circuits")
    (target / "docs" / "gallery.html").unlink()
    (target / "docs" / "circuits").mkdir()
    return target


def test_its_commands_print_what_it_says_and_draw_its_pictures(checkout, here):
    blocks = list(BLOCK.finditer(TEXT))
    for block in (block for block in blocks if block["language"] == "sh"):
        printed = ""
        for command in block["code"].splitlines():
            program, script, *arguments = shlex.split(command)
            assert program == "python"
            if arguments == ["--gallery", "docs/gallery.html"]:
                continue  # the command of the fixture `gallery`
            done = here(script, *arguments, cwd=checkout)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            printed += done.stdout
        if block["between"]:
            assert words(block["output"]) == words(printed), block["code"]
    snippets_print_what_is_said(blocks, PAGE, checkout)
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", TEXT)
    assert len(pictures) > 20
    for picture in pictures:
        assert (checkout / "docs" / picture).stat().st_size > 1000
        assert (ROOT / "docs" / picture).exists()


def snippets_print_what_is_said(blocks, page, checkout):
    snippets = [block for block in blocks if block["language"] == "python"]
    printed = make_docs.run_snippets(checkout, page, [block["code"] for block in snippets])
    assert len(printed) == len(snippets) > 0
    for block, output in zip(snippets, printed, strict=True):
        assert words(block["output"] or "") == words(output), block["code"]


@pytest.mark.parametrize("name", ["config", "formats", "library", "adding_a_gate", "experiments"])
def test_a_page_s_commands_and_snippets_print_what_it_says(name, checkout, here):
    for module in ("sklearn", "onnxruntime", "tensorboard") if name == "library" else ():
        pytest.importorskip(module)
    page = PAGE.parent / f"{name}.md"
    blocks = list(BLOCK.finditer(page.read_text(encoding="utf-8")))
    for block in (block for block in blocks if block["language"] == "sh"):
        done = [here(*shlex.split(command)[1:], cwd=checkout) for command in block["code"].splitlines()]
        assert [each.stderr for each in done if each.returncode] == [], block["code"]
        assert not block["between"] or words(block["output"]) == words("".join(each.stdout for each in done))
    snippets_print_what_is_said(blocks, page, checkout)


def test_what_is_said_of_the_options_is_made_from_their_schema():
    """A command makes it again, and so it cannot drift."""
    page = (PAGE.parent / "config.md").read_text(encoding="utf-8")
    assert make_docs.OPTIONS.sub(lambda _: config_docs.tables(), page) == page
    assert (ROOT / "config.yaml").read_text(encoding="utf-8") == config_docs.config_yaml()
    for key in KEYS:
        assert f"| `{key}` |" in page


def test_the_schema_is_put_into_the_words_of_people():
    rows = dict(re.findall(r"^\| `([a-z._]+)` \| (.*) \|", config_docs.tables(), re.MULTILINE))
    assert rows["data.digits"].startswith("`[0, 1]` | list, each a whole number, 0 to 255, or `all` | ")
    assert rows["data.limit_per_digit"].startswith("`null` | whole number, 1 to 1,000,000,000, or `null` | ")
    assert rows["data.validation_fraction"].startswith("`0.1` | number, at least 0, below 1 | ")
    assert rows["model.hidden_sizes"].startswith("`[32]` | list of at most 100, each a whole number, 1 to 1,000,000 | ")
    assert rows["model.loss"].startswith("`euclidean` | `euclidean` or `cross_entropy` | ")
    assert rows["training.learning_rate"].startswith("`1.0` | number, above 0, at most 1,000 | ")
    assert rows["training.seed"].startswith("`0` | whole number, at least 0, below 2^128 | ")
    assert rows["training.checkpoint_every"].startswith("`1 epoch` | such as `1 epoch`, `5 epochs`, `200 steps` | ")
    assert rows["output.report"].startswith("`false` | `true` or `false` | ")


FORMATS = (PAGE.parent / "formats.md").read_text(encoding="utf-8")


def keys_said_of(title):
    """In the first column of the table below a heading."""
    section = FORMATS.partition(f"### {title}\n")[2].partition("\n#")[0]
    cells = re.findall(r"^\| (.*?) \|", section, re.MULTILINE)
    return {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}


def test_the_keys_of_the_files_are_those_that_are_said(digits_run, tmp_path, here):
    """Also those of a run that went on, that its caller stopped, on three digits with adam, or that diverged."""
    other = tmp_path / "other"
    options = [f"data.directory={write_folder(tmp_path / 'made', [0, 1, 7] * 9, [0, 1, 7])}", "data.digits=all"]
    options += ["training.optimizer=adam", "training.learning_rate=0.01", "training.class_weight=balanced"]
    assert here("train.py", "--output", other, "--set", *options).returncode == 0
    manifest = json.loads((digits_run / "manifest.json").read_text())
    with_weights = json.loads((other / "manifest.json").read_text())
    assert with_weights.keys() == {*manifest, "class_weights"}
    assert keys_said_of("manifest.json") == {*with_weights, "resumed", "stopped"}
    assert manifest["gradient_check"].keys() == {"sizes", "errors", "largest_error", "tolerance", "seconds"}
    with open(digits_run / "history.csv", newline="") as file:
        assert keys_said_of("history.csv") == set(next(csv.reader(file)))
    judged = json.loads(here("scripts/evaluate.py", digits_run, "--json").stdout)
    of_three = json.loads(here("scripts/evaluate.py", other, "--json").stdout)
    assert of_three.keys() == {*judged, "macro"}
    assert keys_said_of("evaluation-test.json") == of_three.keys()
    with np.load(digits_run / "model.npz") as model:
        assert keys_said_of("model.npz") == set(model)
    with np.load(digits_run / "checkpoint.npz") as saved:
        assert set(saved) == {"parameters", "velocity", "best", "history", "rest"}
        kept = set(saved)
    with np.load(other / "checkpoint.npz") as saved:
        assert set(saved) == kept - {"velocity"} | {"first_moment", "second_moment"}
        assert keys_said_of("checkpoint.npz, checkpoint.previous.npz") == kept | set(saved)
    diverging = ["training.learning_rate=1000", "training.epochs=1", "data.limit_per_digit=200"]
    assert here("train.py", "--output", tmp_path / "run", "--set", *diverging).returncode == 3
    report = json.loads((tmp_path / "run" / "divergence.json").read_text())
    assert keys_said_of("divergence.json") == report.keys()
    assert report["last_finite"].keys() == {"epoch", "step", "loss", "gradient_norm", "parameter_norms"}


def test_its_pictures_are_the_ones_there_are():
    files = {str(path.relative_to(PAGE.parent)) for path in (ROOT / "docs" / "circuits").rglob("*") if path.is_file()}
    assert files == set(re.findall(r"\]\((circuits/[^)]+)\)", TEXT))


def data_of(page):
    """A gallery's circuits by name: the script's data as text, and the listing; and what the page says about gates."""
    found = {}
    for section in page.split('<section class="circuit"')[1:]:
        data = re.search(r'<script type="application/json">(.*?)</script>', section, re.DOTALL)[1]
        code = re.search(r'aria-label="listing"[^>]*><code>(.*?)</code>', section, re.DOTALL)[1]
        found[re.search(r'data-name="([^"]+)"', section)[1]] = (laid_out(json.loads(data)), unescape(code))
    return found, json.loads(re.search("const TEXTS = (.*);", page)[1])


def laid_out(data):
    """As text whose every number is a word."""
    return json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True).replace('"', " ")


def test_the_gallery_shows_what_the_examples_come_to_now(gallery):
    (there, told), (now, told_now) = data_of(GALLERY), data_of(gallery.read_text(encoding="utf-8"))
    assert told == told_now
    assert list(there) == list(now)
    assert set(EXAMPLES) <= set(there)
    for name, (data, listing) in now.items():
        assert words(there[name][0]) == words(data), name
        assert words(there[name][1]) == words(listing), name
    for page in (TEXT, (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(r"\]\((docs/)?gallery.html\)", page)


@pytest.mark.parametrize(
    "page",
    sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/*.ipynb")]),
    ids=lambda page: page.name,
)
def test_links_lead_somewhere(page):
    targets = links(page.read_text(encoding="utf-8"))
    assert targets
    for target in (target for target in targets if not target.startswith("https://")):
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not heading or heading in anchors(file.read_text(encoding="utf-8")), target


def test_the_tests_of_the_promises_are_there():
    tests = re.findall(r"`(tests/\S+\.py)`", (PAGE.parent / "guarantees.md").read_text(encoding="utf-8"))
    assert len(tests) > 20
    assert [test for test in tests if not (ROOT / test).exists()] == []


def test_the_index_lists_every_page():
    index = (PAGE.parent / "README.md").read_text(encoding="utf-8")
    pages = [path.name for ending in ("md", "html", "ipynb") for path in PAGE.parent.glob(f"*.{ending}")]
    first_cells = re.findall(r"^\| (\[.*?) \|", index, re.MULTILINE)
    assert sorted(page for cell in first_cells for page in links(cell)) == sorted(set(pages) - {"README.md"})


def test_the_commands_of_performance_run_on_fewer_images(checkout, here):
    """Except the benchmark: each of its parts has its own test."""
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text.replace("\\\n", ""), re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if not line.startswith("python -m benchmarks")]
    assert len(commands) == 2
    for command in commands:
        done = here(*shlex.split(command.replace("--images 1000000", "--images 300"))[1:], cwd=checkout)
        assert done.returncode == 0, done.stderr


OPERATIONS = (PAGE.parent / "operations.md").read_text(encoding="utf-8")


def test_the_commands_of_operations_start_resume_and_leave_a_run(checkout, here):
    """Those of cron, the service and the container, on fewer images."""
    commands = re.findall(r"\bmlp (train .*)$", OPERATIONS, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        words = shlex.split(command.replace("/srv/mlp", str(checkout)))
        done = here("train.py", *words[1:], "--set", "data.limit_per_digit=50", cwd=checkout)
        assert done.returncode == 0, done.stderr
    assert {path.name for path in (checkout / "outputs").iterdir()} == {"0001", "long"}


def test_the_dockerfile_installs_the_command_for_a_user_who_is_not_root():
    (dockerfile,) = re.findall(r"```dockerfile\n(.*?)```", OPERATIONS, re.DOTALL)
    steps = [line.split(" ", 1) for line in dockerfile.splitlines()]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    copied = {name for step, words in steps if step == "COPY" for name in words.split()[:-1]}
    assert copied == {"pyproject.toml", "mlp", project["readme"], *project["license-files"]}
    assert all((ROOT / name).exists() for name in copied)
    assert [step for step, _ in steps][-3:] == ["RUN", "USER", "ENTRYPOINT"]
    (_, run), (_, user), (_, entry) = steps[-3:]
    assert shlex.split(run)[:2] + shlex.split(run)[-1:] == ["pip", "install", "."]
    assert int(user) > 0
    assert project["scripts"].keys() == set(json.loads(entry))


def test_it_shows_every_example_in_the_order_of_the_notes():
    named = re.findall(r"--example ([a-z-]+)", TEXT)
    examples = list(circuit_command.EXAMPLES)
    assert list(dict.fromkeys(["multiply", *named])) == [name for name in examples if name in named]
    assert set(examples) - set(named) == {"sum-times"}  # whose expression is typed out


PAGE_TO_MAKE = """# A page

```sh
python scripts/circuit.py "x * 2" x=3 --json
```

```text
what it printed before
```

```sh
python scripts/circuit.py --list-examples

```

The end.
"""


@pytest.fixture
def remade(monkeypatch, tmp_path, capsys):
    def run(text):
        (tmp_path / "page.md").write_text(text)
        monkeypatch.setattr(sys, "argv", ["make.py", str(tmp_path / "page.md")])
        code = command_line.run(make_docs.main)
        return code, (tmp_path / "page.md").read_text(), capsys.readouterr().err

    return run


def test_a_page_is_remade_with_what_its_commands_print(remade):
    code, page, _ = remade(PAGE_TO_MAKE)
    assert code == 0
    before, after = PAGE_TO_MAKE.split("what it printed before\n")
    assert page.startswith(before + '{"output": "f", "nodes": [')
    assert page.endswith("}\n" + after)
    assert remade(page)[1] == page


def test_its_chinese_page_gets_the_same_blocks_and_keeps_its_words(remade, tmp_path):
    chinese = tmp_path / "page.zh.md"
    chinese.write_text(PAGE_TO_MAKE.replace("# A page", "# 一页").replace("x=3", "x=2"), encoding="utf-8")
    code, page, _ = remade(PAGE_TO_MAKE)
    assert code == 0
    assert chinese.read_text(encoding="utf-8") == page.replace("# A page", "# 一页")
    chinese.write_text("# 一页\n", encoding="utf-8")
    code, _, error = remade(PAGE_TO_MAKE)
    assert code == 2
    assert "page.zh.md: 0 blocks, 2 in English" in error


def test_a_page_that_is_no_text_is_named(monkeypatch, tmp_path, capsys):
    (tmp_path / "page.md").write_bytes(b"\xff")
    monkeypatch.setattr(sys, "argv", ["make.py", str(tmp_path / "page.md")])
    assert command_line.run(make_docs.main) == 2
    assert "byte 0 is not UTF-8" in capsys.readouterr().err


def test_a_snippet_that_fails_is_named_and_the_page_left_as_it_was(remade):
    text = "```python\nx = 1\n```\n\n```text\n```\n\n```python\nprint(x)\nnonsense\n```\n"
    code, page, error = remade(text)
    assert (code, page) == (1, text)
    assert re.search(r'page.md\n.*snippet 2", line 2.*nonsense', error, re.DOTALL)
    assert remade(text.replace("\nnonsense\n", "\n"))[0] == 0


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("python scripts/circuit.py y", 1, "error: python scripts/circuit.py y\n .*y has no value"),
        ("python 'x", 2, "error: python 'x: No closing quotation"),
        ("rm -rf docs", 2, "error: rm -rf docs: only commands that start with python are run"),
    ],
)
def test_a_command_that_fails_is_named_and_the_page_left_as_it_was(remade, command, code, message):
    text = f"```sh\n{command}\n```\n"
    found, page, error = remade(text)
    assert (found, page) == (code, text)
    assert re.search(message, error, re.DOTALL)
