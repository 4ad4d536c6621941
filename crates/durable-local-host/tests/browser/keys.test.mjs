// A host that asks for keys.

import assert from "node:assert/strict";
import test from "node:test";
import { badge, dialogButton, setUp } from "./support.mjs";

const KEY = "a+key/with=signs";
const app = setUp(async () => {
  const started = await fetch(`${app.url}/api/orchestrators/hello_orchestrator?instanceId=done`, { method: "POST" });
  assert.equal(started.status, 202);
}, ["--enable-auth", "--master-key", KEY]);

// The browser complains of every 401 itself.
const allow = (text) => text.includes("401");

test("the link of the console opens the dashboard, and the key leaves the address", () => app.withPage(`#key=${encodeURIComponent(KEY)}`, async (page) => {
  await page.getByRole("link", { name: "done" }).click();
  await badge(page, "Completed").waitFor();
  assert.ok(!page.url().includes("key"), page.url());
  await page.reload();
  await badge(page, "Completed").waitFor();
  assert.deepEqual(await page.context().cookies(), []);
}));

test("a page that is open takes the key of a link", () => app.withPage("#/instance/done", async (page) => {
  await page.getByRole("dialog").waitFor();
  await page.evaluate((key) => { location.hash = `#key=${key}`; }, encodeURIComponent(KEY));
  await page.getByRole("link", { name: "done" }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.match(page.url(), /#\/instances$/);
}, { allow }));

test("a key that is not encoded is asked for again, and the page stays usable", () => app.withPage("#key=%", async (page) => {
  await page.getByRole("dialog").getByLabel("Key").fill(KEY);
  await dialogButton(page, "Continue").click();
  await page.getByRole("link", { name: "done" }).waitFor();
  assert.match(page.url(), /#\/instances$/);
}, { allow }));

test("without a key the page asks for it, and again when it is wrong", () => app.withPage("#/instance/done", async (page) => {
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Key").fill("wrong");
  await dialogButton(page, "Continue").click();
  await dialog.getByLabel("Key").and(page.locator(":focus")).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("dialog").length === 1 && document.querySelector("dialog input").value === "");
  assert.equal(await page.getByRole("dialog").count(), 1);
  await dialog.getByLabel("Key").fill(KEY);
  await page.keyboard.press("Enter");
  await badge(page, "Completed").waitFor();
  await page.getByRole("button", { name: "Purge…" }).click();
  await dialogButton(page, "Purge").click();
  await page.getByRole("heading", { name: "Instances" }).waitFor();
}, { allow }));

test("who has no key is told so", () => app.withPage("", async (page) => {
  await dialogButton(page, "Cancel").click();
  await page.getByRole("alert").filter({ hasText: "asks for a key" }).waitFor();
}, { allow }));
