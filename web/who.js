// Who is asked about: a visitor who is new, or a user of the store.

import { get } from "./api.js";
import { combobox } from "./combobox.js";
import { byId, el } from "./dom.js";
import { ratingsText } from "./format.js";
import { session } from "./session.js";

/// Fills the row above the columns. `chosen()` is called when session.user has changed.
export function who(chosen) {
  const users = combobox({
    label: "User",
    hint: "id, as 12",
    least: 0,
    load: async (text, signal) => {
      const { data } = await get("/v1/users", { search: text, limit: 20 }, signal);
      return data.users.map((user) => ({ value: user.user, label: user.user, note: ratingsText(user.ratings) }));
    },
    choose: (option) => choose(option.value),
  });
  users.node.hidden = true;

  function choose(user) {
    if (user === session.user) return;
    session.user = user;
    chosen();
  }

  const fresh = el("input", { type: "radio", name: "who", id: "who-new", checked: true });
  const stored = el("input", { type: "radio", name: "who", id: "who-stored" });
  fresh.addEventListener("change", () => {
    users.node.hidden = true;
    users.clear();
    choose(null);
  });
  stored.addEventListener("change", () => {
    users.node.hidden = false;
    if (document.activeElement === stored && !stored.matches(":focus-visible")) users.input.focus();
  });
  byId("who").append(
    el("fieldset", { class: "choices" }, el("legend", {}, "Who asks?"),
      el("label", {}, fresh, "I am new"), el("label", {}, stored, "A user of the store")),
    users.node);
  return {
    /// Shows that `user`, who has just been stored, is asked about from now on.
    become(user) {
      stored.checked = true;
      users.node.hidden = false;
      users.input.value = user;
      choose(user);
    },
  };
}

export const searchTitles = async (text, signal) => {
  const { data } = await get("/v1/items", { search: text, limit: 12 }, signal);
  return data.items.map((item) => ({
    value: item.item,
    label: item.title || item.item,
    title: item.title,
    note: item.ratings > 0 ? ratingsText(item.ratings) : "not rated yet",
  }));
};
