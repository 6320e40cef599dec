// A field that searches while one types: the combobox with a listbox of the ARIA practices.

import { announce, el, replace } from "./dom.js";

const WAIT = 120; // ms between the last letter and the question

let made = 0;

/// `load(text, signal)` gives [{value, label, note}], `choose(option)` takes one of them. `clears`: whether the field is empty again afterwards.
export function combobox({ label, hint, least = 1, load, choose, clears = false }) {
  const id = `combobox-${++made}`;
  const list = el("ul", { id: `${id}-list`, role: "listbox", "aria-label": label, hidden: true });
  const input = el("input", {
    id, type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-expanded": "false", "aria-autocomplete": "list",
    "aria-controls": list.id, placeholder: hint,
  });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  let options = [];
  let active = -1;
  let timer = 0;
  let question = null;

  function close() {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function activate(index) {
    active = index;
    [...list.children].forEach((child, i) => child.setAttribute("aria-selected", String(i === index)));
    if (index < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", list.children[index].id);
      list.children[index].scrollIntoView({ block: "nearest" });
    }
  }

  function take(option) {
    input.value = clears ? "" : option.label;
    close();
    choose(option);
  }

  function show(found) {
    options = found;
    replace(list, found.map((option, i) => el("li", {
      id: `${id}-${i}`, role: "option", "aria-selected": "false",
      onpointerdown: (event) => event.preventDefault(), // the field keeps the focus
      onclick: () => take(option),
    }, el("span", {}, option.label), option.note && el("span", { class: "note" }, option.note))));
    if (found.length === 0) replace(list, el("li", { role: "option", "aria-disabled": "true", "aria-selected": "false", class: "none" }, "nothing found"));
    list.hidden = false;
    active = -1;
    input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-expanded", "true");
    announce(found.length === 1 ? "1 result" : `${found.length} results`);
  }

  async function ask() {
    question?.abort();
    const text = input.value.trim();
    if (text.length < least) return close();
    question = new AbortController();
    try {
      const found = await load(text, question.signal);
      problem.hidden = true;
      if (document.activeElement === input) show(found);
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      close();
      problem.textContent = error.message;
      problem.hidden = false;
    }
    return undefined;
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
  input.addEventListener("focus", () => {
    if (least === 0 && list.hidden) ask();
  });
  input.addEventListener("blur", () => {
    question?.abort();
    clearTimeout(timer);
    close();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (list.hidden) input.value = "";
      close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) ask();
      else if (options.length > 0) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        activate(active < 0 && step < 0 ? options.length - 1 : (active + step + options.length) % options.length);
      }
    } else if (event.key === "Enter" && !list.hidden && options.length > 0) {
      event.preventDefault();
      take(options[Math.max(active, 0)]);
    }
  });

  const node = el("div", { class: "combobox" }, el("label", { for: id }, label), el("div", { class: "field" }, input, list), problem);
  return { node, input, clear: () => { input.value = ""; close(); } };
}
