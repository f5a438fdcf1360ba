# SPDX-License-Identifier: Apache-2.0
"""Where things are: the checkout, the gateway's tree, the virtual environments, the fixture servers, and a port."""

import contextlib
import os
import random
import socket
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
JACKFIELD = Path(os.environ.get("JACKFIELD_BIN") or ROOT / "dist/bin/jackfield").resolve()
DIST = JACKFIELD.parent.parent
VENVS = Path(os.environ.get("JACKFIELD_VENVS") or ROOT / ".build/venvs").resolve()
SERVERS = HERE / "servers"
SCHEMAS = HERE / "schemas"
DIRECT = os.environ.get("DIRECT") == "1"


def python(venv):
    """The interpreter of one of the environments that setup.sh makes."""
    return VENVS / venv / "bin/python"


def free_port():
    """For what must be known before somebody listens there: a port that the system gives to nobody who does not ask."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(first // 2, first)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
