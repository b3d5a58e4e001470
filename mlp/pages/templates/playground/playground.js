// Starts the worker, and shows what it posts.

const facts = await unpackAll(JSON.parse(document.getElementById("facts").textContent));
const source = ["passes", "training"].map((id) => document.getElementById(id).textContent).join("\n");
const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
let latest;
worker.onmessage = ({ data }) => {
  latest = data;
  requestAnimationFrame(() => worker.postMessage({ command: "shown" }));
};
worker.postMessage({ command: "open", data: facts.data });
worker.postMessage({ command: "begin", id: 0, options: facts.options, weights: facts.weights });
globalThis.playground = { worker, facts, latest: () => latest }; // for the console and the tests
