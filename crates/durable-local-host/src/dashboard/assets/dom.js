// Elements, made without markup in texts.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => ![null, undefined, false, ""].includes(child)));
  return element;
}

/** An HTML element; attributes that begin with `on` are listeners. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export const byId = (id) => document.getElementById(id);

/** Gives an element this text, without touching it when it has it: readers would tell it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Brings the children of `parent` into the order of `wanted`; those that stay keep their focus. */
export function arrange(parent, wanted) {
  const stay = new Set(wanted);
  for (const child of [...parent.children]) if (!stay.has(child)) child.remove();
  wanted.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
}

/** Whether the host takes an id for that of an entity. */
export const isEntity = (id) => /^@[^@]+@/.test(id);

/** The address of the page of an instance or an entity. */
export const instanceHref = (id) => `#/instance/${encodeURIComponent(id)}`;

/** A link to it. */
export const link = (id, text) => h("a", { href: instanceHref(id) }, text ?? id);

/** Puts a new element in the place of an old one when what it is made of has changed. */
export function slot() {
  let seen;
  const place = h("div", { class: "slot" });
  return {
    place,
    put(key, make) {
      const text = JSON.stringify(key);
      if (text === seen) return;
      seen = text;
      const focused = place.contains(document.activeElement);
      const made = make();
      place.replaceChildren(...(made ? [made] : []));
      if (focused) document.querySelector("h1")?.focus();
    },
  };
}

let fading;

/** Tells something in passing. */
export function tell(text, bad = false) {
  const toast = byId("toast");
  toast.classList.toggle("bad", bad);
  toast.classList.add("shown");
  setText(toast, text);
  clearTimeout(fading);
  fading = setTimeout(() => toast.classList.remove("shown"), 6000);
}

/**
 * A button of a pager. One that leads nowhere just now stays and keeps the focus: what is disabled or
 * hidden loses it to the page.
 */
export function pageButton(label, act) {
  return h("button", { type: "button", onclick: (event) => { if (event.currentTarget.ariaDisabled !== "true") act(); } }, label);
}

/** Tells which buttons of a pager lead anywhere; hides it when none does. */
export function enable(bar, ways) {
  bar.hidden = !ways.some(([, leads]) => leads);
  if (bar.hidden && bar.contains(document.activeElement)) document.querySelector("h1")?.focus();
  for (const [button, leads] of ways) button.ariaDisabled = String(!leads);
}

/** Buttons to go through a long list part by part; calls `show(first)`. `update` gives the place in it. */
export function pager(size, what, show) {
  let total = 0;
  let first = 0;
  const to = {
    First: () => 0,
    Previous: () => first - size,
    Next: () => first + size,
    Last: () => Math.floor((total - 1) / size) * size,
  };
  const [start, previous, next, end] = Object.entries(to).map(([label, place]) => pageButton(label, () => show(place())));
  const place = h("span", {});
  const element = h("nav", { class: "pager", "aria-label": `Parts of the ${what}` }, start, previous, place, next, end);
  return {
    element,
    update(from, length) {
      first = from;
      total = length;
      const last = Math.min(total, first + size);
      enable(element, [[start, first > 0], [previous, first > 0], [next, last < total], [end, last < total]]);
      setText(place, `${(first + 1).toLocaleString()}–${last.toLocaleString()} of ${total.toLocaleString()}`);
    },
  };
}
