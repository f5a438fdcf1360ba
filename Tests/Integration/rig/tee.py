# SPDX-License-Identifier: Apache-2.0
"""`tee.py LOG COMMAND…`: runs a stdio server and copies every line of both directions to LOG.

The log holds JSON lines {"from": "client" | "server", "line": text}; Tee.wire() reads it back.
"""

import json
import os
import subprocess
import sys
import threading


def copy(source, target, log, who, lock):
    for line in source:
        with lock:
            log.write(json.dumps({"from": who, "line": line.decode(errors="replace")}) + "\n")
            log.flush()
        try:
            target.write(line)
            target.flush()
        except OSError:
            return
    target.close()


def main():
    log, lock = open(sys.argv[1], "a"), threading.Lock()
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    threading.Thread(
        target=copy, args=(os.fdopen(0, "rb"), child.stdin, log, "client", lock), daemon=True
    ).start()
    copy(child.stdout, os.fdopen(1, "wb"), log, "server", lock)
    sys.exit(child.wait())


class Tee:
    """The command of a stdio server with a recorder in front of it. Each start of it is one more wire."""

    def __init__(self, command, log, name):
        self.log, self.name = log, name
        self.command = [sys.executable, os.path.abspath(__file__), str(log), *command]

    def wire(self):
        """What was said so far, validated."""
        from rig.wire import Wire

        wire, pending = Wire(self.name), {}
        if not os.path.exists(self.log):
            return wire
        with open(self.log) as lines:
            for line in lines:
                entry = json.loads(line)
                try:
                    message = json.loads(entry["line"])
                except ValueError:
                    wire.complain(entry["line"][:200], ["not JSON"])
                    continue
                if entry["from"] == "client":
                    wire.sent(message, None, pending)
                    if isinstance(message, dict) and "method" in message and "id" in message:
                        pending["version"] = wire.version_of(message, None, pending)
                else:
                    wire.received(message, None, pending)
        return wire


if __name__ == "__main__":
    main()
