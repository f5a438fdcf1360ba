# SPDX-License-Identifier: Apache-2.0
"""The command line: what it prints, where it points, how it exits (0 done, 1 failed, 2 wrong usage)."""

import json

import pytest

from rig.gateway import Gateway, command_line, native, write
from rig.peers import HttpServer
from rig.places import DIST
from servers.catalogue import TOOLS

VERBS = ["serve", "check", "servers", "tools", "call", "read", "prompt", "plugin", "doctor"]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with HttpServer("sdk2", "--label", "a") as a, HttpServer("sdk1", "--label", "b") as b:
        folder = tmp_path_factory.mktemp("cli")
        running = Gateway(write(folder / "c.yaml", native({"a": {"url": a.url}, "b": {"url": b.url}})))
        yield running.url
        running.stop()


def ok(*arguments, **more):
    done = command_line(*arguments, **more)
    assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def fails(status, *arguments, **more):
    done = command_line(*arguments, **more)
    assert done.returncode == status, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stderr.strip(), f"{arguments} failed without a word"
    return done.stderr


# --- check --------------------------------------------------------------------------------------------------


def test_check_good_files(tmp_path):
    config = native(
        {"a": {"command": "python3", "args": ["-m", "x"]}, "b": {"url": "http://127.0.0.1:1/mcp"}}
    )
    for name in ("c.yaml", "c.json"):
        ok("check", "--config", write(tmp_path / name, config))
    desktop = {"mcpServers": {"t": {"command": "python3", "args": []}}}
    ok("check", "--config", write(tmp_path / "desktop.json", desktop))


ERRORS = """version: 1
servers:
  one:
    ulr: http://127.0.0.1:1/mcp
  two:
    url: http://127.0.0.1:1/mcp
    timeout: soon
  three:
    url: http://127.0.0.1:1/mcp
    era: ancient
lisseners: []
"""


def test_check_names_every_error_with_its_place(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(ERRORS)
    said = fails(2, "check", "--config", path)
    for place in ("4:5", "7:14", "10:10", "11:1"):
        assert f"wrong.yaml:{place}" in said, f"{place} is not named in:\n{said}"
    assert "url" in said and "listeners" in said, f"no nearest spelling in:\n{said}"
    assert "modern" in said and "legacy" in said


def test_check_places_in_json(tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text(
        '{\n  "version": 1,\n  "servers": {\n    "a": { "url": 5, "tools": { "alow": [] } }\n  }\n}\n'
    )
    said = fails(2, "check", "--config", path)
    assert "wrong.json:4:" in said and "allow" in said


@pytest.mark.parametrize(
    "text,place",
    [
        ("servers: {a: [\n", "x.yaml:2:"),
        ("version: 1\n\tservers: {}\n", "x.yaml:2:"),
        ("[1, 2]\n", "x.yaml:1:"),
        ("version: 1\nservers: {a: {url: 'http://h/mcp'}, a: {url: 'http://h/mcp'}}\n", "x.yaml:2:"),
    ],
)
def test_check_broken_syntax(tmp_path, text, place):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    assert place in fails(2, "check", "--config", path)


def test_check_references_and_secrets(tmp_path):
    path = tmp_path / "s.yaml"
    entry = {"url": "http://127.0.0.1:1/mcp", "headers": {"X-Key": "${env:NO_SUCH_VARIABLE_HERE}"}}
    write(path, native({"a": entry}))
    assert "NO_SUCH_VARIABLE_HERE" in fails(2, "check", "--config", path)
    (tmp_path / "secret").write_text("hush-hush-value")
    entry["headers"]["X-Key"] = "${file:secret}"
    write(path, native({"a": {**entry, "nonsense": 1}}))
    assert "hush-hush-value" not in fails(2, "check", "--config", path)


A, B = "http://127.0.0.1:1/mcp", "http://127.0.0.1:2/mcp"
# What a server says wrong, and where, as often as it is wrong.
MISTAKES = {
    "a misspelt key of all replicas": (f"timot_ms: 3, replicas: [ {{ url: '{A}' }}, {{ url: '{B}' }} ]", ["4:8"]),
    "a wrong value of all replicas": (
        f"connect_timeout_ms: abc, replicas: [ {{ url: '{A}' }}, {{ url: '{B}' }} ]", ["4:28"],
    ),
    "a misspelt key of one": (f"replicas: [ {{ url: '{A}', wieght: 3 }}, {{ url: '{B}' }} ]", ["4:53"]),
    "two of them": (f"replicas: [ {{ url: '{A}', wieght: 3 }}, {{ url: '{B}', wight: 3 }} ]", ["4:53", "4:99"]),
    "a plugin": (f"replicas: [ {{ plugin: tools-demo }}, {{ url: '{A}' }} ]", ["4:22"]),
    "neither": (f"replicas: [ {{ weight: 2 }}, {{ url: '{A}' }} ]", ["4:20"]),
    "unknown schemes": ("replicas: [ { url: 'ftp://a/b' }, { url: 'gopher://a/b' } ]", ["4:27", "4:49"]),
}  # fmt: skip


@pytest.mark.parametrize("text,places", MISTAKES.values(), ids=MISTAKES)
def test_check_says_each_mistake_of_replicas_once(tmp_path, text, places):
    path = tmp_path / "r.yaml"
    path.write_text(f"version: 1\n\nservers:\n  s: {{ {text} }}\n")
    said = fails(2, "check", "--config", path)
    assert [line.partition("r.yaml:")[2].partition(": ")[0] for line in said.splitlines()] == places, said
    served = [line for line in fails(2, "serve", "--config", path).splitlines() if "error" in line]
    assert len(served) == len(places), served


def test_check_missing_file(tmp_path):
    assert "nothing.yaml" in fails(2, "check", "--config", tmp_path / "nothing.yaml")


# --- the client verbs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("era", ["auto", "modern", "legacy"])
def test_tools(url, era):
    names = {t["name"] for t in entries(ok("tools", "--url", url, "--era", era, "--json"), "tools")}
    assert names == {f"{s}__{t['name']}" for s in ("a", "b") for t in TOOLS}
    assert "a__echo" in ok("tools", "--url", url, "--era", era)
    some = ok("tools", "--server", "b", "--url", url, "--era", era)
    assert "echo" in some and "a__echo" not in some


def entries(text, member):
    value = json.loads(text)
    return value[member] if isinstance(value, dict) else value


def test_servers(url):
    assert {"a", "b"} <= set(ok("servers", "--url", url).split())
    assert {s["name"] for s in entries(ok("servers", "--url", url, "--json"), "servers")} == {"a", "b"}


@pytest.mark.parametrize("era", ["auto", "modern", "legacy"])
def test_call(url, era):
    where = ["--url", url, "--era", era]
    assert ok("call", "a__echo", "text=hello there", *where).strip() == "hello there"
    assert ok("call", "a__echo", '{"text": "from JSON"}', *where).strip() == "from JSON"
    assert '"sum": 42' in ok("call", "b__add", "a=2", "b=40", *where).replace('"sum":42', '"sum": 42')
    result = json.loads(ok("call", "b__add", "a=2", "b=40", "--json", *where))
    assert result["structuredContent"] == {"sum": 42}


def test_call_keeps_text_as_text(url):
    assert ok("call", "a__echo", "text=007", "--url", url).strip() == "007"
    assert ok("call", "a__echo", "text=a=b", "--url", url).strip() == "a=b"


def test_read_and_prompt(url):
    listed = json.loads(ok("read", "test://item/9", "--url", url.replace("/mcp", "/mcp/servers/a"), "--json"))
    assert listed["contents"][0]["text"] == "item 9"
    assert (
        ok("read", "test://static/text", "--url", url.replace("/mcp", "/mcp/servers/b")).strip()
        == "text of b"
    )
    assert "Greet Ada in a wry way" in ok("prompt", "a__greet", "name=Ada", "style=wry", "--url", url)


def test_run_time_failures_exit_1(url):
    assert "it failed" in str(command_line("call", "a__fail", "--url", url))
    assert command_line("call", "a__fail", "--url", url).returncode == 1
    assert "nope" in fails(1, "call", "nope", "--url", url)
    assert "127.0.0.1:9" in fails(1, "tools", "--url", "http://127.0.0.1:9/mcp")
    fails(1, "read", "no:where", "--url", url)


WRONG_USAGE = [
    ["nonsense"],
    ["tools", "--no-such-flag"],
    ["call"],
    ["call", "x", "{not json"],
    ["check"],
    ["read"],
    ["tools", "--era", "ancient"],
    ["tools", "--url"],
    ["serve", "--listen", "nowhere"],
    ["plugin", "what"],
    ["serve", "--config", "/nonexistent/file.yaml"],
]


@pytest.mark.parametrize("arguments", WRONG_USAGE, ids=" ".join)
def test_wrong_usage_exits_2(arguments):
    fails(2, *arguments)


def test_mistyped_verb_is_corrected():
    assert "serve" in fails(2, "serv")


def test_port_in_use_exits_1(url, tmp_path):
    config = write(tmp_path / "c.yaml", native({}))
    said = fails(1, "serve", "--config", config, "--listen", url.removeprefix("http://").removesuffix("/mcp"))
    assert "use" in said.lower()


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_examples(verb):
    said = ok(verb, "--help")
    assert f"jackfield {verb}" in said and "xample" in said
    assert max(map(len, said.splitlines())) <= 110


def test_help_and_version():
    said = ok("--help")
    assert all(verb in said for verb in VERBS)
    assert ok("--version").strip().split()[-1][0].isdigit()


# --- the integrator's bench ---------------------------------------------------------------------------------


def test_plugin_list_and_inspect():
    listed = json.loads(ok("plugin", "list", "--json"))
    found = {p["id"]: p for p in (listed["plugins"] if isinstance(listed, dict) else listed)}
    assert {"transport-http", "transport-stdio"} <= set(found)
    assert "transport-http" in ok("plugin", "list")
    for file in sorted((DIST / "lib/jackfield/plugins").glob("*.so")):
        manifest = json.loads(ok("plugin", "inspect", file, "--json"))
        manifest = manifest.get("manifest", manifest)
        assert manifest["id"] == file.stem
        assert file.stem in ok("plugin", "inspect", file)


def test_plugin_inspect_refuses_strangers(tmp_path):
    (tmp_path / "not.so").write_bytes(b"\x7fELF and nothing else")
    fails(1, "plugin", "inspect", tmp_path / "not.so")
    fails(1, "plugin", "inspect", "/bin/true")
    fails(1, "plugin", "inspect", tmp_path / "missing.so")


def test_doctor(url):
    said = ok("doctor", "--url", url)
    assert "0." in said and "transport-http" in said
