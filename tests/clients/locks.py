"""The lock of redis-py, and pottery's Redlock over three servers, through `kill -9` of one.

Both release, extend and reacquire by scripts; after a restart the server knows none of these, and
is sent them again.
"""

import importlib.metadata

import pottery
import redis
from redis.exceptions import ConnectionError, LockNotOwnedError

from critical import connect, contend
from server import Server, several

THREADS = 4
ROUNDS = 60
# Longer than anybody is in the section. Who got no reply may have the lock for so long.
HELD_MAX_S = 5


def life_of_a_lock(server):
    client = connect(server.port)
    lock, other = client.lock("life", timeout=60), client.lock("life", timeout=60)
    assert lock.acquire(blocking=False) and lock.owned()
    assert not other.acquire(blocking=False) and other.locked() and not other.owned()
    assert lock.extend(60) and client.ttl("life") > 100
    assert lock.reacquire() and client.ttl("life") <= 60
    assert lock.extend(5, replace_ttl=True) and client.ttl("life") <= 5
    lock.release()
    assert not lock.locked() and other.acquire(blocking=False)
    for refused in (lock.release, lock.reacquire, lambda: lock.extend(1)):
        lock.local.token = b"not that of the other"
        try:
            refused()
            raise AssertionError("what belongs to another was taken")
        except LockNotOwnedError:
            pass
    other.release()
    brief = client.lock("brief", timeout=0.05)
    assert brief.acquire()
    assert client.lock("brief").acquire(blocking_timeout=30), "a lock does not run out"
    evalsha = client.info("commandstats")["cmdstat_evalsha"]
    assert evalsha["calls"] >= 8, f"the lock does not use scripts: {evalsha}"


def a_lock_is_held_over_a_crash(server):
    client = connect(server.port)
    lock, other = client.lock("held", timeout=60), client.lock("held", timeout=60)
    assert lock.acquire() and lock.extend(600, replace_ttl=True)
    server.crash()
    assert not other.acquire(blocking=False), "two have the lock"
    assert lock.owned() and 500 < client.ttl("held") <= 600
    assert lock.extend(600) and client.ttl("held") > 1000
    lock.release()
    assert other.acquire(blocking=False)


def one_at_a_time_through_a_crash(server):
    def make_round():
        lock = connect(server.port).lock("section", timeout=HELD_MAX_S, sleep=0.002)

        def attempt(section):
            try:
                lock.acquire()
            except ConnectionError:
                return 0
            section.enter()
            try:
                lock.release()
            except ConnectionError:
                # It may have been released or not; it runs out, or is released anew.
                lock.local.token = None
            return 1

        return attempt

    contend(THREADS, ROUNDS, make_round, {THREADS * ROUNDS // 3: server.crash})


def redlock(servers, key):
    """Goes on as soon as two of three have answered, so a key that the third sets late stays there
    until it runs out."""
    masters = {connect(server.port) for server in servers}
    return pottery.Redlock(key=key, masters=masters, auto_release_time=HELD_MAX_S)


def one_at_a_time_though_one_of_three_crashes(servers):
    def make_round():
        lock = redlock(servers, "section")

        def attempt(section):
            if not lock.acquire(blocking=True, timeout=1):
                return 0
            section.enter()
            try:
                lock.release()
            except pottery.ReleaseUnlockedLock as error:
                # A server that it was one of the two of may be away.
                if not error.redis_errors:
                    raise
            return 1

        return attempt

    third = THREADS * ROUNDS // 3
    contend(THREADS, ROUNDS, make_round, {third: servers[0].kill, 2 * third: servers[0].start})


def a_quorum_is_held_over_crashes(servers):
    """Two of three have the lock; if one of these forgot it, the third would make two for another."""
    lock, other = redlock(servers, "quorum"), redlock(servers, "quorum")
    servers[2].kill()
    assert lock.acquire(blocking=False)
    servers[1].crash()
    servers[2].start()
    assert not other.acquire(blocking=False), "two have the lock"
    assert lock.locked() > 0
    lock.extend()
    lock.release()
    assert other.acquire(blocking=False)
    other.release()


def main():
    with Server() as server:
        for part in (life_of_a_lock, a_lock_is_held_over_a_crash, one_at_a_time_through_a_crash):
            part(server)
            print(f"redis-py {redis.__version__}, Lock: {part.__name__}")
    with several(3) as servers:
        for part in (one_at_a_time_though_one_of_three_crashes, a_quorum_is_held_over_crashes):
            part(servers)
            print(f"pottery {importlib.metadata.version('pottery')}, Redlock: {part.__name__}")


if __name__ == "__main__":
    main()
