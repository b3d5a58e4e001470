// NumPy's arrays in float64, as far as the gates' formulas need them. A scalar is a number; an array has its numbers
// row by row. mlp/pages/javascript.py adds the elementwise functions and reductions that a page's gates use to `np`;
// reductions.js, products.js and classes.js have other functions, for pages that use them.

class NDArray {
  constructor(shape, data) {
    this.shape = shape;
    this.data = data;
  }
}

const isArray = (A) => A instanceof NDArray;
const shapeOf = (A) => (isArray(A) ? A.shape : []);
const sizeOf = (shape) => shape.reduce((size, length) => size * length, 1);
const flat = (A) => (isArray(A) ? A.data : [Number(A)]);

// A number for an empty shape, else an array of these numbers.
function arrayOf(shape, numbers) {
  return shape.length ? new NDArray(shape, new Float64Array(numbers)) : Number(numbers[0]);
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

// How far apart in an array's numbers neighbours along each axis are.
function strides(shape) {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

// For each element of an array of this shape, row by row, the place to which steps of these lengths lead.
function walk(shape, steps) {
  let found = [0];
  shape.forEach((length, axis) => {
    const next = new Array(found.length * length);
    for (let k = 0, at = 0; k < found.length; k += 1) {
      for (let j = 0; j < length; j += 1, at += 1) next[at] = found[k] + j * steps[axis];
    }
    found = next;
  });
  return found;
}

// For each element of an array of the shape `wide`, row by row, the place of its number in an array of shape `narrow`.
function places(narrow, wide) {
  const own = strides(narrow).map((step, axis) => (narrow[axis] === 1 ? 0 : step));
  return walk(wide, [...new Array(wide.length - narrow.length).fill(0), ...own]);
}

// A function of one to three numbers as a function of numbers and arrays.
function elementwise(compute) {
  return (...inputs) => {
    if (!inputs.some(isArray)) return Number(compute(...inputs));
    const shape = broadcast(inputs.map(shapeOf));
    const result = new Float64Array(sizeOf(shape));
    const [a, b, c] = inputs.map((A) => {
      const numbers = flat(A);
      return numbers.length === result.length ? numbers : flat(np.full(A, shape));
    });
    const at = [(k) => compute(a[k]), (k) => compute(a[k], b[k]), (k) => compute(a[k], b[k], c[k])][inputs.length - 1];
    for (let k = 0; k < result.length; k += 1) result[k] = at(k);
    return new NDArray(shape, result);
  };
}

const np = {
  // An axis of length -1 gets all numbers.
  reshape: (A, shape) => arrayOf(shape.map((length) => (length < 0 ? flat(A).length : length)), flat(A)),

  // A copied to this shape, as by broadcasting.
  full(A, shape) {
    const numbers = flat(A);
    if (numbers.length === 1) return arrayOf(shape, new Float64Array(sizeOf(shape)).fill(numbers[0]));
    return arrayOf(shape, places(shapeOf(A), shape).map((place) => numbers[place]));
  },
};
