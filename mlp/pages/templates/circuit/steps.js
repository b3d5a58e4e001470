// A circuit's two passes step by step, as you would do them on paper: the rule, the equation, and the chain rule's parts.

const SHOWN = 1e-4; // an equation has the plain form if the numbers that the page shows are the same
const ROUNDING = 1e-12; // a line of the listing has it if all digits are the same, but for rounding

// What the page says in a step, by its kind and by the part of the page. A step is a line of the listing; a line has its
// `node`, and its `target`: the node whose value or gradient it sets. `of` is the scalar whose derivatives are computed.
const SAYS = {
  values: ({ of }) => ({
    title: "The inputs",
    note: `Forward, each gate computes its output from its inputs; then the derivatives of ${of} go back, gate by gate.`,
  }),

  forward({ node }) {
    const told = EXPLANATIONS[node.gate];
    const form = formOf(node);
    return {
      title: `Forward: ${node.name}`,
      rule: forwardRule(told),
      here: `${node.name} = ${fill(form, namesIn(node))}`,
      numbers: `${node.name} = ${equation(fill(form, operandsOf(node)), written(node.value))}`,
      about: told.about,
    };
  },

  start: ({ node: { name, gradient }, of }) => ({
    title: `Backward begins at ${name}`,
    here: `d${name} = ${written(gradient)}`,
    note: of === name
      ? `The derivative of ${name} with respect to ${name} itself is 1.`
      : `The derivatives are those of ${of}.`,
  }),

  backward({ node, position, target: { name }, before, total }) {
    const [told, form, sent] = [EXPLANATIONS[node.gate], formOf(node, position), node.sent[position]];
    const sum = `d${name} ${before === undefined ? "=" : "+="}`;
    const product = equation(fill(form, operandsOf(node)), written(sent));
    return {
      title: `Backward: from ${node.name} to ${name}`,
      rule: backwardRule(told, position),
      here: `${sum} ${fill(form, namesIn(node))}`,
      upstream: `d${node.name} = ${written(node.gradient)}`,
      local: localText(node, position),
      product: `${sum} ${product}`,
      sum: before === undefined ? "" : `d${name} = ${written(before)} + ${operand(sent)} = ${written(total)}`,
      note: [...notes(node, position, before)].join(" "),
      about: told.about,
    };
  },

  zeros: ({ node: { name, gradient }, output }) => ({
    title: `No gradient reaches ${name}`,
    here: `d${name} = ${written(gradient)}`,
    note: `${output.name} does not depend on ${name}: its derivative is 0.`,
  }),
};

// The local gradient: the formula, and its number.
function localText(node, position) {
  const { local, product } = EXPLANATIONS[node.gate].backward[position];
  const of = `∂${node.name}/∂${node.inputs[position].name}`;
  if (local === null) return `${of} = ${written(jacobian(node, position))}, the Jacobian: a row for each output`;
  const formula = fill(local, namesIn(node));
  const number = written(node.local[position](node.gradient, node.value, ...valuesOf(node.inputs)));
  return (product ? "" : `${of} = `) + equation(formula, number);
}

// The derivatives of each number of a gate's output (a row each) with respect to each number of its input.
// Of a large one only the shape is shown: of a thousand numbers it would have a million.
function jacobian(node, position) {
  const shape = [node.shape, node.inputs[position].shape].map(sizeOf);
  if (isShownByShape(shape)) return new NDArray(shape);
  const numbers = [...numbersOf(node.value)];
  const rows = numbers.map((_, row) => {
    const unit = arrayOf(node.shape, numbers.map((_, k) => Number(k === row)));
    return [...numbersOf(node.backward[position](unit, node.value, ...valuesOf(node.inputs)))];
  });
  return arrayOf(shape, rows.flat());
}

// Easily overlooked facts about the gradient of an input.
function* notes(node, position, before) {
  const [told, { name, shape }] = [EXPLANATIONS[node.gate], node.inputs[position]];
  if (before !== undefined) yield `${name} fans out: the gradients from all its uses are added up.`;
  if (told.routes) yield* tieNotes(node, position);
  if (told.copies && String(shape) !== String(node.shape)) {
    yield `${name} was copied to the shape of ${node.name}: its gradient is the sum over the copies.`;
  }
  for (const [place, gradient] of node.backward.entries()) {
    if (!gradient) yield `${namesIn(node)[place]} is a class index: no gradient goes to it.`;
  }
}

// At a tie the first of the largest inputs gets all of the gradient.
function* tieNotes(node, position) {
  const largest = node.inputs.map(({ value }) => numbersOf(np.full(value, node.shape)).map((a, k) => a === numbersOf(node.value)[k]));
  const count = (inputs, k) => inputs.filter((is) => is[k]).length;
  const ties = [...largest[position].keys()].filter((k) => largest[position][k] && count(largest, k) > 1);
  if (!ties.length) return;
  const first = node.inputs.length === 2 ? "the first input" : "the first of the largest inputs";
  const isLater = ties.some((k) => count(largest.slice(0, position), k));
  yield `A tie: all of the gradient goes to ${first}${isLater ? ", nothing to this one" : ""}.`;
}

// Whether to write the plain form of a pass, forward or that of an input's gradient, or the exact one: 0 or 1.
function isExact(node, tolerance, position) {
  const isForward = position === undefined;
  const simple = isForward ? node.plainForward : node.plainBackward?.[position];
  if (!simple) return 0;
  const inputs = valuesOf(node.inputs);
  const given = isForward ? inputs : [node.gradient, node.value, ...inputs];
  const exact = numbersOf((isForward ? node.forward : node.backward[position])(...given));
  const isSame = (number, k) => Math.abs(number - exact[k]) <= tolerance * Math.abs(exact[k]);
  return Number(!Array.from(numbersOf(simple(...given))).every(isSame));
}

function formOf(node, position) {
  const told = EXPLANATIONS[node.gate];
  return (position === undefined ? told.forward : told.backward[position].forms)[isExact(node, SHOWN, position)];
}

// A formula and its number, once if they are the same text.
const equation = (formula, number) => (formula === number ? number : `${formula} = ${number}`);

// How the listing writes a gate's inputs, its output, and the output's gradient.
function namesIn({ texts, inputs, name }) {
  return texts ?? [...inputs.map((source) => source.name), name, `d${name}`];
}

// Their numbers as text.
function operandsOf({ inputs, value, gradient }) {
  return [...valuesOf(inputs), value, gradient].map(operand);
}

// A gate, and its forward equation in its own symbols.
function forwardRule({ gate, symbols, forward }) {
  return `${gate}: ${symbols.at(-2)} = ${fill(forward[0], symbols)}`;
}

// The same, and the equation of an input's gradient.
function backwardRule(told, position) {
  return `${forwardRule(told)}, d${told.symbols[position]} = ${fill(told.backward[position].forms[0], told.symbols)}`;
}

// A form with these texts in its places; a negative number that is alone in parentheses needs only one pair.
function fill(form, texts) {
  return form.replace(/\{(\d+)\}/g, (_, place) => texts[place])
    .replace(/\(\((-[^()]+)\)\)/g, "($1)").replace(/^\((-[^()]+)\)$/, "$1");
}

// The drawing's numbers known after these steps, as lines of text by key; a sum of gradients as far as it is known.
function known(graph, steps) {
  const arrays = new Map(graph.leaves.map(({ id, value }) => [`value-${id}`, value]));
  for (const { kind, target, total } of steps.filter(({ kind }) => kind !== "values")) {
    if (kind === "forward") arrays.set(`value-${target.id}`, target.value);
    else arrays.set(`gradient-${target.id}`, total ?? target.gradient);
  }
  return new Map([...arrays].map(([key, A]) => [key, rowsOf(A)]));
}

// What the drawing marks in a step: the number that becomes known, those that it reads, and the parts that it runs along.
function marked({ kind, node, position, target }) {
  if (kind === "values") return {};
  const fresh = [`${kind === "forward" ? "value" : "gradient"}-${target.id}`];
  const end = [`lead-${node.id}`, `gate-${node.id}`];
  if (kind === "start" || kind === "zeros") return { fresh, marks: kind === "start" ? end : end.slice(0, 1) };
  const form = formOf(node, position);
  const keys = [...node.inputs.map(({ id }) => `value-${id}`), `value-${node.id}`, `gradient-${node.id}`];
  const wires = position === undefined ? [...node.inputs.keys()] : [position];
  return {
    fresh,
    reads: keys.filter((_, place) => form.includes(`{${place}}`)),
    marks: [end[1], ...wires.flatMap((place) => [`lead-${node.inputs[place].id}`, `wire-${node.id}-${place}`])],
  };
}
