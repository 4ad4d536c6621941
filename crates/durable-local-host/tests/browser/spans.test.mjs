// Which calls are further attempts, from histories as the host records them.

import assert from "node:assert/strict";
import test from "node:test";
import { spans } from "../../src/dashboard/assets/spans.js";
import { tick } from "../../src/dashboard/assets/timeline.js";

/** A history of turns, each a list of [type, event id, more]. */
function history(...turns) {
  const events = [];
  const add = (type, eventId = -1, more = {}) => {
    events.push({ index: events.length, eventId, type, time: new Date(events.length * 1000).toISOString(), ...more });
  };
  for (const turn of turns) {
    add("OrchestratorStarted");
    for (const event of turn) add(...event);
    add("OrchestratorCompleted");
  }
  return events;
}

const call = (id, name) => ["TaskScheduled", id, { name }];
const failed = (answers) => ["TaskFailed", -1, { answers }];
const done = (answers) => ["TaskCompleted", -1, { answers }];
const timer = (id) => ["TimerCreated", id, { fireAt: new Date(0).toISOString() }];
const fired = (answers) => ["TimerFired", -1, { answers }];
const attempts = (list) => list.filter((span) => span.kind === "activity").map((span) => `${span.name} ${span.attempt} ${span.outcome}`);

test("a call after a pause is a further attempt", () => {
  const list = spans(history([call(0, "pay")], [failed(0), timer(1)], [fired(1), call(2, "pay")], [failed(2), timer(3)], [fired(3), call(4, "pay")], [done(4)]), true);
  assert.deepEqual(attempts(list), ["pay 1 failed", "pay 2 failed", "pay 3 completed"]);
  assert.equal(list[1].name, "Pause before the next attempt");
});

test("other calls of the same name are not", () => {
  const list = spans(history([call(0, "pay")], [failed(0), call(1, "pay")], [done(1), timer(2)], [fired(2), call(3, "pay")]), false);
  assert.deepEqual(attempts(list), ["pay 1 failed", "pay 1 completed", "pay 1 open"]);
  assert.equal(list[2].name, "Timer");
});

test("attempts side by side are told apart", () => {
  const list = spans(history([call(0, "a"), call(1, "b")], [failed(1), failed(0), timer(2), timer(3)], [fired(3), fired(2), call(4, "a"), call(5, "b")], [done(4), failed(5)]), true);
  assert.deepEqual(attempts(list), ["a 1 failed", "b 1 failed", "a 2 completed", "b 2 failed"]);
});

test("what is under way when an instance ends was not awaited", () => {
  const events = history([call(0, "slow"), timer(1)], [["ExecutionTerminated"]]);
  assert.deepEqual(spans(events, true).map((span) => span.outcome), ["dropped", "dropped"]);
  assert.deepEqual(spans(events, false).map((span) => span.outcome), ["open", "open"]);
});

test("suspensions last until the instance is resumed", () => {
  const list = spans(history([["ExecutionSuspended"], ["ExecutionSuspended"]], [["ExecutionResumed"]], [["EventRaised", -1, { name: "Go" }]]), false);
  assert.deepEqual(list.map(({ kind, outcome }) => [kind, outcome]), [["suspended", "completed"], ["event", "completed"]]);
});

test("operations of entities last until they are answered", () => {
  const to = (number, name, signal = false) => ["EventSent", number, { name: "op", instanceId: "@counter@k", request: { id: `id-${number}`, name, signal } }];
  const answer = (number, more) => ["EventRaised", -1, { name: `id-${number}`, ...more }];
  const list = spans(history(
    [to(1, "counter@k add")],
    [answer(1), to(2, "counter@k fail")],
    [answer(2, { failure: [{ type: "E" }] }), to(3, "counter@k add", true), to(4, "lock counter@k")],
    [["EventSent", 5, { name: "op", instanceId: "other" }], ["EventRaised", -1, { name: "id-9", failure: [{ type: "E" }] }]],
  ), false);
  assert.deepEqual(list.map(({ kind, name, outcome }) => [kind, name, outcome]), [
    ["entity", "counter@k add", "completed"],
    ["entity", "counter@k fail", "failed"],
    ["sent", "counter@k add", "completed"],
    ["entity", "lock counter@k", "open"],
    ["sent", "op", "completed"],
    ["event", "id-9", "completed"],
  ]);
});

test("ticks far from the beginning are told apart", () => {
  assert.deepEqual([0, 50, 3_500, 4_000].map((ms) => tick(ms, 50)), ["0", "50 ms", "3.5 s", "4 s"]);
  assert.deepEqual([3_720_500, 3_721_000, 3_721_500].map((ms) => tick(ms, 500)), ["1 h 2 min 0.5 s", "1 h 2 min 1 s", "1 h 2 min 1.5 s"]);
  assert.deepEqual([86_400_000, 93_600_000].map((ms) => tick(ms, 7_200_000)), ["1 d", "1 d 2 h"]);
});
