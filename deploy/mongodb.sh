#!/bin/bash
# What the service mongodb of docker-compose.yml runs: one member of a replica set, with passwords.
set -e
: "${MONGO_INITDB_ROOT_PASSWORD:?set MONGODB_PASSWORD in .env}"
umask 077
head -c 512 /dev/urandom | base64 -w 0 > /tmp/keyfile # asked for with passwords; its only member is this one
exec docker-entrypoint.sh mongod --replSet rs0 --bind_ip_all --keyFile /tmp/keyfile
