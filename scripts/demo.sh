#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo of `make run`: in-process tools, and real MCP servers from PyPI where Python is at hand.
set -euo pipefail
cd "$(dirname "$0")/.."
dist=${1:-dist}
address=${JACKFIELD_DEMO_ADDRESS:-127.0.0.1:8808}
work=.build/demo
venv="$work/venv"
mkdir -p "$work"

servers() {
    echo "version: 1"
    echo "listeners: [ { transport: http, address: \"$address\" } ]"
    echo "servers:"
    echo "  demo: { plugin: tools-demo }"
    [ "$1" = no ] || cat <<YAML
  time: { command: "$PWD/$venv/bin/python", args: [-m, mcp_server_time] }
YAML
    if [ "$1" != no ] && git rev-parse --git-dir >/dev/null 2>&1; then
        echo "  git: { command: \"$PWD/$venv/bin/python\", args: [-m, mcp_server_git, --repository, \"$PWD\"] }"
    fi
}

python=no
if command -v python3 >/dev/null && python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    if [ ! -e "$venv/.ready" ]; then
        echo "demo: installing mcp-server-time and mcp-server-git into $venv (once) …"
        if python3 -m venv "$venv" 2>"$work/venv.log" &&
            "$venv/bin/pip" install --quiet --disable-pip-version-check mcp-server-time mcp-server-git >>"$work/venv.log" 2>&1; then
            touch "$venv/.ready"
        else
            echo "demo: that did not work (see $work/venv.log); going on with the in-process tools alone"
        fi
    fi
    [ ! -e "$venv/.ready" ] || python=yes
else
    echo "demo: no Python 3.10 or newer found; going on with the in-process tools alone"
fi
servers "$python" >"$work/jackfield.yaml"

cat <<TEXT

  Jackfield's demo, from $work/jackfield.yaml

  Connect any MCP client, old or new, to:   http://$address/mcp
  Try it from another terminal:             $dist/bin/jackfield tools --url http://$address/mcp
                                            $dist/bin/jackfield call demo__echo text=hello --url http://$address/mcp
  One server alone, its own names:          http://$address/mcp/servers/demo
  Stop it with Ctrl-C.

TEXT
exec "$dist/bin/jackfield" serve --config "$work/jackfield.yaml"
