// Fields for the numbers of an array.

// One for each number, labelled with its index; none for an array that is too large.
function fieldsFor(name, shape) {
  const size = sizeOf(shape);
  return Array.from({ length: size > MAX_LISTED ? 0 : size }, (_, k) => {
    const index = strides(shape).map((stride, axis) => Math.floor(k / stride) % shape[axis]);
    const field = Object.assign(make("input"), { autocomplete: "off" });
    field.ariaLabel = shape.length ? `${name}[${index.join(", ")}]` : name;
    return field;
  });
}

// Fields in rows as those of the array, with a legend.
function inGrid(shape, fields, legend) {
  const [set, name, grid] = ["fieldset", "legend", "div"].map(make);
  name.textContent = legend;
  grid.style = `--columns: ${shape.at(-1) ?? 1}`;
  grid.className = "wide";
  grid.append(...fields);
  set.append(name, grid);
  return set;
}
