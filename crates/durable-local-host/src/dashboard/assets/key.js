// The key of a host that asks for one (--enable-auth). It stays in this tab: storage of a session is
// nobody else's, unlike a cookie, which programs on other ports of this machine would get.

import { ask, field } from "./dialogs.js";

const NAME = "durable-functions-key";
let asking;

// What follows `#` is never sent, and must not stay in the address bar.
const given = location.hash.match(/^#key=(.+)$/);
if (given) {
  sessionStorage.setItem(NAME, decodeURIComponent(given[1]));
  history.replaceState(null, "", "#/instances");
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
  }).finally(() => { asking = undefined; });
  return asking;
}
