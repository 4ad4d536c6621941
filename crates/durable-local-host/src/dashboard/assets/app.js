// Which view the address asks for.

import { byId, h, isEntity, setText } from "./dom.js";
import { showEntities } from "./entities.js";
import { showEntity } from "./entity.js";
import { zone } from "./format.js";
import { showInstance } from "./instance.js";
import { takeKey } from "./key.js";
import { showList } from "./list.js";
import { still } from "./live.js";

let leave;
let shown;
let follow;

/** `#/instance/an%20id?a=b` as its parts. */
function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, ...rest] = path.split("/");
  let id = rest.join("/");
  try {
    id = decodeURIComponent(id);
  } catch {
    // Typed by hand: taken as it is.
  }
  return { view: view || "instances", id, query: new URLSearchParams(query ?? "") };
}

/** Shows what the address asks for. A view that is shown already may follow what changes behind its `?`. */
async function show() {
  // A key in the address is for all that comes after it.
  const fresh = takeKey();
  const { view, id, query } = place();
  const key = `${view}/${id}`;
  if (key === shown && !fresh) return follow?.(query);
  const first = shown === undefined;
  shown = key;
  follow = undefined;
  leave?.abort();
  leave = new AbortController();
  const { signal } = leave;
  const main = byId("main");
  main.replaceChildren();
  // An entity is kept as an instance, but it is none to look into.
  const entity = view === "instance" && isEntity(id);
  const list = entity ? "entities" : view === "instance" ? "instances" : view;
  for (const link of document.querySelectorAll(".top nav a")) {
    const current = link.getAttribute("href") === `#/${list}`;
    if (current) link.setAttribute("aria-current", view === "instance" ? "true" : "page");
    else link.removeAttribute("aria-current");
  }
  const heading = (text) => {
    document.title = `${text} · Durable Functions`;
    const element = h("h1", { tabindex: "-1" }, text);
    main.append(element);
    // Readers hear where they are; at the first load they begin at the top.
    // Once the view has put it in its place: moving it would lose the focus.
    if (!first) queueMicrotask(() => element.focus());
    return element;
  };
  try {
    if (view === "instances") await showList(main, heading, query, signal, (change) => { follow = change; });
    else if (entity) await showEntity(main, heading, id, signal);
    else if (view === "instance") await showInstance(main, heading, id, signal);
    else if (view === "entities") await showEntities(main, heading, signal);
    else {
      still();
      heading("There is no such page");
      main.append(h("p", {}, h("a", { href: "#/instances" }, "To the instances")));
    }
  } catch (error) {
    if (signal.aborted) return;
    main.append(h("p", { class: "note bad", role: "alert" }, error.message));
  }
}

addEventListener("hashchange", show);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
setText(byId("hub"), "…");
setText(byId("zone"), zone());
show();
