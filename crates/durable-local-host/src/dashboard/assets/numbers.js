// All instances in numbers: how many in which status, how many end in a second.

import { h, s, setText } from "./dom.js";
import { count, statusIcon, STATUSES } from "./format.js";

const SECONDS = 60;
const RECENT = 10;

/** Buttons with the number of each status; `toggle` is called with a status. */
export function statusButtons(toggle) {
  const numbers = new Map();
  const buttons = STATUSES.map((status) => {
    const number = h("strong", {}, "0");
    const button = h("button", {
      type: "button", class: `tile ${status}`, "aria-pressed": "false", "data-status": status,
      onclick: () => toggle(status),
    }, number, h("span", {}, statusIcon(status), status === "ContinuedAsNew" ? "Continued" : status));
    numbers.set(status, { button, number });
    return button;
  });
  return {
    element: h("div", { class: "tiles", role: "group", "aria-label": "Show only instances in a status" }, buttons),
    update(statuses, chosen) {
      for (const [status, { button, number }] of numbers) {
        const total = statuses[status] ?? 0;
        setText(number, count(total));
        button.setAttribute("aria-pressed", String(chosen.has(status)));
        // The rare ones stay away until there are any.
        button.hidden = total === 0 && !chosen.has(status) && ["Canceled", "ContinuedAsNew"].includes(status);
      }
    },
  };
}

/** A picture of the last minute. */
export function rateChart(signal) {
  const bars = Array.from({ length: SECONDS }, (_, at) =>
    s("rect", { x: at * 4, width: 3, y: 40, height: 0 }));
  const picture = s("svg", { viewBox: "0 0 240 40", preserveAspectRatio: "none", role: "img", "aria-label": "" }, bars);
  const now = h("strong", {}, "0");
  const peak = h("span", { class: "hint" }, "");
  const element = h("section", { class: "rate", "aria-label": "Orchestrations per second" },
    h("p", {}, now, " ended per second", h("br", {}), peak), picture);
  let ended = new Array(SECONDS).fill(0);
  let read = performance.now();
  const draw = () => {
    const highest = Math.max(1, ...ended);
    ended.forEach((number, at) => {
      const height = number === 0 ? 0.5 : Math.max(2, (number / highest) * 38);
      bars[at].setAttribute("y", 40 - height);
      bars[at].setAttribute("height", height);
    });
    const total = ended.reduce((sum, number) => sum + number, 0);
    // The present second is not over.
    const recent = ended.slice(-RECENT - 1, -1).reduce((sum, number) => sum + number, 0) / RECENT;
    setText(now, recent >= 10 ? count(Math.round(recent)) : recent.toFixed(1).replace(/\.0$/, ""));
    const most = Math.max(...ended);
    setText(peak, `${count(total)} in the last minute`);
    picture.setAttribute("aria-label",
      `Orchestrations that ended in each second of the last minute: ${total} in all, ${most} at most, ${recent.toFixed(1)} a second of late`);
  };
  // Time passes without the host being asked.
  const timer = setInterval(() => {
    const passed = Math.floor((performance.now() - read) / 1000);
    if (passed < 1 || document.hidden) return;
    read += passed * 1000;
    if (!ended.some((number) => number > 0)) return;
    ended = [...ended, ...new Array(Math.min(passed, SECONDS)).fill(0)].slice(-SECONDS);
    draw();
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  draw();
  return {
    element,
    update(numbers) {
      ended = numbers;
      read = performance.now();
      draw();
    },
  };
}
