"""A path may be a str, wherever a program hands one to mlp.

This holds for every public function and method, except in ``mlp.commands``, ``mlp.sweeps`` and ``mlp.system``: only the
commands, or mlp itself, use these.
"""

import ast
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

import mlp
from mlp import config, evaluation, idx
from mlp.data import dataset, idx_folder, image_files
from mlp.figures import curves, plane, style
from mlp.figures import evaluation as evaluation_figures
from mlp.pages import circuit
from mlp.runs import checkpoint, comparison, comparison_figure, finished, history, manifest, model
from tests.conftest import ROOT, undrawn, without_curve

PACKAGE = ROOT / "mlp"
INNER = ("commands", "sweeps", "system")


def path_arguments(body, name=""):
    """Each argument of a public function that is a Path and nothing else, with the name of the function."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from path_arguments(node.body, f"{name}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                if argument.annotation is not None and not ast.unparse(argument.annotation).startswith("Callable"):
                    words = [inner.id for inner in ast.walk(argument.annotation) if isinstance(inner, ast.Name)]
                    if "Path" in words:
                        yield f"{name}{node.name}({argument.arg})"


def test_no_public_function_wants_a_path_object():
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] not in INNER:
            assert list(path_arguments(ast.parse(path.read_text(encoding="utf-8")).body)) == [], path


def test_an_argument_that_wants_a_path_object_is_found():
    method, function = "def f(self, x: int, path: Path | None): ...", "def g(a: StrPath, f: Callable[[Path], int]): ..."
    code = f"class A:\n  {method}\n{function}"
    assert list(path_arguments(ast.parse(code).body)) == ["A.f(path)"]


def test_idx_files_and_folders(folder, tmp_path):
    images = idx.read(folder / "train-images-idx3-ubyte")
    path = str(tmp_path / "images.gz")
    idx.write(path, images)
    assert idx.is_packed(path)
    assert idx.header(path) == (np.dtype(">u1"), (40, 4, 4))
    assert idx.is_same(path, str(folder / "train-images-idx3-ubyte"))
    idx.write_blocks(str(tmp_path / "blocks"), images.shape, np.uint8, [images])
    for written in (idx.read(path), idx.rows(str(tmp_path / "blocks"))):
        np.testing.assert_array_equal(written, images)
    assert dataset.labels(str(folder)) == (0, 1, 7)
    assert len(dataset.load(str(folder), "test", (0, 1))) == 8
    assert idx_folder.read_labels(str(folder), "test")[0] == folder / "t10k-labels-idx1-ubyte"
    assert image_files.files_of(path) == [tmp_path / "images.gz"]
    assert len(list(image_files.read(path, pytest.fail))) == 40
    with pytest.raises(mlp.InputError, match="already exists"):
        idx_folder.new_files(str(folder))


@pytest.fixture
def run(folder, tmp_path, monkeypatch):
    """The directory of a run, as text, which was trained by paths as text."""
    without_curve(monkeypatch)
    path = tmp_path / "config.yaml"
    path.write_text("data: {directory: made, digits: [0, 1]}\nmodel: {hidden_sizes: [3]}\ntraining: {epochs: 2}\n")
    with warnings.catch_warnings(action="ignore"):
        mlp.train(str(path), output=str(tmp_path / "outputs" / "run"))
    return str(tmp_path / "outputs" / "run")


def test_a_run_and_its_files(run, tmp_path):
    assert finished.newest(str(tmp_path / "outputs"), pytest.fail) == tmp_path / "outputs" / "run"
    found = finished.read_run(run)
    assert found.directory == tmp_path / "outputs" / "run"
    assert finished.find_whole(run) is not None
    assert finished.read_config(run) == found.config == config.load(f"{run}/config.yaml")
    assert config.parse("", f"{run}/config.yaml").data.directory == tmp_path / "outputs" / "run" / "data"
    assert manifest.read_manifest(run).status == "finished"
    assert len(history.read_history(run)) == 2
    assert checkpoint.exists(run)
    assert checkpoint.newest(run, pytest.fail).path == checkpoint.read_checkpoint(f"{run}/checkpoint.npz").path
    assert model.read_alone(f"{run}/model.npz")[1].model.hidden_sizes == (3,)
    assert mlp.load(run).directory == found.directory
    model.write_model(f"{run}/copy.npz", found.network.parameters, found.config)
    assert (tmp_path / "outputs/run/copy.npz").read_bytes() == (tmp_path / "outputs/run/model.npz").read_bytes()
    assert comparison.read_compared_run(run, "a").directory == found.directory


def test_figures_and_pages(run, tmp_path):
    found, rows = finished.read_run(run), history.read_history(run)
    judged = evaluation.evaluate(found.network, found.images("test"))
    compared = comparison.Comparison([comparison.read_compared_run(run, "a")])
    with undrawn():
        for draw, *facts in (
            (curves.loss_curve, rows, 1, "euclidean"),
            (curves.step_curve, [0.5, 0.4]),
            (evaluation_figures.confusion, judged),
            (evaluation_figures.mistakes, judged),
            (plane.decision_surface, lambda X: X[:, :1], np.eye(2), np.ones(2)),
            (comparison_figure.draw_comparison, compared),
        ):
            draw(str(tmp_path / "figure.png"), *facts)
            (tmp_path / "figure.png").unlink()
    with pytest.raises(ValueError, match="must end in"):
        style.save(Figure(), "figure.gif")
    circuit.write(mlp.circuit("x * y", x=2, y=3), "x * y", str(tmp_path / "page.html"))
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
