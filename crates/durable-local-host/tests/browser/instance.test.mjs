// One instance: what it shows and what can be done to it.

import assert from "node:assert/strict";
import test from "node:test";
import { badge, dialogButton, setUp } from "./support.mjs";

const app = setUp();
const action = (page, name) => page.getByRole("group", { name: "Actions" }).getByRole("button", { name: `${name}…` });

test("an event is raised and taken", async () => {
  await app.start("wait_event", "order", { event: "Approval", timeoutSeconds: 6000 });
  await app.until("order", "Running");
  await app.withPage("#/instance/order", async (page) => {
    await page.getByLabel("Custom status").getByText("waiting for Approval").waitFor();
    await action(page, "Raise event").click();
    await dialogButton(page, "Raise event").click();
    await page.getByText("Event name is needed.").waitFor();
    await page.getByLabel("Event name").fill("Approval");
    await page.getByLabel("Payload (JSON)").fill('{"by": "Ada"}');
    await dialogButton(page, "Raise event").click();
    await badge(page, "Completed").waitFor();
    await page.getByLabel("Output", { exact: true }).getByText('"by": "Ada"').waitFor();
    await page.locator(".events td", { hasText: "EventRaised" }).waitFor();
  });
});

/** Whether an element is within the screen, and within the box that scrolls it. */
const seen = (locator) => locator.evaluate((element) => {
  const [own, box] = [element, element.closest(".scroll")].map((each) => each.getBoundingClientRect());
  return own.height > 0 && own.top >= Math.max(0, box.top) && own.bottom <= Math.min(innerHeight, box.bottom);
});

test("the failing activity stands on top", async () => {
  await app.run("retry_orch", "retried", { maxAttempts: 3, failTimes: 9, firstMs: 10 });
  await app.withPage("#/instances", async (page) => {
    await page.getByRole("link", { name: "retried" }).click();
    const panel = page.getByRole("region", { name: "Failure" });
    await panel.getByRole("heading", { name: "Failed in activity flaky" }).waitFor();
    await panel.getByText("calls of flaky that failed: 3").waitFor();
    await panel.getByText("attempt 3 of retried fails").first().waitFor();
    await panel.getByText("FlakyException").first().waitFor();
    await panel.getByText("The history has no inputs of calls. They are kept with extensions.durableTask.storeInputsInOrchestrationHistory").waitFor();
    const top = await panel.evaluate((element) => element.getBoundingClientRect().bottom < innerHeight);
    assert.ok(top, "it is seen without scrolling");
    await panel.getByRole("button", { name: "Show in the history" }).click();
    const row = await page.evaluate(() => document.activeElement.textContent);
    assert.match(row, /TaskFailed/);
    assert.ok(await seen(page.locator(".events tr:focus").getByText("attempt 3 of retried fails")), "the message is seen");
    await page.getByRole("img", { name: /3 failed/ }).waitFor();
    await page.locator(".timeline .label", { hasText: "flaky (attempt 3)" }).waitFor();
    await page.locator(".timeline .label", { hasText: "Pause before" }).first().waitFor();
  });
});

test("a failure below is followed to the sub-orchestration, and links lead there and back", async () => {
  await app.run("sub_parent", "family", { n: 2, ids: true, fail: true, catch: false });
  await app.withPage("#/instance/family", async (page) => {
    const panel = page.getByRole("region", { name: "Failure" });
    await panel.getByRole("heading", { name: "Failed in sub-orchestration sub_child" }).waitFor();
    await panel.getByText("child 0 of family fails on purpose").first().waitFor();
    await panel.getByRole("link", { name: "Go to sub_child" }).click();
    await page.getByRole("heading", { name: "The orchestration failed by itself" }).waitFor();
    await page.getByRole("link", { name: "sub_parent family" }).click();
    await page.getByRole("heading", { name: "sub_parent", exact: true }).waitFor();
    await page.getByRole("region", { name: "Sub-orchestrations" }).getByRole("link", { name: "sub_child family-child0" }).waitFor();
  });
});

test("a failing operation of an entity is blamed", async () => {
  await app.signal("counter", "big", "set", "9223372036854775807");
  await app.run("lock_orch", "overflow", { a: "small", b: "big" });
  await app.withPage("#/instance/overflow", async (page) => {
    const panel = page.getByRole("region", { name: "Failure" });
    await panel.getByRole("heading", { name: "Failed in entity operation counter@big add" }).waitFor();
    await panel.getByText("overflow").first().waitFor();
    await panel.getByText("Input: 7").waitFor();
    assert.equal(await panel.getByRole("link", { name: "Go to @counter@big" }).getAttribute("href"), "#/instance/%40counter%40big");
    await panel.getByRole("button", { name: "Show in the history" }).click();
    const row = page.locator("tr:focus");
    assert.match(await row.textContent(), /EventRaised.*counter@big add, answers #\d+/);
    assert.equal(await row.getAttribute("class"), "failed");
    await page.getByRole("img", { name: /1 failed/ }).waitFor();
  });
});

const copied = async (page, panel) => {
  await panel.getByRole("button", { name: "Copy" }).click();
  await page.getByText("The failure was copied").waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
};
const clipboard = { context: { permissions: ["clipboard-read", "clipboard-write"] } };

test("a long failure is shown in part and then whole, and copied whole", async () => {
  const message = `${"no ".repeat(2_000)}in the end`;
  await app.run("fail_orch", "wordy", { message });
  await app.withPage("#/instance/wordy", async (page) => {
    const panel = page.getByRole("region", { name: "Failure" });
    await panel.getByRole("button", { name: /^Show all/ }).first().waitFor();
    assert.ok(!(await panel.textContent()).includes("in the end"));
    const text = await copied(page, panel);
    assert.ok(text.includes(message), text);
    assert.match(text, /^wordy failed\n/);
    await panel.getByRole("button", { name: /^Show all/ }).first().click();
    await panel.getByText("in the end").waitFor();
    assert.match(await page.evaluate(() => document.activeElement.textContent), /in the end$/);
  }, clipboard);
});

test("stacks are copied too", async () => {
  await app.signal("counter", "huge", "set", "9223372036854775807");
  await app.run("lock_orch", "stack", { a: "none", b: "huge" });
  await app.withPage("#/instance/stack", async (page) => {
    const panel = page.getByRole("region", { name: "Failure" });
    const text = await copied(page, panel);
    const whole = await (await fetch(`${app.url}/dashboard/api/failure?id=stack`)).json();
    const { stack } = whole.call.links.find((link) => link.stack);
    assert.ok(stack.text.length > 100 && text.includes(stack.text), text);
    assert.match(text, /^entity operation counter@huge add, action #\d+ of stack, failed\n/);
  }, clipboard);
});

test("terminating asks first", async () => {
  await app.start("long_timer", "endless", { days: 3 });
  await app.until("endless", "Running");
  await app.withPage("#/instance/endless", async (page) => {
    await action(page, "Terminate").click();
    await page.getByRole("dialog", { name: "Terminate this instance?" }).waitFor();
    await dialogButton(page, "Cancel").click();
    assert.equal(await app.status("endless"), "Running");
    await action(page, "Terminate").click();
    await page.keyboard.press("Escape");
    assert.equal(await app.status("endless"), "Running");
    await action(page, "Terminate").click();
    await page.getByLabel("Reason").fill("no more needed");
    await dialogButton(page, "Terminate").click();
    await badge(page, "Terminated").waitFor();
    await page.getByLabel("Output", { exact: true }).getByText("no more needed").waitFor();
    await page.locator(".timeline .took", { hasText: "not awaited" }).waitFor();
  });
});

test("an action that comes too late is refused in words", async () => {
  await app.start("long_timer", "late", { days: 3 });
  await app.until("late", "Running");
  await app.withPage("#/instance/late", async (page) => {
    await action(page, "Suspend").click();
    await app.call("POST", "/instances/late/terminate");
    await badge(page, "Terminated").waitFor();
    await dialogButton(page, "Suspend").click();
    await page.getByRole("alert").getByText("Refused: It has ended already").waitFor();
  }, { allow: (text) => text.includes("410") });
});

test("suspend, resume, restart and purge", async () => {
  await app.start("wait_event", "tour", { event: "Go", timeoutSeconds: 6000 });
  await app.until("tour", "Running");
  await app.withPage("#/instance/tour", async (page) => {
    await action(page, "Suspend").click();
    await dialogButton(page, "Suspend").click();
    await badge(page, "Suspended").waitFor();
    await action(page, "Resume").click();
    await dialogButton(page, "Resume").click();
    await badge(page, "Running").waitFor();
    await action(page, "Terminate").click();
    await dialogButton(page, "Terminate").click();
    await badge(page, "Terminated").waitFor();
    await action(page, "Restart").click();
    await page.getByLabel(/With a new id/).uncheck();
    await dialogButton(page, "Restart").click();
    await badge(page, "Running").waitFor();
    await app.call("POST", "/instances/tour/raiseEvent/Go", "1");
    await badge(page, "Completed").waitFor();
    await action(page, "Purge").click();
    await dialogButton(page, "Purge").click();
    await page.getByRole("heading", { name: "Instances" }).waitFor();
    assert.equal((await app.call("GET", "/instances/tour")).status, 404);
    assert.equal(await page.getByRole("link", { name: "tour" }).count(), 0);
    // What is purged by others goes as well.
    await app.run("hello_orchestrator", "brief", "x");
    await page.getByRole("link", { name: "brief" }).click();
    await badge(page, "Completed").waitFor();
    await app.call("DELETE", "/instances/brief");
    await page.getByText("This instance is no more: it was purged.").waitFor();
  }, { allow: (text) => text.includes("404") && text.includes("id=brief") });
});

test("rewinding takes a failure back", async () => {
  await app.run("retry_orch", "again", { maxAttempts: 1, failTimes: 1, firstMs: 10 });
  await app.withPage("#/instance/again", async (page) => {
    await badge(page, "Failed").waitFor();
    await action(page, "Rewind").click();
    await dialogButton(page, "Rewind").click();
    await badge(page, "Completed").waitFor();
    await page.locator(".events td", { hasText: "GenericEvent" }).first().waitFor();
    assert.equal(await page.getByRole("region", { name: "Failure" }).count(), 0);
  });
});

test("markup in names and values is text", async () => {
  const markup = "<img src=x onerror=alert(1)><b>bold</b>";
  const id = "odd <b>&%+ü\"'";
  await app.run("echo_orch", id, { markup, html: "</script><script>alert(2)</script>" });
  await app.withPage("", async (page) => {
    await page.getByRole("link", { name: id }).click();
    await badge(page, "Completed").waitFor();
    await page.getByLabel("Input", { exact: true }).getByText(markup).waitFor();
    assert.equal(await page.locator("main b, main img, main script").count(), 0);
    await page.reload();
    await badge(page, "Completed").waitFor();
  });
});

test("ids that browsers can't send have no buttons", async () => {
  for (const id of [".", ".."]) {
    // Clients start it over gRPC.
    const started = await fetch(`${app.url}/api/orchestrators/hello_orchestrator?instanceId=${id}`, { method: "POST" });
    assert.equal(started.status, 202);
    await app.withPage(`#/instance/${id}`, async (page) => {
      await badge(page, "Completed").waitFor();
      await page.getByText(`There are no buttons for the id ${id}: in an address`).waitFor();
      assert.equal(await page.getByRole("group", { name: "Actions" }).count(), 0);
    });
  }
  await app.withPage("", async (page) => {
    await page.getByRole("button", { name: "Start…" }).click();
    await page.getByLabel("Orchestration", { exact: true }).fill("hello_orchestrator");
    await page.getByLabel("Instance id").fill("..");
    await dialogButton(page, "Start").click();
    await page.getByRole("alert").getByText('Refused: a browser can\'t send ".."').waitFor();
  });
});

test("a question names its instance apart from its words", async () => {
  await app.start("wait_event", "we", { event: "Go", timeoutSeconds: 6000 });
  await app.until("we", "Running");
  await app.withPage("#/instance/we", async (page) => {
    await action(page, "Raise event").click();
    await page.getByRole("dialog").locator("code", { hasText: /^we$/ }).waitFor();
  });
});

test("a history of ten thousand events can be gone through", async () => {
  await app.run("fan_out", "wide", { n: 5000 });
  await app.withPage("#/instance/wide", async (page) => {
    const heading = page.getByRole("heading", { name: /^History \(10,\d{3} events\)$/ });
    await heading.waitFor();
    assert.ok(await page.locator(".events tbody tr").count() <= 200);
    assert.ok(await page.locator(".timeline .span").count() <= 120);
    const parts = page.getByRole("navigation", { name: "Parts of the history" });
    const scroller = page.getByRole("region", { name: "Events of the history" });
    await scroller.evaluate((element) => { element.scrollTop = 500; });
    await parts.getByRole("button", { name: "Next" }).click();
    assert.equal(await scroller.evaluate((element) => element.scrollTop), 0);
    await parts.getByRole("button", { name: "Last" }).click();
    await page.locator(".events td", { hasText: "ExecutionCompleted" }).waitFor();
    await parts.getByRole("button", { name: "Previous" }).click();
    await parts.getByRole("button", { name: "First" }).click();
    await page.locator(".events td", { hasText: "ExecutionStarted" }).waitFor();
  });
});

test("a timeline in parts opens at the failure, and counts from the beginning of all", async () => {
  await app.run("retry_orch", "patient", { maxAttempts: 60, failTimes: 99, firstMs: 1, backoff: 1 });
  await app.withPage("#/instance/patient", async (page) => {
    const picture = page.getByRole("img", { name: /^Timeline of 119 calls, .* 60 failed\. Rows 101 to 119 are shown\./ });
    await picture.waitFor();
    await page.locator(".timeline .label", { hasText: "flaky (attempt 60)" }).waitFor();
    const axis = page.locator(".timeline .axis text");
    assert.notEqual(await axis.first().textContent(), "0");
    await page.getByRole("navigation", { name: "Parts of the timeline" }).getByRole("button", { name: "First" }).click();
    await page.getByRole("img", { name: /^Timeline of 119 calls, .* 60 failed\. Rows 1 to 100 are shown\./ }).waitFor();
    assert.equal(await axis.first().textContent(), "0");
  });
});

test("a long value is shown in part and then whole", async () => {
  await app.run("echo_orch", "long", { text: "x".repeat(50_000), end: "the very end" });
  await app.withPage("#/instance/long", async (page) => {
    const input = page.getByLabel("Input", { exact: true });
    await input.getByRole("button", { name: /^Show all/ }).click();
    await input.getByText("the very end").waitFor();
  });
});

test("what is not there is told", () => app.withPage("#/instance/nobody", async (page) => {
  await page.getByText("There is no instance with the id nobody.").waitFor();
  await app.run("hello_orchestrator", "nobody", "x");
  await badge(page, "Completed").waitFor();
}, { allow: (text) => text.includes("404") && text.includes("id=nobody") }));
