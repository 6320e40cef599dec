// A browser that notes everything that should not happen.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// Far more than anything takes, also on a busy machine.
const PATIENCE = 120000;
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim(),
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"],
});

/// A page at `url` with `faults`: errors on the console, exceptions, refusals of the content security policy, and requests of other hosts.
export async function open(browser, url, { scheme = "light", width = 1280, height = 900, calm = false, before } = {}) {
  const page = await browser.newPage({ colorScheme: scheme, viewport: { width, height }, reducedMotion: calm ? "reduce" : "no-preference" });
  const faults = [];
  page.on("console", (message) => { if (message.type() === "error" || message.type() === "warning") faults.push(message.text()); });
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => { if (!request.url().startsWith(new URL(url).origin)) faults.push(`asked ${request.url()}`); });
  page.setDefaultTimeout(PATIENCE);
  await before?.(page);
  await page.goto(url);
  return { page, faults };
}

/// What axe finds against WCAG 2.2 AA, one line per place.
export async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: { type: "tag", values: tags } }), TAGS);
  return found.violations.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.target.join(" ")}: ${node.failureSummary.split("\n").slice(1).join("; ")}`));
}

/// Keeps a picture in the folder SHOTS, if there is one, to be looked at.
export async function picture(page, name) {
  if (!process.env.SHOTS) return;
  mkdirSync(process.env.SHOTS, { recursive: true });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
}
