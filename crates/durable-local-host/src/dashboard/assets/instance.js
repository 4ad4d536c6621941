// One instance.

import { buttons } from "./actions.js";
import { read } from "./api.js";
import { byId, h, link, setText, slot, tell } from "./dom.js";
import { failurePanel } from "./failure.js";
import { duration, hasEnded, instant, statusBadge, time } from "./format.js";
import { historyTable } from "./history.js";
import { follow } from "./live.js";
import { KINDS, spans, title } from "./spans.js";
import { timeline } from "./timeline.js";
import { copyButton, valueSection } from "./values.js";

function facts(instance) {
  const ended = hasEnded(instance.status);
  const took = instant(ended ? instance.updated : instance.now) - instant(instance.created);
  const fact = (name, ...value) => h("div", {}, h("dt", {}, name), h("dd", {}, ...value));
  return h("dl", { class: "facts" },
    fact("Instance id", h("code", {}, instance.id), " ", copyButton(instance.id, "id")),
    instance.parent && fact("Called by", link(instance.parent.id, `${instance.parent.name || "orchestration"} ${instance.parent.id}`)),
    fact("Created", time(instance.created)),
    fact(ended ? "Ended" : "Last changed", time(instance.updated)),
    ended && fact("Took", duration(took)),
    instance.scheduled && !ended && fact("Scheduled for", time(instance.scheduled)),
    instance.version && fact("Version", instance.version),
    fact("Execution", h("code", {}, instance.executionId)));
}

/** What holds the instance up. */
function waiting(instance, list) {
  if (hasEnded(instance.status)) return null;
  const open = list.filter((span) => span.outcome === "open" && span.kind !== "suspended");
  const shown = open.slice(0, 20);
  const items = shown.map((span) => h("li", {},
    KINDS[span.kind], span.kind !== "timer" && " ", span.instanceId ? link(span.instanceId, title(span)) : span.kind !== "timer" && title(span),
    span.kind === "timer" ? [", due ", time(new Date(span.due).toISOString())] : [", since ", time(new Date(span.start).toISOString())]));
  let words = "Waiting for an event, or for:";
  if (instance.status === "Suspended") words = "Suspended. Resume it to go on.";
  else if (instance.status === "Pending") words = "Not started yet.";
  else if (open.length === 0) words = "Waiting for an event, or at work just now.";
  return h("section", { class: "card waiting", "aria-label": "Waiting for" }, h("p", {}, words), items.length > 0 && h("ul", {}, items),
    open.length > shown.length && h("p", { class: "hint" }, `and ${open.length - shown.length} more`));
}

function children(list) {
  const called = list.filter((span) => span.kind === "orchestration");
  if (!called.length) return null;
  const shown = called.slice(0, 100);
  return h("section", { class: "card", "aria-label": "Sub-orchestrations" },
    h("h2", {}, `Sub-orchestrations (${called.length})`),
    h("ul", {}, shown.map((span) => h("li", {}, link(span.instanceId, `${title(span)} ${span.instanceId}`), ` – ${span.outcome === "open" ? "under way" : span.outcome}`))),
    called.length > shown.length && h("p", { class: "hint" }, `The timeline has the other ${called.length - shown.length}.`));
}

export async function showInstance(main, heading, id, signal) {
  const head = heading(id.length > 80 ? `${id.slice(0, 79)}…` : id);
  const slots = Object.fromEntries(["badge", "actions", "facts", "failure", "waiting", "values", "children"].map((name) => [name, slot()]));
  const history = historyTable(id);
  const picture = timeline((index) => history.jump(index), signal);
  const gone = h("p", { class: "note", role: "status", hidden: true });
  const body = h("div", { class: "instance" },
    slots.failure.place, slots.waiting.place, slots.facts.place, slots.values.place,
    picture.element, slots.children.place, history.element);
  main.append(h("nav", { class: "crumbs", "aria-label": "Where you are" }, h("a", { href: "#/instances" }, "Instances")),
    h("div", { class: "head" }, h("div", { class: "title" }, head, slots.badge.place), slots.actions.place), gone, body);

  // Nothing is said of what was not read yet.
  const parts = [picture.element, history.element];
  for (const part of parts) part.hidden = true;
  let events = [];
  let known = {};
  let before;
  const refresh = async () => {
    let instance;
    try {
      instance = await read("instance", { id, ...known, events: events.length || undefined }, signal);
    } catch (error) {
      if (error.status !== 404) throw error;
      gone.hidden = false;
      body.hidden = true;
      for (const each of [slots.badge, slots.actions]) each.put(null, () => null);
      setText(gone, before ? "This instance is no more: it was purged." : `There is no instance with the id ${id}.`);
      // It may be made again.
      before = undefined;
      events = [];
      known = {};
      return "gone";
    }
    gone.hidden = true;
    for (const part of [body, ...parts]) part.hidden = false;
    if (!instance.history.added) {
      events = [];
      history.reset();
      picture.reset();
    }
    // Two answers may have crossed.
    events = events.concat(instance.history.events.filter((event) => event.index >= events.length));
    known = { turns: instance.history.turns, digest: instance.history.digest };
    const ended = hasEnded(instance.status);
    const list = spans(events, ended);
    const ahead = instant(instance.now) - Date.now();

    setText(head, instance.name || id);
    document.title = `${instance.name} ${instance.status} · Durable Functions`;
    slots.badge.put(instance.status, () => statusBadge(instance.status));
    slots.actions.put(instance.status, () => buttons(id, instance.status));
    slots.facts.put([instance.updated, instance.status, instance.executionId, instance.parent, instance.scheduled], () => facts(instance));
    slots.failure.put(instance.failure, () => instance.failure && failurePanel(id, instance.failure, history.jump));
    slots.waiting.put([instance.status, list.filter((span) => span.outcome === "open").map((span) => span.index)], () => waiting(instance, list));
    slots.values.put([instance.input, instance.output, instance.customStatus, Boolean(instance.failure)], () => h("div", { class: "values" },
      valueSection("Input", instance, "input"),
      valueSection("Output", instance, "output"),
      instance.customStatus && valueSection("Custom status", instance, "customStatus")));
    slots.children.put(list.filter((span) => span.kind === "orchestration").map((span) => [span.index, span.outcome]), () => children(list));
    const call = instance.failure?.call;
    const blamed = call?.caused && call.path.length === 1 ? call.index : undefined;
    picture.update(list, () => (ended ? instant(instance.updated) : Date.now() + ahead), blamed);
    history.update(events);
    if (before && before !== instance.status) tell(`Now ${instance.status}`);
    before = instance.status;
    return instance.mark;
  };
  const overview = read("overview", {}, signal).then((numbers) => setText(byId("hub"), numbers.taskHub), () => undefined);
  await follow(refresh, { id }, signal);
  await overview;
}
