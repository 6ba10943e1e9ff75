#!/bin/sh
# `start` makes the server's folder on the first run; the admin token is then printed once (docker compose logs).
# MLV_HOST is one more name that the certificate is made for.
set -eu
dir=${MLV_DIRECTORY:-/var/lib/mlv}
if [ "${1:-start}" = start ]; then
    if [ ! -e "$dir/mlv-server.toml" ]; then
        mlv-server init "$dir" --listen "${MLV_SERVER_LISTEN:-0.0.0.0:7420}" ${MLV_HOST:+--host "$MLV_HOST"}
    fi
    exec mlv-server start "$dir"
fi
exec mlv-server "$@"
