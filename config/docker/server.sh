#!/bin/sh
# Starts a server of compose.yaml:
#     server.sh ADDRESS [PRIMARY PORT] [--DIRECTIVE VALUE...]
# Its configuration lies beside its data, where Sentinel has it rewritten, and is made once: who was
# promoted, or has another primary by now, stays so when its container is started again.
set -eu

address=$1
shift
replicaof=""
case ${1:---} in
--*) ;;
*)
    replicaof="replicaof $1 $2"
    shift 2
    ;;
esac

if [ ! -e server.conf ]; then
    cat >server.conf.new <<END
dir $PWD
bind * -::*
protected-mode no
replica-announce-ip $address
$replicaof
END
    mv server.conf.new server.conf
fi
exec backlogd server.conf "$@"
