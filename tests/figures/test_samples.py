"""Promises of mlp.figures.samples: which images of each class stand in the figure."""

import numpy as np
from matplotlib.axes import Axes

from mlp.figures import samples


def test_a_row_has_up_to_ten_images_spread_over_all_of_a_class(tmp_path, monkeypatch):
    sheets = []
    monkeypatch.setattr(Axes, "imshow", lambda axes, sheet, **options: sheets.append(sheet))
    monkeypatch.setattr(samples, "save", lambda figure, path: None)
    levels = np.arange(1, 24, dtype=np.uint8)  # each image has a grey level of its own
    labels = np.repeat(np.uint8([7, 9]), [20, 3])
    samples.class_samples(tmp_path / "samples.png", np.tile(levels[:, None, None], (4, 4)), labels, {})
    rows = [[level for level in np.unique(row) if level] for row in np.split(sheets[0], 2)]
    assert rows == [[1, 3, 5, 7, 9, 12, 14, 16, 18, 20], [21, 22, 23]]
