// <widget-bubble base-url="https://…" widget-id="…" [dialect="pathway"]>
//
// Draws a widget from its public parameters, which need no API key. A click on the bubble opens it.
// What a visitor writes is an event `message` for your runtime: this element sends it nowhere.
// Events `load` and `error` tell whether the widget was read.
//
// What a widget holds is untrusted: it becomes text nodes and single style properties, never HTML.

const style = new CSSStyleSheet();
style.replaceSync(`
  :host { position: fixed; right: 1rem; bottom: 1rem; font: 1rem/1.4 system-ui, sans-serif; }
  * { box-sizing: border-box; font: inherit; }
  button { padding: 0.5rem 1rem; border: 0; border-radius: 1.25rem; cursor: pointer;
    background: #1f4ed8; color: #fff; }
  img { width: 1.5rem; height: 1.5rem; margin-right: 0.5rem; vertical-align: middle; }
  section { width: min(20rem, calc(100vw - 2rem)); margin-bottom: 0.5rem; overflow: hidden;
    border-radius: 0.75rem; background: #fff; color: #111; box-shadow: 0 0.25rem 1.5rem #0005; }
  header { padding: 0.75rem 1rem; background: #1f4ed8; color: #fff; font-weight: 600; }
  p { margin: 1rem; padding: 0.5rem 0.75rem; border-radius: 0.75rem; background: #eee; }
  .openings { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 1rem; }
  input { width: 100%; padding: 0.75rem 1rem; border: 0; border-top: 1px solid #ccc; }
`);

// Where each dialect has what a page may see, and which part of it this element draws. The config
// of a pathway widget is its owner's own JSON: here it has the assistant dialect's members.
const dialects = {
  assistant: { path: (id) => `/api/v1/widget/${id}/parameters`, parameters: (data) => data },
  pathway: { path: (id) => `/v1/widget/${id}/config`, parameters: (data) => data.config },
};

class WidgetBubble extends HTMLElement {
  async connectedCallback() {
    if (this.shadowRoot) return;
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [style];
    try {
      this.#draw(await this.#read());
      this.dispatchEvent(new Event("load"));
    } catch (error) {
      console.error("widget-bubble:", error.message);
      this.dispatchEvent(new Event("error"));
    }
  }

  async #read() {
    const { path, parameters } = dialects[this.getAttribute("dialect") ?? "assistant"];
    const id = encodeURIComponent(this.getAttribute("widget-id"));
    const response = await fetch(new URL(path(id), this.getAttribute("base-url")));
    if (!response.ok) throw new Error(`widget ${id} was answered with ${response.status}`);
    return parameters((await response.json()).data);
  }

  #draw(widget) {
    const name = text(widget.display_name, "Chat");
    const header = painted("header", widget.header_color, widget.header_text_color);
    header.append(...icon(widget.conversation_bot_icon), name);

    const intro = painted("p", widget.bot_message_color, widget.bot_text_message_color);
    intro.append(text(widget.intro_message, "Hello!"));

    const input = document.createElement("input");
    input.placeholder = text(widget.textbox_default_text, "Write a message");
    input.ariaLabel = input.placeholder;
    const form = document.createElement("form");
    form.append(input);
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#send(input.value);
      input.value = "";
    };

    const openings = document.createElement("div");
    openings.className = "openings";
    for (const opening of strings(widget.user_opening_messages)) {
      const button = painted("button", widget.user_message_color, widget.user_text_message_color);
      button.append(opening);
      button.onclick = () => this.#send(opening);
      openings.append(button);
    }

    const panel = document.createElement("section");
    panel.ariaLabel = name;
    panel.hidden = true;
    panel.append(header, intro, openings, form);

    const bubble = painted("button", widget.bubble_color);
    bubble.append(...icon(widget.bubble_bot_icon), text(widget.bubble_text, name));
    bubble.ariaExpanded = "false";
    bubble.onclick = () => {
      panel.hidden = !panel.hidden;
      bubble.ariaExpanded = String(!panel.hidden);
      if (!panel.hidden) input.focus();
    };
    this.shadowRoot.append(panel, bubble);
  }

  #send(message) {
    this.dispatchEvent(new CustomEvent("message", { detail: message, bubbles: true }));
  }
}

const text = (value, fallback) => (typeof value === "string" && value !== "" ? value : fallback);

const strings = (values) =>
  Array.isArray(values) ? values.filter((value) => typeof value === "string") : [];

/** An element in these colours, which are any CSS; what is no colour changes nothing. */
function painted(tag, background, color) {
  const element = document.createElement(tag);
  element.style.backgroundColor = text(background, "");
  element.style.color = text(color, "");
  return element;
}

/** An image, if this is the URL of one. */
function icon(url) {
  if (!text(url, "").startsWith("https://")) return [];
  const image = document.createElement("img");
  image.src = url;
  image.alt = "";
  return [image];
}

customElements.define("widget-bubble", WidgetBubble);
