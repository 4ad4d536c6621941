// The history as a picture, and as a table that says the same.

import { arrange, h, instanceHref, pager, s } from "./dom.js";
import { after, duration } from "./format.js";
import { KINDS, OUTCOMES, title } from "./spans.js";

const ROWS = 100;
const NARROW = 640;
const LABEL = 245;
const AXIS = 24;
const LETTER = 7;

/** A step for the axis, so that there are about that many. */
function step(range, wanted) {
  const rough = range / wanted;
  const units = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000,
    120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000];
  const fits = units.find((unit) => unit >= rough);
  return fits ?? Math.ceil(rough / 86_400_000) * 86_400_000;
}

const UNITS = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000]];

/** How long after the beginning, as exact as steps of that size need it. */
export function tick(ms, unit) {
  if (ms === 0) return "0";
  if (ms < 1000) return `${ms} ms`;
  const parts = [];
  let rest = ms;
  for (const [word, size] of UNITS) {
    const whole = Math.floor(rest / size);
    if (whole > 0) parts.push(`${whole} ${word}`);
    rest -= whole * size;
  }
  const digits = Math.max(0, 3 - Math.floor(Math.log10(unit)));
  const seconds = Number((rest / 1000).toFixed(digits));
  if (seconds > 0) parts.push(`${seconds} s`);
  return parts.join(" ");
}

const cut = (text, width) => {
  const room = Math.max(4, Math.floor(width / LETTER));
  return text.length > room ? `${text.slice(0, room - 1)}…` : text;
};

function bar(span, x, width, y) {
  if (span.kind === "event" || span.kind === "sent") {
    const middle = y + 8;
    return s("path", { class: "mark", d: `M${x} ${middle - 7}l7 7-7 7-7-7z` });
  }
  const parts = [s("rect", { class: "bar", x, y, width, height: 16, rx: 3 })];
  if (span.kind === "orchestration") parts.push(s("rect", { class: "stripes", x, y, width, height: 16, rx: 3 }));
  if (span.outcome === "failed") {
    const end = x + width - 1;
    parts.push(s("circle", { class: "end", cx: end, cy: y + 8, r: 8 }),
      s("path", { class: "cross", d: `M${end - 3.5} ${y + 4.5}l7 7m0-7l-7 7` }));
  }
  return parts;
}

const endOf = (span, now) => span.end ?? (span.outcome === "dropped" ? span.start : now);

const latest = (list, now) => list.reduce((latest, span) => Math.max(latest, endOf(span, now)), 0);

/** Draws that many rows of a list from a place on. */
function draw(all, from, now, width) {
  const list = all.slice(from, from + ROWS);
  const origin = all[0].start;
  const narrow = width < NARROW;
  const left = narrow ? 4 : LABEL;
  const rowHeight = narrow ? 42 : 26;
  const right = 100;
  const room = Math.max(40, width - left - right);
  const begin = Math.min(...list.map((span) => span.start));
  const end = Math.max(begin + 1, latest(list, now));
  const scale = (at) => left + ((at - begin) / (end - begin)) * room;
  const height = AXIS + list.length * rowHeight + 6;
  const unit = step(end - begin, narrow ? 3 : 6);
  const axis = [];
  for (let at = Math.max(0, Math.ceil((begin - origin) / unit) * unit); at <= end - origin; at += unit) {
    const x = scale(origin + at);
    axis.push(s("line", { x1: x, x2: x, y1: AXIS - 4, y2: height }),
      s("text", { x: x + 3, y: 13 }, tick(at, unit)));
  }
  const alike = new Map();
  for (const span of all) alike.set(title(span), (alike.get(title(span)) ?? 0) + 1);
  const named = (span) => (alike.get(title(span)) > 1 && span.action >= 0 && span.kind !== "timer" ? `${title(span)} #${span.action}` : title(span));
  const rows = list.map((span, number) => {
    const top = AXIS + number * rowHeight;
    const y = top + (narrow ? 22 : 5);
    const over = endOf(span, now);
    const x = scale(span.start);
    const long = Math.max(3, scale(over) - x);
    const point = span.kind === "event" || span.kind === "sent";
    const took = point ? KINDS[span.kind].toLowerCase() : span.outcome === "dropped" ? "not awaited" : duration(over - span.start) + (span.end === null ? " …" : "");
    const label = cut(named(span), narrow ? width - 20 : LABEL - 22);
    const tip = `${KINDS[span.kind]} ${named(span)}: ${OUTCOMES[span.outcome]}, ${took}`;
    const beside = x + long + (span.outcome === "failed" ? 12 : 6);
    const words = took.length * 7;
    const fits = beside + words < width;
    const inside = !fits && long > words + 30;
    const place = fits ? beside : inside ? x + long - (span.outcome === "failed" ? 14 : 6) : x - 8;
    return s("g", { class: `span ${span.kind} ${span.outcome}`, "data-index": span.index },
      s("title", {}, tip),
      s("rect", { class: "row", x: 0, y: top, width, height: rowHeight }),
      s("text", { class: "label", x: narrow ? 4 : LABEL - 10, y: top + (narrow ? 15 : 18), "text-anchor": narrow ? "start" : "end" }, label),
      bar(span, x, long, y),
      s("text", { class: inside ? "took inside" : "took", x: place, y: y + 12, "text-anchor": fits ? "start" : "end" }, took));
  });
  const failed = all.filter((span) => span.outcome === "failed").length;
  const part = list.length < all.length ? ` Rows ${from + 1} to ${from + list.length} are shown.` : "";
  return s("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, role: "img", class: "timeline",
    "aria-label": `Timeline of ${all.length} calls, timers and events over ${duration(latest(all, now) - origin)}, ${failed} failed.${part} The table below says the same.`,
  },
    s("defs", {}, s("pattern", { id: "stripes", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      s("rect", { width: 2, height: 6 }))),
    s("g", { class: "axis" }, axis), rows);
}

const LEGEND = ["activity", "orchestration", "entity", "timer", "event", "suspended"];

function legend() {
  const sample = (kind, outcome, text) => h("li", {},
    s("svg", { width: outcome === "failed" ? 34 : 26, height: 18, "aria-hidden": "true", class: "timeline" },
      s("g", { class: `span ${kind} ${outcome}` }, bar({ kind, outcome }, kind === "event" ? 12 : 1, 22, 1))), text);
  return h("ul", { class: "legend", "aria-hidden": "true" },
    LEGEND.map((kind) => sample(kind, "completed", KINDS[kind])), sample("activity", "failed", "Failed"), sample("activity", "open", "Under way"));
}

/** The timeline of an instance; `jump` is called with the place of an event. */
export function timeline(jump, signal) {
  const picture = h("div", { class: "picture" });
  const parts = pager(ROWS, "timeline", (from) => {
    chosen = true;
    show(from);
  });
  const rows = h("tbody");
  const table = h("details", {},
    h("summary", {}, "The timeline as a table"),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Timeline as a table" },
      h("table", {},
        h("thead", {}, h("tr", {}, ["Kind", "Name", "Outcome", "Began", "Took", "Event"].map((name, at) => h("th", { scope: "col", class: at === 3 || at === 4 ? "number" : "" }, name)))),
        rows)));
  const nothing = h("p", { class: "none" }, "Nothing was called yet.");
  const element = h("section", { class: "card", "aria-label": "Timeline" }, h("h2", {}, "Timeline"), nothing, picture, legend(), parts.element, table);
  const known = new Map();
  let list = [];
  let first = 0;
  // Whether somebody has chosen the part that is shown.
  let chosen = false;
  let clock = () => Date.now();
  let drawn = 0;

  const row = (span, begin) => {
    const key = `${span.index} ${span.endIndex} ${span.outcome}`;
    if (!known.has(key)) {
      known.set(key, h("tr", {},
        h("td", {}, KINDS[span.kind]),
        h("td", {}, span.instanceId ? h("a", { href: instanceHref(span.instanceId) }, title(span)) : title(span)),
        h("td", {}, OUTCOMES[span.outcome]),
        h("td", { class: "number" }, after(span.start - begin)),
        h("td", { class: "number" }, span.end === null ? "–" : duration(span.end - span.start)),
        h("td", {}, h("button", { type: "button", class: "link", onclick: () => jump(span.endIndex ?? span.index) }, `#${span.endIndex ?? span.index}`))));
    }
    return known.get(key);
  };
  const paint = () => {
    const page = list.slice(first, first + ROWS);
    nothing.hidden = list.length > 0;
    picture.hidden = table.hidden = list.length === 0;
    if (page.length === 0) return;
    drawn = Math.floor(picture.clientWidth) || 800;
    const begin = list[0].start;
    picture.replaceChildren(draw(list, first, clock(), drawn));
    arrange(rows, page.map((span) => row(span, begin)));
  };
  const show = (from) => {
    first = from;
    parts.update(first, list.length);
    paint();
  };
  picture.addEventListener("click", (event) => {
    const at = event.target.closest?.("g.span")?.dataset.index;
    if (at !== undefined) jump(Number(at));
  });
  const observer = new ResizeObserver(() => {
    if (Math.abs(picture.clientWidth - drawn) > 1) paint();
  });
  observer.observe(picture);
  const ticking = setInterval(() => {
    if (!document.hidden && list.some((span) => span.outcome === "open")) paint();
  }, 1000);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    clearInterval(ticking);
  });
  return {
    element,
    /** Shows these; `blamed` is the place of the event that tells of the failure, if there is one. */
    update(spans, now, blamed) {
      list = spans;
      clock = now;
      const at = chosen || blamed === undefined ? -1 : list.findIndex((span) => span.endIndex === blamed);
      const wanted = at < 0 ? first : Math.floor(at / ROWS) * ROWS;
      show(Math.min(wanted, Math.max(0, Math.floor((list.length - 1) / ROWS) * ROWS)));
    },
    /** Forgets what was shown: the history is another one. */
    reset() {
      known.clear();
      first = 0;
      chosen = false;
    },
  };
}
