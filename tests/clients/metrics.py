"""Reads /metrics as Prometheus' own client does, and compares it with redis_exporter beside it.

What the exporter tells of a server is told by the server's own endpoint as well, under the same
name, with the same labels, and with the same value where it does not change from one look to the
next.
"""

import os
import subprocess
import urllib.request

import redis
from prometheus_client.parser import text_string_to_metric_families

from server import Server, free_port, wait_until

EXPORTER = os.environ.get("REDIS_EXPORTER", "prometheus-redis-exporter")
# What is about the exporter itself.
OF_ITSELF = ("redis_exporter_", "redis_target_scrape_", "redis_last_key_groups_scrape_")
# What is as the exporter has made it up, or what only a newer one tells.
LEFT_OUT = {"redis_config_maxmemory", "redis_config_io_threads"}
# What is another figure at each look, not least as the exporter itself is a client.
CHANGING = (
    "cpu", "memory", "mem_", "allocator", "net_", "commands_", "connections_received", "uptime",
    "reads_processed", "writes_processed", "latency_percentiles", "connected_clients", "recent_max",
    "slave_lag", "start_time", "slowlog", "slow_execution", "latency_spike", "errors", "aof_pending",
    "error_replies", "frag", "instantaneous", "db_avg_ttl", "expired", "last_io",
)


def scrape(port):
    """Every sample by its name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as reply:
        kind = reply.headers["Content-Type"]
        assert kind.startswith("text/plain"), kind
        text = reply.read().decode()
    samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation or not family.name.startswith("backlogd_"), family.name
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples, key
            samples[key] = sample.value
    return samples


def listens(port):
    try:
        return bool(scrape(port))
    except OSError:
        return False


def compare(ours, theirs):
    missing, wrong = [], []
    for (name, labels), value in theirs.items():
        if not name.startswith("redis_") or name.startswith(OF_ITSELF) or name in LEFT_OUT:
            continue
        changes = any(word in name for word in CHANGING)
        own = ours.get((name, labels))
        if own is None:
            if not any(name == other for other, _ in ours) or not changes:
                missing.append((name, labels))
        elif own != value and not changes:
            wrong.append((name, labels, own, value))
    assert not missing, f"not told: {missing}"
    assert not wrong, f"told otherwise: {wrong}"


def examine(server, metrics_port):
    exporter_port = free_port()
    environment = {**os.environ, "REDIS_ADDR": f"redis://127.0.0.1:{server.port}"}
    exporter = subprocess.Popen(
        [EXPORTER, "-web.listen-address", f"127.0.0.1:{exporter_port}"],
        env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until("the exporter listens", lambda: listens(exporter_port))
        scrape(exporter_port)
        theirs, ours = scrape(exporter_port), scrape(metrics_port)
        assert theirs[("redis_up", ())] == 1
        compare(ours, theirs)
        return len(theirs), len(ours)
    finally:
        exporter.kill()
        exporter.wait()


def main():
    ports = [free_port(), free_port()]
    with Server("--backlog-metrics-port", str(ports[0])) as primary:
        following = f"127.0.0.1 {primary.port}"
        with Server("--backlog-metrics-port", str(ports[1]), "--replicaof", following) as replica:
            client = redis.Redis(port=primary.port)
            client.mset({f"key:{number}": number for number in range(100)})
            client.set("fading", "v", ex=1000)
            client.get("key:1")
            client.get("none")
            client.execute_command("CONFIG", "SET", "slowlog-log-slower-than", "0")
            wait_until("the replica has all", lambda: client.wait(1, 1000) == 1)
            for server, port in zip((primary, replica), ports):
                theirs, ours = examine(server, port)
                print(f"metrics: {theirs} of redis_exporter, {ours} of the server itself")


if __name__ == "__main__":
    main()
