// Follows what changes in the host: it answers when something did, so nothing is asked in vain.

import { read } from "./api.js";
import { byId, setText } from "./dom.js";

const PAUSE = 400;
const RETRY = 2000;

const sleep = (ms, signal) => new Promise((done) => {
  const timer = setTimeout(done, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
});

const visible = (signal) => new Promise((done) => {
  const look = () => {
    if (!document.hidden || signal.aborted) {
      document.removeEventListener("visibilitychange", look);
      done();
    }
  };
  document.addEventListener("visibilitychange", look);
  signal.addEventListener("abort", look, { once: true });
  look();
});

function show(state) {
  const live = byId("live");
  live.className = `live ${state}`;
  setText(live, state === "on" ? "Live" : "Host not reachable");
}

/**
 * Calls `refresh` at once and after every change, until the signal ends it. `refresh` gives the mark
 * of what it has read; `parameters` say whose changes count.
 */
export async function follow(refresh, parameters, signal) {
  let mark;
  while (!signal.aborted) {
    await visible(signal);
    const begun = performance.now();
    try {
      mark = await refresh(signal);
      show("on");
      if (mark === null) return;
      // A host that is slow to answer is asked less often.
      await sleep(Math.max(PAUSE, 4 * (performance.now() - begun)), signal);
      let now = mark;
      while (now === mark && !signal.aborted) {
        await visible(signal);
        if (signal.aborted) return;
        now = (await read("changes", { ...parameters, mark }, signal)).mark;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status) throw error;
      if (error.status !== 0) console.error(error);
      show("off");
      await sleep(RETRY, signal);
    }
  }
}
