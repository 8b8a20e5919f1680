// The copy buttons: each names the element whose text it copies.

import { announce, byId } from "/page/dom.js";

const SHOWN_MS = 1600;

export function enableCopying() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy(button));
  }
}

async function copy(button) {
  const source = byId(button.dataset.copy);
  const label = button.firstChild;
  try {
    await navigator.clipboard.writeText(source.textContent);
    label.textContent = "Copied";
    announce("Copied.");
  } catch {
    // A browser that does not let pages write to the clipboard: the user copies the selection.
    getSelection().selectAllChildren(source);
    label.textContent = "Selected";
    announce("Selected. Copy it with your keyboard.");
  }
  setTimeout(() => (label.textContent = "Copy"), SHOWN_MS);
}
