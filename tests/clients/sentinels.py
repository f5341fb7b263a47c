"""A primary, its replicas, and the three Sentinels that watch them."""

import contextlib
import pathlib
import subprocess
import sys
import tempfile

import redis

from server import Server, free_port, wait_until

NAME = "jobs"
QUORUM = 2


class Sentinel:
    """A redis-sentinel with a directory of its own, both gone with the context."""

    def __init__(self, primary):
        self.primary = primary

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="backlogd-clients-")
        home = pathlib.Path(self.directory.name)
        self.log = home / "sentinel.log"
        self.port = free_port()
        configuration = home / "sentinel.conf"
        configuration.write_text(
            f"bind 127.0.0.1\nport {self.port}\ndir {home}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {self.primary.port} {QUORUM}\n"
            f"sentinel down-after-milliseconds {NAME} 2000\n"
            f"sentinel failover-timeout {NAME} 10000\n", encoding="ascii")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(["redis-sentinel", str(configuration)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.client = redis.Redis(port=self.port)
        return self

    def __exit__(self, kind, error, trace):
        self.process.kill()
        self.process.wait()
        if kind is not None:
            tail = self.log.read_text(errors="replace").splitlines()[-20:]
            print("last output of a Sentinel:", *tail, sep="\n", file=sys.stderr)
        self.directory.cleanup()

    def sees_all(self, replicas):
        """Whether it knows so many replicas and the two others."""
        try:
            state = self.client.sentinel_master(NAME)
        except redis.RedisError:
            return False
        return state["num-slaves"] == replicas and state["num-other-sentinels"] == 2

    def primary_port(self):
        return self.client.sentinel_get_master_addr_by_name(NAME)[1]


class Group:
    """The servers and the Sentinels; the first server is the primary, until it fails."""

    def __init__(self, servers, sentinels):
        self.servers = servers
        self.sentinels = sentinels
        self.ports = [sentinel.port for sentinel in sentinels]

    def acknowledge(self, client):
        """Waits until every replica has all that was written before."""
        client.set("acknowledged", "?")
        replicas = len(self.servers) - 1
        assert client.wait(replicas, 30_000) == replicas, "a replica does not follow"

    def fail_over(self):
        """Kills the primary, and waits until all know that a replica has taken its place."""
        failed = self.servers[0].port
        self.servers[0].kill()
        for sentinel in self.sentinels:
            wait_until("a failover", lambda: sentinel.primary_port() != failed)


@contextlib.contextmanager
def group(*directives, replicas=1):
    """So many replicas and their primary, with those directives each."""
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(Server(*directives))
        following = ["--replicaof", "127.0.0.1", str(primary.port)]
        servers = [primary] + [stack.enter_context(Server(*directives, *following))
                               for _ in range(replicas)]
        client = redis.Redis(port=primary.port)
        wait_until("replicas follow", lambda: client.wait(replicas, 100) == replicas)
        sentinels = [stack.enter_context(Sentinel(primary)) for _ in range(3)]
        for sentinel in sentinels:
            wait_until("the Sentinels know of all", lambda: sentinel.sees_all(replicas))
        yield Group(servers, sentinels)
