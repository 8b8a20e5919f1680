"""Calls the assistant dialect (Insighto's API).

    pip install httpx
    WIDGETS_API_KEY=in-... python assistant.py http://127.0.0.1:3000
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
        detail = body.get("detail", body.get("message"))
        # A 422 of an invalid widget has a list: which member (`loc`) is wrong, and why (`msg`).
        if isinstance(detail, list):
            detail = "; ".join(f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in detail)
        super().__init__(f"{self.status}: {detail}")


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
    response = send(api, "POST", "/api/v1/widget", json=widget, headers=headers)
    created: Widget = response.json()["data"]
    return created


def read(api: httpx.Client, widget_id: str) -> tuple[Widget, str]:
    """Returns a widget and the tag of its version."""
    response = send(api, "GET", f"/api/v1/widget/{widget_id}")
    return response.json()["data"], response.headers["etag"]


def update(api: httpx.Client, widget_id: str, changes: Widget, etag: str) -> None:
    """Updates the version that was read, or raises an `ApiError` (412) if there is a newer one."""
    send(api, "PUT", f"/api/v1/widget/{widget_id}", json=changes, headers={"if-match": etag})


def list_all(api: httpx.Client) -> list[Widget]:
    """Returns all widgets, the newest first, read in pages of a hundred."""
    widgets: list[Widget] = []
    page: int | None = 1
    while page:
        data = send(api, "GET", f"/api/v1/widget?page={page}&size=100").json()["data"]
        widgets += data["items"]
        page = data["next_page"]
    return widgets


def main(url: str) -> None:
    # In a header: a key in the URL (?api_key=...), which works too, ends up in logs.
    headers = {"authorization": f"Bearer {os.environ['WIDGETS_API_KEY']}"}
    with httpx.Client(base_url=url, headers=headers, timeout=10) as api:
        widget = {"widget_type": "chat", "user_opening_messages": ["How can I help?"],
                  "action_buttons": [], "display_name": "Support"}
        widget_id = create(api, widget)["id"]
        print(f"created {widget_id}")

        current, etag = read(api, widget_id)
        print(f"read it: display_name is {current['display_name']}")

        update(api, widget_id, {"widget_type": "chat", "display_name": "Help"}, etag)
        try:
            update(api, widget_id, {"widget_type": "chat", "display_name": "Sales"}, etag)
        except ApiError as error:
            print(f"not updated twice: {error}")

        try:
            create(api, {"widget_type": "pigeon", "user_opening_messages": None})
        except ApiError as error:
            print(f"not created: {error}")

        print(f"listed it: {widget_id in [it['id'] for it in list_all(api)]}")
        send(api, "DELETE", f"/api/v1/widget/{widget_id}")
        print("deleted it")


try:
    main(*sys.argv[1:])
except (ApiError, httpx.TransportError) as error:
    sys.exit(str(error))
