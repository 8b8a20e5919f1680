// The widgets of both dialects, the newest first, as the account's key sees them.

import { DIALECTS, read } from "/page/api.js";
import { announce, byId, element } from "/page/dom.js";
import { createSample } from "/page/samples.js";
import { colour, text } from "/page/untrusted.js";

/** More changes at once than this are not read one by one. */
const MOST_READ_AT_ONCE = 10;
const GATHER_MS = 150;
const MOST_OF_A_NAME = 120;

export class WidgetList {
  #dialect;
  #widgets = new Map();
  /** The items that are shown, by id: an item stays while its widget does, for whoever is on it. */
  #shown = new Map();
  #cursor = null;
  #hasMore = false;
  #changed = new Set();
  #reading = null;
  #failure = "";
  #selected = null;
  #items = element("ul", { class: "items" });
  #count = element("span", { class: "count" });
  #more = element(
    "button",
    { type: "button", hidden: true, onclick: () => this.#loadMore() },
    "Show more",
  );
  #message = element("p", { class: "empty" }, "Loading…");

  constructor(dialect, onCreated) {
    this.#dialect = dialect;
    const { title } = DIALECTS[dialect];
    const add = async () => {
      try {
        onCreated(dialect, await createSample(dialect));
        announce(`A sample ${dialect} widget is created.`);
      } catch (error) {
        announce(`No sample is created: ${error.message}`);
        this.#message.textContent = error.message;
      }
    };
    const button = element(
      "button",
      { type: "button", onclick: add },
      "Add a sample",
      element("span", { class: "hidden" }, ` ${dialect} widget`),
    );
    const head = element(
      "div",
      { class: "list-head" },
      element("h3", { id: `list-${dialect}` }, title, " ", this.#count),
      button,
    );
    byId("lists").append(
      element(
        "section",
        { class: "panel", "aria-labelledby": `list-${dialect}` },
        head,
        this.#items,
        this.#message,
        this.#more,
      ),
    );
  }

  /** The widget with this id, if the list has it; the newest without one. */
  widget(id) {
    return id === undefined ? this.#sorted()[0] : this.#widgets.get(id);
  }

  select(id) {
    this.#selected = id;
    this.#show();
  }

  /** Reads the list anew from its beginning. */
  async load() {
    this.#widgets.clear();
    this.#cursor = null;
    await this.#loadMore();
  }

  /** Puts in a widget that is known already. */
  put(widget) {
    this.#widgets.set(widget.id, widget);
    this.#show();
  }

  /** Takes out a widget that is deleted. */
  removed(id) {
    this.#widgets.delete(id);
    this.#show();
  }

  /** Reads a widget again that has changed, with others that change at the same time. */
  changed(id) {
    this.#changed.add(id);
    this.#reading ??= this.#readChanged();
    return this.#reading;
  }

  async #readChanged() {
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    const ids = [...this.#changed];
    this.#changed.clear();
    this.#reading = null;
    if (ids.length > MOST_READ_AT_ONCE) return this.load();
    await Promise.all(ids.map((id) => this.#readAgain(id)));
    this.#show();
  }

  async #readAgain(id) {
    try {
      const widget = await read(this.#dialect, id);
      // One that stands further down than what is shown comes with "Show more".
      const isShown = !this.#hasMore || id >= (this.#sorted().at(-1)?.id ?? "");
      if (isShown) this.#widgets.set(id, widget);
    } catch (error) {
      if (error.status === 404) this.#widgets.delete(id);
    }
  }

  async #loadMore() {
    try {
      const page = await DIALECTS[this.#dialect].page(this.#widgets.size, this.#cursor);
      page.widgets.forEach((widget) => this.#widgets.set(widget.id, widget));
      this.#cursor = page.cursor ?? null;
      this.#hasMore = page.hasMore;
      this.#failure = "";
    } catch (error) {
      this.#failure = `The list cannot be read: ${error.message}`;
      this.#hasMore = false;
    }
    this.#show();
  }

  /** By id, which begins with the time of creation. */
  #sorted() {
    return [...this.#widgets.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
  }

  #show() {
    const sorted = this.#sorted();
    const items = sorted.map((widget) => this.#item(widget));
    this.#shown = new Map(
      sorted.map((widget, index) => [widget.id, { widget, item: items[index] }]),
    );
    const old = [...this.#items.children];
    if (items.length !== old.length || items.some((item, index) => item !== old[index])) {
      const focused = document.activeElement?.dataset.id;
      this.#items.replaceChildren(...items);
      if (focused) this.#shown.get(focused)?.item.querySelector("a").focus();
    }
    for (const link of this.#items.querySelectorAll("a")) {
      if (link.dataset.id === this.#selected) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    this.#count.textContent = `${this.#widgets.size}${this.#hasMore ? "+" : ""}`;
    this.#more.hidden = !this.#hasMore;
    const isEmpty = this.#widgets.size === 0;
    const hint = isEmpty ? "None yet. Paste the line above, or add a sample." : "";
    this.#message.textContent = this.#failure || hint;
  }

  #item(widget) {
    const shown = this.#shown.get(widget.id);
    if (shown && JSON.stringify(shown.widget) === JSON.stringify(widget)) return shown.item;
    const { label, detail, looks } = DIALECTS[this.#dialect];
    const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
    const { bubble_color: bubble, header_color: header } = looks(widget);
    const { css } = colour(bubble ?? header);
    if (css) swatch.style.backgroundColor = css;
    const attributes = { href: `#${this.#dialect}/${widget.id}`, "data-id": widget.id };
    const texts = element(
      "span",
      { class: "texts" },
      element("span", { class: "name" }, text(label(widget), MOST_OF_A_NAME)),
      element("span", { class: "sub" }, `${detail(widget)} · ${widget.id.slice(-12)}`),
    );
    return element("li", {}, element("a", attributes, swatch, texts));
  }
}
