// Two models side by side: their records, and the lists that each makes of the same ratings.

import { get, path, post } from "./api.js";
import { el, replace, shown, table } from "./dom.js";
import { count, figure, moment, score } from "./format.js";
import { nameOf, session } from "./session.js";

const LENGTH = 10;

function differences(left, right) {
  const rows = [["Method", left.method, right.method], ["Trained", moment(left.created), moment(right.created)],
    ["Ratings", count(left.ratings), count(right.ratings)]];
  const names = (part) => [...new Set([...Object.keys(left[part] ?? {}), ...Object.keys(right[part] ?? {})])];
  for (const name of names("metrics")) rows.push([name.replaceAll("_", " "), figure(left.metrics?.[name]), figure(right.metrics?.[name])]);
  for (const name of names("options")) {
    const [one, other] = [left.options?.[name], right.options?.[name]];
    if (one !== other) rows.push([name.replaceAll("_", "-"), one === null ? "auto" : figure(one), other === null ? "auto" : figure(other)]);
  }
  rows.push(["Fingerprint", left.fingerprint ?? "", right.fingerprint ?? ""]);
  return rows;
}

function listOf(answer, other, model) {
  const ranks = new Map(other.items.map((item, i) => [item.item, i + 1]));
  return el("div", {}, el("h4", {}, `Model ${model}`), el("ol", { class: "list short" }, answer.items.map((item) => el("li", {},
    el("div", { class: "line" }, el("span", { class: "title" }, nameOf(item)),
      el("span", { class: ranks.has(item.item) ? "note" : "badge new" }, ranks.has(item.item) ? `there ${ranks.get(item.item)}` : "only here"),
      el("span", { class: "score" }, score(item.score)))))));
}

/// The list of the ratings in hand, or of the user chosen in the first view, by one model.
function ask(model) {
  if (session.user !== null) return post("/v1/recommend", { user: session.user, limit: LENGTH, model });
  const given = [...session.ratings.values()].filter((rating) => rating.value !== undefined);
  return post("/v1/recommend", { ratings: given.map((rating) => ({ item: rating.item, value: rating.value })), limit: LENGTH, model });
}

async function showLists(place, left, right) {
  if (session.user === null && [...session.ratings.values()].every((rating) => rating.value === undefined)) {
    return replace(place, el("p", { class: "note" }, "Rate titles, or choose a user, in \u201CTry it\u201D to compare the lists of both models."));
  }
  let answers;
  try {
    answers = await Promise.all([ask(left), ask(right)]);
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    return replace(place, el("p", { class: "note" }, `Their lists cannot be compared: ${problem.message}.`)); // a model whose file is gone
  }
  const [one, other] = answers;
  const shared = one.data.items.filter((item) => other.data.items.some((another) => another.item === item.item)).length;
  return replace(place, el("p", {}, `${shared} of ${one.data.items.length} items are in both lists.`),
    el("div", { class: "columns" }, listOf(one.data, other.data, left), listOf(other.data, one.data, right)));
}

export async function startCompare(place, active) {
  const { data } = await get("/v1/models");
  if (data.models.length < 2) return replace(place, el("p", { class: "note" }, "There is only one model so far. Train another one in \u201COperations\u201D."));
  const trouble = el("div", {});
  const records = el("div", {});
  const lists = el("div", {});
  const menu = (id, label, chosen) => [el("label", { for: id }, label), el("select", { id }, data.models.map((model) =>
    el("option", { value: model.id, selected: model.id === chosen }, `${model.id}, ${model.method}, ${moment(model.created)}`)))];
  const other = data.models.find((model) => model.id !== active).id;
  const row = el("div", { class: "row" }, menu("compare-left", "Compare model", active), menu("compare-right", "with model", other));
  async function show() {
    await shown(trouble, async () => {
      const [left, right] = [...row.querySelectorAll("select")].map((select) => Number(select.value));
      const [one, two] = await Promise.all([left, right].map((id) => get(path("v1", "models", String(id)))));
      replace(records, table("Two models", [["What"], [`Model ${left}`], [`Model ${right}`]], differences(one.data, two.data)));
      await showLists(lists, left, right);
    });
  }
  row.addEventListener("change", show);
  replace(place, row, trouble, records, lists);
  return show();
}
