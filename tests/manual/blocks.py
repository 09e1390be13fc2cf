#!/usr/bin/env python3
"""Runs the code blocks of the manual as a reader would: each page from top to bottom in a folder of its own.

A block with a title is a file. Blocks in sh run, and print what the text block after them says; `...` in it stands for
anything; those in shell are commands of the source tree, or of data that are not at hand. Python blocks without a title
are one script a section. Fortran blocks without a title are parts of those with one, Meson blocks parts of a project
that another test builds, and C++ blocks without a title are compiled by another one.
Usage: blocks.py WORK_FOLDER, with the program, pkg-config, CMake and Python set up for an installation
"""
import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys

from pages import blocks_of, pages, root, scripts_before

work = pathlib.Path(sys.argv[1]).resolve()
# Python of the system, which runs this script, has the bindings of its default MPI library.
has_ranks = shutil.which("mpirun") and subprocess.run(["pkg-config", "--exists", "fieldfold-mpi"]).returncode == 0


def is_there(need):
    """Whether what a block needs is there: ranks of MPI, or a program or a Python module of this name."""
    if need == "mpi":
        return has_ranks
    return need != "notest" and bool(shutil.which(need) or importlib.util.find_spec(need))


counts = {"passed": 0, "failed": 0}


def said_by(command, folder):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)


def is_as_shown(shown, printed):
    pattern = ".*?".join(map(re.escape, shown.rstrip("\n").split("...")))
    return re.fullmatch(pattern, printed.rstrip("\n"), re.S) is not None


def judge(block, fault):
    counts["failed" if fault else "passed"] += 1
    if fault:
        print(f"{block.page.relative_to(root)}:{block.line}: {fault}")


def fault_of(done, shown):
    """What is wrong with the status or the output of a command; empty: nothing."""
    if done.returncode != 0:
        return f"status {done.returncode}\n{done.stdout}"
    if shown is not None and not is_as_shown(shown.text, done.stdout):
        return f"expected\n{shown.text}got\n{done.stdout}"
    return ""


def run_python(blocks, shown, folder):
    script = folder / f"section_{blocks[0].line}.py"
    script.write_text("".join(block.text for block in blocks))
    judge(blocks[0], fault_of(said_by([sys.executable, script.name], folder), shown))


def check_part(block, whole):
    """A part of a file that is tested as a whole."""
    lines = {line.strip() for line in whole.splitlines()}
    missing = [line for line in block.text.splitlines() if line.strip() not in lines]
    judge(block, f"not in the file that is tested: {missing}" if missing else "")


def run_page(page):
    folder = work / page.relative_to(root).with_suffix("")
    folder.mkdir(parents=True)
    blocks = [block for block in blocks_of(page) if all(map(is_there, block.classes))]
    for block in blocks:
        if block.title:
            (folder / block.title).parent.mkdir(exist_ok=True)
            (folder / block.title).write_text(block.text)

    for script in scripts_before(page):
        (folder / script.title).write_text(script.text)
        judge(script, fault_of(said_by([sys.executable, script.title], folder), None))

    def shown_after(block):
        following = blocks[blocks.index(block) + 1 :][:1]
        return following[0] if following and following[0].language == "text" else None

    for block in blocks:
        if block.title:
            continue
        if block.language == "sh":
            judge(block, fault_of(said_by(["sh", "-ec", block.text], folder), shown_after(block)))
        elif block.language == "meson":
            check_part(block, (root / "tests/consumers/modules/meson.build").read_text())
        elif block.language == "fortran":
            check_part(block, "".join(b.text for b in blocks if b.language == "fortran" and b.title))
        elif block.language == "json":
            options = f"import json, fieldfold; fieldfold.SVD(**json.loads({block.text!r}))"
            done = said_by([sys.executable, "-c", options], folder)
            judge(block, done.stdout if done.returncode != 0 else "")
        elif block.language == "python":
            section = [b for b in blocks if b.language == "python" and not b.title and b.section == block.section]
            if block is section[0]:
                run_python(section, shown_after(section[-1]), folder)
        elif block.language not in ("text", "cpp", "shell"):
            judge(block, f"no test knows blocks in {block.language}")


shutil.rmtree(work, ignore_errors=True)
for page in pages():
    if len(sys.argv) < 3 or str(page).endswith(sys.argv[2]):
        run_page(page)
total = sum(counts.values())
for what, count in counts.items():
    if count > 0 or what == "passed":
        print(f"{count} test case{'' if count == 1 else 's'} out of {total} {what}")
sys.exit(counts["failed"] > 0)
