"""Starts the backends, runs the tests against them, stops them, and counts what happened.

Called by tests/run, which has installed everything. Nothing here is left behind: every process is
stopped by its id, also on Ctrl-C, on a failure and when this process itself is killed.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import services

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STATE = os.path.join(ROOT, ".sluicegate-test")
# Building and testing together may take so long; a run that hangs ends in a failure, not never.
BUILD_SECONDS = 40 * 60
TEST_SECONDS = 25 * 60
# What a whole run does beside the workspace's tests: the protocols between threads under loom, and
# each fuzzer for a minute. Both are workspaces of their own, with their own flags.
MODELS = ["cargo", "test", "--quiet", "--manifest-path", "models/Cargo.toml", "--target-dir", "target/models"]
BESIDE_CARGO = [MODELS, ["fuzz/run", "60"]]
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")


def say(text):
    print(f"tests/run: {text}", file=sys.stderr, flush=True)


def arguments(words):
    """Splits what the user gave into words for cargo and words for the test programs."""
    if "--" in words:
        cut = words.index("--")
        return words[:cut], words[cut + 1 :]
    return words, []


class Counts:
    """Adds up the `test result:` lines and collects the skips."""

    def __init__(self):
        self.passed = self.failed = self.ignored = 0
        self.skips = []

    def read(self, line):
        found = RESULT.match(line)
        if found:
            passed, failed, ignored = map(int, found.groups())
            self.passed += passed
            self.failed += failed
            self.ignored += ignored
        elif line.startswith("SKIPPED:"):
            self.skip(line[len("SKIPPED:") :].strip())

    def skip(self, text):
        if text and text not in self.skips:
            self.skips.append(text)

    def close(self, finished):
        for text in self.skips:
            print(f"SKIPPED: {text}")
        if self.skips:
            print(f"!!! {len(self.skips)} test(s) could not run, see the lines above !!!")
        # A test that skips itself returns, so the test program counts it as passed.
        passed = max(self.passed - len(self.skips), 0)
        failed = self.failed if finished or self.failed else 1
        print(f"{passed} passed, {failed} failed, {len(self.skips) + self.ignored} skipped", flush=True)


def follow(command, environment, counts):
    """Runs the tests and shows their output, without what tests print that succeed."""
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, errors="replace"
    )
    late = threading.Timer(TEST_SECONDS, child.kill)
    late.start()
    quiet = False
    try:
        for line in child.stdout:
            counts.read(line)
            if line == "successes:\n":
                quiet = True
            elif quiet and (line == "failures:\n" or line.startswith("test result:")):
                quiet = False
            if not quiet:
                print(line, end="", flush=True)
        return child.wait()
    finally:
        late.cancel()
        if child.poll() is None:
            child.terminate()
            child.wait()


def test(words):
    cargo, programs = arguments(words)
    selection = ["cargo", "test", "--workspace", *cargo]
    environment = dict(os.environ, CARGO_TERM_COLOR="never")
    say("building the tests")
    build = subprocess.run([*selection, "--no-run", "--quiet"], cwd=ROOT, env=environment, timeout=BUILD_SECONDS)
    counts = Counts()
    if build.returncode:
        counts.close(finished=False)
        return build.returncode
    with tempfile.TemporaryDirectory(prefix="sluicegate-test-") as scratch:
        skips = os.path.join(scratch, "skips")
        open(skips, "w").close()
        backends = services.Backends(STATE, scratch, say)
        try:
            environment.update(backends.start(), SLUICEGATE_TEST_SKIPS=skips)
            command = [*selection, "--no-fail-fast", "--", "--show-output", *programs]
            status = follow(command, environment, counts)
        finally:
            backends.stop()
        with open(skips) as lines:
            for line in lines:
                counts.skip(line.strip())
    if not words:
        for command in BESIDE_CARGO:
            say("running " + " ".join(command))
            status = follow(command, environment, counts) or status
    counts.close(finished=status == 0)
    return status


def serve():
    """Only the backends, for work by hand: `export` lines, then a wait for Ctrl-C."""
    scratch = tempfile.mkdtemp(prefix="sluicegate-test-")
    backends = services.Backends(STATE, scratch, say)
    try:
        for name, value in backends.start().items():
            print(f"export {name}={value}")
        sys.stdout.flush()
        signal.pause()
    finally:
        backends.stop()
        shutil.rmtree(scratch, ignore_errors=True)


def main(words):
    # SIGTERM unwinds as Ctrl-C does, so that the backends are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if words == ["--serve"]:
            return serve()
        return test(words)
    except services.NotReady as problem:
        say(str(problem))
        print("0 passed, 1 failed, 0 skipped", flush=True)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
