"""Runs the producer of examples/ on moto's SQS: sqs_producer.py URL KEY

Hands the queue's messages to the function of the local stack at URL as Lambda's event source
mapping does: what the function reports as failed stays in the queue.
"""

import json
import logging
import os
import subprocess
import sys
import urllib.request
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

URL, KEY = sys.argv[1:]
ACCOUNT = "d0000000-0000-4000-8000-000000000000"
RECEIVES = 5

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
os.environ |= {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL_SQS": f"http://{host}:{port}",
    "AWS_ENDPOINT_URL_LAMBDA": URL,
}
sqs, function = boto3.client("sqs"), boto3.client("lambda")

# The queues of template.yaml, but that a message is back at once.
dead = sqs.create_queue(QueueName="pathway-dead-commands")["QueueUrl"]
names = ["QueueArn"]
dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=names)["Attributes"]["QueueArn"]
redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": RECEIVES})
attributes = {"VisibilityTimeout": "0", "RedrivePolicy": redrive}
queue = sqs.create_queue(QueueName="pathway-commands", Attributes=attributes)["QueueUrl"]


def widget(rate: int) -> dict[str, Any]:
    return {"agent_prompt": "From a queue.", "allowed_domains": [], "messages_per_minute": rate,
            "config": {}}


def produce(rates: list[int]) -> str:
    lines = "".join(json.dumps(widget(rate)) + "\n" for rate in rates)
    command = [sys.executable, "examples/sqs_producer/producer.py", queue, ACCOUNT]
    return subprocess.run(command, input=lines, text=True, check=True,
                          stdout=subprocess.PIPE).stdout


def messages() -> list[dict[str, Any]]:
    names: Any = ["All"]
    return sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=names
    ).get("Messages", [])


def record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:pathway-commands",
        "awsRegion": "us-east-1",
    }


def handle(batch: list[dict[str, Any]]) -> None:
    payload = json.dumps({"Records": [record(message) for message in batch]})
    answer = json.load(function.invoke(FunctionName="Pathway", Payload=payload)["Payload"])
    failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
    for message in batch:
        if message["MessageId"] not in failed:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


rates = list(range(11)) + [-1]
assert produce(rates) == "12 sent\n"
assert produce(rates[:3]) == "3 sent\n"
batches = 0
while batch := messages():
    handle(batch)
    batches += 1
    assert batches < 50, batch
print(f"{batches} batches")

request = urllib.request.Request(f"{URL}/v1/widgets", headers={"authorization": KEY})
with urllib.request.urlopen(request) as response:
    listed = json.load(response)["data"]
created = [it["messages_per_minute"] for it in listed if it["agent_prompt"] == "From a queue."]
assert sorted(created) == rates[:-1], created

[letter] = sqs.receive_message(QueueUrl=dead)["Messages"]
print("dead letter:", letter["Body"])
assert json.loads(letter["Body"])["body"] == widget(-1), letter
server.stop()
