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

const channels = (color) => color.match(/[\d.]+/g).slice(0, 3).map((channel) => {
  const part = Number(channel) / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
});
const luminance = (color) => channels(color).reduce((sum, channel, at) => sum + channel * [0.2126, 0.7152, 0.0722][at], 0);
const contrast = (...colors) => {
  const [bright, dark] = colors.map(luminance).sort((a, b) => b - a);
  return (bright + 0.05) / (dark + 0.05);
};

for (const colorScheme of ["light", "dark"]) {
  test(`the focus is seen, ${colorScheme}`, () => app.withPage("#/instances", async (page) => {
    await page.getByRole("link", { name: "waiting" }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    const [ring, around, card] = await page.evaluate(() => [
      getComputedStyle(document.activeElement).outlineColor,
      getComputedStyle(document.body).backgroundColor,
      getComputedStyle(document.querySelector(".top")).backgroundColor,
    ]);
    assert.ok(contrast(ring, around) >= 3, `${ring} on ${around}`);
    assert.ok(contrast(ring, card) >= 3, `${ring} on ${card}`);
  }, { context: { colorScheme } }));
}

test("what is chosen is seen with forced colours", () => app.withPage("#/instances?status=Failed", async (page) => {
  await page.locator(".tile.Failed[aria-pressed=true]").waitFor();
  const background = (status) => page.locator(`.tile.${status}`).evaluate((tile) => getComputedStyle(tile).backgroundColor);
  assert.notEqual(await background("Failed"), await background("Running"));
}, { context: { forcedColors: "active" } }));

test("entities are cards on a narrow screen", async () => {
  await app.signal("counter", "a-key-that-is-somewhat-longer", "set", "1");
  await app.withPage("#/entities", async (page) => {
    const key = page.getByRole("link", { name: "a-key-that-is-somewhat-longer" });
    await key.waitFor();
    const height = await key.evaluate((element) => element.getBoundingClientRect().height);
    assert.ok(height < 30, `the key takes ${height} pixels`);
    const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= screen, `${wide} > ${screen}`);
  }, { context: { viewport: { width: 400, height: 700 } } });
});

test("all times are those of one zone, which is named", () => app.withPage("#/instance/suspended", async (page) => {
  await page.getByText("Times are those of America/New_York.").waitFor();
  const due = page.getByRole("row", { name: /TimerCreated/ }).getByText(/^due /);
  const told = await due.locator("time").evaluate((element) => [element.textContent, element.dateTime]);
  const clock = new Date(told[1]).toLocaleTimeString("en-GB", { timeZone: "America/New_York" });
  assert.ok(told[0].includes(clock), told.join());
}, { context: { timezoneId: "America/New_York" } }));

test("every page has a heading", async () => {
  for (const [hash, name] of [["#/instance/unknown", "unknown"], ["#/instance/@counter@unknown", "counter@unknown"], ["#/nowhere", "There is no such page"]]) {
    await app.withPage(hash, async (page) => {
      await page.getByRole("heading", { level: 1, name }).waitFor();
      await page.getByText(/There is no/).first().waitFor();
    }, { allow: (text) => text.includes("404") && text.includes("unknown") });
  }
});

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

test("pagers keep the focus", async () => {
  for (let number = 10; number < 70; number++) {
    await app.start("hello_orchestrator", `paged-${number}`, "x");
    await app.signal("counter", `paged-${number}`, "set", "1");
  }
  await app.until("paged-69", "Completed");
  const press = async (page, name) => {
    await page.getByRole("button", { name, exact: true }).focus();
    await page.keyboard.press("Enter");
  };
  await app.withPage("#/instances?prefix=paged-", async (page) => {
    await page.getByRole("link", { name: "paged-69" }).waitFor();
    await press(page, "Older");
    await page.getByRole("link", { name: "paged-10" }).waitFor();
    assert.equal(await focused(page), "Older");
    assert.equal(await page.getByRole("button", { name: "Older" }).getAttribute("aria-disabled"), "true");
    await press(page, "Newest");
    await page.getByRole("link", { name: "paged-69" }).waitFor();
    assert.equal(await focused(page), "Newest");
    // There is only one page now.
    await page.getByRole("button", { name: "Older" }).focus();
    await page.evaluate(() => { location.hash = "#/instances?prefix=waiting"; });
    await page.getByRole("link", { name: "waiting" }).waitFor();
    assert.equal(await focused(page), "Instances");
  });
  await app.withPage("#/entities", async (page) => {
    await page.getByRole("link", { name: "paged-10" }).waitFor();
    await press(page, "Next");
    await page.getByRole("link", { name: "paged-69" }).waitFor();
    assert.equal(await focused(page), "Next");
  });
  await app.run("fan_out", "wide", { n: 150 });
  await app.withPage("#/instance/wide", async (page) => {
    await badge(page, "Completed").waitFor();
    for (const what of ["history", "timeline"]) {
      const parts = page.getByRole("navigation", { name: `Parts of the ${what}` });
      await parts.getByRole("button", { name: "Last" }).focus();
      await page.keyboard.press("Enter");
      await parts.getByText(/(\d+) of \1$/).waitFor();
      assert.equal(await focused(page), "Last");
    }
  });
});

test("a busy list is told to screen readers only when somebody asks for something", () => app.withPage("#/instances", async (page) => {
  await page.locator(".instances tbody tr").first().waitFor();
  await page.evaluate(() => {
    globalThis.told = [];
    const observer = new MutationObserver((changes) => globalThis.told.push(...changes.map(({ target }) => target.textContent).filter(Boolean)));
    for (const each of document.querySelectorAll("[role=status], [aria-live]")) observer.observe(each, { childList: true, characterData: true, subtree: true });
  });
  await app.run("hello_orchestrator", "busy", "x");
  await page.getByRole("row", { name: /Completed hello_orchestrator busy/ }).waitFor();
  assert.deepEqual(await page.evaluate(() => globalThis.told), []);
  await page.getByLabel("Id begins with").fill("busy");
  await page.waitForFunction(() => globalThis.told.length > 0);
  assert.deepEqual(await page.evaluate(() => globalThis.told), ["1 shown"]);
}));
