// Pages that are not the dashboard, in a browser as it is.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import test, { after } from "node:test";
import { setUp } from "./support.mjs";

let other;
let server;

const app = setUp(async () => {
  server = createServer((_, response) => response.setHeader("content-type", "text/html").end("<title>elsewhere</title>"));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  other = `http://localhost:${server.address().port}`;
});
after(() => server.close());

async function elsewhere(url, test) {
  const context = await app.browser.newContext();
  try {
    const page = await context.newPage();
    const response = await page.goto(url);
    await test(page, response);
  } finally {
    await context.close();
  }
}

test("another page starts and deletes nothing", () => elsewhere(other, async (page) => {
  await app.run("hello_orchestrator", "kept", "x");
  const base = `${app.url}/runtime/webhooks/durabletask`;
  // Requests that a browser sends without asking first.
  await page.evaluate((url) => fetch(url, { method: "POST", mode: "no-cors", body: '"x"' }), `${base}/orchestrators/hello_orchestrator/made`);
  assert.equal((await app.call("GET", "/instances/made")).status, 404);
  const refused = (url, method) => page.evaluate(([url, method]) => fetch(url, { method }).then(() => false, () => true), [url, method]);
  assert.ok(await refused(`${base}/instances/kept`, "DELETE"));
  assert.ok(await refused(`${base}/instances/kept`, "GET"), "it could be read");
  assert.equal(await app.status("kept"), "Completed");
  const form = page.evaluate((url) => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: url });
    document.body.append(form);
    form.submit();
  }, `${base}/orchestrators/hello_orchestrator/formed`);
  const [, answer] = await Promise.all([form, page.waitForResponse(/formed/)]);
  assert.equal(answer.status(), 403);
  assert.equal((await app.call("GET", "/instances/formed")).status, 404);
}));

test("a name that was bound to this machine gets nothing", async () => {
  const { port } = new URL(app.url);
  for (const path of ["/dashboard", "/dashboard/api/overview", "/runtime/webhooks/durabletask/instances"]) {
    await elsewhere(`http://evil.example:${port}${path}`, async (page, response) => {
      assert.equal(response.status(), 403);
      assert.match(await page.locator("body").textContent(), /--allow-host/);
    });
  }
});

test("the dashboard is shown in no frame", () => elsewhere(other, async (page) => {
  const shown = await page.evaluate((url) => new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.src = url;
    frame.onload = () => done(frame.contentDocument !== null);
    document.body.append(frame);
  }), `${app.url}/dashboard`);
  assert.equal(shown, false);
  const inside = page.frames().find((frame) => frame !== page.mainFrame());
  assert.ok(!inside.url().startsWith(app.url), inside.url());
}));
