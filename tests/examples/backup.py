"""Runs the backup of examples/ with the `widgets` in the folder BIN: backup.py URL KEY BIN"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

URL, KEY, BIN = sys.argv[1:]
WIDGETS: dict[str, tuple[str, dict[str, Any]]] = {
    "assistant": (
        "/api/v1/widget",
        {"widget_type": "chat", "user_opening_messages": None, "action_buttons": None},
    ),
    "pathway": (
        "/v1/widget",
        {"agent_prompt": "Be kind.", "allowed_domains": [], "messages_per_minute": 1, "config": {}},
    ),
}
OLD = ["2020-01-01T030000Z", "2020-01-02T030000Z", "2020-01-03T030000Z"]
KEPT = 2


def create(path: str, body: dict[str, Any]) -> str:
    headers = {"authorization": KEY, "content-type": "application/json"}
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as response:
        return str(json.load(response)["data"]["id"])


def back_up(folder: Path, key: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["examples/backup/backup.sh", URL, str(folder), str(KEPT)]
    environment = {"PATH": f"{Path(BIN).resolve()}:{os.environ['PATH']}"} | key
    ran = subprocess.run(command, env=environment, text=True, capture_output=True)
    print(ran.stdout, ran.stderr)
    assert not list(folder.glob("*.part"))
    return ran


def names(folder: Path, dialect: str) -> list[str]:
    return sorted(file.stem.removeprefix(f"{dialect}-") for file in folder.glob(f"{dialect}-*"))


ids = {dialect: create(path, body) for dialect, (path, body) in WIDGETS.items()}
with tempfile.TemporaryDirectory() as scratch:
    key_file = Path(scratch, "api-key")
    key_file.write_text(KEY + "\n")
    for number, key in enumerate([{"WIDGETS_API_KEY": KEY}, {"WIDGETS_KEY_FILE": str(key_file)}]):
        folder = Path(scratch, f"backups of run {number}")
        folder.mkdir()
        for dialect in WIDGETS:
            for old in OLD:
                Path(folder, f"{dialect}-{old}.jsonl").touch()

        assert back_up(folder, {"WIDGETS_API_KEY": "in-nobody"}).returncode != 0
        assert [names(folder, dialect) for dialect in WIDGETS] == [OLD, OLD]

        assert back_up(folder, key).returncode == 0
        for dialect, id in ids.items():
            kept, new = names(folder, dialect)
            assert kept == OLD[-1] and new > kept, (kept, new)
            file = Path(folder, f"{dialect}-{new}.jsonl")
            saved = [json.loads(line)["id"] for line in file.read_text().splitlines()]
            assert id in saved and len(set(saved)) == len(saved), saved
            assert file.stat().st_mode & 0o777 == 0o600
