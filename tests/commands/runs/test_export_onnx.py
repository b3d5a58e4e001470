"""Promises of scripts/export_onnx.py, if onnx is installed: the model is the network, as other engines compute it."""

import errno
import json
import shutil
from importlib.util import find_spec

import numpy as np
import pytest

from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.runs import directory as run_directory
from mlp.runs import finished as finished_runs
from tests.conftest import run_here, train_on_digits, write_folder

onnx = pytest.importorskip("onnx", reason="onnx is not installed: the extra onnx has it")

SCRIPT = "scripts/export_onnx.py"
KINDS = {
    "default": [],
    "in float64": ["training.precision=float64", "model.loss=cross_entropy", "model.hidden_sizes=[9, 5]"],
    "linear": ["model.hidden_sizes=[]", "data.digits=[1, 0]"],
}


@pytest.fixture(scope="module", params=KINDS)
def trained(request, tmp_path_factory):
    return train_on_digits(tmp_path_factory.mktemp("onnx") / "run", "training.epochs=1", *KINDS[request.param])


@pytest.fixture
def run(digits_run, tmp_path):
    """A run that tests may change."""
    return shutil.copytree(digits_run, tmp_path / "run", ignore=shutil.ignore_patterns("model.onnx"))


def exported(run, *options):
    done = run_here(SCRIPT, run, *options)
    assert (done.returncode, done.stderr) == (0, "")
    return onnx.load(run / "model.onnx"), done.stdout


def answers(model, A):
    """For every installed engine: onnx's own, and onnxruntime."""
    from onnx.reference import ReferenceEvaluator

    (given,) = model.graph.input
    with np.errstate(over="ignore", invalid="ignore"):  # its sigmoid computes more than it uses
        P = ReferenceEvaluator(model).run(None, {given.name: A})[0]
    yield P
    if find_spec("onnxruntime") is not None:
        import onnxruntime

        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        yield session.run(None, {given.name: A})[0]


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("outputs", [1, 3, 10])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_engines_of_others_compute_every_kind_of_network(activation, outputs, loss, precision):
    from mlp import onnx_export

    random = np.random.default_rng(0)
    options = {"activation": activation, "loss": loss, "precision": precision}
    network = MLP([16, 7, 5, outputs], generator=random, **options)
    network.parameter_block *= 3
    X = random.random((50, 16), np.float32)
    model = onnx_export.build(network, {})
    onnx.checker.check_model(model, full_check=True)
    for P in answers(model, X):
        assert P.shape == (50, outputs)
        np.testing.assert_allclose(P, network.predict(X), rtol=0, atol=1e-6 if precision == "float32" else 1e-12)


def test_of_more_digits_the_metadata_and_the_text_say_which_column_is_whose(tmp_path):
    write_folder(tmp_path / "made", [0, 7, 1] * 9, [0, 1, 7])
    (tmp_path / "c.yaml").write_text("data: {directory: made, digits: [7, 0, 1]}\ntraining: {epochs: 1}\n")
    done = run_here("train.py", "--config", tmp_path / "c.yaml", "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    model, told = exported(tmp_path / "run")
    assert "output:  P (n, 3) float32, the probabilities of the digits 7, 0, 1" in told
    assert json.loads({one.key: one.value for one in model.metadata_props}["columns"]) == [7, 0, 1]


@pytest.mark.parametrize("options", [[], ["--from-bytes"]], ids=["numbers", "bytes"])
def test_engines_of_others_predict_what_numpy_does_on_all_test_images(trained, options):
    run = finished_runs.read_run(trained)
    images = run.images("test")
    model, told = exported(trained, *options)
    X = (images.pixels() / np.float32(255)).astype(np.float32)
    expected = run.network.predict(X)
    for P in answers(model, images.pixels() if options else X):
        assert P.shape == (2115, 1)
        np.testing.assert_allclose(P, expected, rtol=0, atol=1e-6)
        if options and run.network.precision == "float64":  # the same pixels, divided in the same precision
            np.testing.assert_allclose(P, run.network.predict(images.pixels() / 255), rtol=0, atol=1e-13)
    assert "checked: on 2,115 test images within " in told
    assert f"output:  P (n, 1) {run.network.precision}, the probability of digit {run.config.data.digits[1]}" in told
    assert ("pixels (n, 784) uint8, 0..255" if options else "X (n, 784) float32, pixels in 0..1") in told


def test_its_nodes_are_those_of_the_table_and_its_metadata_the_config(digits_run):
    model, _ = exported(digits_run)
    assert [(node.op_type, *node.input, *node.output, node.name) for node in model.graph.node] == [
        ("MatMul", "X", "W1", "Z1", "Z1"),
        ("Add", "Z1", "b1", "Z2", "Z2"),
        ("Sigmoid", "Z2", "Z3", "Z3"),
        ("MatMul", "Z3", "W2", "Z4", "Z4"),
        ("Add", "Z4", "b2", "Z5", "Z5"),
        ("Sigmoid", "Z5", "P", "P"),
    ]
    onnx.checker.check_model(model, full_check=True)
    facts = {one.key: one.value for one in model.metadata_props}
    with np.load(digits_run / "model.npz", allow_pickle=False) as weights:
        assert facts["config"] == weights["config"]
        for array in model.graph.initializer:
            np.testing.assert_array_equal(onnx.numpy_helper.to_array(array), weights[array.name], strict=True)
    assert json.loads(facts["image_shape"]) == [28, 28]
    assert json.loads(facts["columns"]) == [1]
    assert facts["weights_sha256"] == finished_runs.read_run(digits_run).manifest.weights_sha256


@pytest.mark.parametrize("n", [1, 3])
def test_it_takes_any_number_of_images(digits_run, test_digits, n):
    model, _ = exported(digits_run, "--from-bytes")
    for value, shape in ((*model.graph.input, ["n", 784]), (*model.graph.output, ["n", 1])):
        assert [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim] == shape
    for P in answers(model, test_digits.pixels(slice(0, n))):
        assert P.shape == (n, 1)


def test_older_engines_can_read_it_and_its_bytes_depend_on_the_run_alone(digits_run):
    model, _ = exported(digits_run)
    first = (digits_run / "model.onnx").read_bytes()
    assert (model.ir_version, model.opset_import[0].version) == (7, 13)
    exported(digits_run)
    assert (digits_run / "model.onnx").read_bytes() == first


def test_a_model_that_is_not_the_network_is_not_written(run, monkeypatch):
    from mlp import onnx_export
    from mlp.gates import Sigmoid

    exported(run)
    before = (run / "model.onnx").read_bytes()
    monkeypatch.setitem(onnx_export.OPERATORS, Sigmoid, "Tanh")
    done = run_here(SCRIPT, run)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "differs from NumPy by " in done.stderr
    monkeypatch.undo()
    monkeypatch.setattr(onnx_export, "engines", lambda model: {"broken": lambda inputs: np.nan})
    assert "broken differs from NumPy by nan" in run_here(SCRIPT, run).stderr
    assert (run / "model.onnx").read_bytes() == before


def test_a_gate_without_a_name_in_onnx_is_refused_and_named(run, monkeypatch):
    from mlp.gates import Sine

    monkeypatch.setitem(ACTIVATIONS, "sigmoid", Sine())
    done = run_here(SCRIPT, run)
    assert done.returncode == 2
    assert "the ONNX export has no sin gate, which computes Z3: it has matmul, add, sigmoid, tanh" in done.stderr


def test_where_float32_rounds_too_much_float64_is_the_cure(run, tmp_path, here):
    """Sums of large numbers of both signs depend on the order of the additions; onnx's own order is NumPy's."""
    pytest.importorskip("onnxruntime")
    found = finished_runs.read_run(run)
    network = MLP(found.network.sizes, precision="float64", generator=np.random.default_rng(0))
    network.parameter_block *= 1000
    with run_directory.new(found.config, tmp_path / "large", pytest.fail) as large:
        large.begin(image_shape=[28, 28], training_files=found.manifest.training_files)
        large.write_model(network.copy("float32").parameters)
        large.finish()
    done = here(SCRIPT, tmp_path / "large")
    assert done.returncode == 1
    assert done.stderr.startswith("error: onnx")  # and nothing of NumPy's before it
    assert "--precision float64" in done.stderr
    assert not (tmp_path / "large" / "model.onnx").exists()
    model, told = exported(tmp_path / "large", "--precision", "float64")
    assert "P (n, 1) float64" in told
    images = found.images("test")
    X, _ = images.arrays("float32")
    network.parameter_block[...] = network.parameter_block.astype("float32")
    for P in answers(model, X):
        np.testing.assert_allclose(P, network.predict(X), rtol=0, atol=1e-12)


def test_a_model_that_is_none_is_not_run(digits_run):
    from mlp import onnx_export

    model, _ = exported(digits_run)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2
    run = finished_runs.read_run(digits_run)
    with pytest.raises(onnx.shape_inference.InferenceError):
        onnx_export.differences(model, run.network, run.images("test"))


def test_a_disk_that_fails_leaves_the_model_that_was_there(run, monkeypatch):
    exported(run)
    before = (run / "model.onnx").read_bytes()

    def fail(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mlp.system.files.os.fsync", fail)
    done = run_here(SCRIPT, run, "--from-bytes")
    assert (done.returncode, done.stderr) == (2, f"error: {run / 'model.onnx'}: No space left on device\n")
    assert (run / "model.onnx").read_bytes() == before


def test_without_onnxruntime_it_is_checked_by_onnx_alone(run, monkeypatch):
    from mlp import onnx_export

    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None)
    assert "by onnxruntime" not in exported(run)[1]


def test_what_is_not_installed_is_named_with_the_cure(run, monkeypatch):
    monkeypatch.setattr("mlp.system.command_line.find_spec", lambda name: None)
    done = run_here(SCRIPT, run)
    assert (done.returncode, done.stderr) == (2, "error: onnx is not installed: python -m pip install -e '.[onnx]'\n")


def test_weights_that_no_file_of_the_format_holds_are_refused(run, monkeypatch):
    from mlp import onnx_export

    monkeypatch.setattr(onnx_export, "MAX_WEIGHT_BYTES", 100_000)
    done = run_here(SCRIPT, run)
    assert (done.returncode, done.stderr) == (2, "error: a network of 100,612 bytes: an ONNX file has at most 2 GB\n")


def test_a_run_whose_images_are_gone_is_told_of_and_nothing_written(run, tmp_path):
    config = (run / "config.yaml").read_text()
    directory = finished_runs.read_config(run).data.directory
    (run / "config.yaml").write_text(config.replace(str(directory), str(tmp_path / "gone")))
    done = run_here(SCRIPT, run)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'gone'}: no such folder")
    assert not (run / "model.onnx").exists()
