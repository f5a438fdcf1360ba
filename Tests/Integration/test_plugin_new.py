# SPDX-License-Identifier: Apache-2.0
"""`jackfield plugin new`: every project builds, passes its own tests and `plugin check`, and serves in a gateway.

All of C is built as its user builds it, and so are the first facets of C++ and one of Rust and of Swift. Time is dear: the
guards of C++ are compiled without CMake, beside each other; those of Swift are made into one package, for which the SDK is
built once; the other Rust projects are compiled without linking, the other Swift ones parsed."""

import concurrent.futures
import json
import os
import re
import shutil
import socket
import subprocess

import pytest
import yaml

from rig.gateway import ENVIRONMENT, Gateway, command_line, serving
from rig.places import DIST, JACKFIELD, ROOT
from rig.raw_client import modern_params
from rig.wire_http import exchange, modern

FACETS = ["toolset", "routing", "connector", "listener", "seal"]
GUARDS = ["auth", "policy", "filter", "store", "credentials"]
LANGUAGES = ["c", "cpp", "rust", "swift"]
ALL = [(facet, lang) for lang in LANGUAGES for facet in FACETS if (facet, lang) != ("seal", "swift")]
BUILT = [pair for pair in ALL if pair[1] in ("c", "cpp") or pair[0] == "toolset"]
BUILT += [(facet, "c") for facet in GUARDS]
ALL += [(facet, lang) for lang in LANGUAGES for facet in GUARDS]
TOOL = {"c": "cc", "cpp": "cmake", "rust": "cargo", "swift": "swift"}


def new(name, facet, lang, *more, cwd=None, env=None):
    return command_line(
        "plugin", "new", name, "--facet", facet, "--lang", lang, *more, cwd=cwd, env={**ENVIRONMENT, **(env or {})}
    )


def run(*command, cwd, timeout=300, **env):
    """A build command; its output is shown when it fails."""
    environment = {**os.environ, **env, "MAKEFLAGS": ""}
    done = subprocess.run(command, cwd=cwd, env=environment, text=True, capture_output=True, timeout=timeout)
    assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """The folder of a project, made once: projects(facet, lang)."""
    root = tmp_path_factory.mktemp("projects")
    made = {}

    def project(facet, lang):
        if (facet, lang) not in made:
            name = f"com.example.{lang}-{facet}"
            done = new(name, facet, lang, cwd=root)
            assert done.returncode == 0, done.stderr
            made[facet, lang] = root / f"{lang}-{facet}", done.stdout
        return made[facet, lang][0]

    project.said = lambda facet, lang: made[facet, lang][1]
    project.target = root / "cargo"
    return project


def built(projects, facet, lang):
    """The library of a project."""
    if not shutil.which(TOOL[lang]):
        pytest.skip(f"there is no {TOOL[lang]} here")
    folder = projects(facet, lang)
    run("make", cwd=folder, CARGO_TARGET_DIR=str(folder / "target"))
    return folder / f"{lang}-{facet}.so"


# ---- what is made ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("facet,lang", ALL)
def test_renders(projects, facet, lang):
    folder = projects(facet, lang)
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {str(path.relative_to(folder)) for path in files}
    assert {"README.md", "Makefile", ".gitignore", "gateway.yaml"} <= names
    for path in files:
        text = path.read_text()
        assert not re.search(r"PLUGIN_(ID|NAME|CRATE|MODULE|SDK)|SPDX", text), path
        assert text.endswith("\n") and not text.startswith("\n"), path
    config = yaml.safe_load((folder / "gateway.yaml").read_text())
    assert config["version"] == 1 and {"file": f"./{lang}-{facet}.so"}.items() <= config["plugins"][-1].items()
    said = projects.said(facet, lang)
    assert f"cd {lang}-{facet}" in said and "make check" in said and f"{len(files)} files" in said


@pytest.mark.parametrize("facet", FACETS + GUARDS)
def test_rust_compiles(projects, facet):
    if not shutil.which("cargo"):
        pytest.skip("there is no cargo here")
    run("cargo", "check", "--offline", cwd=projects(facet, "rust"), CARGO_TARGET_DIR=str(projects.target))


@pytest.mark.parametrize("facet", FACETS[:4])
def test_swift_parses(projects, facet):
    if not shutil.which("swiftc"):
        pytest.skip("there is no swiftc here")
    folder = projects(facet, "swift")
    for files in (folder.glob("Sources/Plugin/*.swift"), folder.glob("Tests/*.swift"), [folder / "Package.swift"]):
        run("swiftc", "-frontend", "-parse", *map(str, files), cwd=folder)


# ---- what comes of it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("facet,lang", BUILT)
def test_builds_and_passes(projects, facet, lang):
    library = built(projects, facet, lang)
    if lang != "swift":  # its tests need a second build of the SDK
        output = run("make", "test", cwd=library.parent, CARGO_TARGET_DIR=str(library.parent / "target"))
        assert re.search(r"[1-9][0-9]* passed[,;] 0 failed", output), output[-2000:]
    run("make", "check", cwd=library.parent, CARGO_TARGET_DIR=str(library.parent / "target"))
    inspected = json.loads(command_line("plugin", "inspect", library, "--json").stdout)
    assert inspected["exports"] == ["jf_entry_1"]
    assert exports_one(library)


def exports_one(library):
    symbols = run("nm", "-D", "--defined-only", library.name, cwd=library.parent).split("\n")
    return [line.split()[-1] for line in symbols if line] == ["jf_entry_1"]


def test_guards_in_cpp(projects):
    """Every guard passes its tests; the mock host is that of the toolset's project."""
    toolset = built(projects, "toolset", "cpp")
    run("cmake", "--build", "build", "--target", "jackfield_mock", cwd=toolset.parent)
    (mock,) = toolset.parent.glob("build/**/libjackfield_mock.a")
    share, include = DIST / "share/jackfield", f"-I{DIST / 'include'}"
    testing = [f"-I{share / 'testing/c'}", f"-I{share / 'testing/cpp'}"]
    common = ["c++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", include]

    def plugin(facet):
        hidden = ["-fPIC", "-fvisibility=hidden", "-shared", f"-Wl,--version-script={DIST}/share/cmake/Jackfield/exports.map"]
        run(*common, *hidden, "-o", f"cpp-{facet}.so", "plugin.cpp", cwd=projects(facet, "cpp"))

    def test(facet):
        libraries = [str(mock), "-lm", "-pthread", "-ldl"]
        run(*common, *testing, "-o", "plugin-test", "test.cpp", *libraries, cwd=projects(facet, "cpp"))

    for facet in GUARDS:
        projects(facet, "cpp")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work, facet) for facet in GUARDS for work in (plugin, test)]:
            done.result()
    for facet in GUARDS:
        folder = projects(facet, "cpp")
        output = run("./plugin-test", f"./cpp-{facet}.so", cwd=folder)
        assert re.search(r"[1-9][0-9]* passed, 0 failed", output), output[-2000:]
        assert exports_one(folder / f"cpp-{facet}.so")


def swift_package(projects, root):
    """One package of all guards: what their own Package.swift say, side by side."""
    products, targets = [], []
    for facet in GUARDS:
        folder, manifest = projects(facet, "swift"), f"{facet.capitalize()}Manifest"
        shutil.copytree(folder, root / facet)
        text = (folder / "Package.swift").read_text()
        text = text.replace('"Manifest"', f'"{manifest}"').replace('path: "Sources', f'path: "{facet}/Sources')
        text = text.replace('publicHeadersPath: "."', f'path: "{facet}/Sources/Manifest", publicHeadersPath: "."')
        text = text.replace("packageDirectory)/", f"packageDirectory)/{facet}/")
        products.append(re.search(r"products: \[(.*)\],\n", text).group(1))
        targets.append(re.search(r"\n    targets: \[\n(.*)        \.testTarget", text, re.S).group(1))
    # The last one's, with the products and targets of all.
    text = text.replace(products[-1], ", ".join(products))
    begin, rest = text.split("    targets: [\n")
    (root / "Package.swift").write_text(f"{begin}    targets: [\n{''.join(targets)}    ]\n)\n")


def test_guards_in_swift(projects, tmp_path):
    """Every guard builds and keeps the rules of the ABI; the SDK is built once."""
    if not shutil.which("swift"):
        pytest.skip("there is no swift here")
    swift_package(projects, tmp_path)
    run("swift", "build", "-c", "release", cwd=tmp_path)
    for facet in GUARDS:
        library = tmp_path / f".build/release/libswift-{facet}.so"
        run(JACKFIELD, "plugin", "check", library, cwd=tmp_path)
        assert exports_one(library)


def with_free_ports(library):
    """The project's gateway.yaml, on ports that the system chooses."""
    path = library.parent / "gateway.yaml"
    text = re.sub(r"127\.0\.0\.1:88\d\d", "127.0.0.1:0", path.read_text())
    free = path.with_name("free.yaml")
    free.write_text(text)
    return free


def call(port, tool, arguments):
    answer = exchange(port, modern("tools/call", {"name": tool, "arguments": arguments}))
    return answer.json["result"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_toolset_serves(projects, lang):
    library = built(projects, "toolset", lang)
    with serving(with_free_ports(library)) as gateway:
        name = f"{lang}-toolset__slugify"
        gateway.listed(f"{lang}-toolset")
        result = call(gateway.port, name, {"text": "Hello, World!"})
        assert result["structuredContent"] == {"slug": "hello-world"}
        shown = command_line("call", name, "text=A b", "--url", gateway.url)
        assert shown.returncode == 0 and "a-b" in shown.stdout


@pytest.mark.parametrize("lang", ["c", "cpp"])
def test_connector_serves(projects, lang):
    library = built(projects, "connector", lang)
    with serving(with_free_ports(library)) as gateway:
        gateway.listed("said")
        result = call(gateway.port, "said__echo", {"text": 'a "b"'})
        assert result["content"][0]["text"] == 'You said: a "b"'


@pytest.mark.parametrize("lang", ["c", "cpp"])
def test_listener_serves(projects, lang):
    library = built(projects, "listener", lang)
    with serving(with_free_ports(library), listen=None) as gateway:
        line = gateway.log.wait("listening on tcp://")
        # No URL of an MCP client: the listener speaks something of its own.
        assert re.search(r"tcp://[0-9.]+:[0-9]+$", line.strip()), line
        port = int(re.search(r":([0-9]+)\b", line.partition("tcp://")[2]).group(1))
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": modern_params(None)}
            client.sendall(json.dumps(message).encode() + b"\n")
            answer = json.loads(client.makefile().readline())
        assert answer["id"] == 1 and "result" in answer, answer
        assert answer["result"]["tools"]


@pytest.mark.parametrize("facet", ["routing", "seal", *GUARDS])
def test_others_are_loaded(projects, facet):
    library = built(projects, facet, "c")
    with serving(with_free_ports(library)) as gateway:
        assert exchange(gateway.port, modern("tools/list")).json["result"]["tools"]


# ---- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name,facet,part",
    [
        ("Titles", "toolset", "did you mean 'titles'?"),
        ("a_b", "toolset", "did you mean 'a-b'?"),
        ("../x", "toolset", "lower-case letters"),
        ("com.2d", "toolset", "does not begin with a letter"),
        ("http", "listener", "acme-http"),
        ("rbac", "policy", "acme-rbac"),
        ("x", "gate", "is not one of"),
    ],
)
def test_refuses_names(tmp_path, name, facet, part):
    done = new(name, facet, "c", cwd=tmp_path)
    assert done.returncode == 2 and part in done.stderr
    assert not list(tmp_path.iterdir())


def test_overwrites_nothing(tmp_path):
    (tmp_path / "titles").mkdir()
    (tmp_path / "titles/mine").write_text("mine")
    done = new("titles", "toolset", "c", cwd=tmp_path)
    assert done.returncode == 1 and "is not empty; nothing was written" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["titles", "mine"]
    (tmp_path / "empty").mkdir()
    assert new("titles", "toolset", "c", "--dir", "empty", cwd=tmp_path).returncode == 0
    assert (tmp_path / "empty/plugin.c").is_file()
    assert not list(tmp_path.glob(".jackfield*"))


def test_says_what_swift_has_not(tmp_path):
    done = new("sealer", "seal", "swift", cwd=tmp_path)
    assert done.returncode == 1 and "there is --lang c, --lang cpp, --lang rust" in done.stderr
    assert not list(tmp_path.iterdir())


def test_finds_the_sdk(tmp_path):
    sdk = DIST / "share/jackfield/sdk"
    for number, (switches, env) in enumerate(
        [([], {}), (["--sdk", sdk], {}), (["--sdk", DIST], {}), ([], {"JACKFIELD_SDK": str(sdk / "swift")})]
    ):
        done = new("titles", "toolset", "c", "--dir", f"p{number}", *switches, cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
        assert f"JACKFIELD_SDK ?= {sdk.resolve()}\n" in (tmp_path / f"p{number}/Makefile").read_text()
    lost = tmp_path / "bin/jackfield"
    lost.parent.mkdir()
    shutil.copy(JACKFIELD, lost)
    libraries = str(DIST / "lib/jackfield")
    done = subprocess.run(
        [lost, "plugin", "new", "titles", "--facet", "toolset", "--lang", "c"],
        cwd=tmp_path, env={**ENVIRONMENT, "LD_LIBRARY_PATH": libraries}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and f"{tmp_path}/share/jackfield/sdk" in done.stderr and "--sdk DIR" in done.stderr
    assert not (tmp_path / "titles").exists()


# ---- the guide -------------------------------------------------------------------------------------------


def test_walk_through(tmp_path):
    """The commands of docs/guide/first-plugin.md, up to the other languages, print what it says."""
    page = (ROOT / "docs/guide/first-plugin.md").read_text().partition("## In another language")[0]
    blocks = re.findall(r"```(sh|text)\n(.*?)```", page, re.S)
    # Where commands run, and where they find gateway and endpoint.
    home = tmp_path / "home"
    home.mkdir()
    env = {**os.environ, "HOME": str(home), "PATH": f"{DIST}/bin:{os.environ['PATH']}", "MAKEFLAGS": ""}
    env.pop("XDG_STATE_HOME", None)
    folder, printed, gateway = tmp_path, "", None
    try:
        for kind, text in blocks:
            if kind == "text":
                wanted = [line.split() for line in text.splitlines() if line.strip()]
                found = [line.split() for line in printed.splitlines()]
                assert all(line in found for line in wanted), f"{text}\n-- is not in --\n{printed}"
                printed = ""
                continue
            if text.startswith("jackfield serve"):
                free = with_free_ports(folder / "titles.so")
                gateway = Gateway(free, env={"HOME": str(home)})
                gateway.listed("titles")
                env["JACKFIELD_URL"] = gateway.url
                printed = "listening on http://127.0.0.1:8808/mcp"
                continue
            done = subprocess.run(
                ["bash", "-e"], input=text, cwd=folder, env=env, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
            printed += done.stdout
            if text.startswith("cd titles"):
                folder = folder / "titles"
    finally:
        if gateway:
            gateway.stop()
