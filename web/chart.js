// A line chart as SVG, with the same figures as a table for who cannot see it.

import { el, svg, table } from "./dom.js";
import { figure } from "./format.js";

const WIDTH = 480;
const HEIGHT = 240;
const EDGE = { left: 56, right: 12, top: 12, bottom: 36 };

/// At most `most` round numbers from `least` to `greatest`.
export function ticks(least, greatest, most = 6) {
  const span = greatest - least || Math.abs(greatest) || 1;
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => span / one <= most) ?? 10 * power;
  const marks = [];
  for (let i = Math.ceil(least / step); i * step <= greatest + step * 1e-9; ++i) marks.push(Number((i * step).toPrecision(12)));
  return marks;
}

function scaleOf(values, begin, end) {
  const least = Math.min(...values);
  const greatest = Math.max(...values);
  const span = greatest - least || 1;
  return { least, greatest, at: (value) => begin + ((value - least) / span) * (end - begin) };
}

function axis(x, y, xName) {
  const right = WIDTH - EDGE.right;
  const bottom = HEIGHT - EDGE.bottom;
  return svg("g", { class: "axis" },
    ticks(y.least, y.greatest, 5).map((value) => [
      svg("line", { x1: EDGE.left, x2: right, y1: y.at(value), y2: y.at(value) }),
      svg("text", { x: EDGE.left - 6, y: y.at(value) + 4, "text-anchor": "end" }, figure(value)),
    ]),
    ticks(x.least, x.greatest, 8).filter(Number.isInteger).map((value) =>
      svg("text", { x: x.at(value), y: bottom + 16, "text-anchor": "middle" }, figure(value))),
    svg("text", { x: (EDGE.left + right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, xName));
}

/// `series` are {name, points: [[x, y]]}. `best` is the x of a vertical mark, called `bestName`.
export function chart({ caption, xName, series, best, bestName }) {
  const drawn = series.filter((one) => one.points.length > 0);
  const points = drawn.flatMap((one) => one.points);
  if (points.length === 0) return el("p", { class: "note" }, "There are no figures.");
  const x = scaleOf(points.map((point) => point[0]), EDGE.left, WIDTH - EDGE.right);
  const y = scaleOf(points.map((point) => point[1]), HEIGHT - EDGE.bottom, EDGE.top);
  const picture = svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${caption}. The figures are in the table below.` },
    axis(x, y, xName),
    best !== undefined && svg("line", { class: "best", x1: x.at(best), x2: x.at(best), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }),
    drawn.map((one, i) => svg("g", { class: `series series-${i}` },
      svg("polyline", { points: one.points.map(([px, py]) => `${x.at(px).toFixed(1)},${y.at(py).toFixed(1)}`).join(" ") }),
      one.points.length <= 60 && one.points.map(([px, py]) => svg("circle", { cx: x.at(px).toFixed(1), cy: y.at(py).toFixed(1), r: 2.5 })))));
  const legend = el("ul", { class: "legend" },
    drawn.map((one, i) => el("li", {}, el("span", { class: `line-mark series-${i}`, "aria-hidden": "true" }), one.name)),
    best !== undefined && el("li", {}, el("span", { class: "line-mark best", "aria-hidden": "true" }), bestName));
  const xs = [...new Set(points.map((point) => point[0]))].sort((a, b) => a - b);
  const valueAt = (one, at) => one.points.find((point) => point[0] === at)?.[1].toPrecision(4) ?? "";
  return el("figure", {}, picture, legend,
    el("details", {}, el("summary", {}, "Figures as a table"),
      table(caption, [[xName, true], ...drawn.map((one) => [one.name, true])], xs.map((at) => [figure(at), ...drawn.map((one) => valueAt(one, at))]))));
}

/// The training curve of a job or model: every figure of its epochs that is of one kind.
export function trainingCurve(history, caption) {
  const names = [...new Set(history.flatMap((epoch) => Object.keys(epoch)))].filter((name) => name !== "epoch" && name !== "seconds");
  const kind = ["rmse", "ndcg", "recall", "loss"].find((word) => names.some((name) => name.includes(word)));
  const chosen = names.filter((name) => !kind || name.includes(kind));
  const series = chosen.map((name) => ({
    name: name.replaceAll("_", " "),
    points: history.filter((epoch) => typeof epoch[name] === "number").map((epoch) => [epoch.epoch, epoch[name]]),
  }));
  const judge = series.find((one) => one.name.startsWith("validation"));
  let best;
  if (judge && judge.points.length > 1) {
    const lower = kind === "rmse" || kind === "loss";
    best = judge.points.reduce((a, b) => ((lower ? b[1] < a[1] : b[1] > a[1]) ? b : a))[0];
  }
  return chart({ caption, xName: "epoch", series, best, bestName: "best epoch" });
}
