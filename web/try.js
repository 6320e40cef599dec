// The first view: rate titles and see the list move.

import { get, path, post } from "./api.js";
import { combobox } from "./combobox.js";
import { curlBox } from "./curl.js";
import { announce, byId, el, replace, shown } from "./dom.js";
import { count, fixed } from "./format.js";
import { changingList } from "./list.js";
import { ratings } from "./ratings.js";
import { nameOf, session } from "./session.js";
import { searchTitles, who } from "./who.js";

const LENGTH = 10;
const REASONS = 3;
const KNOWN = 5; // ratings of a title below which its neighbours are chance

const SOURCES = {
  personal: "Made from these ratings",
  similar: "Similar to what was asked for",
  popular: "Most rated titles, since nothing is known yet",
};

let people;
let left;
let list;
let question = null;
let cursor = null;
const status = el("p", { class: "status" });
const problem = el("div", {});
const more = el("button", { type: "button", class: "small", hidden: true }, "More");
const listCurl = curlBox("this list");
const category = el("select", { id: "category" });
const seen = el("input", { type: "checkbox", id: "include-seen" });

/// The question for the list as it stands. A visitor's ratings travel in the body and are stored nowhere.
function ask(from, signal) {
  const filter = { category: category.value || undefined, include_seen: seen.checked ? "true" : undefined };
  if (session.user !== null && !session.stats?.read_only) {
    return get(path("v1", "users", session.user, "recommendations"), { limit: LENGTH, explain: REASONS, ...filter, cursor: from }, signal);
  }
  const given = [...session.ratings.values()].filter((rating) => rating.value !== undefined);
  const body = { ratings: given.map((rating) => ({ item: rating.item, value: rating.value })), limit: LENGTH, explain: REASONS };
  if (category.value) body.filter = { categories: [category.value] };
  if (seen.checked) body.include_seen = true;
  if (from) body.cursor = from;
  return post("/v1/recommend", body, signal);
}

/// \param fresh   whether it is a list for somebody else or by another filter
/// \param stored  milliseconds that storing a rating took, if one was stored
async function refresh(fresh, stored) {
  question?.abort();
  question = new AbortController();
  const inList = list.node.contains(document.activeElement);
  await shown(problem, async () => {
    const answer = await ask(null, question.signal);
    const change = list.show(answer.data, fresh);
    session.listed = answer.data.items;
    cursor = answer.data.cursor;
    more.hidden = !cursor;
    listCurl.update(answer);
    const time = `${stored === undefined ? "" : `rating stored in ${fixed(stored, 1)} ms, `}list in ${fixed(answer.milliseconds, 1)} ms`;
    const empty = answer.data.items.length === 0 ? "Nothing is left to recommend." : "";
    const news = change === null ? "" : change ? `List changed: ${change}` : "List unchanged";
    replace(status, el("strong", {}, empty || news || SOURCES[answer.data.source] || ""), ` \u00B7 ${time}`);
    if (news || empty) announce(empty || news);
    if (inList && document.activeElement === document.body) byId("heading-list").focus({ preventScroll: true });
  });
}

more.addEventListener("click", () => shown(problem, async () => {
  try {
    const answer = await ask(cursor);
    const first = list.node.children.length;
    list.append(answer.data);
    session.listed = session.listed.concat(answer.data.items);
    cursor = answer.data.cursor;
    more.hidden = !cursor;
    list.node.children[first]?.querySelector("input, button")?.focus();
  } catch (stale) {
    if (stale.status !== 409) throw stale;
    await refresh(true); // a rating or a new model came in between
  }
}));

async function loadCategories(place) {
  const { data } = await get("/v1/categories");
  if (data.categories.length === 0) return;
  category.append(el("option", { value: "" }, "all"),
    ...data.categories.map((one) => el("option", { value: one.category }, `${one.category} (${count(one.items)})`)));
  place.prepend(el("label", { for: "category" }, "Category"), category);
}

function similarTitles() {
  const place = byId("similar");
  const trouble = el("div", {});
  const found = el("ol", { class: "list short" });
  const caption = el("p", { class: "note" });
  const box = curlBox("the similar titles");
  async function show(item) {
    await shown(trouble, async () => {
      const answer = await get(path("v1", "items", item.item, "similar"), { limit: LENGTH, min_count: KNOWN });
      caption.textContent = answer.data.items.length === 0 ? `The model does not know ${nameOf(item)} yet.` : `Nearest to ${nameOf(item)} by the cosine of their factors, among those rated at least ${KNOWN} times:`;
      replace(found, answer.data.items.map((one) => el("li", {}, el("div", { class: "line" }, el("span", { class: "title" }, nameOf(one)),
        el("span", { class: "score" }, fixed(one.score, 3))))));
      box.update(answer);
    });
  }
  const search = combobox({
    label: "Title", hint: "two letters of a title", least: 2, load: searchTitles,
    choose: (option) => show({ item: option.value, title: option.title }),
  });
  replace(place, search.node, trouble, caption, found, box.node);
  return (item) => {
    search.input.value = nameOf(item);
    byId("heading-similar").focus();
    show(item);
  };
}

async function chosen() {
  await left.load();
  await refresh(true);
}

/// Builds the view; called once, when the state of the service is known.
export async function start() {
  const similar = similarTitles();
  left = ratings((milliseconds) => refresh(false, milliseconds), (user) => people.become(user));
  list = changingList({ rate: (item, value) => left.rate(item, value), similar });
  people = who(chosen);
  const filters = el("div", { class: "row filters" }, el("label", { class: "check" }, seen, "rated ones too"));
  category.addEventListener("change", () => refresh(true));
  seen.addEventListener("change", () => refresh(true));
  replace(byId("list"), filters, problem, status, list.node, more, listCurl.node);
  await Promise.all([chosen(), shown(problem, () => loadCategories(filters))]);
}
