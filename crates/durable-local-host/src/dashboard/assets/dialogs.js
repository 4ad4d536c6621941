// Questions before something is done.

import { h } from "./dom.js";

let number = 0;

/** A labelled field; `read` gives its value, or throws what is wrong with it. */
export function field(label, { kind = "text", value = "", hint, required, list, json } = {}) {
  const id = `field-${++number}`;
  const input = kind === "area"
    ? h("textarea", { id, rows: 5, spellcheck: "false" })
    : h("input", { id, type: kind, list: list && `${id}-list`, required, autocomplete: "off", spellcheck: "false" });
  if (kind === "checkbox") input.checked = value;
  else input.value = value;
  const fault = h("p", { class: "fault", id: `${id}-fault`, role: "alert" });
  const note = hint && h("p", { class: "hint", id: `${id}-hint` }, hint);
  input.setAttribute("aria-describedby", [hint && `${id}-hint`, fault.id].filter(Boolean).join(" "));
  const options = list && h("datalist", { id: `${id}-list` }, list.map((name) => h("option", { value: name })));
  const check = () => {
    if (kind === "checkbox") return input.checked;
    const text = input.value.trim();
    if (required && !text) throw new Error(`${label} is needed.`);
    if (json && text) {
      try {
        JSON.parse(text);
      } catch (error) {
        throw new Error(`This is not JSON: ${error.message}. A text needs quotation marks.`);
      }
    }
    return text;
  };
  const element = kind === "checkbox"
    ? h("div", { class: "field check" }, input, h("label", { for: id }, label), note, fault)
    : h("div", { class: "field" }, h("label", { for: id }, label), note, input, options, fault);
  return {
    element,
    input,
    read() {
      fault.textContent = "";
      input.removeAttribute("aria-invalid");
      try {
        return check();
      } catch (error) {
        fault.textContent = error.message;
        input.setAttribute("aria-invalid", "true");
        input.focus();
        throw error;
      }
    },
  };
}

/**
 * Asks, and does it when the answer is yes: `act` gets the fields' values, and what it throws is
 * shown. Gives what `act` gave, or nothing when the answer is no. `signal` takes the question back.
 */
export function ask({ title, text, verb, dangerous, fields = {}, act, signal }) {
  return new Promise((done) => {
    const id = `dialog-${++number}`;
    const refusal = h("p", { class: "refusal", role: "alert" });
    const yes = h("button", { type: "submit", class: dangerous ? "danger" : "primary" }, verb);
    const no = h("button", { type: "button", onclick: () => close() }, "Cancel");
    let outcome;
    const close = () => dialog.close();
    signal?.addEventListener("abort", close);
    const submit = async (event) => {
      event.preventDefault();
      refusal.textContent = "";
      const values = {};
      try {
        for (const [name, each] of Object.entries(fields)) values[name] = each.read();
      } catch {
        return;
      }
      yes.disabled = true;
      try {
        outcome = (await act(values)) ?? true;
        dialog.close();
      } catch (error) {
        refusal.textContent = `Refused: ${error.message}`;
      } finally {
        yes.disabled = false;
      }
    };
    const dialog = h("dialog", { "aria-labelledby": `${id}-title`, "aria-describedby": text && `${id}-text`,
      onclose: () => {
        signal?.removeEventListener("abort", close);
        dialog.remove();
        done(outcome);
      } },
      h("form", { novalidate: true, onsubmit: submit },
        h("h2", { id: `${id}-title` }, title),
        text && h("p", { id: `${id}-text` }, text),
        Object.values(fields).map((each) => each.element),
        refusal,
        h("div", { class: "buttons" }, no, yes)));
    document.body.append(dialog);
    dialog.showModal();
    // Something that can't be undone is not done by a key that was meant for something else.
    const first = Object.values(fields)[0];
    (first?.input ?? (dangerous ? no : yes)).focus();
  });
}
