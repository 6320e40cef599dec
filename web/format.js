// Numbers as people read them.

const whole = new Intl.NumberFormat("en");

export const count = (value) => (value === undefined || value === null ? "" : whole.format(value));

/// `1 rating`, `1,812 ratings`.
export const ratingsText = (value) => `${count(value)} ${value === 1 ? "rating" : "ratings"}`;

/// `value` with `digits` digits after the point.
export function fixed(value, digits = 2) {
  if (typeof value !== "number") return "";
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `\u2212${text}` : text;
}

/// With its sign, which is a minus as long as a plus.
export function signed(value, digits = 2) {
  const size = Math.abs(value).toFixed(digits);
  if (Number(size) === 0) return size;
  return (value < 0 ? "\u2212" : "+") + size;
}

/// Four significant digits at most, for figures of unknown size.
export function figure(value) {
  if (typeof value !== "number") return value === undefined || value === null ? "" : String(value);
  if (Number.isInteger(value)) return count(value);
  return String(Number(value.toPrecision(4)));
}

/// A score of a list: digits by the size of its scores, so that small ones differ.
export function score(value, largest = Math.abs(value)) {
  if (Number.isInteger(value) && largest >= 100) return count(value);
  return fixed(value, largest >= 1 ? 2 : largest >= 0.1 ? 3 : 4);
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let rest = value;
  while (rest >= 1000 && unit + 1 < units.length) {
    rest /= 1000;
    ++unit;
  }
  return `${unit === 0 ? rest : rest.toFixed(rest < 10 ? 1 : 0)} ${units[unit]}`;
}

/// A time span of `seconds` in its two largest units.
export function span(seconds) {
  if (typeof seconds !== "number") return "";
  if (seconds < 1) return milliseconds(seconds);
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  let rest = Math.floor(seconds);
  const words = [];
  for (const [length, unit] of parts) {
    if (rest >= length) words.push(`${Math.floor(rest / length)} ${unit}`);
    rest %= length;
    if (words.length === 2) break;
  }
  return words.join(" ") || "0 s";
}

export function milliseconds(seconds) {
  if (typeof seconds !== "number") return "";
  const value = seconds * 1000;
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(2))} ms`;
}

/// A moment, given in Unix seconds, in the reader's own time zone.
export const moment = (seconds) => (seconds ? new Date(seconds * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }) : "");
