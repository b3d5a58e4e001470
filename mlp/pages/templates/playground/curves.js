// The curves of the loss: of each batch, their running mean, and of the held-out images after each epoch.

const MEMORY = 30; // steps over which the running mean forgets a loss
const BELOW = 1000; // a batch's loss, which may be 1e-200, is drawn at most so many times lower than the other curves

class LossCurves {
  // judged: what the loss after each epoch is of: rows, held_out or training images.
  constructor(svg, judged) {
    this.judged = judged;
    this.chart = new Chart(svg, { isLogarithmic: true, least: [0, 1] });
    this.begin();
  }

  begin() {
    [this.batches, this.means, this.epochs] = Array.from({ length: 3 }, () => new GrowingCurve());
    this.mean = 0;
  }

  // losses, rows: as the worker posts them.
  add(losses, rows) {
    for (const [passed, loss] of losses) {
      this.mean += (loss - this.mean) / Math.min(this.batches.count + 1, MEMORY);
      this.batches.add([passed, loss]);
      this.means.add([passed, this.mean]);
    }
    for (const { epoch, loss } of rows) this.epochs.add([epoch, loss]);
  }

  draw() {
    const label = say({ rows: "chart.rows", held_out: "chart.held_out", training: "chart.images" }[this.judged]);
    const mean = { label: say("chart.mean"), color: "var(--blue)", points: this.means.points };
    const judged = { label, color: "var(--orange)", points: this.epochs.points };
    const others = this.judged === "rows" ? [judged] : [mean, judged]; // a batch of all rows needs no mean
    const floor = lowest(others) / BELOW; // Infinity if there is none
    const points = this.batches.points.map(([passed, loss]) => [passed, Math.max(loss, floor)]);
    const batches = { label: say("chart.batches"), color: "var(--muted)", isThin: true, points };
    this.chart.show([batches, ...others], { x: say("chart.epoch"), y: say("chart.loss") });
  }
}

// The lowest loss above 0 of some curves.
function lowest(curves) {
  const losses = curves.flatMap(({ points }) => points.map(([, loss]) => loss));
  return losses.reduce((least, loss) => (loss > 0 && loss < least ? loss : least), Infinity);
}
