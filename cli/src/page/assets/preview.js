// The preview of the widget that the address names (`#assistant/<id>`).

import { read, readPublic, stack } from "/page/api.js";
import { draw } from "/page/chat.js";
import { byId, element } from "/page/dom.js";
import { assistantLook, pathwayLook } from "/page/looks.js";

/** An origin that no list of domains has. */
const ELSEWHERE = "https://another-site.example";

const stage = element("div", { class: "stage" });
const notes = element("ul", { class: "notes" });
const raw = element("pre", { tabindex: "0" });
const heading = element("h3", { "aria-live": "polite" }, "Preview");
const path = element("code");
const origins = element("select", { id: "origin", onchange: () => show(shown) });
const seenFrom = element(
  "label",
  { class: "origin", for: "origin", hidden: true },
  "Seen from ",
  origins,
);

let shown = null;
let isOpen = true;
let request = 0;

const details = element("details", {}, element("summary", {}, "What the embed reads"), raw);

export function preparePreview() {
  byId("preview").append(
    element("div", { class: "preview-head" }, heading, seenFrom),
    stage,
    notes,
    element("p", { class: "sub" }, path),
    details,
  );
  show(null);
}

/** Shows a widget, or that there is none. `widget` is what the list knows of it, if it does. */
export async function show(selection) {
  const own = ++request;
  const isAnother = selection?.id !== shown?.id;
  shown = selection;
  if (!selection) return showNothing("Choose a widget, or create one.");
  const { dialect, id } = selection;
  path.textContent = `GET ${stack.prefix}${publicPath(dialect, id)}`;
  seenFrom.hidden = dialect === "assistant";
  try {
    if (dialect === "pathway") {
      // The list may not reach as far as this widget.
      const widget = selection.widget ?? (await read(dialect, id));
      if (own !== request) return;
      offerOrigins(isAnother, widget.allowed_domains);
    }
    const { text, data } = await readPublic(dialect, id, origins.value);
    if (own !== request) return;
    const look = dialect === "assistant" ? assistantLook(data) : pathwayLook(data);
    heading.textContent = `Preview of ${look.title}`;
    draw(look, stage, isOpen, (open) => (isOpen = open));
    notes.replaceChildren(...look.notes.map((note) => element("li", {}, note)));
    raw.textContent = text;
    details.hidden = false;
  } catch (error) {
    if (own === request)
      showNothing(error.message, error.status === 404 ? "No such widget" : "Not shown");
  }
}

function showNothing(reason, title = "Preview") {
  heading.textContent = title;
  stage.replaceChildren(element("p", { class: "nothing" }, reason));
  notes.replaceChildren();
  details.hidden = true;
}

/** A pathway widget answers to the pages of its allowed domains. */
function offerOrigins(isAnother, domains) {
  const chosen = isAnother ? null : origins.value;
  const offered = [...domains.map(originOf), ELSEWHERE];
  origins.replaceChildren(...offered.map((origin) => element("option", {}, origin)));
  if (offered.includes(chosen)) origins.value = chosen;
}

/** An origin of an entry of `allowed_domains`. */
function originOf(domain) {
  const host = domain.replace(/^\*\./, "www.");
  const isLocal = /^(localhost|127\.|\[::1\])/.test(host);
  return `${isLocal ? "http" : "https"}://${host}`;
}

const publicPath = (dialect, id) =>
  dialect === "assistant" ? `/api/v1/widget/${id}/parameters` : `/v1/widget/${id}/config`;
