// Calls the assistant dialect (Insighto's API), with nothing but `fetch`. Node 24 runs it as it is:
//
//     WIDGETS_API_KEY=in-... node assistant.ts http://127.0.0.1:3000
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";

type Widget = { id: string; widget_type: string | null; display_name: string | null };
type Page = { items: Widget[]; next_page: number | null };
type Violation = { loc: (string | number)[]; msg: string };
type Body<T> = { data: T; detail?: string | Violation[]; message?: string };
type Answer<T> = { response: Response; data: T };

// After one of these nobody knows whether the request was done.
const UNKNOWN_OUTCOME = [429, 500, 502, 503, 504];

const [url] = process.argv.slice(2);
const key = process.env["WIDGETS_API_KEY"] ?? "";

/** An answer that is not a success, with everything that was wrong. */
class ApiError extends Error {
  constructor(response: Response, body: Body<unknown>) {
    // What the gateway answers by itself is {"message": ...}.
    const detail = body.detail ?? body.message;
    // A 422 of an invalid widget has a list: which member (`loc`) is wrong, and why (`msg`).
    const text = Array.isArray(detail)
      ? detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; ")
      : detail;
    super(`${response.status}: ${text}`);
  }
}

/** Sends a request. If its outcome is unknown and that is safe, sends it up to five times. */
async function send<T>(
  method: string,
  path: string,
  headers = {},
  body?: unknown,
): Promise<Answer<T>> {
  const isSafe = method === "GET" || "idempotency-key" in headers;
  for (let attemptsLeft = isSafe ? 4 : 0; ; attemptsLeft -= 1) {
    const response = await fetch(new URL(path, url), {
      method,
      // In a header: a key in the URL (?api_key=...), which works too, ends up in logs.
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    }).catch((error: unknown) => {
      if (attemptsLeft === 0) throw error;
    });
    if (response?.ok) return { response, data: ((await response.json()) as Body<T>).data };
    if (response && (attemptsLeft === 0 || !UNKNOWN_OUTCOME.includes(response.status))) {
      throw new ApiError(response, (await response.json()) as Body<T>);
    }
    await wait(Number(response?.headers.get("retry-after") ?? 1) * 1000);
  }
}

/** Creates a widget, once, however often the request is repeated. */
async function create(widget: unknown): Promise<Widget> {
  const headers = { "idempotency-key": randomUUID() };
  return (await send<Widget>("POST", "/api/v1/widget", headers, widget)).data;
}

/** Returns a widget and the tag of its version. */
async function read(id: string) {
  const { response, data } = await send<Widget>("GET", `/api/v1/widget/${id}`);
  return { widget: data, etag: response.headers.get("etag") ?? "" };
}

/** Updates the version that was read, or throws an `ApiError` (412) if there is a newer one. */
async function update(id: string, changes: Partial<Widget>, etag: string) {
  await send("PUT", `/api/v1/widget/${id}`, { "if-match": etag }, changes);
}

/** Returns all widgets, the newest first, read in pages of a hundred. */
async function listAll(): Promise<Widget[]> {
  const widgets: Widget[] = [];
  for (let page: number | null = 1; page !== null; ) {
    const path: string = `/api/v1/widget?page=${page}&size=100`;
    const { data }: Answer<Page> = await send("GET", path);
    widgets.push(...data.items);
    page = data.next_page;
  }
  return widgets;
}

const show = (what: string) => (error: Error) => console.log(`${what}: ${error.message}`);

const { id } = await create({
  widget_type: "chat",
  user_opening_messages: ["How can I help?"],
  action_buttons: [],
  display_name: "Support",
});
console.log(`created ${id}`);

const { widget, etag } = await read(id);
console.log(`read it: display_name is ${widget.display_name}`);

await update(id, { widget_type: "chat", display_name: "Help" }, etag);
await update(id, { widget_type: "chat", display_name: "Sales" }, etag).catch(
  show("not updated twice"),
);

await create({ widget_type: "pigeon", user_opening_messages: null }).catch(show("not created"));

console.log(`listed it: ${(await listAll()).some((it) => it.id === id)}`);
await send("DELETE", `/api/v1/widget/${id}`);
console.log("deleted it");
