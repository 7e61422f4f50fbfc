#!/usr/bin/env python3
"""Our recordings, read by the public `mcap` package with validate_crcs=True: same messages, times, payloads and counts.

The package is installed into a venv of its own below the build folder; without a way to install it the test is skipped.
Prints one line a fact (see tests/README.md).
"""
import json
import os
import subprocess
import sys
import tempfile
import venv

ROOT = os.environ.get("HYPERTOP_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("HYPERTOP_BUILD") or os.environ.get("BUILD") or os.path.join(ROOT, "build")
MAKE = os.path.join(BUILD, "tests", "tool", "make_recording")
VENV = os.path.join(BUILD, "venv-mcap")


def installed():
    """The venv's python when `mcap` can be imported there, else None."""
    python = os.path.join(VENV, "bin", "python")
    if not os.path.exists(python):
        return None
    return python if subprocess.run([python, "-c", "import mcap.reader"], capture_output=True).returncode == 0 else None


def install():
    if installed():
        return installed()
    try:
        venv.create(VENV, with_pip=True, clear=True)
        python = os.path.join(VENV, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "mcap"],
                       capture_output=True, timeout=90)
    except (OSError, subprocess.SubprocessError):
        return None
    return installed()


FAILED = False


def fact(name, problem):
    global FAILED
    if problem:
        FAILED = True
        print(f"not ok {name} {problem}")
    else:
        print(f"ok {name}")


def difference(got, want):
    if len(got) != len(want):
        return f"{len(got)} messages instead of {len(want)}"
    for g, w in zip(got, want):
        if g != w:
            return f"message {w['sequence']}: {json.dumps(g)[:120]} instead of {json.dumps(w)[:120]}"
    return None


def as_row(channel, message):
    return {"topic": channel.topic, "sequence": message.sequence, "log_time": message.log_time,
            "publish_time": message.publish_time, "data": message.data.hex()}


def read_indexed(path):
    from mcap.reader import make_reader
    with open(path, "rb") as f:
        return [as_row(c, m) for _, c, m in make_reader(f, validate_crcs=True).iter_messages()]


def read_stream(path):
    from mcap.reader import NonSeekingReader
    with open(path, "rb") as f:
        return [as_row(c, m) for _, c, m in NonSeekingReader(f, validate_crcs=True).iter_messages()]


def check_summary(path, want, kind):
    from mcap.reader import make_reader
    with open(path, "rb") as f:
        reader = make_reader(f, validate_crcs=True)
        header, summary = reader.get_header(), reader.get_summary()
        attachments = {a.name: a.data for a in reader.iter_attachments()}
        metadata = {m.name: m.metadata for m in reader.iter_metadata()}
    counts = {}
    for row in want:
        counts[row["topic"]] = counts.get(row["topic"], 0) + 1
    topics = {c.id: c.topic for c in summary.channels.values()}
    got = {topics[k]: v for k, v in summary.statistics.channel_message_counts.items()}
    fact(f"public-reader-header-is-ours-{kind}", None if header.profile == "hypertop" else f"profile {header.profile}")
    fact(f"public-reader-counts-equal-{kind}", None if got == counts else f"{got} instead of {counts}")
    fact(f"public-reader-total-equal-{kind}", None if summary.statistics.message_count == len(want) else "message_count differs")
    fact(f"public-reader-attachments-{kind}", None if sorted(attachments) == ["environment.json", "sweep.yaml"] else str(attachments))
    fact(f"public-reader-metadata-{kind}", None if metadata["hypertop"]["sweep"] == "fixture" else str(metadata))
    fact(f"public-reader-encoding-{kind}",
         None if {c.message_encoding for c in summary.channels.values()} == {"msgpack"} else "not msgpack")


def check_seek(path, want, kind):
    from mcap.reader import make_reader
    start, end = want[len(want) // 3]["log_time"], want[len(want) // 2]["log_time"]
    with open(path, "rb") as f:
        reader = make_reader(f, validate_crcs=True)
        got = [as_row(c, m) for _, c, m in reader.iter_messages(topics=["/trial"], start_time=start, end_time=end)]
    fact(f"public-reader-seeks-by-time-and-topic-{kind}",
         difference(got, [w for w in want if w["topic"] == "/trial" and start <= w["log_time"] < end]))


def facts():
    with tempfile.TemporaryDirectory() as folder:
        for how in ("", "--compact"):
            path = os.path.join(folder, "r.mcap")
            args = [MAKE, path, "120", "25"] + ([how] if how else [])
            out = subprocess.run(args, capture_output=True, text=True, check=True).stdout
            want = [json.loads(line) for line in out.splitlines()]
            kind = "compacted" if how else "live"
            fact(f"public-reader-indexed-{kind}", difference(read_indexed(path), want))
            fact(f"public-reader-streamed-{kind}", difference(read_stream(path), want))
            check_summary(path, want, kind)
            check_seek(path, want, kind)


def main():
    if not os.access(MAKE, os.X_OK):
        print("skip public-reader no make_recording in the build folder: make tests")
        return 0
    python = install()
    if not python:
        print("skip public-reader the PyPI package mcap cannot be installed here")
        return 0
    if len(sys.argv) < 2:
        return subprocess.run([python, __file__, "--inside"]).returncode
    facts()
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
