// The buttons, and the line that says what the training does.

class Controls {
  // place: the element with the buttons; commands: what each button does, by its text in small letters.
  constructor(place, commands) {
    this.status = place.querySelector("[role=status]");
    this.buttons = Object.fromEntries(Array.from(place.querySelectorAll("button"), (button) =>
      [button.textContent.toLowerCase(), button]));
    for (const [name, button] of Object.entries(this.buttons)) {
      // A button that is disabled keeps the focus.
      button.onclick = () => { if (button.ariaDisabled !== "true") commands[name](); };
    }
  }

  // What screen readers are to say.
  say(words) {
    setText(this.status, words);
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
  if (message.hasDiverged) {
    return `Diverged at step ${counted(steps + 1)}: numbers became infinite. The weights before it are kept. ` +
      "Lower the learning rate, then press Reset.";
  }
  if (!steps) return "No step yet: press Run.";
  const { step, steps: all } = stepOfEpoch(message, batchSize);
  const within = `Epoch ${counted(epoch)}, step ${counted(step)} of ${counted(all)}`;
  return `${done ? within : "End of epoch " + counted(epoch - 1)}: batch loss ${brief(loss)}.`;
}
