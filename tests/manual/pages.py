#!/usr/bin/env python3
"""The code blocks of pages in Markdown. As a program it prints the pages."""
import pathlib
import re
from typing import Iterator, NamedTuple

root = pathlib.Path(__file__).resolve().parents[2]


class Block(NamedTuple):
    """A fenced block, as a reader sees it."""

    page: pathlib.Path
    line: int
    section: str  # the heading of level 2 before it
    language: str
    title: str  # the name of a file; empty: none
    context: str  # what a fragment in C++ takes for granted, in a comment before it
    classes: list  # what it needs: `notest`, `mpi`, or the name of a program or a Python module
    text: str


def included(text: str) -> str:
    """A block with the files that it includes in place of their names."""
    return re.sub(r'^--8<-- "(.*)"\n', lambda found: (root / found[1]).read_text(), text, flags=re.M)


def blocks_of(page: pathlib.Path) -> Iterator[Block]:
    text = page.read_text()
    fence = re.compile(
        r"(?:<!-- context\n(?P<context>.*?)-->\n)?^```(?P<info>[^`\n]+)\n(?P<text>.*?)^```$|^## (?P<heading>[^\n]*)$",
        re.S | re.M,
    )
    section = ""
    for found in fence.finditer(text):
        if found["heading"]:
            section = found["heading"]
            continue
        info = found["info"].strip()
        language = re.match(r"\{?\.?([\w+-]+)", info)[1]
        title = re.search(r'title="(.*?)"', info)
        yield Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            section,
            language,
            title[1] if title else "",
            found["context"] or "",
            re.findall(r" \.(\w+)", info),
            included(found["text"]),
        )


def scripts_before(page: pathlib.Path) -> list:
    """The blocks of other pages that make the data of a page, from its comment `before` with lines of PAGE TITLE."""
    found = re.search(r"<!-- before\n(.*?)-->", page.read_text(), re.S)
    places = [line.split() for line in found[1].splitlines()] if found else []
    return [next(block for block in blocks_of(root / other) if block.title == title) for other, title in places]


def pages() -> list:
    """The README and the manual."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


if __name__ == "__main__":
    print(*pages(), sep="\n")
