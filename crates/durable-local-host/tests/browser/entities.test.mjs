// Entities: their list, and the page of one.

import assert from "node:assert/strict";
import test from "node:test";
import { setUp } from "./support.mjs";

const app = setUp();
const crumb = (page) => page.getByRole("navigation", { name: "Where you are" }).getByRole("link");
const current = (page) => page.locator(".top nav [aria-current]").allTextContents();

test("a host without entities says so", () => app.withPage("#/entities", async (page) => {
  await page.getByText("There are no entities yet.").waitFor();
}));

test("an entity is shown with its state, its lock and what waits", async () => {
  await app.signal("counter", "a", "set", "5");
  await app.start("lock_orch", "holder", { a: "a", b: "b", holdSeconds: 6000 });
  const lock = async (key) => JSON.parse((await app.call("GET", `/instances/@counter@${key}`)).text).customStatus;
  await app.untilMark("@counter@b", async () => (await lock("b")).lockedBy === "holder");
  await app.start("lock_orch", "second", { a: "a", b: "c" });
  await app.untilMark("@counter@a", async () => (await lock("a")).queueSize === 1);
  await app.withPage("#/entities", async (page) => {
    await page.getByRole("row", { name: /counter b none holder 0/ }).waitFor();
    const row = page.getByRole("row", { name: /counter a 5 holder 1/ });
    assert.equal(await row.getByRole("link", { name: "holder" }).getAttribute("href"), "#/instance/holder");
    await row.getByRole("link", { name: "a", exact: true }).click();
    await page.getByRole("heading", { name: "counter@a", level: 1 }).waitFor();
    await page.getByRole("region", { name: "State" }).getByText("5", { exact: true }).waitFor();
    await page.getByRole("definition").getByRole("link", { name: "holder" }).waitFor();
    const waiting = page.getByRole("region", { name: "Waiting" });
    await waiting.getByText("lock asked for by").getByRole("link", { name: "second" }).waitFor();
    assert.deepEqual(await current(page), ["Entities"]);
    assert.equal(await crumb(page).textContent(), "Entities");
    assert.equal(await page.getByRole("region", { name: /Timeline|History/ }).count(), 0);
    assert.equal(await page.getByRole("group", { name: "Actions" }).count(), 0);
    // Without doing anything.
    await app.call("POST", "/entities/counter/a?op=add", "37");
    await waiting.getByRole("heading", { name: "Waiting (2)" }).waitFor();
    assert.match(await waiting.getByRole("listitem").last().textContent(), /^add 37, signal of a client$/);
    await waiting.getByRole("link", { name: "second" }).click();
    await page.getByRole("heading", { name: "lock_orch" }).waitFor();
    assert.deepEqual(await current(page), ["Instances"]);
    assert.equal(await crumb(page).textContent(), "Instances");
    // What an orchestration has sent leads back.
    await page.getByRole("region", { name: "Waiting for" }).getByRole("link", { name: "lock counter@a" }).click();
    await page.getByRole("heading", { name: "counter@a" }).waitFor();
  });
});

test("an entity that is not there is told, and seen when it comes", () => app.withPage("#/instance/@counter@new", async (page) => {
  await page.getByText("There is no entity with the id @counter@new.").waitFor();
  await page.getByRole("heading", { name: "counter@new" }).waitFor();
  await app.signal("counter", "new", "set", "8");
  await page.getByRole("region", { name: "State" }).getByText("8", { exact: true }).waitFor();
  await app.call("DELETE", "/entities/counter/new");
  await page.getByText("It has none: it was deleted").waitFor();
}, { allow: (text) => text.includes("404") && text.includes("new") }));

test("pages of entities follow each other", async () => {
  for (let number = 10; number < 70; number++) await app.signal("counter", `page-${number}`, "set", String(number));
  await app.withPage("#/entities", async (page) => {
    await page.getByRole("link", { name: "page-10" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "page-69" }).count(), 0);
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("link", { name: "page-69" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "page-10" }).count(), 0);
    await page.getByRole("button", { name: "First" }).click();
    await page.getByRole("link", { name: "page-10" }).waitFor();
  });
});

test("a long state is folded up", () => app.withPage("", async (page) => {
  const entity = { id: "@counter@", name: "counter", key: "", state: { text: `"${"long ".repeat(100)}"` }, lockedBy: null, waiting: 0, lastOperation: "2026-01-01T00:00:00Z" };
  await page.route("**/dashboard/api/entities*", (route) => route.fulfill({ json: { entities: [entity], next: null } }));
  await page.getByRole("link", { name: "Entities" }).click();
  await page.getByRole("row", { name: /counter \(empty key\)/ }).locator("summary", { hasText: '"long long' }).waitFor();
}));
