// The entities.

import { read } from "./api.js";
import { byId, enable, h, instanceHref, pageButton, setText } from "./dom.js";
import { bytes, pretty, time } from "./format.js";
import { follower } from "./live.js";

const LONG = 300;

const none = (text) => h("span", { class: "none" }, text);

function state(value) {
  if (!value) return none("none");
  const text = value.length ? `${value.text}… (${bytes(value.length)})` : pretty(value.text);
  const box = h("pre", { class: "value", tabindex: "0" }, text);
  return text.length <= LONG ? box : h("details", {}, h("summary", {}, `${text.slice(0, 60)}…`), box);
}

function row(entity) {
  const lock = entity.lockedBy
    ? h("a", { href: instanceHref(entity.lockedBy) }, entity.lockedBy)
    : none("nobody");
  return h("tr", {},
    h("td", { class: "name" }, entity.name),
    h("td", { class: "id" }, h("a", { href: instanceHref(entity.id) }, entity.key || "(empty key)")),
    h("td", { class: "state" }, state(entity.state)),
    h("td", { class: "id", "data-label": "Locked by " }, lock),
    h("td", { class: "number", "data-label": "Waiting: " }, String(entity.waiting)),
    h("td", { class: "when" }, time(entity.lastOperation)));
}

const COLUMNS = ["Name", "Key", "State", "Locked by", "Waiting", "Last operation"];

export async function showEntities(main, heading, signal) {
  const note = h("p", { class: "note", role: "status", hidden: true });
  const rows = h("tbody");
  const table = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Entities", hidden: true },
    h("table", { class: "entities" }, h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col", class: name === "Waiting" ? "number" : "" }, name)))), rows));
  let from = "";
  let following;
  const first = pageButton("First", () => again(""));
  const next = pageButton("Next", () => again(following));
  const bar = h("nav", { class: "pager", "aria-label": "Pages of the list" }, first, next);
  main.append(h("div", { class: "head" }, heading("Entities")), note, table, bar);
  let seen;
  const refresh = async (own) => {
    // The mark comes first: what changes while the rest is read shows as a change.
    const overview = await read("overview", {}, own);
    const page = await read("entities", { from }, own);
    setText(byId("hub"), overview.taskHub);
    following = page.next;
    enable(bar, [[first, from !== ""], [next, Boolean(page.next)]]);
    note.hidden = page.entities.length > 0;
    table.hidden = page.entities.length === 0;
    setText(note, from ? "There are no entities on this page." : "There are no entities yet. An entity comes to be with its first operation.");
    const text = JSON.stringify(page.entities);
    if (text !== seen) rows.replaceChildren(...page.entities.map(row));
    seen = text;
    return overview.mark;
  };
  const begin = follower(refresh, signal, (error) => {
    note.hidden = false;
    setText(note, error.message);
  });
  const again = (place) => {
    from = place;
    return begin();
  };
  await again("");
}
