// The distance of an image to the training images: mlp/data/novelty.py for one image at a time.

class Novelty {
  // images: the pixels of all training images; reduction: the side of the squares that are averaged to one pixel first;
  // centre, surround: the sides, odd, of the two squares around each pixel.
  constructor(images, shape, { reduction, centre, surround }) {
    const pixels = shape[0] * shape[1];
    const smaller = shape.map((side) => Math.ceil(side / reduction));
    this.feature = (image) => unitLength(contrast(reduced(image, shape, reduction), smaller, centre, surround));
    this.features = [];
    for (let start = 0; start < images.length; start += pixels) {
      this.features.push(new Float32Array(this.feature(images.subarray(start, start + pixels))));
    }
  }

  // The `count` nearest training images as [distance, index], nearest first.
  nearest(image, count) {
    const own = this.feature(image);
    const distances = this.features.map((other, which) => {
      let cosine = 0;
      for (let k = 0; k < own.length; k += 1) cosine += own[k] * other[k];
      return [Math.sqrt(Math.max(2 - 2 * cosine, 0)), which];
    });
    return distances.sort(([a], [b]) => a - b).slice(0, count);
  }
}

// The means over squares of this side; at the right and bottom edges they may be smaller.
function reduced(image, [rows, columns], side) {
  const across = Math.ceil(columns / side);
  const means = new Float64Array(Math.ceil(rows / side) * across);
  for (let row = 0, k = 0; row < rows; row += 1) {
    const height = Math.min(side, rows - row + row % side);
    for (let column = 0; column < columns; column += 1, k += 1) {
      const width = Math.min(side, columns - column + column % side);
      means[Math.floor(row / side) * across + Math.floor(column / side)] += image[k] / (height * width);
    }
  }
  return means;
}

// For each pixel the mean of the small square around it minus the mean of the large one.
function contrast(image, shape, centre, surround) {
  const wide = boxMean(image, shape, surround);
  return boxMean(image, shape, centre).map((mean, k) => mean - wide[k]);
}

// The mean of the square of this side around each pixel; outside the image is 0.
function boxMean(image, [rows, columns], side) {
  const around = Math.floor(side / 2);
  const means = new Float64Array(rows * columns);
  for (let k = 0; k < means.length; k += 1) {
    if (image[k] === 0) continue; // most of an image is paper
    const [row, column] = [Math.floor(k / columns), k % columns];
    for (let r = Math.max(0, row - around); r <= Math.min(rows - 1, row + around); r += 1) {
      for (let c = Math.max(0, column - around); c <= Math.min(columns - 1, column + around); c += 1) {
        means[r * columns + c] += image[k] / (side * side);
      }
    }
  }
  return means;
}

function unitLength(image) {
  let squares = 0;
  for (const level of image) squares += level * level;
  const length = Math.sqrt(squares);
  return length > 0 ? image.map((level) => level / length) : image;
}
