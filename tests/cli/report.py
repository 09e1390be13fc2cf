#!/usr/bin/env python3
"""Reports and plots of maps: their numbers against closed forms and numpy, and the page in a browser.

Cases of Python modules, programs or formats that are not there are skipped.
Usage: report.py PROGRAM WORK_FOLDER [LIBRARY_FOLDER]; with the folder of the library, the programs of the page run
"""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree
import zlib

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cases import call, case, expect, expect_close, imported, program, run, run_cases  # noqa: E402

np, meshio, selenium = map(imported, ("numpy", "meshio", "selenium"))
has_browser = selenium and shutil.which("chromium") and shutil.which("chromedriver")


class Page:
    """The facts of a page, and its pictures as numbers."""

    def __init__(self, *arguments, file="report.html"):
        run("report", *arguments, "-o", file)
        self.text = pathlib.Path(file).read_text(encoding="utf-8")
        self.facts = json.loads(re.search(r'id="facts">(.*?)</script>', self.text, re.S)[1])
        packed = re.search(r'id="rasters">(.*?)</script>', self.text, re.S)[1]
        self.bytes = np.frombuffer(zlib.decompress(base64.b64decode(packed)), dtype=np.uint8)
        self.view = self.facts["view"]

    def image(self, picture):
        """The numbers of a picture, from its lower edge, with NaN where nothing is shown."""
        shape = self.view["height"], self.view["width"]
        levels = self.bytes[picture["offset"] :][: shape[0] * shape[1]].reshape(shape)
        lower, upper = picture["range"]
        return np.where(levels == 0, np.nan, lower + (levels.astype(float) - 1) / 254 * (upper - lower))

    def centers(self):
        """The coordinates of the centers of the pixels."""

        def places(axis, count):
            return axis["lower"] + (np.arange(count) + 0.5) / count * (axis["upper"] - axis["lower"])

        return np.meshgrid(
            places(self.view["horizontal"], self.view["width"]), places(self.view["vertical"], self.view["height"])
        )


def expect_image(page, picture, right, *what):
    """A picture has the numbers of a function up to half a level of its 254 levels, where it shows anything."""
    image = page.image(picture)
    shown = ~np.isnan(image)
    level = (picture["range"][1] - picture["range"][0]) / 254
    error = np.abs(image - right)[shown].max()
    expect(shown.any() and error <= 0.501 * level, *what, "differs by", error, "with levels of", level)
    return shown.mean()


def fit_multiples(field, *arguments):
    """A map of the multiples of one field: its mode is the normalized field, with its largest entry positive."""
    np.save("f.npy", np.multiply.outer([1.0, 2.0, -1.0], field))
    run("fit", "--field", "f=f.npy", *arguments, "--rank", 1, "-o", "map.fold")
    return np.sign(field.flat[np.abs(field).argmax()]) / np.linalg.norm(field)


def plane(columns=40, rows=15):
    return np.stack(np.meshgrid(np.linspace(0, 4, columns), np.linspace(-1, 1, rows), indexing="ij"), axis=-1)


@case("a grid in the plane shows a linear mode exactly", "", "")
def linear_mode():
    xy = plane()
    np.save("xy.npy", xy)
    scale = fit_multiples(xy[..., 0] + 2 * xy[..., 1] + 5, "--coords", "xy.npy")
    page = Page("map.fold")
    x, y = page.centers()
    share = expect_image(page, page.facts["modes"][0]["f"], scale * (x + 2 * y + 5), "the mode")
    expect(share == 1, "pixels of the grid are empty")


@case("a mesh with a hole shows its cells, and values in cells where they are", "meshio", ".vtu")
def mesh_with_hole():
    radii, angles = np.linspace(0.5, 1, 9), np.linspace(0, 2 * np.pi, 65)[:-1]
    points = np.array([[r * np.cos(a), r * np.sin(a), 0] for r in radii for a in angles])
    quads = [
        [64 * i + j, 64 * i + (j + 1) % 64, 64 * (i + 1) + (j + 1) % 64, 64 * (i + 1) + j]
        for i in range(8)
        for j in range(64)
    ]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    linear = points[:, 0] - 3 * points[:, 1]
    constant = points[triangles].mean(axis=1)[:, 1]
    for k, factor in enumerate((1, 2, -1)):
        meshio.write(
            f"s_{k}.vtu",
            meshio.Mesh(
                points,
                [("triangle", triangles)],
                point_data={"f": factor * linear},
                cell_data={"c": [factor * constant]},
            ),
        )
    run("fit", "s_*.vtu:f", "--rank", 1, "-o", "f.fold")
    page = Page("f.fold")
    x, y = page.centers()
    sign = np.sign(linear[np.abs(linear).argmax()])
    share = expect_image(page, page.facts["modes"][0]["f"], sign * (x - 3 * y) / np.linalg.norm(linear), "the mode")
    # The area of regular polygons of 64 corners, in the square around the outer one.
    area = 32 * np.sin(2 * np.pi / 64) * (1 - 0.25) / 4
    expect(abs(share - area) < 0.01, "the share of pixels is", share, "and not", area)
    run("fit", "s_*.vtu:c", "--rank", 1, "-o", "c.fold")
    page = Page("c.fold")
    image = page.image(page.facts["modes"][0]["c"])
    found = np.unique(image[~np.isnan(image)].round(6))
    expect(len(found) <= len(np.unique(constant.round(6))), "more values than cells:", len(found))


@case("scattered points color what is nearest to them, and no hole", "", "")
def scattered():
    xy = np.random.default_rng(3).random((4000, 2))
    xy = xy[np.hypot(*(xy - 0.5).T) > 0.2]
    np.save("xy.npy", xy)
    scale = fit_multiples(xy[:, 0] + 10, "--coords", "xy.npy")
    page = Page("map.fold")
    x, y = page.centers()
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)
    nearest = np.array([((xy - pixel) ** 2).sum(axis=1).argmin() for pixel in pixels]).reshape(x.shape)
    expect_image(page, page.facts["modes"][0]["f"], scale * (xy[nearest, 0] + 10), "the mode")
    image = page.image(page.facts["modes"][0]["f"])
    radius = np.hypot(x - 0.5, y - 0.5)
    expect(np.isnan(image[radius < 0.12]).all(), "the hole is filled")
    expect(not np.isnan(image[(radius > 0.21)]).any(), "there are pits")


@case("a volume shows a layer, which --slice moves", "", "")
def volume():
    axes = np.linspace(0, 3, 9), np.linspace(0, 2, 8), np.linspace(0, 1, 11)
    xyz = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    np.save("xyz.npy", xyz)
    field = xyz[..., 0] + 2 * xyz[..., 1] + 4 * xyz[..., 2] + 1
    scale = fit_multiples(field, "--coords", "xyz.npy")
    page = Page("map.fold")
    x, y = page.centers()
    expect_image(page, page.facts["modes"][0]["f"], scale * (x + 2 * y + 4 * 0.5 + 1), "the middle")
    expect(page.view["part"] == "slice at z = 0.5", page.view["part"])
    page = Page("map.fold", "--slice", "x=2.2")
    y, z = page.centers()
    expect_image(page, page.facts["modes"][0]["f"], scale * (axes[0][6] + 2 * y + 4 * z + 1), "the layer")
    expect(page.view["part"] == "slice at x = 2.25", page.view["part"])


@case("a surface shows the side towards the viewer", "meshio", ".vtu")
def surface():
    points, triangles = [], []
    for i, latitude in enumerate(np.linspace(-np.pi / 2, np.pi / 2, 41)):
        for j in range(80):
            longitude = 2 * np.pi * j / 80
            points.append(
                [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
            )
            if i < 40:
                a, b = 80 * i + j, 80 * i + (j + 1) % 80
                triangles += [[a, b, b + 80], [a, b + 80, a + 80]]
    points = np.array(points)
    towards = np.array([2.0, 1.0, 1.5]) / np.linalg.norm([2.0, 1.0, 1.5])
    field = points @ towards
    for k, factor in enumerate((1, 2, -1)):
        meshio.write(
            f"s_{k}.vtu", meshio.Mesh(points, [("triangle", np.array(triangles))], point_data={"f": factor * field})
        )
    run("fit", "s_*.vtu", "--rank", 1, "-o", "map.fold")
    page = Page("map.fold", "--from", "2,1,1.5")
    left = Page("map.fold", "--from", "-2,-1,-1.5")
    pictures = [own.image(own.facts["modes"][0]["f"]) for own in (page, left)]
    expect_close(np.nanmax(pictures[0]), -np.nanmin(pictures[1]), 1e-9, "the far side")
    x, y = page.centers()
    # The height of the near half of the sphere; chords of 4.5 degrees lie up to 0.0016 below it.
    inside = np.hypot(x, y) < 0.9
    image = page.image(page.facts["modes"][0]["f"])
    scale = np.sign(field[np.abs(field).argmax()]) / np.linalg.norm(field)
    heights = np.sqrt(np.maximum(0, 1 - x**2 - y**2))
    error = np.abs(image / scale - heights)[inside].max()
    expect(error < 0.0016 / np.sqrt(1 - 0.81) + 1 / 254, "heights differ by", error)
    refused = call("report", "map.fold", "--from", "0,0,0", "-o", "x.html")
    expect(refused.returncode == 1 and "--from: expected a direction" in refused.stderr, refused.stderr)


@case("snapshots: original, reconstruction and their difference; errors of check and of numpy", "", "")
def snapshots():
    xy = plane()
    x, y = xy[..., 0], xy[..., 1]
    t = np.arange(12.0)[:, None, None]
    fields = {"u": np.sin(x + 0.3 * t) * y + 2, "v": np.cos(2 * x - 0.2 * t) + 0.1 * t * y**2}
    np.save("xy.npy", xy)
    data = []
    for name, values in fields.items():
        np.save(f"{name}.npy", values)
        data += ["--field", f"{name}={name}.npy"]
    run("fit", *data, "--coords", "xy.npy", "--center", "--rank", 2, "-o", "map.fold")
    page = Page("map.fold", *data)
    matrix = np.stack([fields["u"], fields["v"]], axis=-1).reshape(12, -1)
    deviations = matrix - matrix.mean(axis=0)
    left, s, right = np.linalg.svd(deviations, full_matrices=False)
    kept = (left[:, :2] * s[:2]) @ right[:2]
    errors = np.linalg.norm(deviations - kept, axis=1) / np.linalg.norm(deviations, axis=1)
    for name in ("info", "check"):
        series = page.facts["errors"][0 if name == "info" else 1]
        expect_close([error for _, error in series["points"]], errors, 1e-10, "the errors of", series["name"])
    worst = page.facts["errors"][1]["worst"][0]
    checked = json.loads(run("check", "map.fold", *data, "--json"))["worst"][0]
    expect(worst["snapshot"] == checked["snapshot"] == errors.argmax(), "the worst snapshot is", worst["snapshot"])
    tails = np.sqrt(np.append(np.cumsum((s**2)[::-1])[::-1], 0) / (s**2).sum())
    expect_close(page.facts["errors_of_ranks"][:6], tails[:6], 1e-10, "the errors of ranks")
    expect_close(np.abs(page.facts["coefficients"]["rows"]), np.abs(left[:, :2] * s[:2]), 1e-9, "the coefficients")
    again = (matrix.mean(axis=0) + kept).reshape(12, 40, 15, 2)
    # The values at the corners of the grid are those of the nearest pixels, up to a pixel and a level.
    for entry in page.facts["snapshots"]:
        for index, name in enumerate(fields):
            pictures = {kind: page.image(picture) for kind, picture in entry["fields"][name].items()}
            level = sum(np.ptp(picture["range"]) for picture in entry["fields"][name].values()) / 254
            error = np.abs(pictures["original"] - pictures["reconstruction"] - pictures["difference"]).max()
            expect(error <= 0.501 * level, "the difference of", name, "is wrong by", error)
            corner = again[entry["snapshot"], 0, 0, index]
            slope = np.abs(np.gradient(again[entry["snapshot"], ..., index])).max()
            expect(abs(pictures["reconstruction"][0, 0] - corner) < slope + level, "the reconstruction of", name)
    few = Page("map.fold", *data, "--snapshots", 3)
    shown = [entry["snapshot"] for entry in few.facts["snapshots"]]
    expect(len(shown) == 3 and errors.argmax() in shown, "the snapshots shown are", shown)


@case("a line, a grid without coordinates, and land", "", "")
def other_grids():
    x = np.linspace(0, 1, 50)
    order = np.random.default_rng(5).permutation(50)
    np.save("x.npy", x[order, None])
    scale = fit_multiples(np.exp(x)[order], "--coords", "x.npy")
    page = Page("map.fold")
    expect_close(page.view["positions"], x, 1e-15, "positions")
    expect_close(page.facts["modes"][0]["f"]["values"], scale * np.exp(x), 1e-5, "the mode")
    index = np.add.outer(3.0 * np.arange(20), np.arange(30)) + 1
    scale = fit_multiples(index, "--grid-axes", 2)
    page = Page("map.fold")
    i, j = page.centers()
    expect_image(page, page.facts["modes"][0]["f"], scale * (3 * i + j + 1), "the indices")
    index[:, 10:20] = np.nan
    np.save("f.npy", np.multiply.outer([1.0, 2.0, -1.0], index))
    run("fit", "--field", "f=f.npy", "--grid-axes", 2, "--mask", "auto", "--rank", 1, "-o", "land.fold")
    page = Page("land.fold")
    i, j = page.centers()
    image = page.image(page.facts["modes"][0]["f"])
    expect(np.isnan(image[(j > 9) & (j < 20)]).all(), "land has values")
    expect(not np.isnan(image[(j < 9) | (j > 20)]).any(), "the sea has none")


@case("held-out snapshots have their numbers, unless dropped ones hide these", "", "")
def held_out():
    field = np.sin(np.outer(np.arange(1.0, 13), np.linspace(0, 3, 40)))
    np.save("u.npy", field)
    run("fit", "--field", "u=u.npy", "--validate", 3, "--rank", 2, "-o", "map.fold")
    series = {own["name"]: own for own in Page("map.fold", "--field", "u=u.npy").facts["errors"]}
    right = dict(series["data"]["points"])
    for number, error in series["held out"]["points"]:
        expect(abs(right[number] - error) < 1e-12, "snapshot", number, "has the error", right[number], "and not", error)
    field[4:6, 0] = np.nan
    np.save("u.npy", field)
    run("fit", "--field", "u=u.npy", "--validate", 3, "--rank", 2, "-o", "map.fold")
    names = [own["name"] for own in Page("map.fold").facts["errors"]]
    expect("held out, numbered among themselves" in names, "the series are", names)


@case("a volume mesh shows one layer of its cells, also where the middle is between two", "meshio", ".vtu")
def layers_of_cells():
    x, y, z = (np.linspace(0, length, count + 1) for length, count in ((3, 12), (2, 8), (1, 4)))
    points = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    corner = (np.arange(12)[:, None, None] * 9 * 5 + np.arange(8)[:, None] * 5 + np.arange(4)).reshape(-1, 1)
    cells = corner + np.array([0, 45, 50, 5, 1, 46, 51, 6])
    layer = np.tile(np.arange(4.0), 96) + 1
    for k, factor in enumerate((1, 2, -1)):
        mesh = meshio.Mesh(points, [("hexahedron", cells)], cell_data={"c": [factor * layer]})
        meshio.write(f"s_{k}.vtu", mesh)
    run("fit", "s_*.vtu", "--rank", 1, "-o", "map.fold")
    page = Page("map.fold")
    expect(np.ptp(page.image(page.facts["modes"][0]["c"])) == 0, "layers are mixed")


@case("wrong input is refused, and no page is left", "", "")
def wrong_input():
    np.save("xy.npy", plane())
    fit_multiples(plane()[..., 0], "--coords", "xy.npy")
    for arguments, sentence in [
        (["--slice", "z=0"], "--slice: expected the map of a volume"),
        (["--from", "1,0,0"], "--from: expected the map of a surface"),
        (["--field", "g=f.npy"], "--field: expected the fields of the map, f, in this order, got g"),
    ]:
        refused = call("report", "map.fold", *arguments, "-o", "x.html")
        expect(
            refused.returncode == 1 and sentence in refused.stderr and refused.stderr.count("\n") == 1, refused.stderr
        )
        expect(not os.path.exists("x.html"), "a page is left")
    for arguments in (
        ["--modes", "00"],
        ["--modes", "99999999999999999999"],
        ["--snapshots", "-1"],
        ["--snapshots", "3"],
    ):
        refused = call("report", "map.fold", *arguments, "-o", "x.html")
        expect(refused.returncode == 2 and refused.stderr.count("\n") == 1, arguments, refused.stderr)
    expect(call("report", "map.fold").returncode == 2, "no output is given")
    before = pathlib.Path("map.fold").read_bytes()
    expect(call("report", "map.fold", "-o", "map.fold").returncode == 1, "the map is overwritten")
    expect(before == pathlib.Path("map.fold").read_bytes(), "the map has changed")
    xyz = np.stack(np.meshgrid(*3 * [np.linspace(0, 1, 4)], indexing="ij"), axis=-1)
    np.save("xyz.npy", xyz)
    fit_multiples(xyz[..., 0] + 1, "--coords", "xyz.npy")
    for text, sentence in (
        ("w=1", "an axis of x, y, z, got w=1"),
        ("z=2", "a value of z between 0 and 1, got 2"),
        ("z=nan", "a value of z between 0 and 1, got nan"),
    ):
        refused = call("report", "map.fold", "--slice", text, "-o", "x.html")
        expect(refused.returncode == 1 and sentence in refused.stderr, refused.stderr)


def opened(browser, page, width, scheme="light"):
    """Opens a page, and returns its errors."""
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get(pathlib.Path(page).resolve().as_uri())
    for _ in range(200):
        if browser.execute_script(
            "return document.body.dataset.ready && document.querySelectorAll('#spectra path.series').length"
        ):
            break
        time.sleep(0.05)
    return [entry["message"] for entry in browser.get_log("browser")]


def new_browser():
    from selenium import webdriver

    options = webdriver.chrome.options.Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=webdriver.chrome.service.Service(shutil.which("chromedriver")), options=options)


def in_browser(name):
    return case(name, "selenium" if has_browser else "selenium no_browser")


@in_browser("in a browser: no error, no other file, charts, sliders, both widths, both schemes, print")
def browser():
    xy = plane()
    t = np.arange(12.0)[:, None, None]
    np.save("xy.npy", xy)
    np.save("u.npy", np.sin(xy[..., 0] + 0.3 * t) * xy[..., 1])
    np.save("v.npy", np.cos(xy[..., 0] + 0.5 * t) + xy[..., 1])
    data = ["--field", "u=u.npy", "--field", "v <script>&=v.npy"]
    run("fit", *data, "--coords", "xy.npy", "--center", "--rank", 3, "-o", "map.fold")
    page = Page("map.fold", *data)
    links = set(re.findall(r'(?:src|href)="([^"]*)"', re.sub(r"<script>.*?</script>", "", page.text, flags=re.S)))
    expect(links <= {"data:,", "https://d3js.org"}, "the page links to", links)
    browser = new_browser()
    try:
        ask = browser.execute_script
        for width in (400, 1600):
            for scheme in ("light", "dark"):
                errors = opened(browser, "report.html", width, scheme)
                expect(not errors, width, scheme, errors)
                expect(ask("return document.documentElement.scrollWidth") <= width, "the page is wider than", width)
                expect(ask("return performance.getEntriesByType('resource').length") == 0, "the page loads other files")
                # 3 of ranks, 2 fields with a mode and a mean, 3 of a snapshot, 2 of errors, 3 of coefficients.
                expect(ask("return document.querySelectorAll('figure > svg').length") == 15, "there are other charts")
                expect(
                    ask("return [...document.querySelectorAll('figure > svg')].every(s => s.childElementCount > 2)"),
                    "a chart is empty",
                )
                # Labels are at least 12 pixels high.
                least = ask(
                    "return Math.min(...[...document.querySelectorAll('svg text')].map("
                    "t => parseFloat(getComputedStyle(t).fontSize) * "
                    "Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b)))"
                )
                expect(least >= 12, "a label has", least, "pixels")
        background = ask("return getComputedStyle(document.body).backgroundColor")
        expect(sum(map(int, re.findall(r"\d+", background)[:3])) < 200, "the dark page is", background)

        def slide(name, value):
            ask(
                "const s = document.getElementById(arguments[0]);"
                "s.value = arguments[1];"
                "s.dispatchEvent(new Event('input'))",
                name,
                value,
            )

        def picture(place):
            return ask(f"return document.querySelector('#{place} image').getAttribute('href')")

        for slider, place, output in (
            ("mode-slider", "mode-pictures", "mode-number"),
            ("snapshot-slider", "snapshot-pictures", "snapshot-number"),
        ):
            slide(slider, 1)
            first, text = picture(place), ask(f"return document.getElementById('{output}').textContent")
            slide(slider, 3)
            expect(picture(place) != first, slider, "shows the same picture")
            expect(ask(f"return document.getElementById('{output}').textContent") != text, slider, "says the same")
        slide("rank-slider", 2)
        expect(
            "2: energy" in ask("return document.getElementById('rank-figures').textContent"), "the figures of rank 2"
        )
        printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
        expect(printed.startswith(b"%PDF") and len(printed) > 20000, "the print has", len(printed), "bytes")
        expect(not browser.get_log("browser"), "errors after sliding")
        programs = ask("return [...document.querySelectorAll('pre')].map(p => [p.dataset.language, p.textContent])")
    finally:
        browser.quit()
    expect(
        [language for language, _ in programs] == ["Shell", "Python", "C++20 modules", "C++17", "C", "Fortran"],
        programs,
    )
    if len(sys.argv) > 3:
        check_programs(dict(programs), pathlib.Path(sys.argv[3]).resolve())


def check_programs(programs, library):
    """The programs of the page run. That of the modules is compiled with those of the manual."""
    source = pathlib.Path(__file__).resolve().parents[2]
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(library),
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(source / "interfaces/python"),
        "FIELDFOLD_LIBRARY": str(library / "libfieldfold.so"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    np.save("latent.npy", np.zeros((2, 3)))
    link = f"-L{library} -lfieldfold"
    commands = {
        "Shell": ("use.sh", "sh -e use.sh"),
        "Python": ("use.py", f"{sys.executable} use.py"),
        "C++17": (
            "use.cpp",
            f"g++ -std=c++17 -Wall -Wextra -Werror -I{source}/interfaces/cpp -I{source}/interfaces/c use.cpp "
            f"-o u17 {link} && ./u17",
        ),
        "C": ("use.c", f"gcc -std=c99 -Wall -Wextra -Werror -I{source}/interfaces/c use.c -o uc {link} && ./uc"),
        "Fortran": ("use.f90", f"gfortran {source}/interfaces/fortran/fieldfold.f90 use.f90 -o uf {link} && ./uf"),
    }
    os.rename("v.npy", "v <script>&.npy")
    for language, (file, command) in commands.items():
        if language == "Fortran" and not shutil.which("gfortran"):
            continue
        pathlib.Path(file).write_text(programs[language])
        done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True)
        expect(done.returncode == 0 and not done.stderr, language, done.stdout[-300:], done.stderr[-600:])


@case("plots are SVG and PNG; without gnuplot one line says so", "" if shutil.which("gnuplot") else "no_gnuplot")
def plots():
    np.save("xy.npy", plane())
    np.save("u.npy", np.sin(plane()[..., 0] + 0.3 * np.arange(12.0)[:, None, None]) * plane()[..., 1])
    run("fit", "--field", "u=u.npy", "--coords", "xy.npy", "--rank", 2, "-o", "map.fold")
    sizes = set()
    for kind, labels in (
        ("spectrum", ["mode", "singular value", "rank 2"]),
        ("energy", ["rank", "energy of the leading modes"]),
        ("error", ["rank", "relative error of all snapshots"]),
        ("modes", ["mode 1 of u", "mode 2 of u", "x", "y"]),
    ):
        run("plot", "map.fold", "--of", kind, "-o", f"{kind}.svg")
        text = "\n".join(xml.etree.ElementTree.parse(f"{kind}.svg").getroot().itertext())
        expect(all(label in text for label in labels), kind, "lacks a label")
        run("plot", "map.fold", "--of", kind, "-o", f"{kind}.png")
        content = pathlib.Path(f"{kind}.png").read_bytes()
        expect(content.startswith(b"\x89PNG") and content.endswith(b"IEND\xaeB`\x82"), kind, "is no complete PNG")
        sizes.add(len(content))
    expect(len(sizes) == 4, "plots are the same")
    for arguments, sentence in (
        (["-o", "x.pdf"], "--output: expected a file that ends in .svg or .png, got x.pdf"),
        (["--of", "modes", "--field", "w", "-o", "x.svg"], "--field: w"),
    ):
        refused = call("plot", "map.fold", *arguments)
        expect(refused.returncode == 1 and sentence in refused.stderr, refused.stderr)
    expect(call("plot", "map.fold", "--of", "nothing", "-o", "x.svg").returncode == 2, "plots nothing")
    refused = subprocess.run(
        [program, "plot", "map.fold", "-o", "x.svg"],
        env={**os.environ, "PATH": "/nowhere"},
        capture_output=True,
        text=True,
    )
    expect(
        refused.returncode == 1 and refused.stderr.count("\n") == 1 and "gnuplot-nox" in refused.stderr, refused.stderr
    )
    expect(not list(pathlib.Path().glob("x.*")), "a file is left")
    for option in (["--slice", "z=0"], ["--field", "u"], ["--modes", 2]):
        expect(call("plot", "map.fold", *option, "-o", "x.svg").returncode == 2, option, "has no effect")
    # Coordinates far from 0 keep their digits.
    np.save("far.npy", 5400000 + np.linspace(0, 20, 41)[:, None])
    fit_multiples(np.exp(np.linspace(0, 1, 41)), "--coords", "far.npy")
    run("plot", "map.fold", "--of", "modes", "-o", "far.svg")
    curve = max(re.findall(r"<path [^>]*d='(M[^']*)'", pathlib.Path("far.svg").read_text()), key=len)
    expect(len(set(re.findall(r"[ML] *([0-9.]+),", curve))) >= 40, "the curve is a staircase")


@case("a plot on a full disk is an error", "no_gnuplot" if not shutil.which("gnuplot") else "")
def full_disk():
    fit_multiples(np.exp(np.linspace(0, 1, 41)))
    # On a full disk gnuplot ends with status 0, as this one does.
    pathlib.Path("bin").mkdir()
    pathlib.Path("bin/gnuplot").write_text(
        "#!/bin/sh\nfile=$(sed -n \"s/^set output '\\(.*\\)'/\\1/p\")\nprintf part > \"$file\"\n"
    )
    os.chmod("bin/gnuplot", 0o755)
    for name in ("x.png", "x.svg"):
        pathlib.Path(name).write_text("before")
        path = {**os.environ, "PATH": f"{pathlib.Path('bin').resolve()}:{os.environ['PATH']}"}
        refused = subprocess.run([program, "plot", "map.fold", "-o", name], env=path, capture_output=True, text=True)
        expect(refused.returncode == 1 and "could not write all of it" in refused.stderr, refused.stderr)
        command = f"ulimit -f 2; exec '{program}' plot map.fold -o {name}"
        refused = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        expect(refused.returncode == 1 and refused.stderr.count("\n") == 1, name, refused.returncode, refused.stderr)
        expect(pathlib.Path(name).read_text() == "before", name, "has changed")


run_cases()
