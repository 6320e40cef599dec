// The map of the items: a canvas of points that can be searched, zoomed and read, with a table of what is marked.

import { get } from "./api.js";
import { combobox } from "./combobox.js";
import { announce, el, replace, table } from "./dom.js";
import { count } from "./format.js";
import { session } from "./session.js";

const NEAR = 14; // pixels between the pointer and a point that it means
const NEIGHBOURS = 10; // items in the table around the chosen one
const MARKS = { chosen: "chosen", near: "near the chosen one", rated: "rated", listed: "recommended" };

/// A view of the square from -1 to 1: its centre and how many times it is enlarged.
class Sight {
  constructor() { this.reset(); }
  reset() { this.x = 0; this.y = 0; this.zoom = 1; }
  enlarge(factor) { this.zoom = Math.min(64, Math.max(1, this.zoom * factor)); this.keep(); }
  move(dx, dy) { this.x += dx / this.zoom; this.y += dy / this.zoom; this.keep(); }
  keep() {
    const most = 1 - 1 / this.zoom;
    this.x = Math.min(most, Math.max(-most, this.x));
    this.y = Math.min(most, Math.max(-most, this.y));
  }
}

function colors() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return { dot: read("--dot"), chosen: read("--text"), near: read("--series-1"), rated: read("--series-2"), listed: read("--accent"), label: read("--text"), paper: read("--panel") };
}

export async function startMap(place) {
  const { data } = await get("/v1/map", { limit: 50000 });
  const size = data.items.length;
  if (size === 0) return replace(place, el("p", { class: "note" }, "The model has no items."));
  const name = (i) => data.titles[i] || data.items[i];
  const numberOf = new Map(data.items.map((item, i) => [item, i]));
  const sight = new Sight();
  let chosen = -1;
  let hovered = -1;
  let near = [];

  const canvas = el("canvas", { role: "img", "aria-label": `Map of ${count(size)} items. Search below the picture and read the table.` });
  const tip = el("p", { class: "tip", hidden: true });
  const stage = el("div", { class: "stage" }, canvas, tip);
  const rows = el("div", {});
  const sides = () => ({ width: stage.clientWidth, height: stage.clientHeight });
  const toPixel = (i) => {
    const { width, height } = sides();
    return [((data.x[i] - sight.x) * sight.zoom + 1) * 0.5 * width, (1 - (data.y[i] - sight.y) * sight.zoom) * 0.5 * height];
  };

  function marks() {
    const marked = new Map();
    for (const item of session.listed) if (numberOf.has(item.item)) marked.set(numberOf.get(item.item), "listed");
    for (const rating of session.ratings.values()) if (rating.value !== undefined && numberOf.has(rating.item)) marked.set(numberOf.get(rating.item), "rated");
    for (const i of near) if (!marked.has(i)) marked.set(i, "near");
    if (chosen >= 0) marked.set(chosen, "chosen");
    return marked;
  }

  /// Shapes differ as well as colours: a square is recommended, a triangle rated, a ring near.
  function shape(pen, kind, x, y, r) {
    pen.beginPath();
    if (kind === "listed") pen.rect(x - r, y - r, 2 * r, 2 * r);
    else if (kind === "rated") {
      pen.moveTo(x, y - r * 1.2);
      pen.lineTo(x + r * 1.2, y + r);
      pen.lineTo(x - r * 1.2, y + r);
      pen.closePath();
    } else pen.arc(x, y, r, 0, 7);
    if (kind === "near") pen.stroke();
    else pen.fill();
  }

  function draw() {
    const { width, height } = sides();
    if (width === 0) return;
    const dense = devicePixelRatio || 1;
    canvas.width = width * dense;
    canvas.height = height * dense;
    const pen = canvas.getContext("2d");
    pen.scale(dense, dense);
    const color = colors();
    const marked = marks();
    pen.fillStyle = color.dot;
    const r = size > 5000 ? 1.2 : size > 1000 ? 1.8 : 2.5;
    for (let i = size - 1; i >= 0; --i) {
      if (marked.has(i)) continue;
      const [x, y] = toPixel(i);
      if (x < -r || y < -r || x > width + r || y > height + r) continue;
      pen.fillRect(x - r / 2, y - r / 2, r, r);
    }
    pen.lineWidth = 2;
    for (const [i, kind] of marked) {
      const [x, y] = toPixel(i);
      pen.fillStyle = pen.strokeStyle = color[kind];
      shape(pen, kind, x, y, kind === "chosen" ? 6 : 4);
    }
    if (chosen >= 0) {
      const [x, y] = toPixel(chosen);
      pen.font = "600 13px system-ui, sans-serif";
      pen.textAlign = x > width / 2 ? "right" : "left";
      pen.lineWidth = 4;
      pen.strokeStyle = color.paper;
      pen.fillStyle = color.label;
      const side = x > width / 2 ? -10 : 10;
      pen.strokeText(name(chosen), x + side, y - 8);
      pen.fillText(name(chosen), x + side, y - 8);
    }
  }

  function nearest(x, y, most) {
    let best = -1;
    let least = most * most;
    for (let i = 0; i < size; ++i) {
      const [px, py] = toPixel(i);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
    return best;
  }

  function showTable() {
    const marked = [...marks()].sort((a, b) => Object.keys(MARKS).indexOf(a[1]) - Object.keys(MARKS).indexOf(b[1]));
    const listed = marked.length > 0 ? marked : data.items.slice(0, NEIGHBOURS).map((_, i) => [i, ""]);
    replace(rows, el("h4", {}, marked.length > 0 ? "Marked items" : "Most rated items"),
      table("Items of the map", [["Title"], ["Mark"], ["x", true], ["y", true], ["Ratings", true]],
        listed.map(([i, kind]) => [name(i), MARKS[kind] ?? "", data.x[i].toFixed(2), data.y[i].toFixed(2), count(data.ratings[i])])));
  }

  function choose(i) {
    chosen = i;
    const distance = (j) => (data.x[j] - data.x[i]) ** 2 + (data.y[j] - data.y[i]) ** 2;
    near = i < 0 ? [] : data.items.map((_, j) => j).filter((j) => j !== i).sort((a, b) => distance(a) - distance(b)).slice(0, NEIGHBOURS);
    if (i >= 0) announce(`${name(i)} is marked, with ${near.length} items near it`);
    draw();
    showTable();
  }

  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons === 1) {
      const { width, height } = sides();
      sight.move((-2 * event.movementX) / width, (2 * event.movementY) / height);
      draw();
    }
    hovered = nearest(event.offsetX, event.offsetY, NEAR);
    tip.hidden = hovered < 0;
    if (hovered >= 0) tip.textContent = `${name(hovered)} \u00B7 ${count(data.ratings[hovered])} ratings`;
  });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("click", () => { if (hovered >= 0) choose(hovered); });

  const search = combobox({
    label: "Find a title on the map", hint: "two letters of a title", least: 2,
    load: async (text) => {
      const wanted = text.toLowerCase();
      const found = [];
      for (let i = 0; i < size && found.length < 12; ++i) {
        if (name(i).toLowerCase().includes(wanted)) found.push({ value: i, label: name(i), note: `${count(data.ratings[i])} ratings` });
      }
      return found;
    },
    choose: (option) => choose(option.value),
  });
  const act = (label, text, change) => el("button", { type: "button", class: "small", "aria-label": label, onclick: () => { change(); draw(); } }, text);
  const controls = el("div", { class: "row", role: "group", "aria-label": "View of the map" },
    act("Zoom in", "+", () => { if (chosen >= 0 && sight.zoom === 1) { sight.x = data.x[chosen]; sight.y = data.y[chosen]; } sight.enlarge(2); }),
    act("Zoom out", "\u2212", () => sight.enlarge(0.5)),
    act("Move left", "\u2190", () => sight.move(-0.5, 0)), act("Move right", "\u2192", () => sight.move(0.5, 0)),
    act("Move up", "\u2191", () => sight.move(0, 0.5)), act("Move down", "\u2193", () => sight.move(0, -0.5)),
    act("Show the whole map", "All", () => sight.reset()));
  const legend = el("ul", { class: "legend" }, Object.entries(MARKS).map(([kind, word]) => el("li", {}, el("span", { class: `mark ${kind}`, "aria-hidden": "true" }), word)));
  replace(place,
    el("p", { class: "note" }, `${count(size)} items by the two directions in which their factors differ most. Near means liked by the same people. Rate titles in \u201CTry it\u201D and find them marked here.`),
    search.node, controls, stage, legend, rows);
  new ResizeObserver(draw).observe(stage);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  showTable();
  return () => { draw(); showTable(); };
}
