# SPDX-License-Identifier: Apache-2.0
"""What the built binaries depend on and export; that the tree needs no environment and can be moved."""

import re
import shutil
import subprocess

import pytest

from rig.gateway import Gateway, native, write
from rig.peers import HttpServer
from rig.places import DIST, JACKFIELD
from rig.rpc import MODERN

CELL = JACKFIELD.parent / "jackfield-cell"
PLUGINS = DIST / "lib/jackfield/plugins"
SYSTEM = r"linux-vdso|ld-linux[-\w]*|libc|libm|libstdc\+\+|libgcc_s"
SWIFT = r"libswift\w*|lib_\w*|libBlocksRuntime|libdispatch"


def needed(binary):
    """Names of the shared objects that a binary loads, all the way down."""
    said = subprocess.run(
        ["ldd", binary], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, check=True
    )
    assert "not found" not in said.stdout, said.stdout
    return {
        re.split(r"\.so|\s", line.strip().split("/")[-1] if line.strip().startswith("/") else line.strip())[0]
        for line in said.stdout.splitlines()
    }


def test_the_core_links_next_to_nothing():
    strange = {n for n in needed(CELL) if not re.fullmatch(f"{SYSTEM}|{SWIFT}|libsimdjson", n)}
    assert not strange, f"jackfield-cell also loads {strange}"
    assert not [n for n in needed(CELL) if "Foundation" in n or "ICU" in n]


def test_no_foundation_anywhere():
    for binary in [JACKFIELD, CELL, *PLUGINS.glob("*.so")]:
        assert not [n for n in needed(binary) if "Foundation" in n], binary


def test_there_are_plugins():
    assert {"transport-http", "transport-stdio"} <= {p.stem for p in PLUGINS.glob("*.so")}


@pytest.mark.parametrize(
    "plugin", sorted(PLUGINS.glob("*.so")) or ["none built"], ids=lambda p: getattr(p, "stem", p)
)
def test_a_plugin_exports_its_entry_and_nothing_else(plugin):
    said = subprocess.run(
        ["nm", "-D", "--defined-only", plugin], capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[-1] for line in said.splitlines()] == ["jf_entry_1"]


def test_c_plugins_need_no_swift():
    for name in ("transport-http", "transport-stdio"):
        assert not [n for n in needed(PLUGINS / f"{name}.so") if re.fullmatch(SWIFT, n)], name


def test_no_path_of_the_build_machine_in_the_run_path():
    for binary in [JACKFIELD, CELL, *PLUGINS.glob("*.so")]:
        said = subprocess.run(["readelf", "-d", binary], capture_output=True, text=True, check=True).stdout
        paths = re.findall(r"(?:RPATH|RUNPATH).*\[(.*)\]", said)
        assert all(p.startswith("$ORIGIN") for entry in paths for p in entry.split(":")), f"{binary}: {paths}"


def test_runs_without_an_environment():
    done = subprocess.run(["env", "-i", JACKFIELD, "--version"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, done.stderr


def test_moved_tree_serves_without_an_environment(clients, tmp_path, monkeypatch):
    moved = tmp_path / "elsewhere"
    shutil.copytree(DIST, moved, symlinks=True)
    monkeypatch.setattr("rig.gateway.JACKFIELD", moved / "bin/jackfield")
    monkeypatch.setattr("rig.gateway.ENVIRONMENT", {})
    with HttpServer("sdk2") as server:
        gateway = Gateway(write(tmp_path / "c.yaml", native({"a": {"url": server.url}})))
        with clients.open("raw-" + MODERN, url=gateway.url) as link:
            assert link.text("a__echo", {"text": "moved"}) == "moved"
        maps = open(f"/proc/{gateway.pid}/maps").read()
        assert str(DIST) + "/" not in maps, "the moved gateway still loads from where it was built"
        gateway.stop()
