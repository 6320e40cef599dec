// The third view: is it well, how old is the model, what is slow, what went wrong; train and roll back.

import { byId, el, facts, replace, shown, table } from "./dom.js";
import { bytes, count, milliseconds, moment, span } from "./format.js";
import { refreshStats } from "./session.js";
import * as training from "./training.js";

const EVERY = 2000; // ms between two looks

let timer = 0;
let paused = false;
let looked = false;

function tile(name, value, note, kind) {
  return el("div", { class: `tile ${kind ?? ""}` }, el("dt", {}, name), el("dd", {}, el("strong", {}, value), note && el("span", { class: "note" }, note)));
}

/// The schedule as it was given: `1000` ratings, every `10m`, or at `03:00`.
function retrainText(schedule) {
  if (!schedule) return "no schedule";
  if (/^\d+$/.test(schedule)) return `retrains after ${count(Number(schedule))}`;
  return schedule.includes(":") ? `retrains at ${schedule}` : `retrains every ${schedule}`;
}

function showTiles(stats) {
  const store = stats.store ?? {};
  replace(byId("tiles"), el("dl", { class: "tiles" },
    tile("State", stats.ready ? "ready" : "not ready", stats.ready ? `up for ${span(stats.uptime)}` : (stats.not_ready ?? []).join(", "), stats.ready ? "good" : "bad"),
    tile("Model age", stats.model ? span(stats.model_age) : "none", stats.model && `model ${stats.model.id}, ${stats.model.method}`),
    tile("Ratings since training", count(stats.ratings_since_training), retrainText(stats.retrain)),
    tile("Ratings", count(stats.ratings), `${count(stats.users)} users, ${count(stats.items)} items`),
    tile("Queue", count(stats.queue), `${count(stats.connections)} connections`),
    tile("Store", bytes(store.bytes ?? 0), store.commit_p50 !== undefined && `commit ${milliseconds(store.commit_p50)}, p99 ${milliseconds(store.commit_p99)}`),
    stats.memory_bytes !== undefined && tile("Memory", bytes(stats.memory_bytes), "of the process")));
}

function showRoutes(stats) {
  const routes = [...(stats.routes ?? [])].filter((route) => route.requests > 0).sort((a, b) => b.requests - a.requests);
  if (routes.length === 0) return replace(byId("routes"), el("p", { class: "note" }, "No request yet."));
  return replace(byId("routes"), table("Answers by route", [["Route"], ["Requests", true], ["Errors", true], ["p50", true], ["p95", true], ["p99", true]],
    routes.map((route) => [el("code", {}, `${route.method} ${route.route}`), count(route.requests), count(route.errors),
      milliseconds(route.p50), milliseconds(route.p95), milliseconds(route.p99)])));
}

function showErrors(stats) {
  const errors = stats.errors ?? [];
  if (errors.length === 0) return replace(byId("errors"), el("p", { class: "note" }, "None."));
  const groups = new Map(); // the same error many times is one row
  for (const error of errors) {
    const key = JSON.stringify([error.status, error.route, error.detail]);
    const group = groups.get(key) ?? { ...error, times: 0 };
    groups.set(key, { ...group, time: Math.max(group.time, error.time), times: group.times + 1 });
  }
  return replace(byId("errors"), table("Last errors", [["Last"], ["Times", true], ["Status", true], ["Route"], ["Detail"]],
    [...groups.values()].map((error) => [moment(error.time), count(error.times), String(error.status), el("code", {}, error.route), error.detail ?? ""])));
}

function limitValue(name, value) {
  if (value === 0) return "none";
  if (name.endsWith("_bytes")) return bytes(value);
  if (name.endsWith("_milliseconds")) return span(value / 1000);
  return name.endsWith("_seconds") ? span(value) : count(value);
}

function showLimits(stats) {
  replace(byId("limits"), facts(Object.entries(stats.limits ?? {}).map(([name, value]) =>
    [name.replace(/_(bytes|seconds|milliseconds)$/, "").replaceAll("_", " "), limitValue(name, value)])));
}

const shownTexts = new Map();
/// Replaces what changed only: what the reader has focused or selected stays.
function whenChanged(key, value, draw) {
  const text = JSON.stringify(value);
  if (shownTexts.get(key) === text) return;
  shownTexts.set(key, text);
  draw();
}

async function look() {
  clearTimeout(timer);
  await shown(byId("operations-problem"), async () => {
    const stats = await refreshStats();
    showTiles(stats);
    whenChanged("routes", stats.routes, () => showRoutes(stats));
    whenChanged("errors", stats.errors, () => showErrors(stats));
    whenChanged("limits", stats.limits, () => showLimits(stats));
    await training.update(stats);
  });
  if (looked && !paused) timer = setTimeout(look, training.isRunning() ? EVERY / 4 : EVERY);
}

export function start() {
  const pause = el("button", { type: "button", class: "small", "aria-pressed": "false" }, "Pause");
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) look();
    else clearTimeout(timer);
  });
  replace(byId("refreshing"), el("p", { class: "note" }, `These figures are renewed every ${EVERY / 1000} seconds.`), pause);
  training.start(look);
  return Promise.resolve();
}

export function enter() {
  looked = true;
  return look();
}

export function leave() {
  looked = false;
  clearTimeout(timer);
}
