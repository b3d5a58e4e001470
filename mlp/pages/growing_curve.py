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
        self._count = 0
        self._newest: list[Point] = []
        """The newest point, if there is one."""

    def __repr__(self) -> str:
        return f"GrowingCurve({self._count:,} points)"

    def add(self, x: int, y: float) -> None:
        """Add a point behind the others."""
        point = (x, y)
        self._newest = [point]
        if self._count % self._size:
            self._groups[-1] = _joined(self._groups[-1], (point, point))
        else:
            if len(self._groups) == MAX_GROUPS:
                self._groups = list(map(_joined, self._groups[::2], self._groups[1::2]))
                self._size *= 2
            self._groups.append((point, point))
        self._count += 1

    @property
    def points(self) -> list[Point]:
        """In the order of x, rounded; the newest one is always the last."""
        kept = {point for group in self._groups for point in group}.union(self._newest)
        return [(x, float(f"{y:.{DIGITS}g}")) for x, y in sorted(kept)]


def _joined(one: tuple[Point, Point], other: tuple[Point, Point]) -> tuple[Point, Point]:
    (low, high), (other_low, other_high) = one, other
    return low if low[1] <= other_low[1] else other_low, high if high[1] >= other_high[1] else other_high
