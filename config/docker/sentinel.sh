#!/bin/sh
# Starts a Sentinel of compose.yaml:
#     sentinel.sh ADDRESS PRIMARY PORT [--DIRECTIVE VALUE...]
# It writes what it learns into its configuration, which is therefore made once.
set -eu

address=$1 primary=$2 port=$3
shift 3

if [ ! -e sentinel.conf ]; then
    cat >sentinel.conf.new <<END
dir $PWD
sentinel announce-ip $address
sentinel monitor main $primary $port 2
sentinel down-after-milliseconds main 5000
sentinel failover-timeout main 30000
END
    mv sentinel.conf.new sentinel.conf
fi
exec redis-sentinel sentinel.conf "$@"
