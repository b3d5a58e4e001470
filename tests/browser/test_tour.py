"""Promises of docs/tour.ipynb: it runs as it stands in a checkout, and what it shows works in a browser."""

import json
import re
import sys
import tempfile
from types import SimpleNamespace

import numpy as np
import pytest

from mlp.runs import finished
from tests.conftest import ROOT, STRICT

TOUR = ROOT / "docs" / "tour.ipynb"
PAGE = '<!DOCTYPE html><html lang="en"><head><title>the tour</title></head><body><main>{}</main></body></html>'
BAR = "application/vnd.jupyter.widget-view+json"
TRAIN = """
options = {"data": {"directory": checkout / "data", "limit_per_digit": 50}, "training": {"epochs": 2}}
mlp.train(options, output=checkout / "by library", verbose=True)
"""
RUN = (
    f"%run '{ROOT}/train.py' --config '{ROOT}/config.yaml' --set training.epochs=2 data.limit_per_digit=50 --output run"
)
WITHOUT_WIDGETS = 'import sys\nsys.modules["ipywidgets"] = None\nmlp.train(options, verbose=True)'


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """What its code cells print and show, in the folder docs of a checkout; then what cells show that train.

    The kernel is this Python, and reads nothing of the user's. Its warnings are errors, except a dependency's
    deprecation warnings about another one.
    """
    import nbformat
    from ipykernel.kernelspec import write_kernel_spec
    from nbclient import NotebookClient
    from traitlets.config import Config

    checkout, jupyter = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("jupyter")
    (checkout / "docs").mkdir()
    (checkout / "data").symlink_to(ROOT / "data")
    strict = *STRICT, "-W", "ignore::PendingDeprecationWarning"  # ipykernel's own, when it ends
    command = [sys.executable, *strict, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    write_kernel_spec(jupyter / "kernels" / "this", {"argv": command})
    notebook = nbformat.read(TOUR, nbformat.NO_CONVERT)
    notebook.cells += map(nbformat.v4.new_code_cell, [TRAIN, RUN, WITHOUT_WIDGETS])
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as sockets:
        patch.setenv("JUPYTER_PATH", str(jupyter))
        patch.setenv("PYTHONPATH", str(ROOT))
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(jupyter / name))
        # Sockets that are files: another process may take a port before the kernel does. Their paths must be short.
        settings = Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"})
        place = {"metadata": {"path": str(checkout / "docs")}}
        NotebookClient(notebook, kernel_name="this", config=settings, resources=place).execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    return SimpleNamespace(checkout=checkout, tour=outputs[:-3], training=outputs[-3:])


def printed(outputs, stream="stdout"):
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == stream)


def html(outputs):
    return "".join(output.data["text/html"] for output in outputs if "text/html" in output.get("data", {}))


def test_its_ten_cells_run_from_its_own_folder(executed):
    assert len(executed.tour) == 10
    assert all(executed.tour)
    assert [printed(outputs, "stderr") for outputs in executed.tour] == [""] * 10
    assert "x grows by 0.001, f changes by -0.004: -4.0 times as much" in printed(executed.tour[1])
    errors = [float(error) for error in re.findall("error ([0-9.]+),", printed(executed.tour[3]))]
    assert np.all(np.diff(errors) < 0)
    assert len(re.findall("relative error", printed(executed.tour[6]))) == 4
    assert printed(executed.tour[7]).count("epoch") == 10
    assert re.match(r"[12] errors? in 2,115 test images", printed(executed.tour[8]))
    assert float(re.search("probability (.*)", printed(executed.tour[9]))[1]) > 0.9
    assert finished.read_run(executed.checkout / "outputs" / "0001").network.sizes == (784, 32, 1)
    assert {path.name for path in executed.checkout.iterdir()} == {"data", "docs", "outputs", "by library"}


def test_what_it_shows_works_in_a_browser(executed, visit, tmp_path):
    """``visit`` asserts that there is no request and nothing on the console."""
    path = tmp_path / "tour.html"
    path.write_text(PAGE.format("<hr>".join(map(html, executed.tour))), encoding="utf-8")
    page = visit(path)
    first, neuron, arrays = page.frames[1:]
    for frame, last in ((first, "1"), (neuron, "-0.5898"), (arrays, "0.636")):
        frame.get_by_role("button", name="Last step").click()
        step, steps = re.fullmatch(r"step (\d+) of (\d+)", frame.locator(".counter").inner_text()).groups()
        assert step == steps != "0"
        assert last in frame.locator(".drawing").inner_text()
    images = page.locator("img")
    assert images.count() == 3  # the graph, the network and the run's curve
    assert images.evaluate_all("images => images.every((image) => image.naturalWidth > 100)")


def test_training_shows_a_bar_in_a_notebook_and_lines_without_ipywidgets(executed):
    by_library, by_command, without = executed.training
    for outputs in (by_library, by_command):
        assert [BAR in output.data for output in outputs if output.output_type == "display_data"] == [True]
        assert "epoch" not in printed(outputs).partition("best epoch")[0]
    assert [line.partition(":")[0] for line in printed(without).splitlines()] == ["epoch 1/2", "epoch 2/2"]
    assert [printed(outputs, "stderr") for outputs in executed.training] == [""] * 3


def test_its_file_is_its_source_without_outputs():
    """Outputs and counts would go stale, and hide changes of the text."""
    notebook = json.loads(TOUR.read_text(encoding="utf-8"))
    for before, cell in zip([None, *notebook["cells"]], notebook["cells"], strict=False):
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"], cell["metadata"]) == ([], None, {})
            assert before["cell_type"] == "markdown"
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
