// Requests to the host.

import { askForKey, keyHeaders } from "./key.js";

const READS = "/dashboard/api/";
const MANAGEMENT = "/runtime/webhooks/durabletask";

/** What the host answered instead of what was asked for. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const query = (parameters) => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (value !== undefined && value !== null && value !== "") search.set(name, value);
  }
  const text = search.toString();
  return text ? `?${text}` : "";
};

async function send(url, options = {}) {
  try {
    for (;;) {
      const shown = keyHeaders();
      const response = await fetch(url, { ...options, headers: { ...options.headers, ...shown } });
      if (response.status !== 401) return response;
      // Another request may have got the key meanwhile.
      const same = keyHeaders()["x-functions-key"] === shown["x-functions-key"];
      if (same && !(await askForKey())) return response;
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The host can't be reached. Is it still running?");
  }
}

/** Reads JSON below /dashboard/api/. */
export async function read(name, parameters, signal) {
  const response = await send(READS + name + query(parameters), { signal });
  if (!response.ok) throw new Refusal(response.status, (await response.text()) || WORDS[response.status]);
  return response.json();
}

/** Reads a whole value as text. */
export async function readText(name, parameters) {
  const response = await send(READS + name + query(parameters));
  if (!response.ok) throw new Refusal(response.status, (await response.text()) || WORDS[response.status]);
  return response.text();
}

const WORDS = {
  401: "The host asks for a key.",
  404: "The host does not know it (any more).",
  409: "An instance with this id exists already.",
  410: "It has ended already, so nothing can be done to it.",
  413: "The text is too long for the host.",
  501: "The host does not support this.",
};

/** What a refusal of the management API says, in its different shapes. */
async function reason(response) {
  const text = await response.text();
  let said = text;
  try {
    const body = JSON.parse(text);
    said = typeof body === "string" ? body : [body.Message, body.ExceptionMessage].filter(Boolean).join(" ");
  } catch {
    // Plain text.
  }
  return said || WORDS[response.status] || `The host answered with status ${response.status}.`;
}

/** Whether a part of a path is a step in it, encoded or not: browsers take the step instead of sending it. */
export const isStep = (part) => part === "." || part === "..";

/** Calls the management API. */
export async function manage(method, path, parameters, body, headers = {}) {
  const step = path.split("/").find(isStep);
  if (step) throw new Refusal(0, `a browser can't send "${step}" as a part of an address.`);
  const response = await send(MANAGEMENT + path + query(parameters), {
    method,
    body,
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
  });
  if (!response.ok) throw new Refusal(response.status, await reason(response));
  const text = await response.text();
  return { body: text ? JSON.parse(text) : null, next: response.headers.get("x-ms-continuation-token") };
}

/** Path of an instance. */
export const instancePath = (id) => `/instances/${encodeURIComponent(id)}`;
