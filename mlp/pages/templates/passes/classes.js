// Operations on scores and class indices, as in mlp/losses.py.

Object.assign(np, {
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
});
