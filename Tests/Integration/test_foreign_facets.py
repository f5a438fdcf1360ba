# SPDX-License-Identifier: Apache-2.0
"""A service of a third party, known by id only: metered, traced, made to fail by what its manifest says."""

import json
import subprocess

import pytest

from rig.builds import COMPILER, ask, generations, swap
from rig.gateway import command_line, native, serving, write
from rig.places import HERE, ROOT
from rig.processes import eventually

SLOT = "com.acme.ranker/1"
GOOD = "status 0 chosen 1 weight -2.5 later 1"
CALLS = 40


def build(source, target, **texts):
    subprocess.run(
        [COMPILER, "-std=c11", "-O1", "-fPIC", "-fvisibility=hidden", "-shared", "-Wl,-z,relro,-z,now"]
        + [f'-D{name}={json.dumps(text)}' for name, text in texts.items()]
        + [f"-I{ROOT}/plugin-sdk/include", "-o", str(target), str(HERE / f"plugins/{source}.c")],
        check=True,
        capture_output=True,
    )
    return target


@pytest.fixture(scope="module")
def ranking(tmp_path_factory):
    return build("ranking", tmp_path_factory.mktemp("ranking") / "ranking.so")


@pytest.fixture(scope="module")
def ranker(tmp_path_factory):
    return build("ranker", tmp_path_factory.mktemp("ranker") / "ranker.so")


def configuration(folder, ranker, ranking, *plugins, faults=(), consumer_faults=(), **consumer_entry):
    def entry(file, given, **more):
        made = {"file": str(file), "placement": "inproc", **more}
        return {**made, "faults": list(given)} if given else made

    blocks = [entry(ranker, faults), entry(ranking, consumer_faults, **consumer_entry), *plugins]
    runtime = {"loops": 1, "drain_timeout": "3s", "swap_trial": "100ms", "state_dir": str(folder / "state")}
    (folder / "state").mkdir(exist_ok=True)
    servers = {"s": {"plugin": "acme-ranking"}}
    return write(folder / "c.yaml", native(servers, plugins=blocks, runtime=runtime))


def slots(gateway):
    status, body = gateway.get("/healthz?plugins=1")
    assert status == 200
    return json.loads(body)["plugins"]["acme-ranker"]["slots"]


def test_every_described_slot_is_counted(tmp_path, ranker, ranking):
    with serving(configuration(tmp_path, ranker, ranking)) as gateway:
        gateway.listed("s")
        for _ in range(CALLS):
            assert ask(gateway, "s__rank") == GOOD
        assert ask(gateway, "s__nothing").startswith("status -1 ")
        seen = slots(gateway)
        for name, errors in (("rank", 1), ("weight", 0), ("forget", 0)):
            counts = seen[f"{SLOT}.{name}"]
            assert (counts["calls"], counts["errors"]) == (CALLS + 1, errors), name
            # The first call and one in sixteen are timed.
            assert counts["timed"] >= CALLS // 16 and counts["mean_ns"] > 0, name
            assert sum(count for _, count in counts["histogram"]) == counts["timed"]
        # What is not described passes through, and is not counted.
        assert f"{SLOT}.later" not in seen
        totals = json.loads(gateway.get("/healthz?plugins=1")[1])["plugins"]["acme-ranker"]
        assert totals["calls"] >= 3 * (CALLS + 1)


def test_a_trace_shows_arguments_and_what_came_back(tmp_path, ranker, ranking):
    with serving(configuration(tmp_path, ranker, ranking), "--trace-abi", "acme-ranker") as gateway:
        gateway.listed("s")
        assert ask(gateway, "s__rank") == GOOD
        line = gateway.log.wait(lambda line: f"-> {SLOT}.rank" in line)
        assert 'query=4 "four" key=7 bytes count=3 chosen=1 = ok' in line
        assert "of=2.5 by=0.5 sign=-2" in gateway.log.wait(lambda line: f"-> {SLOT}.weight" in line)
        forget = gateway.log.wait(lambda line: f"-> {SLOT}.forget" in line)
        assert "what=abc item=0x10000000000" in forget
        assert ask(gateway, "s__nothing").startswith("status -1 ")
        failed = gateway.log.wait(lambda line: f"-> {SLOT}.rank" in line and "= invalid" in line)
        assert 'why=28 "an empty query ranks nothing"' in failed and "chosen=" not in failed
        assert "hunter2" not in gateway.log.text()


@pytest.mark.parametrize("name", ["rank", f"{SLOT}.rank"])
def test_an_injected_error_does_not_reach_the_plugin(tmp_path, ranker, ranking, name):
    fault = {"slot": name, "error": "busy", "every": 2}
    with serving(configuration(tmp_path, ranker, ranking, faults=[fault])) as gateway:
        gateway.listed("s")
        texts = [ask(gateway, "s__rank") for _ in range(4)]
        refused = "status -4 chosen 0 weight -2.5 later 1 a fault that the configuration injects for a test"
        assert texts == [GOOD, refused] * 2
        assert slots(gateway)[f"{SLOT}.rank"]["errors"] == 2


def test_an_injected_delay_is_reported_as_slow(tmp_path, ranker, ranking):
    fault = {"slot": "rank", "delay": "5ms"}
    with serving(configuration(tmp_path, ranker, ranking, faults=[fault])) as gateway:
        gateway.listed("s")
        assert ask(gateway, "s__rank") == GOOD
        gateway.log.wait(
            lambda line: "kept its lane for longer" in line
            and "plugin=acme-ranker" in line
            and f"slot={SLOT}.rank" in line
        )
        counts = slots(gateway)[f"{SLOT}.rank"]
        assert counts["overruns"] == 1 and counts["longest_ns"] >= 5_000_000


def test_a_consumer_without_the_service(tmp_path, ranker, ranking):
    config = configuration(tmp_path, ranker, ranking, consumer_faults=[{"absent": SLOT}])
    done = command_line("serve", "--config", config, "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert "plugin acme-ranking refused at 'create': nobody ranks" in done.stderr


def test_without_the_interposer_calls_pass_unmetered(tmp_path, ranker, ranking):
    config = configuration(tmp_path, ranker, ranking, {"id": "abi-libffi", "enabled": False})
    with serving(config) as gateway:
        gateway.listed("s")
        assert ask(gateway, "s__rank") == GOOD
        assert f"{SLOT}.rank" not in slots(gateway)
        line = gateway.log.wait(lambda line: "third party's service are not metered" in line)
        assert "plugin=acme-ranker" in line and "install abi-libffi" in line


def test_without_a_description_calls_pass_unmetered(tmp_path, ranking):
    plain = build("ranker", tmp_path / "plain.so", SIGNATURES="")
    with serving(configuration(tmp_path, plain, ranking)) as gateway:
        gateway.listed("s")
        assert ask(gateway, "s__rank") == GOOD
        assert f"{SLOT}.rank" not in slots(gateway)
        gateway.log.wait(lambda line: "not metered" in line and "no 'signatures'" in line)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"slot": "weight", "error": "busy"}, "slot 'weight' cannot fail"),
        ({"slot": "com.acme.ranker/1.rnak", "delay": "5ms"}, "has a slot 'com.acme.ranker/1.rnak'"),
    ],
)
def test_a_fault_that_cannot_be(tmp_path, ranker, ranking, fault, says):
    done = command_line("check", "--config", configuration(tmp_path, ranker, ranking, faults=[fault]))
    assert done.returncode == 2
    assert says in done.stdout + done.stderr


def test_a_fault_without_the_interposer(tmp_path, ranker, ranking):
    fault = {"slot": "rank", "delay": "5ms"}
    off = {"id": "abi-libffi", "enabled": False}
    done = command_line("check", "--config", configuration(tmp_path, ranker, ranking, off, faults=[fault]))
    assert done.returncode == 2
    assert "install abi-libffi" in done.stdout + done.stderr


def test_another_build_beside_one_that_is_in_use(tmp_path, ranker, ranking):
    """Who has a table keeps it; counts go on, and the gateway ends in order."""
    second = build("ranker", tmp_path / "second.so", VERSION="1.0.1")
    with serving(configuration(tmp_path, ranker, ranking)) as gateway:
        gateway.listed("s")
        assert ask(gateway, "s__rank") == GOOD
        status, _, error = swap(gateway, tmp_path / "state", "acme-ranker", second)
        assert status == 0, error
        assert ask(gateway, "s__rank") == GOOD
        assert slots(gateway)[f"{SLOT}.rank"]["calls"] == 2

        def old_one_stays():
            states = [g["state"] for g in generations(gateway, tmp_path / "state", "acme-ranker")]
            assert states == ["draining", "current"]

        eventually(old_one_stays)


def test_it_does_not_leave_the_process(tmp_path, ranker, ranking):
    config = configuration(tmp_path, ranker, ranking, placement="cell")
    done = command_line("check", "--config", config)
    assert done.returncode == 2
    said = done.stdout + done.stderr
    assert "requires com.acme.ranker/1, which is not offered in a cell; say placement: inproc" in said


RANKER = "manifest member 'signatures.com.acme.ranker/1'"


@pytest.mark.parametrize(
    ("signatures", "says"),
    [
        ({"com.acme.other/1": ["void f()"]}, "'signatures.com.acme.other/1' is out of place, since"),
        ({"jf.seal/1": ["void f()"]}, "services of the ABI need no description"),
        ({SLOT: []}, f"{RANKER} must be a list of 1 to 64 slots"),
        ({SLOT: ["void f()", "viod g()"]}, f"{RANKER}[1] is wrong at character 1: there is no result 'viod'"),
        ({SLOT: ["void f(strng x)"]}, f"{RANKER}[0] is wrong at character 8: there is no type 'strng'"),
        ({SLOT: ["void f(out view x)"]}, "at character 12: there is no type of an 'out' parameter 'view'"),
        ({SLOT: ["void f(u32 a, u32 a)"]}, "there is a parameter 'a' before it"),
        ({SLOT: ["void f()", "void f()"]}, "there is a slot 'f' before it"),
        ({SLOT: ["[loop] void f()"]}, "at character 2: there is no lane 'loop'"),
        ({SLOT: ["void f(u32)"]}, "at character 11: a name is missing"),
        ({SLOT: ["void f(u32 a"]}, "at character 13: ')' is missing"),
        ({SLOT: "void f()"}, "must be a list"),
    ],
)
def test_descriptions_that_are_none(tmp_path, signatures, says):
    text = ',"signatures":' + json.dumps(signatures)
    bad = build("ranker", tmp_path / "bad.so", SIGNATURES=text)
    done = command_line("plugin", "inspect", bad)
    assert done.returncode != 0
    assert says in done.stdout + done.stderr
