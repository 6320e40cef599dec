// A list of recommendations that shows how it changes: what is new, and what moved.

import { el, replace } from "./dom.js";
import { ratingsText, score } from "./format.js";
import { extentOf, reasonsOf } from "./reasons.js";
import { nameOf, starValues } from "./session.js";
import { stars } from "./stars.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");

function moveOf(before, rank) {
  if (before === undefined) return { word: "new", kind: "new" };
  if (before > rank) return { word: `\u25B2 ${before - rank}`, spoken: `up ${before - rank}`, kind: "up" };
  if (before < rank) return { word: `\u25BC ${rank - before}`, spoken: `down ${rank - before}`, kind: "down" };
  return null;
}

/// `3 new, 2 moved`, or nothing.
function changeOf(moves) {
  const fresh = moves.filter((move) => move?.kind === "new").length;
  const moved = moves.filter((move) => move && move.kind !== "new").length;
  const words = [];
  if (fresh > 0) words.push(`${fresh} new`);
  if (moved > 0) words.push(`${moved} moved`);
  return words.join(", ");
}

/// `rate(item, value)` and `similar(item)` are what its buttons do.
export function changingList({ rate, similar }) {
  const list = el("ol", { class: "list" });
  const rows = new Map(); // item -> its li
  let ranks = new Map();

  function rowOf(item) {
    const row = { node: el("li", {}), badge: el("span", {}), score: el("span", { class: "score" }), why: el("div", {}) };
    const rating = stars({ title: nameOf(item), values: starValues(), value: undefined, commit: (value) => rate(item, value) });
    row.node.append(
      el("div", { class: "line" }, el("span", { class: "title" }, nameOf(item)), row.badge, row.score),
      row.why,
      el("div", { class: "acts" }, rating.node,
        el("button", { type: "button", class: "small", "aria-label": `Titles similar to ${nameOf(item)}`, onclick: () => similar(item) }, "Similar")));
    return row;
  }

  function fillRow(row, item, move, extent, answer) {
    row.badge.className = move ? `badge ${move.kind}` : "";
    replace(row.badge, move && el("span", { "aria-hidden": move.spoken ? "true" : null }, move.word),
      move?.spoken && el("span", { class: "unseen" }, move.spoken));
    const popular = answer.source === "popular";
    row.score.textContent = popular ? ratingsText(item.score) : score(item.score);
    replace(row.why, reasonsOf(item, extent));
  }

  /// Lets rows that stay glide to their new places.
  function glide(before) {
    if (calm.matches) return;
    for (const [item, row] of rows) {
      const from = before.get(item);
      if (from === undefined) row.node.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 350 });
      else {
        const distance = from - row.node.offsetTop;
        if (distance !== 0) row.node.animate([{ transform: `translateY(${distance}px)` }, { transform: "none" }], { duration: 350, easing: "ease-out" });
      }
    }
  }

  return {
    node: list,
    /// Shows `answer` and says what changed, in words that are empty if nothing did; null for a `fresh` list. A fresh list is for somebody else, so that nothing in it moved.
    show(answer, fresh) {
      const before = new Map([...rows].map(([item, row]) => [item, row.node.offsetTop]));
      const focused = document.activeElement;
      const items = answer.items;
      const extent = extentOf(items);
      const known = fresh ? null : ranks;
      ranks = new Map(items.map((item, i) => [item.item, i + 1]));
      for (const [item, row] of rows) {
        if (!ranks.has(item) || fresh) {
          row.node.remove();
          rows.delete(item);
        }
      }
      const moves = items.map((item, i) => {
        const move = known ? moveOf(known.get(item.item), i + 1) : null;
        const row = rows.get(item.item) ?? rowOf(item);
        rows.set(item.item, row);
        fillRow(row, item, move, extent, answer);
        if (list.children[i] !== row.node) list.insertBefore(row.node, list.children[i] ?? null);
        return move;
      });
      // A row that is moved loses the focus.
      if (focused !== document.activeElement && list.contains(focused)) focused.focus({ preventScroll: true });
      if (known) glide(before);
      return known ? changeOf(moves) : null;
    },
    append(answer) {
      const extent = extentOf(answer.items);
      for (const item of answer.items) {
        const row = rowOf(item);
        rows.set(item.item, row);
        ranks.set(item.item, rows.size);
        fillRow(row, item, null, extent, answer);
        list.append(row.node);
      }
    },
  };
}
