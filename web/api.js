// Questions to the service: one function, which measures, explains refusals and remembers the curl line.

const KEY = "lowrank-key";

/// What the service refused, in its own words.
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

let askForKey = null;
/// `ask(refused)` resolves to a key, or to null when the reader gives none.
export function onKeyNeeded(ask) {
  askForKey = ask;
}

export const path = (...parts) => "/" + parts.map((part) => encodeURIComponent(part)).join("/");

function addressOf(route, query) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "" && one !== false) parameters.append(name, one);
    }
  }
  const text = parameters.toString();
  return route + (text ? `?${text}` : "");
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curlLine(method, address, body) {
  let line = "curl";
  if (method !== "GET") line += ` -X ${method}`;
  if (sessionStorage.getItem(KEY)) line += ' -H "Authorization: Bearer $LOWRANK_KEY"';
  if (body !== undefined) line += ` -H 'Content-Type: application/json' -d ${quoted(body)}`;
  return `${line} ${quoted(location.origin + address)}`;
}

async function send(method, address, body, signal) {
  const headers = { Accept: "application/json" };
  const key = sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(address, { method, headers, body, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The service does not answer. Is it still running?");
  }
}

async function contentOf(response) {
  const type = response.headers.get("Content-Type") ?? "";
  return type.includes("json") ? response.json() : response.text();
}

/// Asks the service. Returns what it answered (`data`), how long that took (`milliseconds`) and how to ask by hand (`curl`).
/// Throws a Problem with the service's own words.
export async function call(method, route, { query, body, signal } = {}) {
  const address = addressOf(route, query);
  const text = body === undefined ? undefined : JSON.stringify(body);
  let begin = performance.now();
  let response = await send(method, address, text, signal);
  for (let refused = false; response.status === 401 && askForKey; refused = true) {
    const key = await askForKey(refused || sessionStorage.getItem(KEY) !== null);
    if (!key) break;
    sessionStorage.setItem(KEY, key);
    begin = performance.now();
    response = await send(method, address, text, signal);
  }
  const data = await contentOf(response);
  const milliseconds = performance.now() - begin;
  if (!response.ok) throw new Problem(response.status, data?.detail || data?.title || `The service answered ${response.status}.`);
  return { data, milliseconds, curl: curlLine(method, address, text), status: response.status };
}

export const get = (route, query, signal) => call("GET", route, { query, signal });
export const post = (route, body, signal) => call("POST", route, { body, signal });
