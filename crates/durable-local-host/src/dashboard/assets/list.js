// The instances.

import { start } from "./actions.js";
import { read } from "./api.js";
import { arrange, byId, enable, h, instanceHref, pageButton, setText } from "./dom.js";
import { count, duration, hasEnded, instant, statusBadge, time } from "./format.js";
import { follower } from "./live.js";
import { rateChart, statusButtons } from "./numbers.js";

const PAGE = 50;

/** What the browser's local time stands for in UTC. */
const utc = (local) => (local ? new Date(local).toISOString() : "");

function row(instance) {
  const ended = hasEnded(instance.status);
  return h("tr", { "data-id": instance.id },
    h("td", {}, statusBadge(instance.status)),
    h("td", { class: "name" }, instance.name, instance.version && h("span", { class: "hint" }, ` ${instance.version}`)),
    h("td", { class: "id" }, h("a", { href: instanceHref(instance.id) }, instance.id)),
    h("td", {}, time(instance.created)),
    h("td", { class: "number" }, ended ? duration(instant(instance.updated) - instant(instance.created)) : "–"),
    h("td", { class: "custom" }, instance.customStatus ? instance.customStatus.text + (instance.customStatus.length ? "…" : "") : ""));
}

const FIELDS = ["name", "prefix", "from", "to"];

const statusesOf = (query) => new Set((query.get("status") ?? "").split(",").filter(Boolean));

/** The list; `follow` gets what is to be done when the address asks for another filter. */
export async function showList(main, heading, query, signal, follow) {
  let statuses = statusesOf(query);
  let pages = [""];
  let overview = { orchestrators: [] };
  const title = heading("Instances");

  const input = (name, label, type, more) => h("div", { class: "field" },
    h("label", { for: `filter-${name}` }, label),
    h("input", { id: `filter-${name}`, name, type, value: query.get(name) ?? "", autocomplete: "off", spellcheck: "false", ...more }));
  const filters = h("form", { class: "filters", role: "search", "aria-label": "Filter the instances", onsubmit: (event) => event.preventDefault() },
    input("name", "Name contains", "search"),
    input("prefix", "Id begins with", "search"),
    input("from", "Created from", "datetime-local", { step: 1 }),
    input("to", "Created to", "datetime-local", { step: 1 }),
    h("button", { type: "reset" }, "Clear"));
  const parameters = () => {
    const form = new FormData(filters);
    return {
      status: [...statuses].join(","), name: form.get("name").trim(), prefix: form.get("prefix").trim(),
      from: form.get("from"), to: form.get("to"),
    };
  };

  const rate = rateChart(signal);
  const tiles = statusButtons((status) => {
    if (!statuses.delete(status)) statuses.add(status);
    changed();
  });
  const startButton = h("button", { type: "button", class: "primary", "aria-haspopup": "dialog", onclick: () => start(overview.orchestrators) }, "Start…");
  const rows = h("tbody");
  const found = h("p", { class: "hint" });
  // What readers are told: what was asked for, not everything that happens.
  const said = h("p", { class: "unseen", role: "status" });
  let tellFound = false;
  const table = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Instances" },
    h("table", { class: "instances" },
      h("thead", {}, h("tr", {}, ["Status", "Name", "Instance id", "Created", "Took", "Custom status"].map((name) => h("th", { scope: "col", class: name === "Took" ? "number" : "" }, name)))),
      rows));
  let following;
  const newest = pageButton("Newest", () => turn([""]));
  const newer = pageButton("Newer", () => turn(pages.slice(0, -1)));
  const older = pageButton("Older", () => turn([...pages, following]));
  const bar = h("nav", { class: "pager", "aria-label": "Pages of the list" }, newest, newer, older);
  const empty = h("div", { class: "empty", hidden: true });
  main.append(
    h("div", { class: "head" }, title, startButton),
    h("div", { class: "numbers" }, tiles.element, rate.element),
    filters, table, empty,
    h("div", { class: "pager" }, bar, found), said);

  const known = new Map();
  const refresh = async (own) => {
    const asked = parameters();
    const [numbers, list] = await Promise.all([
      read("overview", {}, own),
      read("instances", { ...asked, from: utc(asked.from), to: utc(asked.to), after: pages.at(-1), top: PAGE }, own),
    ]);
    overview = numbers;
    setText(byId("hub"), numbers.taskHub);
    tiles.update(numbers.statuses, statuses);
    rate.update(numbers.ended);
    // Rows that did not change stay, and with them the focus and what is selected.
    const wanted = list.instances.map((instance) => {
      const text = JSON.stringify(instance);
      const before = known.get(instance.id);
      if (before?.text === text) return before.element;
      const element = row(instance);
      if (before?.element.contains(document.activeElement)) queueMicrotask(() => element.querySelector("a").focus());
      known.set(instance.id, { text, element });
      return element;
    });
    arrange(rows, wanted);
    for (const id of known.keys()) if (!list.instances.some((instance) => instance.id === id)) known.delete(id);
    following = list.next;
    enable(bar, [[newest, pages.length > 1], [newer, pages.length > 1], [older, Boolean(list.next)]]);
    const filtered = Object.values(asked).some(Boolean);
    const total = Object.values(numbers.statuses).reduce((sum, number) => sum + number, 0);
    const shown = list.instances.length;
    const here = `${count(shown)} shown${pages.length > 1 ? `, page ${pages.length}` : ""}`;
    setText(found, shown === 0 ? "" : `${here}, ${count(total)} instances in all`);
    if (tellFound) setText(said, shown === 0 ? "None found" : here);
    tellFound = false;
    table.hidden = shown === 0;
    empty.hidden = shown > 0;
    if (shown === 0) {
      empty.replaceChildren(filtered
        ? h("p", {}, "No instance fits these filters.")
        : h("div", {}, h("p", {}, "Nothing has run yet."), h("p", { class: "hint" }, "Start an orchestration with the button above, or call an HTTP function of the app.")));
    }
    return numbers.mark;
  };

  const fault = h("p", { class: "note bad", role: "alert", hidden: true });
  filters.after(fault);
  const begin = follower(refresh, signal, (error) => {
    fault.hidden = false;
    setText(fault, error.message);
  });
  /** Reads anew at once, and goes on following. */
  const again = () => {
    fault.hidden = true;
    return begin();
  };
  const ask = () => {
    setText(said, "");
    tellFound = true;
    again();
  };
  const turn = (to) => {
    pages = to;
    table.scrollTop = 0;
    // Until it is known what follows.
    older.ariaDisabled = "true";
    ask();
  };
  const changed = () => {
    pages = [""];
    const search = new URLSearchParams(Object.entries(parameters()).filter(([, value]) => value));
    history.replaceState(null, "", `#/instances${search.size ? `?${search}` : ""}`);
    ask();
  };
  follow((other) => {
    statuses = statusesOf(other);
    for (const name of FIELDS) filters.elements[name].value = other.get(name) ?? "";
    turn([""]);
  });
  let typing;
  filters.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(changed, 250);
  });
  filters.addEventListener("reset", () => {
    statuses.clear();
    for (const each of filters.querySelectorAll("input")) each.setAttribute("value", "");
    setTimeout(changed);
  });
  await again();
}
