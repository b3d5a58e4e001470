// Unpacks the page's data and starts its interactive parts.

const facts = await unpackAll(JSON.parse(document.getElementById("facts").textContent));
document.documentElement.classList.add("scripted");
new Plane(document.getElementById("plane"), facts.plane, facts.training);
if (facts.pad) {
  const section = document.getElementById("draw-a-digit");
  const answer = new Answer(section, facts.pad, facts.training);
  // Global for the console and the tests.
  globalThis.pad = new Pad(section, facts.pad.preparation.shape, facts.pad.samples, answer);
}
