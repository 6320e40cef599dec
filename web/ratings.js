// The left column: what was rated, a search for more, and well-known titles to begin with.

import { call, get, path, post } from "./api.js";
import { combobox } from "./combobox.js";
import { curlBox } from "./curl.js";
import { announce, byId, el, replace, shown } from "./dom.js";
import { count } from "./format.js";
import { nameOf, session, starValues } from "./session.js";
import { stars } from "./stars.js";
import { searchTitles } from "./who.js";

const SHOWN = 12; // ratings before "show all", and titles that are offered

const addressOf = (item) => path("v1", "users", session.user, "ratings", item);

/// Whether ratings go into the store; otherwise they stay on this page.
const stores = () => session.user !== null && !session.stats?.read_only;

/// `changed(milliseconds)` is called after a rating was given or taken back, with the time that storing took, `kept(user)` when a visitor's
/// ratings were put into the store.
export function ratings(changed, kept) {
  const place = byId("ratings");
  const problem = el("div", {});
  const list = el("ul", { class: "rated" });
  const note = el("p", { class: "note" });
  const more = el("button", { type: "button", class: "small", hidden: true });
  const offered = el("ul", { class: "rated" });
  const offers = el("div", { hidden: true }, el("h4", {}, "Well known: seen any?"), offered);
  const box = curlBox("the last rating");
  let all = false;

  const search = combobox({
    label: "Rate a title", hint: "two letters of a title", least: 2, clears: true, load: searchTitles,
    choose: (option) => {
      const item = { item: option.value, title: option.title };
      if (!session.ratings.has(item.item)) session.ratings.set(item.item, { ...item, value: undefined });
      draw();
      list.querySelector("input")?.focus();
    },
  });

  async function rate(item, value) {
    await shown(problem, async () => {
      let answer = null;
      if (stores()) answer = await call("PUT", addressOf(item.item), { body: { value } });
      if (answer) box.update(answer);
      const old = session.ratings.get(item.item);
      if (old) old.value = value;
      else session.ratings.set(item.item, { item: item.item, title: item.title, value });
      draw();
      changed(answer?.milliseconds);
    });
  }

  async function remove(item) {
    await shown(problem, async () => {
      const given = session.ratings.get(item)?.value !== undefined;
      let answer = null;
      if (stores() && given) answer = await call("DELETE", addressOf(item));
      if (answer) box.update(answer);
      session.ratings.delete(item);
      draw();
      search.input.focus();
      announce("Rating removed");
      if (given) changed(answer?.milliseconds);
    });
  }

  const rows = new Map(); // item -> its li, which keeps the focus while others come and go
  function rowOf(rating) {
    const old = rows.get(rating.item);
    if (old) {
      if (old.value !== rating.value) old.stars.set(rating.value);
      old.value = rating.value;
      return old.node;
    }
    const row = { value: rating.value };
    row.stars = stars({ title: nameOf(rating), values: starValues(), value: rating.value, commit: (value) => { row.value = value; rate(rating, value); } });
    row.node = el("li", {}, el("span", { class: "title" }, nameOf(rating)), row.stars.node,
      el("button", { type: "button", class: "small plain", "aria-label": `Remove the rating of ${nameOf(rating)}`, onclick: () => remove(rating.item) }, "\u2715"));
    rows.set(rating.item, row);
    return row.node;
  }

  function draw() {
    const newest = [...session.ratings.values()].reverse();
    for (const item of rows.keys()) {
      if (!session.ratings.has(item)) rows.delete(item);
    }
    const visible = all ? newest : newest.slice(0, SHOWN);
    const nodes = visible.map(rowOf);
    const focused = document.activeElement;
    if (nodes.length !== list.children.length || nodes.some((node, i) => node !== list.children[i])) replace(list, nodes);
    if (focused !== document.activeElement && list.contains(focused)) focused.focus({ preventScroll: true });
    more.hidden = newest.length <= SHOWN;
    more.textContent = all ? "Show fewer" : `Show all ${count(newest.length)}`;
    for (const node of [...offered.children]) {
      if (session.ratings.has(node.dataset.item)) node.remove();
    }
    offers.hidden = session.user !== null || offered.children.length === 0;
    keep.hidden = session.user !== null || session.stats?.read_only === true || newest.every((rating) => rating.value === undefined);
    if (session.user === null) note.textContent = newest.length === 0 ? "Nothing rated yet." : "These ratings are stored nowhere.";
    else note.textContent = stores() ? `Stored for user ${session.user} at every click.` : "The service is read-only: changes stay on this page.";
  }
  more.addEventListener("click", () => {
    all = !all;
    draw();
  });

  const name = el("input", { type: "text", id: "keep-name", autocomplete: "off", spellcheck: "false" });
  const keep = el("form", { class: "row keep", hidden: true }, el("label", { for: "keep-name" }, "Keep them as user"), name,
    el("button", { type: "submit" }, "Keep"));
  keep.addEventListener("submit", async (event) => {
    event.preventDefault();
    const user = name.value.trim();
    if (!user) return;
    await shown(problem, async () => {
      const given = [...session.ratings.values()].filter((rating) => rating.value !== undefined);
      box.update(await post("/v1/ratings", given.map((rating) => ({ user, item: rating.item, value: rating.value }))));
      name.value = "";
      announce(`${given.length} ratings stored for user ${user}`);
      kept(user);
    });
  });

  async function offer() {
    const { data } = await get("/v1/popular", { limit: SHOWN });
    replace(offered, data.items.map((item) => el("li", { "data-item": item.item }, el("span", { class: "title" }, nameOf(item)),
      stars({ title: nameOf(item), values: starValues(), value: undefined, commit: (value) => { rate(item, value).then(() => follow(item.item)); } }).node)));
  }

  /// After a title moved from the offers to the ratings, the focus goes with it.
  function follow(item) {
    if (document.activeElement === document.body) rows.get(item)?.stars.focus();
  }

  replace(place, search.node, problem, list, more, keep, note, offers, box.node);
  return {
    rate,
    /// Shows the ratings of session.user, or none for a visitor.
    async load() {
      session.ratings = new Map();
      rows.clear();
      replace(list);
      all = false;
      byId("heading-ratings").textContent = session.user === null ? "Your ratings" : `Ratings of user ${session.user}`;
      await shown(problem, async () => {
        if (session.user === null) await offer();
        else {
          const { data } = await get(path("v1", "users", session.user, "ratings"), { limit: 200 });
          for (const rating of data.ratings.reverse()) session.ratings.set(rating.item, rating);
        }
        draw();
      });
    },
  };
}
