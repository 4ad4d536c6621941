// Why an instance failed, first of all the call that did it.

import { read } from "./api.js";
import { h, instanceHref, tell } from "./dom.js";
import { bytes } from "./format.js";
import { copyButton } from "./values.js";

const CALLS = { activity: "activity", orchestration: "sub-orchestration", entity: "entity operation" };

const sameText = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** A text in an element of that kind. `whole` fetches all of it when it was cut. */
function said(element, text, whole) {
  element.textContent = text.text;
  if (!text.length) return element;
  element.append("…");
  const more = h("button", {
    type: "button", class: "small",
    onclick: async () => {
      try {
        element.textContent = (await whole()).text;
        if (element.tabIndex < 0) element.tabIndex = -1;
        element.focus();
        more.remove();
      } catch (error) {
        tell(error.message, true);
      }
    },
  }, `Show all ${bytes(text.length)}`);
  return [element, more];
}

/** Failures, the outermost first; `whole` fetches them with all of their texts. */
function chain(links, whole) {
  return h("ol", { class: "chain" }, links.map((link, number) => h("li", {},
    h("p", {}, number > 0 && h("span", { class: "hint" }, "caused by "), h("code", { class: "type" }, link.type),
      link.nonRetriable && h("span", { class: "hint" }, " (not to be tried again)")),
    said(h("p", { class: "message" }), link.message, async () => (await whole())[number].message),
    link.stack && h("details", {}, h("summary", {}, "Stack"),
      said(h("pre", { class: "value", tabindex: "0" }), link.stack, async () => (await whole())[number].stack)))));
}

/** The failure of an instance; `jump` is called with the place of an event. */
export function failurePanel(id, failure, jump) {
  const whole = () => read("failure", { id });
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
  const ownChain = () => chain(links, async () => (await whole()).links);
  const body = [h("p", { class: "corner" }, copyButton(async () => asText(id, await whole()), "failure"))];
  if (!own) {
    const ofCall = async () => (await whole()).call;
    body.unshift(h("h2", {}, "Failed in ", kind, " ", h("strong", {}, call.name)));
    body.push(
      call.path.length > 1 && h("p", {}, "Path: ", call.path.map((step, at) => [
        at > 0 && " › ",
        at === 0 ? step.name : h("a", { href: instanceHref(step.id) }, step.name),
      ]).flat(), ` › ${call.name}`),
      h("p", { class: "hint" }, `Action #${call.action}; calls of ${call.name} that failed: ${call.attempts}`),
      chain(call.links, async () => (await ofCall()).links),
      call.input && h("p", {}, h("span", { class: "hint" }, "Input: "), said(h("code"), call.input, async () => (await ofCall()).input)),
      !call.keepsInputs && h("p", { class: "hint" }, "The history has no inputs of calls. They are kept with ", h("code", {}, "extensions.durableTask.storeInputsInOrchestrationHistory"), " in host.json."),
      h("p", { class: "buttons" }, show));
    if (!sameText(links, call.links)) {
      body.push(h("details", {}, h("summary", {}, "What the orchestration made of it"), ownChain()));
    }
  } else {
    body.unshift(h("h2", {}, "The orchestration failed by itself"));
    body.push(ownChain());
    if (call) {
      body.push(h("p", {}, "The last call that had failed before is ", kind, " ", h("strong", {}, call.name), "."),
        h("p", { class: "buttons" }, show));
    }
  }
  return h("section", { class: "card failure", "aria-label": "Failure" }, body);
}

const chainText = (links) => links
  .map((link) => [`${link.type}: ${link.message.text}`, link.stack?.text].filter(Boolean).join("\n"))
  .join("\ncaused by ");

/** A failure with whole texts as one text, to be pasted somewhere. */
function asText(id, { call, links }) {
  const own = `${id} failed\n${chainText(links)}`;
  if (!call?.caused) return own;
  const blamed = `${CALLS[call.kind]} ${call.name}, action #${call.action} of ${call.path.at(-1).id}, failed\n${chainText(call.links)}`;
  return sameText(links, call.links) ? blamed : `${blamed}\n\n${own}`;
}
