// Views by the part of the address behind #, the state in the header, and the question for a key.

import { onKeyNeeded } from "./api.js";
import { byId, el, replace } from "./dom.js";
import { span } from "./format.js";
import * as model from "./model.js";
import * as operations from "./operations.js";
import { onStats, refreshStats } from "./session.js";
import * as tryIt from "./try.js";

const VIEWS = { try: tryIt, model, operations };
const TITLES = { try: "Try it", model: "The model", operations: "Operations" };
const started = new Map();
let present = null;

function viewOf(hash) {
  const name = hash.slice(1);
  return name in VIEWS ? name : "try";
}

async function show(byReader) {
  if (location.hash === "#main") return; // the skip link
  const name = viewOf(location.hash);
  if (name === present) return;
  if (present) VIEWS[present].leave?.();
  present = name;
  for (const view of Object.keys(VIEWS)) byId(`view-${view}`).hidden = view !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${TITLES[name]} \u2013 lowrank`;
  if (byReader) {
    byId(`heading-${name}`).focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  if (!started.has(name)) started.set(name, VIEWS[name].start());
  await started.get(name);
  if (present === name) VIEWS[name].enter?.();
}

function showState(stats) {
  const state = byId("service-state");
  const model = stats.model ? `model ${stats.model.id}, ${stats.model.method}, ${span(stats.model_age)} old` : "no model yet";
  state.textContent = stats.ready ? `ready \u00B7 ${model}` : `not ready: ${(stats.not_ready ?? []).join(", ")}`;
  state.className = stats.ready ? "state good" : "state bad";
  byId("version").textContent = `lowrank ${stats.version}, ${stats.simd}`;
}

function keyDialog() {
  const dialog = byId("key-dialog");
  const field = byId("key-field");
  let settle = null;
  let asked = null;
  const end = (key) => {
    settle?.(key);
    settle = asked = null;
    field.value = "";
    dialog.close();
  };
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    end(field.value.trim() || null);
  });
  byId("key-cancel").addEventListener("click", () => end(null));
  dialog.addEventListener("cancel", () => end(null));
  // Several questions may be refused at once; the reader is asked once.
  return (refused) => {
    byId("key-note").textContent = refused ? "That key was refused. Try another one." : "It stays in this tab and is forgotten when the tab is closed.";
    asked ??= new Promise((resolve) => {
      settle = resolve;
      dialog.showModal();
    });
    return asked;
  };
}

async function begin() {
  onKeyNeeded(keyDialog());
  onStats(showState);
  try {
    await refreshStats();
  } catch (problem) {
    byId("service-state").textContent = "no answer";
    byId("service-state").className = "state bad";
    const again = el("button", { type: "button" }, "Try again");
    again.addEventListener("click", () => location.reload());
    replace(byId("general-problem"), el("p", { class: "problem", role: "alert" }, problem.message, " ", again));
    return;
  }
  addEventListener("hashchange", () => show(true));
  await show(false);
}

begin();
