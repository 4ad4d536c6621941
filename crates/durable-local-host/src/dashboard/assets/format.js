// Times, durations and statuses in words and pictures.

import { h, s } from "./dom.js";

export const STATUSES = ["Running", "Pending", "Suspended", "Completed", "Failed", "Terminated", "Canceled", "ContinuedAsNew"];

const ENDED = new Set(["Completed", "Failed", "Terminated", "Canceled"]);

export const hasEnded = (status) => ENDED.has(status);

// Shapes in a square of 16; a status is told by shape and word, not by colour alone.
const SHAPES = {
  Running: "M4 2.5v11l9-5.5z",
  Pending: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zm-.8 3h1.6v3.2l2.4 1.4-.8 1.4-3.2-1.9z",
  Suspended: "M3.5 2.5h3v11h-3zm6 0h3v11h-3z",
  Completed: "M6.2 13 1.5 8.3l1.7-1.7 3 3 6.6-6.6 1.7 1.7z",
  Failed: "M3.3 1.6 8 6.3l4.7-4.7 1.7 1.7L9.7 8l4.7 4.7-1.7 1.7L8 9.7l-4.7 4.7-1.7-1.7L6.3 8 1.6 3.3z",
  Terminated: "M3 3h10v10H3z",
  Canceled: "M2 7h12v2.4H2z",
  ContinuedAsNew: "M8 2a6 6 0 0 1 5.2 3L15 4v5h-5l1.7-1.7A3.8 3.8 0 1 0 11 10.6l1.9 1.1A6 6 0 1 1 8 2z",
};

export function statusIcon(status) {
  return s("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" },
    s("path", { d: SHAPES[status] ?? SHAPES.Pending, "fill-rule": "evenodd" }));
}

export function statusBadge(status) {
  return h("span", { class: `badge ${status}` }, statusIcon(status), status === "ContinuedAsNew" ? "Continued as new" : status);
}

const DAY = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** Whose clock the times are of. */
export const zone = () => DAY.resolvedOptions().timeZone;

/** Milliseconds with their fractions: the host's times are finer than what `Date` keeps. */
export function instant(iso) {
  if (!iso) return null;
  const fraction = /\.(\d{4,})Z$/.exec(iso);
  return Date.parse(iso) + (fraction ? Number(`0.${fraction[1].slice(3)}`) : 0);
}

export function clock(iso, milliseconds = false) {
  const date = new Date(iso);
  const text = CLOCK.format(date);
  return milliseconds ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** A `time` element: the clock, and the day unless it is today. */
export function time(iso, milliseconds = false) {
  if (!iso) return h("span", {}, "–");
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  const text = clock(iso, milliseconds);
  return h("time", { datetime: iso, title: iso }, today ? text : `${DAY.format(date)}, ${text}`);
}

/** A duration of milliseconds in two units at most. */
export function duration(ms) {
  if (ms === null || Number.isNaN(ms)) return "–";
  if (ms < 0) ms = 0;
  if (ms < 1) return "< 1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long after the beginning. */
export const after = (ms) => (ms < 1 ? "+0 ms" : `+${duration(ms)}`);

export function bytes(count) {
  return count < 10_000 ? `${count.toLocaleString()} bytes` : `${Math.round(count / 1024).toLocaleString()} KB`;
}

/** JSON with line breaks; other text as it is. */
export function pretty(text) {
  try {
    const value = JSON.parse(text);
    // Digits beyond what JavaScript keeps would be altered.
    return /\d{16,}/.test(text) ? text : JSON.stringify(value, null, 2);
  } catch {
    return text;
  }
}

export const count = (number) => number.toLocaleString();
