// The command that repeats the page's training with the library.

// facts: those of `_command` in mlp/pages/playground.py; options: those of the page.
function commandFor({ start, flag, settings, keys, defaults }, options, epochs) {
  const momentum = options.optimizer === "sgd" ? options.momentum : 0; // no other optimizer has it
  const chosen = Object.entries({ ...options, momentum, epochs }).filter(([name, value]) =>
    name in keys && JSON.stringify(value) !== JSON.stringify(defaults[name]));
  const text = (value) => (Array.isArray(value) ? `[${value}]` : value);
  const all = [...settings, ...chosen.map(([name, value]) => `${keys[name]}=${text(value)}`)];
  return [start, ...(all.length ? [flag] : []), ...all.map(quoted)].join(" ");
}

// As Python's shlex.quote.
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\"'\"'")}'`;
}
