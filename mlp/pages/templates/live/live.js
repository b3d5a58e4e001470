// Draws the curves, and reloads the page while its run goes on. What is open, and where the focus is, stays: a reload
// keeps the history entry's state, and the browser keeps the place that was scrolled to.

const { run, curves, best, updated, reload, silence } = JSON.parse(document.getElementById("facts").textContent);
const remembered = { isPaused: false, open: [], focus: null, ...history.state };

function remember(changes) {
  history.replaceState(Object.assign(remembered, changes), "");
}

const charts = new Map();
drawCurves();
document.addEventListener("language", drawCurves);
for (const id of remembered.open) document.getElementById(id).open = true;
document.getElementById(remembered.focus)?.focus({ preventScroll: true });
if (reload !== null) keepUpToDate(document.getElementById("reload"));

function drawCurves() {
  if (!curves.train_loss.length) return;
  const losses = [...curves.train_loss, ...curves.validation_loss].map(([, loss]) => loss);
  const isLogarithmic = Math.min(...losses) > 0 && Math.max(...losses) > 10 * Math.min(...losses);
  const mark = curves.validation_loss.length ? { label: say("chart.best_epoch", { epoch: best }), x: best } : null;
  for (const [name, y, options] of [
    ["loss", say("chart.loss"), { isLogarithmic }],
    ["accuracy", say("chart.accuracy"), { within: [0, 100] }],
  ]) {
    const parts = [
      { label: say("chart.training"), color: "var(--blue)", points: curves[`train_${name}`] },
      { label: say("chart.validation"), color: "var(--orange)", isDashed: true, points: curves[`validation_${name}`] },
    ];
    if (!charts.has(name)) charts.set(name, new Chart(document.getElementById(name), options));
    charts.get(name).show(parts.filter(({ points }) => points.length), { x: say("chart.epoch"), y }, mark);
  }
}

function keepUpToDate(button) {
  const isSilent = Date.now() - updated > silence;
  let timer = null;
  const name = () => {
    const key = isSilent ? "live.reload" : remembered.isPaused ? "live.continue" : "page.pause";
    button.textContent = say(key);
  };
  document.addEventListener("language", name);
  const set = (isPaused) => {
    remember({ isPaused });
    name();
    clearTimeout(timer);
    if (!isPaused && !isSilent) timer = setTimeout(reloadWhenVisible, reload);
  };
  button.onclick = () => (isSilent ? reloadNow() : set(!remembered.isPaused));
  button.hidden = false;
  document.getElementById("silent").hidden = !isSilent;
  if (isSilent) takeBack();
  set(remembered.isPaused);
}

// What the page says of a run that goes on may no longer be true.
function takeBack() {
  for (const place of document.querySelectorAll("h1, title")) {
    place.dataset.say = "live.silent"; // also for the next switch of the language; the values stay
    place.textContent = say("live.silent", { run });
  }
  const left = document.getElementById("left");
  left.removeAttribute("data-say");
  left.textContent = "–";
}

// In a tab that nobody sees it waits.
function reloadWhenVisible() {
  if (!document.hidden) reloadNow();
  else document.addEventListener("visibilitychange", reloadWhenVisible, { once: true });
}

function reloadNow() {
  const open = Array.from(document.querySelectorAll("details[open]"), ({ id }) => id);
  const focus = document.activeElement.matches(":focus-visible") ? document.activeElement.id : null;
  remember({ open, focus });
  location.reload();
}
