// The curves of the loss: of each batch, their running mean, and of the held-out images after each epoch.

const MEMORY = 30; // steps over which the running mean forgets a loss

class LossCurves {
  // judged: what the loss after each epoch is of, such as "held-out images".
  constructor(svg, judged) {
    this.judged = judged;
    this.chart = new Chart(svg, { x: "epoch", y: "loss", isLogarithmic: true, least: [0, 1] });
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
    const mean = { label: "running mean", color: "var(--blue)", points: this.means.points };
    this.chart.show([
      { label: "each batch", color: "var(--muted)", isThin: true, points: this.batches.points },
      ...this.judged === "rows" ? [] : [mean], // a batch of all rows needs no mean
      { label: this.judged === "rows" ? "all rows" : this.judged, color: "var(--orange)", points: this.epochs.points },
    ]);
  }
}
