#!/usr/bin/env python3
"""Builds the manual, with warnings as errors, and follows all links within it.

Usage: site.py PROGRAM
"""
import html.parser
import pathlib
import re
import subprocess
import sys
import urllib.parse

root = pathlib.Path(__file__).resolve().parents[2]
site = root / "build/manual/site"


class Page(html.parser.HTMLParser):
    """The links, the files and the anchors of a page."""

    def __init__(self, path):
        super().__init__()
        self.targets, self.anchors = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        of = dict(attributes)
        self.anchors.update(filter(None, (of.get("id"), of.get("name"))))
        self.targets += filter(None, (of.get("href"), of.get("src")))


done = subprocess.run(
    [root / "docs/build.sh", pathlib.Path(sys.argv[1]).resolve()],
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
)
faults = [done.stdout[-3000:]] if done.returncode != 0 else []
pages = {
    path: Page(path) for path in site.glob("**/*.html") if "reference" not in path.parts and path.name != "404.html"
}
count = 0
for path, page in pages.items():
    for target in page.targets:
        parts = urllib.parse.urlsplit(target)
        if parts.scheme or parts.netloc or target == ".":
            continue
        count += 1
        file = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
        if not file.exists():
            faults.append(f"{path.relative_to(site)}: {target} does not exist")
        elif parts.fragment and file in pages and urllib.parse.unquote(parts.fragment) not in pages[file].anchors:
            faults.append(f"{path.relative_to(site)}: {target} has no such place")
# A sentence of each reference, which stands in the sources.
for place, sentence in (
    ("modules/classfieldfold_1_1BasicSVD.html", "Learns the map"),
    ("cpp/classfieldfold_1_1SVD.html", "(count, rank)"),
    ("c/fieldfold_8h.html", "Makes an SVD with options from JSON"),
    ("fortran/structfieldfold_1_1fieldfold__svd.html", "Compression by a truncated SVD"),
    ("python/classfieldfold_1_1__svd_1_1SVD.html", "fit_samples"),
):
    reference = site / "reference" / place
    if not reference.exists() or sentence not in re.sub(r"<[^>]*>", "", reference.read_text(errors="replace")):
        faults.append(f"{place} lacks: {sentence}")
if count < 200 or not (site / "reference/modules/index.html").exists():
    faults.append(f"{len(pages)} pages with {count} links, or no reference")
print(*faults, sep="\n", end="\n" if faults else "")
print("1 test case out of 1", "failed" if faults else "passed")
sys.exit(bool(faults))
