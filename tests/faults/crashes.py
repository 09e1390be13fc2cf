#!/usr/bin/env python3
"""Crashes, losses of power and full disks while the program writes: each file is the old one or the new one.

Commands are run under file_operations.cpp, which records what they do to files. At each operation
- the program is killed: its files are old or new, and after the next run nothing else is left;
- the power is lost, in a model of the disk: what was not synchronized is lost or kept, names and contents independently;
- the operation fails as on a full or broken disk: one line, exit 1, the old file, and nothing else is left.
Both with files without a name and on file systems that do not support them. Then kills at random instants, and two
writers of one file.
Usage: crashes.py PROGRAM SHIM WORK_FOLDER [RANDOM_KILLS]
"""
import errno
import itertools
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).parents[1] / "support"))
from npy_files import save_npy  # noqa: E402

program, shim, work = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
random_kills = int(sys.argv[4]) if len(sys.argv) > 4 else 40
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
failures = []
cases = 0


def expect(holds, *what):
    global cases
    cases += 1
    if not holds:
        failures.append(" ".join(map(str, what)))


generator = random.Random(7)
save_npy(work / "data.npy", (3000, 20), [generator.gauss(0, 1) for _ in range(60000)])
save_npy(work / "states.npy", (20, 3000), [generator.gauss(0, 1) for _ in range(60000)])
save_npy(work / "xy.npy", (50, 2), [generator.random() for _ in range(100)])
subprocess.run([program, "fit", "--quiet", "--data", "data.npy", "--rank", "18", "-o", "map.fold"], cwd=work, check=True)
subprocess.run([program, "compress", "map.fold", "--states", "states.npy", "-o", "latent.npy"], cwd=work, check=True)

# Name, arguments, and the files that are written.
COMMANDS = [
    ("fit", ["fit", "--quiet", "--data", "data.npy", "--rank", "20", "-o", "out/a.fold"], ["a.fold"]),
    ("compress", ["compress", "map.fold", "--states", "states.npy", "-o", "out/a.npy", "--distances", "out/d.npy"],
     ["a.npy", "d.npy"]),
    ("reconstruct", ["reconstruct", "map.fold", "latent.npy", "-o", "out"], ["field.npy"]),
    ("sensors", ["sensors", "map.fold", "-o", "out/a.npy"], ["a.npy"]),
    ("save-operator", ["interpolate", "--coords", "xy.npy", "--to", "xy.npy", "--save-operator", "out/a.foldop"],
     ["a.foldop"]),
]


def prepare(old):
    """A folder with the old files."""
    shutil.rmtree(work / "out", ignore_errors=True)
    (work / "out").mkdir()
    for name, content in old.items():
        (work / "out" / name).write_bytes(content)


# With one thread all runs give the same bytes.
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}


def run(arguments, **environment):
    return subprocess.run([program, *arguments], cwd=work, capture_output=True,
                          env={**ENVIRONMENT, "LD_PRELOAD": str(shim),
                               **{name: str(value) for name, value in environment.items()}})


def content():
    return {path.name: path.read_bytes() for path in (work / "out").iterdir()}


def are_old_or_new(found, old, new):
    return set(found) <= set(new) and all(found.get(name) in (old.get(name), new[name]) for name in new)


def states_after_power_loss(operations, old):
    """The contents of the folder that a disk may have: of each inode what was synchronized, or all; of the names those
    that were synchronized, or any later ones, up to each operation on names."""
    written, synchronized = {}, {}
    names = [{name: ("old", name) for name in old}]  # after each operation on names
    first_name = 0                                     # names before it are on the disk
    for operation, *arguments in operations:
        if operation == "write":
            written[arguments[0]] = written.get(arguments[0], 0) + int(arguments[1])
        elif operation == "fsync" and arguments[0] in written:
            synchronized[arguments[0]] = written[arguments[0]]
        elif operation == "fsync":
            first_name = len(names) - 1
        elif operation == "link":
            names.append({**names[-1], arguments[1]: ("inode", arguments[0])})
        elif operation == "rename":
            entries = {name: entry for name, entry in names[-1].items() if name != arguments[1]}
            names.append({**entries, arguments[2]: ("inode", arguments[0])})
    for entries in names[first_name:]:
        for lengths in (written, synchronized):
            yield {name: (kind, of if kind == "old" else (of, lengths.get(of, 0))) for name, (kind, of) in
                   entries.items()}, written


def check_power_loss(label, trace, old, new):
    operations = [line.split() for line in trace]
    for cut in range(len(operations) + 1):
        for entries, written in states_after_power_loss(operations[:cut], old):
            for name in new:
                if name not in entries:
                    expect(name not in old, label, "loses", name, "at operation", cut)
                    continue
                kind, of = entries[name]
                # A file is new if all that is ever written to it is there.
                complete = kind == "old" or of[1] == len(new[name])
                expect(complete, label, name, "is incomplete after a loss of power at operation", cut)
    final = list(states_after_power_loss(operations, old))
    for entries, _ in final:
        for name in new:
            expect(entries.get(name, ("old",))[0] == "inode", label, name, "is not on the disk when the program ends")


def check(label, arguments, old, new, unnamed):
    mode = {} if unnamed else {"NO_UNNAMED": 1}
    log = work / "operations.txt"
    log.unlink(missing_ok=True)
    prepare(old)
    done = run(arguments, FILE_OPERATIONS=log, **mode)
    expect(done.returncode == 0 and content() == new, label, "does not write what it wrote before", done.stderr)
    trace = log.read_text().splitlines()
    expect(any(line.startswith("unnamed" if unnamed else "create") for line in trace), label, "opens no new file")
    check_power_loss(label, trace, old, new)
    for place, operation in enumerate(trace):
        prepare(old)
        killed = run(arguments, KILL_AT=place, **mode)
        expect(killed.returncode == -9, label, "is not killed at", operation)
        left = {name: kept for name, kept in content().items() if not name.startswith(".fieldfold-")}
        expect(are_old_or_new(left, old, new), label, "killed at", operation, "leaves another file")
        expect(run(arguments, **mode).returncode == 0 and content() == new, label, "leaves files when killed at",
               operation)
        for error in (errno.ENOSPC, errno.EIO):
            prepare(old)
            failed = run(arguments, FAIL_AT=place, FAIL_ERROR=error, **mode)
            if unnamed and operation.startswith("unnamed"):
                expect(failed.returncode == 0, label, "does not try a file with a name")
                continue
            expect(failed.returncode == 1 and failed.stderr.count(b"\n") == 1 and not failed.stdout, label,
                   "fails otherwise at", operation, failed.stderr)
            expect(are_old_or_new(content(), old, new), label, "leaves a file when it fails at", operation)


for label, arguments, names in COMMANDS:
    prepare({})
    run(arguments)
    new = content()
    expect(set(new) == set(names), label, "writes", sorted(new))
    for existing, unnamed in itertools.product((True, False), repeat=2):
        old = {name: b"old " + name.encode() for name in names} if existing else {}
        check(f"{label}, {'existing' if existing else 'missing'} files, {'unnamed' if unnamed else 'named'}:", arguments,
              old, new, unnamed)

for kill in range(random_kills):
    label, arguments, names = COMMANDS[kill % len(COMMANDS)]
    prepare({})
    start = time.monotonic()
    run(arguments)
    seconds = time.monotonic() - start
    new = content()
    old = {name: b"old" for name in names}
    prepare(old)
    process = subprocess.Popen([program, *arguments], cwd=work, env=ENVIRONMENT, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    time.sleep(random.random() * seconds)
    process.kill()
    process.wait()
    left = {name: kept for name, kept in content().items() if not name.startswith(".fieldfold-")}
    expect(are_old_or_new(left, old, new), label, "killed at random leaves another file")
    expect(run(arguments).returncode == 0 and content() == new, label, "leaves files when killed at random")

# Two writers of one file: one of them wins, and nothing else is left.
results = []
for rank in ("5", "20"):
    prepare({})
    run(["fit", "--quiet", "--data", "data.npy", "--rank", rank, "-o", "out/a.fold"])
    results.append(content())
# Where it is permitted, also of equal process numbers, in namespaces of their own.
namespaces = ["unshare", "--pid", "--fork"]
if shutil.which("unshare") is None or subprocess.run([*namespaces, "true"], stderr=subprocess.DEVNULL).returncode != 0:
    namespaces = []
    print("no process namespaces here: writers have different process numbers")
for unnamed, prefix in itertools.product((True, False), ([], namespaces)):
    for both in range(10):
        prepare({})
        writers = [subprocess.Popen([*prefix, "env", f"LD_PRELOAD={shim}", program, "fit", "--quiet", "--data",
                                     "data.npy", "--rank", rank, "-o", "out/a.fold"],
                                    cwd=work, env={**ENVIRONMENT, **({} if unnamed else {"NO_UNNAMED": "1"})})
                   for rank in ("5", "20")]
        expect(all(writer.wait() == 0 for writer in writers), "one of two writers fails")
        expect(content() in results, "two writers leave", sorted(content()))

for failure in failures[:20]:
    print(failure)
print(f"{cases - len(failures)} checks hold, {len(failures)} do not")
print("1 test case out of 1 failed" if failures else "1 test case out of 1 passed")
sys.exit(bool(failures))
