# SPDX-License-Identifier: Apache-2.0
"""Where things are: the checkout, the gateway's tree, the virtual environments, the fixture servers."""

import os
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
