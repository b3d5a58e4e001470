"""Promises of mlp.data.svd: the singular value decomposition, for which X' X is formed only if images are small."""

from dataclasses import replace

import numpy as np
import pytest

from mlp import idx
from mlp.data import dataset
from mlp.data.svd import leading_eigenvectors, project
from mlp.system.errors import InputError
from tests.conftest import write_folder


@pytest.mark.parametrize("center", [False, True])
def test_it_equals_numpys_full_svd_on_the_first_thousand_of_each_digit(training_digits, center):
    images = training_digits.first_of_each(1000)
    X = images.pixels().astype(float)
    X -= X.mean(axis=0) if center else 0
    U, S, Vt = np.linalg.svd(X, full_matrices=False)
    projection = project(images, center=center)
    np.testing.assert_allclose(projection.singular_values, S[:2], rtol=1e-11)
    many = project(images, components=300, center=center).singular_values
    np.testing.assert_allclose(many, S[:300], rtol=1e-6)
    np.testing.assert_allclose(projection.explained_variance()[:2], (S**2 / np.sum(S**2))[:2], rtol=1e-9)
    coordinates = projection.coordinates(images)
    for k in range(2):
        sign = np.sign(projection.directions[:, k] @ Vt[k])
        error = np.abs(coordinates[:, k] - sign * U[:, k] * S[k]).max()
        assert error < 1e-6 * np.abs(coordinates[:, k]).max()


def test_signs_are_fixed_by_the_largest_entry(training_digits):
    directions = project(training_digits.first_of_each(50), components=5).directions
    assert np.all(directions[np.abs(directions).argmax(axis=0), range(5)] > 0)


def test_it_does_not_depend_on_the_size_of_its_blocks(training_digits, monkeypatch):
    images = training_digits.first_of_each(100)
    whole = project(images)
    monkeypatch.setattr("mlp.network.BLOCK_ROWS", 7)
    blocks = project(images)
    np.testing.assert_array_equal(blocks.directions, whole.directions)  # sums of whole numbers are exact
    np.testing.assert_allclose(blocks.coordinates(images), whole.coordinates(images), rtol=1e-12, atol=1e-9)


def test_all_directions_rebuild_the_images_and_two_do_it_best(tmp_path):
    images = dataset.load(write_folder(tmp_path / "f", [0, 1] * 20, [0, 1]), "training", (0, 1))
    X = images.pixels().astype(float)
    for center in (False, True):
        whole = project(images, components=16, center=center)
        np.testing.assert_allclose(whole.rebuild(whole.coordinates(images)), X, atol=1e-9)
        two = project(images, center=center)
        lost = np.sum((two.rebuild(two.coordinates(images)) - X) ** 2)
        assert lost == pytest.approx(np.sum(whole.singular_values[2:] ** 2), rel=1e-9)  # Eckart and Young
        assert whole.energy == two.energy == pytest.approx(np.sum((X - whole.mean) ** 2), rel=1e-12)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.ones((4, 1, 1)), "2 directions need images of at least 2 pixels, not 1"),
        (np.zeros((4, 3, 3)), "are all empty: choose others"),
    ],
)
def test_images_without_a_plane_are_refused(tmp_path, images, message):
    folder = write_folder(tmp_path / "f", [0, 1, 0, 1], [0, 1])
    idx.write(folder / "train-images-idx3-ubyte", images.astype(np.uint8))
    with pytest.raises(InputError, match=message):
        project(dataset.load(folder, "training", (0, 1)))


def test_fewer_images_than_pixels_will_do(training_digits):
    images = training_digits.first_of_each(2)
    singular_values = np.linalg.svd(images.pixels().astype(float), compute_uv=False)
    np.testing.assert_allclose(project(images, components=4).singular_values, singular_values, rtol=1e-6)
    rest = project(images, components=8)
    assert np.all(rest.singular_values[4:] < 1e-6 * singular_values[0])
    np.testing.assert_allclose(rest.directions.T @ rest.directions, np.eye(8), atol=1e-12)


def test_bytes_of_255_everywhere_are_summed_without_rounding(tmp_path):
    """The largest possible sums: 300 images of 9 pixels have one singular value, 255 sqrt(300 * 9)."""
    folder = write_folder(tmp_path / "f", [0, 1] * 150, [0, 1])
    idx.write(folder / "train-images-idx3-ubyte", np.full((300, 3, 3), 255, np.uint8))
    projection = project(dataset.load(folder, "training", (0, 1)))
    assert projection.energy == 255**2 * 300 * 9
    np.testing.assert_allclose(projection.singular_values, [255 * np.sqrt(2700), 0], rtol=1e-12, atol=1e-3)


def test_pixels_without_ink_are_directions_if_no_others_are_left(tmp_path):
    folder = write_folder(tmp_path / "f", [0, 1, 0, 1], [0, 1])
    images = np.zeros((4, 2, 2), np.uint8)
    images[:, 1, 0] = 3, 4, 0, 0
    idx.write(folder / "train-images-idx3-ubyte", images)
    projection = project(dataset.load(folder, "training", (0, 1)), components=4)
    np.testing.assert_allclose(projection.singular_values, [5, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(projection.directions[:, 0], [0, 0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(projection.directions.T @ projection.directions, np.eye(4), atol=1e-12)
    two = project(dataset.load(folder, "training", (0, 1))).directions
    np.testing.assert_allclose(two.T @ two, np.eye(2), atol=1e-12)


@pytest.mark.parametrize(
    "eigenvalues",
    [
        pytest.param(np.arange(90, 0, -1.0) ** 2, id="apart"),
        pytest.param(np.array([5.0, 5, 5, *[1e-3] * 87]), id="equal ones"),
        pytest.param(np.array([1e6, 1, *np.linspace(0.999, 0.9, 88)]), id="crowded"),
        pytest.param(np.array([1e10, 1, *np.linspace(0.9, 0.1, 88)]), id="far apart"),
        pytest.param(np.array([7.0, *[0] * 89]), id="one alone"),
        pytest.param(np.ones(90), id="all the same"),
    ],
)
def test_the_leading_eigenvectors_are_those_of_any_spectrum(eigenvalues):
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((90, 90)))[0]
    G = (Q * eigenvalues) @ Q.T
    found, V = leading_eigenvectors(G.__matmul__, 90, 2)
    np.testing.assert_allclose(found, eigenvalues[:2], rtol=1e-10, atol=1e-15 * eigenvalues[0])
    np.testing.assert_allclose(G @ V, V * found, atol=1e-12 * eigenvalues[0])
    np.testing.assert_allclose(V.T @ V, np.eye(2), atol=1e-12)


def test_for_the_digits_the_iteration_ends_by_itself(training_digits, monkeypatch):
    """With a tenth of all directions, as the whole decomposition takes several times as long."""
    eigh, sizes = np.linalg.eigh, []
    monkeypatch.setattr(np.linalg, "eigh", lambda G: sizes.append(len(G)) or eigh(G))
    for center in (False, True):
        project(training_digits.first_of_each(500), center=center)
    assert max(sizes) < 90
    assert len(sizes) < 30  # rounds


def test_the_second_singular_value_is_exact_beside_a_far_larger_one(tmp_path):
    """Images that are almost the same: the second is about 1/25,000 of the first."""
    folder = write_folder(tmp_path / "f", [0, 1] * 500, [0, 1])
    images = np.full((1000, 12, 12), 200, np.uint8)
    random = np.random.default_rng(0)
    images.reshape(1000, -1)[random.choice(1000, 400, replace=False), random.integers(0, 144, 400)] += 1
    idx.write(folder / "train-images-idx3-ubyte", images)
    exact = np.linalg.svd(images.reshape(1000, -1).astype(float), compute_uv=False)[:2]
    assert exact[1] < 5e-5 * exact[0]
    found = project(dataset.load(folder, "training", (0, 1))).singular_values
    np.testing.assert_allclose(found, exact, rtol=1e-6)


def test_equal_images_have_no_plane_around_their_mean(tmp_path):
    folder = write_folder(tmp_path / "f", [0, 1, 0, 1], [0, 1])
    idx.write(folder / "train-images-idx3-ubyte", np.full((4, 3, 3), 7, np.uint8))
    with pytest.raises(InputError, match="the 4 images chosen are all the same"):
        project(dataset.load(folder, "training", (0, 1)), center=True)


def test_rounding_never_makes_a_singular_value_nan(tmp_path):
    folder = write_folder(tmp_path / "f", [0, 1] * 150, [0, 1])
    idx.write(folder / "train-images-idx3-ubyte", np.full((300, 3, 3), 255, np.uint8))
    values = project(dataset.load(folder, "training", (0, 1)), components=9).singular_values
    np.testing.assert_allclose(values[1:], 0, atol=1e-3)


@pytest.fixture(params=["X' X", "products"])
def way(request, monkeypatch):
    """Both ways to find the directions: with X' X formed, and by products with X alone, in small blocks."""
    if request.param == "products":
        monkeypatch.setattr("mlp.data.svd.MAX_GRAM_PIXELS", 0)
        monkeypatch.setattr("mlp.network.BLOCK_ROWS", 7)


def made(tmp_path, images):
    """A data set of these images, (n, rows, columns)."""
    folder = write_folder(tmp_path / "f", [0, 1] * (len(images) // 2 + 1), [0, 1])
    idx.write(folder / "train-images-idx3-ubyte", np.asarray(images, np.uint8))
    idx.write(folder / "train-labels-idx1-ubyte", np.arange(len(images), dtype=np.uint8) % 2)
    return dataset.load(folder, "training", (0, 1))


RANDOM = np.random.default_rng(3)
MADE = {
    "more images than pixels": RANDOM.integers(0, 256, (40, 4, 5)),
    "more pixels than images": RANDOM.integers(0, 256, (30, 9, 11)),
    "fewer images than directions": RANDOM.integers(0, 256, (2, 9, 9)),
    "of low rank": np.tensordot(RANDOM.integers(0, 9, (30, 2)), RANDOM.integers(0, 9, (2, 8, 9)), axes=1),
    "constant pixels": RANDOM.integers(0, 256, (30, 9, 9)) * (np.arange(81).reshape(9, 9) % 3 > 1) + 7,
    "equal singular values": np.eye(24).reshape(24, 4, 6) * 200,
    "one row": RANDOM.integers(0, 256, (30, 1, 90)),
}


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("images", MADE.values(), ids=MADE)
def test_either_way_it_equals_numpys_full_svd(images, center, way, tmp_path):
    projection = project(made(tmp_path, images), components=4, center=center)
    X = images.reshape(len(images), -1).astype(np.uint8).astype(float)
    X -= X.mean(axis=0) if center else 0
    exact = np.linalg.svd(X, compute_uv=False)
    exact = np.pad(exact, (0, max(0, 4 - len(exact))))
    V = projection.directions
    np.testing.assert_allclose(projection.singular_values, exact[:4], rtol=1e-9, atol=1e-7 * exact[0])
    np.testing.assert_allclose(np.linalg.norm(X @ V, axis=0), exact[:4], rtol=1e-9, atol=1e-7 * exact[0])
    np.testing.assert_allclose(V.T @ V, np.eye(4), atol=1e-12)
    assert projection.energy == pytest.approx(np.sum(X**2), rel=1e-12)
    assert projection.explained_variance()[:2] == pytest.approx(np.square(exact[:2]) / np.sum(exact**2), rel=1e-9)


def test_either_way_gives_the_same_plane(training_digits, monkeypatch):
    images = training_digits.first_of_each(150)
    for center in (False, True):
        formed = project(images, center=center)
        with monkeypatch.context() as patch:
            patch.setattr("mlp.data.svd.MAX_GRAM_PIXELS", 0)
            by_products = project(images, center=center)
        scale = formed.singular_values[0]
        np.testing.assert_allclose(by_products.directions, formed.directions, atol=1e-11)
        np.testing.assert_allclose(by_products.coordinates(images), formed.coordinates(images), atol=1e-11 * scale)


def test_either_way_images_without_a_plane_are_refused(way, tmp_path):
    for level, center, message in ((0, False, "are all empty"), (0, True, "all empty"), (7, True, "all the same")):
        with pytest.raises(InputError, match=message):
            project(made(tmp_path, np.full((31, 3, 3), level)), center=center)


def test_one_image_is_its_own_direction(way, tmp_path):
    image = np.arange(60).reshape(1, 6, 10)
    projection = project(replace(images := made(tmp_path, np.concatenate([image, image])), indices=images.indices[:1]))
    np.testing.assert_allclose(projection.singular_values, [np.linalg.norm(image), 0], atol=1e-5)
    np.testing.assert_allclose(projection.directions[:, 0], image.ravel() / np.linalg.norm(image), atol=1e-12)


def test_close_singular_values_take_more_rounds(tmp_path):
    """For noise the second is 0.2 % above the third, and all others are close."""
    images = made(tmp_path, np.random.default_rng(5).integers(0, 256, (150, 50, 50)))
    X = images.pixels().astype(float)
    _, S, Vt = np.linalg.svd(X, full_matrices=False)
    projection = project(images)
    np.testing.assert_allclose(projection.singular_values, S[:2], rtol=1e-12)
    np.testing.assert_allclose(np.abs(np.sum(projection.directions.T * Vt[:2], axis=1)), 1, atol=1e-12)
