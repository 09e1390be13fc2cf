#!/usr/bin/env python3
"""Writes the C++ blocks of the README and the manual as one program, to be compiled with warnings as errors.

A block with `main` is a function of its own; another one is the body of a function, after the declarations of the
comment before it. Blocks with a title are programs of the C++17 header, which blocks.py runs.
Usage: fragments.py OUTPUT [mpi]
"""
import re
import sys

from pages import blocks_of, pages, root

includes, imports, functions = set(), set(), []
has_ranks = "mpi" in sys.argv[2:]
for page in pages():
    for block in blocks_of(page):
        needs_ranks = "fieldfold.mpi" in block.text
        if block.language != "cpp" or block.title or "notest" in block.classes or (needs_ranks and not has_ranks):
            continue
        lines = block.text.splitlines()
        includes.update(line for line in lines if line.startswith("#include"))
        imports.update(line for line in lines if line.startswith("import "))
        body = "\n".join(line for line in lines if not line.startswith(("#include", "import ")))
        name = f"block_{len(functions)}"
        place = f'#line {block.line + 1 + block.context.count(chr(10))} "{page.relative_to(root)}"'
        if "int main()" in body:
            functions.append(f"{place}\n{re.sub(r'int main[(][)]', f'[[maybe_unused]] int {name}()', body)}\n")
        else:
            functions.append(f"[[maybe_unused]] void {name}() {{\n{block.context}{place}\n{body}\n}}\n")
# The program that a report shows, of a map of rank 3.
shown = re.search(r'"C\+\+20 modules",\s+code: `(.*?)`', (root / "src/cli/pictures/usage.js").read_text(), re.S)[1]
shown = re.sub(r"\$\{\w+\}", "3", shown.replace("${file}", '"map.fold"'))
body = "\n".join(line for line in shown.splitlines() if not line.startswith(("#include", "import ")))
functions.append(body.replace("int main()", "[[maybe_unused]] int program_of_report()"))
with open(sys.argv[1], "w") as out:
    print(*sorted(includes), "#include <cstdio>", *sorted(imports), "", "namespace {", sep="\n", file=out)
    print(*functions, "}  // namespace", sep="\n", file=out)
    print(f'int main() {{ std::printf("{len(functions)} test cases out of {len(functions)} passed\\n"); }}', file=out)
