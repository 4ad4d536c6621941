// Why an instance failed, first of all the call that did it.

import { h, instanceHref } from "./dom.js";
import { bytes, pretty } from "./format.js";

const said = (text) => text.text + (text.length ? `… (${bytes(text.length)})` : "");

function chain(links) {
  return h("ol", { class: "chain" }, links.map((link, number) => h("li", {},
    h("p", {}, number > 0 && h("span", { class: "hint" }, "caused by "), h("code", { class: "type" }, link.type),
      link.nonRetriable && h("span", { class: "hint" }, " (not to be tried again)")),
    h("p", { class: "message" }, said(link.message)),
    link.stack && h("details", {}, h("summary", {}, "Stack"), h("pre", { class: "value", tabindex: "0" }, said(link.stack))))));
}

const CALLS = { activity: "activity", orchestration: "sub-orchestration", entity: "entity operation" };

const sameText = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The failure of an instance; `jump` is called with the place of an event. */
export function failurePanel(failure, jump) {
  const { call, links } = failure;
  const here = call && call.path.length === 1;
  const where = call && call.path.at(-1);
  const kind = CALLS[call?.kind];
  const own = !call || !call.caused;
  const to = (id, name) => h("a", { class: "button", href: instanceHref(id) }, `Go to ${name}`);
  const show = call && [
    here && h("button", { type: "button", onclick: () => jump(call.index) }, "Show in the history"),
    call.instance ? to(call.instance, call.kind === "entity" ? call.instance : call.name) : !here && to(where.id, where.name),
  ];
  const body = [];
  if (!own) {
    body.push(
      h("h2", {}, "Failed in ", kind, " ", h("strong", {}, call.name)),
      call.path.length > 1 && h("p", {}, "Path: ", call.path.map((step, at) => [
        at > 0 && " › ",
        at === 0 ? step.name : h("a", { href: instanceHref(step.id) }, step.name),
      ]).flat(), ` › ${call.name}`),
      h("p", { class: "hint" }, `Action #${call.action}; calls of ${call.name} that failed: ${call.attempts}`),
      chain(call.links),
      call.input && h("p", {}, h("span", { class: "hint" }, "Input: "), h("code", {}, said(call.input))),
      h("p", { class: "buttons" }, show));
    if (!sameText(links, call.links)) {
      body.push(h("details", {}, h("summary", {}, "What the orchestration made of it"), chain(links)));
    }
  } else {
    body.push(h("h2", {}, "The orchestration failed by itself"), chain(links));
    if (call) {
      body.push(h("p", {}, "The last call that had failed before is ", kind, " ", h("strong", {}, call.name), "."),
        h("p", { class: "buttons" }, show));
    }
  }
  return h("section", { class: "card failure", "aria-label": "Failure" }, body);
}

/** The failure as text, to be pasted somewhere. */
export const asText = (failure) => [failure.call, failure].filter(Boolean)
  .map((part) => part.links.map((link) => `${link.type}: ${pretty(link.message.text)}`).join("\ncaused by ")).join("\n\n");
