"""A stranger's run, with the right SHA-256, holds only what a run writes, or it is refused.

Each is read in a second at most, in no more than 64 MB above the file's size.
"""

import io
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from mlp.config import Config
from mlp.runs import checkpoint
from mlp.runs import finished as finished_runs
from mlp.runs.checkpoint import Checkpoint
from mlp.system.errors import InputError
from mlp.system.files import sha256
from mlp.training.progress import Epoch, EpochSums, Progress, TrainerState
from tests.conftest import FILES, finished_run
from tests.faults import archives
from tests.faults.archives import header, npy, with_header
from tests.faults.fault_helpers import bounded, one_message, project, train

ABOVE = 64 << 20
WEIGHTS = 4 * 3 + 3 + 3 + 1


def within_bounds(path):
    """A second, and a limit on memory."""
    return bounded(ABOVE + path.stat().st_size, 1)


def save_two(settings, directory):
    """A directory with two checkpoints of a 4-3-1 network in its third epoch."""
    directory.mkdir()
    epochs = [Epoch(number, 0.2, 0.1, 0.5, 1.0, 1.0, 0.3, 0.25) for number in (1, 2)]
    last = {"epoch": 3, "step": 2, "loss": 0.1, "gradient_norm": 0.5}
    progress = Progress(epochs, EpochSums(2, 0.5, 1, 0.5, 0.1, 2), 2, 0.125, last, (1, 2))
    parameters, velocity, best = [np.linspace(start, 1, WEIGHTS, dtype=np.float32) for start in (-1, 0, 0.5)]
    facts = {
        "status": "running",
        "image_shape": [2, 2],
        "training_files": FILES,
        "images": {"training": 36, "validation": 4},
        "versions": {"numpy": "2.0"},
        "blas": [],
    }
    state = TrainerState(progress, parameters, {"velocity": velocity}, best)
    written = Checkpoint(settings, facts, state, directory / checkpoint.NEWEST)
    for _ in range(2):
        checkpoint.save(written)
    return directory


@pytest.fixture
def saved(settings, tmp_path):
    """A copy of it."""
    return save_two(settings, tmp_path / "run")


@pytest.fixture
def members(saved):
    """The members of a checkpoint: bytes by name."""
    return archives.members_of(saved / checkpoint.NEWEST)


def sealed(members, **changes):
    """A sealed archive with some arrays changed; those that are None are left out."""
    changed = members | {f"{name}.npy": content for name, content in changes.items()}
    return archives.sealed(archives.archive([item for item in changed.items() if item[1] is not None]))


def history(members, **columns):
    """The history with some columns changed; c0 is the first."""
    rows = np.load(io.BytesIO(members["history.npy"])).copy()
    for name, value in columns.items():
        rows[:, int(name[1:])] = value
    return {"history": npy(rows)}


def rest(members, *path, value):
    """The rest with one value changed."""
    found = archives.rest_of(members)
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return {"rest": npy(np.array(json.dumps(found)))}


def config_of(members, more):
    """The rest with more lines in its config."""
    return rest(members, "config", value=archives.rest_of(members)["config"] + more)


def twice(members):
    """Two arrays with the same name; zipfile reads the second."""
    content = archives.archive([*members.items(), ("also.npy", members["parameters.npy"])])
    return archives.sealed(content.replace(b"also.npy", b"best.npy"))


def other_directory(members):
    """An archive whose directory exchanges the names of two arrays, so that NumPy reads the wrong ones."""
    content = archives.archive(members.items())
    at = content.index(b"PK\1\2")
    swapped = content[at:].replace(b"velocity.npy", b"parameters.n").replace(b"best.npy", b"rest.npy")
    return archives.sealed(content[:at] + swapped)


DTYPES = [
    "|S0",
    "|S8",
    "|V0",
    "|V8",
    "<M8[D]",
    "<M8[ns]",
    "<m8[s]",
    "|b1",
    "<c8",
    "<c16",
    "<i8",
    "|O",
    "<U0",
    "<U2",
    "<f2",
]
"""Types that an array of numbers does not have."""


def zeros(dtype, shape):
    """An array of that type, as .npy."""
    return with_header(header(dtype, shape), bytes(np.dtype(dtype).itemsize * math.prod(shape)))


def of_type(dtype):
    """A history and blocks of this type and the right shape."""
    return {
        f"a history of {dtype}": lambda members: sealed(members, history=zeros(dtype, (2, 8))),
        f"a best of {dtype}": lambda members: sealed(members, best=zeros(dtype, (WEIGHTS,))),
    }


ARCHIVES = {
    "arrays in each other": lambda members: archives.sealed(archives.nested(60, 2 << 20, members.items())),
    "arrays twice": twice,
    "another directory": other_directory,
    "bytes before the first array": lambda members: archives.resealed(b"MZ" + sealed(members)),
    "bytes behind the last array": lambda members: archives.sealed(
        (content := archives.archive(members.items()))[: (at := content.index(b"PK\1\2"))] + b"more" + content[at:]
    ),
    "a thousand arrays": lambda members: archives.sealed(
        archives.archive([*members.items(), *((f"x{number}.npy", npy(np.zeros(1))) for number in range(1000))])
    ),
    "a history of nothing, long": lambda members: sealed(members, history=with_header(header("<f8", (10**8, 0)))),
    "a history of nothing, endless": lambda members: sealed(members, history=with_header(header("<f8", (10**18, 0)))),
    "a history of empty texts": lambda members: sealed(members, history=with_header(header("|S0", (10**8, 8)))),
    "a header that never closes": lambda members: sealed(
        members, history=with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 8), ", bytes(128))
    ),
    "a header that closes nothing": lambda members: sealed(members, history=with_header("(" * 9000)),
    "a header that recurses": lambda members: sealed(members, history=with_header("-" * 9000 + "1")),
    "a header of a sum": lambda members: sealed(members, history=with_header("+".join("1" * 4000))),
    "a header of 65,000 bytes": lambda members: sealed(
        members, history=with_header(header("<f8", (2, 8)) + " " * 65_000)
    ),
    "a header of a huge number": lambda members: sealed(members, history=with_header(header("<f8", (10**4290, 8)))),
    "columns before rows": lambda members: sealed(
        members, best=with_header(header("<f4", f"({WEIGHTS},)", fortran_order=True), bytes(4 * WEIGHTS))
    ),
    **{name: make for dtype in DTYPES for name, make in of_type(dtype).items()},
    "inf as an epoch": lambda members: sealed(members, **history(members, c0=np.inf)),
    "nan as an epoch": lambda members: sealed(members, **history(members, c0=np.nan)),
    "half an epoch": lambda members: sealed(members, **history(members, c0=[1.5, 2])),
    "a training loss of nan": lambda members: sealed(members, **history(members, c1=np.nan)),
    "a validation loss now and then": lambda members: sealed(members, **history(members, c2=[np.nan, 1])),
    "a validation loss of inf": lambda members: sealed(members, **history(members, c2=np.inf)),
    "an accuracy above 1": lambda members: sealed(members, **history(members, c3=2)),
    "seconds below 0": lambda members: sealed(members, **history(members, c7=-1)),
    "weights of nan": lambda members: sealed(members, best=npy(np.full(WEIGHTS, np.nan, np.float32))),
    "a config of 300 kB": lambda members: sealed(
        members, **config_of(members, "".join(f"key{number}: 1\n" for number in range(27_000)))
    ),
    "a config of other keys": lambda members: sealed(
        members, **config_of(members, "".join(f"k{number}: 1\n" for number in range(2000)))
    ),
    "a config of brackets": lambda members: sealed(members, **rest(members, "config", value="[" * 30_000)),
    "a config of half characters": lambda members: sealed(members, **rest(members, "config", value="\ud800" * 9)),
    "a rest of half characters": lambda members: sealed(members, rest=archives.text_array("\ud800{}")),
    "a rest of no characters": lambda members: sealed(members, rest=with_header(header("<U2", "()"), b"\xff" * 8)),
    "a rest of two texts": lambda members: sealed(members, rest=npy(np.array(["{}", "{}"]))),
    "a rest of many lists": lambda members: sealed(
        members, **rest(members, "facts", "more", value=[[] for _ in range(1_000_000)])
    ),
    "a deep fact": lambda members: sealed(
        members, rest=npy(np.array('{"facts": ' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}"))
    ),
    "images of 1e18 pixels": lambda members: sealed(
        members, **rest(members, "facts", "image_shape", value=[10**9, 10**9])
    ),
    "images of 5 million pixels": lambda members: sealed(
        members, **rest(members, "facts", "image_shape", value=[5000, 1000])
    ),
    "images of 4.0 pixels": lambda members: sealed(members, **rest(members, "facts", "image_shape", value=[2.0, 2.0])),
    "no training files": lambda members: sealed(members, **rest(members, "facts", "training_files", value={})),
    "one training file": lambda members: sealed(
        members, **rest(members, "facts", "training_files", value={"train-images-idx3-ubyte": "a" * 64})
    ),
    "training files in the wrong order": lambda members: sealed(
        members, **rest(members, "facts", "training_files", value=dict(reversed(FILES.items())))
    ),
    "training files elsewhere": lambda members: sealed(
        members,
        **rest(members, "facts", "training_files", value={f"../../{name}": digest for name, digest in FILES.items()}),
    ),
    "a SHA-256 of anything": lambda members: sealed(
        members, **rest(members, "facts", "training_files", value=dict.fromkeys(FILES, "x"))
    ),
    "a status of its own": lambda members: sealed(members, **rest(members, "facts", "status", value="fine")),
    "libraries of text": lambda members: sealed(members, **rest(members, "facts", "blas", value=["OpenBLAS"])),
    "a version of 2,000 letters": lambda members: sealed(
        members, **rest(members, "facts", "versions", value={"numpy": "2" * 2000})
    ),
    "steps below 0": lambda members: sealed(members, **rest(members, "progress", "current", "steps", value=-1)),
    "steps without end": lambda members: sealed(
        members, **rest(members, "progress", "current", "steps", value=10**4000)
    ),
    "more steps than there are batches": lambda members: sealed(
        members, **rest(members, "progress", "current", "steps", value=2**52)
    ),
    "more errors than there are images": lambda members: sealed(
        members, **rest(members, "progress", "current", "errors", value=100_000)
    ),
    "a loss that no axis reaches": lambda members: sealed(members, **history(members, c1=1e300)),
    "a sum of losses that no axis reaches": lambda members: sealed(
        members, **rest(members, "progress", "current", "loss", value=1e308)
    ),
    "no validation figures of a run that holds out images": lambda members: sealed(
        members, **history(members, c2=np.nan, c4=np.nan)
    ),
    "a beginning of nothing": lambda members: sealed(
        members, **rest(members, "beginning", value={"rows": -1, "size": 1, "sha256": "0" * 64})
    ),
    "a beginning beyond the end": lambda members: sealed(
        members, **rest(members, "beginning", value={"rows": 10**15, "size": 10**15, "sha256": "0" * 64})
    ),
    "steps that are true": lambda members: sealed(members, **rest(members, "progress", "current", "steps", value=True)),
    "steps of text": lambda members: sealed(members, **rest(members, "progress", "current", "steps", value="2")),
    "a loss of nan": lambda members: sealed(members, **rest(members, "progress", "current", "loss", value=np.nan)),
    "an untrained loss of inf": lambda members: sealed(
        members, **rest(members, "progress", "untrained_loss", value=np.inf)
    ),
    "no untrained loss": lambda members: sealed(members, **rest(members, "progress", "untrained_loss", value=None)),
    "no best epoch": lambda members: sealed(members, **rest(members, "progress", "best_epoch", value=0)),
    "a best epoch to come": lambda members: sealed(members, **rest(members, "progress", "best_epoch", value=3)),
    "a rise before the beginning": lambda members: sealed(
        members, **rest(members, "progress", "above_since", value=[0, 1])
    ),
    "a last loss of inf": lambda members: sealed(
        members, **rest(members, "progress", "last_finite", "loss", value=np.inf)
    ),
}


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
def test_instead_of_a_forged_checkpoint_the_previous_one_is_used(make, saved, members, injected):
    newest, warnings = saved / checkpoint.NEWEST, []
    newest.write_bytes(make(members))
    with within_bounds(newest):
        found = checkpoint.newest(saved, warnings.append)
    assert found.path == saved / checkpoint.PREVIOUS
    (warning,) = warnings
    assert warning.startswith(f"{newest}: damaged: ")
    assert "SHA-256" not in warning
    injected("sealed archives: forged checkpoints, the previous one taken")


def test_a_sealed_archive_made_here_is_a_checkpoint(saved, members):
    """So the others are refused for what is changed in them."""
    newest = saved / checkpoint.NEWEST
    before = newest.read_bytes()
    assert sealed(members) == before
    newest.write_bytes(sealed(members, **rest(members, "progress", "best_epoch", value=1)))
    found = checkpoint.read_checkpoint(newest)
    assert found.state.progress.best_epoch == 1
    assert found.state.progress.history[1] == Epoch(2, 0.2, 0.1, 0.5, 1.0, 1.0, 0.3, 0.25)


def test_a_checkpoint_for_images_of_another_shape_is_refused(tmp_path, monkeypatch, capsys):
    """It has the SHA-256 of the training files, but another image shape, which would not fit the network."""
    made = project(tmp_path)
    run = tmp_path / "run"
    assert train(monkeypatch, "--config", made, "--output", run) == 0
    (run / "loss_curve.png").unlink()
    for name in (checkpoint.NEWEST, checkpoint.PREVIOUS):
        members = archives.members_of(run / name)
        blocks = {block: npy(np.zeros(9 * 3 + 3 + 3 + 1, np.float32)) for block in checkpoint.block_names(Config())}
        (run / name).write_bytes(sealed(members, **blocks, **rest(members, "facts", "image_shape", value=[3, 3])))
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    capsys.readouterr()
    assert train(monkeypatch, "--resume", run, "--set", "training.epochs=4") == 2
    assert "checkpoint.npz: of images of another size than (4, 4): " in one_message(capsys.readouterr().err)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def forge_model(directory, change):
    """Change the model's arrays, given the names of their files, and the SHA-256 in the manifest with them."""
    path = directory / "model.npz"
    members = archives.members_of(path)
    path.write_bytes(archives.archive([item for item in (members | change(members)).items() if item[1] is not None]))
    amend(directory, weights_sha256=sha256(path))


def amend(directory, **facts):
    """Change these values in the manifest."""
    path = directory / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


MODELS = {
    "weights of nan": {"W1.npy": npy(np.full((4, 3), np.nan, np.float32))},
    "a weight of inf": {"b2.npy": npy(np.array([np.inf], np.float32))},
    "weights of float64": {"W1.npy": npy(np.zeros((4, 3)))},
    "weights of text": {"W1.npy": npy(np.full((4, 3), "1"))},
    **{f"weights of {dtype}": {"W1.npy": zeros(dtype, (4, 3))} for dtype in DTYPES},
    "other weights": {"W1.npy": npy(np.zeros((3, 4), np.float32))},
    "a layer more": {"W3.npy": npy(np.zeros((1, 1), np.float32)), "b3.npy": npy(np.zeros(1, np.float32))},
    "a layer less": {"W2.npy": None},
    "no config": {"config.npy": None},
    "a config of numbers": {"config.npy": npy(np.zeros(3))},
    "a config of 300 kB": {"config.npy": npy(np.array('{"model": {"loss": "' + "e" * 300_000 + '"}}'))},
    "a deep config": {"config.npy": npy(np.array('{"model":' * 6000))},
    "a config of half characters": {"config.npy": archives.text_array("{\ud800}")},
    "a header that recurses": {"b1.npy": with_header("-" * 9000 + "1")},
}


@pytest.mark.parametrize("changes", MODELS.values(), ids=MODELS)
def test_a_forged_model_is_refused_by_name(changes, settings, injected):
    directory, _ = finished_run(settings)
    forge_model(directory, lambda members: changes)
    with within_bounds(directory / "model.npz"), pytest.raises(InputError, match="train the run again") as error:
        finished_runs.read_run(directory)
    assert str(error.value).startswith(f"{directory / 'model.npz'}: ")
    injected("sealed archives: forged models, refused")


def test_a_model_whose_weights_overflow_is_not_evaluated(digits_run, tmp_path, here, injected):
    not_evaluated = shutil.ignore_patterns("evaluation-*")
    directory = Path(shutil.copytree(digits_run, tmp_path / "run", ignore=not_evaluated))
    forge_model(directory, lambda members: {"W1.npy": npy(np.resize(np.float32([3e38, 3e38, -3e38]), (784, 32)))})
    done = here("scripts/evaluate.py", directory)
    assert (done.returncode, done.stdout) == (2, "")
    message = one_message(done.stderr)
    assert message.startswith(f"error: {directory / 'model.npz'}: weights so large that the loss is nan: ")
    assert not list(directory.glob("evaluation-*"))
    injected("sealed archives: forged models, refused")


def test_a_model_from_a_machine_with_the_other_byte_order_is_read(settings):
    directory, network = finished_run(settings)

    def swap(members):
        arrays = {name: np.load(io.BytesIO(content)) for name, content in members.items()}
        return {name: npy(array.astype(array.dtype.newbyteorder(">"))) for name, array in arrays.items()}

    forge_model(directory, swap)
    np.testing.assert_array_equal(finished_runs.read_run(directory).network.parameter_block, network.parameter_block)


MANIFESTS = {
    "images of 1e18 pixels": {"image_shape": [10**9, 10**9]},
    "images of 1e4000 pixels": {"image_shape": [10**4000, 1]},
    "images of 5 million pixels": {"image_shape": [5000, 1000]},
    "images of text": {"image_shape": ["2", "2"]},
    "images that are true": {"image_shape": [True, True]},
    "images of three axes": {"image_shape": [2, 2, 1]},
    "no training files": {"training_files": {}},
    "one training file": {"training_files": {"train-images-idx3-ubyte": "a" * 64}},
    "three training files": {"training_files": FILES | {"more": "a" * 64}},
    "test files": {"training_files": {name.replace("train", "t10k"): digest for name, digest in FILES.items()}},
    "training files elsewhere": {"training_files": {f"/etc/{name}": digest for name, digest in FILES.items()}},
    "training files in the wrong order": {"training_files": dict(reversed(FILES.items()))},
    "a SHA-256 of anything": {"training_files": dict.fromkeys(FILES, "../..")},
    "a short SHA-256 of the model": {"weights_sha256": "abc"},
    "seconds of nan": {"seconds": np.nan},
    "seconds below 0": {"seconds": -1},
    "a status of its own": {"status": "fine"},
    "an end of 2,000 letters": {"ended": "9" * 2000},
    "images below 0": {"images": {"validation": -1}},
    "images without end": {"images": {"validation": 10**4000}},
    "a gradient check of text": {"gradient_check": {"tolerance": "none", "errors": {}}},
    "libraries of text": {"blas": ["OpenBLAS"]},
}


@pytest.mark.parametrize("facts", MANIFESTS.values(), ids=MANIFESTS)
def test_a_forged_manifest_is_refused_by_name(facts, settings, injected):
    directory, _ = finished_run(settings)
    amend(directory, **facts)
    path = directory / "manifest.json"
    with within_bounds(path), pytest.raises(InputError, match="not the manifest of a run") as error:
        finished_runs.read_run(directory)
    assert str(error.value).startswith(f"{path}: not the manifest of a run ({next(iter(facts))}")
    assert len(str(error.value)) < 400
    injected("sealed archives: forged manifests, refused")


def test_a_manifest_without_training_files_is_not_that_of_a_finished_run(settings):
    directory, _ = finished_run(settings)
    amend(directory, training_files=None)
    with pytest.raises(InputError, match="not a finished run"):
        finished_runs.read_run(directory)
