// The key of a host that asks for one (--enable-auth). It stays in this tab: storage of a session is
// nobody else's, unlike a cookie, which programs on other ports of this machine would get.

import { ask, field } from "./dialogs.js";

const NAME = "durable-functions-key";
let asking;
let answered = new AbortController();

/** Takes the key out of an address `#key=...`; gives whether there was one. */
export function takeKey() {
  // What follows `#` is never sent, and must not stay in the address bar.
  const given = location.hash.match(/^#key=(.*)$/s);
  if (!given) return false;
  let key = given[1];
  try {
    key = decodeURIComponent(key);
  } catch {
    // Not encoded: taken as it is.
  }
  sessionStorage.setItem(NAME, key);
  history.replaceState(null, "", "#/instances");
  answered.abort();
  answered = new AbortController();
  return true;
}

/** The headers that show the key. */
export function keyHeaders() {
  const key = sessionStorage.getItem(NAME);
  return key ? { "x-functions-key": key } : {};
}

/** Asks for the key, once however many requests need it. Gives whether there is one now. */
export function askForKey() {
  asking ??= ask({
    title: "This host asks for a key",
    text: "The host has shown its keys when it started. The one of the management API opens this page.",
    verb: "Continue",
    fields: { key: field("Key", { kind: "password", required: true }) },
    act: ({ key }) => sessionStorage.setItem(NAME, key),
    signal: answered.signal,
  }).finally(() => { asking = undefined; });
  return asking;
}
