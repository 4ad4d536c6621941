// Inputs, outputs and the like.

import { readText } from "./api.js";
import { h, tell } from "./dom.js";
import { bytes, pretty } from "./format.js";

/** A value in a box, under a label if it has one. `whole` fetches all of it when it was cut. */
export function valueBox(value, whole, label) {
  if (!value) return h("p", { class: "none" }, "none");
  const box = h("pre", { class: "value", tabindex: "0" }, value.length ? `${value.text}…` : pretty(value.text));
  const more = value.length && h("button", {
    type: "button", class: "small",
    onclick: async () => {
      try {
        box.textContent = pretty(await whole());
        more.remove();
        box.focus();
      } catch (error) {
        tell(error.message, true);
      }
    },
  }, `Show all ${bytes(value.length)}`);
  return h("div", {}, label && h("p", { class: "label" }, label), box, more);
}

/** A value of an instance under a heading; `null` stays away unless it is wanted. */
export function valueSection(title, instance, part) {
  return h("section", { class: "card", "aria-label": title },
    h("h2", {}, title),
    valueBox(instance[part], () => readText("value", { id: instance.id, part })));
}

/** Copies a text, or what a function fetches. */
export function copyButton(text, what) {
  return h("button", {
    type: "button", class: "small",
    onclick: async () => {
      let fetched;
      try {
        fetched = Promise.resolve(typeof text === "function" ? text() : text);
        // Begun before the text is there: browsers allow it for a short while after a click only.
        const blob = fetched.then((whole) => new Blob([whole], { type: "text/plain" }));
        blob.catch(() => undefined);
        await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
        tell(`The ${what} was copied`);
      } catch {
        const fault = await fetched.then(() => "The browser does not allow copying here", (error) => error.message);
        tell(fault, true);
      }
    },
  }, "Copy");
}
