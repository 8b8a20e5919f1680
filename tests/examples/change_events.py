"""Deploys examples/change_events to moto: change_events.py URL KEY COMMAND...

Publishes there what COMMAND, which is `widgets events`, prints of the local stack at URL.
"""

import json
import os
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

URL, KEY, *COMMAND = sys.argv[1:]
TEMPLATE = Path("examples/change_events/template.yaml").read_text()
ASSISTANT = {"widget_type": "chat", "user_opening_messages": None, "action_buttons": None}
PATHWAY = {"agent_prompt": "Be kind.", "allowed_domains": [], "messages_per_minute": 1, "config": {}}

os.environ |= {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def call(method: str, path: str, body: dict[str, Any]) -> str:
    """Sends a request. Returns the widget's id."""
    headers = {"authorization": KEY, "content-type": "application/json"}
    data = json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, headers, method=method)
    with urllib.request.urlopen(request) as response:
        return str(json.load(response)["data"]["id"])


def changes(count: int, widgets: list[str]) -> list[dict[str, Any]]:
    """Returns so many change events of these widgets."""
    found: list[dict[str, Any]] = []
    with subprocess.Popen([*COMMAND, "--from-start"], stdout=subprocess.PIPE, text=True) as events:
        assert events.stdout is not None
        deadline = threading.Timer(60, events.kill)
        deadline.start()
        for line in events.stdout:
            event = json.loads(line)
            if event["detail"]["data"]["widget_id"] in widgets:
                found.append(event)
            if len(found) == count:
                break
        deadline.cancel()
        events.terminate()
    return found


@mock_aws
def delivered(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns what the rule sends to the queue of these events."""
    bus, stack = boto3.client("events"), boto3.client("cloudformation")
    bus.create_event_bus(Name="widgets-events")
    parameters: Any = [{"ParameterKey": "EventBus", "ParameterValue": "widgets-events"}]
    stack.create_stack(StackName="example", TemplateBody=TEMPLATE, Parameters=parameters)
    outputs = stack.describe_stacks(StackName="example")["Stacks"][0]["Outputs"]
    urls = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    entries: Any = [
        {
            "EventBusName": "widgets-events",
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
        }
        for event in events
    ]
    assert bus.put_events(Entries=entries)["FailedEntryCount"] == 0
    [rule] = bus.list_rules(EventBusName="widgets-events")["Rules"]
    targets = bus.list_targets_by_rule(Rule=rule["Name"], EventBusName="widgets-events")["Targets"]
    name = urls["UndeliveredUrl"].rsplit("/")[-1]
    assert [target["DeadLetterConfig"]["Arn"].endswith(f":{name}") for target in targets] == [True]
    queue = boto3.client("sqs")
    received = queue.receive_message(QueueUrl=urls["QueueUrl"], MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in received.get("Messages", [])]


assistant = call("POST", "/api/v1/widget", ASSISTANT)
pathway = call("POST", "/v1/widget", PATHWAY)
call("PUT", f"/api/v1/widget/{assistant}", {"widget_type": "sms"})
call("DELETE", f"/api/v1/widget/{assistant}", {})
call("DELETE", f"/v1/widget/{pathway}", {})

published = changes(5, [assistant, pathway])
types = sorted(event["detail"]["type"] for event in published)
assert types == ["widget.created"] * 2 + ["widget.deleted"] * 2 + ["widget.updated"], types
[new] = delivered(published)
print(new)
assert new["detail"]["type"] == "widget.created", new
assert new["detail"]["data"]["widget_id"] == assistant, new
