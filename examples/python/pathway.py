"""Calls the pathway dialect (Bland's API).

    pip install httpx
    WIDGETS_API_KEY=in-... python pathway.py http://127.0.0.1:3000
"""

import os
import sys
import time
import uuid
from typing import Any

import httpx

Widget = dict[str, Any]

# After one of these nobody knows whether the request was done.
UNKNOWN_OUTCOME = {429, 500, 502, 503, 504}


class ApiError(Exception):
    """An answer that is not a success, with everything that was wrong."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        # What the gateway answers by itself is {"message": ...}.
        body = response.json()
        self.messages = [error["message"] for error in body.get("errors", [body])]
        super().__init__(f"{self.status}: {'; '.join(self.messages)}")


def send(api: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    """Sends a request. If its outcome is unknown and that is safe, sends it up to five times."""
    is_safe = method == "GET" or "idempotency-key" in options.get("headers", {})
    attempts = 5 if is_safe else 1
    while True:
        attempts -= 1
        wait = 1.0
        try:
            response = api.request(method, path, **options)
            if response.is_success:
                return response
            if response.status_code not in UNKNOWN_OUTCOME or not attempts:
                raise ApiError(response)
            wait = float(response.headers.get("retry-after", wait))
        except httpx.TransportError:
            if not attempts:
                raise
        time.sleep(wait)


def create(api: httpx.Client, widget: Widget) -> Widget:
    """Creates a widget, once, however often the request is repeated."""
    headers = {"idempotency-key": str(uuid.uuid4())}
    response = send(api, "POST", "/v1/widget", json=widget, headers=headers)
    created: Widget = response.json()["data"]
    return created


def read(api: httpx.Client, widget_id: str) -> tuple[Widget, str]:
    """Returns a widget and the tag of its version."""
    response = send(api, "GET", f"/v1/widget/{widget_id}")
    return response.json()["data"], response.headers["etag"]


def update(api: httpx.Client, widget_id: str, changes: Widget, etag: str) -> None:
    """Updates the version that was read, or raises an `ApiError` (412) if there is a newer one."""
    send(api, "PATCH", f"/v1/widget/{widget_id}", json=changes, headers={"if-match": etag})


def list_all(api: httpx.Client) -> list[Widget]:
    """Returns all widgets, the newest first, read in pages of a hundred."""
    widgets: list[Widget] = []
    page: str | None = "/v1/widgets?limit=100"
    while page:
        response = send(api, "GET", page)
        widgets += response.json()["data"]
        page = response.links.get("next", {}).get("url")
    return widgets


def main(url: str) -> None:
    key = os.environ["WIDGETS_API_KEY"]
    with httpx.Client(base_url=url, headers={"authorization": key}, timeout=10) as api:
        widget = {"agent_prompt": "Be kind.", "allowed_domains": ["example.com"],
                  "messages_per_minute": 10, "config": {"theme": "light"}}
        widget_id = create(api, widget)["id"]
        print(f"created {widget_id}")

        current, etag = read(api, widget_id)
        print(f"read it: messages_per_minute is {current['messages_per_minute']}")

        update(api, widget_id, {"messages_per_minute": 20}, etag)
        try:
            update(api, widget_id, {"messages_per_minute": 30}, etag)
        except ApiError as error:
            print(f"not updated twice: {error}")

        try:
            create(api, {"messages_per_minute": -1})
        except ApiError as error:
            print(f"not created: {error}")

        print(f"listed it: {widget_id in [it['id'] for it in list_all(api)]}")
        send(api, "DELETE", f"/v1/widget/{widget_id}")
        print("deleted it")


try:
    main(*sys.argv[1:])
except (ApiError, httpx.TransportError) as error:
    sys.exit(str(error))
