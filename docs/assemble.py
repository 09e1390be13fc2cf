"""Copies the pages of the manual, and completes them: the options of a command in place of `<!-- help: COMMAND -->`,
files of the tree in place of their names, and links to files outside the manual as plain names.

Usage: assemble.py FOLDER PROGRAM
"""
import pathlib
import re
import subprocess
import sys

docs = pathlib.Path(__file__).resolve().parent
folder = pathlib.Path(sys.argv[1])


def help_of(found: re.Match) -> str:
    """The options of a command, folded."""
    text = subprocess.run([sys.argv[2], found[1], "--help"], check=True, capture_output=True, text=True).stdout
    lines = "\n".join(f"    {line}".rstrip() for line in text.strip().splitlines())
    return f'??? note "fieldfold {found[1]} --help"\n\n    ```text\n{lines}\n    ```\n'


def without_outer_link(found: re.Match) -> str:
    """A link as it is, if it leads to a page or a picture of the manual, and else its text."""
    target = found[2].split("#")[0]
    is_inside = "://" in target or not target or ((page.parent / target).resolve().is_relative_to(docs))
    return found[0] if is_inside else found[1]


for page in sorted(docs.rglob("*.md")):
    text = page.read_text()
    text = re.sub(r"<!-- help: (\w+) -->", help_of, text)
    text = re.sub(r'^--8<-- "(.*)"\n', lambda found: (docs.parent / found[1]).read_text(), text, flags=re.M)
    text = re.sub(r"<!-- context\n.*?-->\n", "", text, flags=re.S)
    text = re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", without_outer_link, text)
    target = folder / page.relative_to(docs)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
