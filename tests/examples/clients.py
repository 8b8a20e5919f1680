"""Runs a client from examples/ behind a gateway that loses answers: clients.py URL KEY COMMAND...

The gateway hands each create on, and loses the first two answers: it cuts the connection, then
says 503. A client that retries safely creates one widget all the same.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

URL, KEY, *COMMAND = sys.argv[1:]
UPSTREAM = urllib.parse.urlsplit(URL).netloc
attempts: dict[str, int] = {}


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        upstream = http.client.HTTPConnection(UPSTREAM)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        text = answer.read()
        key = self.headers.get("idempotency-key")
        if key is not None and answer.status == 200:
            attempts[key] = attempts.get(key, 0) + 1
            if attempts[key] == 1:
                self.close_connection = True
                return
            if attempts[key] == 2:
                self.answer(503, [("retry-after", "0")], b'{"message":"Service Unavailable"}')
                return
        headers = [it for it in answer.getheaders() if it[0] not in ("content-length", "date")]
        self.answer(answer.status, headers, text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in [*headers, ("content-length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


gateway = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=gateway.serve_forever, daemon=True).start()


def run(key: str) -> subprocess.CompletedProcess[str]:
    url = f"http://127.0.0.1:{gateway.server_port}"
    environment = os.environ | {"WIDGETS_API_KEY": key}
    return subprocess.run([*COMMAND, url], env=environment, text=True, capture_output=True)


ran = run(KEY)
print(ran.stdout, ran.stderr)
assert ran.returncode == 0, ran.returncode
lines = ran.stdout.splitlines()
expected = ["created ", "read it: ", "not updated twice: 412: if-match ", "not created: 4",
            "listed it: true", "deleted it"]
assert len(lines) == len(expected), lines
for line, start in zip(lines, expected):
    assert line.lower().startswith(start), (line, start)
# One create succeeded, at its third attempt. The other was invalid.
assert list(attempts.values()) == [3], attempts

# The widget that was created is deleted. A second one would be left.
for path in ["/api/v1/widget", "/v1/widgets"]:
    connection = http.client.HTTPConnection(UPSTREAM)
    connection.request("GET", path, headers={"authorization": KEY})
    listed = json.load(connection.getresponse())["data"]
    assert not (listed["items"] if "items" in listed else listed), listed

refused = run("in-nobody")
assert refused.returncode == 1 and "401: " in refused.stderr, refused
assert KEY not in ran.stdout + ran.stderr and "in-nobody" not in refused.stderr, refused
