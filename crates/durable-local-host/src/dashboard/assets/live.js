// Follows what changes in the host: it answers when something did, so nothing is asked in vain.

import { read } from "./api.js";
import { byId, setText } from "./dom.js";

const PAUSE = 400;
const RETRY = 2000;

const sleep = (ms, signal) => new Promise((done) => {
  const over = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", over);
    done();
  };
  const timer = setTimeout(over, ms);
  signal.addEventListener("abort", over);
});

const visible = (signal) => new Promise((done) => {
  const look = () => {
    if (document.hidden && !signal.aborted) return;
    document.removeEventListener("visibilitychange", look);
    signal.removeEventListener("abort", look);
    done();
  };
  document.addEventListener("visibilitychange", look);
  signal.addEventListener("abort", look);
  look();
});

function show(state, text) {
  const live = byId("live");
  live.className = `live ${state}`;
  setText(live, text);
}

/** Says of nothing that it is followed. */
export const still = () => show("", "");

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
      if (signal.aborted) return;
      show("on", "Live");
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
      const { status } = error;
      if (status >= 400 && status < 500) {
        // Asking again would be refused again.
        still();
        throw error;
      }
      if (status === undefined) console.error(error);
      show("off", status ? `Host answers ${status}` : "Host not reachable");
      await sleep(RETRY, signal);
    }
  }
}

/** Gives a function that follows anew, in place of what it followed before; `failed` is told why it ended. */
export function follower(refresh, signal, failed) {
  let round;
  return async () => {
    round?.abort();
    const own = round = new AbortController();
    const either = AbortSignal.any([signal, own.signal]);
    try {
      await follow(refresh, {}, either);
    } catch (error) {
      if (!either.aborted) failed(error);
    }
  };
}
