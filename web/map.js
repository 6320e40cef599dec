// The map of the items: a canvas of points that can be searched, zoomed and read, with a table of what is marked.

import { get } from "./api.js";
import { combobox } from "./combobox.js";
import { announce, el, replace, table } from "./dom.js";
import { count, fixed, ratingsText } from "./format.js";
import { session } from "./session.js";

const NEAR = 14; // pixels between the pointer and a point that it means
const NEIGHBOURS = 10; // items in the table around the chosen one
const MARKS = { chosen: "chosen", near: "near the chosen one", rated: "rated", listed: "recommended" };

/// A view of the square from -1 to 1: its centre and how many times it is enlarged.
class Sight {
  constructor() { this.reset(); }
  reset() { this.x = 0; this.y = 0; this.zoom = 1; }
  /// Enlarges until one in a hundred points is outside, for a few outliers would else press all others together.
  fit(xs, ys) {
    this.reset();
    const reach = xs.map((x, i) => Math.max(Math.abs(x), Math.abs(ys[i]))).sort((a, b) => a - b);
    this.zoom = Math.min(64, Math.max(1, 1 / reach[Math.floor((reach.length - 1) * 0.99)]));
  }
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
  return { dot: read("--dot"), chosen: read("--text"), near: read("--series-1"), rated: read("--series-2"), listed: read("--accent"), label: read("--text"), soft: read("--soft"), paper: read("--panel") };
}

export async function startMap(place) {
  const { data } = await get("/v1/map", { limit: 50000 });
  const size = data.items.length;
  if (size === 0) return replace(place, el("p", { class: "note" }, "The model has no items."));
  const name = (i) => data.titles[i] || data.items[i];
  const numberOf = new Map(data.items.map((item, i) => [item, i]));
  const sight = new Sight();
  sight.fit(data.x, data.y);
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
    const least = size > 5000 ? 1 : 2;
    for (let i = size - 1; i >= 0; --i) {
      if (marked.has(i)) continue;
      const [x, y] = toPixel(i);
      if (x < 0 || y < 0 || x > width || y > height) continue;
      const side = least + 1.3 * Math.log10(1 + data.ratings[i]);
      pen.fillRect(x - side / 2, y - side / 2, side, side);
    }
    pen.lineWidth = 2;
    for (const [i, kind] of marked) {
      const [x, y] = toPixel(i);
      pen.fillStyle = pen.strokeStyle = color[kind];
      shape(pen, kind, x, y, kind === "chosen" ? 6 : 4);
    }
    drawNames(pen, color, width, height, marked);
  }

  /// Names of the chosen item, of the marked ones and of the most rated ones, as far as they do not cover each other.
  function drawNames(pen, color, width, height, marked) {
    const taken = [];
    const most = Math.round((width * height) / 15000);
    pen.lineWidth = 4;
    pen.strokeStyle = color.paper;
    for (const i of [chosen, ...marked.keys(), ...data.items.keys()]) {
      if (i < 0 || taken.length >= most) continue;
      const [x, y] = toPixel(i);
      if (x < 0 || y < 14 || x > width || y > height) continue;
      pen.font = i === chosen ? "600 13px system-ui, sans-serif" : "12px system-ui, sans-serif";
      const text = name(i).length > 32 ? `${name(i).slice(0, 31)}\u2026` : name(i);
      const long = pen.measureText(text).width;
      const left = x + 7 + long > width ? x - 7 - long : x + 7;
      const box = [left, y - 14, left + long, y + 4];
      if (taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) continue;
      taken.push(box);
      pen.fillStyle = marked.has(i) ? color.label : color.soft;
      pen.strokeText(text, left, y);
      pen.fillText(text, left, y);
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
        listed.map(([i, kind]) => [name(i), MARKS[kind] ?? "", fixed(data.x[i]), fixed(data.y[i]), count(data.ratings[i])])));
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
    if (hovered >= 0) tip.textContent = `${name(hovered)} \u00B7 ${ratingsText(data.ratings[hovered])}`;
  });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("click", () => { if (hovered >= 0) choose(hovered); });

  const search = combobox({
    label: "Find a title on the map", hint: "two letters of a title", least: 2,
    load: async (text) => {
      const wanted = text.toLowerCase();
      const found = [];
      for (let i = 0; i < size && found.length < 12; ++i) {
        if (name(i).toLowerCase().includes(wanted)) found.push({ value: i, label: name(i), note: ratingsText(data.ratings[i]) });
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
    act("All of the map", "All", () => sight.reset()));
  const legend = el("ul", { class: "legend" }, Object.entries(MARKS).map(([kind, word]) => el("li", {}, el("span", { class: `mark mark-${kind}`, "aria-hidden": "true" }), word)));
  replace(place,
    el("p", { class: "note" }, `${count(size)} items by the two directions in which their factors differ most. Near means liked by the same people. Rate titles in \u201CTry it\u201D and find them marked here.`),
    search.node, controls, stage, legend, rows);
  new ResizeObserver(draw).observe(stage);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  showTable();
  return () => { draw(); showTable(); };
}
