#!/bin/sh
# Health check of our containers, for docker-compose.yml: `health.sh readyz PORT` asks the broker's admin port; `health.sh connected
# PORT` checks that a handler is connected to that port of the broker; `health.sh running` checks only what follows.
#
# Docker does not restart unhealthy containers. A suspended process (SIGSTOP) may hold the lock of the handlers' SQLite file, which
# blocks all groups. So this kills it, and the container's restart policy starts it again.

stopped() { # prints the ids of suspended processes; "t" (stopped by a debugger) does not count
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
  running) ;; # deploy/helm: Kubernetes restarts what is not, and a broker that is away is no reason to
  *) echo "usage: health.sh readyz PORT | connected PORT | running" >&2 && exit 2 ;;
esac
