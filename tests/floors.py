#!/usr/bin/env python3
"""Checks the imports of modules/ and src/ against the floors: the list in modules/meson.build.

The list is in order of floors, and a module imports only modules before it: none of a higher floor, and no later one of
its own. The list gives the imports of each interface, and the name of a module is its path. The program and the C
interface import only fieldfold, with its formats and ranks of MPI. A folder of interfaces, sources or tests has at most a dozen files.
Usage: floors.py SOURCE_ROOT
"""
import pathlib
import re
import sys

FLOORS = ["base", "linalg", "points", "rows", "decomposition", "fields", "rbf", "interpolation", "compression", "pod",
          "files", "mpi", "formats"]
MAX_FILES = 12

root = pathlib.Path(sys.argv[1])
failures = []


def expect(holds, message):
    if not holds:
        failures.append(message)


def module_name(path, folder):
    return ".".join(path.relative_to(root / folder).with_suffix("").parts)


def imports_of(path):
    return re.findall(r"^(?:export )?import fieldfold\.([a-z0-9_.]+);", path.read_text(), re.M)


text = (root / "modules/meson.build").read_text()
listed = re.search(r"^module_list = \[\n(.*?)^\]\n", text, re.M | re.S).group(1)
listed_imports = {name: re.findall(r"'([^']+)'", imports)
                  for name, imports in re.findall(r"^  \['([^']+)', \[(.*?)\]\],$", listed, re.M | re.S)}
order = {name: place for place, name in enumerate(listed_imports)}

floors = [FLOORS.index(name.split(".")[0]) for name in order if name != "fieldfold"]
expect(floors == sorted(floors), "modules/meson.build: expected a list in order of floors")

interfaces = {module_name(path, "modules"): path for path in (root / "modules").rglob("*.cppm")}
expect(set(interfaces) == set(order), f"modules/meson.build: expected the interfaces in modules/, which differ in "
       f"{sorted(set(order) ^ set(interfaces))}")
for name, path in interfaces.items():
    declared = re.search(r"^export module (?:fieldfold\.)?([a-z0-9_.]+);", path.read_text(), re.M).group(1)
    expect(declared == name, f"{path}: expected the name of its path, {name}, got {declared}")
    expect(sorted(imports_of(path)) == sorted(listed_imports.get(name, [])),
           f"modules/meson.build: expected the imports of {name}, {sorted(imports_of(path))}")

users = [path for folder in ("cli", "c") for path in (root / "src" / folder).rglob("*.[ch]pp")]
sources = [path for path in (root / "src").rglob("*.cpp") if path not in users]
for path in list(interfaces.values()) + sources:
    if path.suffix == ".cppm":
        name = module_name(path, "modules")
    else:
        name = re.search(r"^module fieldfold\.([a-z0-9_.]+);", path.read_text(), re.M).group(1)
    for imported in imports_of(path):
        expect(order.get(imported, len(order)) < order.get(name, -1),
               f"{path}: {name} may not import {imported}, which is not before it in the list")

for path in users:
    expect(set(imports_of(path)) <= {"formats", "mpi", "base.io", "points.neighbors"},
           f"{path}: it may import only fieldfold, fieldfold.formats, fieldfold.mpi and what pictures need")

for top in ["modules", "src", "tests"]:
    for folder in [root / top, *(root / top).rglob("*/")]:
        files = [path for path in folder.iterdir() if path.is_file()]
        expect(len(files) <= MAX_FILES, f"{folder}: expected at most {MAX_FILES} files, got {len(files)}")

for message in failures:
    print(message)
print(f"{int(not failures)} test case out of 1 passed" if not failures else "1 test case out of 1 failed")
sys.exit(bool(failures))
