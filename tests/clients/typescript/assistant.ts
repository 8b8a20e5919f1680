// Uses a generated client of the assistant dialect: node assistant.ts URL KEY
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./assistant_api.d.ts";

const [baseUrl, key] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } });
const smallest = { widget_type: "chat", user_opening_messages: null, action_buttons: null } as const;

const created = await client.POST("/api/v1/widget", { body: smallest });
assert.ok(created.data, JSON.stringify(created.error));
const { id, remove_branding, bubble_bot_icon } = created.data.data;
assert.deepEqual([remove_branding, bubble_bot_icon], [false, null]);
const path = { widget_id: id };

const listed = await client.GET("/api/v1/widget", { params: { query: { size: 100 } } });
assert.ok(listed.data?.data.items.some((widget) => widget.id === id));

const read = await client.GET("/api/v1/widget/{widget_id}", { params: { path } });
assert.deepEqual(read.data?.data, created.data.data);
const etag = read.response.headers.get("etag");
assert.ok(etag);
const again = await client.GET("/api/v1/widget/{widget_id}", {
  params: { path, header: { "If-None-Match": etag } },
});
assert.equal(again.response.status, 304);

const icon = "https://example.com/icon.svg";
const update = () =>
  client.PUT("/api/v1/widget/{widget_id}", {
    params: { path, header: { "If-Match": etag } },
    body: { widget_type: "chat", bubble_bot_icon: icon },
  });
assert.equal((await update()).data?.data.bubble_bot_icon, icon);
const stale = await update();
assert.equal(stale.response.status, 412);
assert.match(String(stale.error?.detail), /^if-match /);

const shown = await client.GET("/api/v1/widget/{widget_id}/parameters", { params: { path } });
assert.equal(shown.data?.data.bubble_bot_icon, icon);

const refused = await client.POST("/api/v1/widget", {
  // @ts-expect-error there is no such widget type
  body: { ...smallest, widget_type: "carrier pigeon" },
});
assert.equal(refused.response.status, 422);
const detail = refused.error?.detail;
assert.ok(typeof detail === "object");
assert.deepEqual([detail[0]?.type, detail[0]?.loc], ["enum", ["body", "widget_type"]]);

const deleted = await client.DELETE("/api/v1/widget/{widget_id}", { params: { path } });
assert.equal(deleted.data?.data.id, id);
const gone = await client.GET("/api/v1/widget/{widget_id}", { params: { path } });
assert.equal(gone.response.status, 404);
