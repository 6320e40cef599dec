// How to ask by hand what the page has just asked.

import { announce, el } from "./dom.js";
import { fixed } from "./format.js";

/// A closed box below an answer: its round trip, and the curl line with a button that copies it.
export function curlBox(what) {
  const code = el("code", {});
  const pre = el("pre", { tabindex: "0", "aria-label": `curl command for ${what}` }, code);
  const time = el("span", { class: "note" });
  const copy = el("button", { type: "button", class: "small", "aria-label": `Copy the curl command for ${what}` }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      announce("Copied");
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    } catch {
      getSelection().selectAllChildren(code);
      announce("The command is selected");
    }
  });
  const node = el("details", { class: "curl", hidden: true }, el("summary", {}, "curl", el("span", { class: "unseen" }, ` for ${what}`), " \u00B7 ", time), pre, copy);
  return {
    node,
    update({ curl, milliseconds }) {
      code.textContent = curl;
      time.textContent = `answered in ${fixed(milliseconds, milliseconds < 10 ? 1 : 0)} ms`;
      node.hidden = false;
    },
  };
}
