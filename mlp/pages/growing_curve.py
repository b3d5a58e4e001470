"""A curve that grows by a point an epoch, for a page that is written again and again."""

MAX_GROUPS = 400
"""More than a chart on a phone has pixels across."""
DIGITS = 6
"""Significant ones: more than a chart can show."""

Point = tuple[int, float]


class GrowingCurve:
    """At most 2 MAX_GROUPS + 1 points: the lowest and the highest of each group of epochs, so that no peak is lost.

    If there are too many groups, neighbours are joined: a point costs the same however long the curve is.
    """

    def __init__(self) -> None:
        self._groups: list[tuple[Point, Point]] = []
        """The lowest and the highest point of each."""
        self._size = 1
        """Points in each group but the last."""
        self._in_last = 0
        self._newest: Point | None = None

    def __repr__(self) -> str:
        return f"GrowingCurve({len(self._groups)} groups of {self._size})"

    def add(self, x: int, y: float) -> None:
        """Add a point behind the others."""
        point = self._newest = (x, float(f"{y:.{DIGITS}g}"))
        if self._groups and self._in_last < self._size:
            self._groups[-1] = _joined(self._groups[-1], (point, point))
            self._in_last += 1
            return
        if len(self._groups) == MAX_GROUPS:
            pairs = zip(self._groups[::2], self._groups[1::2], strict=True)
            self._groups = [_joined(first, second) for first, second in pairs]
            self._size *= 2
        self._groups.append((point, point))
        self._in_last = 1

    @property
    def points(self) -> list[Point]:
        """In the order of x; the newest one is always the last."""
        kept = {point for group in self._groups for point in group}
        return sorted(kept | ({self._newest} if self._newest else set()))


def _joined(one: tuple[Point, Point], other: tuple[Point, Point]) -> tuple[Point, Point]:
    return min(one[0], other[0], key=_height), max(one[1], other[1], key=_height)


def _height(point: Point) -> float:
    return point[1]
