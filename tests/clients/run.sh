#!/bin/sh
# Tries clients, locks, rate limiters and job queues with the server: their pinned versions come from
# PyPI and npm into a directory that is thrown away. Needs cargo, Python 3 with venv, Node.js with
# npm, Sidekiq, redis-sentinel and redis_exporter as the system has them, and the network. Arguments
# name what is to be tried, if not all of it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

all="clients locks limiters rq celery bullmq sidekiq failover metrics"
chosen=${*:-$all}
for name in $chosen; do
    case " $all " in
    *" $name "*) ;;
    *)
        echo "There is no $name among: $all" >&2
        exit 1
        ;;
    esac
done

missing=""
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
command -v sidekiq >/dev/null 2>&1 || missing="$missing ruby-sidekiq"
command -v "${REDIS_EXPORTER:-prometheus-redis-exporter}" >/dev/null 2>&1 ||
    missing="$missing prometheus-redis-exporter"
command -v redis-sentinel >/dev/null 2>&1 || missing="$missing redis-sentinel"
python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing="$missing python3-venv"
if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "These Debian packages, or what your system has for them, are needed:$missing" >&2
        exit 1
    fi
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of packages
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing
fi

if [ -z "${BACKLOGD_PROGRAM:-}" ]; then
    (cd "$here/../.." && cargo build --locked --bin backlogd)
    BACKLOGD_PROGRAM="$here/../../target/debug/backlogd"
fi
export BACKLOGD_PROGRAM PYTHONDONTWRITEBYTECODE=1

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cp "$here"/* "$home"
cd "$home"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
npm ci --silent --no-audit --no-fund

python=python/bin/python
clients() {
    for protocol in 2 3; do
        $python server.py $python redis_py.py $protocol
        $python server.py node node_redis.mjs $protocol
    done
    $python server.py node ioredis.mjs
}
locks() {
    $python locks.py
    $python server.py --servers 3 node redlock.mjs
}
limiters() {
    $python limiters.py
    $python server.py node limiters.mjs
}
rq() { $python rq_crash.py; }
celery() { $python celery_crash.py; }
bullmq() { $python server.py node bullmq.mjs; }
sidekiq() { $python sidekiq_crash.py; }
failover() { $python failover.py; }
metrics() { $python metrics.py; }

for name in $chosen; do
    "$name"
done
echo "All of it passed."
