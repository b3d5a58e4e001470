// What the page's parts share: elements and their text.

const MAX_LISTED = 64; // the numbers of a larger array are not listed, and have no fields

const make = (tag) => document.createElement(tag);

// Write a text where it is another one: a screen reader says it once.
function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

// What a key means, by its name; undefined for other keys, and together with Alt, Ctrl, Meta or Shift.
function meant({ key, altKey, ctrlKey, metaKey, shiftKey }, meanings) {
  return altKey || ctrlKey || metaKey || shiftKey ? undefined : meanings[key];
}
