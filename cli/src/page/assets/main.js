// Puts the page together.

import { showChange, showFailure, showHints, showLog } from "/page/activity.js";
import { DIALECTS, readStack, readSummary } from "/page/api.js";
import { enableCopying } from "/page/copy.js";
import { byId } from "/page/dom.js";
import { follow } from "/page/feed.js";
import { WidgetList } from "/page/lists.js";
import { preparePreview, show } from "/page/preview.js";
import { showStack } from "/page/stack.js";

const stack = await readStack();
const lists = Object.fromEntries(
  Object.keys(DIALECTS).map((dialect) => [dialect, new WidgetList(dialect, onCreated)]),
);
let current = null;
let wasLost = false;
let openedAt = 0;

showStack(stack);
enableCopying();
preparePreview();
addEventListener("hashchange", () => named() && select(named()));
follow({ onOpen, onLost, change: onChange, failure: showFailure, log: showLog });

/** The widget that the address names, `#assistant/<id>`; other fragments are sections of the page. */
function named() {
  const [, dialect, id] = location.hash.match(/^#(assistant|pathway)\/([0-9a-f-]{36})$/) ?? [];
  return dialect ? { dialect, id } : null;
}

function select(selection) {
  current = selection;
  for (const [dialect, list] of Object.entries(lists)) {
    list.select(selection?.dialect === dialect ? selection.id : null);
  }
  showCurrent();
}

function showCurrent() {
  show(current && { ...current, widget: lists[current.dialect].widget(current.id) });
}

/** Selects the newest widget of the first dialect that has one. */
function selectNewest() {
  const dialect = Object.keys(lists).find((dialect) => lists[dialect].widget());
  if (dialect) select({ dialect, id: lists[dialect].widget().id });
}

function onCreated(dialect, widget) {
  lists[dialect].put(widget);
  location.hash = `#${dialect}/${widget.id}`;
}

/** The feed is followed: what is read from now on misses no change. */
async function onOpen() {
  openedAt = Date.now();
  byId("connection").textContent = "Live";
  byId("connection").dataset.state = "live";
  // A stack that was started again may have another key.
  if (wasLost && JSON.stringify(await readSummary()) !== JSON.stringify(stack))
    return location.reload();
  wasLost = false;
  await Promise.all(Object.values(lists).map((list) => list.load()));
  showHints();
  if (current ?? named()) select(current ?? named());
  else selectNewest();
}

function onLost() {
  wasLost = true;
  byId("connection").textContent = "The stack does not answer";
  byId("connection").dataset.state = "lost";
}

async function onChange(change) {
  showChange(change);
  const { type, data } = change.content.detail;
  // What was before is in the lists already.
  if (change.time < openedAt || data.account !== stack.account) return;
  const list = lists[data.dialect];
  if (type === "widget.deleted") list.removed(data.widget_id);
  else await list.changed(data.widget_id);
  if (!current) selectNewest();
  else if (current.id === data.widget_id) showCurrent();
}
