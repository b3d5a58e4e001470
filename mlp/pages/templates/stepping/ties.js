// At a tie the first of the largest inputs of a max gate gets all of the gradient.

function* tieNotes(node, position) {
  const value = flat(node.value);
  const largest = node.inputs.map((one) => flat(np.full(one.value, node.shape)).map((a, k) => a === value[k]));
  const count = (inputs, k) => inputs.filter((is) => is[k]).length;
  const ties = [...largest[position].keys()].filter((k) => largest[position][k] && count(largest, k) > 1);
  if (!ties.length) return;
  const isLater = ties.some((k) => count(largest.slice(0, position), k));
  if (node.inputs.length === 2) yield say(isLater ? "stepping.tie_not_here" : "stepping.tie");
  else yield say(isLater ? "stepping.tie_of_several_not_here" : "stepping.tie_of_several");
}
