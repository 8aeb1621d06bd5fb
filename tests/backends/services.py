"""The backends: one Apache Kafka node and two emulators of AWS, on free ports of the loopback."""

import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import kafka

# From start to ready; Kafka takes 3 s and the emulators 2 s on an idle machine.
READY_SECONDS = 90
STOP_SECONDS = 10
PR_SET_PDEATHSIG = 1


class NotReady(Exception):
    """A backend did not come up; the text says which and ends with what it said."""


def free_port():
    """A port that nobody listens on. It is free again when this returns, so use it soon."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    """A backend never outlives this run, even if the run is killed with -9."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def answers(url):
    """Whether an HTTP server answers there, with whatever status."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


class Backends:
    """All backends of one run. `scratch` holds their data and logs and is the caller's to remove."""

    def __init__(self, state, scratch, say):
        self.state, self.scratch, self.say = state, scratch, say
        self.running = []

    def start(self):
        """Starts all of them and waits until they are ready. Returns the tests' environment."""
        began = time.monotonic()
        broker = kafka.Broker(
            os.path.join(self.state, "kafka-libs"),
            os.path.join(self.scratch, "kafka"),
            free_port,
        )
        broker.format()
        # Every process starts before the first is waited for: they come up side by side.
        aws, roto = free_port(), free_port()
        tools = os.path.join(self.state, "venv", "bin")
        started = [
            ("Apache Kafka", broker.command(), {}, broker.ready),
            (
                "ministack",
                [os.path.join(tools, "ministack")],
                {"GATEWAY_PORT": str(aws), "BIND_HOST": "127.0.0.1"},
                lambda: answers(f"http://127.0.0.1:{aws}/_ministack/health"),
            ),
            (
                "roto-aws",
                [os.path.join(tools, "roto-server"), "--ephemeral", "--port", str(roto)],
                {},
                lambda: answers(f"http://127.0.0.1:{roto}/"),
            ),
        ]
        processes = [self.launch(name, command, more) for name, command, more, _ in started]
        for process, (name, _, _, ready) in zip(processes, started):
            self.wait(name, process, ready)
        self.say(f"Apache Kafka, ministack and roto-aws are ready after {time.monotonic() - began:.1f} s")
        return {
            "SLUICEGATE_TEST_KAFKA": f"127.0.0.1:{broker.port}",
            # A story that kills a node starts one of its own.
            "SLUICEGATE_TEST_KAFKA_LIBRARIES": broker.libraries,
            "SLUICEGATE_TEST_KAFKA_SASL": f"127.0.0.1:{broker.sasl_port}",
            "SLUICEGATE_TEST_KAFKA_USER": kafka.USER,
            "SLUICEGATE_TEST_KAFKA_PASSWORD": kafka.PASSWORD,
            "SLUICEGATE_TEST_AWS": f"http://127.0.0.1:{aws}",
            "SLUICEGATE_TEST_ROTO": f"http://127.0.0.1:{roto}",
            # The emulators take any credentials; without any the clients refuse to sign.
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def launch(self, name, command, more):
        log = self.log(name)
        with open(log, "wb") as out:
            process = subprocess.Popen(
                command,
                cwd=self.scratch,
                env=dict(os.environ, **more),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self.running.append(process)
        return process

    def wait(self, name, process, ready):
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if process.poll() is not None:
                raise NotReady(f"{name} ended with {process.returncode}:\n{self.tail(name)}")
            if ready():
                return
            time.sleep(0.1)
        raise NotReady(f"{name} was not ready after {READY_SECONDS} s:\n{self.tail(name)}")

    def stop(self):
        """Stops what `start` started, and the children of those, by their own ids."""
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            for process in self.running:
                if process.poll() is None:
                    os.killpg(process.pid, signal_number)
            end = time.monotonic() + STOP_SECONDS
            for process in self.running:
                try:
                    process.wait(max(end - time.monotonic(), 0.1))
                except subprocess.TimeoutExpired:
                    pass
        self.running = []

    def log(self, name):
        return os.path.join(self.scratch, name.replace(" ", "-").lower() + ".log")

    def tail(self, name):
        with open(self.log(name), errors="replace") as log:
            return log.read()[-3000:]
