// The local gradient of a gate whose numbers all depend on each other, as the softmax's.

// The derivatives of each number of the gate's output (a row each) with respect to each number of its input. Of a large
// one only the shape is shown: of a thousand numbers it would have a million.
function jacobian(node, position) {
  const shape = [node.shape, node.inputs[position].shape].map(sizeOf);
  if (isLarge(shape)) return new NDArray(shape);
  const numbers = [...flat(node.value)];
  const rows = numbers.map((_, row) => {
    const unit = arrayOf(node.shape, numbers.map((_, k) => Number(k === row)));
    return [...flat(node.backward[position](unit, node.value, ...valuesOf(node.inputs)))];
  });
  return arrayOf(shape, rows.flat());
}
