// A widget as its embed draws it: a bubble that opens a window. Nothing that is typed leaves it.

import { element } from "/page/dom.js";
import { drawn } from "/page/icons.js";

/** Draws a look into `stage`. */
export function draw(look, stage, isOpen, onToggle) {
  const widget = element("div", { class: look.isDark ? "widget night" : "widget" });
  for (const [name, css] of Object.entries(look.colours)) {
    widget.style.setProperty(`--w-${name}`, css);
  }
  const { messages, window } = chatWindow(look);
  const bubble = chatBubble(look, isOpen, () => {
    window.hidden = !window.hidden;
    bubble.setAttribute("aria-expanded", String(!window.hidden));
    onToggle(!window.hidden);
  });
  window.hidden = !isOpen;
  const label = look.bubbleText ? element("span", { class: "w-label" }, look.bubbleText) : null;
  widget.append(window, element("div", { class: "w-corner" }, ...[label, bubble].filter(Boolean)));
  stage.replaceChildren(widget);
  makeReadable(widget);
  messages.scrollTop = messages.scrollHeight;
}

function chatWindow(look) {
  const messages = element("div", {
    class: "w-messages",
    tabindex: "0",
    role: "group",
    "aria-label": "Messages",
  });
  const say = (who, content) => {
    messages.append(element("p", { class: `w-message ${who}` }, content));
    const widget = messages.closest(".widget");
    if (widget) makeReadable(widget);
    messages.scrollTop = messages.scrollHeight;
  };
  look.messages.forEach((message) => say("bot", message));
  const openings = look.openings.map((opening) =>
    element(
      "button",
      { type: "button", class: "w-opening", onclick: () => say("user", opening) },
      opening,
    ),
  );
  const actions = look.actions.map(({ label, detail }) => {
    const onclick = () => say("note", `Your embed acts on: ${detail}`);
    return element("button", { type: "button", class: "w-action", onclick }, label);
  });
  const input = element("input", {
    "aria-label": "Message",
    placeholder: look.placeholder,
    autocomplete: "off",
  });
  const form = element(
    "form",
    { class: "w-form" },
    input,
    element("button", { type: "submit", "aria-label": "Send" }, drawn("send")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value.trim()) say("user", input.value);
    input.value = "";
  });
  const window = element(
    "div",
    { class: "w-window", role: "group", "aria-label": "Chat window" },
    element(
      "div",
      { class: "w-header" },
      botIcon(look.conversationIcon),
      element("p", {}, look.title),
    ),
    messages,
    openings.length ? element("div", { class: "w-openings" }, ...openings) : null,
    actions.length ? element("div", { class: "w-actions" }, ...actions) : null,
    form,
    look.branding ? element("p", { class: "w-branding" }, "Branding of the service") : null,
  );
  return { messages, window };
}

function chatBubble(look, isOpen, onclick) {
  const attributes = {
    type: "button",
    class: "w-bubble",
    "aria-label": "Chat",
    "aria-expanded": String(isOpen),
    onclick,
  };
  return element("button", attributes, picture(look.bubbleIcon, "chat"));
}

const botIcon = (url) => element("span", { class: "w-icon" }, picture(url, "bot"));

/** The picture at a checked URL; the drawn one where there is none or it does not load. */
function picture(url, fallback) {
  if (!url) return drawn(fallback);
  const image = element("img", { alt: "", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.replaceWith(drawn(fallback)));
  image.src = url;
  return image;
}

/** What has a background of the widget's, and the variable that has the colour of its text, if any. */
const PAINTED = {
  "w-header": "header-text",
  bot: "bot-text",
  user: "user-text",
  "w-opening": null,
  "w-action": null,
  "w-bubble": null,
};

/** Writes in black or white where the widget has no colour for the text. */
function makeReadable(widget) {
  for (const [name, own] of Object.entries(PAINTED)) {
    if (own && widget.style.getPropertyValue(`--w-${own}`)) continue;
    for (const found of widget.querySelectorAll(`.${name}`)) {
      const background = getComputedStyle(found).backgroundColor;
      const [red, green, blue] = background.match(/[\d.]+/g)?.map(Number) ?? [];
      const isLight = 0.299 * red + 0.587 * green + 0.114 * blue > 150;
      found.style.color = isLight ? "#16181a" : "#fff";
    }
  }
}
