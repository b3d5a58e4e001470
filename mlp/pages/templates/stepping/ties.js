// At a tie the first of the largest inputs of a max gate gets all of the gradient.

function* tieNotes(node, position) {
  const value = flat(node.value);
  const largest = node.inputs.map((one) => flat(np.full(one.value, node.shape)).map((a, k) => a === value[k]));
  const count = (inputs, k) => inputs.filter((is) => is[k]).length;
  const ties = [...largest[position].keys()].filter((k) => largest[position][k] && count(largest, k) > 1);
  if (!ties.length) return;
  const first = node.inputs.length === 2 ? "the first input" : "the first of the largest inputs";
  const isLater = ties.some((k) => count(largest.slice(0, position), k));
  yield `A tie: all of the gradient goes to ${first}${isLater ? ", nothing to this one" : ""}.`;
}
