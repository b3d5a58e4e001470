// The page's facts unpacked, and its parts that are at work in it.

const facts = await unpackAll(JSON.parse(document.getElementById("facts").textContent));
document.documentElement.classList.add("scripted");
new Plane(document.getElementById("plane"), facts.plane, facts.training);
if (facts.pad) {
  globalThis.pad = new Pad(document.getElementById("draw-a-digit"), facts.pad, facts.training); // for the console, too
}
