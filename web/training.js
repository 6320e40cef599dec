// Train, watch a training, cancel it, and put another model into service.

import { call, get, path, post } from "./api.js";
import { trainingCurve } from "./chart.js";
import { announce, byId, el, replace, shown, table } from "./dom.js";
import { count, figure, moment, span } from "./format.js";

const RUNNING = ["queued", "running"];
const STATES = { done: "done", rejected: "not put into service: its metric is worse", cancelled: "cancelled", failed: "failed" };

let look = () => {};
let running = false;
let drawnJob = "";
let drawnModels = "";
const trouble = el("div", {});
const progress = el("div", {});
const method = el("select", { id: "train-method" });
const options = el("input", { id: "train-options", type: "text", spellcheck: "false", autocomplete: "off", placeholder: "rank=64 epochs=30", "aria-describedby": "train-options-help" });
const features = el("input", { type: "checkbox", id: "train-features" });
const begin = el("button", { type: "submit", class: "main" }, "Train now");
const models = el("div", {});
const modelsTrouble = el("div", {});

export const isRunning = () => running;

/// `rank=64 no-biases` as {rank: 64, biases: false}.
export function parseOptions(text) {
  const parsed = {};
  for (const word of text.split(/[\s,]+/).filter(Boolean)) {
    const [name, value] = word.replace(/^--/, "").split("=");
    const key = name.replaceAll("-", "_");
    if (value === undefined) parsed[key.replace(/^no_/, "")] = !key.startsWith("no_");
    else if (value === "true" || value === "false") parsed[key] = value === "true";
    else parsed[key] = value !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
  }
  return parsed;
}

/// \param refresh  looks at the service at once
export function start(refresh) {
  look = refresh;
  const form = el("form", {}, el("div", { class: "row" }, el("label", { for: "train-method" }, "Method"), method),
    el("div", { class: "row" }, el("label", { for: "train-options" }, "Options"), options),
    el("p", { class: "note", id: "train-options-help" }, "As name=value, separated by blanks; what is left out is the default of the method."),
    el("label", { class: "check" }, features, "learn from categories and metadata of items, which places new ones"), begin);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await shown(trouble, async () => {
      const body = {};
      if (method.value) body.method = method.value;
      if (options.value.trim()) body.options = parseOptions(options.value);
      if (features.checked) body.item_features = true;
      await post("/v1/train", body);
      announce("Training has begun");
    });
    if (!trouble.hasChildNodes()) look();
  });
  replace(byId("train"), form, trouble, progress);
  replace(byId("models"), modelsTrouble, models);
}

function fillMethods(stats) {
  if (method.options.length > 0) return;
  const names = stats.methods ?? ["als", "sgd", "implicit", "bpr"];
  method.append(el("option", { value: "" }, "as the service was started"), ...names.map((name) => el("option", { value: name }, name)));
}

async function cancel(job) {
  await shown(trouble, () => call("DELETE", path("v1", "jobs", String(job.id))));
  look();
}

function showJob(job) {
  if (!job) return replace(progress);
  const atWork = RUNNING.includes(job.state);
  const epochs = job.stage === "training" && job.epochs > 0 ? `epoch ${count(job.epoch ?? 0)} of ${count(job.epochs)}` : job.stage ?? job.state;
  const bar = el("progress", { max: job.epochs || 1, "aria-label": `Progress of job ${job.id}` });
  if (job.epochs > 0) bar.value = job.epoch ?? 0;
  const stop = el("button", { type: "button", class: "small" }, "Cancel");
  stop.addEventListener("click", () => cancel(job));
  return replace(progress, el("h4", {}, `Job ${job.id}, ${job.method ?? job.kind}`),
    atWork ? el("div", { class: "row" }, bar, el("span", {}, epochs), stop)
      : el("p", {}, el("strong", {}, STATES[job.state] ?? job.state), job.detail ? `: ${job.detail}` : "",
        job.seconds !== undefined ? ` (${span(job.seconds)})` : "", job.model ? `, model ${job.model}` : ""),
    (job.warnings ?? []).map((warning) => el("p", { class: "note" }, warning)),
    job.history?.length > 1 && trainingCurve(job.history, `Training of job ${job.id}`));
}

async function activate(model) {
  await shown(modelsTrouble, async () => {
    await post(path("v1", "models", String(model.id), "activate"), {});
    announce(`Model ${model.id} is served`);
  });
  await look();
  models.querySelector("button")?.focus();
}

function showModels(list) {
  if (list.length === 0) return replace(models, el("p", { class: "note" }, "None yet."));
  const judge = [...new Set(list.flatMap((model) => Object.keys(model.metrics ?? {})))][0];
  return replace(models, table("Models", [["Model", true], ["Method"], ["Trained"], ["Ratings", true], [judge ? judge.replaceAll("_", " ") : "Metric", true], ["In service"]],
    list.map((model) => [String(model.id), model.method, moment(model.created), count(model.ratings), figure(model.metrics?.[judge]),
      model.active ? el("strong", {}, "yes")
        : el("button", { type: "button", class: "small", "aria-label": `Activate model ${model.id}`, onclick: () => activate(model) }, "Activate")])));
}

export async function update(stats) {
  fillMethods(stats);
  const job = stats.job;
  const wasRunning = running;
  running = Boolean(job) && RUNNING.includes(job.state);
  begin.disabled = running || stats.read_only === true;
  const text = JSON.stringify(job);
  if (text !== drawnJob) {
    drawnJob = text;
    showJob(job);
  }
  if (wasRunning && !running) announce(`Training ${STATES[job?.state] ?? "ended"}`);
  const key = JSON.stringify([stats.model?.id, job?.state, job?.id]);
  if (key !== drawnModels) {
    drawnModels = key;
    const { data } = await get("/v1/models");
    showModels(data.models);
  }
}
