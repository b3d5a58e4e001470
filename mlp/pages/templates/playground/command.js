// The command that repeats the page's training with the library.

// facts: those of `_command` in mlp/pages/playground.py; options: those of the page.
function commandFor({ start, keys, defaults }, options, epochs) {
  const momentum = options.optimizer === "sgd" ? options.momentum : 0; // no other optimizer has it
  const chosen = Object.entries({ ...options, momentum, epochs }).filter(([name, value]) =>
    name in keys && JSON.stringify(value) !== JSON.stringify(defaults[name]));
  const settings = chosen.map(([name, value]) => {
    const isList = Array.isArray(value); // in quotes, as brackets mean something to a shell
    return isList ? `'${keys[name]}=[${value}]'` : `${keys[name]}=${value}`;
  });
  return [start, ...settings].join(" ");
}
