// The second view: what is served, how it came about, where its items lie, and how two models differ.

import { get, path } from "./api.js";
import { trainingCurve } from "./chart.js";
import { startCompare } from "./compare.js";
import { byId, el, facts, replace, shown } from "./dom.js";
import { count, figure, moment } from "./format.js";
import { startMap } from "./map.js";
import { refreshStats } from "./session.js";

let refreshMap = null;
let drawn = null; // id of the model that the view shows

export const metricEntries = (model) => Object.entries(model.metrics ?? {}).map(([name, value]) => [name.replaceAll("_", " "), figure(value)]);

/// The line that trains the same model from the service's export.
function sameBytes(model) {
  if (!model.command) return null;
  const line = `curl -s '${location.origin}/v1/export/ratings' | ${model.command}`;
  return [
    el("h4", {}, "The same bytes, made by yourself"),
    el("pre", { tabindex: "0", "aria-label": "Command that trains the same model" }, el("code", {}, line)),
    el("p", { class: "note" }, "As long as no rating was added since, the file is the served model, byte for byte."),
  ];
}

function showRecord(model) {
  replace(byId("record"), facts([
    ["Model", `${model.id}, ${model.method}${model.rank ? `, rank ${model.rank}` : ""}`],
    ["Trained", moment(model.created)],
    ["Ratings", count(model.ratings)],
    ["Users", count(model.users)],
    ["Items", count(model.items)],
    ...metricEntries(model),
    ["Fingerprint", model.fingerprint && el("code", {}, model.fingerprint)],
  ]), el("details", {}, el("summary", {}, "Options"), facts(Object.entries(model.options ?? {}).map(([name, value]) =>
    [name.replaceAll("_", "-"), value === null ? "auto" : String(value)]))), sameBytes(model) ?? []);
}

async function load() {
  const stats = await refreshStats();
  if (!stats.model) {
    replace(byId("record"), el("p", { class: "note" }, "No model is served yet. Train one in \u201COperations\u201D."));
    for (const id of ["curve", "map", "compare"]) replace(byId(id));
    return;
  }
  if (drawn === stats.model.id) {
    refreshMap?.();
    await startCompare(byId("compare"), drawn); // ratings or models may have come in between
    return;
  }
  drawn = stats.model.id;
  const { data: model } = await get(path("v1", "models", String(stats.model.id)));
  showRecord(model);
  replace(byId("curve"), model.history?.length > 0 ? trainingCurve(model.history, `Training of model ${model.id}`)
    : el("p", { class: "note" }, "This model has no epochs on record."));
  refreshMap = await startMap(byId("map"));
  await startCompare(byId("compare"), model.id);
}

export const start = () => Promise.resolve();
export const enter = () => shown(byId("model-problem"), load);
