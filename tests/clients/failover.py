"""The lock of redis-py, a limiter of `limits`, and BullMQ through a failover by Sentinel.

The scripts are unknown to the replica that has become the primary, as with stock servers, and are
sent it again. What it is asked to confirm before, by WAIT, is there after.
"""

import limits
import redis
import redis.sentinel
from limits.strategies import MovingWindowRateLimiter

import server
from sentinels import NAME, group

MAY_PASS = 90


def lock(servers):
    ports = [("127.0.0.1", port) for port in servers.ports]
    client = redis.sentinel.Sentinel(ports).master_for(NAME)
    held, other = client.lock("held", timeout=600), client.lock("held", timeout=600)
    assert held.acquire() and held.extend(600)
    known = client.script_load("return 1")
    servers.acknowledge(client)
    servers.fail_over()
    assert client.script_exists(known) == [False], "a replica knows the scripts of its primary"
    assert not other.acquire(blocking=False), "two have the lock"
    assert held.owned() and held.extend(600) and client.ttl("held") > 1500
    held.release()
    assert other.acquire(blocking=False)
    calls = client.info("commandstats")["cmdstat_evalsha"]
    # One script extends and another releases, each unknown when it is first asked for.
    assert (calls["calls"], calls["failed_calls"]) == (4, 2), f"not by their hashes: {calls}"


def limiter(servers):
    ports = ",".join(f"127.0.0.1:{port}" for port in servers.ports)
    storage = limits.storage.storage_from_string(
        f"redis+sentinel://{ports}/{NAME}", use_replicas=False)
    gate = MovingWindowRateLimiter(storage)
    window = limits.RateLimitItemPerYear(MAY_PASS)

    def pass_of(count):
        return sum(gate.hit(window, "visitor") for _ in range(count))

    assert pass_of(MAY_PASS // 3) == MAY_PASS // 3
    servers.acknowledge(storage.storage)
    servers.fail_over()
    assert gate.get_window_stats(window, "visitor").remaining == MAY_PASS - MAY_PASS // 3
    assert pass_of(2 * MAY_PASS) == MAY_PASS - MAY_PASS // 3


def bullmq(servers, safe="by WAIT"):
    sentinels = ",".join(str(port) for port in servers.ports)
    status = server.run(["node", "bullmq_failover.mjs"], servers.servers,
                        BACKLOGD_SENTINELS=sentinels, BACKLOGD_SAFE=safe)
    assert status == 0, f"it ended with {status}"


def bullmq_with_every_write_on_a_replica(servers):
    bullmq(servers, "by the server")


def main():
    for part in (lock, limiter, bullmq):
        with group() as servers:
            part(servers)
        print(f"failover by Sentinel: {part.__name__}")
    if server.STOCK:
        return
    # Two replicas, as one of them is left without another when it leads.
    with group("--backlog-commit-replicas", "1", replicas=2) as servers:
        bullmq_with_every_write_on_a_replica(servers)
    print(f"failover by Sentinel: {bullmq_with_every_write_on_a_replica.__name__}")


if __name__ == "__main__":
    main()
