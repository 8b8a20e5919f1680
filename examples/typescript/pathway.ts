// Calls the pathway dialect (Bland's API), with nothing but `fetch`. Node 24 runs it as it is:
//
//     WIDGETS_API_KEY=in-... node pathway.ts http://127.0.0.1:3000
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";

type Widget = { id: string; messages_per_minute: number; config: unknown };
type Body<T> = { data: T; errors?: { message: string }[]; message?: string };
type Answer<T> = { response: Response; data: T };

// After one of these nobody knows whether the request was done.
const UNKNOWN_OUTCOME = [429, 500, 502, 503, 504];

const [url] = process.argv.slice(2);
const key = process.env["WIDGETS_API_KEY"] ?? "";

/** An answer that is not a success, with everything that was wrong. */
class ApiError extends Error {
  constructor(response: Response, body: Body<unknown>) {
    // What the gateway answers by itself is {"message": ...}.
    const messages = body.errors?.map((error) => error.message) ?? [body.message];
    super(`${response.status}: ${messages.join("; ")}`);
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
      headers: { authorization: key, "content-type": "application/json", ...headers },
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
  return (await send<Widget>("POST", "/v1/widget", headers, widget)).data;
}

/** Returns a widget and the tag of its version. */
async function read(id: string) {
  const { response, data } = await send<Widget>("GET", `/v1/widget/${id}`);
  return { widget: data, etag: response.headers.get("etag") ?? "" };
}

/** Updates the version that was read, or throws an `ApiError` (412) if there is a newer one. */
async function update(id: string, changes: Partial<Widget>, etag: string) {
  await send("PATCH", `/v1/widget/${id}`, { "if-match": etag }, changes);
}

/** Returns all widgets, the newest first, read in pages of a hundred. */
async function listAll(): Promise<Widget[]> {
  const widgets: Widget[] = [];
  for (let page: string | undefined = "/v1/widgets?limit=100"; page !== undefined; ) {
    const { response, data }: Answer<Widget[]> = await send("GET", page);
    widgets.push(...data);
    page = response.headers.get("link")?.match(/<(.*)>; rel="next"/)?.[1];
  }
  return widgets;
}

const show = (what: string) => (error: Error) => console.log(`${what}: ${error.message}`);

const { id } = await create({
  agent_prompt: "Be kind.",
  allowed_domains: ["example.com"],
  messages_per_minute: 10,
  config: { theme: "light" },
});
console.log(`created ${id}`);

const { widget, etag } = await read(id);
console.log(`read it: messages_per_minute is ${widget.messages_per_minute}`);

await update(id, { messages_per_minute: 20 }, etag);
await update(id, { messages_per_minute: 30 }, etag).catch(show("not updated twice"));

await create({ messages_per_minute: -1 }).catch(show("not created"));

console.log(`listed it: ${(await listAll()).some((it) => it.id === id)}`);
await send("DELETE", `/v1/widget/${id}`);
console.log("deleted it");
