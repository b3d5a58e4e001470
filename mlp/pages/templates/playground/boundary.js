// The lines between the predicted classes, from the predictions at a grid of places: marching squares, for any number
// of classes.

// classes, lead: at size * size places, row by row. Returns lines [from x, from y, to x, to y], in units of the
// distance between places; the whole square is from 0 to `size`.
function boundary({ classes, lead }, size) {
  const lines = [];
  const inside = (k) => Math.min(Math.max(k, 0), size - 1);
  const corner = (column, row) => ({
    place: inside(row) * size + inside(column),
    x: Math.min(Math.max(column + 0.5, 0), size),
    y: Math.min(Math.max(row + 0.5, 0), size),
  });
  for (let row = -1; row < size; row += 1) {
    for (let column = -1; column < size; column += 1) {
      const first = classes[inside(row) * size + inside(column)];
      const differs = [[1, 0], [1, 1], [0, 1]].some(([right, down]) =>
        classes[inside(row + down) * size + inside(column + right)] !== first);
      if (!differs) continue;
      const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([right, down]) => corner(column + right, row + down));
      const points = corners.flatMap((one, k) => crossing(one, corners[(k + 1) % 4], classes, lead));
      if (points.length === 2) lines.push(points.flat());
      else lines.push(...points.map((point) => [...point, ...middle(points)]));
    }
  }
  return lines;
}

// Where the class changes between two neighbours: nearer to the one where its lead is smaller.
function crossing(one, other, classes, lead) {
  if (classes[one.place] === classes[other.place]) return [];
  const [here, there] = [lead[one.place], lead[other.place]];
  const share = here + there ? here / (here + there) : 0.5;
  return [[one.x + share * (other.x - one.x), one.y + share * (other.y - one.y)]];
}

const middle = (points) => [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
