#!/usr/bin/env python3
"""Removes one defence of the shipped source at a time, in a copy, and runs the tests that must notice.

scripts/defences.toml lists the defences. The run fails if the tests of a defence pass without it, if a test fails with all
defences in place, or if a change no longer applies. The build is kept in target/defences, the copy is not.

Usage: scripts/defences.py [--check] [WORD]...
--check only looks whether each change applies and each test exists; nothing is built. With words, only the defences whose
name, file or mutant has one of them. The word `mutants` stands for all that are a mutant.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "scripts/defences.toml"
WORK = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "defences"
COPY = WORK / "tree"
# One build folder for all changes. Nothing reads the symbols.
ENVIRONMENT = {
    **os.environ, "CARGO_TARGET_DIR": str(WORK / "build"), "CARGO_INCREMENTAL": "1", "CARGO_PROFILE_DEV_DEBUG": "0",
    "RUST_BACKTRACE": "0",
}
DEFENCES_MIN = 30
# A test that waits for what no longer comes fails by its own deadline, or by this one.
TEST_SECONDS_MAX = 180


def changes(defence):
    """The replacements of one defence, as pairs."""
    return [(defence["old"], defence["new"]), *defence.get("also", [])]


def without(defence, text):
    """The text without the defence. Each old text stands in it exactly once."""
    for old, new in changes(defence):
        found = text.count(old)
        if found != 1:
            first = old.strip().splitlines()[0]
            raise ValueError(f"`{first}` stands in {defence['file']} {found} times")
        text = text.replace(old, new)
    return text


def targets(defence):
    """The tests of a defence, by package and target."""
    by_target = {}
    for test in defence["tests"]:
        package, target, name = test.split()
        by_target.setdefault((package, target), []).append(name)
    return by_target


def folder_of(package):
    """The folder of a package."""
    name = package.removeprefix("lastword-")
    return ROOT / ("tests" if name == "tests" else f"crates/{name}")


def has_test(package, target, name):
    """Whether a file of the target has a test function with this name, in a file or module of its path."""
    folder = folder_of(package) / ("src" if target == "lib" else "tests")
    *modules, function = name.split("::")
    pattern = re.compile(rf"\bfn {function}\(")
    for file in folder.rglob("*.rs"):
        parts = {*file.relative_to(folder).with_suffix("").parts, "tests", target}
        if set(modules) <= parts and pattern.search(file.read_text()):
            return True
    return False


def problems(defences, mutants):
    """What is wrong with the list, one line each."""
    named = sorted(defence["mutant"] for defence in defences if "mutant" in defence)
    if named != sorted(mutants):
        yield f"each of {len(mutants)} mutants must have one defence, and no other: {set(named) ^ set(mutants) or named}"
    if len(defences) < DEFENCES_MIN:
        yield f"there are {len(defences)} defences; at least {DEFENCES_MIN} are wanted"
    names = [defence["name"] for defence in defences]
    yield from (f"{name}: the name stands twice" for name in sorted({n for n in names if names.count(n) > 1}))
    for defence in defences:
        try:
            without(defence, (ROOT / defence["file"]).read_text())
        except (ValueError, OSError) as error:
            yield f"{defence['name']}: the change does not apply any more: {error}"
        if not defence["tests"]:
            yield f"{defence['name']}: it names no test"
        for (package, target), tests in targets(defence).items():
            for name in tests:
                if not has_test(package, target, name):
                    yield f"{defence['name']}: there is no test {name} in {package} {target}"


def copy_tree():
    """Copies what git knows. The files are new to cargo, so no build of an earlier change passes for theirs."""
    shutil.rmtree(COPY, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, copy = ROOT / name, COPY / name
        # A file may be gone that git still knows.
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            shutil.copymode(source, copy)


def run(command, limit):
    """Runs a command in the copy, in a process group of its own.

    Returns its exit status and output; no status where it took more seconds than the limit. Nothing of the group is left
    then, and where this program is stopped: a test may have begun processes that hold its output open.
    """
    process = subprocess.Popen(
        command, cwd=COPY, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", process_group=0,
    )
    try:
        output, _ = process.communicate(timeout=limit)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            return None, f"it took more than {limit} s"
        raise
    return process.returncode, output


def cargo_test(package, target, arguments, limit):
    """Builds or runs tests of one target in the copy, as `run` does."""
    which = ["--lib"] if target == "lib" else ["--test", target]
    return run(["cargo", "test", "--quiet", "-p", package, *which, *arguments], limit)


def build(package, target):
    """Builds one target. A build takes as long as it takes."""
    return cargo_test(package, target, ["--no-run"], None)


def run_named(package, target, names):
    """Runs these tests of a target that is built."""
    return cargo_test(package, target, ["--", "--exact", *names], TEST_SECONDS_MAX)


def run_all_named(defences):
    """Runs each named test with all defences in place."""
    by_target = {}
    for defence in defences:
        for key, names in targets(defence).items():
            by_target.setdefault(key, set()).update(names)
    for (package, target), names in sorted(by_target.items()):
        status, output = build(package, target)
        if status == 0:
            status, output = run_named(package, target, sorted(names))
        if status != 0 or f"{len(names)} passed" not in output:
            sys.exit(f"{output}\n{package} {target}: with all defences in place, {len(names)} tests must pass")


def is_noticed(defence):
    """Whether a test fails without the defence. Ends the program where the change does not compile."""
    for (package, target), names in targets(defence).items():
        status, output = build(package, target)
        if status != 0:
            sys.exit(f"{output}\n{defence['name']}: the change does not compile")
        status, _ = run_named(package, target, names)
        if status != 0:
            return True
    return False


def unnoticed(defences):
    """The names of the defences without which no test fails."""
    # Changes that build the same target follow each other, so that little is built for each.
    for defence in sorted(defences, key=lambda defence: (defence["tests"][0].split()[:2], defence["file"])):
        file, began = COPY / defence["file"], time.monotonic()
        whole = file.read_text()
        file.write_text(without(defence, whole))
        noticed = is_noticed(defence)
        file.write_text(whole)
        if not noticed:
            yield defence["name"]
        print(f"{'noticed' if noticed else 'NOT NOTICED'} in {time.monotonic() - began:.0f} s: {defence['name']}", flush=True)


def has(defence, word):
    """Whether a defence is meant by a word of the command line."""
    mutant = defence.get("mutant", "")
    return word in defence["name"] or word in defence["file"] or word in mutant or (word == "mutants" and mutant != "")


def main():
    words = [word for word in sys.argv[1:] if word != "--check"]
    listed = tomllib.loads(LIST.read_text())
    defences = listed["defence"]
    wrong = list(problems(defences, listed["mutants"]))
    if wrong:
        sys.exit("\n".join(wrong))
    if "--check" in sys.argv:
        print(f"defences: each of {len(defences)} changes applies, and each test exists")
        return
    if words:
        defences = [d for d in defences if any(has(d, word) for word in words)]
    # The copy is removed at a signal, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("defences: stopped"))
    began = time.monotonic()
    try:
        copy_tree()
        run_all_named(defences)
        names = list(unnoticed(defences))
    finally:
        shutil.rmtree(COPY, ignore_errors=True)
    if names:
        sys.exit(f"no test fails without {len(names)} of {len(defences)} defences: {', '.join(names)}")
    print(f"defences: without any one of {len(defences)}, a test fails; {(time.monotonic() - began) / 60:.0f} minutes")


main()
