#!/bin/sh
# What the service coturn of docker-compose.yml runs: adds to coturn.conf what its environment says, and starts coturn.
set -e
: "${TURN_SECRET:-${TURN_SECRET_STORE:?set TURN_SECRET or TURN_SECRET_STORE in .env}}"
umask 077
{
  cat /etc/coturn/switchboard.conf
  echo cert=/run/secrets/tls_cert
  echo pkey=/run/secrets/tls_key
  echo "realm=$TURN_REALM"
  echo "external-ip=$TURN_ADDRESS"
  # two relays of this server meet at its own address
  for ip in $(hostname -i); do echo "allowed-peer-ip=$ip"; done
  echo "$TURN_SECRET" | tr , '\n' | sed -n 's/^ *\(.*[^ ]\) *$/static-auth-secret=\1/p'
  case $TURN_SECRET_STORE in mongodb*) echo "mongo-userdb=$TURN_SECRET_STORE" ;; esac
} > /tmp/turnserver.conf
exec turnserver -c /tmp/turnserver.conf
