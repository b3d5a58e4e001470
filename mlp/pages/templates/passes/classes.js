// Operations on scores and class indices, as in mlp/losses.py.

Object.assign(np, {
  // 1 at the right class of each example, else 0.
  onehot(y, classes) {
    const found = Array.from(flat(y), (right) => Array.from({ length: classes }, (_, k) => Number(k === right)));
    return arrayOf([...shapeOf(y), classes], found.flat());
  },

  // The score of the right class of each example.
  rightScore(S, y) {
    const classes = S.shape.at(-1);
    const found = Array.from(flat(y), (right, n) => S.data[n * classes + right]);
    return arrayOf(isArray(y) ? [...y.shape, 1] : [], found);
  },

  softmax(S) {
    const E = elementwise(Math.exp)(S);
    const total = reduction((a, b) => a + b, 0)(E, [S.shape.length - 1], true);
    return elementwise((e, sum) => e / sum)(E, total);
  },
});
