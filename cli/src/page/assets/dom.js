// Elements without markup: a text stays a text, whatever stands in it.

export const byId = (id) => document.getElementById(id);

/** Makes an element. Attributes that are null or false are left out. */
export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === false) continue;
    if (attribute.startsWith("on")) made.addEventListener(attribute.slice(2), value);
    else made.setAttribute(attribute, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Tells a screen reader. */
export function announce(text) {
  byId("announcement").textContent = text;
}
