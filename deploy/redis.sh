#!/bin/sh
# What the service redis of docker-compose.yml runs: with a password, and every write on the disk before it is acknowledged.
set -e
: "${REDIS_PASSWORD:?set REDIS_PASSWORD in .env}"
exec redis-server - <<END
dir /data
appendonly yes
appendfsync always
requirepass "$REDIS_PASSWORD"
END
