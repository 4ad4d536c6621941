// What an instance did, from its history: calls, timers and events with beginning and end.

import { instant } from "./format.js";

const STARTS = {
  TaskScheduled: "activity",
  SubOrchestrationInstanceCreated: "orchestration",
  TimerCreated: "timer",
};

const ENDS = {
  TaskCompleted: "completed",
  SubOrchestrationInstanceCompleted: "completed",
  TaskFailed: "failed",
  SubOrchestrationInstanceFailed: "failed",
  TimerFired: "fired",
};

const POINTS = {
  EventRaised: "event",
  EventSent: "sent",
};

const newTurn = () => ({ failed: [], paused: [] });

/**
 * Histories know nothing of retries: one looks like a timer that is made in the turn in which a call
 * failed, and a call of the same name in the turn in which that timer fires.
 */
function retries(turn, span) {
  if (span.kind === "timer") {
    span.pauseAfter = turn.failed.shift();
    return;
  }
  const at = turn.paused.findIndex((timer) => timer.pauseAfter.kind === span.kind && timer.pauseAfter.name === span.name);
  if (at < 0) return;
  const [timer] = turn.paused.splice(at, 1);
  timer.name = "Pause before the next attempt";
  span.attempt = timer.pauseAfter.attempt + 1;
}

/**
 * Each span has: kind, name, action id, start and end (ms; end is null while it lasts), outcome
 * (`completed`, `failed`, `fired`, `open`, `dropped`), attempt, places of its events.
 */
export function spans(events, ended) {
  const list = [];
  const open = new Map();
  let turn = newTurn();
  const asked = new Map();
  let suspended = null;
  for (const event of events) {
    const at = instant(event.time);
    const kind = STARTS[event.type];
    if (event.type === "OrchestratorStarted") {
      turn = newTurn();
    } else if (kind) {
      const span = {
        kind, name: event.name ?? "Timer", action: event.eventId, start: at, end: null, outcome: "open", attempt: 1,
        index: event.index, endIndex: null, instanceId: event.instanceId, due: instant(event.fireAt),
      };
      list.push(span);
      open.set(event.eventId, span);
      retries(turn, span);
    } else if (ENDS[event.type]) {
      const span = open.get(event.answers);
      if (!span) continue;
      open.delete(event.answers);
      // A timer's last event bears the time at which it was made, not that at which it fired.
      const end = span.kind === "timer" ? Math.max(at, span.due ?? at) : at;
      Object.assign(span, { end, outcome: ENDS[event.type], endIndex: event.index, failure: event.failure });
      if (span.outcome === "failed") turn.failed.push(span);
      else if (span.pauseAfter) turn.paused.push(span);
    } else if (event.type === "EventRaised" && asked.has(event.name)) {
      const span = asked.get(event.name);
      asked.delete(event.name);
      Object.assign(span, { end: at, outcome: event.failure ? "failed" : "completed", endIndex: event.index });
    } else if (event.request?.signal === false) {
      const { id, name } = event.request;
      const span = {
        kind: "entity", name, action: event.eventId, start: at, end: null, outcome: "open", attempt: 1,
        index: event.index, endIndex: null, instanceId: event.instanceId,
      };
      list.push(span);
      asked.set(id, span);
    } else if (POINTS[event.type]) {
      list.push({
        kind: POINTS[event.type], name: event.request?.name ?? event.name, action: event.eventId, start: at, end: at, outcome: "completed",
        attempt: 1, index: event.index, endIndex: event.index, instanceId: event.instanceId,
      });
    } else if (event.type === "ExecutionSuspended" && !suspended) {
      suspended = { kind: "suspended", name: "Suspended", action: -1, start: at, end: null, outcome: "open", attempt: 1, index: event.index, endIndex: null };
      list.push(suspended);
    } else if (event.type === "ExecutionResumed" && suspended) {
      Object.assign(suspended, { end: at, outcome: "completed", endIndex: event.index });
      suspended = null;
    }
  }
  if (ended) for (const span of list) if (span.end === null) span.outcome = "dropped";
  return list;
}

export const KINDS = {
  activity: "Activity",
  orchestration: "Sub-orchestration",
  entity: "Entity operation",
  timer: "Timer",
  event: "Event received",
  sent: "Event sent",
  suspended: "Suspended",
};

export const OUTCOMES = {
  completed: "completed",
  failed: "failed",
  fired: "fired",
  open: "under way",
  dropped: "not awaited",
};

/** A span's name with its attempt. */
export const title = (span) => (span.attempt > 1 ? `${span.name} (attempt ${span.attempt})` : span.name);
