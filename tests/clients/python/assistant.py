"""Uses a generated client of the assistant dialect: assistant.py URL KEY"""

import sys

from assistant_widgets_client import AuthenticatedClient, Client
from assistant_widgets_client.api.embedding import get_widget_parameters
from assistant_widgets_client.api.widgets import (
    create_widget,
    delete_widget,
    get_widget,
    list_widgets,
    update_widget,
)
from assistant_widgets_client.models import (
    CreateWidget,
    ErrorDetail,
    UpdateWidget,
    ValidationErrorDetail,
    WidgetCreated,
    WidgetDeleted,
    WidgetList,
    WidgetParametersRetrieved,
    WidgetRetrieved,
    WidgetType,
    WidgetUpdated,
)

ICON = "https://example.com/icon.svg"


def main(url: str, key: str) -> None:
    client = AuthenticatedClient(url, token=key)
    smallest = CreateWidget(
        widget_type=WidgetType.CHAT, user_opening_messages=None, action_buttons=None
    )

    created = create_widget.sync(client=client, body=smallest)
    assert isinstance(created, WidgetCreated), created
    widget = created.data
    assert (widget.remove_branding, widget.bubble_bot_icon) == (False, None)

    listed = list_widgets.sync(client=client, size=100)
    assert isinstance(listed, WidgetList), listed
    assert widget.id in [item.id for item in listed.data.items]

    read = get_widget.sync_detailed(widget.id, client=client)
    assert isinstance(read.parsed, WidgetRetrieved), read
    assert read.parsed.data == widget
    etag = read.headers["etag"]
    again = get_widget.sync_detailed(widget.id, client=client, if_none_match=etag)
    assert again.status_code == 304, again

    change = UpdateWidget(widget_type=WidgetType.CHAT, bubble_bot_icon=ICON)
    updated = update_widget.sync(widget.id, client=client, body=change, if_match=etag)
    assert isinstance(updated, WidgetUpdated), updated
    assert updated.data.bubble_bot_icon == ICON
    stale = update_widget.sync_detailed(widget.id, client=client, body=change, if_match=etag)
    assert stale.status_code == 412, stale
    assert isinstance(stale.parsed, ErrorDetail), stale
    assert stale.parsed.detail.startswith("if-match "), stale

    shown = get_widget_parameters.sync(widget.id, client=Client(url))
    assert isinstance(shown, WidgetParametersRetrieved), shown
    assert shown.data.bubble_bot_icon == ICON

    smallest.bubble_bot_icon = "x" * 2049
    refused = create_widget.sync(client=client, body=smallest)
    assert isinstance(refused, ValidationErrorDetail), refused
    violation = refused.detail[0]
    assert violation.type_ == "string_too_long", violation
    assert violation.loc == ["body", "bubble_bot_icon"], violation

    deleted = delete_widget.sync(widget.id, client=client)
    assert isinstance(deleted, WidgetDeleted), deleted
    assert deleted.data.id == widget.id
    gone = get_widget.sync_detailed(widget.id, client=client)
    assert gone.status_code == 404, gone


main(*sys.argv[1:])
