// A host with the conformance app, a browser, and pages that tell of everything that goes wrong in them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Longest wait for anything; only a failing test gets there. */
const PATIENCE = 30_000;

const MANAGEMENT = "/runtime/webhooks/durabletask";

/** Starts the app with its host; gives its URL and how to stop it. */
export async function startHost(options = []) {
  const child = spawn(`${TARGET}/debug/conformance`, ["--port", "0", "--memory", ...options], {
    cwd: `${ROOT}examples/conformance`,
    stdio: ["ignore", "pipe", "inherit"],
    // Panics tell where they came from.
    env: { ...process.env, RUST_BACKTRACE: "1" },
  });
  const ended = new Promise((done) => child.once("exit", done));
  const url = await new Promise((found, failed) => {
    child.once("error", failed);
    ended.then((code) => failed(new Error(`the host ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const match = /Listening on (http:\/\/localhost:\d+)\./.exec(line);
      if (match) found(match[1]);
    });
  });
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** A host with these options and a browser for the tests of a file; `prepare` runs before the first of them. */
export function setUp(prepare, options) {
  const shared = {};
  before(async () => {
    shared.host = await startHost(options);
    shared.url = shared.host.url;
    shared.browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--host-resolver-rules=MAP evil.example 127.0.0.1", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])],
    });
    await prepare?.();
  });
  after(async () => {
    await shared.browser?.close();
    await shared.host?.stop();
  });

  /** Runs `test` with a page of the dashboard. What the page complains of fails the test. */
  shared.withPage = async (hash, test, options = {}) => {
    const context = await shared.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options.context });
    const complaints = [];
    try {
      context.setDefaultTimeout(PATIENCE);
      await context.exposeBinding("complain", (_, text) => complaints.push(text));
      await context.addInitScript(() => {
        addEventListener("securitypolicyviolation", (event) => globalThis.complain(`policy: ${event.violatedDirective} ${event.blockedURI}`));
      });
      const page = await context.newPage();
      page.on("pageerror", (error) => complaints.push(`error: ${error.stack}`));
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()} ${message.location().url}`);
      });
      await page.goto(`${shared.url}/dashboard${hash}`);
      // A script of the test's own; the page's policy does not bind what the browser is told to run.
      if (options.script) await page.evaluate(await readFile(options.script, "utf8"));
      await test(page);
      const allowed = options.allow ?? (() => false);
      assert.deepEqual(complaints.filter((text) => !allowed(text)), []);
    } finally {
      await context.close();
    }
  };

  /** Calls the management API as a program does. */
  shared.call = async (method, path, body) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(`${shared.url}${MANAGEMENT}${path}`, { method, body, headers });
    return { status: response.status, text: await response.text() };
  };
  shared.start = async (name, id, input) => {
    const { status, text } = await shared.call("POST", `/orchestrators/${name}/${encodeURIComponent(id)}`, JSON.stringify(input));
    assert.equal(status, 202, text);
  };
  /** Starts one and waits for its end. */
  shared.run = async (name, id, input) => {
    const { status, text } = await shared.call("POST", `/orchestrators/${name}/${encodeURIComponent(id)}?timeout=120&pollingInterval=1`, JSON.stringify(input));
    assert.equal(status, 200, text);
  };
  /** Asks an entity for an operation, and waits until it has been done. */
  shared.signal = async (name, key, operation, input) => {
    const { status, text } = await shared.call("POST", `/entities/${name}/${key}?op=${operation}`, input);
    assert.equal(status, 202, text);
    await shared.untilMark(`@${name}@${key}`, async () => (await shared.call("GET", `/entities/${name}/${key}`)).status === 200);
  };
  shared.status = async (id) => JSON.parse((await shared.call("GET", `/instances/${encodeURIComponent(id)}`)).text).runtimeStatus;
  /** Waits until an instance is as wanted; the host answers when it changes. */
  shared.untilMark = async (id, wanted) => {
    for (let mark = ""; ;) {
      const now = await (await fetch(`${shared.url}/dashboard/api/changes?${new URLSearchParams({ id, mark })}`)).json();
      if (now.mark !== "gone" && (await wanted())) return;
      mark = now.mark;
    }
  };
  /** Waits until an instance is in that status. */
  shared.until = (id, status) => shared.untilMark(id, async () => (await shared.status(id)) === status);
  return shared;
}

export const badge = (page, status) => page.locator(".title .badge", { hasText: status });
export const dialogButton = (page, name) => page.getByRole("dialog").getByRole("button", { name, exact: true });
