"""Creates the widgets of a JSON Lines file through the queue of commands.

    pip install boto3
    python producer.py QUEUE_URL ACCOUNT < widgets.jsonl
"""

import hashlib
import itertools
import json
import sys

import boto3

# The most messages that SQS takes at once.
BATCH = 10


def command(account: str, line: str) -> str:
    """Returns the command that creates the widget of a line."""
    return json.dumps({
        "operation": "create",
        "account": account,
        # The line's hash: a second run within 24 hours creates nothing twice.
        "idempotency_key": hashlib.sha256(line.encode()).hexdigest(),
        "body": json.loads(line),
    })


def main(queue_url: str, account: str) -> None:
    sqs = boto3.client("sqs")
    lines = (line.strip() for line in sys.stdin if line.strip())
    sent = 0
    while batch := list(itertools.islice(lines, BATCH)):
        entries = [
            {"Id": str(index), "MessageBody": command(account, line)}
            for index, line in enumerate(batch)
        ]
        # boto3 retries a call that failed. What SQS refuses of a batch is in the answer.
        answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        failed = answer.get("Failed", [])
        for entry in failed:
            print(f"not sent: {batch[int(entry['Id'])]}: {entry['Message']}", file=sys.stderr)
        sent += len(batch) - len(failed)
        if failed:
            sys.exit(f"{sent} sent. Run this again.")
    print(f"{sent} sent")


main(*sys.argv[1:])
