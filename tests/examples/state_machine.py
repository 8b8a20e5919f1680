"""Runs the state machine of examples/ on moto's interpreter: state_machine.py URL

The interpreter invokes the functions of the local stack at URL.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

URL = sys.argv[1]
ACCOUNT = "d0000000-0000-4000-8000-000000000000"
DEFINITION = Path("examples/state_machine/create_widget.asl.json").read_text()

os.environ |= {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL_LAMBDA": URL,
}
SETTINGS = {
    "stepfunctions": {"execute_state_machine": True},
    "core": {"passthrough": {"services": ["lambda"], "urls": [f"{URL}/.*"]}},
}


@mock_aws(config=SETTINGS)
def outputs(*widgets: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the output of an execution for each widget. Fails if one does not succeed."""
    client = boto3.client("stepfunctions")
    machine = client.create_state_machine(
        name="create-widget",
        definition=DEFINITION.replace("${PathwayFunction}", "Pathway"),
        roleArn="arn:aws:iam::123456789012:role/state-machine",
    )
    outputs = []
    for index, widget in enumerate(widgets):
        # Now and then the interpreter, a thread of this process, never begins an execution.
        for attempt in range(3):
            execution = client.start_execution(
                stateMachineArn=machine["stateMachineArn"],
                name=f"{os.getpid()}-{index}-{attempt}",
                input=json.dumps({"account": ACCOUNT, "widget": widget}),
            )
            state = ended(client, execution["executionArn"])
            if state["status"] != "RUNNING":
                break
        print(state["status"], state.get("output"), state.get("cause"))
        assert state["status"] == "SUCCEEDED", state
        outputs.append(json.loads(state["output"]))
    return outputs


def ended(client: Any, execution: str) -> dict[str, Any]:
    """Returns the state of an execution once it has ended, or as it is after 20 seconds."""
    deadline = time.monotonic() + 20
    while True:
        state = client.describe_execution(executionArn=execution)
        if state["status"] != "RUNNING" or time.monotonic() > deadline:
            return state
        # What polls without a pause is in the interpreter's way.
        time.sleep(0.2)


valid = {"agent_prompt": "Be kind.", "allowed_domains": [], "messages_per_minute": 7, "config": {}}
created, refused = outputs(valid, {**valid, "messages_per_minute": -1, "config": None})
assert created["messages_per_minute"] == 7 and created["id"], created
assert refused["errorType"] == "ValidationError", refused
paths = [violation["path"] for violation in refused["violations"]]
assert paths == ["body.messages_per_minute", "body.config"], refused
