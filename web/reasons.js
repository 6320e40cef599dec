// Why an item is listed: what each rating adds to its score, as a bar and in words.

import { el, svg } from "./dom.js";
import { score, signed } from "./format.js";

const WIDTH = 400;
const HEIGHT = 10;

/// The parts of a score besides its base: the named reasons, then all others together.
function partsOf(item) {
  const parts = (item.reasons ?? []).map((reason) => ({ name: reason.title || reason.item, value: reason.value, amount: reason.amount }));
  if (item.other_items > 0) {
    const name = item.other_items === 1 ? "1 other rating" : `${item.other_items} other ratings`;
    parts.push({ name, amount: item.others, rest: true });
  }
  return parts;
}

const sum = (parts, sign) => parts.reduce((total, part) => total + Math.max(0, sign * part.amount), 0);

/// How far the bars of a list reach to the left and right of their zero, so that all are drawn to one scale.
export function extentOf(items) {
  const extent = { left: 0, right: 0 };
  for (const item of items) {
    if (item.reasons_kind !== "sum") continue;
    const parts = partsOf(item);
    extent.left = Math.max(extent.left, sum(parts, -1));
    extent.right = Math.max(extent.right, sum(parts, 1));
  }
  return extent;
}

function bar(parts, extent) {
  const total = extent.left + extent.right;
  if (total <= 0) return null;
  const zero = (extent.left / total) * WIDTH;
  let right = zero;
  let left = zero;
  const pieces = parts.map((part, i) => {
    const width = (Math.abs(part.amount) / total) * WIDTH;
    const x = part.amount >= 0 ? right : left - width;
    if (part.amount >= 0) right += width;
    else left -= width;
    return svg("rect", { x: x + 0.5, y: 1, width: Math.max(0, width - 1), height: HEIGHT, class: part.rest ? "part rest" : `part part-${i % 4}` });
  });
  return svg("svg", { class: "reason-bar", viewBox: `0 0 ${WIDTH} ${HEIGHT + 2}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    pieces, svg("line", { x1: zero, x2: zero, y1: 0, y2: HEIGHT + 2, class: "zero" }));
}

function words(parts, item, digits) {
  const kind = item.reasons_kind;
  const entries = parts.map((part, i) => el("li", {}, el("span", { class: `swatch ${part.rest ? "rest" : `part-${i % 4}`}`, "aria-hidden": "true" }),
    el("span", { class: "name" }, part.name), el("span", { class: "amount" }, signed(part.amount, digits))));
  if (kind === "sum" && typeof item.base === "number") entries.unshift(el("li", {}, `starts at ${score(item.base)}`));
  return el("ul", { class: "reasons", "aria-label": kind === "sum" ? "What the score is made of" : "What the score would lose without each rating" }, entries);
}

/// The reasons of `item`, or null where it has none.
export function reasonsOf(item, extent) {
  const parts = partsOf(item);
  if (parts.length === 0 || item.reasons_kind === "none") return null;
  const digits = Math.max(extent.left, extent.right, Math.abs(item.score)) < 1 ? 3 : 2;
  return el("div", { class: "why" }, item.reasons_kind === "sum" && bar(parts, extent), words(parts, item, digits));
}
