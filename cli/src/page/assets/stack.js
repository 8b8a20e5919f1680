// What runs, the key, and the lines to paste.

import { DIALECTS } from "/page/api.js";
import { byId, element } from "/page/dom.js";

export function showStack(stack) {
  byId("key").textContent = stack.key;
  for (const dialect of Object.keys(DIALECTS)) {
    byId(`curl-${dialect}`).textContent = stack.curl[dialect];
    byId(`openapi-${dialect}`).href = stack.prefix + DIALECTS[dialect].openapi;
  }
  const facts = [
    ["Address", `${stack.url}${stack.prefix}`],
    ["Account", `${stack.account}, the development account`],
    ["Store", `${stack.store}, DynamoDB’s API`],
    ["Data", stack.kept?.replace(/^data /, "") ?? "in a DynamoDB elsewhere"],
  ];
  for (const [name, value] of facts) {
    byId("facts").append(element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  }
  for (const made of stack.functions.map(functionPanel)) byId("functions").append(made);
}

function functionPanel({ name, memoryMegabytes, timeoutSeconds, routes }) {
  return element(
    "div",
    {},
    element("h3", {}, name),
    element("p", { class: "sub" }, `${memoryMegabytes} MB, at most ${timeoutSeconds} s a request`),
    element("ul", { class: "routes" }, ...routes.map((route) => element("li", {}, route))),
  );
}
