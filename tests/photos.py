"""Simulated photos: a digit on paper, lit, shadowed, soiled, ruled, scanned.

Brightness is light times what the paper and the ink reflect. Each kind takes a digit (28, 28), 0 to 1, and a random
generator, and returns a picture of bytes.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter


def on_paper(digit, random, contrast=0.8, sides=(40, 60, 120)):
    """The fraction of the light that a sheet reflects: a digit of 45 to 75 % of its side, anywhere on it."""
    side = int(random.choice(sides))
    size = int(side * random.uniform(0.45, 0.75))
    scaled = np.asarray(Image.fromarray((255 * digit).astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC))
    sheet = np.ones((side, side))
    row, column = random.integers(0, side - size + 1, 2)
    sheet[row : row + size, column : column + size] -= contrast * scaled / 255
    return sheet


def places(sheet, random):
    """Rows and columns from 0 to 1, turned by a random multiple of 90 degrees."""
    grid = np.mgrid[: len(sheet), : len(sheet)] / (len(sheet) - 1)
    return np.rot90(grid, random.integers(4), axes=(1, 2))


def as_bytes(brightness):
    return np.clip(np.round(brightness), 0, 255).astype(np.uint8)


def even(digit, random):
    return as_bytes(220 * on_paper(digit, random))


def shadow(ratio, blur=0.0):
    """A shadow on a corner. ``ratio``: brightness of paper over shadow; ``blur``: width of its edge over the side."""

    def picture(digit, random):
        sheet = on_paper(digit, random)
        depth = places(sheet, random).sum(axis=0) - random.uniform(1.2, 1.75)
        share = 1 / (1 + np.exp(-np.clip(depth / max(blur, 1e-3), -50, 50)))
        return as_bytes(220 * sheet * (1 - share * (1 - 1 / ratio)))

    return picture


def lamp(ratio):
    """A lamp at any side. ``ratio``: brightness of the lightest paper over the darkest."""

    def picture(digit, random):
        sheet = on_paper(digit, random)
        across, down = places(sheet, random)
        angle = random.uniform(0, np.pi / 2)
        distance = np.cos(angle) * across + np.sin(angle) * down
        return as_bytes(230 * sheet * (1 - distance / distance.max() * (1 - 1 / ratio)))

    return picture


def pencil(grain, contrast=0.35):
    def picture(digit, random):
        sheet = on_paper(digit, random, contrast, sides=(60, 120))
        return as_bytes(210 * sheet + random.normal(0, grain, sheet.shape))

    return picture


def table(digit, random):
    """A dark strip at an edge, a little tilted, with a grain of its own."""
    sheet = on_paper(digit, random)
    across, down = places(sheet, random)
    is_table = across < random.uniform(0.03, 0.12) + random.uniform(-0.06, 0.06) * (down - 0.5)
    return as_bytes(np.where(is_table, 220 * random.uniform(0.15, 0.5) + random.normal(0, 5, sheet.shape), 220 * sheet))


def dust(digit, random):
    """Two specks near the edges, where they would enlarge the bounding box."""
    picture = even(digit, random)
    side = len(picture)
    size = max(1, side // 30)
    for corner in (random.integers(0, side // 10 + 1, 2), side - size - random.integers(0, side // 10 + 1, 2)):
        picture[corner[0] : corner[0] + size, corner[1] : corner[1] + size] = 40
    return picture


def ruled(digit, random):
    sheet = on_paper(digit, random)
    side = len(sheet)
    lines = (np.arange(side) + random.integers(side)) % max(6, side // 6) < max(1, side // 100)
    sheet[lines] = np.minimum(sheet[lines], random.uniform(0.4, 0.85))
    return as_bytes(220 * sheet)


def squared(digit, random):
    """Squared paper: faint lines in both directions, blurred like the rest."""
    sheet = on_paper(digit, random, sides=(120, 200))
    side = len(sheet)
    lines = (np.arange(side) + random.integers(side)) % (side // 6) < max(2, side // 80)
    sheet[lines] = np.minimum(sheet[lines], 0.75)
    sheet[:, lines] = np.minimum(sheet[:, lines], 0.75)
    return np.asarray(Image.fromarray(as_bytes(220 * sheet)).filter(ImageFilter.GaussianBlur(1)))


def glare(digit, random):
    sheet = on_paper(digit, random)
    across, down = places(sheet, random)
    distance = np.hypot(across - random.uniform(0, 0.3), down - random.uniform(0, 0.3))
    return as_bytes(170 * sheet + 85 * np.exp(-((distance / random.uniform(0.1, 0.2)) ** 2)))


def dithered(digit, random):
    sheet = on_paper(digit, random, sides=(60, 120))
    return np.asarray(Image.fromarray(as_bytes(random.uniform(200, 240) * sheet)).convert("1").convert("L"))


def mixed(digit, random):
    """A lamp, a soft shadow, a table's edge and grain."""
    sheet = on_paper(digit, random, 0.6, sides=(60, 120))
    across, down = places(sheet, random)
    light = (1 - across * 0.35) * (1 - 0.25 / (1 + np.exp(-(across + down - 1.4) / 0.05)))
    light[:, : len(sheet) // 20] *= 0.3
    return as_bytes(225 * light * sheet + random.normal(0, 3, sheet.shape))


def negative(kind):
    return lambda digit, random: 255 - kind(digit, random)


KINDS: dict[str, Callable] = {
    "even light": even,
    "shadow 1.2": shadow(1.2),
    "shadow 1.5": shadow(1.5),
    "shadow 2, soft": shadow(2, 0.1),
    "lamp 1.6": lamp(1.6),
    "lamp 1.8": lamp(1.8),
    "lamp 3": lamp(3),
    "pencil, grain 6": pencil(6),
    "pencil, grain 12": pencil(12),
    "table": table,
    "dust": dust,
    "ruled": ruled,
    "squared": squared,
    "glare": glare,
    "dithered": dithered,
    "mixed": mixed,
    "lamp 1.8, light on dark": negative(lamp(1.8)),
    "table, light on dark": negative(table),
}
