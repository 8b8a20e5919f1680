// The lists of change events and log lines, the newest first.

import { byId, element } from "/page/dom.js";

const MOST_SHOWN = 200;

export function showChange({ time, content: event }) {
  const { data, type } = event.detail;
  const what = type.replace(/^widget\./, "");
  const link = element("a", { href: `#${data.dialect}/${data.widget_id}` }, data.widget_id);
  const entry = element(
    "li",
    {},
    clock(time),
    element("span", { class: `badge ${what}` }, what),
    element("span", {}, `${data.dialect} `, what === "deleted" ? data.widget_id : link),
    element(
      "details",
      {},
      element("summary", {}, `version ${data.version}`),
      element("pre", { tabindex: "0" }, JSON.stringify(event, null, 2)),
    ),
  );
  add("changes", entry);
}

export function showFailure({ time, content: reason }) {
  add("changes", element("li", { class: "failure" }, clock(time), `No change events: ${reason}`));
}

export function showLog({ time, content: { function: name, text } }) {
  const status = Number(text.match(/^(\d{3}) /)?.[1] ?? 0);
  const isFailure = status >= 500 || text.startsWith("ERROR");
  const kind = isFailure ? "failure" : status >= 400 ? "refusal" : null;
  const entry = element(
    "li",
    { class: kind },
    clock(time),
    element("span", { class: "source" }, name),
    element("span", {}, text),
  );
  add("logs", entry);
}

/** Says of each list why it may be empty: what there was before has come. */
export function showHints() {
  for (const list of ["changes", "logs"]) {
    const empty = byId(`no-${list}`);
    empty.textContent = empty.dataset.hint;
  }
}

function add(list, entry) {
  byId(list).prepend(entry);
  byId(`no-${list}`).hidden = true;
  while (byId(list).childElementCount > MOST_SHOWN) byId(list).lastElementChild.remove();
}

function clock(time) {
  const date = new Date(time);
  const text = date.toLocaleTimeString([], { hour12: false });
  return element("time", { datetime: date.toISOString() }, text);
}
