#!/usr/bin/env python3
"""The version is the same wherever it is repeated. Usage: version.py SOURCE_ROOT VERSION"""
import pathlib
import re
import sys

root, version = pathlib.Path(sys.argv[1]), sys.argv[2]
places = {
    "packaging/conda/recipe.yaml": r"^  version: (\S+)$",
    "packaging/spack/packages/fieldfold/package.py": r'^    version\("(.*)"\)$',
    "CITATION.cff": r"^version: (\S+)$",
}
found = {place: re.findall(pattern, (root / place).read_text(), re.M) for place, pattern in places.items()}
wrong = {place: versions for place, versions in found.items() if version not in versions}
for place, versions in wrong.items():
    print(f"{place}: expected {version}, got {versions}")
print("1 test case out of 1", "failed" if wrong else "passed")
sys.exit(bool(wrong))
