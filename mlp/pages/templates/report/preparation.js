// Prepares a drawing as MNIST's digits were: mlp/data/preparation.py, step by step. Images are flat arrays, row by row.

// The stages from the drawing's ink, 0 to 1, to an image of `shape`; null if there is no ink. `maxExtent`: the rows and
// columns that the scaled ink must fit; `faint`: ink below this fraction of the darkest does not count for its extent.
function prepare(ink, [height, width], { shape, max_extent: maxExtent, faint, tie }) {
  const darkest = largest(ink);
  if (darkest === 0) return null;
  const [rows, columns] = [new Uint8Array(height), new Uint8Array(width)]; // 1 where there is ink
  for (let row = 0, k = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, k += 1) {
      if (ink[k] > faint * darkest) rows[row] = columns[column] = 1;
    }
  }
  const sides = [extent(rows), extent(columns)];
  const step = Math.max(...sides.map(([start, end], axis) => (end - start) / maxExtent[axis]));
  const lengths = sides.map(([start, end]) => (end - start) / step);
  const margins = shape.map((side, axis) => Math.floor((side - lengths[axis]) / 2));
  const [down, across] = sides.map(([start], axis) =>
    areaWeights(axis === 0 ? height : width, start - margins[axis] * step, step, shape[axis]));
  const scaled = averaged(ink, width, down, across);
  const top = largest(scaled);
  scaled.forEach((level, k) => { scaled[k] = level / top; });
  const moves = masses(scaled, shape).map((mass, axis) => centring(mass, margins[axis], lengths[axis], tie));
  return { box: sides.flat(), scaled, image: moved(scaled, shape, moves) };
}

function largest(values) {
  let most = 0;
  for (const value of values) if (value > most) most = value;
  return most;
}

// The first index of a 1, and the last plus 1.
function extent(drawn) {
  return [drawn.indexOf(1), drawn.lastIndexOf(1) + 1];
}

// For `count` intervals of length `step`, the first at `start`: which of n pixels of length 1 each one overlaps, as
// [pixel, fraction of the interval].
function areaWeights(n, start, step, count) {
  return Array.from({ length: count }, (_, k) => {
    const [from, to] = [start + k * step, start + (k + 1) * step];
    const touched = [];
    for (let pixel = Math.max(0, Math.floor(from)); pixel < Math.min(n, to); pixel += 1) {
      touched.push([pixel, (Math.min(to, pixel + 1) - Math.max(from, pixel)) / step]);
    }
    return touched;
  });
}

// down @ ink @ across.T
function averaged(ink, width, down, across) {
  const bands = down.map((touched) => {
    const band = new Float64Array(width);
    for (const [row, share] of touched) {
      for (let column = 0; column < width; column += 1) band[column] += share * ink[row * width + column];
    }
    return band;
  });
  return Float64Array.from(bands.flatMap((band) =>
    across.map((touched) => touched.reduce((sum, [column, share]) => sum + share * band[column], 0))));
}

// The sum of ink in each row, and in each column.
function masses(image, [rows, columns]) {
  const sums = [new Float64Array(rows), new Float64Array(columns)];
  image.forEach((level, k) => {
    sums[0][Math.floor(k / columns)] += level;
    sums[1][k % columns] += level;
  });
  return sums;
}

// How far to move masses so that their centre is at n / 2; the `length` after the margin must stay inside.
function centring(mass, margin, length, tie) {
  const n = mass.length;
  const centre = mass.reduce((sum, m, k) => sum + m * k, 0) / mass.reduce((sum, m) => sum + m, 0);
  const move = Math.ceil(n / 2 - 0.5 - centre - tie);
  return Math.min(Math.max(move, -margin), n - margin - Math.ceil(length));
}

// The image moved by whole pixels; paper fills the rest.
function moved(image, [rows, columns], [down, right]) {
  return image.map((_, k) => {
    const [row, column] = [Math.floor(k / columns) - down, (k % columns) - right];
    return row >= 0 && row < rows && column >= 0 && column < columns ? image[row * columns + column] : 0;
  });
}
