// A curve that grows by a point a step, for a chart that is drawn again and again.

const MAX_GROUPS = 600; // more than a chart has pixels across on most screens

// It keeps at most 2 MAX_GROUPS + 1 points: the lowest and the highest of each group of neighbours, so that no peak is
// lost. If there are too many groups, neighbours are joined.
class GrowingCurve {
  constructor() {
    this.groups = []; // of each its lowest and its highest point
    this.size = 1; // points in each group but the last
    this.count = 0;
    this.newest = null;
  }

  // Add a point [x, y] behind the others.
  add(point) {
    if (this.count % this.size) {
      this.groups.push(joined(this.groups.pop(), [point, point]));
    } else {
      if (this.groups.length === MAX_GROUPS) {
        const pairs = Array.from({ length: MAX_GROUPS / 2 }, (_, k) => this.groups.slice(2 * k, 2 * k + 2));
        this.groups = pairs.map(([one, other]) => joined(one, other));
        this.size *= 2;
      }
      this.groups.push([point, point]);
    }
    this.count += 1;
    this.newest = point;
  }

  // The points in the order of x; the newest one is always the last.
  get points() {
    const kept = new Set(this.groups.flatMap(([low, high]) => (low[0] < high[0] ? [low, high] : [high, low])));
    if (this.newest) kept.add(this.newest);
    return [...kept];
  }
}

function joined([low, high], [otherLow, otherHigh]) {
  return [low[1] <= otherLow[1] ? low : otherLow, high[1] >= otherHigh[1] ? high : otherHigh];
}
