// What the buttons do.

import { instancePath, isStep, manage } from "./api.js";
import { ask, field } from "./dialogs.js";
import { h, instanceHref, tell } from "./dom.js";
import { hasEnded } from "./format.js";

const short = (id) => (id.length > 60 ? `${id.slice(0, 57)}…` : id);
const named = (id) => h("code", {}, short(id));
const open = (id) => { location.hash = instanceHref(id); };

/** Asks what to start. */
export async function start(names, name = "", input = "") {
  const fields = {
    name: field("Orchestration", { required: true, list: names, value: name, hint: names.length ? `This app has ${names.length}: type or choose.` : "" }),
    input: field("Input (JSON)", { kind: "area", json: true, value: input, hint: "May be empty. A text needs quotation marks." }),
    id: field("Instance id", { hint: "Empty for a new one." }),
  };
  const id = await ask({
    title: "Start an orchestration",
    verb: "Start",
    fields,
    act: async (values) => {
      const path = `/orchestrators/${encodeURIComponent(values.name)}${values.id ? `/${encodeURIComponent(values.id)}` : ""}`;
      return (await manage("POST", path, {}, values.input)).body.id;
    },
  });
  if (id) {
    tell(`Started ${short(id)}`);
    open(id);
  }
}

const reason = (hint) => ({ reason: field("Reason", { hint: hint ?? "May be empty." }) });

/** Each: label, for which statuses, and the question. */
const ACTIONS = [
  {
    label: "Raise event", when: (status) => !hasEnded(status),
    question: (id) => ({
      title: "Raise an event",
      text: ["For ", named(id), ". An event that nobody waits for yet is kept until somebody does."],
      verb: "Raise event",
      fields: {
        name: field("Event name", { required: true }),
        data: field("Payload (JSON)", { kind: "area", json: true, hint: "Empty for null." }),
      },
      act: (values) => manage("POST", `${instancePath(id)}/raiseEvent/${encodeURIComponent(values.name)}`, {}, values.data || "null"),
    }),
    done: "The event was raised",
  },
  {
    label: "Suspend", when: (status) => ["Running", "Pending"].includes(status),
    question: (id) => ({
      title: "Suspend this instance?", text: [named(id), " goes on when it is resumed. Activities that run end meanwhile."], verb: "Suspend",
      fields: reason(), act: (values) => manage("POST", `${instancePath(id)}/suspend`, values),
    }),
    done: "It will be suspended",
  },
  {
    label: "Resume", when: (status) => status === "Suspended",
    question: (id) => ({
      title: "Resume this instance?", text: [named(id), " goes on where it was."], verb: "Resume",
      fields: reason(), act: (values) => manage("POST", `${instancePath(id)}/resume`, values),
    }),
    done: "It goes on",
  },
  {
    label: "Terminate", danger: true, when: (status) => !hasEnded(status),
    question: (id) => ({
      title: "Terminate this instance?", text: [named(id), " ends at once and for good; its code does not run any more."], verb: "Terminate", dangerous: true,
      fields: reason("It becomes the output."), act: (values) => manage("POST", `${instancePath(id)}/terminate`, values),
    }),
    done: "It will be terminated",
  },
  {
    label: "Rewind", when: (status) => status === "Failed",
    question: (id) => ({
      title: "Rewind this instance?", text: ["The calls of ", named(id), " that failed are taken back and made again."], verb: "Rewind",
      fields: reason(), act: (values) => manage("POST", `${instancePath(id)}/rewind`, values),
    }),
    done: "It goes on from before the failure",
  },
  {
    label: "Restart", when: (status) => hasEnded(status),
    question: (id) => ({
      title: "Restart this instance?", text: "The same orchestration is started with the same input.", verb: "Restart",
      fields: { fresh: field("With a new id (otherwise this instance is replaced)", { kind: "checkbox", value: true }) },
      act: async (values) => {
        const answer = await manage("POST", `${instancePath(id)}/restart`, { restartWithNewInstanceId: String(values.fresh) });
        open(answer.body.id);
      },
    }),
    done: "Started again",
  },
  {
    label: "Purge", danger: true, when: (status) => hasEnded(status),
    question: (id) => ({
      title: "Purge this instance?", text: [named(id), " and its history are deleted. This can't be undone."], verb: "Purge", dangerous: true,
      act: async () => {
        await manage("DELETE", instancePath(id));
        location.hash = "#/instances";
      },
    }),
    done: "It was purged",
  },
];

/** The buttons for an instance of that status, or why there are none. */
export function buttons(id, status) {
  if (isStep(id)) {
    return h("p", { class: "hint" }, "There are no buttons for the id ", named(id), ": in an address it means a folder, so that browsers can't send it. Programs can, over gRPC.");
  }
  return h("div", { class: "actions", role: "group", "aria-label": "Actions" }, ACTIONS.filter((action) => action.when(status)).map((action) =>
    h("button", {
      type: "button",
      class: action.danger ? "danger-outline" : "",
      "aria-haspopup": "dialog",
      "data-action": action.label,
      onclick: async () => {
        if (await ask(action.question(id))) tell(action.done);
      },
    }, `${action.label}…`)));
}
