// The raw history.

import { read } from "./api.js";
import { arrange, h, instanceHref, pager } from "./dom.js";
import { after, instant, time } from "./format.js";
import { valueBox } from "./values.js";

const ROWS = 200;

/** The values of an event, made when somebody looks at them: `fill` is called before they are seen. */
function values(event, id) {
  const parts = ["input", "result", "reason"].filter((part) => event[part]);
  if (!parts.length && !event.failure) return {};
  const whole = () => read("event", { id, index: event.index });
  const element = h("details", {}, h("summary", {}, [event.failure && "failure", ...parts].filter(Boolean).join(", ")));
  const fill = () => {
    if (element.children.length > 1) return;
    event.failure?.forEach((link, number) => {
      const all = (part) => async () => (await whole()).failure[number][part].text;
      element.append(valueBox(link.message, all("message"), `${number ? "caused by " : ""}${link.type}`));
      if (link.stack) element.append(valueBox(link.stack, all("stack"), "stack"));
    });
    element.append(...parts.map((part) => valueBox(event[part], async () => (await whole())[part].text, part)));
  };
  element.addEventListener("toggle", () => {
    if (element.open) fill();
  });
  return { element, fill };
}

function row(event, id, begin, asked) {
  // An entity's answer is called like the request.
  const call = asked.get(event.answers ?? (event.type === "EventRaised" ? event.name : undefined));
  const answers = event.answers ?? call?.eventId;
  const failed = /Failed$/.test(event.type) || event.status === "Failed" || (event.type === "EventRaised" && call && event.failure);
  const what = [
    event.request?.name ?? call?.request?.name ?? event.name ?? call?.name,
    event.status,
    answers !== undefined && `answers #${answers}`,
  ].filter(Boolean).join(", ");
  const { element: details, fill } = values(event, id);
  const element = h("tr", { tabindex: "-1", class: failed ? "failed" : "" },
    h("td", { class: "number" }, String(event.index)),
    h("td", { class: "number" }, event.eventId >= 0 ? `#${event.eventId}` : ""),
    h("td", {}, time(event.time, true)),
    h("td", { class: "number" }, after(instant(event.time) - begin)),
    h("td", {}, event.type),
    h("td", { class: "what" }, what, event.fireAt && [what && ", ", "due ", time(event.fireAt, true)], event.instanceId && h("a", { href: instanceHref(event.instanceId) }, ` ${event.instanceId}`)),
    h("td", { class: "values" }, details));
  /** Shows all of it at once, so that it can be scrolled to. */
  const open = () => {
    if (!details) return;
    fill();
    details.open = true;
  };
  return { element, open };
}

/** The table of an instance's events. */
export function historyTable(id) {
  const rows = h("tbody");
  const parts = pager(ROWS, "history", (from) => {
    show(from);
    scroller.scrollTop = 0;
  });
  const scroller = h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Events of the history" },
    h("table", { class: "events" },
      h("thead", {}, h("tr", {}, ["Place", "Id", "Time", "After", "Event", "What", "Values"].map((name, at) => h("th", { scope: "col", class: at < 2 || at === 3 ? "number" : "" }, name)))),
      rows));
  const heading = h("h2", {}, "History");
  const element = h("section", { class: "card", "aria-label": "History" }, heading, scroller, parts.element);
  const known = new Map();
  const asked = new Map();
  let events = [];
  let first = 0;
  const show = (from) => {
    first = from;
    parts.update(first, events.length);
    const begin = events.length ? instant(events[0].time) : 0;
    arrange(rows, events.slice(first, first + ROWS).map((event) => {
      if (!known.has(event.index)) known.set(event.index, row(event, id, begin, asked));
      return known.get(event.index).element;
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
      const found = known.get(index);
      if (!found) return;
      found.open();
      const tall = found.element.offsetHeight > scroller.clientHeight;
      found.element.scrollIntoView({ block: tall ? "start" : "center" });
      found.element.focus({ preventScroll: true });
    },
  };
}
