// One entity: its state, who has locked it, and what waits for it.

import { read, readText } from "./api.js";
import { byId, h, link, setText, slot } from "./dom.js";
import { count, time } from "./format.js";
import { follow } from "./live.js";
import { copyButton, valueBox } from "./values.js";

const none = (text) => h("span", { class: "none" }, text);

function facts(entity) {
  const fact = (name, ...value) => h("div", {}, h("dt", {}, name), h("dd", {}, ...value));
  return h("dl", { class: "facts" },
    fact("Entity", entity.name),
    fact("Key", entity.key || none("empty")),
    fact("Id", h("code", {}, entity.id), " ", copyButton(entity.id, "id")),
    fact("Locked by", entity.lockedBy ? link(entity.lockedBy) : none("nobody")),
    fact("Last operation", time(entity.lastOperation)));
}

function state(entity) {
  return h("section", { class: "card", "aria-label": "State" },
    h("h2", {}, "State"),
    entity.unreadable
      ? h("p", { class: "note bad" }, `What is stored for it can't be read: ${entity.unreadable}`)
      : entity.state
        ? valueBox(entity.state, () => readText("value", { id: entity.id, part: "state" }))
        : h("p", { class: "none" }, "It has none: it was deleted, or had no operation yet."));
}

const KINDS = { call: "called by ", signal: "signal of ", lock: "lock asked for by " };

function waiting(entity) {
  const item = (each) => h("li", {},
    each.operation && [h("code", {}, each.operation), each.input && [" ", h("code", { class: "hint" }, each.input.text + (each.input.length ? "…" : ""))], ", "],
    KINDS[each.kind], each.sender ? link(each.sender) : "a client");
  const more = entity.waiting - entity.queue.length;
  return h("section", { class: "card", "aria-label": "Waiting" },
    h("h2", {}, `Waiting (${count(entity.waiting)})`),
    entity.queue.length
      ? h("ol", {}, entity.queue.map(item))
      : h("p", { class: "none" }, "No operation waits."),
    more > 0 && h("p", { class: "hint" }, `and ${count(more)} more`));
}

export async function showEntity(main, heading, id, signal) {
  const head = heading(id.slice(1));
  const slots = Object.fromEntries(["facts", "state", "waiting"].map((name) => [name, slot()]));
  const gone = h("p", { class: "note", role: "status", hidden: true });
  const body = h("div", { class: "instance" }, slots.facts.place, slots.state.place, slots.waiting.place);
  main.append(
    h("nav", { class: "crumbs", "aria-label": "Where you are" }, h("a", { href: "#/entities" }, "Entities")),
    h("div", { class: "head" }, head), gone, body);
  body.hidden = true;
  const refresh = async () => {
    let entity;
    try {
      entity = await read("entity", { id }, signal);
    } catch (error) {
      if (error.status !== 404) throw error;
      gone.hidden = false;
      body.hidden = true;
      setText(gone, `There is no entity with the id ${id}. One comes to be with its first operation.`);
      return "gone";
    }
    gone.hidden = true;
    body.hidden = false;
    slots.facts.put([entity.lockedBy, entity.lastOperation], () => facts(entity));
    slots.state.put([entity.state, entity.unreadable], () => state(entity));
    slots.waiting.put([entity.waiting, entity.queue], () => waiting(entity));
    return entity.mark;
  };
  read("overview", {}, signal).then((numbers) => setText(byId("hub"), numbers.taskHub), () => undefined);
  await follow(refresh, { id }, signal);
}
