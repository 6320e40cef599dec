// A rating as a group of radio buttons that look like stars.

import { el, svg } from "./dom.js";

const STAR = "M12 2.6l2.9 6 6.5.9-4.7 4.6 1.1 6.5L12 17.5l-5.8 3.1 1.1-6.5L2.6 9.5l6.5-.9z";

let made = 0;

/// `commit(value)` is called with a value that is meant: at once for a pointer, for keys only on Enter or when the focus leaves the group,
/// since the arrow keys pass over every value on their way.
export function stars({ title, values, value, commit }) {
  const name = `stars-${++made}`;
  const group = el("fieldset", { class: "stars" }, el("legend", { class: "unseen" }, `Rating of ${title}`));
  let current = value;
  let pending = null;
  let byKey = false;

  function paint(shownValue) {
    group.querySelectorAll("label").forEach((label, i) => label.classList.toggle("on", shownValue !== undefined && values[i] <= shownValue));
  }

  function send() {
    if (pending === null) return;
    const chosen = pending;
    pending = null;
    if (chosen !== current) {
      current = chosen;
      commit(chosen);
    }
  }

  for (const one of values) {
    const input = el("input", { type: "radio", name, value: one, "aria-label": one === 1 ? "1 star" : `${one} stars` });
    input.checked = one === value;
    const label = el("label", { class: "star", title: String(one) }, input,
      svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, svg("path", { d: STAR })));
    label.addEventListener("pointerenter", () => paint(one));
    input.addEventListener("change", () => {
      pending = one;
      paint(one);
      if (!byKey) send();
    });
    group.append(label);
  }
  group.addEventListener("pointerleave", () => paint(pending ?? current));
  group.addEventListener("keydown", (event) => {
    byKey = event.key.startsWith("Arrow");
    if (event.key === "Enter") {
      event.preventDefault();
      send();
    }
  });
  group.addEventListener("pointerdown", () => { byKey = false; });
  group.addEventListener("focusout", (event) => {
    if (!group.contains(event.relatedTarget)) send();
  });
  paint(value);
  return {
    node: group,
    focus: () => (group.querySelector("input:checked") ?? group.querySelector("input")).focus(),
    set(next) {
      current = next;
      pending = null;
      group.querySelectorAll("input").forEach((input) => { input.checked = Number(input.value) === next; });
      paint(next);
    },
  };
}
