"""Uses a generated client of the pathway dialect: pathway.py URL KEY"""

import sys

from pathway_widgets_client import AuthenticatedClient, Client
from pathway_widgets_client.api.embedding import get_widget_config
from pathway_widgets_client.api.widgets import (
    create_widget,
    delete_widget,
    get_widget,
    list_widgets,
    update_widget,
)
from pathway_widgets_client.models import (
    ConfigObject,
    CreateWidget,
    InvalidParameterResponse,
    PreconditionFailedResponse,
    UpdateWidget,
    WidgetConfigResponse,
    WidgetListResponse,
    WidgetResponse,
)


def main(url: str, key: str) -> None:
    client = AuthenticatedClient(url, token=key)
    config = ConfigObject.from_dict({"theme": "light"})
    smallest = CreateWidget(
        agent_prompt="Be kind.",
        allowed_domains=["example.com"],
        messages_per_minute=10,
        config=config,
    )

    created = create_widget.sync(client=client, body=smallest)
    assert isinstance(created, WidgetResponse), created
    widget = created.data
    assert widget.webhook_url is None

    listed = list_widgets.sync(client=client, limit=100)
    assert isinstance(listed, WidgetListResponse), listed
    assert widget.id in [item.id for item in listed.data]

    read = get_widget.sync_detailed(widget.id, client=client)
    assert isinstance(read.parsed, WidgetResponse), read
    assert read.parsed.data == widget
    etag = read.headers["etag"]
    again = get_widget.sync_detailed(widget.id, client=client, if_none_match=etag)
    assert again.status_code == 304, again

    change = UpdateWidget(messages_per_minute=20)
    updated = update_widget.sync(widget.id, client=client, body=change, if_match=etag)
    assert isinstance(updated, WidgetResponse), updated
    assert updated.data.messages_per_minute == 20
    stale = update_widget.sync_detailed(widget.id, client=client, body=change, if_match=etag)
    assert stale.status_code == 412, stale
    assert isinstance(stale.parsed, PreconditionFailedResponse), stale
    assert stale.parsed.errors[0].message.startswith("if-match "), stale

    page = Client(url, headers={"origin": "https://example.com"})
    shown = get_widget_config.sync(widget.id, client=page)
    assert isinstance(shown, WidgetConfigResponse), shown
    assert shown.data.config == config

    smallest.allowed_domains = ["a.0x10"]
    refused = create_widget.sync(client=client, body=smallest)
    assert isinstance(refused, InvalidParameterResponse), refused
    assert refused.errors[0].message.startswith('allowed_domains[0] "a.0x10" '), refused

    deleted = delete_widget.sync(widget.id, client=client)
    assert isinstance(deleted, WidgetResponse), deleted
    assert deleted.data.id == widget.id
    gone = get_widget.sync_detailed(widget.id, client=client)
    assert gone.status_code == 404, gone


main(*sys.argv[1:])
