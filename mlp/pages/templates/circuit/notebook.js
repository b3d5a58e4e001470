// In a notebook a circuit is a page in a frame: the frame becomes as high as the page, and the page as dark as the
// notebook.

// Make the frame as high as the page, and no lower as long as it is as wide: what follows it shall not jump at a step.
function fit(frame) {
  let width = 0;
  new ResizeObserver(() => {
    const needed = Math.ceil(document.body.getBoundingClientRect().height);
    const height = innerWidth === width ? Math.max(needed, innerHeight) : needed;
    width = innerWidth;
    frame.style.height = `${height}px`;
  }).observe(document.body);
}

// Whether the background behind an element is dark; undefined if it has none, or a colour in another notation.
function isOnDark(element) {
  const color = element && getComputedStyle(element).backgroundColor;
  const [, red, green, blue, opacity] = color?.match(/^rgba?\((\d+), (\d+), (\d+)(?:, (.*))?\)$/) ?? [];
  if (opacity === "0") return isOnDark(element.parentElement);
  return red && Number(red) + Number(green) + Number(blue) < 384;
}

// Be dark if the notebook is, whatever the system is.
function adoptTheme(isDark) {
  document.documentElement.style.colorScheme = isDark ? "dark" : "light";
  for (const { media } of document.styleSheets[0].cssRules) {
    if (media?.mediaText.includes("prefers-color-scheme")) media.mediaText = isDark ? "screen" : "not all";
  }
}

if (isInNotebook && frameElement) {
  const isDark = isOnDark(frameElement.parentElement);
  if (isDark !== undefined) adoptTheme(isDark);
  document.documentElement.classList.add("in-notebook");
  frameElement.parentElement.querySelector(":scope > .mlp-picture")?.remove(); // it is for viewers that remove frames
  fit(frameElement);
}
