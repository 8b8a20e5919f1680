// A browser with the page of the local stack at the URL that `WIDGETS_URL` names.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import puppeteer from "puppeteer-core";

export const url = process.env.WIDGETS_URL;

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export function launch() {
  const executablePath = execFileSync("sh", ["-c", "command -v chromium"], {
    encoding: "utf8",
  }).trim();
  return puppeteer.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
}

/** Opens a page. What it loads from elsewhere, and any error in it, is in `faults`. */
export async function open(browser, path, { scheme = "light", width = 1280, height = 900 } = {}) {
  const page = await browser.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (target.origin !== url && target.protocol !== "data:") page.faults.push(`loads ${target}`);
  });
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(url + path);
  return page;
}

/** Waits until the text of a part of the page matches. */
export function seen(page, selector, pattern) {
  const matches = (selector, source) =>
    new RegExp(source, "s").test(document.querySelector(selector)?.textContent ?? "");
  return page
    .waitForFunction(matches, { timeout: 15000 }, selector, pattern.source)
    .catch(async () => {
      const text = await page.$eval(selector, (found) => found.textContent).catch(() => "nothing");
      assert.fail(`${selector} never shows ${pattern}, but ${text}`);
    });
}

/** Asserts that axe finds nothing that keeps somebody out. */
export async function expectAccessible(page) {
  // The page's policy keeps scripts of others out; this one is evaluated by the browser's debugger.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const told = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(", ")}`,
  );
  assert.deepEqual(told, []);
}

/** Calls an API with the stack's key, as any client does. */
export async function call(method, path, body) {
  const { key } = await (await fetch(`${url}/page/stack.json`)).json();
  const headers = { authorization: key, "content-type": "application/json" };
  const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  assert.equal(response.status, 200, `${method} ${path}: ${await response.clone().text()}`);
  return (await response.json()).data;
}

export const createAssistant = (fields) =>
  call("POST", "/api/v1/widget", {
    widget_type: "chat",
    user_opening_messages: [],
    action_buttons: [],
    ...fields,
  });

export const createPathway = (fields) =>
  call("POST", "/v1/widget", {
    agent_prompt: "Be kind.",
    allowed_domains: [],
    messages_per_minute: 10,
    config: {},
    ...fields,
  });
