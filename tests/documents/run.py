"""Runs the commands of the documents, *.md and docs/*.md, as a reader pastes them.

    python3 tests/documents/run.py [DOCUMENT...]

What a fenced block is for:

    console   Runs. A line that begins with `$ ` is a command, `> ` continues it, and the lines
              after it are its output. A command without output in the document must succeed.
    python    Runs, as a program of its own. It must succeed.
    ts        Runs with Node.js 24 or newer. It must succeed.
    sh WORD   Does not run: bash checks its syntax. WORD says why: `aws` needs an AWS account,
              `slow` takes minutes, `tools` needs tools that this machine may not have.

All blocks of a document run in order, in one shell. It starts in a folder that looks like a fresh
checkout, with a local stack of its own: `$ cargo run` starts one on a free port, in place of 3000,
and the other `cargo run -q -- …` use that one. Python and TypeScript read the variables that the
shell exports.

How an output is compared: a line `…` stands for any lines, and `…` in a line for any text. What
differs from run to run (MASKS) is masked on both sides. Everything else must be equal.
"""

import difflib
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WIDGETS = ROOT / "target/debug/widgets"
URL = "http://127.0.0.1:3000"
REASONS = {"aws", "slow", "tools"}
TIMEOUT_SECONDS = 600

MASKS = [
    (r"\bin-[\w-]{43}", "<key>"),
    (r"\bin-[\w-]{4}…", "<first characters of a key>"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"\b[0-9a-f]{16}\b", "<hash>"),
    (r"\bcursor=[\w-]+", "<cursor>"),
    (r"\b127\.0\.0\.1:\d+", "<address>"),
    (r"\b\d+(\.\d+)? ms\b", "<duration>"),
]


def blocks(text):
    """Yields each fenced block: its first line's number, the words after the fence, its lines."""
    words, lines = None, []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(" ") and line.lstrip().startswith("```"):
            raise SystemExit(f"line {number}: a fenced block must not be indented")
        if not line.startswith("```"):
            lines.append(line)
        elif words is None:
            words, lines, start = line[3:].split(), [], number + 1
        else:
            yield start, words, lines
            words = None


def commands(start, lines):
    """Yields each command of a console block: its line's number, its text, its output's lines."""
    found = []
    for number, line in enumerate(lines, start):
        if line.startswith("$ "):
            found.append((number, line[2:], []))
        elif line.startswith("> ") and found and not found[-1][2]:
            found[-1] = (found[-1][0], found[-1][1] + "\n" + line[2:], [])
        elif found:
            found[-1][2].append(line)
        else:
            raise SystemExit(f"line {number}: a console block begins with a command")
    return found


def masked(line):
    for pattern, name in MASKS:
        line = re.sub(pattern, name, line)
    return line.rstrip()


def matches(expected, actual):
    """Returns whether an output is the one in the document. Both are masked lines."""
    any_text = re.escape("…")
    pattern = "".join(
        r"(?:.*\n)*" if line == "…" else re.escape(line).replace(any_text, ".*") + r"\n"
        for line in expected
    )
    return re.fullmatch(pattern, "".join(line + "\n" for line in actual)) is not None


class Session:
    """A shell that runs the commands of one document, and the stack that they start."""

    LOOP = 'while read -r file; do . "$file" < /dev/null > "$file.out" 2>&1; echo $?; done'

    def __init__(self, folder):
        self.folder = folder
        checkout = folder / "checkout"
        checkout.mkdir()
        for entry in ROOT.iterdir():
            if entry.name not in {".widgets", ".git"}:
                (checkout / entry.name).symlink_to(entry)
        self.checkout, self.count, self.url, self.stack = checkout, 0, URL, None
        self.shell = subprocess.Popen(
            ["bash", "-c", self.LOOP], cwd=checkout, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )

    def file(self, ending, text):
        self.count += 1
        file = self.folder / f"{self.count}{ending}"
        file.write_text(text)
        return file

    def run(self, command):
        """Returns the status and the output of a command."""
        if command == "cargo run":
            return 0, self.start_stack()
        command = command.replace(URL, self.url)
        for subcommand, options in [
            ("invoke", f"--url {self.url}"),
            (r"(?:events|import|keys \w+)", "--data .widgets"),
        ]:
            command = re.sub(rf"\bcargo run -q -- {subcommand}\b", rf"\g<0> {options}", command)
        command = command.replace("cargo run -q --", str(WIDGETS))
        file = self.file(".sh", command)
        self.shell.stdin.write(f"{file}\n")
        self.shell.stdin.flush()
        status = int(self.shell.stdout.readline())
        return status, Path(f"{file}.out").read_text()

    def start_stack(self):
        """Starts the local stack and returns what it prints until it serves."""
        log = open(self.folder / "stack.log", "w")
        self.stack = subprocess.Popen(
            [WIDGETS, "serve", "--port", "0", "--data", self.checkout / ".widgets"], text=True,
            stdout=subprocess.PIPE, stderr=log,
        )
        printed = ""
        for line in self.stack.stdout:
            printed += line
            if line.startswith("Listening on "):
                self.url = line.split()[-1]
            if line.startswith("Ctrl-C "):
                return printed
        raise SystemExit("the stack did not start:\n" + (self.folder / "stack.log").read_text())

    def close(self):
        os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.wait()
        if self.stack:
            self.stack.terminate()
            self.stack.wait()


def check_syntax(lines):
    """Returns what bash finds wrong with a script, if it does."""
    return subprocess.run(
        ["bash", "-n"], input="\n".join(lines), text=True, capture_output=True
    ).stderr


def check_output(status, output, expected):
    """Returns what is wrong with a command's output, if it is."""
    actual = [masked(line) for line in output.strip("\n").splitlines()]
    expected = [masked(line) for line in "\n".join(expected).strip("\n").splitlines()]
    if not expected:
        return f"ends with {status}:\n{output}" if status else ""
    if matches(expected, actual):
        return ""
    return "\n".join(["prints something else (-: the document, +: the command):"] + [
        line for line in difflib.ndiff(expected, actual) if not line.startswith("?")
    ])


def run_document(path, session):
    """Runs all blocks of a document. Returns how many it ran, and what failed."""
    count, failures = 0, []

    def note(number, what, problem):
        nonlocal count
        count += 1
        if problem:
            failures.append(f"{path.relative_to(ROOT)}:{number}: {what} {problem}")

    for start, words, lines in blocks(path.read_text()):
        match words:
            case ["console"]:
                for number, command, expected in commands(start, lines):
                    status, output = session.run(command)
                    note(number, f"$ {command}", check_output(status, output, expected))
            case ["python" | "ts" as language]:
                ending, program = {"python": (".py", "python3"), "ts": (".mts", "node")}[language]
                file = session.file(ending, "\n".join(lines).replace(URL, session.url))
                status, output = session.run(f"{program} {file}")
                note(start, f"the {language} program", check_output(status, output, []))
            case ["sh", reason] if reason in REASONS:
                note(start, "the sh block", check_syntax(lines))
            case ["sh" | "bash" | "shell", *_]:
                note(start, "the block", f"must be `console`, or `sh` and one of {sorted(REASONS)}")
    return count, failures


def time_is_over(*_):
    raise SystemExit(f"not done after {TIMEOUT_SECONDS} seconds")


def main():
    signal.signal(signal.SIGALRM, time_is_over)
    signal.alarm(TIMEOUT_SECONDS)
    subprocess.run(["cargo", "build", "--quiet", "--bin", "widgets"], cwd=ROOT, check=True)
    documents = [Path(argument).resolve() for argument in sys.argv[1:]]
    documents = documents or [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
    failures = []
    for path in documents:
        with tempfile.TemporaryDirectory() as folder:
            session = Session(Path(folder))
            try:
                count, failed = run_document(path, session)
            finally:
                session.close()
        failures += failed
        name = path.relative_to(ROOT)
        print(f"{name}: {count} commands and blocks, {len(failed)} failed", flush=True)
    print("\n\n".join(failures))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
