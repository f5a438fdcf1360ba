# SPDX-License-Identifier: Apache-2.0
"""`jackfield plugin check`: what a plugin writes at the paths of sampled configurations is gone afterwards."""

from pathlib import Path

from rig.gateway import command_line


def test_leaves_no_files():
    def left():
        return {path.name for path in Path("/tmp").glob("jackfield-*")}

    before = left()
    for case in ("store", "store.entries"):  # a group, in children; and one, in the process itself
        done = command_line("plugin", "check", "store-sqlite", "--case", case, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
    # Other programs may make and remove folders of their own meanwhile; a store leaves a file.
    new = [Path("/tmp") / name for name in left() - before]
    assert not [path for folder in new for path in folder.glob("sample*")]
    assert "jackfield-plugin-check" not in left() - before
