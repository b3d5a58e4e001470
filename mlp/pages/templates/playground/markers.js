// The markers of classes, as matplotlib's of the same names, around (0, 0).

const star = (points, inner, turn = 0) => Array.from({ length: 2 * points }, (_, k) => {
  const [angle, radius] = [(k / points) * Math.PI + turn, k % 2 ? inner : 1];
  return [radius * Math.sin(angle), -radius * Math.cos(angle)];
});
const polygon = (corners, turn) => star(corners, Math.cos(Math.PI / corners), turn);
const cross = (turn) => Array.from({ length: 4 }, (_, side) =>
  [[-0.33, -0.33], [-0.33, -1], [0.33, -1]].map(([x, y]) => {
    const angle = side * Math.PI / 2 + turn;
    return [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
  })).flat();

const MARKERS = {
  "^": polygon(3),
  v: polygon(3, Math.PI),
  "<": polygon(3, -Math.PI / 2),
  ">": polygon(3, Math.PI / 2),
  s: polygon(4, Math.PI / 4),
  D: polygon(4),
  d: polygon(4).map(([x, y]) => [0.6 * x, y]),
  P: cross(0),
  X: cross(Math.PI / 4),
  "*": star(5, 0.4),
  p: polygon(5),
};

// Add a marker at a place to the canvas' path; the circle is none of the polygons.
function traceMarker(context, marker, x, y, radius) {
  const corners = MARKERS[marker];
  if (corners) corners.forEach(([right, down], k) => {
    context[k ? "lineTo" : "moveTo"](x + 1.2 * radius * right, y + 1.2 * radius * down);
  });
  else context.arc(x, y, radius, 0, 2 * Math.PI);
  context.closePath();
}
