#!/usr/bin/env bash
# Make an environment for each peer of the benchmarks, or for those that are named:
#
#   benchmarks/peers/install.sh [PEER...]
#
# A peer is a folder here with a requirements.txt. Its environment is benchmarks/peers/environments/PEER, or
# $PEERS_HOME/PEER. One that is there already, and newer than the requirements, is left as it is. One that cannot be
# installed does not stop the others: why is told, and kept in PEER.failed beside it.
#
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
environments=${PEERS_HOME:-$here/environments}

if [ $# -eq 0 ]; then
  for requirements in "$here"/*/requirements.txt; do
    set -- "$@" "$(basename "$(dirname "$requirements")")"
  done
fi
for peer in "$@"; do
  if [ ! -f "$here/$peer/requirements.txt" ]; then
    echo "Expected a peer that has $here/PEER/requirements.txt. Received: $peer" >&2
    exit 2
  fi
done

mkdir -p "$environments"
for peer in "$@"; do
  requirements=$here/$peer/requirements.txt
  environment=$environments/$peer
  stamp=$environment/installed
  failed=$environment.failed
  log=$environment.log
  if [ "$stamp" -nt "$requirements" ]; then
    echo "$peer: is installed"
    continue
  fi
  echo "$peer: installing"
  rm -f "$stamp" "$failed"
  if {
    python3 -m venv "$environment" && "$environment/bin/python" -m pip install -r "$requirements"
  } >"$log" 2>&1; then
    touch "$stamp"
    rm -f "$log"
    echo "$peer: installed"
  else
    tail -n 20 "$log" >"$failed"
    echo "$peer: not installed; the last of what pip printed, also in $failed:"
    sed 's/^/  /' "$failed"
  fi
done
