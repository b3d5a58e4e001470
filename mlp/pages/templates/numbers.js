// Numbers as pages show them.

// Four digits behind the point; small numbers as powers of ten.
function brief(value) {
  return value === 0 || value >= 0.001 ? value.toFixed(4) : value.toExponential(1);
}

// With a comma between thousands.
function counted(count) {
  return count.toLocaleString("en");
}
