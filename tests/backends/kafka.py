"""One Apache Kafka node in KRaft mode: broker and controller in one small JVM.

Three listeners on the loopback: plain text, plain text behind a user and password, and the
controller's own.
"""

import base64
import os
import socket
import struct
import subprocess
import uuid

USER = "gate"
PASSWORD = "open"

JVM = [
    "-Xmx384m",
    "-XX:+UseSerialGC",
    # The node lives for minutes: the second compiler would cost more than it gives back.
    "-XX:TieredStopAtLevel=1",
    "-Xss512k",
]

LOGGING = """\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
"""


class Broker:
    """A node with its data under `folder`, which must not exist yet."""

    def __init__(self, libraries, folder, free_port):
        self.libraries, self.folder = libraries, folder
        self.port, self.sasl_port, self.controller_port = free_port(), free_port(), free_port()
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # Kafka's tools take an id that starts with a dash for an option.
        self.cluster = "A" + identity[1:]

    def format(self):
        """Writes the settings and the empty metadata log."""
        os.makedirs(os.path.join(self.folder, "data"))
        with open(self.path("log4j2.properties"), "w") as out:
            out.write(LOGGING)
        with open(self.path("server.properties"), "w") as out:
            out.writelines(f"{key}={value}\n" for key, value in self.settings().items())
        done = subprocess.run(
            self.java(
                "kafka.tools.StorageTool",
                "format",
                "--cluster-id",
                self.cluster,
                "--config",
                self.path("server.properties"),
                "--add-scram",
                f"SCRAM-SHA-256=[name={USER},password={PASSWORD}]",
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"Kafka's storage could not be formatted:\n{done.stdout}")

    def command(self):
        return self.java("kafka.Kafka", self.path("server.properties"))

    def ready(self):
        """True when this very cluster answers: another process may have taken the port."""
        try:
            cluster, brokers, controller = metadata(self.port)
        except (OSError, struct.error):
            return False
        return cluster == self.cluster and brokers > 0 and controller >= 0

    def settings(self):
        jaas = "org.apache.kafka.common.security"
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": ",".join(
                [
                    f"PLAIN://127.0.0.1:{self.port}",
                    f"SASL://127.0.0.1:{self.sasl_port}",
                    f"CONTROLLER://127.0.0.1:{self.controller_port}",
                ]
            ),
            "listener.security.protocol.map": "PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
            "listener.name.sasl.plain.sasl.jaas.config": f"{jaas}.plain.PlainLoginModule required"
            f' user_{USER}="{PASSWORD}";',
            "listener.name.sasl.scram-sha-256.sasl.jaas.config": f"{jaas}.scram.ScramLoginModule required;",
            "log.dirs": self.path("data"),
            # A topic that a test names wrongly must stay missing.
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.num.partitions": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "num.network.threads": 2,
            "num.io.threads": 2,
            "background.threads": 2,
            "log.cleaner.dedupe.buffer.size": 4 << 20,
        }

    def java(self, *words):
        return [
            "java",
            *JVM,
            "-Dlog4j2.configurationFile=" + self.path("log4j2.properties"),
            "-cp",
            os.path.join(self.libraries, "*"),
            *words,
        ]

    def path(self, name):
        return os.path.join(self.folder, name)


def metadata(port):
    """Asks a broker for its cluster id, the number of its brokers and its controller.

    Kafka's Metadata request, version 2, for no topic: enough to tell whose port this is.
    """
    header = struct.pack(">hhih", 3, 2, 1, 4) + b"test"
    request = header + struct.pack(">i", 0)
    with socket.create_connection(("127.0.0.1", port), 1) as stream:
        stream.settimeout(2)
        stream.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", exactly(stream, 4))
        answer = exactly(stream, size)
    at = 4
    (brokers,) = struct.unpack_from(">i", answer, at)
    at += 4
    for _ in range(brokers):
        at += 4
        at += 2 + max(struct.unpack_from(">h", answer, at)[0], 0)
        at += 4
        at += 2 + max(struct.unpack_from(">h", answer, at)[0], 0)
    (length,) = struct.unpack_from(">h", answer, at)
    at += 2
    cluster = answer[at : at + length].decode()
    (controller,) = struct.unpack_from(">i", answer, at + max(length, 0))
    return cluster, brokers, controller


def exactly(stream, size):
    held = b""
    while len(held) < size:
        part = stream.recv(size - len(held))
        if not part:
            raise OSError("closed")
        held += part
    return held
