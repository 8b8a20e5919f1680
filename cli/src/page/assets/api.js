// The calls to both APIs, with the key of the stack.

const PAGE_SIZE = 50;

/** What the stack tells of itself; set before anything else is called. */
export let stack;

export async function readStack() {
  stack = await readSummary();
  return stack;
}

export async function readSummary() {
  const response = await fetch("/page/stack.json");
  if (!response.ok) throw new Error(`the stack answers ${response.status}`);
  return response.json();
}

/** What differs between the dialects. */
export const DIALECTS = {
  assistant: {
    title: "Assistant",
    root: "/api/v1/widget",
    openapi: "/api/v1/openapi.json",
    async page(known) {
      const number = Math.floor(known / PAGE_SIZE) + 1;
      const { body } = await call("GET", `/api/v1/widget?page=${number}&size=${PAGE_SIZE}`);
      return { widgets: body.data.items, hasMore: body.data.next_page !== null };
    },
    label: (widget) => widget.display_name || widget.name || "Without a name",
    detail: (widget) => widget.widget_type ?? "no type",
    looks: (widget) => widget,
  },
  pathway: {
    title: "Pathway",
    root: "/v1/widget",
    openapi: "/v1/openapi.json",
    async page(known, cursor) {
      const { body, link } = await call("GET", cursor ?? `/v1/widgets?limit=${PAGE_SIZE}`);
      return { widgets: body.data, hasMore: link !== null, cursor: link };
    },
    label: (widget) => nameOf(widget.config) || widget.agent_prompt || "Led by a pathway",
    detail: (widget) => domainsOf(widget),
    looks: (widget) => widget.config,
  },
};

const nameOf = ({ display_name: name }) => (typeof name === "string" ? name : "");

const domainsOf = ({ allowed_domains: [first, ...rest] }) =>
  first === undefined ? "any site" : first + (rest.length ? ` and ${rest.length} more` : "");

/** Calls an API. A refusal is an error with the status. */
export async function call(method, path, body) {
  const headers = { authorization: stack.key };
  if (body !== undefined) headers["content-type"] = "application/json";
  const request = { method, headers, body: body && JSON.stringify(body), cache: "no-store" };
  const response = await fetch(stack.prefix + path, request);
  if (!response.ok) throw refusal(response.status, await response.text());
  return { body: await response.json(), link: nextPath(response.headers.get("link")) };
}

export const read = async (dialect, id) =>
  (await call("GET", `${DIALECTS[dialect].root}/${id}`)).body.data;

export const create = async (dialect, body) =>
  (await call("POST", DIALECTS[dialect].root, body)).body.data;

/** Reads what anybody may read of a widget; a pathway widget as a page of `origin` does. */
export async function readPublic(dialect, id, origin) {
  const path =
    dialect === "assistant"
      ? `${stack.prefix}/api/v1/widget/${id}/parameters`
      : `/page/config/${id}?origin=${encodeURIComponent(origin)}`;
  const response = await fetch(path, { cache: "no-cache" });
  const text = await response.text();
  if (!response.ok) throw refusal(response.status, text);
  return { text, data: JSON.parse(text).data };
}

/** The path in a `Link` header, without the API's prefix. */
function nextPath(link) {
  const url = link?.match(/^<([^>]*)>; rel="next"$/)?.[1];
  if (!url) return null;
  const { pathname, search } = new URL(url, location.href);
  return pathname.slice(stack.prefix.length) + search;
}

function refusal(status, text) {
  let message = text;
  try {
    const body = JSON.parse(text);
    const detail = body.errors?.[0]?.message ?? body.detail ?? body.message;
    if (typeof detail === "string") message = detail;
  } catch {
    // Not JSON: the text itself.
  }
  return Object.assign(new Error(message || `status ${status}`), { status });
}
