// What the tests of the page run against: `lowrank serve` with the example ratings, where LOWRANK names the program, or else the stand-in.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { HOSTILE, Mock } from "./mock_server.js";

const DATA = fileURLToPath(new URL("../../examples/data/", import.meta.url));
const PATIENCE = 300000; // ms

/// The example titles, but for one of the best known, which is hostile.
function writeTitles(path) {
  const titles = gunzipSync(readFileSync(`${DATA}movies.dat.gz`)).toString("utf8");
  writeFileSync(path, titles.replace(/^(1408101)::[^:]*(.*)::/m, `$1::${HOSTILE}::`));
}

async function startProgram(program) {
  const folder = mkdtempSync(join(tmpdir(), "lowrank-page-"));
  writeTitles(join(folder, "titles"));
  const child = spawn(program, ["serve", join(folder, "state"), "--listen", "127.0.0.1:0", "--import", `${DATA}ratings.dat.gz`, "--titles", join(folder, "titles"),
    ...(process.env.LOWRANK_WEB ? ["--web", process.env.LOWRANK_WEB] : [])], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the service did not start:\n${said}`)), PATIENCE);
    const listen = (text) => {
      said = (said + text).slice(-20000);
      const found = said.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (!found) return;
      clearTimeout(late);
      resolve(found[0]);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.on("exit", (code) => reject(new Error(`the service ended with ${code}:\n${said}`)));
  });
  for (let tries = 0; tries < PATIENCE / 100; ++tries) {
    const ready = await fetch(`${url}/readyz`).catch(() => null);
    if (ready?.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    close: () => new Promise((resolve) => {
      child.removeAllListeners("exit");
      child.on("exit", () => {
        rmSync(folder, { recursive: true, force: true });
        resolve();
      });
      child.kill("SIGTERM");
    }),
  };
}

export async function startService() {
  if (process.env.LOWRANK) return startProgram(process.env.LOWRANK);
  const mock = new Mock();
  return { url: await mock.listen(), close: () => mock.close() };
}
