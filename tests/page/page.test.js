// Clicks through the page of the local stack.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  call,
  createAssistant,
  createPathway,
  expectAccessible,
  launch,
  open,
  seen,
  url,
} from "./support.js";

const RICH = {
  display_name: "Bookshop",
  intro_message: "Hello! Looking for a book?",
  user_opening_messages: ["Where is my order?", "Recommend me a novel"],
  action_buttons: [{ label: "Opening hours" }, "Call the shop", { of: ["no", "name"] }],
  header_color: "rgb(11, 107, 93)",
  header_text_color: "#ffffff",
  bubble_color: "#0b6b5d",
  bubble_text: "Ask the bookshop",
  bot_message_color: "#eef3f1",
  bot_text_message_color: "#1c2b28",
  user_message_color: "navy",
  user_text_message_color: "white",
  textbox_default_text: "Ask about a book",
  remove_branding: true,
};

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const style = (page, selector, property) =>
  page.$eval(selector, (found, property) => getComputedStyle(found)[property], property);

for (const scheme of ["light", "dark"]) {
  for (const width of [360, 1280]) {
    test(`is accessible and fits, ${scheme}, ${width} px`, async () => {
      const { id } = await createAssistant(RICH);
      const page = await open(browser, `/#assistant/${id}`, { scheme, width });
      await seen(page, ".w-messages", /Looking for a book/);
      await createPathway({});
      await seen(page, "#changes", /created/);
      await page.$$eval("details", (all) => all.forEach((found) => (found.open = true)));
      await expectAccessible(page);
      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.equal(scrollWidth, width);
      for (const dialect of ["assistant", "pathway"]) {
        const explorer = await open(browser, `/page/explorer/${dialect}`, { scheme, width });
        await explorer.waitForSelector(".opblock");
        await expectAccessible(explorer);
        assert.deepEqual(explorer.faults, []);
        await explorer.close();
      }
      assert.deepEqual(page.faults, []);
      await page.close();
    });
  }
}

test("shows what runs, and copies the key and both commands", async () => {
  await browser
    .defaultBrowserContext()
    .overridePermissions(url, ["clipboard-read", "clipboard-sanitized-write"]);
  const page = await open(browser, "/");
  const { key, curl } = await (await fetch(`${url}/page/stack.json`)).json();
  await seen(page, "#connection", /Live/);
  await seen(page, "#facts", /DynamoDB/);
  await seen(page, "#functions", /Assistant.*POST \/api\/v1\/widget.*Pathway.*PATCH \/v1\/widget/);
  await page.bringToFront();
  for (const [source, text] of [
    ["key", key],
    ["curl-assistant", curl.assistant],
    ["curl-pathway", curl.pathway],
  ]) {
    assert.equal(await page.$eval(`#${source}`, (found) => found.textContent), text);
    await page.click(`[data-copy="${source}"]`);
    await seen(page, `[data-copy="${source}"]`, /Copied/);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  }
  await page.close();
});

test("is loading until the APIs have answered", async () => {
  const page = await open(browser, "/page/icon.svg");
  await page.setRequestInterception(true);
  const held = new Promise((resolve) =>
    page.on("request", (request) =>
      request.url().includes("/api/v1/widget?") ? resolve(request) : request.continue(),
    ),
  );
  await page.goto(url);
  await seen(page, "#connection", /Live/);
  await seen(page, "#no-changes", /^Loading…$/);
  await seen(page, "#no-logs", /^Loading…$/);
  await seen(page, "#lists .empty", /^Loading…$/);
  await (await held).continue();
  await seen(page, "#no-changes", /^None since this page was first opened\./);
  await seen(page, "#no-logs", /^None yet\./);
  await page.close();
});

test("draws a widget as a visitor sees it, and answers clicks", async () => {
  const { id } = await createAssistant(RICH);
  const page = await open(browser, `/#assistant/${id}`);
  await seen(page, ".w-header", /Bookshop/);
  await seen(page, ".w-messages", /Hello! Looking for a book\?/);
  await seen(page, ".w-label", /Ask the bookshop/);
  assert.equal(await style(page, ".w-header", "backgroundColor"), "rgb(11, 107, 93)");
  assert.equal(await page.$eval(".w-form input", (input) => input.placeholder), "Ask about a book");
  assert.equal(await page.$(".w-branding"), null);
  const labels = await page.$$eval(".w-action", (all) => all.map((found) => found.textContent));
  assert.deepEqual(labels, ["Opening hours", "Call the shop", '{"of":["no","name"]}']);

  await page.click(".w-opening");
  await seen(page, ".w-message.user", /Where is my order\?/);
  assert.equal(await style(page, ".w-message.user", "backgroundColor"), "rgb(0, 0, 128)");
  await page.click(".w-bubble");
  assert.equal(await page.$eval(".w-window", (window) => window.hidden), true);
  await page.close();
});

test("follows changes that any client makes, and deletes", async () => {
  const { id } = await createAssistant({ display_name: "Before" });
  const page = await open(browser, `/#assistant/${id}`);
  await seen(page, ".w-header", /Before/);
  await call("PUT", `/api/v1/widget/${id}`, {
    widget_type: "chat",
    display_name: "After",
    header_color: "#112233",
  });
  await seen(page, ".w-header", /After/);
  assert.equal(await style(page, ".w-header", "backgroundColor"), "rgb(17, 34, 51)");
  await seen(page, "#lists", /After/);
  await seen(page, "#changes", new RegExp(`updated.*${id}`));
  await seen(page, "#logs", /200 PUT \/api\/v1\/widget\/\{widget_id\}/);
  await call("DELETE", `/api/v1/widget/${id}`);
  await seen(page, ".preview", /No such widget/);
  await seen(page, "#changes", new RegExp(`deleted.*${id}`));
  assert.equal(await page.$(`[data-id="${id}"]`), null);
  await page.close();
});

test("shows a pathway widget to the pages that may embed it", async () => {
  const { id } = await createPathway({
    allowed_domains: ["*.example.com", "localhost:3000"],
    config: {
      theme: "dark",
      display_name: "Night desk",
      intro_message: "Good evening.",
      user_opening_messages: ["Where is my order?"],
      header_color: "rgb(11, 107, 93)",
      bubble_color: "teal",
      bubble_text: "Ask at night",
      textbox_default_text: "Ask about a book",
    },
  });
  const page = await open(browser, "/");
  await page.waitForSelector(`[data-id="${id}"]`);
  await page.click(`[data-id="${id}"]`);
  await seen(page, ".w-header", /Night desk/);
  await seen(page, ".w-messages", /Good evening\./);
  await seen(page, ".w-opening", /Where is my order\?/);
  await seen(page, ".w-label", /Ask at night/);
  assert.equal(await page.$eval(".w-form input", (input) => input.placeholder), "Ask about a book");
  for (const [selector, colour] of [
    [".w-window", "rgb(29, 33, 37)"],
    [".w-header", "rgb(11, 107, 93)"],
    [".w-bubble", "rgb(0, 128, 128)"],
    [`[data-id="${id}"] .swatch`, "rgb(0, 128, 128)"],
  ]) {
    assert.equal(await style(page, selector, "backgroundColor"), colour, selector);
  }
  const origins = await page.$$eval("#origin option", (all) =>
    all.map((found) => found.textContent),
  );
  assert.deepEqual(origins.slice(0, 2), ["https://www.example.com", "http://localhost:3000"]);
  await page.select("#origin", origins[2]);
  await seen(page, ".stage", /not allowed|may not|allowed_domains/);
  await page.close();
});

test("keeps what a widget holds a text, and loads no script or other scheme for it", async () => {
  const attack = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
  const { id } = await createAssistant({
    display_name: attack,
    intro_message: attack,
    user_opening_messages: [attack],
    action_buttons: [{ label: attack }],
    header_color: "red; background-image: url(http://attacker.example/1)",
    bubble_color: "url(http://attacker.example/2)",
    user_message_color: "var(--primary-color)",
    bot_message_color: "var(--x, url(http://attacker.example/3))",
    conversation_bot_icon: "javascript:document.title=1",
    bubble_bot_icon: "data:text/html,<script>document.title=1</script>",
  });
  const page = await open(browser, `/#assistant/${id}`);
  await seen(page, ".w-messages", /<script>/);
  await seen(page, ".notes", /header_color.*is no colour/);
  await seen(page, ".notes", /bubble_color.*is no colour/);
  await seen(page, ".notes", /bot_message_color.*is no colour/);
  await seen(page, ".notes", /user_message_color.*is set by the page that embeds/);
  await seen(page, ".notes", /conversation_bot_icon.*is not loaded: its scheme is javascript:/);
  await seen(page, ".notes", /bubble_bot_icon.*is not loaded: its scheme is data:/);
  await page.click(".w-opening");
  await seen(page, ".w-message.user", /<script>/);
  assert.equal(await page.$(".widget img, .widget script"), null);
  assert.equal(await page.title(), "Widgets, local stack");
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("draws an icon, and its own where the icon does not load", async () => {
  const { id } = await createAssistant({
    conversation_bot_icon: `${url}/page/icon.svg`,
    bubble_bot_icon: `${url}/page/no-such-icon.svg`,
  });
  const page = await open(browser, `/#assistant/${id}`);
  const isLoaded = () => document.querySelector(".w-icon img")?.naturalWidth > 0;
  await page.waitForFunction(isLoaded);
  await page.waitForSelector(".w-bubble svg");
  await page.close();
});

test("lists more than a page, and previews what the list does not reach", async () => {
  const oldest = await createPathway({
    config: { display_name: "Oldest" },
    allowed_domains: ["a.com"],
  });
  for (let count = 0; count < 50; count += 1) await createPathway({});
  const page = await open(browser, `/#pathway/${oldest.id}`);
  await seen(page, ".w-header", /Oldest/);
  await seen(page, "#list-pathway", /^Pathway 50\+$/);
  assert.equal(await page.$(`[data-id="${oldest.id}"]`), null);
  await page.evaluate(() => document.querySelector("#lists section:last-child > button").click());
  await page.waitForSelector(`[data-id="${oldest.id}"][aria-current]`);
  await page.close();
});

test("adds samples and is used by keyboard", async () => {
  const page = await open(browser, "/");
  await seen(page, "#connection", /Live/);
  await page.keyboard.press("Tab");
  assert.equal(
    await page.evaluate(() => document.activeElement.textContent),
    "Skip to the widgets",
  );
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^Add a sample/);
  assert.notEqual(await style(page, ":focus", "outlineStyle"), "none");
  await page.keyboard.press("Enter");
  await seen(page, "#announcement", /A sample assistant widget is created/);
  await seen(page, ".w-header", /Bookshop/);
  await page.waitForSelector('#lists [aria-current="true"]');
  await page.close();
});

for (const dialect of ["assistant", "pathway"]) {
  test(`explorer: every example of the ${dialect} API works on the first click`, async () => {
    const page = await open(browser, `/page/explorer/${dialect}`);
    await page.waitForSelector(".opblock");
    const operations = await page.$$eval(".opblock", (all) => all.map((found) => found.id));
    assert.equal(operations.length, 8);
    for (const operation of operations) {
      const within = (selector) => `#${operation} ${selector}`;
      const click = (selector) => page.$eval(within(selector), (found) => found.click());
      await click(".opblock-summary-control");
      // Swagger UI resolves the operation while it unfolds: then its responses are listed.
      await page.waitForSelector(within(".execute"));
      await page.waitForSelector(within(".responses-table .response"));
      await click(".execute");
      await page.waitForSelector(within(".live-responses-table .response"));
      const status = await page.$eval(
        within(".live-responses-table .response-col_status"),
        (found) => found.textContent,
      );
      const answered = await page.$eval(
        within(".live-responses-table tbody .response-col_status"),
        (found) => found.textContent,
      );
      assert.match(answered, /^200/, `${operation}: ${status} ${answered}`);
      await click(".opblock-summary-control");
    }
    assert.deepEqual(page.faults, []);
    await page.close();
  });
}
