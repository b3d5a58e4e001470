// NumPy's arrays in float64, as far as the gates' formulas need them. A scalar is a number; an array has its numbers
// row by row. mlp/pages/javascript.py adds the elementwise functions and reductions that a page's gates use to `np`.

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
function steps(shape) {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

// For each element of an array of this shape, row by row, the place that these steps along its axes lead to.
function walk(shape, along) {
  let found = [0];
  shape.forEach((length, axis) => {
    const next = new Array(found.length * length);
    for (let k = 0, at = 0; k < found.length; k += 1) {
      for (let j = 0; j < length; j += 1, at += 1) next[at] = found[k] + j * along[axis];
    }
    found = next;
  });
  return found;
}

// For each element of an array of the shape `wide`, row by row, the place of its number in an array of shape `narrow`.
function places(narrow, wide) {
  const own = steps(narrow).map((step, axis) => (narrow[axis] === 1 ? 0 : step));
  return walk(wide, [...new Array(wide.length - narrow.length).fill(0), ...own]);
}

// A function of one to three numbers as a function of numbers and arrays.
function elementwise(compute) {
  return (...inputs) => {
    if (!inputs.some(isArray)) return Number(compute(...inputs));
    const shape = broadcast(inputs.map(shapeOf));
    const result = new Float64Array(sizeOf(shape));
    const [a, b, c] = inputs.map((A) => {
      const numbers = numbersOf(A);
      return numbers.length === result.length ? numbers : numbersOf(np.full(A, shape));
    });
    const at = [(k) => compute(a[k]), (k) => compute(a[k], b[k]), (k) => compute(a[k], b[k], c[k])][inputs.length - 1];
    for (let k = 0; k < result.length; k += 1) result[k] = at(k);
    return new NDArray(shape, result);
  };
}

// A function of two numbers as a function that combines all numbers of an array along these axes, or all axes. It
// begins with `start`, or with the first number if that is null.
function reduction(compute, start) {
  return (A, axes = null, keepdims = false) => {
    const shape = shapeOf(A);
    const kept = shape.map((length, axis) => (axes === null || axes.includes(axis) ? 1 : length));
    const found = new Array(sizeOf(kept)).fill(start);
    const at = places(kept, shape);
    numbersOf(A).forEach((number, k) => {
      found[at[k]] = found[at[k]] === null ? number : compute(found[at[k]], number);
    });
    return arrayOf(keepdims ? kept : kept.filter((_, axis) => axes !== null && !axes.includes(axis)), found);
  };
}

const np = {
  // A B; a vector A is one row, a vector B one column.
  dot(A, B) {
    const [a, b, inner] = [A.data, B.data, A.shape.at(-1)];
    const [rows, columns] = [a.length / inner, b.length / inner];
    const result = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i += 1) {
      for (let k = 0; k < inner; k += 1) {
        const factor = a[i * inner + k];
        if (factor === 0) continue; // most of an image is paper; 0 times infinity is 0 here, in NumPy not a number
        for (let j = 0; j < columns; j += 1) result[i * columns + j] += factor * b[k * columns + j];
      }
    }
    return arrayOf([...A.shape.slice(0, -1), ...B.shape.slice(1)], result);
  },

  // A B' for a matrix B, row by row of both.
  timesTransposed(A, B) {
    const [a, b, inner] = [A.data, B.data, A.shape.at(-1)];
    const [rows, columns] = [a.length / inner, b.length / inner];
    const result = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i += 1) {
      for (let j = 0; j < columns; j += 1) {
        let sum = 0;
        for (let k = 0; k < inner; k += 1) sum += a[i * inner + k] * b[j * inner + k];
        result[i * columns + j] = sum;
      }
    }
    return arrayOf([...A.shape.slice(0, -1), columns], result);
  },

  outer(A, B) {
    return np.dot(np.reshape(A, [A.data.length, 1]), np.reshape(B, [1, B.data.length]));
  },

  transpose(A) {
    const shape = [...A.shape].reverse();
    return arrayOf(shape, walk(shape, steps(A.shape).reverse()).map((place) => A.data[place]));
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
    const found = Array.from(numbersOf(y), (right, n) => S.data[n * classes + right]);
    return arrayOf(isArray(y) ? [...y.shape, 1] : [], found);
  },

  softmax(S) {
    const classes = S.shape.at(-1);
    const E = S.data.map(Math.exp);
    const total = (k) => E.subarray(k - k % classes, k - k % classes + classes).reduce((sum, e) => sum + e, 0);
    return new NDArray(S.shape, E.map((e, k) => e / total(k)));
  },
};
