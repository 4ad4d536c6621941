// Takes the pictures of docs/dashboard.md anew: `npm run pictures`, after `cargo build -p conformance`.

import { fileURLToPath } from "node:url";
import test from "node:test";
import { setUp } from "./support.mjs";

const folder = fileURLToPath(new URL("../../../../docs/images/", import.meta.url));

const app = setUp(async () => {
  for (let number = 1; number <= 40; number++) await app.start("hello_orchestrator", `hello-${number}`, "Oslo");
  await app.start("wait_event", "order-4711", { event: "Approval", timeoutSeconds: 7200 });
  await app.start("long_timer", "nightly-report", { days: 1 });
  await app.run("sub_parent", "import-2026-11", { n: 3, ids: true });
  await app.run("chain_n", "chain-12", { n: 12 });
  await app.start("long_timer", "backup", { days: 7 });
  await app.call("POST", "/instances/backup/suspend");
  await app.run("retry_orch", "payment-7", { maxAttempts: 3, failTimes: 9, firstMs: 300 });
  await app.until("backup", "Suspended");
});

const views = [
  ["dashboard-instances", "#/instances", "light", { width: 1200, height: 700 }],
  ["dashboard-failure", "#/instance/payment-7", "light", { width: 1200, height: 860 }],
  ["dashboard-dark", "#/instance/order-4711", "dark", { width: 1200, height: 700 }],
];

for (const [name, hash, colorScheme, viewport] of views) {
  test(name, () => app.withPage(hash, async (page) => {
    await page.locator(".badge").first().waitFor();
    await page.locator("#live.on").waitFor();
    await page.screenshot({ path: `${folder}${name}.png` });
  }, { context: { colorScheme, viewport } }));
}
