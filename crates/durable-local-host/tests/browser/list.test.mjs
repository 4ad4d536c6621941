// The list of instances.

import assert from "node:assert/strict";
import test from "node:test";
import { badge, dialogButton, setUp } from "./support.mjs";

const app = setUp();
const ids = (page) => page.locator(".instances tbody a").allTextContents();

test("an empty host says what to do", () => app.withPage("", async (page) => {
  await page.getByText("Nothing has run yet.").waitFor();
  await page.getByText("TestHubName").waitFor();
}));

test("an orchestration is started and seen to its end", () => app.withPage("", async (page) => {
  await page.getByRole("button", { name: "Start…" }).click();
  await page.getByLabel("Orchestration", { exact: true }).fill("timer_orch");
  await page.getByLabel("Input (JSON)").fill('{"seconds": 1');
  await page.getByLabel("Instance id").fill("watched");
  await dialogButton(page, "Start").click();
  await page.getByText("This is not JSON").waitFor();
  await page.getByLabel("Input (JSON)").fill('{"seconds": 1}');
  await dialogButton(page, "Start").click();
  await badge(page, "Running").waitFor();
  await page.getByText("Timer, due").waitFor();
  // Without doing anything.
  await badge(page, "Completed").waitFor();
  await page.locator(".events td", { hasText: "TimerFired" }).waitFor();
  await page.getByLabel("Output", { exact: true }).getByText("waitedMs").waitFor();
}));

test("the host's refusal is shown where it was asked", () => app.withPage("", async (page) => {
  await app.start("long_timer", "taken", { days: 1 });
  await app.until("taken", "Running");
  await page.getByRole("button", { name: "Start…" }).click();
  await page.getByLabel("Orchestration", { exact: true }).fill("timer_orch");
  await page.getByLabel("Instance id").fill("taken");
  await dialogButton(page, "Start").click();
  await page.getByRole("alert").getByText("Refused: An Orchestration instance with the status Running already exists.").waitFor();
  await page.getByLabel("Orchestration", { exact: true }).fill("nobody");
  await dialogButton(page, "Start").click();
  await page.getByRole("alert").getByText("The function 'nobody' doesn't exist").waitFor();
  await dialogButton(page, "Cancel").click();
  assert.equal(await page.getByRole("button", { name: "Start…" }).evaluate((button) => button === document.activeElement), true);
}, { allow: (text) => /40[09] /.test(text) && text.includes("/orchestrators/") }));

test("the list follows what happens, and filters", () => app.withPage("", async (page) => {
  await page.locator(".instances tbody tr").first().waitFor();
  await app.run("hello_orchestrator", "live-1", "Oslo");
  await page.getByRole("link", { name: "live-1" }).waitFor();
  await app.run("fail_orch", "live-2", { message: "no stock" });
  await page.getByRole("link", { name: "live-2" }).waitFor();
  const failed = page.locator(".tile.Failed");
  await failed.locator("strong", { hasText: "1" }).waitFor();
  await failed.click();
  await page.waitForFunction(() => document.querySelectorAll(".instances tbody tr").length === 1);
  assert.deepEqual(await ids(page), ["live-2"]);
  assert.match(page.url(), /#\/instances\?status=Failed$/);
  assert.equal(await failed.getAttribute("aria-pressed"), "true");
  await failed.click();
  await page.getByLabel("Name contains").fill("HELLO");
  await page.getByRole("link", { name: "live-2" }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "live-1" }).waitFor();
  assert.deepEqual(await ids(page), ["live-1"]);
  await page.getByLabel("Id begins with").fill("nothing");
  await page.getByText("No instance fits these filters.").waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByRole("link", { name: "live-2" }).waitFor();
  await page.getByLabel("Created from").fill("2099-01-01T00:00:00");
  await page.getByText("No instance fits these filters.").waitFor();
}));

test("filters are in the address", () => app.withPage("#/instances?status=Failed&name=fail", async (page) => {
  await page.getByRole("link", { name: "live-2" }).waitFor();
  assert.equal(await page.getByLabel("Name contains").inputValue(), "fail");
  assert.deepEqual(await ids(page), ["live-2"]);
}));

test("the address changes the filter while the list is shown", () => app.withPage("#/instances?status=Failed", async (page) => {
  await page.getByRole("link", { name: "live-2" }).waitFor();
  const failed = page.locator(".tile.Failed");
  assert.equal(await failed.getAttribute("aria-pressed"), "true");
  await page.getByRole("navigation", { name: "Pages", exact: true }).getByRole("link", { name: "Instances" }).click();
  await page.getByRole("link", { name: "live-1" }).waitFor();
  assert.equal(await failed.getAttribute("aria-pressed"), "false");
  await page.evaluate(() => { location.hash = "#/instances?name=HELLO&prefix=live"; });
  await page.waitForFunction(() => document.querySelectorAll(".instances tbody tr").length === 1);
  assert.deepEqual(await ids(page), ["live-1"]);
  assert.equal(await page.getByLabel("Id begins with").inputValue(), "live");
  await page.goBack();
  await page.getByRole("link", { name: "live-2" }).waitFor();
  assert.equal(await page.getByLabel("Name contains").inputValue(), "");
}));

test("pages follow each other", async () => {
  for (let number = 0; number < 60; number++) await app.start("hello_orchestrator", `page-${number}`, "x");
  await app.until("page-59", "Completed");
  await app.withPage("#/instances?prefix=page-", async (page) => {
    await page.getByRole("link", { name: "page-59" }).waitFor();
    assert.equal((await ids(page)).length, 50);
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByRole("link", { name: "page-9", exact: true }).waitFor();
    assert.equal((await ids(page)).length, 10);
    await page.getByRole("button", { name: "Newest" }).click();
    await page.getByRole("link", { name: "page-59" }).waitFor();
  });
});

test("a row keeps the focus while the list moves", () => app.withPage("#/instances?prefix=page-", async (page) => {
  await page.getByRole("link", { name: "page-59" }).focus();
  await app.run("hello_orchestrator", "page-new", "x");
  await page.getByRole("link", { name: "page-new" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "page-59");
}));

test("the chart tells how many ended", () => app.withPage("", async (page) => {
  const chart = page.getByRole("img", { name: /Orchestrations that ended in each second/ });
  await page.waitForFunction(() => /[1-9]\d* in the last minute/.test(document.querySelector(".rate").textContent));
  assert.match(await chart.getAttribute("aria-label"), /: [1-9]\d* in all/);
}));

test("a host that is gone is told, and found again", () => app.withPage("", async (page) => {
  await page.getByText("Live", { exact: true }).waitFor();
  await page.route("**/dashboard/api/**", (route) => route.abort());
  await app.run("hello_orchestrator", "unseen", "x");
  await page.getByText("Host not reachable").waitFor();
  await page.unroute("**/dashboard/api/**");
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("link", { name: "unseen" }).waitFor();
}, { allow: (text) => text.includes("ERR_FAILED") }));

test("a host that fails for a while is asked again", () => app.withPage("", async (page) => {
  await page.getByText("Live", { exact: true }).waitFor();
  await page.route("**/dashboard/api/instances*", (route) => route.fulfill({ status: 500, body: "The state cannot be read" }));
  await app.run("hello_orchestrator", "unseen-500", "x");
  await page.getByText("Host answers 500").waitFor();
  await page.unroute("**/dashboard/api/instances*");
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("link", { name: "unseen-500" }).waitFor();
}, { allow: (text) => text.includes("500") }));

test("a page that is refused what it reads does not call itself live", () => app.withPage("", async (page) => {
  const live = page.locator("#live");
  await live.getByText("Live").waitFor();
  await page.route("**/dashboard/api/instances*", (route) => route.fulfill({ status: 400, body: "`after` cannot be read" }));
  await app.run("hello_orchestrator", "unseen-400", "x");
  await page.getByRole("alert").filter({ hasText: "`after` cannot be read" }).waitFor();
  assert.deepEqual([await live.textContent(), await live.getAttribute("class")], ["", "live "]);
  await page.unroute("**/dashboard/api/instances*");
  await page.getByLabel("Id begins with").fill("unseen-400");
  await page.getByRole("link", { name: "unseen-400" }).waitFor();
  await live.getByText("Live").waitFor();
  assert.equal(await page.locator(".note.bad").isVisible(), false);
}, { allow: (text) => text.includes("400") }));
