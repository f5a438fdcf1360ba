# SPDX-License-Identifier: Apache-2.0
"""tools-native with a library that calls back: functions of jf.callback/1, in this process and in a cell."""

import json
import shutil

import pytest

from rig.builds import ask
from rig.gateway import native, serving, write
from rig.places import ROOT

ROWS = 20


@pytest.fixture
def declaration(tmp_path):
    return shutil.copy(ROOT / "Plugins/tools-native/examples/sqlite3.toml", tmp_path / "sqlite3.toml")


def configuration(folder, declaration, placement, *more, **cell):
    (folder / "state").mkdir(exist_ok=True)
    entry = {"id": "tools-native", "placement": placement}
    if placement == "cell":
        entry["cell"] = {"read": [str(folder)], **cell}
    return write(
        folder / "c.yaml",
        native(
            {"db": {"plugin": "tools-native", "declarations": str(declaration)}},
            plugins=[entry, *more],
            runtime={"drain_timeout": "3s", "state_dir": str(folder / "state")},
        ),
    )


@pytest.mark.parametrize("placement", ["inproc", "cell"])
def test_rows_of_sqlite(tmp_path, declaration, placement):
    with serving(configuration(tmp_path, declaration, placement)) as gateway:
        gateway.listed("db")
        db = json.loads(ask(gateway, "db__open"))["db"]

        def query(sql):
            return json.loads(ask(gateway, "db__query", {"db": db, "sql": sql}))

        query("create table t(a, b)")
        for number in range(ROWS):
            query(f"insert into t values({number}, 'n{number}')")
        found = query("select a, b, null as c from t order by a")
        assert found["rows"] == [{"a": str(n), "b": f"n{n}", "c": None} for n in range(ROWS)]
        # More rows than the declaration allows: the callback tells SQLite to stop.
        many = query("with recursive n(i) as (select 1 union all select i + 1 from n) select i from n")
        assert len(many["rows"]) == 500 and many["rows_truncated"] is True
        plugins = json.loads(gateway.get("/healthz?plugins=1")[1])["plugins"]
        leases = plugins["abi-libffi"]["slots"].get("callback.lease", {}).get("calls", 0)
        # In a cell the functions come from another instance, in the same cell.
        assert (leases > 0) == (placement == "inproc")


@pytest.mark.parametrize("placement", ["inproc", "cell"])
def test_without_the_plugin_that_makes_functions(tmp_path, declaration, placement):
    off = {"id": "abi-libffi", "enabled": False}
    with serving(configuration(tmp_path, declaration, placement, off)) as gateway:
        line = gateway.log.wait(lambda line: "callback 'row' cannot be made" in line)
        assert "nothing offers jf.callback/1: install the plugin abi-libffi" in line
