// For everybody: keyboard, screen readers, light and dark, narrow screens.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";
import { badge, dialogButton, setUp } from "./support.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  return (element.labels?.[0] ?? element).textContent.trim() || element.getAttribute("aria-label") || element.tagName;
});

const app = setUp(async () => {
  await app.run("hello_orchestrator", "done", "Oslo");
  await app.run("retry_orch", "failed", { maxAttempts: 3, failTimes: 9, firstMs: 10 });
  await app.run("sub_parent", "parent", { n: 3, ids: true });
  await app.start("wait_event", "waiting", { event: "Approval", timeoutSeconds: 6000 });
  await app.start("long_timer", "suspended", { days: 2 });
  await app.call("POST", "/instances/suspended/suspend");
  await app.start("long_timer", "terminated", { days: 2 });
  await app.call("POST", "/instances/terminated/terminate?reason=x");
  await app.until("suspended", "Suspended");
  await app.until("terminated", "Terminated");
  await app.until("waiting", "Running");
  await app.signal("counter", "clicks", "set", "5");
});

/** Goes on with the tab key until something of that name has the focus. */
async function tabTo(page, name) {
  for (let step = 0; step < 80; step++) {
    await page.keyboard.press("Tab");
    if ((await focused(page)).startsWith(name)) return;
  }
  assert.fail(`${name} is not reached with the tab key`);
}

test("everything can be done with the keyboard", () => app.withPage("", async (page) => {
  await page.getByRole("link", { name: "waiting" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  await page.keyboard.press("Enter");
  await tabTo(page, "Start…");
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "Orchestration");
  await page.keyboard.type("long_timer");
  // The list of names is open; it takes the first escape.
  await page.keyboard.press("Tab");
  await page.keyboard.type('{"days": 2}');
  await page.keyboard.press("Tab");
  await page.keyboard.type("by-keyboard");
  await page.keyboard.press("Enter");
  await badge(page, "Running").waitFor();
  assert.equal(await focused(page), "long_timer");
  await tabTo(page, "Terminate…");
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "Reason");
  await page.keyboard.press("Escape");
  assert.equal(await focused(page), "Terminate…");
  await page.keyboard.press("Enter");
  await page.keyboard.type("done");
  await tabTo(page, "Terminate");
  await page.keyboard.press("Enter");
  await badge(page, "Terminated").waitFor();
  assert.equal(await app.status("by-keyboard"), "Terminated");
  await tabTo(page, "Purge…");
  await page.keyboard.press("Enter");
  // What can't be undone is not one key away.
  assert.equal(await focused(page), "Cancel");
  await tabTo(page, "Purge");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Instances" }).waitFor();
  assert.equal(await focused(page), "Instances");
  await tabTo(page, "waiting");
  await page.keyboard.press("Enter");
  await badge(page, "Running").waitFor();
  await tabTo(page, "The timeline as a table");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Timeline as a table" }).getByRole("row", { name: /Timer/ }).waitFor();
}));

const VIEWS = {
  list: ["#/instances", (page) => page.getByRole("link", { name: "waiting" })],
  failed: ["#/instance/failed", (page) => page.getByRole("region", { name: "Failure" })],
  waiting: ["#/instance/waiting", (page) => page.getByText("Waiting for an event")],
  parent: ["#/instance/parent", (page) => page.getByRole("region", { name: "Sub-orchestrations" })],
  suspended: ["#/instance/suspended", (page) => badge(page, "Suspended")],
  entities: ["#/entities", (page) => page.getByRole("link", { name: "clicks" })],
  entity: ["#/instance/@counter@clicks", (page) => page.getByRole("region", { name: "State" })],
};

for (const colorScheme of ["light", "dark"]) {
  for (const [name, [hash, shown]] of Object.entries(VIEWS)) {
    test(`axe finds nothing: ${name}, ${colorScheme}`, () => app.withPage(hash, async (page) => {
      await shown(page).first().waitFor();
      for (const details of await page.locator("details").all()) await details.evaluate((element) => { element.open = true; });
      const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations", "passes"] }));
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]), []);
      assert.ok(passes.some(({ id }) => id === "color-contrast"), "the contrast was looked at");
    }, { context: { colorScheme }, script: axe }));
  }
}

test("axe finds nothing in a dialog", () => app.withPage("#/instance/waiting", async (page) => {
  await page.getByRole("button", { name: "Raise event…" }).click();
  await dialogButton(page, "Raise event").click();
  const { violations } = await page.evaluate(() => axe.run(document.querySelector("dialog")));
  assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]), []);
}, { script: axe }));

test("dark is dark and light is light", async () => {
  const brightness = (colorScheme) => new Promise((done, failed) => {
    app.withPage("", async (page) => {
      await page.getByRole("heading", { name: "Instances" }).waitFor();
      done(await page.evaluate(() => {
        const numbers = getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).map(Number);
        return numbers.reduce((sum, number) => sum + number, 0) / 3;
      }));
    }, { context: { colorScheme } }).catch(failed);
  });
  assert.ok(await brightness("light") > 200);
  assert.ok(await brightness("dark") < 60);
});

test("statuses are told by words and shapes", () => app.withPage("#/instances", async (page) => {
  await page.getByRole("link", { name: "waiting" }).waitFor();
  const shapes = await page.locator(".instances .badge").evaluateAll((badges) =>
    badges.map((badge) => [badge.textContent, badge.querySelector("path").getAttribute("d")]));
  const byWord = new Map(shapes);
  assert.ok(byWord.size >= 4, [...byWord.keys()].join());
  assert.equal(new Set(byWord.values()).size, byWord.size);
}));

test("nothing is wider than a narrow screen", async () => {
  const id = `long-${"x".repeat(90)}`;
  await app.start("wait_event", id, { event: "A".repeat(80), timeoutSeconds: 600 });
  await app.until(id, "Running");
  await app.run("retry_orch", `${id}-failed`, { maxAttempts: 2, failTimes: 9, firstMs: 1 });
  for (const hash of ["#/instances", `#/instance/${id}`, `#/instance/${id}-failed`, "#/entities"]) {
    await app.withPage(hash, async (page) => {
      await page.locator("#live.on").waitFor();
      await page.getByRole("heading", { level: 1 }).waitFor();
      const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= screen, `${hash}: ${wide} > ${screen}`);
    }, { context: { viewport: { width: 360, height: 700 } } });
  }
});

test("changes are told to screen readers", () => app.withPage("#/instance/waiting", async (page) => {
  await badge(page, "Running").waitFor();
  await app.call("POST", "/instances/waiting/suspend");
  await page.locator("[aria-live=polite]", { hasText: "Now Suspended" }).waitFor();
  await app.call("POST", "/instances/waiting/resume");
  await page.locator("[aria-live=polite]", { hasText: "Now Running" }).waitFor();
}));
