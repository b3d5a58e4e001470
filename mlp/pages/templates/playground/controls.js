// The buttons, and the line that says what the training does.

class Controls {
  // place: the element with the buttons; commands: what each button does, by its data-command.
  constructor(place, commands) {
    this.status = place.querySelector("[role=status]");
    this.buttons = Object.fromEntries(Array.from(place.querySelectorAll("button"), (button) =>
      [button.dataset.command, button]));
    for (const [name, button] of Object.entries(this.buttons)) {
      // A button that is disabled keeps the focus.
      button.onclick = () => { if (button.ariaDisabled !== "true") commands[name](); };
    }
  }

  // What screen readers are to say. textOf: returns it in the page's language.
  tell(textOf) {
    this.textOf = textOf;
    this.translate();
  }

  translate() {
    setText(this.status, this.textOf?.() ?? "");
  }

  show({ isRunning, hasDiverged }) {
    for (const [name, button] of Object.entries(this.buttons)) {
      const isDisabled = name === "pause" ? !isRunning : name !== "reset" && (isRunning || hasDiverged);
      button.ariaDisabled = String(isDisabled);
    }
  }
}

// Where the training is, and the loss of the latest batch.
function progress(message, batchSize, loss) {
  const { steps, epoch, done } = message;
  if (message.hasDiverged) return say("playground.diverged", { step: counted(steps + 1) });
  if (!steps) return say("playground.no_step");
  const { step, steps: all } = stepOfEpoch(message, batchSize);
  const values = { step: counted(step), steps: counted(all), loss: brief(loss) };
  return done
    ? say("playground.within_epoch", { ...values, epoch: counted(epoch) })
    : say("playground.end_of_epoch", { ...values, epoch: counted(epoch - 1) });
}
