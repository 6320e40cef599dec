// What the three views share: who is asked about, what they rated, what they were shown, and what the service last said of itself.

import { get } from "./api.js";

export const session = {
  user: null, // id in the store, or null for a visitor who is new
  ratings: new Map(), // item -> {item, title, value}
  listed: [], // items of the last list
  stats: null,
};

const listeners = new Set();
export const onStats = (listener) => listeners.add(listener);

/// Asks how the service is, and tells everyone.
export async function refreshStats() {
  const { data } = await get("/v1/stats");
  session.stats = data;
  for (const listener of listeners) listener(data);
  return data;
}

/// The values that can be given: one per star. Wide scales have at most ten stars.
export function starValues() {
  const scale = session.stats?.scale ?? { min: 1, max: 5 };
  const least = Math.max(1, Math.ceil(scale.min));
  const most = Math.max(least, Math.floor(scale.max));
  const step = Math.max(1, Math.ceil((most - least + 1) / 10));
  const values = [];
  for (let value = most; value >= least; value -= step) values.unshift(value);
  return values;
}

export const nameOf = (item) => item.title || item.item;
