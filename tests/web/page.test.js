// The page in a browser: every view in both schemes, by pointer and by keyboard alone, on a narrow screen, and with titles written by an enemy.
//
//   npm ci && node --test            against the stand-in; LOWRANK=../../build/lowrank against the program. SHOTS=FOLDER keeps pictures.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as runner from "node:test";
import { promisify } from "node:util";
import { launch, open, picture, violations } from "./browser.js";
import { HOSTILE } from "./mock_server.js";
import { startService } from "./service.js";

const WEB = fileURLToPath(new URL("../../web/", import.meta.url));
const VIEWS = { try: "#list .list > li", model: "#compare p, #compare table", operations: "#routes table" };

const test = (name, run) => runner.test(name, { timeout: 600000 }, run);

let service;
let browser;
runner.before(async () => {
  service = await startService();
  browser = await launch();
});
runner.after(async () => {
  await browser?.close();
  await service?.close();
});

const items = (page) => page.locator("#list .list > li");
const titles = (page) => items(page).locator(".line .title").allTextContents();
const status = (page) => page.locator("#list .status strong");

/// Runs `act` and waits until the list has answered.
async function changed(page, act) {
  await page.evaluate(() => document.querySelector("#list .status").replaceChildren());
  const answer = page.waitForResponse((response) => /recommend/.test(response.url()));
  await act();
  await answer;
  await page.waitForFunction(() => /List (un)?changed/.test(document.querySelector("#list .status").textContent));
}

async function visit(view, options) {
  const opened = await open(browser, `${service.url}/#${view}`, options);
  await opened.page.waitForSelector(VIEWS[view]);
  return opened;
}

/// Gives the first offered titles these ratings (by number of stars), so that lists are personal and have reasons.
async function rateSome(page, ratings = [9, 3, 8]) {
  for (const stars of ratings) {
    await changed(page, () => page.locator("#ratings .rated").last().locator("li").first().locator(".star").nth(stars - 1).click());
  }
}

/// Every view of one page, after a few ratings: `look(page, view)` at each.
async function walk(options, look) {
  const { page, faults } = await visit("try", options);
  await rateSome(page);
  await page.getByRole("button", { name: /^Titles similar to/ }).first().click();
  await page.waitForSelector("#similar .list > li");
  for (const view of Object.keys(VIEWS)) {
    await page.evaluate((name) => { location.hash = name; }, view);
    await page.waitForSelector(VIEWS[view]);
    await page.evaluate(() => document.querySelectorAll("main details").forEach((box) => { box.open = true; }));
    await page.waitForFunction(() => document.getAnimations().length === 0);
    await look(page, view);
  }
  assert.deepEqual(faults, []);
  await page.close();
}

for (const scheme of ["light", "dark"]) {
  test(`every view, ${scheme}: no error, nothing that axe finds`, () => walk({ scheme }, async (page, view) => {
    assert.deepEqual(await violations(page), []);
    await picture(page, `${view}-${scheme}`);
  }));
}

test("on a screen 320 pixels wide nothing is cut off", () => walk({ width: 320, height: 640 }, async (page, view) => {
  const wide = await page.evaluate(() => {
    const inScroller = (node) => node.closest(".scroll, .stage, pre, .unseen, .skip, .name, .reason-bar");
    return [...document.querySelectorAll("main *, header *")].filter((node) => !inScroller(node) && node.getBoundingClientRect().right > innerWidth + 1)
      .map((node) => `${node.tagName}.${node.className} ${node.textContent.slice(0, 30)}`);
  });
  assert.deepEqual(wide, []);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, view);
  assert.deepEqual(await violations(page), []);
  await picture(page, `${view}-320`);
}));

test("a rating changes the list, and the page says how", async () => {
  const { page, faults } = await visit("try");
  const popular = await titles(page);
  await rateSome(page, [10]);
  const one = await titles(page);
  assert.notDeepEqual(one, popular);
  await rateSome(page, [1]);
  assert.match(await status(page).textContent(), /^List (changed: (\d+ new|\d+ moved)|unchanged)/);
  assert.match(await page.locator("#list .status").textContent(), /list in [\d.]+ ms/);
  // What is marked as moved is where it says, counted from the list before.
  const after = await titles(page);
  for (const [i, title] of after.entries()) {
    const badge = await items(page).nth(i).locator(".badge").allTextContents();
    const before = one.indexOf(title);
    const expected = before < 0 ? "new" : before > i ? `\u25B2 ${before - i}up ${before - i}` : before < i ? `\u25BC ${i - before}down ${i - before}` : "";
    assert.equal(badge[0] ?? "", expected, title);
  }
  assert.equal(await page.locator("#announcements").textContent(), await status(page).textContent());
  assert.deepEqual(faults, []);
  await page.close();
});

test("the reasons that are shown add up to the score", async () => {
  const { page } = await visit("try");
  await rateSome(page, [9, 2, 8, 10]);
  const rows = await items(page).evaluateAll((nodes) => nodes.map((node) => ({
    score: Number(node.querySelector(".score").textContent.replace("\u2212", "-")),
    parts: [...node.querySelectorAll(".reasons .amount")].map((part) => Number(part.textContent.replace("\u2212", "-"))),
    base: Number(/starts at ([\u2212\d.]+)/.exec(node.querySelector(".reasons").textContent)?.[1].replace("\u2212", "-")),
    bars: node.querySelectorAll(".reason-bar rect").length,
  })));
  assert.equal(rows.length, 10);
  for (const row of rows) {
    assert.equal(row.bars, row.parts.length);
    const sum = row.parts.reduce((total, part) => total + part, row.base);
    assert.ok(Math.abs(sum - row.score) <= 0.006 * (row.parts.length + 2), JSON.stringify(row));
  }
  await page.close();
});

test("the ratings of a stored user are written at every click and read again", async () => {
  const { page, faults } = await visit("try");
  const user = `visitor ${Date.now()}/\u00E9`;
  await rateSome(page, [9, 3]);
  await page.getByLabel("Keep them as user").fill(user);
  await page.getByRole("button", { name: "Keep" }).click();
  await page.getByRole("heading", { name: `Ratings of user ${user}` }).waitFor();
  await page.waitForFunction(() => document.querySelector("#ratings .rated").children.length === 2);
  const rated = page.locator("#ratings .rated").first().locator("li");
  await changed(page, () => rated.first().locator(".star").nth(9).click());
  assert.match(await page.locator("#list .status").textContent(), /rating stored in [\d.]+ ms/);
  const title = await rated.first().locator(".title").textContent();
  const stored = await (await fetch(`${service.url}/v1/users/${encodeURIComponent(user)}/ratings`)).json();
  assert.equal(stored.ratings.find((rating) => rating.title === title).value, 10);
  // Taken back, it is gone from the store and the focus is not lost.
  await changed(page, () => rated.first().getByRole("button", { name: /Remove/ }).click());
  assert.equal((await (await fetch(`${service.url}/v1/users/${encodeURIComponent(user)}/ratings`)).json()).ratings.length, 1);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "INPUT");
  await page.reload();
  await page.getByLabel("A user of the store").check();
  await page.getByRole("combobox", { name: "User" }).fill(user.slice(0, 12));
  await page.getByRole("option", { name: user }).first().click();
  await page.getByRole("heading", { name: `Ratings of user ${user}` }).waitFor();
  assert.deepEqual(faults, []);
  await page.close();
});

test("more of the list follows without a repetition", async () => {
  const { page } = await visit("try");
  await rateSome(page);
  await page.getByRole("button", { name: "More" }).click();
  await page.waitForFunction(() => document.querySelectorAll("#list .list > li").length === 20);
  assert.equal(new Set(await titles(page)).size, 20);
  assert.equal(await page.evaluate(() => document.activeElement.closest("li") === document.querySelectorAll("#list .list > li")[10]), true);
  await page.close();
});

test("a category leaves only its titles", async () => {
  const { page } = await visit("try");
  await rateSome(page);
  const answer = page.waitForResponse((response) => /recommend/.test(response.url()));
  await page.getByLabel("Category").selectOption("Horror");
  const { items: listed } = await (await answer).json();
  assert.equal(listed.length, 10);
  for (const item of listed) {
    const { categories } = (await (await fetch(`${service.url}/v1/items?search=${encodeURIComponent(item.title)}`)).json()).items.find((one) => one.item === item.item);
    assert.ok(categories.includes("Horror"), item.title);
  }
  await page.close();
});

test("the curl line of a list gives the same list", async () => {
  const { page } = await visit("try");
  await rateSome(page);
  await page.locator("#list details.curl summary").click();
  const line = await page.locator("#list details.curl code").textContent();
  const answer = JSON.parse((await promisify(execFile)("sh", ["-c", `${line} --silent --fail --max-time 20`])).stdout);
  assert.deepEqual(answer.items.map((item) => item.title), await titles(page));
  await page.close();
});

test("hostile titles are text", async () => {
  const { page, faults } = await visit("try");
  await page.getByRole("combobox", { name: "Rate a title" }).fill("onerror");
  await page.getByRole("option", { name: HOSTILE }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator("#ratings .rated").first().locator("li .star").nth(8).click();
  await page.waitForFunction(() => /List (un)?changed/.test(document.querySelector("#list .status").textContent));
  await page.evaluate(() => { location.hash = "model"; });
  await page.waitForSelector(VIEWS.model);
  await page.getByRole("combobox", { name: "Find a title on the map" }).fill("onerror");
  await page.getByRole("option", { name: HOSTILE }).click();
  assert.ok((await page.locator("#map table").textContent()).includes(HOSTILE));
  assert.equal(await page.evaluate(() => document.querySelectorAll("main img, main b, main script").length), 0);
  assert.match(await page.title(), /lowrank$/);
  assert.deepEqual(faults, []);
  await page.close();
});

test("the policy allows no script and no style but the page's own", async () => {
  const response = await fetch(`${service.url}/`);
  const policy = response.headers.get("content-security-policy");
  for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]) {
    assert.ok(policy.split("; ").includes(rule), rule);
  }
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  const html = await response.text();
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|https?:/);
});

test("modules are short, ask no other host and make no markup from text", () => {
  for (const name of readdirSync(WEB)) {
    const text = readFileSync(WEB + name, "utf8");
    if (name.endsWith(".js")) {
      assert.ok(text.split("\n").length < 300, name);
      assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/, name);
    }
    assert.doesNotMatch(text.replaceAll("http://www.w3.org/2000/svg", ""), /https?:\/\//, name);
  }
});

test("numbers, times and options are written as people read them", async () => {
  const { page } = await visit("try");
  const found = await page.evaluate(async () => {
    const { bytes, figure, fixed, milliseconds, ratingsText, score, signed, span } = await import("/format.js");
    const { ticks } = await import("/chart.js");
    const { parseOptions } = await import("/training.js");
    return [bytes(999), bytes(1000), bytes(67108864), span(0), span(59.9), span(3600), span(90061), milliseconds(0.00042), milliseconds(1.5), fixed(-1.005, 1),
      signed(0.414), signed(-0.414), signed(-0.004), score(1812), score(9.126), score(0.0421), figure(0.91234567), figure(null), ratingsText(1), ratingsText(1812),
      ticks(0, 1), ticks(0.86, 1.19, 5), ticks(3, 3), parseOptions("rank=64 --no-biases, solver=cg  tolerance=1e-3 warm=true")];
  });
  assert.deepEqual(found, ["999 B", "1.0 kB", "67 MB", "0 ms", "59 s", "1 h", "1 d 1 h", "0.42 ms", "1500 ms", "\u22121.0",
    "+0.41", "\u22120.41", "0.00", "1,812", "9.13", "0.0421", "0.9123", "", "1 rating", "1,812 ratings",
    [0, 0.2, 0.4, 0.6, 0.8, 1], [0.9, 1, 1.1], [3], { rank: 64, biases: false, solver: "cg", tolerance: 0.001, warm: true }]);
  await page.close();
});

test("the keyboard alone reaches and works everything", async () => {
  const { page, faults } = await visit("try", { height: 700 });
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  const names = [];
  const where = () => page.evaluate(() => {
    const node = document.activeElement;
    const shown = node.matches(".star input") ? node.parentElement : node;
    const box = shown.getBoundingClientRect();
    const style = getComputedStyle(shown);
    const top = document.elementFromPoint(Math.min(innerWidth - 1, Math.max(0, box.left + box.width / 2)), Math.min(innerHeight - 1, Math.max(0, box.top + Math.min(box.height, 40) / 2)));
    return { name: node.getAttribute("aria-label") || node.labels?.[0]?.textContent || node.textContent.trim(), tag: node.tagName,
      outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, covered: !(top && (shown.contains(top) || top.contains(shown))), group: node.name };
  });
  for (let i = 0; i < 60; ++i) {
    await page.keyboard.press("Tab");
    const at = await where();
    if (at.tag === "BODY") break;
    assert.ok(at.outline, `no outline on ${at.name}`);
    assert.ok(!at.covered, `${at.name} is hidden`);
    names.push(at.name);
  }
  for (const wanted of ["Try it", "The model", "Operations", "I am new", "Rate a title", "1 star", "Category", "Titles similar to", "openapi.json"]) {
    assert.ok(names.some((name) => name.includes(wanted)), `${wanted} is not reached: ${names.join(" | ")}`);
  }
  // A title by the search, three stars by the arrow keys: one list, not three.
  let asked = 0;
  page.on("request", (request) => { if (/recommend/.test(request.url())) ++asked; });
  await page.getByRole("combobox", { name: "Rate a title" }).focus();
  await page.keyboard.type("matrix", { delay: 30 });
  await page.locator(".combobox [role=option]:visible").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.evaluate(() => document.getElementById(document.activeElement.getAttribute("aria-activedescendant")).getAttribute("aria-selected")), "true");
  await page.keyboard.press("Enter");
  assert.match((await where()).name, /star/);
  await page.keyboard.press("Space");
  for (let i = 0; i < 7; ++i) await page.keyboard.press("ArrowRight");
  asked = 0;
  await changed(page, () => page.keyboard.press("Enter"));
  assert.equal(asked, 1);
  assert.equal((await where()).name, "8 stars");
  // Escape closes an open list of titles.
  await page.getByRole("combobox", { name: "Title", exact: true }).focus();
  await page.keyboard.type("star", { delay: 30 });
  await page.locator(".combobox [role=option]:visible").first().waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".combobox [role=option]:visible").count(), 0);
  // The next view by its link: its heading has the focus.
  await page.getByRole("link", { name: "The model" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(VIEWS.model);
  assert.equal(await page.evaluate(() => document.activeElement.id), "heading-model");
  assert.equal(await page.locator("nav a[aria-current=page]").textContent(), "The model");
  await page.getByRole("button", { name: "Zoom in" }).focus();
  await page.keyboard.press("Enter");
  assert.equal((await where()).name, "Zoom in");
  assert.deepEqual(faults, []);
  await page.close();
});

test("who wants no motion sees none", async () => {
  const { page } = await visit("try", { calm: true });
  await rateSome(page, [9, 2]);
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  await page.close();
});

test("a training is begun, watched and put back", async () => {
  const { page, faults } = await visit("operations");
  const active = async () => (await (await fetch(`${service.url}/v1/models`)).json()).active;
  const old = await active();
  await page.getByLabel("Method").selectOption("als");
  await page.getByLabel("Options").fill("rank=4 epochs=4");
  await page.getByRole("button", { name: "Train now" }).click();
  // The page may still show a training that ended before.
  for (let waits = 0; waits < 300 && (await active()) === old; ++waits) await page.waitForTimeout(100);
  await page.locator("#train h4").waitFor();
  await page.locator("#train p strong", { hasText: "done" }).waitFor();
  const fresh = await active();
  assert.notEqual(fresh, old);
  await page.getByRole("button", { name: `Activate model ${old}` }).click();
  await page.getByRole("button", { name: `Activate model ${fresh}` }).waitFor();
  assert.equal(await active(), old);
  await page.getByRole("button", { name: "Pause" }).click();
  assert.deepEqual(await violations(page), []);
  await picture(page, "operations-trained");
  assert.deepEqual(faults, []);
  await page.close();
});

test("a training learns from features of items where that is asked for", async () => {
  const { page } = await visit("operations");
  const bodies = [];
  await page.route("**/v1/train", (route) => {
    bodies.push(route.request().postDataJSON());
    return route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify({ status: 409, title: "Conflict", detail: "a training is running" }) });
  });
  const train = page.getByRole("button", { name: "Train now" });
  await train.click();
  await page.getByText("a training is running").waitFor();
  await page.getByLabel("learn from categories").check();
  await train.click();
  while (bodies.length < 2) await page.waitForTimeout(20);
  assert.deepEqual(bodies, [{}, { item_features: true }]);
  await page.close();
});

test("two models are compared by their records and lists", async () => {
  const { page, faults } = await visit("try");
  if ((await (await fetch(`${service.url}/v1/models`)).json()).models.length < 2) await fetch(`${service.url}/v1/train`, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  await rateSome(page);
  await page.evaluate(() => { location.hash = "model"; });
  await page.waitForSelector("#compare .list > li");
  const [left, right] = await page.locator("#compare .list").all();
  assert.equal(await left.locator("li").count(), 10);
  const other = await right.locator(".title").allTextContents();
  for (const row of await left.locator("li").all()) {
    const rank = other.indexOf(await row.locator(".title").textContent()) + 1;
    assert.ok((await row.textContent()).includes(rank > 0 ? `there ${rank}` : "only here"));
  }
  // Other ratings, other lists, also where the view was drawn before.
  const before = await left.locator(".title").allTextContents();
  await page.evaluate(() => { location.hash = "try"; });
  await rateSome(page, [10, 1, 10]);
  await page.evaluate(() => { location.hash = "model"; });
  await page.waitForFunction((old) => {
    const now = [...document.querySelectorAll("#compare .list")[0]?.querySelectorAll(".title") ?? []].map((node) => node.textContent);
    return now.length === 10 && now.join() !== old.join();
  }, before);
  assert.deepEqual(faults, []);
  await page.close();
});

test("a refused request is told in the service's words", async () => {
  const { page } = await visit("try", { before: (one) => one.route("**/similar*", (route) => route.fulfill({
    status: 503, contentType: "application/problem+json", body: JSON.stringify({ status: 503, title: "Service Unavailable", detail: "the queue is full" }) })) });
  await page.getByRole("button", { name: /^Titles similar to/ }).first().click();
  assert.equal(await page.locator("#similar [role=alert]:visible").textContent(), "the queue is full");
  await page.close();
});

test("a service that does not answer is told, with a way back", async () => {
  const { page } = await open(browser, `${service.url}/`, { before: (one) => one.route("**/v1/**", (route) => route.abort()) });
  await page.getByRole("button", { name: "Try again" }).waitFor();
  assert.match(await page.locator("#general-problem").textContent(), /does not answer/);
  await page.close();
});

test("a key is asked for once, sent with every request and kept in this tab alone", async () => {
  const KEY = "a-key-of-the-test";
  const { page } = await open(browser, `${service.url}/`, { before: (one) => one.route("**/v1/**", (route) => (
    route.request().headers().authorization === `Bearer ${KEY}` ? route.continue() : route.fulfill({ status: 401, contentType: "application/problem+json", body: JSON.stringify({ status: 401, detail: "a key is needed" }) }))) });
  await page.getByRole("dialog").waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, "key");
  await page.getByLabel("Key", { exact: true }).fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("That key was refused").waitFor();
  await page.getByLabel("Key", { exact: true }).fill(KEY);
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.waitForSelector(VIEWS.try);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.ok(!(await page.content()).includes(KEY));
  await page.locator("#list details.curl summary").click();
  assert.ok((await page.locator("#list details.curl code").textContent()).includes("$LOWRANK_KEY"));
  await page.close();
});

test("where writing is refused, ratings stay on the page", async () => {
  const { page } = await visit("try", { before: (one) => one.route("**/v1/stats", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), read_only: true } });
  }) });
  const writes = [];
  page.on("request", (request) => { if (request.method() === "PUT" || request.method() === "DELETE") writes.push(request.url()); });
  const { users } = await (await fetch(`${service.url}/v1/users?limit=1`)).json();
  await page.getByLabel("A user of the store").check();
  await page.getByRole("combobox", { name: "User" }).fill(users[0].user);
  await page.getByRole("option").first().click();
  await page.getByRole("heading", { name: `Ratings of user ${users[0].user}` }).waitFor();
  const first = page.locator("#ratings .rated").first().locator("li").first();
  const given = await first.locator("input:checked").getAttribute("value");
  await changed(page, () => first.locator(".star").nth(given === "1" ? 1 : 0).click());
  assert.deepEqual(writes, []);
  await page.close();
});
