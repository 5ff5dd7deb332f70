#!/bin/sh
# The health of a container of ours, for docker-compose.yml: `health.sh readyz PORT` of the broker, by its admin port, and
# `health.sh connected PORT` of a handler, by its connection to that port of the broker.
#
# Docker does not restart what is unhealthy. A process that is stopped (SIGSTOP) may hold the lock of the handlers' SQLite file, which
# stops all groups; so it is killed here, and the container's restart policy starts it again.

stopped() { # prints the processes that are stopped; a debugger's "t" is none of them
  grep -ls '^State:.T ' /proc/[0-9]*/status | cut -d / -f 3
}

if [ -n "$(stopped)" ]; then
  sleep 3
  for pid in $(stopped); do
    echo "process $pid is stopped; killing it"
    kill -9 "$pid"
  done
  exit 1
fi

case $1 in
  readyz) exec node -e "fetch('http://127.0.0.1:$2/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))" ;;
  connected) exec grep -qs ":$(printf %04X "$2") 01 " /proc/net/tcp /proc/net/tcp6 ;; # 01: established
  *) echo "usage: health.sh readyz PORT | connected PORT" >&2 && exit 2 ;;
esac
