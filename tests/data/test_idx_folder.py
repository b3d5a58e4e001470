"""Promises of mlp.data.idx_folder: the four files are found under all their names, faulty folders refused."""

import gzip
import hashlib
import shutil
import weakref
from dataclasses import replace

import numpy as np
import pytest

from mlp import idx
from mlp.data import idx_folder
from mlp.system import files
from mlp.system.errors import InputError
from tests.conftest import ROOT, write_folder

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize("joint", ["-", "."])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_each_spelling_is_found(folder, joint, ending):
    for name in (IMAGES, LABELS):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / (name.replace("-idx", f"{joint}idx") + ending)).write_bytes(
            gzip.compress(content) if ending else content
        )
    part = idx_folder.open_part(folder, "training")
    assert part.images.shape == (40, 4, 4)
    np.testing.assert_array_equal(part.images[:, 0, 0], 28 * part.labels)


def torchvision(folder):
    """Raw and .gz files side by side."""
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))


def kaggle_folders(folder):
    """Each file in a folder of its own name."""
    for path in list(folder.iterdir()):
        content = path.read_bytes()
        path.unlink()
        path.mkdir()
        (path / path.name).write_bytes(content)


def kaggle(folder):
    """The same, and beside each folder the file again under its name with a dot."""
    for path in list(folder.iterdir()):
        shutil.copy(path, path.with_name(path.name.replace("-idx", ".idx")))
        content = path.read_bytes()
        path.unlink()
        path.mkdir()
        (path / path.name).write_bytes(content)


def everything(folder):
    """Four copies of each file, and a fifth in a folder whose name has a dot and an ending."""
    torchvision(folder)
    for path in list(folder.iterdir()):
        dotted = path.with_name(path.name.replace("-idx", ".idx"))
        if path.suffix == ".gz":
            dotted.mkdir()
            dotted /= dotted.stem
        shutil.copy(path, dotted)


def renamed(folder):
    """Raw bytes under names that end in .gz."""
    for path in list(folder.iterdir()):
        path.rename(path.with_name(f"{path.name}.gz"))


def exchanged(folder):
    """Raw bytes under the names that end in .gz, and gzipped ones under the raw names."""
    for path in list(folder.iterdir()):
        content = path.read_bytes()
        path.with_name(f"{path.name}.gz").write_bytes(content)
        path.write_bytes(gzip.compress(content))


LEFT = [torchvision, kaggle, kaggle_folders, everything, renamed, exchanged]


@pytest.mark.parametrize("leave", LEFT, ids=lambda leave: leave.__name__)
def test_folders_as_other_programs_leave_them_are_read_alike(leave, folder):
    plain = {part: idx_folder.open_part(folder, part) for part in ("training", "test")}
    arrays = {part: (np.array(plain[part].images), np.array(plain[part].labels)) for part in plain}
    leave(folder)
    for part, (images, labels) in arrays.items():
        found = idx_folder.open_part(folder, part)
        np.testing.assert_array_equal(found.images, images)
        np.testing.assert_array_equal(found.labels, labels)
        assert not any(path.read_bytes().startswith(b"\x1f\x8b") for path in found.files.values())  # raw is read


def test_the_recorded_sha256_chooses_between_two_copies(folder):
    recorded = idx_folder.open_part(folder, "training").sha256()
    torchvision(folder)
    both = idx_folder.open_part(folder, "training")
    for path in (folder / IMAGES, folder / LABELS):
        path.unlink()
    packed = idx_folder.open_part(folder, "training").sha256()
    assert list(packed) == [f"{IMAGES}.gz", f"{LABELS}.gz"]
    for name, content in ((IMAGES, both.images), (LABELS, both.labels)):
        idx.write(folder / name, content)
    both = idx_folder.open_part(folder, "training")
    for known in (recorded, packed):
        assert both.sha256(known.values()) == known
    assert both.sha256(["0" * 64]) == recorded


TWO = {
    "train-images.idx3-ubyte": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "train-images-idx3-ubyte.gz": lambda content: gzip.compress(content[:-1] + bytes([content[-1] ^ 1])),
}


@pytest.mark.parametrize(("name", "change"), TWO.items(), ids=TWO)
def test_copies_that_differ_are_refused_by_both_names(name, change, folder):
    (folder / name).write_bytes(change((folder / IMAGES).read_bytes()))
    with pytest.raises(InputError) as error:
        idx_folder.open_part(folder, "training")
    assert str(error.value) == (
        f"{folder / IMAGES} and {name} are two spellings of one file, and their content differs: remove one of them"
    )


def test_if_one_of_two_copies_is_damaged_it_is_named(folder):
    other = folder / f"{IMAGES}.gz"
    other.write_bytes(gzip.compress((folder / IMAGES).read_bytes())[:-9])
    with pytest.raises(InputError) as error:
        idx_folder.open_part(folder, "training")
    assert (
        f"{IMAGES}.gz are two spellings of one file, and one cannot be read: remove or replace it:\n{other}: trunc"
        in str(error.value)
    )


ELSEWHERE = {
    "MNIST/raw/train-images-idx3-ubyte": "name the folder {folder}/MNIST/raw, which has them",
    "raw/train-images-idx3-ubyte/train-images.idx3-ubyte": "name the folder {folder}/raw, which has them",
    "emnist-letters-train-images-idx3-ubyte.gz": "rename emnist-letters-train-images-idx3-ubyte.gz to "
    "train-images-idx3-ubyte.gz, if it is that file (EMNIST's images are transposed: set data.transpose to true)",
    "TRAIN-IMAGES.IDX3-UBYTE": "rename TRAIN-IMAGES.IDX3-UBYTE to train-images-idx3-ubyte, if it is that file",
    "train-images-idx3-ubyte (1).gz": "rename train-images-idx3-ubyte (1).gz to train-images-idx3-ubyte.gz, if",
    "train-images-idx3-ubyte.gz.part": "train-images-idx3-ubyte.gz.part is an incomplete download: fetch it",
    "archive.zip": "unpack archive.zip, and put train-images-idx3-ubyte there",
    "mnist.npz": "mnist.npz is not in the IDX format: python scripts/import_images.py makes a data folder of it",
    "mnist.pkl": "mnist.pkl is not in the IDX format: put train-images-idx3-ubyte there (python scripts/download",
    "circle/1.JPG": "it holds pictures: python scripts/import_images.py makes a data folder of them",
    "1.png": "put one of train-images-idx3-ubyte, ",
    "mnist_train.csv": "mnist_train.csv is not in the IDX format",
    "__MACOSX/._train-images-idx3-ubyte": "put one of train-images-idx3-ubyte, ",
    "a/b/c/train-images-idx3-ubyte": "put one of train-images-idx3-ubyte, ",
    "t10k-images-idx3-ubyte (1)": "put one of train-images-idx3-ubyte, ",
}


@pytest.mark.parametrize(("name", "cure"), ELSEWHERE.items(), ids=ELSEWHERE)
def test_the_message_about_a_missing_file_names_what_is_there_instead(name, cure, folder):
    (folder / IMAGES).unlink()
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()
    with pytest.raises(InputError) as error:
        idx_folder.open_part(folder, "training")
    assert str(error.value).startswith(f"{folder}: no training images: {cure.format(folder=folder)}")


def test_a_folder_without_permission_is_not_reported_as_empty(folder, monkeypatch):
    def forbidden(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.lstat", forbidden)
    with pytest.raises(PermissionError):
        idx_folder.open_part(folder, "training")


def test_the_sha256_is_that_of_the_file_on_the_disk(folder):
    part = idx_folder.open_part(folder, "test")
    name = "t10k-labels-idx1-ubyte"
    assert part.sha256()[name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()


def write(folder, name, array):
    idx.write(folder / name, array)


BAD = {
    "no folder": (lambda folder: shutil.rmtree(folder), "no such folder"),
    "no images": (lambda folder: (folder / IMAGES).unlink(), "no training images: put one of train-images"),
    "an empty folder in its place": (
        lambda folder: ((folder / IMAGES).unlink(), (folder / IMAGES).mkdir()),
        "no training images: put one of train-images",
    ),
    "a file for a folder": (lambda folder: (shutil.rmtree(folder), folder.touch()), "not a folder: it must hold four"),
    "no labels": (lambda folder: (folder / LABELS).unlink(), "no training labels"),
    "a link to nowhere": (
        lambda folder: ((folder / IMAGES).unlink(), (folder / IMAGES).symlink_to("nowhere")),
        "No such file",
    ),
    "counts that differ": (lambda folder: write(folder, LABELS, np.zeros(39, np.uint8)), "39 labels, but .* 40 images"),
    "labels as images": (lambda folder: shutil.copy(folder / LABELS, folder / IMAGES), "1 axes of uint8, images must"),
    "images as labels": (lambda folder: shutil.copy(folder / IMAGES, folder / LABELS), "3 axes of uint8, labels must"),
    "images of floats": (lambda folder: write(folder, IMAGES, np.zeros((40, 4, 4), np.float32)), "3 axes of float32"),
    "no image at all": (
        lambda folder: (
            write(folder, IMAGES, np.zeros((0, 4, 4), np.uint8)),
            write(folder, LABELS, np.zeros(0, np.uint8)),
        ),
        "no image in it",
    ),
    "images of no pixels": (lambda folder: write(folder, IMAGES, np.zeros((40, 0, 4), np.uint8)), "no image in it"),
}


@pytest.mark.parametrize(("damage", "message"), BAD.values(), ids=BAD)
def test_a_faulty_folder_is_refused(damage, message, folder):
    damage(folder)
    with pytest.raises(InputError, match=message) as error:
        idx_folder.open_part(folder, "training")
    assert str(folder) in str(error.value)


def test_labels_may_be_any_byte(folder):
    write(folder, LABELS, np.array([0] * 38 + [47, 255], np.uint8))
    assert idx_folder.open_part(folder, "training").indices_of([255, 47]).tolist() == [38, 39]


def test_a_part_that_was_read_before_is_read_again_when_a_file_was_changed_and_only_then(folder, monkeypatch):
    monkeypatch.setattr(files, "TIME_RESOLUTION", 0)
    first, again, lying = (
        idx_folder.open_part(folder, "training", transpose=turned) for turned in (False, False, True)
    )
    assert first.images is again.images is lying.images
    assert (first.transpose, lying.transpose) == (False, True)
    for name in (IMAGES, LABELS):
        array = idx.read(folder / name).copy()
        array[-1] += 1
        idx.write(folder / name, array)
        found = idx_folder.open_part(folder, "training")
        np.testing.assert_array_equal(getattr(found, "images" if name == IMAGES else "labels"), array)
        assert found.sha256()[name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_two_threads_that_open_two_folders_do_not_get_each_others_images(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "TIME_RESOLUTION", 0)
    second = write_folder(tmp_path / "second", [1, 0] * 7, [0, 1])
    held = {}
    monkeypatch.setattr(idx_folder, "_in_memory", held)
    other, first = (idx_folder.open_part(path, "training") for path in (second, folder))

    class Stamps(dict):
        """While they are compared, another thread opens the other folder."""

        def __eq__(self, stamps):
            held["training"] = other
            return dict(self) == stamps

        __hash__ = None

    held["training"] = replace(first, stamps=Stamps(first.stamps))
    assert idx_folder.open_part(folder, "training").images is first.images


def test_large_images_do_not_stay_in_memory(folder, monkeypatch):
    monkeypatch.setattr(files, "TIME_RESOLUTION", 0)
    for name in (IMAGES, LABELS):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    held = weakref.ref(idx_folder.open_part(folder, "training").images)
    assert held() is not None
    monkeypatch.setattr(idx, "MAX_BYTES_IN_MEMORY", held().nbytes - 1)
    (folder / f"{LABELS}.gz").touch()
    large = weakref.ref(idx_folder.open_part(folder, "training").images)
    assert held() is None
    assert large() is None


@pytest.mark.parametrize("limit", [idx.MAX_BYTES_IN_MEMORY, 1], ids=["in memory", "by rows"])
def test_transposed_images_are_turned_upright_as_a_whole_and_in_parts(folder, limit, monkeypatch):
    monkeypatch.setattr(idx, "MAX_BYTES_IN_MEMORY", limit)
    lying = np.random.default_rng(0).integers(0, 256, (40, 5, 3), dtype=np.uint8)
    write(folder, IMAGES, lying)
    upright = np.stack([image.T for image in lying])
    source = idx_folder.open_part(folder, "training", transpose=True)
    assert source.image_shape == (3, 5)
    chosen, out = np.array([7, 1, 39]), np.empty((3, 3, 5), np.uint8)
    np.testing.assert_array_equal(source.take(chosen), upright[chosen])
    np.testing.assert_array_equal(source.take(chosen, out), upright[chosen])
    np.testing.assert_array_equal(out, upright[chosen])
    part = source.take_pixels(chosen, slice(4, 11))
    np.testing.assert_array_equal(part, upright[chosen].reshape(3, 15)[:, 4:11])


def test_the_bundled_digits_are_the_files_that_their_readme_describes():
    readme = (ROOT / "data" / "README.md").read_text()
    for part in ("training", "test"):
        for name, sha256 in idx_folder.open_part(ROOT / "data", part).sha256().items():
            assert f"{name}` | `{sha256}" in readme
