// Uses a generated client of the pathway dialect: node pathway.ts URL KEY
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./pathway_api.d.ts";

const [baseUrl, key] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } });
const smallest = {
  agent_prompt: "Be kind.",
  allowed_domains: ["example.com"],
  messages_per_minute: 10,
  config: { theme: "light" },
};

const created = await client.POST("/v1/widget", { body: smallest });
assert.ok(created.data, JSON.stringify(created.error));
const { id, webhook_url } = created.data.data;
assert.equal(webhook_url, null);
const path = { id };

const listed = await client.GET("/v1/widgets", { params: { query: { limit: 100 } } });
assert.ok(listed.data?.data.some((widget) => widget.id === id));

const read = await client.GET("/v1/widget/{id}", { params: { path } });
assert.deepEqual(read.data?.data, created.data.data);
const etag = read.response.headers.get("etag");
assert.ok(etag);
const again = await client.GET("/v1/widget/{id}", {
  params: { path, header: { "If-None-Match": etag } },
});
assert.equal(again.response.status, 304);

const update = () =>
  client.PATCH("/v1/widget/{id}", {
    params: { path, header: { "If-Match": etag } },
    body: { messages_per_minute: 20 },
  });
assert.equal((await update()).data?.data.messages_per_minute, 20);
const stale = await update();
assert.equal(stale.response.status, 412);
assert.match(String(stale.error?.errors[0]?.message), /^if-match /);

const shown = await client.GET("/v1/widget/{id}/config", {
  params: { path, header: { Origin: "https://example.com" } },
});
assert.deepEqual(shown.data?.data.config, smallest.config);

// @ts-expect-error a widget needs a prompt or a pathway
const incomplete: typeof smallest = { ...smallest, agent_prompt: undefined };
const refused = await client.POST("/v1/widget", { body: incomplete });
assert.equal(refused.response.status, 400);
assert.match(String(refused.error?.errors[0]?.message), /^pathway_id is required unless/);

const deleted = await client.DELETE("/v1/widget/{id}", { params: { path } });
assert.equal(deleted.data?.data.id, id);
const gone = await client.GET("/v1/widget/{id}", { params: { path } });
assert.equal(gone.response.status, 404);
