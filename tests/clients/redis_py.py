"""redis-py, in the protocol that the first argument names, over every family of commands."""

import os
import sys
import threading

import redis
from redis.cache import CacheConfig

from server import wait_until

PORT = int(os.environ["BACKLOGD_PORT"])
PROTOCOL = int(sys.argv[1])


def connect(**options):
    return redis.Redis(port=PORT, protocol=PROTOCOL, decode_responses=True, **options)


def equal(found, wanted):
    assert found == wanted, f"{found!r}, where {wanted!r} is right"


def pairs(found):
    """RESP3 has lists where RESP2 has tuples."""
    return [tuple(pair) for pair in found]


def strings(r):
    equal(r.set("s", "1", ex=100), True)
    equal(r.set("s", "2", nx=True), None)
    equal(r.set("s", "2", get=True, keepttl=True), "1")
    assert 0 < r.ttl("s") <= 100
    equal(r.incr("s", 40), 42)
    equal(r.incrbyfloat("s", 0.5), 42.5)
    equal(r.append("s", "!"), 5)
    equal(r.getrange("s", 0, 1), "42")
    equal(r.setrange("s", 0, "X"), 5)
    equal(r.getex("s", persist=True), "X2.5!")
    equal(r.ttl("s"), -1)
    equal(r.getdel("s"), "X2.5!")
    equal(r.mset({"a": 1, "b": 2}), True)
    equal(r.msetnx({"b": 3, "c": 3}), False)
    equal(r.mget("a", "b", "c"), ["1", "2", None])
    r.mset({"x": "ohmytext", "y": "mynewtext"})
    equal(r.lcs("x", "y"), "mytext")
    equal(r.exists("a", "b", "c"), 2)
    equal(r.copy("a", "b", replace=True), True)
    equal(r.rename("b", "d"), True)
    equal(r.type("d"), "string")
    equal(r.object("encoding", "d"), "int")
    equal(r.expire("d", 100, gt=True), False)
    equal(r.unlink("d", "nosuch"), 1)
    r.set("bytes", bytes(range(256)))
    raw = redis.Redis(port=PORT, protocol=PROTOCOL)
    equal(raw.get("bytes"), bytes(range(256)))
    large = b"x" * 3_000_000
    raw.set("large", large)
    equal(raw.get("large"), large)
    raw.close()


def hashes(r):
    equal(r.hset("h", mapping={"a": 1, "b": "two"}), 2)
    equal(r.hsetnx("h", "a", 2), False)
    equal(r.hgetall("h"), {"a": "1", "b": "two"})
    equal(r.hmget("h", "a", "z"), ["1", None])
    equal(r.hincrby("h", "a", 2), 3)
    equal(r.hincrbyfloat("h", "a", 0.25), 3.25)
    equal(sorted(r.hkeys("h")), ["a", "b"])
    equal(r.hstrlen("h", "b"), 3)
    assert r.hrandfield("h") in ("a", "b")
    equal(r.hexists("h", "z"), False)
    equal(r.hdel("h", "a", "z"), 1)
    equal(r.hlen("h"), 1)


def lists(r):
    equal(r.rpush("l", *"abcde"), 5)
    equal(r.lrange("l", 1, -2), list("bcd"))
    equal(r.linsert("l", "before", "c", "x"), 6)
    equal(r.lpos("l", "x"), 2)
    equal(r.lrem("l", 0, "x"), 1)
    equal(r.lset("l", 0, "A"), True)
    equal(r.lindex("l", 0), "A")
    equal(r.ltrim("l", 0, 3), True)
    equal(r.lmove("l", "m", "LEFT", "RIGHT"), "A")
    equal(r.rpoplpush("l", "m"), "d")
    equal(r.lpop("m", 2), ["d", "A"])
    equal(r.lmpop(2, "m", "l", direction="LEFT", count=1), ["l", ["b"]])
    equal(r.lpushx("nosuch", "a"), 0)
    equal(r.llen("l"), 1)


def sets(r):
    equal(r.sadd("s1", *"abcd"), 4)
    equal(r.sadd("s2", *"cdef"), 4)
    equal(set(r.smembers("s1")), set("abcd"))
    equal(set(r.sinter("s1", "s2")), set("cd"))
    equal(set(r.sunion("s1", "s2")), set("abcdef"))
    equal(set(r.sdiff("s1", "s2")), set("ab"))
    equal(r.sintercard(2, ["s1", "s2"], limit=1), 1)
    equal(r.sinterstore("s3", "s1", "s2"), 2)
    equal(list(map(bool, r.smismember("s1", ["a", "z"]))), [True, False])
    equal(bool(r.smove("s1", "s2", "a")), True)
    assert r.srandmember("s1") in set("bcd")
    equal(len(r.spop("s1", 2)), 2)
    equal(r.scard("s1"), 1)
    equal(r.srem("s2", "a", "z"), 1)


def sorted_sets(r):
    equal(r.zadd("z", {"a": 1, "b": 2.5, "c": 3}), 3)
    equal(r.zadd("z", {"a": 5}, gt=True, ch=True), 1)
    equal(r.zadd("z", {"b": 1}, incr=True), 3.5)
    equal(pairs(r.zrange("z", 0, -1, withscores=True)), [("c", 3), ("b", 3.5), ("a", 5)])
    equal(r.zrange("z", "(3", "+inf", byscore=True, offset=0, num=1), ["b"])
    equal(r.zrevrangebyscore("z", "+inf", 4), ["a"])
    equal(r.zscore("z", "b"), 3.5)
    equal(r.zscore("z", "nosuch"), None)
    equal(r.zmscore("z", ["a", "nosuch"]), [5, None])
    equal(r.zrank("z", "b"), 1)
    equal(r.zcount("z", 3, "(5"), 2)
    equal(r.zincrby("z", 10, "c"), 13)
    r.zadd("y", {"a": float("inf"), "d": 1})
    equal(pairs(r.zunion(["z", "y"], aggregate="MAX", withscores=True))[-1], ("a", float("inf")))
    equal(r.zinterstore("i", {"z": 2, "y": 1}), 1)
    equal(r.zdiff(["z", "y"]), ["b", "c"])
    equal(r.zrangestore("t", "z", 0, 0), 1)
    equal(pairs(r.zpopmax("z"))[0] if PROTOCOL == 2 else tuple(flat(r.zpopmax("z"))), ("c", 13))
    equal(r.zremrangebyrank("z", 0, 0), 1)
    equal(r.zcard("z"), 1)
    r.zadd("lex", dict.fromkeys("abcd", 0))
    equal(r.zrangebylex("lex", "(a", "[c"), ["b", "c"])
    equal(r.zlexcount("lex", "-", "+"), 4)


def flat(pair):
    """One pair, whether it comes alone or in a list."""
    return pair[0] if isinstance(pair[0], (list, tuple)) else pair


def streams(r):
    equal(r.xadd("x", {"f": "v"}, id="5-1"), "5-1")
    equal(r.xadd("x", {"f": "w", "g": "1"}, id="5-*"), "5-2")
    equal(r.xadd("x", {"h": "2"}, id="6-0", maxlen=3, approximate=False), "6-0")
    equal(r.xadd("nosuch", {"f": "v"}, nomkstream=True), None)
    equal(pairs(r.xrange("x", count=2)), [("5-1", {"f": "v"}), ("5-2", {"f": "w", "g": "1"})])
    equal(pairs(r.xrevrange("x", min="5-2")),
          [("6-0", {"h": "2"}), ("5-2", {"f": "w", "g": "1"})])
    equal(r.xgroup_create("x", "g", id="0"), True)
    equal(r.xgroup_createconsumer("x", "g", "idle"), 1)
    read = r.xreadgroup("g", "a", {"x": ">"}, count=2)
    ids = [entry[0] for stream in (read.values() if isinstance(read, dict) else [read[0][1]])
           for entry in (stream[0] if isinstance(read, dict) else stream)]
    equal(ids, ["5-1", "5-2"])
    equal(r.xack("x", "g", "5-1"), 1)
    equal(r.xpending("x", "g")["pending"], 1)
    equal([entry["message_id"] for entry in r.xpending_range("x", "g", "-", "+", 9)], ["5-2"])
    equal(pairs(r.xclaim("x", "g", "b", 0, ["5-2"])), [("5-2", {"f": "w", "g": "1"})])
    equal(r.xautoclaim("x", "g", "a", 0)[0], "0-0")
    equal({consumer["name"] for consumer in r.xinfo_consumers("x", "g")}, {"a", "b", "idle"})
    equal(r.xinfo_groups("x")[0]["lag"], 1)
    equal(r.xinfo_stream("x")["length"], 3)
    equal(r.xinfo_stream("x", full=True)["groups"][0]["name"], "g")
    equal(r.xdel("x", "5-2"), 1)
    equal(r.xtrim("x", maxlen=1, approximate=False), 1)
    equal(r.xlen("x"), 1)
    equal(r.xgroup_destroy("x", "g"), 1)


def caching(r):
    """The client keeps what it has read until the server tells it otherwise."""
    if PROTOCOL != 3:
        return
    # redis-py does so with 7.4 and later only, though earlier versions tell it all it needs.
    redis.connection.CacheProxyConnection.MIN_ALLOWED_VERSION = "7.2.0"
    with connect(cache_config=CacheConfig()) as caching:
        cache = caching.get_cache()
        r.set("cached", "1")
        equal(caching.get("cached"), "1")
        equal(cache.size, 1)
        equal(caching.get("cached"), "1")
        r.set("cached", "2")
        wait_until("what was cached is gone", lambda: caching.get("cached") == "2")
        r.hset("cached:hash", "f", "v")
        equal(caching.hgetall("cached:hash"), {"f": "v"})
        equal(cache.size, 2)
        r.flushall()
        wait_until("a flush is noticed", lambda: caching.hgetall("cached:hash") == {})
        equal(caching.get("cached"), None)


def bitmaps(r):
    equal(r.setbit("bits", 7, 1), 0)
    equal(r.setbit("bits", 100, 1), 0)
    equal(r.getbit("bits", 100), 1)
    equal(r.bitcount("bits"), 2)
    equal(r.bitcount("bits", 0, 7, "BIT"), 1)
    equal(r.bitpos("bits", 1), 7)
    r.setbit("more", 8, 1)
    equal(r.bitop("OR", "both", "bits", "more"), 13)
    equal(r.bitcount("both"), 3)
    field = r.bitfield("field", default_overflow="SAT")
    equal(field.set("u8", "#0", 200).incrby("u8", "#0", 100).get("u4", 0).execute(), [0, 255, 15])


def hyperloglogs(r):
    equal(bool(r.pfadd("p", *"abc")), True)
    equal(bool(r.pfadd("p", "a")), False)
    r.pfadd("q", *"cde")
    equal(r.pfcount("p", "q"), 5)
    equal(r.pfmerge("pq", "p", "q"), True)
    equal(r.pfcount("pq"), 5)


def geography(r):
    places = (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")
    equal(r.geoadd("g", places), 2)
    assert 166 < r.geodist("g", "Palermo", "Catania", unit="km") < 167
    equal(r.geohash("g", "Palermo"), ["sqc8b49rny0"])
    (longitude, latitude), nobody = r.geopos("g", "Palermo", "nosuch")
    assert abs(longitude - 13.361389) < 1e-4 and abs(latitude - 38.115556) < 1e-4
    equal(nobody, None)
    near = r.geosearch("g", longitude=15, latitude=37, radius=200, unit="km", sort="ASC",
                       withdist=True)
    equal([place[0] for place in near], ["Catania", "Palermo"])
    equal(r.geosearchstore("n", "g", member="Palermo", width=400, height=400, unit="km"), 2)


def pubsub(r):
    listener = r.pubsub()
    listener.subscribe("news")
    listener.psubscribe("ne*")
    equal([listener.get_message(timeout=5)["type"] for _ in range(2)], ["subscribe", "psubscribe"])
    equal(r.publish("news", "hello"), 2)
    found = [listener.get_message(timeout=5) for _ in range(2)]
    equal([(m["type"], m["pattern"], m["channel"], m["data"]) for m in found],
          [("message", None, "news", "hello"), ("pmessage", "ne*", "news", "hello")])
    equal(r.pubsub_numsub("news"), [("news", 1)])
    equal(r.pubsub_numpat(), 1)
    listener.ping()
    listener.get_message(timeout=5)
    listener.unsubscribe()
    listener.punsubscribe()
    listener.close()


def transactions(r):
    with r.pipeline(transaction=True) as pipe:
        equal(pipe.set("t", 1).incr("t").get("t").lpush("tl", "a").execute(), [True, 2, "2", 1])
    with r.pipeline() as pipe:
        pipe.watch("t")
        r.set("t", 10)
        pipe.multi()
        pipe.incr("t")
        try:
            pipe.execute()
        except redis.WatchError:
            pass
        else:
            raise AssertionError("a transaction went through that had to fail")

    def double(pipe):
        value = int(pipe.get("t"))
        pipe.multi()
        pipe.set("t", value * 2)

    equal(r.transaction(double, "t"), [True])
    equal(r.get("t"), "20")
    with r.pipeline() as pipe:
        pipe.set("t", "text").lpop("t")
        answers = pipe.execute(raise_on_error=False)
    equal(answers[0], True)
    assert "WRONGTYPE" in str(answers[1]), answers


def pipelines(r):
    with r.pipeline(transaction=False) as pipe:
        for number in range(5000):
            pipe.set(f"pipe:{number}", number)
        for number in range(5000):
            pipe.get(f"pipe:{number}")
        answers = pipe.execute()
    equal(answers, [True] * 5000 + [str(number) for number in range(5000)])


def blocking(r):
    equal(r.blpop("nothing", timeout=0.05), None)
    equal(r.brpoplpush("nothing", "other", timeout=1), None)
    equal(r.bzpopmin("nothing", timeout=0.05), None)
    woken = []

    def wait(call):
        with connect() as other:
            woken.append(call(other))

    for call, wake, wanted in (
        (lambda c: c.blpop(["w1", "w2"], timeout=30), lambda: r.rpush("w2", "x"), ["w2", "x"]),
        (lambda c: c.blmove("w1", "w3", 30), lambda: r.rpush("w1", "y"), "y"),
        (lambda c: c.blmpop(30, 1, "w1", direction="LEFT"), lambda: r.rpush("w1", "v"),
         ["w1", ["v"]]),
        (lambda c: c.bzpopmax("wz", timeout=30), lambda: r.zadd("wz", {"m": 2}), ["wz", "m", 2.0]),
    ):
        thread = threading.Thread(target=wait, args=(call,))
        thread.start()
        while not r.info("clients")["blocked_clients"]:
            pass
        wake()
        thread.join()
        found = woken.pop()
        equal(list(found) if isinstance(found, tuple) else found, wanted)


def iterators(r):
    with r.pipeline(transaction=False) as pipe:
        for number in range(1200):
            pipe.set(f"scan:{number}", 1)
            pipe.hset("sh", f"f{number}", number)
            pipe.sadd("ss", f"m{number}")
            pipe.zadd("sz", {f"m{number}": number})
        pipe.execute()
    wanted = {f"scan:{number}" for number in range(1200)}
    equal(set(r.scan_iter("scan:*", count=37)), wanted)
    equal(set(r.scan_iter(_type="zset")) & {"sz", "ss", "sh"}, {"sz"})
    equal(dict(r.hscan_iter("sh")), {f"f{number}": str(number) for number in range(1200)})
    equal(set(r.sscan_iter("ss")), {f"m{number}" for number in range(1200)})
    equal(dict(r.zscan_iter("sz")), {f"m{number}": float(number) for number in range(1200)})


def others(r):
    r.rpush("unsorted", 3, 1, 2)
    equal(r.sort("unsorted", desc=True), ["3", "2", "1"])
    r.set("weight_1", 1)
    equal(r.sort("unsorted", by="nosort", get=["#"], start=0, num=1), ["3"])
    raw = redis.Redis(port=PORT, protocol=PROTOCOL)
    assert raw.restore("restored", 0, raw.dump("unsorted")) in (b"OK", True)
    raw.close()
    equal(r.lrange("restored", 0, -1), ["3", "1", "2"])
    equal(r.client_setname("tester"), True)
    equal(r.client_getname(), "tester")
    assert any(client["name"] == "tester" for client in r.client_list())
    equal(r.info("server")["tcp_port"], PORT)
    equal(r.config_get("appendonly"), {"appendonly": "yes"})
    equal(r.command_count(), len(r.command()))
    assert r.memory_usage("unsorted") > 0
    equal(r.role()[0], "master")
    assert r.slowlog_len() >= 0
    equal(r.wait(0, 10), 0)
    with redis.Redis(port=PORT, protocol=PROTOCOL, db=3) as third:
        third.set("elsewhere", 1)
        equal(third.dbsize(), 1)
        third.swapdb(3, 4)
        equal(third.dbsize(), 0)
    assert r.time()[0] > 0


def main():
    r = connect()
    for family in (strings, hashes, lists, sets, sorted_sets, bitmaps, hyperloglogs, geography,
                   streams, caching, pubsub, transactions, pipelines, blocking, iterators, others):
        r.flushall()
        family(r)
        print(f"redis-py {redis.__version__}, RESP{PROTOCOL}: {family.__name__}")


if __name__ == "__main__":
    main()
