"""Has what `sam build` built answer an event under Amazon's Runtime Interface Emulator, and `cargo lambda watch` answer
HTTP, both over the store of a local stack. Takes the emulator's path."""

import base64
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

KEY = "in-test"
ROOT = pathlib.Path(__file__).resolve().parent.parent


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def post(url, body, headers=None, patience=120):
    """Posts once somebody listens; tells the status and the JSON that came back."""
    until = time.monotonic() + patience
    request = urllib.request.Request(url, body.encode(), headers or {}, method="POST")
    while True:
        try:
            with urllib.request.urlopen(request, timeout=patience) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def expect(what, condition, seen):
    print(f"{'ok' if condition else 'FAILED'}: {what}: {seen}", flush=True)
    if not condition:
        sys.exit(1)


def emulate(rie, name, environment):
    function, event = name.capitalize(), (ROOT / f"tests/events/create_{name}.json").read_text()
    port = free_port()
    command = [rie, "--runtime-interface-emulator-address", f"127.0.0.1:{port}", "./bootstrap"]
    with running(command, cwd=ROOT / f".aws-sam/build/{function}", env=environment):
        _, answer = post(f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", event)
        body = json.loads(answer["body"])
        created = answer["statusCode"] == 200 and body["data"]["id"]
        expect(f"the built {name} function creates a widget", created, answer["body"])
        _, answer = post(f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", batch(event))
        gone_back = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        expect(f"the built {name} function takes a queue's messages", gone_back == ["bad"], answer)


def command(event):
    """What the HTTP request of an event asks for, without HTTP."""
    event = json.loads(event)
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"]
    return {"operation": "create", "account": "d0000000-0000-4000-8000-000000000000", "body": json.loads(body)}


def batch(event):
    """The same as a message of a queue, behind one that is nothing."""
    bodies = {"bad": "nothing", "good": json.dumps(command(event))}
    records = [{"messageId": id, "body": body, "eventSource": "aws:sqs"} for id, body in bodies.items()]
    return json.dumps({"Records": records})


def watch(environment):
    port = free_port()
    with running(["cargo", "lambda", "watch", "--invoke-port", str(port)], cwd=ROOT, env=environment):
        for name in ("assistant", "pathway"):
            text = (ROOT / f"tests/events/create_{name}.json").read_text()
            event = json.loads(text)
            body = '{"widget_type":"chat","user_opening_messages":[],"action_buttons":[]}'
            if name == "pathway":
                body = '{"agent_prompt":"Be kind.","allowed_domains":[],"messages_per_minute":1,"config":{}}'
            headers = {"authorization": KEY, "content-type": "application/json"}
            status, answer = post(f"http://127.0.0.1:{port}{event['rawPath']}", body, headers)
            expect(f"cargo lambda watch serves {event['routeKey']}", status == 200, json.dumps(answer))
            invoke = ["cargo", "lambda", "invoke", "--invoke-port", str(port), name, "--data-ascii", json.dumps(command(text))]
            widget = json.loads(subprocess.run(invoke, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout)
            expect(f"cargo lambda invoke has the {name} function do a command", "id" in widget, json.dumps(widget))
            elsewhere = event["rawPath"].replace("widget", "nowhere")
            status, answer = post(f"http://127.0.0.1:{port}{elsewhere}", "", headers)
            expect(f"and the {name} dialect's own 404", status == 404 and ("detail" in answer or "errors" in answer), answer)


def main():
    with tempfile.TemporaryDirectory() as folder:
        rie = shutil.copy(sys.argv[1], folder)
        os.chmod(rie, 0o755)
        serve = ["cargo", "run", "--quiet", "--", "serve", "--ephemeral", "--port", "0", "--api-key", KEY]
        with running(serve, cwd=ROOT, stdout=subprocess.PIPE, text=True) as stack:
            store = next(match for line in stack.stdout if (match := re.search(r"store +(\S+)", line))).group(1)
            environment = os.environ | {
                "AWS_ENDPOINT_URL_DYNAMODB": store,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                "WIDGETS_TABLE": "Widgets",
                "API_KEYS_TABLE": "ApiKeys",
            }
            for name in ("assistant", "pathway"):
                emulate(rie, name, environment)
            watch(environment)


main()
