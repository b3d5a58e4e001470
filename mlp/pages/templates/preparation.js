// Any drawing as MNIST has its digits: mlp/data/preparation.py over again, step by step. Images are arrays row by row.

// The drawing's ink, 0 to 1, on its way to an image of `shape`; null where there is none. `maxExtent` are the rows and
// columns into which the larger extent is scaled, `faint` the share of the darkest below which ink has no extent.
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

// Where the ones of a row begin, and end (not included).
function extent(drawn) {
  return [drawn.indexOf(1), drawn.lastIndexOf(1) + 1];
}

// The shares by which n pixels of length 1 cover `count` others of length `step`, the first at `start`: for each of these
// the pixels that it touches, as [pixel, share].
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

// The ink of each row, and of each column.
function masses(image, [rows, columns]) {
  const sums = [new Float64Array(rows), new Float64Array(columns)];
  image.forEach((level, k) => {
    sums[0][Math.floor(k / columns)] += level;
    sums[1][k % columns] += level;
  });
  return sums;
}

// How far to move masses for their centre to come to n / 2, the `length` behind the margin staying inside.
function centring(mass, margin, length, tie) {
  const n = mass.length;
  const centre = mass.reduce((sum, m, k) => sum + m * k, 0) / mass.reduce((sum, m) => sum + m, 0);
  const move = Math.ceil(n / 2 - 0.5 - centre - tie);
  return Math.min(Math.max(move, -margin), n - margin - Math.ceil(length));
}

// The image moved by whole pixels; what comes in is paper.
function moved(image, [rows, columns], [down, right]) {
  return image.map((_, k) => {
    const [row, column] = [Math.floor(k / columns) - down, (k % columns) - right];
    return row >= 0 && row < rows && column >= 0 && column < columns ? image[row * columns + column] : 0;
  });
}
