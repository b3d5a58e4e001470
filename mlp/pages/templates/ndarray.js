// NumPy's arrays in float64, as far as the gates' formulas need them. A scalar is a number; an array has its numbers row
// by row. The elementwise functions and the reductions that a page's gates use are added to `np` by mlp/pages/javascript.py.

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

// A function of two numbers as a function that combines all numbers of an array along these axes, or all axes.
function reduction(compute) {
  return (A, axes = null, keepdims = false) => {
    const shape = shapeOf(A);
    const kept = shape.map((length, axis) => (axes === null || axes.includes(axis) ? 1 : length));
    const found = new Array(sizeOf(kept));
    const at = places(kept, shape);
    numbersOf(A).forEach((number, k) => {
      found[at[k]] = found[at[k]] === undefined ? number : Number(compute(found[at[k]], number));
    });
    return arrayOf(keepdims ? kept : kept.filter((_, axis) => axes !== null && !axes.includes(axis)), found);
  };
}

const np = {
  // A B; a vector A is one row, a vector B one column.
  dot(A, B) {
    const inner = A.shape.at(-1);
    const [rows, columns] = [A.data.length / inner, B.data.length / inner];
    const result = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i += 1) {
      for (let k = 0; k < inner; k += 1) {
        const a = A.data[i * inner + k];
        for (let j = 0; j < columns; j += 1) result[i * columns + j] += a * B.data[k * columns + j];
      }
    }
    return arrayOf([...A.shape.slice(0, -1), ...B.shape.slice(1)], result);
  },

  outer(A, B) {
    return np.dot(np.reshape(A, [A.data.length, 1]), np.reshape(B, [1, B.data.length]));
  },

  transpose(A) {
    const [rows, columns] = A.shape;
    const at = (k) => (k % rows) * columns + Math.floor(k / rows);
    return new NDArray([columns, rows], Float64Array.from(A.data, (_, k) => A.data[at(k)]));
  },

  reshape: (A, shape) => arrayOf(shape, numbersOf(A)),

  // A copied to this shape, as by broadcasting.
  full(A, shape) {
    const numbers = numbersOf(A);
    return arrayOf(shape, places(shapeOf(A), shape).map((place) => numbers[place]));
  },

  // 1 at the right class of each example, else 0.
  onehot(y, classes) {
    const found = Array.from(numbersOf(y), (right) => Array.from({ length: classes }, (_, k) => Number(k === right)));
    return arrayOf([...shapeOf(y), classes], found.flat());
  },

  // The score of the right class of each example.
  rightScore(S, y) {
    const classes = S.shape.at(-1);
    return arrayOf(isArray(y) ? [...y.shape, 1] : [], Array.from(numbersOf(y), (right, n) => S.data[n * classes + right]));
  },

  softmax(S) {
    const classes = S.shape.at(-1);
    const E = S.data.map(Math.exp);
    const total = (k) => E.subarray(k - k % classes, k - k % classes + classes).reduce((sum, e) => sum + e, 0);
    return new NDArray(S.shape, E.map((e, k) => e / total(k)));
  },
};
