// Products of vectors and matrices.

Object.assign(np, {
  // A B; a vector A is one row, a vector B one column.
  dot(A, B) {
    const [a, b, inner] = [A.data, B.data, A.shape.at(-1)];
    const [rows, columns] = [a.length / inner, b.length / inner];
    const result = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i += 1) {
      for (let k = 0; k < inner; k += 1) {
        const factor = a[i * inner + k];
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
    return arrayOf(shape, walk(shape, strides(A.shape).reverse()).map((place) => A.data[place]));
  },
});
