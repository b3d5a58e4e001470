// The state in the address, such as #step=4&seed=7?x=3&W=1,2,3,4 or, in a gallery, #staged/14&exercise=gradients?dx=2.
// After the ? are the inputs that differ from the original or the seed's numbers, and the answers of the exercise.

const choice = document.getElementById("choice"); // in a gallery, else null
const isInNotebook = location.href === "about:srcdoc"; // in a frame of its own, which has no address
const circuits = [...document.querySelectorAll(".circuit")].map((section) => new Circuit(section, remember));
let chosen = circuits[0];
let recent = 0; // changes of the address in the latest two seconds

function address() {
  const place = choice ? `#${chosen.name}/${chosen.step}` : `#step=${chosen.step}`;
  const options = Object.entries({ seed: chosen.inputs.seed, exercise: chosen.exercise.mode })
    .filter(([, value]) => value !== null).map(([name, value]) => `&${name}=${value}`);
  const names = [...chosen.inputs.changes(), ...chosen.exercise.given()]
    .map(([name, texts]) => `${encodeURIComponent(name)}=${texts.map(encodeURIComponent).join(",")}`);
  return place + options.join("") + (names.length ? "?" : "") + names.join("&");
}

// Replaces the address: the browser's Back then leaves the page or the circuit, and not only the step. Browsers refuse
// more than a hundred changes in ten seconds, and a key held down makes more: then the address is late.
function remember() {
  chosen.address = address(); // for the reader who comes back to it
  if (isInNotebook || recent === 15 || location.hash === chosen.address) return;
  history.replaceState(null, "", chosen.address);
  recent += 1;
  setTimeout(() => { recent -= 1; remember(); }, 2000);
}

// Show what the address names: by default the first circuit and step; the last step if the number is too large.
function follow() {
  const [head, tail] = location.hash.split("?");
  const [place, ...options] = head.split("&");
  const [, name, step] = place.match(choice ? /^#(?:circuit-)?([^/]*)\/?(\d*)$/ : /^#(step)=(\d+)$/) ?? [];
  chosen.pause();
  chosen = circuits.find((circuit) => circuit.name === name) ?? circuits[0];
  for (const circuit of circuits) circuit.section.classList.toggle("chosen", circuit === chosen);
  if (choice) choice.value = chosen.name;
  const { seed, exercise } = Object.fromEntries(new URLSearchParams(options.join("&")));
  const texts = new Map([...new URLSearchParams(tail)].map(([name, text]) => [name, text.split(",")]));
  chosen.restore({ step: Number(step ?? 0), seed, exercise, texts });
  if (location.hash) remember();
}

// The choices in the menu.
function nameChoices() {
  for (const option of choice?.options ?? []) {
    option.textContent = say("circuit.choice", { name: option.value, shows: say(option.dataset.shows) });
  }
}

document.documentElement.classList.add("scripted");
nameChoices();
follow();
window.onhashchange = follow;
if (choice) {
  choice.onchange = () => {
    recent = 0; // Back shall find the latest numbers
    remember();
    location.hash = circuits.find(({ name }) => name === choice.value).address ?? `#${choice.value}/0`;
  };
}
document.onkeydown = (event) => {
  if (!chosen.exercise.isOn) chosen.press(event);
};
window.onresize = () => chosen.showTrouble();
window.onbeforeprint = () => circuits.forEach((circuit) => circuit.showForPrint());
window.onafterprint = () => chosen.show();
document.addEventListener("language", () => {
  nameChoices();
  chosen.showAgain();
});
