// A stand-in for `lowrank serve` with the same answers, for work on the page without a build: node mock_server.js [PORT]
// It factorizes the example ratings itself, small and slow, and keeps ratings in memory.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const RANK = 8;
const RIDGE = 4;
export const HOSTILE = "<img src=x onerror=\"document.title='hacked'\"><b>bold</b>";

const read = (path) => gunzipSync(readFileSync(here(path))).toString("utf8").trim().split("\n").map((line) => line.split("::"));

/// The solution of the small system `a x = b`.
function solve(a, b) {
  const n = b.length;
  const rows = a.map((row, i) => [...row, b[i]]);
  for (let i = 0; i < n; ++i) {
    for (let j = i + 1; j < n; ++j) {
      const factor = rows[j][i] / rows[i][i];
      for (let k = i; k <= n; ++k) rows[j][k] -= factor * rows[i][k];
    }
  }
  const x = new Array(n).fill(0);
  for (let i = n - 1; i >= 0; --i) {
    x[i] = rows[i][n];
    for (let k = i + 1; k < n; ++k) x[i] -= rows[i][k] * x[k];
    x[i] /= rows[i][i];
  }
  return x;
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

function gram(vectors) {
  const a = Array.from({ length: RANK }, (_, i) => Array.from({ length: RANK }, (_, j) => (i === j ? RIDGE : 0)));
  for (const v of vectors) for (let i = 0; i < RANK; ++i) for (let j = 0; j < RANK; ++j) a[i][j] += v[i] * v[j];
  return a;
}

function foldIn(ratings, factors, target) {
  const known = ratings.filter((rating) => factors.has(rating.other));
  const b = new Array(RANK).fill(0);
  for (const rating of known) factors.get(rating.other).forEach((value, i) => { b[i] += value * target(rating); });
  return solve(gram(known.map((rating) => factors.get(rating.other))), b);
}

export class Mock {
  constructor() {
    this.items = new Map(read("../../examples/data/movies.dat.gz").map(([item, title, categories]) => [item, { item, title, categories: categories.split("|"), ratings: 0, sum: 0 }]));
    this.users = new Map();
    // A quarter of the users is enough here.
    for (const [user, item, value, time] of read("../../examples/data/ratings.dat.gz")) if (Number(user) % 4 === 0) this.rate(user, item, Number(value), Number(time));
    this.known = [...this.items.values()].sort((a, b) => b.ratings - a.ratings);
    this.items.get("1408101").title = HOSTILE;
    this.since = 0;
    this.began = Date.now();
    this.models = [this.train(3, 41), this.train(6, 42)];
    this.active = 42;
    this.job = null;
    this.requests = new Map();
    this.errors = [];
  }

  rate(user, item, value, time = Math.floor(Date.now() / 1000)) {
    if (!this.users.has(user)) this.users.set(user, new Map());
    const info = this.items.get(item);
    const old = this.users.get(user).get(item);
    this.users.get(user).delete(item);
    this.users.get(user).set(item, { other: item, value, time });
    info.ratings += old ? 0 : 1;
    info.sum += value - (old?.value ?? 0);
    ++this.since;
  }

  train(epochs, id) {
    const all = [...this.users.values()].flatMap((ratings) => [...ratings.values()]);
    const mean = all.reduce((sum, rating) => sum + rating.value, 0) / all.length;
    const factors = new Map();
    const bias = new Map();
    const raters = new Map();
    let seed = 7;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;
    for (const info of this.known) {
      if (info.ratings === 0) continue;
      bias.set(info.item, (info.sum - mean * info.ratings) / (info.ratings + 5));
      factors.set(info.item, Array.from({ length: RANK }, random));
    }
    const target = (rating) => rating.value - mean - bias.get(rating.other);
    for (const [user, ratings] of this.users) for (const rating of ratings.values()) {
      if (!raters.has(rating.other)) raters.set(rating.other, []);
      raters.get(rating.other).push({ other: user, value: target(rating) });
    }
    const history = [];
    for (let epoch = 1; epoch <= epochs; ++epoch) {
      const people = new Map([...this.users].map(([user, ratings]) => [user, foldIn([...ratings.values()], factors, target)]));
      let squares = 0;
      for (const [item, ratings] of raters) {
        factors.set(item, foldIn(ratings, people, (rating) => rating.value));
        for (const rating of ratings) squares += (rating.value - dot(people.get(rating.other), factors.get(item))) ** 2;
      }
      history.push({ epoch, train_rmse: Math.sqrt(squares / all.length), seconds: epoch * 0.2 });
    }
    return { id, mean, factors, bias, record: { id, state: "served", method: "als", rank: RANK, options: { rank: RANK, epochs, regularization: RIDGE, solver: "exact", biases: true },
      users: this.users.size, items: factors.size, ratings: all.length, fingerprint: "9f3c2a7be01d4c58", metrics: { train_rmse: history.at(-1).train_rmse }, history,
      command: `lowrank train - --method als --rank ${RANK} --epochs ${epochs} --output model.safetensors`, created: Math.floor(Date.now() / 1000) - (43 - id) * 4000 } };
  }

  model(id = this.active) { return this.models.find((model) => model.id === Number(id)); }

  entry(info, score, more = {}) { return { item: info.item, score, title: info.title, ...more }; }

  list(ratings, { limit = 10, explain = 0, categories = [], include_seen: seen = false, model: id, cursor }) {
    const model = this.model(id);
    const begin = cursor ? Number(cursor) : 0;
    const allowed = (info) => (categories.length === 0 || categories.some((one) => info.categories.includes(one))) && (seen || !ratings.some((rating) => rating.other === info.item));
    const known = ratings.filter((rating) => model.factors.has(rating.other));
    let scored;
    let source = "personal";
    if (known.length === 0) {
      source = "popular";
      scored = this.known.filter(allowed).map((info) => this.entry(info, info.ratings));
    } else {
      const target = (rating) => rating.value - model.mean - model.bias.get(rating.other);
      const user = foldIn(known, model.factors, target);
      const a = gram(known.map((rating) => model.factors.get(rating.other)));
      scored = [...model.factors].map(([item, vector]) => ({ info: this.items.get(item), vector, base: model.mean + model.bias.get(item) }))
        .filter((one) => allowed(one.info)).map((one) => ({ ...one, score: one.base + dot(user, one.vector) })).sort((x, y) => y.score - x.score)
        .slice(0, begin + limit).map(({ info, vector, base, score }) => {
          if (explain === 0) return this.entry(info, score);
          const solved = solve(a, vector);
          const reasons = known.map((rating) => ({ item: rating.other, title: this.items.get(rating.other).title, value: rating.value, amount: target(rating) * dot(solved, model.factors.get(rating.other)) }))
            .sort((x, y) => Math.abs(y.amount) - Math.abs(x.amount));
          const rest = reasons.slice(explain);
          return this.entry(info, score, { base, reasons: reasons.slice(0, explain), others: rest.reduce((sum, one) => sum + one.amount, 0), other_items: rest.length, reasons_kind: "sum" });
        });
    }
    const items = scored.slice(begin, begin + limit);
    return { items, source, model: model.id, ...(items.length === limit && begin + limit < 500 ? { cursor: String(begin + limit) } : {}) };
  }

  stats() {
    const record = { ...this.model().record, history: undefined, active: true };
    const quantiles = (times) => { const s = [...times].sort((a, b) => a - b); return { p50: s[Math.floor(s.length / 2)], p95: s[Math.floor(s.length * 0.95)], p99: s[Math.floor(s.length * 0.99)] }; };
    return { version: "0.1.0", simd: "mock", ready: true, not_ready: [], uptime: (Date.now() - this.began) / 1000, read_only: false, users: this.users.size, items: this.items.size,
      ratings: this.models.at(-1).record.ratings + this.since, ratings_since_training: this.since, model: record, model_age: Date.now() / 1000 - record.created, retrain: "1000", job: this.job, queue: 0, connections: 2,
      scale: { min: 0, max: 10 }, methods: ["sgd", "als", "implicit"], store: { bytes: 8400000, commit_p50: 0.0009, commit_p95: 0.003, commit_p99: 0.007 },
      routes: [...this.requests].map(([key, times]) => ({ route: key.split(" ")[1], method: key.split(" ")[0], requests: times.length, errors: 0, ...quantiles(times) })),
      errors: this.errors, limits: { header_bytes: 8192, uri_bytes: 8192, body_bytes: 1048576, bulk_bytes: 67108864, connections: 1024, queue: 1024, request_seconds: 2 }, memory_bytes: 93000000 };
  }

  runJob(body) {
    const model = this.train(4, Math.max(...this.models.map((one) => one.id)) + 1);
    const job = { id: model.id - 42, kind: "train", state: "running", stage: "training", method: body.method ?? "als", epoch: 0, epochs: 4, history: [], started: Math.floor(Date.now() / 1000) };
    this.job = job;
    const step = () => {
      if (job.state === "cancelled") return;
      job.history.push(model.record.history[job.epoch]);
      if (++job.epoch < 4) return void setTimeout(step, 300);
      model.record.created = job.finished = Math.floor(Date.now() / 1000);
      job.seconds = 1.2;
      Object.assign(job, { state: "done", model: model.id });
      this.models.push(model);
      this.active = model.id;
      this.since = 0;
    };
    setTimeout(step, 300);
    return job;
  }

  answer(method, url, body) {
    const parts = url.pathname.slice(1).split("/").map(decodeURIComponent);
    const q = url.searchParams;
    const limit = Number(q.get("limit") ?? 10);
    const problem = (status, detail) => ({ status, body: { type: "about:blank", status, title: "Problem", detail } });
    const ok = (data, status = 200) => ({ status, body: data });
    const [, kind, id, part, item] = parts;
    const ratingsOf = (user) => [...(this.users.get(user)?.values() ?? [])];
    const info = (one) => ({ item: one.item, title: one.title, categories: one.categories, available: true, ratings: one.ratings, mean: one.ratings ? one.sum / one.ratings : undefined, in_model: one.ratings > 0 });
    if (kind === "stats") return ok(this.stats());
    if (kind === "popular") return ok(this.list([], { limit }));
    if (kind === "categories") {
      const tally = new Map();
      for (const one of this.items.values()) for (const c of one.categories) tally.set(c, (tally.get(c) ?? 0) + 1);
      return ok({ categories: [...tally].sort((a, b) => b[1] - a[1]).map(([category, items]) => ({ category, items })) });
    }
    if (kind === "users" && !id) return ok({ users: [...this.users].filter(([user]) => user.startsWith(q.get("search") ?? "")).slice(0, limit).map(([user, r]) => ({ user, ratings: r.size })) });
    if (kind === "users" && part === "recommendations") {
      return ok({ user: id, ...this.list(ratingsOf(id), { limit, explain: Number(q.get("explain") ?? 0), categories: q.getAll("category"), include_seen: q.get("include_seen") === "true", cursor: q.get("cursor") }) });
    }
    if (kind === "users" && part === "ratings" && item) {
      if (!this.items.has(item)) return problem(404, `there is no item "${item}"`);
      if (method === "PUT") { this.rate(id, item, body.value); return ok({ user: id, item, value: body.value, version: 1 }); }
      this.users.get(id).delete(item);
      return ok({ user: id, item, deleted: true });
    }
    if (kind === "users" && part === "ratings") {
      if (!this.users.has(id)) return problem(404, `there is no user "${id}"`);
      return ok({ user: id, ratings: ratingsOf(id).reverse().slice(0, limit).map((rating) => ({ item: rating.other, value: rating.value, time: rating.time, title: this.items.get(rating.other).title })), total: this.users.get(id).size });
    }
    if (kind === "recommend") {
      const given = body.user !== undefined ? ratingsOf(body.user) : (body.ratings ?? []).map((rating) => ({ other: rating.item, value: rating.value }));
      return ok(this.list(given, { ...body, categories: body.filter?.categories }));
    }
    if (kind === "ratings") { for (const one of body) this.rate(one.user, one.item, one.value); return ok({ accepted: body.length, rejected: [] }); }
    if (kind === "items" && part === "similar") {
      const { factors } = this.model();
      const me = factors.get(id);
      if (!me) return ok({ item: id, by: "cosine", items: [], model: this.active });
      const cosine = (v) => dot(me, v) / Math.sqrt(dot(me, me) * dot(v, v));
      return ok({ item: id, by: "cosine", items: [...factors].filter(([other]) => other !== id).map(([other, v]) => this.entry(this.items.get(other), cosine(v))).sort((a, b) => b.score - a.score).slice(0, limit), model: this.active });
    }
    if (kind === "items") {
      const wanted = (q.get("search") ?? "").toLowerCase();
      return ok({ items: this.known.filter((one) => one.title.toLowerCase().includes(wanted)).slice(0, limit).map(info) });
    }
    if (kind === "models" && part === "activate") { this.active = Number(id); return ok(this.model().record); }
    if (kind === "models" && id) { const model = this.model(id); return model ? ok({ ...model.record, active: model.id === this.active }) : problem(404, "there is no such model"); }
    if (kind === "models") return ok({ models: [...this.models].reverse().map((model) => ({ ...model.record, history: undefined, active: model.id === this.active })), active: this.active });
    if (kind === "map") {
      const { factors } = this.model();
      const shown = this.known.filter((one) => factors.has(one.item));
      const most = (axis) => Math.max(...shown.map((one) => Math.abs(factors.get(one.item)[axis])));
      const [mx, my] = [most(0), most(1)];
      return ok({ model: this.active, items: shown.map((one) => one.item), titles: shown.map((one) => one.title), x: shown.map((one) => factors.get(one.item)[0] / mx), y: shown.map((one) => factors.get(one.item)[1] / my), ratings: shown.map((one) => one.ratings) });
    }
    if (kind === "train") return this.job?.state === "running" ? problem(409, "a training is running") : ok(this.runJob(body), 202);
    if (kind === "jobs" && method === "DELETE") { this.job.state = "cancelled"; return ok(this.job); }
    return problem(404, "there is no such route");
  }

  /// Listens on `port` of loopback, 0 for any that is free, and gives the address.
  listen(port = 0) {
    const types = { html: "text/html; charset=utf-8", css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
    this.server = createServer(async (request, response) => {
      const url = new URL(request.url, "http://localhost");
      const begin = performance.now();
      if (!url.pathname.startsWith("/v1/")) {
        const name = url.pathname === "/" ? "index.html" : url.pathname.slice(1);
        try {
          const content = readFileSync(here(`../../web/${name}`));
          response.writeHead(200, { "Content-Type": types[name.split(".").pop()], "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" });
          response.end(content);
        } catch { response.writeHead(404).end(); }
        return;
      }
      let text = "";
      for await (const chunk of request) text += chunk;
      const { status, body } = this.answer(request.method, url, text ? JSON.parse(text) : undefined);
      const key = `${request.method} ${url.pathname.replace(/(users|items|models|jobs)\/[^/]+/, "$1/{id}").replace(/ratings\/.+/, "ratings/{item}")}`;
      this.requests.set(key, [...(this.requests.get(key) ?? []), (performance.now() - begin) / 1000]);
      if (status >= 400) this.errors.unshift({ time: Math.floor(Date.now() / 1000), status, route: url.pathname, detail: body.detail });
      response.writeHead(status, { "Content-Type": status < 400 ? "application/json" : "application/problem+json" });
      response.end(JSON.stringify(body));
    });
    return new Promise((resolve) => { this.server.listen(port, "127.0.0.1", () => resolve(`http://127.0.0.1:${this.server.address().port}`)); });
  }

  close() { this.server.closeAllConnections(); this.server.close(); }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await new Mock().listen(Number(process.argv[2] ?? 8190)));
