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
