// A function of two numbers as a function that combines all numbers of an array along these axes, or all axes. It
// begins with `start`, or with the first number if that is null.
function reduction(compute, start) {
  return (A, axes = null, keepdims = false) => {
    const shape = shapeOf(A);
    const kept = shape.map((length, axis) => (axes === null || axes.includes(axis) ? 1 : length));
    const found = new Array(sizeOf(kept)).fill(start);
    const at = places(kept, shape);
    flat(A).forEach((number, k) => {
      found[at[k]] = found[at[k]] === null ? number : compute(found[at[k]], number);
    });
    return arrayOf(keepdims ? kept : kept.filter((_, axis) => axes !== null && !axes.includes(axis)), found);
  };
}
