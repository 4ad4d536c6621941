// The entities.

import { manage, read } from "./api.js";
import { byId, h, setText } from "./dom.js";
import { pretty, time } from "./format.js";
import { follow } from "./live.js";

const PAGE = 100;
const STATE = 400;

function state(value) {
  if (value === undefined || value === null) return h("span", { class: "none" }, "none");
  const text = pretty(JSON.stringify(value));
  if (text.length <= STATE) return h("pre", { class: "value", tabindex: "0" }, text);
  return h("details", {}, h("summary", {}, `${text.slice(0, 60)}…`), h("pre", { class: "value", tabindex: "0" }, text));
}

const columns = (locks) => ["Name", "Key", "State", ...(locks ? ["Locked by"] : []), "Last operation"];

function lock(entity) {
  return entity.lockedBy
    ? h("a", { href: `#/instance/${encodeURIComponent(entity.lockedBy)}` }, entity.lockedBy)
    : h("span", { class: "none" }, "nobody");
}

export async function showEntities(main, heading, signal) {
  const note = h("p", { class: "note", role: "status", hidden: true });
  const place = h("div");
  const tokens = [""];
  const next = h("button", { type: "button" }, "Next");
  const first = h("button", { type: "button" }, "First");
  main.append(h("div", { class: "head" }, heading("Entities")), note, place,
    h("nav", { class: "pager", "aria-label": "Pages of the list" }, first, next));
  let seen;
  const refresh = async () => {
    const overview = await read("overview", {}, signal);
    setText(byId("hub"), overview.taskHub);
    let answer;
    try {
      const token = tokens.at(-1);
      answer = await manage("GET", "/entities", { fetchState: "true", top: PAGE }, undefined, token ? { "x-ms-continuation-token": token } : {});
    } catch (error) {
      if (![404, 501].includes(error.status)) throw error;
      note.hidden = false;
      first.hidden = next.hidden = true;
      setText(note, "This host does not list entities.");
      return null;
    }
    const entities = answer.body ?? [];
    note.hidden = entities.length > 0;
    if (!entities.length) setText(note, "There are no entities yet. One comes to be with its first operation.");
    first.hidden = tokens.length === 1;
    next.hidden = !answer.next;
    next.onclick = () => { tokens.push(answer.next); again(); };
    first.onclick = () => { tokens.length = 1; again(); };
    const text = JSON.stringify(entities);
    if (text === seen) return overview.mark;
    seen = text;
    const locks = entities.some((entity) => "lockedBy" in entity);
    place.replaceChildren(...(entities.length ? [h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Entities" },
      h("table", {},
        h("thead", {}, h("tr", {}, columns(locks).map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, entities.map((entity) => h("tr", {},
          h("td", { class: "name" }, entity.entityId.name),
          h("td", { class: "id" }, entity.entityId.key),
          h("td", {}, state(entity.state)),
          locks && h("td", {}, lock(entity)),
          h("td", {}, time(entity.lastOperationTime)))))))] : []));
    return overview.mark;
  };
  let round;
  const again = () => {
    round?.abort();
    const own = round = new AbortController();
    signal.addEventListener("abort", () => own.abort());
    return follow(refresh, {}, own.signal).catch((error) => {
      if (own.signal.aborted) return;
      note.hidden = false;
      setText(note, error.message);
    });
  };
  await again();
}
