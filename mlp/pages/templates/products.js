// Products of vectors and matrices.

Object.assign(np, {
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
    return new NDArray([columns, rows], Float64Array.from(A.data, (_, k) => A.data[(k % rows) * columns + Math.floor(k / rows)]));
  },
});
