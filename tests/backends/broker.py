"""A Kafka node of one story's own, which it may kill: `broker.py LIBRARIES FOLDER`.

Says `ready PORT` once it listens. A line `kill` on its input kills the node with SIGKILL where it
stands and starts it again on the same port and data, and then `ready PORT` is said again. The end
of the input ends it.
"""

import os
import subprocess
import sys
import time

import kafka
import services


def start(broker):
    log = open(broker.path("log"), "a")
    node = subprocess.Popen(
        broker.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=services.die_with_parent
    )
    end = time.monotonic() + services.READY_SECONDS
    while not broker.ready():
        if node.poll() is not None or time.monotonic() > end:
            node.kill()
            sys.exit(f"the node did not start, see {broker.path('log')}")
        time.sleep(0.1)
    print(f"ready {broker.port}", flush=True)
    return node


def main(libraries, folder):
    broker = kafka.Broker(libraries, os.path.join(folder, "kafka"), services.free_port)
    broker.format()
    node = start(broker)
    try:
        for line in sys.stdin:
            if line.strip() == "kill":
                node.kill()
                node.wait()
                node = start(broker)
    finally:
        node.kill()
        node.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
