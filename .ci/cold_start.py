"""Measures what a cold start pays, beside a bare `lambda_runtime` echo built the same way: CPU from start to the first
poll, the first and a warm invocation, peak memory. Needs `sam build` and `cargo lambda`; Linux only. The store is a stub in
this process, over plain HTTP."""

import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
STARTS, WARM = 40, 300
ECHO = """
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| Ok::<_, Error>(event.payload))).await
}
"""


def build_echo(folder):
    workspace = (ROOT / "Cargo.toml").read_text()
    profile = re.search(r"^\[profile.release\]\n(?:.+\n)+", workspace, re.MULTILINE).group()
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "echo"\nedition = "2024"\n[dependencies]\nserde_json = "1"\n'
        'lambda_runtime = { version = "1.5", default-features = false }\n'
        'tokio = { version = "1", features = ["macros", "rt"] }\n' + profile
    )
    (folder / "src").mkdir()
    (folder / "src/main.rs").write_text(ECHO)
    subprocess.run(["cargo", "lambda", "build", "--release", "--quiet"], cwd=folder, check=True)
    return folder / "target/lambda/echo/bootstrap"


def serve(answer):
    """A server that hands each request's first line and body to `answer` until that returns nothing."""
    listener = socket.create_server(("127.0.0.1", 0))

    def connection(client):
        stream = client.makefile("rb")
        while line := stream.readline():
            headers = dict(h.lower().split(b": ", 1) for h in iter(stream.readline, b"\r\n"))
            body = stream.read(int(headers.get(b"content-length", 0)))
            while headers.get(b"transfer-encoding") and (size := int(stream.readline(), 16)):
                body += stream.read(size + 2)[:-2]
            if (response := answer(line, headers, body)) is None:
                break
            client.sendall(response)
        client.close()

    def accept():
        while True:
            threading.Thread(target=connection, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def response(body, headers=b""):
    return b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (headers, len(body), body)


def store(line, headers, body):
    item = {"Item": {"account_id": {"S": "d0000000-0000-4000-8000-000000000000"}}}
    is_key = headers.get(b"x-amz-target", b"").strip().endswith(b"getitem")
    return response(json.dumps(item if is_key else {}).encode())


class Run:
    """One process and `invocations` of `event`: CPU milliseconds at each poll, and the peak of its memory in KiB."""

    def __init__(self, binary, event, invocations):
        self.event, self.left, self.polls, self.peak = event, invocations, [], 0
        self.process, self.started = None, threading.Event()
        environment = {
            "AWS_LAMBDA_RUNTIME_API": serve(self.runtime_api), "AWS_ENDPOINT_URL_DYNAMODB": "http://" + STORE,
            "AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
            "WIDGETS_TABLE": "Widgets", "API_KEYS_TABLE": "ApiKeys",
        }
        self.process = subprocess.Popen([binary], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.started.set()
        self.process.wait()

    def runtime_api(self, line, _, body):
        if b"/next" not in line:
            assert b'"statusCode":200' in body or b"rawPath" in body, body
            return response(b"")
        self.started.wait()  # It may poll before this process knows its number.
        process = pathlib.Path("/proc/%d" % self.process.pid)
        self.polls.append(int((process / "schedstat").read_text().split()[0]) / 1e6)
        if self.left == 0:
            self.peak = int(re.search(r"VmHWM:\s+(\d+)", (process / "status").read_text()).group(1))
            return None
        self.left -= 1
        headers = b"lambda-runtime-aws-request-id: r1\r\nlambda-runtime-deadline-ms: 99999999999999\r\n"
        return response(self.event, headers + b"lambda-runtime-invoked-function-arn: a\r\n")


STORE = serve(store)


def main():
    with tempfile.TemporaryDirectory() as folder:
        event = (ROOT / "tests/events/create_assistant.json").read_bytes()
        functions = {"echo": (build_echo(pathlib.Path(folder)), event)}
        for name in ("assistant", "pathway"):
            event = (ROOT / f"tests/events/create_{name}.json").read_bytes()
            functions[name] = (ROOT / f".aws-sam/build/{name.capitalize()}/bootstrap", event)
        figures = {name: ([], [], [], []) for name in functions}
        for _ in range(STARTS):
            for name, (binary, event) in functions.items():
                start, first = Run(binary, event, 1).polls
                figures[name][0].append(start)
                figures[name][1].append(first - start)
        for name, (binary, event) in functions.items():
            run = Run(binary, event, WARM)
            figures[name][2].append((run.polls[-1] - run.polls[10]) / (WARM - 10) * 1000)
            figures[name][3].append(run.peak / 1024)
        floor = statistics.median(figures["echo"][0])
        print("| | CPU to first poll | times the echo's | first invocation | warm invocation | peak memory | binary |")
        print("|---|---|---|---|---|---|---|")
        for name, (binary, _) in functions.items():
            start, first, warm, peak = map(statistics.median, figures[name])
            print(
                f"| {name} | {start:.2f} ms | {start / floor:.2f} | {first:.2f} ms | {warm:.0f} µs "
                f"| {peak:.1f} MiB | {binary.stat().st_size / 1e6:.2f} MB |"
            )


main()
