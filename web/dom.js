// Elements made from data. Text only ever becomes text nodes: titles are written by strangers.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

/// An HTML element. Properties called `onclick` and so on add listeners, all others are attributes.
export function el(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

/// An SVG element.
export function svg(name, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

export const byId = (id) => document.getElementById(id);

export function replace(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
}

/// A table with a caption that only screen readers see. Numbers stand at the right. `columns` are [heading, isNumber].
export function table(caption, columns, rows) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {},
      el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, columns.map(([heading, isNumber]) => el("th", { scope: "col", class: isNumber && "number" }, heading)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, i) => el("td", { class: columns[i][1] && "number" }, cell)))))));
}

/// A list of names and values. An entry without a value is left out.
export function facts(entries) {
  return el("dl", { class: "facts" }, entries.filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

let announcements;
/// Says `text` to screen readers without moving the focus.
export function announce(text) {
  announcements ??= byId("announcements");
  announcements.textContent = text;
}

/// Runs `task` and shows what went wrong, if anything, in `place`.
export async function shown(place, task) {
  try {
    const result = await task();
    place.replaceChildren();
    return result;
  } catch (problem) {
    if (problem.name === "AbortError") return undefined;
    replace(place, el("p", { class: "problem", role: "alert" }, problem.message));
    return undefined;
  }
}
