// NumPy's arrays in float64, as far as the gates' formulas need them. A scalar is a number; an array has its numbers row
// by row. `np` gets the functions that a page's gates use from the scripts beside this one and mlp/pages/javascript.py.

class NDArray {
  constructor(shape, data) {
    this.shape = shape;
    this.data = data;
  }
}

const isArray = (A) => A instanceof NDArray;
const shapeOf = (A) => (isArray(A) ? A.shape : []);
const sizeOf = (shape) => shape.reduce((size, length) => size * length, 1);
const numbersOf = (A) => (isArray(A) ? A.data : [Number(A)]);

// A number for an empty shape, else an array of these numbers.
function arrayOf(shape, numbers) {
  return shape.length ? new NDArray(shape, Float64Array.from(numbers)) : Number(numbers[0]);
}

// The common shape of arrays; each axis has the same length in all of them, or 1.
function broadcast(shapes) {
  const count = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: count }, (_, axis) =>
    shapes.reduce((length, shape) => {
      const own = shape[axis - count + shape.length] ?? 1;
      return own === 1 ? length : own;
    }, 1));
}

// For each element of an array of the shape `wide`, row by row, the place of its number in an array of shape `narrow`.
function places(narrow, wide) {
  let found = [0];
  let stride = sizeOf(narrow);
  wide.forEach((length, axis) => {
    const own = narrow[axis - wide.length + narrow.length] ?? 1;
    stride /= own;
    const step = own === 1 ? 0 : stride;
    const next = new Array(found.length * length);
    for (let k = 0, at = 0; k < found.length; k += 1) {
      for (let j = 0; j < length; j += 1, at += 1) next[at] = found[k] + j * step;
    }
    found = next;
  });
  return found;
}

// A function of numbers as a function of numbers and arrays.
function elementwise(compute) {
  return (...inputs) => {
    if (!inputs.some(isArray)) return Number(compute(...inputs));
    const shapes = inputs.map(shapeOf);
    const shape = broadcast(shapes);
    const numbers = inputs.map(numbersOf);
    const result = new Float64Array(sizeOf(shape));
    const at = shapes.map((own) => (sizeOf(own) === result.length ? null : places(own, shape)));
    for (let k = 0; k < result.length; k += 1) {
      result[k] = compute(...numbers.map((all, n) => all[at[n] ? at[n][k] : k]));
    }
    return new NDArray(shape, result);
  };
}

const np = {
  reshape: (A, shape) => arrayOf(shape, numbersOf(A)),

  // A copied to this shape, as by broadcasting.
  full(A, shape) {
    const numbers = numbersOf(A);
    return arrayOf(shape, places(shapeOf(A), shape).map((place) => numbers[place]));
  },
};
