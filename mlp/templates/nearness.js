// How near an image is to the training images: mlp/nearness.py over again, for one image at a time.

class Nearness {
  // images: their pixels, one after another; blur: the side, odd, of the square over which each pixel is summed.
  constructor(images, shape, blur) {
    const pixels = shape[0] * shape[1];
    this.direction = (image) => unitLength(blurred(image, shape, blur));
    this.directions = [];
    for (let start = 0; start < images.length; start += pixels) {
      this.directions.push(new Float32Array(this.direction(images.subarray(start, start + pixels))));
    }
  }

  // The training images that are nearest, so many, as [distance, which]; nearest first.
  nearest(image, count) {
    const own = this.direction(image);
    const inked = [...own.keys()].filter((k) => own[k] > 0);
    const distances = this.directions.map((other, which) => {
      let cosine = 0;
      for (const k of inked) cosine += own[k] * other[k];
      return [Math.sqrt(Math.max(2 - 2 * cosine, 0)), which];
    });
    return distances.sort(([a], [b]) => a - b).slice(0, count);
  }
}

function blurred(image, [rows, columns], blur) {
  const around = Math.floor(blur / 2);
  const sums = new Float64Array(rows * columns);
  for (let k = 0; k < sums.length; k += 1) {
    if (image[k] === 0) continue; // most of an image is paper
    const [row, column] = [Math.floor(k / columns), k % columns];
    for (let r = Math.max(0, row - around); r <= Math.min(rows - 1, row + around); r += 1) {
      for (let c = Math.max(0, column - around); c <= Math.min(columns - 1, column + around); c += 1) {
        sums[r * columns + c] += image[k];
      }
    }
  }
  return sums;
}

function unitLength(image) {
  let squares = 0;
  for (const level of image) squares += level * level;
  const length = Math.sqrt(squares);
  return length > 0 ? image.map((level) => level / length) : image;
}
