#!/usr/bin/env python3
"""Set up the environment from requirements.lock, then hand on to the compendium. Needs only python3 (3.11-3.13) and pip.

    python3 run.py              chapters, check, site; prints where the site is
    python3 run.py test         the tests; further arguments go to pytest
    python3 run.py VERB ...     any verb of the command line (python3 run.py --help)
    python3 run.py lock         resolve pyproject.toml into requirements.lock again (network)

Standard library only, and readable by older Pythons, so that they can say what is missing.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

SUPPORTED = ((3, 11), (3, 12), (3, 13))
ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.environ.get("COMPENDIUM_VENV") or os.path.join(ROOT, ".venv")
LOCK = os.path.join(ROOT, "requirements.lock")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "stamp")


def main():
    use_supported_python()
    arguments = sys.argv[1:] or ["all"]
    if not is_ready():
        with set_up_lock():
            if not is_ready():
                set_up()
    if arguments[0] == "test":
        hand_on(["-m", "pytest"] + arguments[1:])
    elif arguments == ["lock"]:
        sys.exit(lock())
    else:
        hand_on(["-m", "compendium"] + arguments)


def stop(message):
    sys.exit("run.py: " + message)


def use_supported_python():
    """Go on with this Python, or start again with a supported one from the path."""
    if sys.version_info[:2] in SUPPORTED:
        return
    for major, minor in reversed(SUPPORTED):
        other = shutil.which("python%d.%d" % (major, minor))
        if (
            other
            and subprocess.call(
                [other, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            == 0
        ):
            os.execv(other, [other, os.path.abspath(__file__)] + sys.argv[1:])
    stop(
        "Python 3.11, 3.12 or 3.13 is needed; this is %s and none of them is on the path."
        % platform.python_version()
    )


def stamp():
    """What the environment was made from: the lock, this Python, this layout."""
    with open(LOCK, "rb") as handle:
        digest = hashlib.sha256(handle.read()).hexdigest()
    return "%s %s %s layout-1" % (digest, platform.python_version(), platform.machine())


def is_ready():
    try:
        with open(STAMP) as handle:
            return handle.read() == stamp() and os.path.exists(PYTHON)
    except OSError:
        return False


class set_up_lock:
    """Keep a second run.py from setting up the same environment at the same time."""

    def __enter__(self):
        self.handle = None
        try:
            import fcntl

            os.makedirs(os.path.join(ROOT, "build"), exist_ok=True)
            self.handle = open(os.path.join(ROOT, "build", ".set-up.lock"), "w")
            fcntl.flock(self.handle, fcntl.LOCK_EX)
        except ImportError:
            pass
        except OSError as error:
            stop("this folder cannot be written to (%s)." % error.strerror)
        return self

    def __exit__(self, *_):
        if self.handle:
            self.handle.close()


def set_up():
    print(
        "setting up %s from %s ..." % (os.path.basename(VENV), os.path.basename(LOCK)),
        file=sys.stderr,
        flush=True,
    )
    need_pip()
    make_venv()
    install_uv()
    environment = uv_environment()
    command = ["pip", "sync", "--quiet", "--python", PYTHON, "--require-hashes", "--compile-bytecode", LOCK]
    if subprocess.call([PYTHON, "-m", "uv"] + command, env=environment) != 0:
        stop(
            "the packages of requirements.lock could not be installed: is the package index reachable, and the disk not full?"
        )
    site = subprocess.check_output(
        [PYTHON, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], text=True
    ).strip()
    with open(os.path.join(site, "compendium.pth"), "w") as handle:
        handle.write(os.path.relpath(os.path.join(ROOT, "src"), site) + "\n")
    with open(STAMP, "w") as handle:
        handle.write(stamp())


def need_pip():
    if (
        subprocess.call(
            [sys.executable, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        != 0
    ):
        stop("pip is missing for %s (on Debian and Ubuntu: apt install python3-pip)." % sys.executable)


def make_venv():
    try:
        import venv
    except ImportError:
        stop(
            "the standard module venv is missing for %s (on Debian and Ubuntu: apt install python3-venv)."
            % sys.executable
        )
    try:
        venv.EnvBuilder(with_pip=False, symlinks=True, clear=True).create(VENV)
    except OSError as error:
        stop("%s cannot be made (%s)." % (VENV, error.strerror))


def install_uv():
    """Install the locked uv, by hash, with the pip that runs this file."""
    with open(LOCK) as handle:
        entry = re.search(r"^uv==.*?(?=^\S|\Z)", handle.read(), re.MULTILINE | re.DOTALL)
    lines = [line for line in entry.group(0).splitlines() if not line.strip().startswith("#")]
    descriptor, path = tempfile.mkstemp(suffix=".txt")
    try:
        with os.fdopen(descriptor, "w") as handle:
            handle.write("\n".join(lines).rstrip(" \\") + "\n")
        command = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            PYTHON,
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        if subprocess.call(command + ["--no-deps", "--require-hashes", "-r", path], env=quiet_pip()) != 0:
            stop(
                "uv, which installs everything else, could not be installed: is the package index reachable?"
            )
    finally:
        os.remove(path)


def quiet_pip():
    return dict(os.environ, PIP_ROOT_USER_ACTION="ignore", PIP_NO_WARN_SCRIPT_LOCATION="1")


def uv_environment():
    """uv keeps its cache in the home folder; where that cannot be written, below build/."""
    environment = dict(os.environ, UV_NO_PROGRESS="" if sys.stderr.isatty() else "1")
    environment.pop("VIRTUAL_ENV", None)
    if "UV_CACHE_DIR" not in environment:
        base = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        probe = os.path.join(base, "uv")
        while probe and not os.path.exists(probe) and os.path.dirname(probe) != probe:
            probe = os.path.dirname(probe)
        if not os.path.isabs(base) or not can_write(probe):
            environment["UV_CACHE_DIR"] = os.path.join(ROOT, "build", ".uv-cache")
    environment = {k: v for k, v in environment.items() if not (k == "UV_NO_PROGRESS" and not v)}
    return environment


def can_write(folder):
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def lock():
    command = [
        "pip",
        "compile",
        "pyproject.toml",
        "--universal",
        "--generate-hashes",
        "--extra",
        "test",
        "--extra",
        "tools",
        "--quiet",
    ]
    command += [
        "--python-version",
        "3.11",
        "--output-file",
        LOCK,
        "--custom-compile-command",
        "python3 run.py lock",
    ]
    code = subprocess.call([PYTHON, "-m", "uv"] + command, cwd=ROOT, env=uv_environment())
    if code == 0:
        with open(os.path.join(ROOT, "environment.yml"), "w") as handle:
            handle.write(conda_environment())
    return code


def conda_environment():
    """environment.yml: the direct dependencies at the versions of the lock, for those who use conda."""
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as handle:
        project = tomllib.load(handle)["project"]
    with open(LOCK) as handle:
        locked = dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", handle.read(), re.MULTILINE))
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["test"] + extras["tools"]
    names = sorted(re.match(r"[A-Za-z0-9._-]+", name).group(0).lower() for name in wanted)
    lines = [
        "# Written by `python3 run.py lock`: the direct dependencies at the versions of requirements.lock.",
        "name: compendium",
        "channels: [conda-forge, nodefaults]",
        "dependencies:",
        "  - python=3.12",
        "  - pip",
        "  - pip:",
    ]
    return "\n".join(lines + ["      - %s==%s" % (name, locked[name]) for name in names]) + "\n"


def hand_on(arguments):
    sys.stdout.flush()
    try:
        os.execv(PYTHON, [PYTHON] + arguments)
    except OSError as error:
        stop("%s cannot be started (%s): remove %s and try again." % (PYTHON, error.strerror, VENV))


if __name__ == "__main__":
    main()
