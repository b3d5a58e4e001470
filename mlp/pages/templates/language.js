// The page's texts in the reader's language. The page stands in English. Scripts put their texts into elements with
// `sayAt` and `sayIn`, or get them from `say`, and show those again at the document's event "language".

const SAID_IN = ["alt", "aria-label", "aria-roledescription", "placeholder"]; // attributes that hold texts
const AN = /^(8\d*|11|18)$/; // the numbers whose names begin with a vowel

class Languages {
  // texts: for each language its texts by key. button: switches to the other language, whose name it shows.
  constructor(texts, button) {
    Object.assign(this, { texts, button });
    this.use(kept() in texts ? kept() : /^zh\b/i.test(navigator.language) ? "zh" : "en");
    button.hidden = false;
    button.onclick = () => {
      this.use(this.other);
      keep(this.current);
      document.dispatchEvent(new Event("language"));
    };
  }

  use(language) {
    this.current = language;
    this.other = language === "zh" ? "en" : "zh";
    document.documentElement.lang = language;
    this.button.lang = this.other;
    this.button.textContent = this.texts[this.other]["page.language"];
    this.translate();
  }

  // The text of a key with these values in its places; its form depends on the value `count`.
  say(key, values = {}) {
    const text = this.texts[this.current][key];
    const form = typeof text === "string" ? text : text[String(values.count) === "1" ? "one" : "other"];
    return form.replace(/(\b[Aa] )?\{(\w+)\}/g, (_, article = "", name) =>
      (AN.test(values[name]) ? article.replace(" ", "n ") : article) + values[name]);
  }

  // Shows a text, which may have HTML in it, in an element, and again after each switch.
  sayAt(place, key, values = {}) {
    place.dataset.say = key;
    place.dataset.values = JSON.stringify(values);
    this.fill(place);
  }

  // Shows the text that an element has, with some of its values changed.
  sayAgain(place, values) {
    this.sayAt(place, place.dataset.say, { ...JSON.parse(place.dataset.values), ...values });
  }

  // Shows a text in an attribute of an element.
  sayIn(attribute, place, key, values = {}) {
    place.setAttribute(`data-in-${attribute}`, JSON.stringify([key, values]));
    place.setAttribute(attribute, this.say(key, values));
  }

  fill(place) {
    const values = Object.entries(JSON.parse(place.dataset.values ?? "{}")).map(([name, value]) => [name, html(value)]);
    place.innerHTML = this.say(place.dataset.say, Object.fromEntries(values));
  }

  // The texts that stand in the page, as frame.py wrote them: data-say holds the key, data-values the values.
  translate() {
    document.querySelectorAll("[data-say]").forEach((place) => this.fill(place));
    for (const name of SAID_IN) {
      for (const place of document.querySelectorAll(`[data-in-${name}]`)) {
        place.setAttribute(name, this.say(...JSON.parse(place.getAttribute(`data-in-${name}`))));
      }
    }
  }
}

// A value as HTML.
function html(value) {
  const place = document.createElement("i");
  place.textContent = value;
  return place.innerHTML;
}

// What an earlier page kept: the language that the reader chose, unless it was a page of somebody else's, as all files
// may have one store. A page within another one may have no place to keep it.
function kept() {
  try {
    return localStorage.getItem("language");
  } catch {
    return null;
  }
}

function keep(language) {
  try {
    localStorage.setItem("language", language);
  } catch {
    // then the next page follows the browser again
  }
}
