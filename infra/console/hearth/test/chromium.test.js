// Runs the tests of session.test.js in Chromium, too. Only outside of CI a machine may lack that.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const root = fileURLToPath(new URL("..", import.meta.url));
const types = { ".html": "text/html", ".js": "text/javascript" };
const chromium = ["chromium", "chromium-browser", "google-chrome"].find((name) => spawnSync(name, ["--version"]).status === 0);

/** Serves the package; what its page reports is what the promise gives. */
async function serve() {
  let reported;
  const report = new Promise((done) => (reported = done));
  const server = createServer(async (request, answer) => {
    if (request.method === "POST") {
      let text = "";
      for await (const piece of request.setEncoding("utf8")) text += piece;
      answer.end();
      return reported(JSON.parse(text));
    }
    try {
      const { pathname } = new URL(request.url, "http://localhost"); // which has no ".." left
      const body = await readFile(join(root, pathname));
      answer.writeHead(200, { "Content-Type": types[extname(pathname)] ?? "text/plain" }).end(body);
    } catch {
      answer.writeHead(404).end();
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, report };
}

test("in Chromium", { skip: !chromium && !process.env.CI && "no Chromium on this machine", timeout: 120_000 }, async (t) => {
  assert.ok(chromium, "CI needs Chromium: apt-get install chromium");
  const { server, report } = await serve();
  const profile = await mkdtemp(join(tmpdir(), "hearth-client-"));
  const url = `http://127.0.0.1:${server.address().port}/test/browser/index.html`;
  const browser = spawn(chromium, ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", `--user-data-dir=${profile}`, "--remote-debugging-port=0", url], { stdio: "ignore" });
  const ended = once(browser, "exit");
  try {
    const results = await Promise.race([report, ended.then(() => assert.fail("the browser has ended"))]);
    assert.ok(results.length > 20, `${results.length} tests were run`);
    for (const { name, problem } of results) await t.test(name, () => assert.equal(problem, null));
  } finally {
    browser.kill("SIGKILL");
    await ended;
    server.close();
    server.closeAllConnections();
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
});
