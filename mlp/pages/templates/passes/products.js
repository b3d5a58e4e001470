// Products of vectors and matrices.

// The product of two matrices whose numbers are these steps apart, down and across; `inner` is their common length.
function product([a, down, along], [b, next, across], [rows, inner, columns]) {
  const result = new Float64Array(rows * columns);
  const isFinite = b.every(Number.isFinite); // else 0 times a number of b may be nan
  for (let i = 0, start = 0; i < rows; i += 1, start += columns) {
    for (let k = 0; k < inner; k += 1) {
      const factor = a[i * down + k * along];
      if (factor === 0 && isFinite) continue; // most pixels of an image are 0
      for (let j = 0, at = k * next; j < columns; j += 1, at += across) result[start + j] += factor * b[at];
    }
  }
  return result;
}

Object.assign(np, {
  // A B; a vector A is one row, a vector B one column.
  dot(A, B) {
    const inner = A.shape.at(-1);
    const [rows, columns] = [A, B].map(({ data }) => data.length / inner);
    const numbers = product([A.data, inner, 1], [B.data, columns, 1], [rows, inner, columns]);
    return arrayOf([...A.shape.slice(0, -1), ...B.shape.slice(1)], numbers);
  },

  // A B' for a matrix B.
  timesTransposed(A, B) {
    const inner = A.shape.at(-1);
    const [rows, columns] = [A, B].map(({ data }) => data.length / inner);
    const numbers = product([A.data, inner, 1], [B.data, 1, inner], [rows, inner, columns]);
    return arrayOf([...A.shape.slice(0, -1), columns], numbers);
  },

  // A' B for two matrices.
  transposedTimes(A, B) {
    const [[inner, rows], [, columns]] = [A.shape, B.shape];
    return arrayOf([rows, columns], product([A.data, 1, rows], [B.data, columns, 1], [rows, inner, columns]));
  },

  outer(A, B) {
    return np.dot(np.reshape(A, [A.data.length, 1]), np.reshape(B, [1, B.data.length]));
  },

  transpose(A) {
    const shape = [...A.shape].reverse();
    return arrayOf(shape, walk(shape, strides(A.shape).reverse()).map((place) => A.data[place]));
  },
});
