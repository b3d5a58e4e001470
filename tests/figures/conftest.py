"""What the tests of figures share."""

import matplotlib.image
import numpy as np
import pytest

from mlp.data import dataset
from tests.conftest import write_folder


@pytest.fixture
def images(tmp_path):
    return dataset.load(write_folder(tmp_path / "f", [0, 1] * 30, [0, 1]), "training", (0, 1))


def pixels(path):
    """The picture as written; it must show more than an empty page."""
    assert path.read_bytes().startswith(b"\x89PNG")
    picture = matplotlib.image.imread(path)
    assert len(np.unique(picture[..., :3] @ [1, 3, 5])) > 10
    return picture
