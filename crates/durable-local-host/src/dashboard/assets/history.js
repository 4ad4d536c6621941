// The raw history.

import { read } from "./api.js";
import { arrange, h, instanceHref, pager, tell } from "./dom.js";
import { after, bytes, instant, pretty, time } from "./format.js";

const ROWS = 200;

function text(label, value, whole) {
  if (!value) return null;
  const box = h("pre", { class: "value", tabindex: "0" }, value.length ? `${value.text}…` : pretty(value.text));
  const more = value.length && h("button", {
    type: "button", class: "small",
    onclick: async () => {
      try {
        box.textContent = pretty((await whole()).text);
        more.remove();
      } catch (error) {
        tell(error.message, true);
      }
    },
  }, `Show all ${bytes(value.length)}`);
  return h("div", {}, h("p", { class: "label" }, label), box, more);
}

/** The values of an event, made when somebody looks at them. */
function values(event, id) {
  const whole = (part) => async () => (await read("event", { id, index: event.index }))[part];
  const parts = ["input", "result", "reason"].filter((part) => event[part]);
  if (!parts.length && !event.failure) return null;
  const details = h("details", {}, h("summary", {}, [...parts, event.failure && "failure"].filter(Boolean).join(", ")));
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    details.append(...parts.map((part) => text(part, event[part], whole(part))));
    event.failure?.forEach((link, number) => {
      const all = (part) => async () => (await whole("failure")())[number][part];
      details.append(...[
        text(`${number ? "caused by " : ""}${link.type}`, link.message, all("message")),
        link.stack && text("stack", link.stack, all("stack")),
      ].filter(Boolean));
    });
  });
  return details;
}

function row(event, id, begin, asked) {
  // An entity's answer is called like the request.
  const call = asked.get(event.answers ?? (event.type === "EventRaised" ? event.name : undefined));
  const failed = /Failed$/.test(event.type) || event.status === "Failed" || (event.type === "EventRaised" && call && event.failure);
  const what = [
    event.request?.name ?? call?.request?.name ?? event.name ?? call?.name,
    event.status,
    call && `answers #${call.eventId}`,
    event.fireAt && `due ${event.fireAt}`,
  ].filter(Boolean).join(", ");
  return h("tr", { id: `event-${event.index}`, tabindex: "-1", class: failed ? "failed" : "" },
    h("td", { class: "number" }, String(event.index)),
    h("td", { class: "number" }, event.eventId >= 0 ? `#${event.eventId}` : ""),
    h("td", {}, time(event.time, true)),
    h("td", { class: "number" }, after(instant(event.time) - begin)),
    h("td", {}, event.type),
    h("td", { class: "what" }, what, event.instanceId && h("a", { href: instanceHref(event.instanceId) }, ` ${event.instanceId}`)),
    h("td", { class: "values" }, values(event, id)));
}

/** The table of an instance's events. */
export function historyTable(id) {
  const rows = h("tbody");
  const parts = h("div");
  const heading = h("h2", {}, "History");
  const element = h("section", { class: "card", "aria-label": "History" }, heading,
    h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Events of the history" },
      h("table", { class: "events" },
        h("thead", {}, h("tr", {}, ["Place", "Id", "Time", "After", "Event", "What", "Values"].map((name, at) => h("th", { scope: "col", class: at < 2 || at === 3 ? "number" : "" }, name)))),
        rows)),
    parts);
  const known = new Map();
  const asked = new Map();
  let events = [];
  let first = 0;
  const show = (from) => {
    first = from;
    const bar = pager(events.length, ROWS, first, "history", show);
    const focused = [...parts.querySelectorAll("button")].indexOf(document.activeElement);
    parts.replaceChildren(...(bar ? [bar] : []));
    if (focused >= 0) parts.querySelectorAll("button")[focused]?.focus();
    const begin = events.length ? instant(events[0].time) : 0;
    arrange(rows, events.slice(first, first + ROWS).map((event) => {
      if (!known.has(event.index)) known.set(event.index, row(event, id, begin, asked));
      return known.get(event.index);
    }));
    heading.textContent = `History (${events.length.toLocaleString()} events)`;
  };
  return {
    element,
    update(list) {
      for (const event of list.slice(events.length)) {
        if (event.eventId >= 0) asked.set(event.eventId, event);
        if (event.request) asked.set(event.request.id, event);
      }
      events = list;
      show(first);
    },
    reset() {
      known.clear();
      asked.clear();
      events = [];
      first = 0;
    },
    /** Shows an event and puts the focus there. */
    jump(index) {
      show(Math.floor(index / ROWS) * ROWS);
      const found = document.getElementById(`event-${index}`);
      if (!found) return;
      const details = found.querySelector("details");
      if (details) details.open = true;
      found.scrollIntoView({ block: "center" });
      found.focus({ preventScroll: true });
    },
  };
}
