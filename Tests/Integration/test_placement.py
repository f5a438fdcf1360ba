# SPDX-License-Identifier: Apache-2.0
"""Where plugins run: by where they come from, by the configuration's word, and elsewhere once they are slow."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rig.builds import COMPILER, Load, ask, generations, shipped, swap
from rig.gateway import command_line, native, serving, write
from rig.peers import HttpServer
from rig.places import DIST, HERE, ROOT
from rig.processes import eventually

INSTALLED = DIST / "lib/jackfield/plugins"
SLOW = {"slow_strikes": 10, "slow_window": "60s", "swap_trial": "300ms"}


def placeable(target, **macros):
    """A build of plugins/placeable.c; texts among the macros become C strings."""
    spelled = {name: json.dumps(v) if isinstance(v, str) else v for name, v in macros.items()}
    subprocess.run(
        [COMPILER, "-std=c11", "-O1", "-fPIC", "-fvisibility=hidden", "-shared", "-Wl,-z,relro,-z,now"]
        + [f"-D{name}={value}" for name, value in spelled.items()]
        + [f"-I{ROOT}/plugin-sdk/include", "-o", str(target), str(HERE / "plugins/placeable.c")],
        check=True,
        capture_output=True,
    )
    return target


def pinned(file):
    return {"file": str(file), "sha256": hashlib.sha256(Path(file).read_bytes()).hexdigest()}


def configured(tmp_path, servers, *plugins, **runtime):
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    blocks = {"runtime": {"drain_timeout": "3s", "state_dir": str(state), "loops": 2, **runtime}}
    if plugins:
        blocks["plugins"] = list(plugins)
    return write(tmp_path / "c.yaml", native(servers, **blocks)), state


def where(gateway, server="s"):
    """(process id, name of the thread) that answers."""
    pid, _, name = ask(gateway, f"{server}__where").partition(" ")
    return int(pid), name


def runs_here(gateway, server="s"):
    return where(gateway, server)[0] == gateway.pid


def reported(gateway, plugin="placeable"):
    """What is said of a plugin's slowness; None: nothing."""
    return json.loads(gateway.get("/healthz?plugins=1")[1])["plugins"][plugin].get("slow")


# ---- the default ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry, is_here",
    [
        (lambda file: {"file": str(file)}, False),
        (pinned, True),
        (lambda file: {"file": str(file), "placement": "inproc"}, True),
        (lambda file: {**pinned(file), "placement": "cell"}, False),
    ],
    ids=["stranger", "pinned", "explicit-inproc", "explicit-cell"],
)
def test_the_place_of_a_file(tmp_path, entry, is_here):
    file = placeable(tmp_path / "p.so")
    config, _ = configured(tmp_path, {"s": {"plugin": "placeable"}}, entry(file))
    checked = command_line("check", "--config", config)
    assert checked.returncode == 0, checked.stderr
    assert f"plugin placeable: in {'process' if is_here else 'a cell'}" in checked.stdout
    with serving(config) as gateway:
        gateway.listed("s")
        assert runs_here(gateway) == is_here


def test_a_plugin_of_a_configured_folder_is_a_stranger(tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    placeable(folder / "p.so")
    config, _ = configured(tmp_path, {"s": {"plugin": "placeable"}}, plugin_dirs=[str(folder)])
    with serving(config) as gateway:
        gateway.listed("s")
        assert not runs_here(gateway)
    listed = json.loads(command_line("plugin", "list", "--plugin-dir", folder, "--json").stdout)["plugins"]
    places = {plugin["id"]: plugin["placement"] for plugin in listed}
    assert places["placeable"] == "cell" and places["transport-http"] == "inproc"
    assert places["tools-native"] == "cell", "its author asks for a cell"
    text = command_line("plugin", "inspect", folder / "p.so").stdout
    assert "neither installed with this program nor pinned" in text


def test_what_was_installed_with_the_program_runs_in_process(tmp_path):
    config, state = configured(tmp_path, {"d": {"plugin": "tools-demo"}})
    with serving(config) as gateway:
        gateway.listed("d")
        for plugin in ("tools-demo", "transport-http"):
            assert [g["placement"] for g in generations(gateway, state, plugin)] == ["inproc"]


def test_a_copy_of_an_installed_plugin_is_a_stranger(tmp_path):
    copy = shutil.copy(INSTALLED / "tools-demo.so", tmp_path / "copy.so")
    config, state = configured(tmp_path, {"d": {"plugin": "tools-demo"}}, {"file": str(copy)})
    with serving(config) as gateway:
        gateway.listed("d")
        assert [g["placement"] for g in generations(gateway, state, "tools-demo")] == ["cell"]


def test_an_author_may_ask_for_a_cell(tmp_path):
    file = placeable(tmp_path / "p.so", MORE=',"placement":"cell"')
    for entry, is_here in [(pinned(file), False), ({**pinned(file), "placement": "inproc"}, True)]:
        config, _ = configured(tmp_path, {"s": {"plugin": "placeable"}}, entry)
        with serving(config) as gateway:
            gateway.listed("s")
            assert runs_here(gateway) == is_here


@pytest.mark.parametrize(
    "more, what",
    [
        (',"requires":["jf.http/1"]', "requires jf.http/1, which is not offered in a cell"),
        (',"provides":["com.acme.x/1"]', "offers com.acme.x/1 to other plugins, which a cell cannot pass on"),
    ],
    ids=["requires", "offers"],
)
def test_what_cannot_live_in_a_cell_is_refused(tmp_path, more, what):
    file = placeable(tmp_path / "p.so", MORE=more)
    config, _ = configured(tmp_path, {"s": {"plugin": "placeable"}}, {"file": str(file)})
    for verb in ("check", "serve"):
        done = command_line(verb, "--config", config)
        assert done.returncode == 2, done
        assert what in done.stderr and "pin it by sha256 or write placement: inproc" in done.stderr
        assert f"{config}:" in done.stderr, "it says where"
    config, _ = configured(tmp_path, {"s": {"plugin": "placeable"}}, pinned(file))
    with serving(config) as gateway:
        gateway.listed("s")
        assert runs_here(gateway)


def test_commands_without_a_configuration_trust_nobody_either(tmp_path):
    """The transport that `tools` connects with is looked for in further folders, too."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    shutil.copy(INSTALLED / "transport-http.so", folder)
    with HttpServer("raw") as server:
        done = command_line("tools", "--url", server.url, "--plugin-dir", folder)
        assert done.returncode == 1 and "offers jf.http/1 to other plugins" in done.stderr, done
        assert command_line("tools", "--url", server.url).returncode == 0


# ---- swaps ---------------------------------------------------------------------------------------------


def test_a_swap_to_a_strangers_file_goes_to_a_cell(tmp_path):
    """What replaces an installed plugin is judged by where it comes from itself, and so is the way back."""
    config, state = configured(tmp_path, {"d": {"plugin": "tools-demo"}}, swap_trial="0s")
    other = tmp_path / "other.so"
    other.write_bytes((INSTALLED / "tools-demo.so").read_bytes() + b"other bytes")
    other.chmod(0o755)
    with serving(config) as gateway:
        gateway.listed("d")
        status, found, _ = swap(gateway, state, "tools-demo", other)
        assert status == 0 and "in a cell, since it was neither" in found[0]["text"], found
        status, found, _ = swap(gateway, state, "tools-demo", INSTALLED / "tools-demo.so")
        assert status == 0 and "in process, since it was installed" in found[0]["text"], found
        places = [g["placement"] for g in generations(gateway, state, "tools-demo")]
        assert places == ["inproc", "cell", "inproc"]


def test_a_swap_that_would_need_the_process_is_refused(tmp_path):
    config, state = configured(tmp_path, {"d": {"plugin": "tools-demo"}})
    other = shipped("transport-http", tmp_path / "other.so", 7)
    with serving(config) as gateway:
        status, found, _ = swap(gateway, state, "transport-http", other)
        assert status != 0 and [step["step"] for step in found] == ["refused"]
        assert "offers jf.http/1 to other plugins" in found[0]["text"]
        assert "write placement: inproc" in found[0]["text"]
        assert gateway.get("/healthz")[0] == 200


# ---- slow plugins --------------------------------------------------------------------------------------


def test_a_slow_toolset_moves_to_a_cell_under_load(tmp_path):
    file = placeable(tmp_path / "p.so", BUSY_US=2000)
    config, state = configured(tmp_path, {"s": {"plugin": "placeable"}}, pinned(file), **SLOW)
    with serving(config) as gateway:
        gateway.listed("s")
        with Load(gateway.port, "s__where") as load:
            gateway.log.wait("it moves to a cell", 30)
            eventually(lambda: moved(gateway, state), 30)
            load.past(50)
        assert not load.wrong, load.wrong[:5]
        assert load.texts[0].startswith(f"{gateway.pid} ")
        assert not load.texts[-1].startswith(f"{gateway.pid} ")
        eventually(lambda: moved(gateway, state, "retired"))
        found = reported(gateway)
        assert found["runs"] == "cell" and found["slot"] == "toolset.call", found


def moved(gateway, state, old=None):
    found = generations(gateway, state, "placeable")
    assert [g["placement"] for g in found] == ["inproc", "cell"]
    assert found[1]["state"] == "current" and old in (None, found[0]["state"]), found
    assert found[0]["sha256"] == found[1]["sha256"]


def test_a_slow_strategy_moves_and_takes_its_state_along(tmp_path):
    file = placeable(tmp_path / "p.so", BUSY_US=1500, ROUTING=1)
    with HttpServer("raw") as a, HttpServer("raw") as b:
        entry = {"replicas": [{"url": a.url}, {"url": b.url}], "routing": "busy-turns"}
        config, state = configured(tmp_path, {"r": entry}, pinned(file), **SLOW)
        with serving(config) as gateway:
            gateway.listed("r")
            with Load(gateway.port, "r__echo", arguments={"text": "x"}, good=("x",)) as load:
                gateway.log.wait("it moves to a cell", 30)
                eventually(lambda: moved(gateway, state), 30)
                load.past(50)
            assert not load.wrong, load.wrong[:5]
            assert "starts without the old state" not in gateway.log.text()
            assert reported(gateway)["slot"] == "routing.pick"


def test_a_slow_serial_toolset_moves_to_a_worker(tmp_path):
    """Nothing binds it to its lane, so a thread is enough; there it keeps nobody waiting any more."""
    file = placeable(tmp_path / "p.so", BUSY_US=2000, THREADS="serial")
    config, state = configured(tmp_path, {"s": {"plugin": "placeable"}}, pinned(file), **SLOW)
    with serving(config) as gateway:
        gateway.listed("s")
        with Load(gateway.port, "s__where") as load:
            load.until(f"{gateway.pid} worker")
            load.past(100)
        assert not load.wrong, load.wrong[:5]
        assert load.texts[0].startswith(f"{gateway.pid} lane-")
        assert load.texts[-1] == f"{gateway.pid} worker"
        assert len(generations(gateway, state, "placeable")) == 1
        assert reported(gateway)["runs"] == "worker"


@pytest.mark.parametrize(
    "entry, runtime, why",
    [
        (lambda file: {"file": str(file), "placement": "inproc"}, {}, "the configuration says placement"),
        (pinned, {"slow_action": "log"}, None),
    ],
    ids=["explicit", "log-only"],
)
def test_a_slow_plugin_that_stays(tmp_path, entry, runtime, why):
    file = placeable(tmp_path / "p.so", BUSY_US=2000)
    config, state = configured(tmp_path, {"s": {"plugin": "placeable"}}, entry(file), **SLOW, **runtime)
    with serving(config) as gateway:
        gateway.listed("s")
        for _ in range(60):
            assert runs_here(gateway)
        if why:
            assert why in gateway.log.wait("too long, too often, and stays there")
            assert reported(gateway)["runs"] == "lane"
        else:
            assert reported(gateway) is None
        said = [line for line in gateway.log.text().splitlines() if "stays there plugin=placeable" in line]
        assert len(said) == (1 if why else 0)
        assert len(generations(gateway, state, "placeable")) == 1


# ---- paths ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("placement", ["inproc", "cell"])
def test_relative_paths_count_from_the_configuration(tmp_path, placement):
    """From wherever the gateway was started; and a cell may read what was named, and nothing beside it."""
    folder = Path(os.path.realpath(tmp_path)) / "etc"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/said.txt").write_text("from the folder\n")
    (folder / "secret.txt").write_text("hidden\n")
    file = placeable(tmp_path / "p.so")
    servers = {"s": {"plugin": "placeable", "file": "./sub/said.txt"}, "t": {"plugin": "placeable"}}
    state = tmp_path / "state"
    state.mkdir()
    config = write(
        folder / "c.yaml",
        native(
            servers,
            plugins=[{"file": str(file), "placement": placement}],
            runtime={"drain_timeout": "3s", "state_dir": str(state)},
        ),
    )
    with serving(config) as gateway:
        gateway.listed("s", "t")
        assert ask(gateway, "s__read") == "from the folder"
        assert ask(gateway, "t__read") == "cannot be read"


def test_native_tools_of_a_relative_declaration_in_their_cell(tmp_path):
    (tmp_path / "m.toml").write_text(
        '[library]\npath = "libm.so.6"\nunpinned = true\n\n'
        '[tool.cosine]\nsymbol = "cos"\nsummary = "Cosine"\n'
        'returns = { type = "f64", name = "cosine" }\nparams = [{ name = "x", type = "f64" }]\n'
    )
    config, state = configured(tmp_path, {"m": {"plugin": "tools-native", "declarations": "m.toml"}})
    with serving(config) as gateway:
        gateway.listed("m")
        assert json.loads(ask(gateway, "m__cosine", {"x": 0})) == {"cosine": 1.0}
        assert [g["placement"] for g in generations(gateway, state, "tools-native")] == ["cell"]


def test_a_reload_may_name_further_files(tmp_path):
    """A process cannot be given more rights; it gets a successor that has them."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(f"{name}\n")
    file = placeable(tmp_path / "p.so")
    servers = {"s": {"plugin": "placeable", "file": "one.txt"}}
    entry = {"file": str(file)}
    config, state = configured(tmp_path, servers, entry, swap_trial="0s")
    with serving(config) as gateway:
        gateway.listed("s")
        servers["t"] = {"plugin": "placeable", "file": "two.txt"}
        configured(tmp_path, servers, entry, swap_trial="0s")
        with Load(gateway.port, "s__read", good=("one",)) as load:
            gateway.reload()
            gateway.log.wait("plugin swap: done", 30)
            load.past(20)
        assert not load.wrong, load.wrong[:5]
        gateway.listed("t")
        assert ask(gateway, "t__read") == "two"
        assert [g["placement"] for g in generations(gateway, state, "placeable")] == ["cell", "cell"]


# ---- the threads that start cells ----------------------------------------------------------------------


def test_cells_are_children_of_threads_that_stay(tmp_path):
    """The kernel ends a cell with the thread that started it; workers are not asked to."""
    file = placeable(tmp_path / "p.so")
    config, state = configured(tmp_path, {"s": {"plugin": "placeable"}}, {"file": str(file)}, swap_trial="0s")
    second = placeable(tmp_path / "second.so", BUSY_US=1)
    with serving(config) as gateway:
        gateway.listed("s")
        assert set(parents(gateway)) == {"jackfield"}, "at start: the main thread"
        assert swap(gateway, state, "placeable", second)[0] == 0
        eventually(lambda: settled(gateway, state))
        assert set(parents(gateway)) == {"lane-0", "lane-1"}, "later: the event loops"


def parents(gateway):
    """Of each cell, the name of the thread that started it."""
    cells = {pid for pid, command in gateway.children().items() if "jackfield-cell" in command}
    names = []
    for thread in Path(f"/proc/{gateway.pid}/task").iterdir():
        mine = {int(pid) for pid in (thread / "children").read_text().split()}
        names += [(thread / "comm").read_text().strip()] * len(cells & mine)
    assert len(names) == len(cells) > 0
    return names


def settled(gateway, state):
    assert [g["state"] for g in generations(gateway, state, "placeable")] == ["retired", "current"]
    assert len(parents(gateway)) == 2
