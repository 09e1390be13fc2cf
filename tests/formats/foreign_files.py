#!/usr/bin/env python3
"""Files of other programs, read by fieldfold, and files of fieldfold, read by other programs: both find the same.

Closed forms and numpy say what is right. Cases of Python modules or formats that are not there are skipped.
Usage: foreign_files.py PROGRAM WORK_FOLDER
"""
import json
import os
import pathlib
import sys
import xml.etree.ElementTree

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cases import built, call, case, expect, expect_close, imported, run, run_cases  # noqa: E402

np, h5py, netCDF4, meshio, vtk = map(imported, ("numpy", "h5py", "netCDF4", "meshio", "vtk"))
numpy_support = imported("vtk.util.numpy_support")


def fit(*arguments, rank=3):
    run("fit", "--quiet", *arguments, "--rank", rank, "-o", "map.fold")
    return json.loads(run("info", "map.fold", "--json"))


def check_fit(arguments, states, weights=1.0, tolerance=1e-12, **facts):
    """The leading singular values are those of the matrix of the states, (num_samples, dof), in numpy."""
    found = fit(*arguments)
    right = np.linalg.svd(states * np.sqrt(weights), compute_uv=False)
    for k in range(3):
        expect_close(found["singular_values"][k], right[k], tolerance, "singular value", k)
    for key, value in {"num_samples": len(states), "dof": states.shape[1], **facts}.items():
        expect(found[key] == value, key, "is", found[key], "and not", value)


# A field of rank 3 at 12 times: a sum of separable waves. On a grid in the plane, (6, 5), and on the sphere.
TIMES = [0.1 * j**2 for j in range(12)]
XY = ([0.0, 0.5, 0.75, 1.5, 2.0, 2.25], [-1.0, 0.0, 0.25, 0.5, 1.25])
LATITUDES, LONGITUDES = [-75.0, -45.0, -15.0, 15.0, 45.0, 75.0], [0.0, 30.0, 60.0, 100.0, 140.0]


def waves(x, y, shift=0.0):
    t = np.array(TIMES)[:, None]
    return sum(3.0**-k * np.cos(0.4 * (k + 1) * t + k + shift) * np.sin((k + 1) * x + y + shift) for k in range(3))


def plane():
    points = np.stack(np.meshgrid(*XY, indexing="ij"), axis=2).reshape(30, 2)
    return points, waves(*points.T)


def sphere():
    """A field at latitudes and longitudes, (12, 6, 5), and the areas of the cells of all 30 points."""
    x, y = np.meshgrid(np.radians(LATITUDES), np.radians(LONGITUDES), indexing="ij")
    heights, widths = np.diff(np.sin(np.radians([-90, -60, -30, 0, 30, 60, 90]))), np.radians([30, 30, 35, 40, 40])
    return waves(x.ravel(), y.ravel()).reshape(12, 6, 5), np.outer(heights, widths).ravel()


# ---- Arrays: npy, npz, csv and HDF5

@case("npy in C order: singular values", "", "", np and np.ascontiguousarray)
@case("npy in Fortran order: singular values", "", "", np and np.asfortranarray)
@case("npy, big-endian: singular values", "", "", lambda u: u.astype(">f8"))
def fit_npy(change):
    points, u = plane()
    np.save("xy.npy", points)
    np.save("u.npy", change(u))
    check_fit(["--field", "u=u.npy", "--coords", "xy.npy"], u, fields=["u"], num_masked=0, num_pts=30, dim=2)


@case("npz: singular values of two fields, stored and compressed", "", ".npz")
def fit_npz():
    points, u = plane()
    for save in (np.savez, np.savez_compressed):
        save("run.npz", u=u, v=2 * u, coords=points, time=TIMES, title=np.array("not a number"))
        check_fit(["run.npz"], np.hstack([u, 2 * u]), fields=["u", "v"], num_pts=30, dim=2)
        check_fit(["run.npz:v"], 2 * u, fields=["v"], num_pts=30)


@case("csv of ParaView: singular values of a vector field", "", "", ",", '"Points:0" "Points:1" "Points:2"')
@case("csv with semicolons: singular values of a vector field", "", "", ";", "x y z")
@case("csv with tabs: singular values of a vector field", "", "", "\t", "X Y Z")
@case("csv of numpy.savetxt with spaces: singular values of a vector field", "", "", " ", "x y z", "# ")
def fit_csv(separator, axes, comments=""):
    points, u = plane()
    v = waves(*points.T, 0.3)
    for j in range(12):
        np.savetxt(f"s_{j}.csv", np.column_stack([u[j], v[j], -u[j], points, v[0]]), "%.17g", separator,
                   header=separator.join(f'"U:0" "U:1" "U:2" {axes}'.split()), comments=comments)
    check_fit(["s_*.csv"], np.hstack([u, v, -u]), fields=["U_x", "U_y", "U_z"], num_pts=30, dim=3)
    np.savetxt("m.csv", u.T, "%.17g", separator)
    check_fit(["--data", "m.csv"], u)


HDF5_KINDS = {"contiguous": ("f8", {}), "chunked and compressed": ("f8", {"chunks": (5, 7), "compression": "gzip"}),
              "big-endian": (">f8", {}), "integers": ("i4", {}), "bool": ("bool", {}), "float32": ("f4", {})}


def fit_hdf5(kind):
    dtype, options = HDF5_KINDS[kind]
    points, u = plane()
    # numpy decomposes the rounded numbers, too, so that float32 is exact.
    stored = (50 * u if dtype == "i4" else u > 0 if dtype == "bool" else u).astype(dtype)
    with h5py.File("run.h5", "w") as file:
        file["flow/xy"] = points
        data = file.create_dataset("flow/u", data=stored, **options)
        data.attrs["coordinates"], data.attrs["units"] = "/flow/xy", "m/s"
    check_fit(["run.h5"], stored.astype(float), fields=["u"], num_pts=30, dim=2)
    convert_along("run.h5:flow/u", "again.h5")
    with h5py.File("again.h5") as file:
        expect(file["u"].attrs["units"] in ("m/s", b"m/s"), "units are", file["u"].attrs["units"])
        expect_close(file["u"], stored, 0, "the array")


for kind in HDF5_KINDS:
    case(f"HDF5, {kind}: singular values, coordinates and units", "h5py", ".h5", kind)(fit_hdf5)


@case("MATLAB 7.3: singular values of a transposed array", "h5py", ".mat", 0)
@case("MATLAB 7.3 behind a header of 512 bytes: singular values of a transposed array", "h5py", ".mat", 512)
def fit_matlab(block):
    points, u = plane()
    with h5py.File("run.mat", "w", userblock_size=block) as file:
        for name, array in {"u": u, "xy": points}.items():
            file.create_dataset(name, data=array.T).attrs["MATLAB_class"] = np.bytes_("double")
    with open("run.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" if block else b"")
    check_fit(["--field", "u=run.mat:u", "--coords", "run.mat:xy"], u, dim=2)
    check_fit(["--data", "run.mat:u"], u.T)


# ---- NetCDF

def write_netcdf(path, values, form="NETCDF4", time="time", fill=None, dtype="f8", grid=(LATITUDES, LONGITUDES),
                 name="T", **attributes):
    """A variable of time and the axes y and x, or of latitude and longitude if these have one axis each."""
    is_product = np.ndim(grid[0]) == 1 if grid else False
    axes = (time, "lat", "lon") if is_product else (time, "y", "x")
    with netCDF4.Dataset(path, "w", format=form) as file:
        for axis, size in zip(axes, (None, *values.shape[1:])):
            file.createDimension(axis, size)
        own = file.createVariable(time, "f8", (time,))
        own.units, own[:] = "days since 2000-01-01", TIMES
        for place, numbers, units in zip(("lat", "lon"), grid, ("degrees_north", "degrees_east")):
            own = file.createVariable(place, "f8", (place,) if is_product else axes[1:])
            own.units, own[:] = units, numbers
        field = file.createVariable(name, dtype, axes, fill_value=fill)
        field.set_auto_maskandscale(False)
        field.setncatts({"units": "kelvin", **({} if is_product or not grid else {"coordinates": "lat lon"}),
                         **attributes})
        field[:] = values


@case("NetCDF classic: singular values with the areas of cells", "netCDF4", ".nc .npz", "NETCDF3_CLASSIC")
@case("NetCDF of 64-bit data: singular values with the areas of cells", "netCDF4", ".nc .npz", "NETCDF3_64BIT_DATA")
@case("NetCDF 4 with time of another name: singular values with the areas of cells", "netCDF4", ".nc .npz", "NETCDF4",
      "step")
@case("NetCDF, curvilinear: singular values and coordinates", "netCDF4", ".nc .npz", "NETCDF4", "time", 0.1)
def fit_netcdf(form, time="time", skew=0):
    values, areas = sphere()
    lat, lon = np.meshgrid(LATITUDES, LONGITUDES, indexing="ij")
    grid = lat + skew * lon, lon - skew * lat
    write_netcdf("run.nc", values, form, time, grid=grid if skew else (LATITUDES, LONGITUDES))
    check_fit(["run.nc"], values.reshape(12, 30), fields=["T"], grid_shape=[6, 5], dim=2, num_masked=0)
    run("convert", "run.nc", "run.npz")
    expect_close(np.load("run.npz")["coords"], np.stack(grid, axis=2), 0, "coordinates")
    if not skew:
        check_fit(["run.nc", "--point-weights", "latlon"], values.reshape(12, 30), areas)


@case("NetCDF, packed with _FillValue: land has no weight, and is NaN again", "netCDF4", ".nc", {"fill": -32000})
@case("NetCDF, packed with missing_value: land has no weight, and is NaN again", "netCDF4", ".nc",
      {"missing_value": np and np.int16(-999)})
@case("NetCDF, packed and never written: land has no weight, and is NaN again", "netCDF4", ".nc", {})
def fit_packed(options):
    values, areas = sphere()
    packed, land = np.round(values / 1e-4).astype("i2"), np.zeros((6, 5), bool)
    land[1:3, 2:4] = True
    packed[:, land] = [*options.values(), -32767][0]  # the default of the library for numbers that were not written
    write_netcdf("run.nc", packed, dtype="i2", scale_factor=1e-4, add_offset=280.0, **options)
    right = np.where(land, np.nan, 280.0 + 1e-4 * packed)
    found = fit("run.nc", "--mask", "auto", "--point-weights", "latlon", rank=12)
    singular = np.linalg.svd(right[:, ~land] * np.sqrt(areas[~land.ravel()]), compute_uv=False)
    expect_close(found["singular_values"][:4], singular[:4], 1e-12, "singular values")
    expect(found["num_masked"] == 4, "num_masked is", found["num_masked"])
    run("compress", "map.fold", "run.nc", "-o", "latent.npy")
    run("reconstruct", "map.fold", "latent.npy", "-o", "again.nc")
    with netCDF4.Dataset("again.nc") as file:
        own = file["T"]
        expect_close(np.ma.filled(own[:], np.nan), right, 1e-12, "the field")
        expect(own.units == "kelvin", "units are", own.units)
        for axis, right in zip(own.dimensions[1:], (LATITUDES, LONGITUDES)):
            expect_close(file[axis][:], right, 0, axis)


# ---- Meshes: files of VTK

# Corners of the parts of a cell, and the integrals of their shape functions, relative to the size of the cell.
PARTS = {"quad": ([[0, 1, 2, 3]], [1 / 4] * 4), "triangle": ([[0, 1, 2], [0, 2, 3]], [1 / 6] * 3),
         "hexahedron": ([[0, 1, 2, 3, 4, 5, 6, 7]], [1 / 8] * 8),
         "tetra": ([[0, 1, 2, 6], [0, 2, 3, 6], [0, 3, 7, 6], [0, 7, 4, 6], [0, 4, 5, 6], [0, 5, 1, 6]], [1 / 24] * 4),
         "wedge": ([[0, 1, 2, 4, 5, 6], [0, 2, 3, 4, 6, 7]], [1 / 12] * 6),
         "pyramid": ([[0, 3, 2, 1, 8], [4, 5, 6, 7, 8], [0, 1, 5, 4, 8], [1, 2, 6, 5, 8], [2, 3, 7, 6, 8],
                      [3, 0, 4, 7, 8]], [1 / 32] * 4 + [1 / 24])}


def box(kind):
    """Parallelepipeds of different size in parts of one kind: points, cells, weights of points, volumes of cells."""
    parts, integrals = PARTS[kind]
    flat = kind in ("quad", "triangle")
    steps = [0, 1, 3, 3.5], [0, 0.5, 2], [0] if flat else [0, 1, 1.75]
    edges = np.array([[1.0, 0.5, 0.25], [-0.25, 2.0, 0.5], [0.5, -0.25, 1.0]])
    size = np.linalg.norm(np.cross(edges[0], edges[1])) if flat else np.linalg.det(edges)
    lattice = [(x, y, z) for x in steps[0] for y in steps[1] for z in steps[2]]
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
    cells, volumes = [], []
    for i, j, k in np.ndindex(3, 2, 1 if flat else 2):
        places = [tuple(steps[axis][n] for axis, n in enumerate(at)) for at in corners[:4 if flat else 8] + [i, j, k]]
        nodes = [lattice.index(place) for place in places] + [len(lattice)]
        if kind == "pyramid":
            lattice.append(tuple(np.mean(places, axis=0)))
        cells += [[nodes[corner] for corner in part] for part in parts]
        volumes += [size * np.prod(np.ptp(places, axis=0)[:2 if flat else 3])] * len(parts)
    weights = np.zeros(len(lattice))
    np.add.at(weights, np.array(cells), np.outer(volumes, integrals))
    return np.array(lattice) @ edges, np.array(cells), weights, np.array(volumes) * sum(integrals)


def write_series(kind, points, cells, fields, ending=".vtu", at_cells={}, **options):
    """A file of meshio for each time; the arrays have the times on their first axis."""
    for j in range(12):
        at_points = {name: values[j] for name, values in fields.items()}
        meshio.write(f"s_{j}{ending}", meshio.Mesh(points, [(kind, cells)], at_points, {
            name: [values[j]] for name, values in at_cells.items()}), **options)


@case("vtu, ascii: singular values of a series, and its order", "meshio", ".vtu .npz", ".vtu", {"binary": False})
@case("vtu, binary: singular values of a series, and its order", "meshio", ".vtu .npz", ".vtu", {"compression": None})
@case("vtu, zlib: singular values of a series, and its order", "meshio", ".vtu .npz", ".vtu", {"compression": "zlib"})
@case("vtk, ascii: singular values of a series, and its order", "meshio", ".vtk .npz", ".vtk", {"binary": False})
@case("vtk, binary: singular values of a series, and its order", "meshio", ".vtk .npz", ".vtk", {"binary": True})
def fit_meshio(ending, options):
    points, cells, weights, _ = box("wedge")
    u, v = waves(*points.T[:2]), waves(*points.T[1:], 0.5)
    write_series("wedge", points, cells, {"p": u, "U": np.stack([u, v, u - v], axis=2)}, ending, **options)
    tolerance = 1e-10 if options.get("binary") is False else 1e-12  # meshio rounds text to 12 digits
    check_fit([f"s_*{ending}"], np.hstack([u, u, v, u - v]), 1, tolerance, fields=["p", "U_x", "U_y", "U_z"], dim=3)
    check_fit([f"s_*{ending}:p", "--mass", "lumped"], u, weights, tolerance, fields=["p"])
    run("convert", f"s_*{ending}:p", "p.npz")
    expect_close(np.load("p.npz")["p"], u, tolerance, "the field in natural order")


def fit_vtk(ending):
    image = vtk.vtkImageData()
    image.SetDimensions(6, 5, 1)
    image.SetOrigin(1, -1, 0)
    image.SetSpacing(0.5, 0.25, 1)
    x, y = np.tile(1 + 0.5 * np.arange(6), 5), np.repeat(-1 + 0.25 * np.arange(5), 6)
    weights = 0.125 * np.where((x == 1) | (x == 3.5), 0.5, 1) * np.where((y == -1) | (y == 0), 0.5, 1)
    change = {".vti": vtk.vtkPassThrough, ".vts": vtk.vtkImageDataToPointSet, ".vtp": vtk.vtkGeometryFilter}[ending]()
    writer = {".vti": vtk.vtkXMLImageDataWriter, ".vts": vtk.vtkXMLStructuredGridWriter,
              ".vtp": vtk.vtkXMLPolyDataWriter}[ending]()
    u = waves(x, y)
    for j in range(12):
        array = numpy_support.numpy_to_vtk(u[j], deep=True)
        array.SetName("u")
        image.GetPointData().AddArray(array)
        change.SetInputData(image)
        writer.SetInputConnection(change.GetOutputPort())
        writer.SetFileName(f"s_{j}{ending}")
        writer.Write()
    run("convert", f"s_*{ending}", "run.npz")
    expect_close(np.load("run.npz")["coords"], np.stack([x, y, 0 * x], axis=1), 1e-7, "points")  # float32 in VTK
    expect_close(np.load("run.npz")["u"], u, 0, "the field")
    check_fit([f"s_*{ending}", "--mass", "lumped"], u, weights, fields=["u"], dim=3)


for ending in (".vti", ".vts", ".vtp"):
    case(f"{ending[1:]} of VTK: singular values with integrals over its cells, and points", "vtk", f"{ending} .npz",
         ending)(fit_vtk)


@case("pvd: singular values and times of the files that it names", "meshio netCDF4", ".vtu .nc", "run.pvd")
@case("VTKHDF by its specification: singular values and times", "h5py netCDF4", ".vtkhdf .nc", "run.vtkhdf")
def fit_times(source):
    points, cells, weights, _ = box("tetra")
    u = waves(*points.T[:2])
    if source == "run.pvd":
        write_series("tetra", points, cells, {"u": u[::-1]})
        files = [f'<DataSet timestep="{time}" part="0" file="s_{11 - j}.vtu"/>' for j, time in enumerate(TIMES)]
        pathlib.Path(source).write_text('<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1"><Collection>'
                                        f'{"".join(files)}</Collection></VTKFile>\n')
    else:
        # The snapshots lie in the reverse order of the times, and the offsets say where.
        write_vtkhdf(source, points, cells, {"u": u[::-1].ravel()}, {
            "Steps/Values": TIMES, "Steps/PointDataOffsets/u": len(points) * np.arange(12)[::-1]})
    check_fit([source, "--mass", "lumped"], u, weights)
    run("convert", source, "run.nc")
    with netCDF4.Dataset("run.nc") as file:
        expect_close(file["u"][:], u, 0, "the field")
        expect_close(file["time"][:], TIMES, 0, "times")


def write_vtkhdf(path, points, cells, fields, arrays):
    """Tetrahedra in a file of the VTKHDF specification, and arrays that add to it or replace what it has."""
    with h5py.File(path, "w") as file:
        root = file.create_group("VTKHDF")
        root.attrs["Version"], root.attrs["Type"] = (2, 0), np.bytes_("UnstructuredGrid")
        for name, values in {"NumberOfPoints": [len(points)], "NumberOfCells": [len(cells)], "Points": points,
                             "NumberOfConnectivityIds": [cells.size], "Connectivity": cells.ravel(),
                             "Offsets": 4 * np.arange(len(cells) + 1), "Types": np.full(len(cells), 10, "u1"),
                             **{f"PointData/{name}": values for name, values in fields.items()}, **arrays}.items():
            root[name] = values


def integrate(kind):
    points, cells, weights, volumes = box(kind)
    u, v = waves(*points.T[:2]), waves(*points[cells].mean(axis=1).T[:2])
    write_series(kind, points, cells, {"u": u}, at_cells={"v": v})
    check_fit(["s_*.vtu", "--mass", "lumped"], u, weights, fields=["u"])
    check_fit(["s_*.vtu:v", "--mass", "lumped"], v, volumes, fields=["v"])


for kind in PARTS:
    case(f"mesh, {kind}: singular values with integrals over its cells, at points and cells", "meshio", ".vtu",
         kind)(integrate)


# ---- Files that fieldfold writes

def reconstruct(*outputs):
    """Writes a scalar and a vector field on hexahedra, and returns points, cells and fields as they should be."""
    points, cells, _, _ = box("hexahedron")
    u, v = waves(*points.T[:2]), waves(*points.T[1:], 0.5)
    fields = {"p": v, "U": np.stack([u, v, u - v], axis=2)}
    write_series("hexahedron", points, cells, fields)
    fit("s_*.vtu", rank=6)
    run("compress", "map.fold", "s_*.vtu", "-o", "latent.npy")
    for output in outputs:
        run("reconstruct", "map.fold", "latent.npy", "-o", output)
    return points, cells, fields


def check_mesh(found, points, cells, fields, kind="hexahedron", tolerance=1e-12):
    """Compares what meshio read of one snapshot. Scalars of VTK files are vectors of one component there."""
    expect_close(found.points, points, 0, "points")
    expect([(block.type, block.data.tolist()) for block in found.cells] == [(kind, cells.tolist())], "other cells")
    for name, values in fields.items():
        own = found.point_data[name] if name in found.point_data else found.cell_data[name][0]
        expect_close(np.squeeze(own), values, tolerance, name)


@case("reconstruct to vtu: meshio reads points, cells, fields and times", "meshio", ".vtu", "a.vtu")
@case("reconstruct to pvd: meshio reads points, cells, fields and times", "meshio", ".vtu", "a.pvd")
@case("reconstruct to vtk: meshio reads points, cells, fields and times", "meshio", ".vtu .vtk", "a.vtk")
@case("reconstruct to XDMF: meshio reads points, cells, fields and times", "meshio h5py", ".vtu .xdmf", "a.xdmf")
@case("reconstruct to VTKHDF: h5py reads what the specification says", "meshio h5py", ".vtu .vtkhdf", "a.vtkhdf")
def reconstruct_mesh(output):
    points, cells, fields = reconstruct(output)
    snapshots = {"a.xdmf": snapshots_of_xdmf, "a.vtkhdf": snapshots_of_vtkhdf,
                 "a.vtk": snapshots_of_vtk}.get(output, snapshots_of_pvd)()
    expect([time for time, _ in snapshots] == list(range(12)), "other times")
    for j, (_, mesh) in enumerate(snapshots):
        check_mesh(mesh, points, cells, {name: values[j] for name, values in fields.items()})


def snapshots_of_pvd():
    entries = xml.etree.ElementTree.parse("a.pvd").getroot().iter("DataSet")
    return [(float(entry.get("timestep")), meshio.read(entry.get("file"))) for entry in entries]


def snapshots_of_vtk():
    return [(j, meshio.read(path)) for j, path in enumerate(sorted(pathlib.Path().glob("a_*.vtk")))]


def snapshots_of_xdmf():
    with meshio.xdmf.TimeSeriesReader("a.xdmf") as reader:
        points, cells = reader.read_points_cells()
        read = [reader.read_data(j) for j in range(reader.num_steps)]
        return [(time, meshio.Mesh(points, cells, at_points)) for time, at_points, _ in read]


def snapshots_of_vtkhdf():
    with h5py.File("a.vtkhdf") as file:
        root = file["VTKHDF"]
        expect(root.attrs["Type"] in (b"UnstructuredGrid", "UnstructuredGrid"), "type", root.attrs["Type"])
        expect(list(root.attrs["Version"]) == [2, 0] and root["Steps"].attrs["NSteps"] == 12, "version, steps")
        count, cells = root["NumberOfPoints"][0], root["Connectivity"][:].reshape(-1, 8)
        expect_close(root["Offsets"], 8 * np.arange(len(cells) + 1), 0, "offsets")
        expect_close(root["Types"], np.full(len(cells), 12), 0, "types")
        first = {name: root[f"Steps/PointDataOffsets/{name}"][:] for name in root["PointData"]}
        return [(time, meshio.Mesh(root["Points"][:], [("hexahedron", cells)], {
            name: root[f"PointData/{name}"][first[name][j]:][:count] for name in first})) for j, time in
                enumerate(root["Steps/Values"])]


@case("reconstruct to npz, HDF5, csv and a folder: numpy and h5py read the fields", "meshio h5py", ".vtu .npz .h5")
def reconstruct_arrays():
    points, cells, fields = reconstruct("a.npz", "a.h5", "a.csv", "folder")
    tables = [np.genfromtxt(f"a_{j:04d}.csv", delimiter=",", names=True) for j in range(12)]
    with h5py.File("a.h5") as hdf5, np.load("a.npz") as npz:
        expect_close(hdf5["mesh/nodes"], cells.ravel(), 0, "HDF5: cells")
        for own in (npz["coords"], hdf5["coords"], np.stack([tables[0][axis] for axis in "xyz"], axis=1)):
            expect_close(own, points, 0, "points")
        for name, right in {"p": fields["p"], **{f"U_{axis}": fields["U"][:, :, k] for k, axis in
                                                 enumerate("xyz")}}.items():
            for own in (npz[name], hdf5[name], np.load(f"folder/{name}.npy"), [table[name] for table in tables]):
                expect_close(own, right, 1e-12, name)


@case("export: modes are left singular vectors, errors root mean squares at each point", "meshio vtk", ".vtu", False)
@case("export, centered: also the mean, and deviations from it", "meshio vtk", ".vtu", True)
def export_modes(is_centered):
    points, cells, _, _ = box("hexahedron")
    u = waves(*points.T[:2]) + 0.01 * waves(*points.T[1:], 0.5)
    write_series("hexahedron", points, cells, {"u": u})
    fit("s_*.vtu", *["--center"][:is_centered], rank=2)
    mean = u.mean(axis=0) if is_centered else 0 * u[0]
    left = np.linalg.svd((u - mean).T)[0][:, :2]
    left *= np.sign(left[np.abs(left).argmax(axis=0), [0, 1]])
    errors = (np.eye(len(points)) - left @ left.T) @ (u - mean).T
    right = {"mode_1_u": left[:, 0], "mode_2_u": left[:, 1], "error_u": np.sqrt(np.mean(errors**2, axis=1)),
             **({"mean_u": mean} if is_centered else {})}
    run("export", "map.fold", "s_*.vtu", "-o", "modes.vtu")
    found = meshio.read("modes.vtu")
    check_mesh(found, points, cells, right, tolerance=1e-10)
    expect(set(found.point_data) == set(right), "has", list(found.point_data))
    if ".vtkhdf" in built:
        run("export", "map.fold", "s_*.vtu", "-o", "modes.vtkhdf")
        reader = vtk.vtkHDFReader()
        reader.SetFileName("modes.vtkhdf")
        reader.Update()
        grid, array = reader.GetOutput(), numpy_support.vtk_to_numpy
        expect_close(array(grid.GetPoints().GetData()), points, 0, "points of VTK")
        expect_close(array(grid.GetCells().GetConnectivityArray()), cells.ravel(), 0, "cells of VTK")
        for name, values in right.items():
            expect_close(array(grid.GetPointData().GetArray(name)), values, 1e-10, name, "of VTK")


# ---- Conversion and interpolation

def convert_along(*names):
    for source, target in zip(names, names[1:]):
        run("convert", source, target)


def extremes(*shape):
    """Numbers of all magnitudes, also denormal ones."""
    generator = np.random.default_rng(3)
    numbers = generator.normal(size=shape) * 10.0**generator.integers(-300, 300, size=shape)
    numbers.ravel()[:6] = [5e-324, -0.0, 1.7976931348623157e308, 1 / 3, np.nan, 2.0**-1060]
    return numbers


@case("convert npy, npz, csv: every number is the same", "", ".npz", "a.npz", "b.csv")
@case("convert npy, tsv: every number is the same, between tabs", "", "", "a.tsv")
@case("convert npy, HDF5, NetCDF, npy: every number is the same", "", ".h5 .nc", "a.h5", "b.nc", "c.npy")
@case("convert npy, NetCDF, npz, HDF5, npy: every number is the same", "", ".h5 .nc .npz", "a.nc", "b.npz", "c.h5",
      "d.npy")
def convert_arrays(*names):
    u = extremes(7, 11)
    np.save("u.npy", u)
    convert_along("u.npy", *names)
    separator = {".csv": ",", ".tsv": "\t"}.get(names[-1][-4:])
    found = np.loadtxt(names[-1], delimiter=separator, skiprows=1) if separator else np.load(names[-1])
    expect(np.array_equal(found, u, equal_nan=True), "numbers differ")


@case("convert vtu, VTKHDF, vtk, vtu: every number and cell is the same", "meshio", ".vtu .vtk .vtkhdf", "a.vtkhdf",
      "b.vtk", "c.vtu")
@case("convert vtu, XDMF: every number and cell is the same", "meshio h5py", ".vtu .xdmf", "a.xdmf")
def convert_meshes(*names):
    for kind in PARTS:
        if kind == "wedge" and names[-1] == "a.xdmf":
            continue  # meshio has an order of corners of its own, and changes it in files of VTK only
        points, cells, _, _ = box(kind)
        fields = {"p": extremes(len(points)), "U": extremes(len(points), 3)}
        at_cells = {"c": extremes(len(cells))}
        meshio.write("run.vtu", meshio.Mesh(points / 3, [(kind, cells)], fields, {"c": [at_cells["c"]]}))
        for source, right in (("run.vtu", fields), ("run.vtu:c", at_cells)):
            convert_along(source, *names)
            check_mesh(meshio.read(names[-1]), points / 3, cells, right, kind, 0)


@case("convert NetCDF, HDF5, NetCDF: coordinates and times are kept", "netCDF4", ".nc .h5", True, [], "a.h5", "b.nc")
@case("convert NetCDF, npz, NetCDF: coordinates and times are kept", "netCDF4", ".nc .npz", True, [], "a.npz", "b.nc")
@case("convert NetCDF to NetCDF: latitudes and longitudes are still such", "netCDF4", ".nc", True,
      ["--point-weights", "latlon"], "a.nc")
@case("convert NetCDF without coordinates to HDF5: times are no field", "netCDF4", ".nc .h5", False, [], "a.h5")
def convert_netcdf(has_coords, options, *names):
    values, areas = sphere()
    write_netcdf("run.nc", values, grid=(LATITUDES, LONGITUDES) if has_coords else ())
    convert_along("run.nc", *names)
    check_fit([names[-1], *options], values.reshape(12, 30), areas if options else 1, fields=["T"], grid_shape=[6, 5])
    if names[-1].endswith(".nc"):
        with netCDF4.Dataset(names[-1]) as file:
            expect_close(file["T"][:], values, 0, "the field")
            for axis, right in zip(file["T"].dimensions, (TIMES, LATITUDES, LONGITUDES)):
                expect_close(file[axis][:], right, 0, axis)


@case("convert HDF5 to XDMF of the same name: the source is not overwritten", "h5py", ".h5 .xdmf")
def convert_to_own_name():
    points, u = plane()
    with h5py.File("run.h5", "w") as file:
        file["xy"], file["u"] = points, u
        file["u"].attrs["coordinates"] = "/xy"
    before = pathlib.Path("run.h5").read_bytes()
    call("convert", "run.h5", "run.xdmf")
    expect(pathlib.Path("run.h5").read_bytes() == before, "run.h5 is overwritten")


@case("interpolate from vtu to vtu: linear functions are exact", "meshio", ".vtu")
def interpolate_linear():
    points, cells, _, _ = box("tetra")
    other, blocks, _, _ = box("wedge")
    other = other * 0.9 + 0.05
    a, b = (lambda at: 2 + at @ [1.0, -2.0, 0.5]), (lambda at: at @ [0.25, 3.0, -1.0] - 1)
    meshio.write("data.vtu", meshio.Mesh(points, [("tetra", cells)], {"a": a(points), "b": b(points)}))
    meshio.write("other.vtu", meshio.Mesh(other, [("wedge", blocks)], {"unused": other[:, 0]}))
    run("interpolate", "data.vtu", "--to", "other.vtu", "-o", "out.vtu")
    check_mesh(meshio.read("out.vtu"), other, blocks, {"a": a(other), "b": b(other)}, "wedge", 1e-10)


@case("interpolate from NetCDF to NetCDF: linear functions are exact, and times are kept", "netCDF4", ".nc .npz")
def interpolate_times():
    x, y = np.meshgrid(LATITUDES, LONGITUDES, indexing="ij")
    write_netcdf("run.nc", np.array(TIMES)[:, None, None] * (1 + x - 2 * y))
    np.save("to.npy", [[0.0, 50.0], [10.0, 70.0]])
    run("interpolate", "run.nc", "--to", "to.npy", "-o", "out.nc")
    with netCDF4.Dataset("out.nc") as file:
        expect_close(file["T"][:], np.outer(TIMES, [-99, -129]), 1e-10, "the field")
        expect_close(file["time"][:], TIMES, 0, "times")


# ---- Names, and files that are damaged

def expect_refused(arguments, part):
    """One line on standard error that has the part, status 1, and no file that was not there."""
    before = set(pathlib.Path().rglob("*"))
    done = call(*arguments)
    command = " ".join(map(str, arguments))
    left = [str(path) for path in set(pathlib.Path().rglob("*")) - before]
    is_one_line = done.stderr.startswith("fieldfold: error: ") and done.stderr.count("\n") == 1 and not done.stdout
    for path in left:
        os.remove(path)
    expect(done.returncode == 1 and is_one_line and part in done.stderr and not left, command, "ends with",
           done.returncode, "leaves", left, "and says", repr(done.stdout + done.stderr)[-300:])


@case("names with colons: paths, and names of arrays behind them", "h5py", ".h5")
def read_colons():
    _, u = plane()
    pathlib.Path("c:d").mkdir()
    for path in ("a:b.h5", "c:d/e.h5"):
        with h5py.File(path, "w") as file:
            file["u"], file["g/v:w"] = u, 2 * u
        check_fit([f"{path}:u"], u, fields=["u"])
        check_fit([f"{path}:/g/v:w"], 2 * u)
    expect_refused(["fit", "a:b.h5:uu", "--rank", "1", "-o", "x.fold"], "nearest is u")
    convert_along("a:b.h5:u", "c:d/f:g.npy")
    expect_close(np.load("c:d/f:g.npy"), u, 0, "the array")


@case("names with characters of XML: meshio reads them in vtu", "meshio", ".vtu .npz", "a.vtu")
@case("names with characters of XML: meshio reads them in XDMF", "meshio h5py", ".xdmf .npz", "a.xdmf")
def write_names(output):
    points, u = plane()
    fields = {name: u[k] for k, name in enumerate(["T [K]", "u & v", "x<0", 'say "w"', "\u00fc"])}
    np.savez("run.npz", coords=points, **fields)
    convert_along("run.npz", output)
    cells = np.arange(30)[:, None]
    check_mesh(meshio.read(output), np.column_stack([points, 0 * u[0]]), cells, fields, "vertex", 0)


@case("names in capitals, vtu: the ending is that of the format", "meshio", ".vtu .npz", ".vtu")
@case("names in capitals, vtk: the ending is that of the format", "meshio", ".vtk .npz", ".vtk")
def read_capitals(ending):
    points, cells, _, _ = box("tetra")
    meshio.write("a" + ending, meshio.Mesh(points, [("tetra", cells)], {"u": points[:, 0]}))
    os.rename("a" + ending, "A" + ending.upper())
    convert_along("A" + ending.upper(), "B" + ending.upper())
    os.rename("B" + ending.upper(), "b" + ending)
    check_mesh(meshio.read("b" + ending), points, cells, {"u": points[:, 0]}, "tetra", 0)


def write_valid(ending):
    """A file of a field called pressure."""
    points, cells, _, _ = box("tetra")
    u = waves(*points.T[:2])[0]
    path = f"run{ending}"
    if ending == ".npy":
        np.save(path, u)
    elif ending == ".npz":
        np.savez(path, pressure=u)
    elif ending == ".csv":
        np.savetxt(path, np.column_stack([points, u]), "%.17g", ",", header="x,y,z,pressure", comments="")
    elif ending == ".h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("pressure", data=u, chunks=u.shape, fletcher32=True)
    elif ending in (".nc", ".nc4"):
        write_netcdf(path, sphere()[0], "NETCDF3_CLASSIC" if ending == ".nc" else "NETCDF4", name="pressure")
    elif ending == ".vtkhdf":
        write_vtkhdf(path, points, cells, {"pressure": u}, {})
    else:
        meshio.write(path, meshio.Mesh(points, [("tetra", cells)], {"pressure": u}))


def refuse_names(ending):
    write_valid(ending)
    expect_refused(["convert", f"rum{ending}", "x.npz"], f"run{ending}")
    expect_refused(["fit", "--field", f"p=run{ending}:pressurr", "--rank", 1, "-o", "x.fold"],
                   "pressurr" if ending == ".npy" else "nearest is pressure")


def refuse_damage(ending):
    write_valid(ending)
    whole = pathlib.Path(f"run{ending}").read_bytes()
    half = len(whole) // 2
    damaged = {"half": whole[:half], "most": whole[:-48], "start": whole[:5], "empty": b"", "zeros": bytes(half),
               "other": b"\x93NOTHING" * 40, "tail": bytes(half) + whole[half:]}
    if ending == ".csv":  # behind a comma, a row is incomplete
        damaged.update({name: whole[:whole.rindex(b",", 0, end)] for name, end in {"half": half, "most": -48}.items()})
        damaged["start"] = b"x,y,z,pressure\n"
    if ending in (".npz", ".h5", ".vtu"):  # a checksum reveals one wrong bit
        numbers = waves(*box("tetra")[0].T[:2])[0, 1:3].tobytes()
        at = whole.index(b'"pressure"') + 150 if ending == ".vtu" else whole.index(numbers) + 9
        damaged["flipped"] = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:]
    for name, content in damaged.items():
        path = pathlib.Path(f"{name}{ending}")
        path.write_bytes(content)
        expect_refused(["convert", path, "x.npz"], path.name)
        expect_refused(["fit", path, "--rank", 1, "-o", "x.fold"], path.name)


for ending, modules in {".npy": "", ".npz": "", ".csv": "", ".h5": "h5py", ".nc": "netCDF4", ".nc4": "netCDF4",
                        ".vtkhdf": "h5py", ".vtu": "meshio", ".vtk": "meshio"}.items():
    case(f"misspelled names, {ending}: one line with the nearest name", modules, f"{ending} .npz", ending)(refuse_names)
    case(f"damaged files, {ending}: one line, and no output", modules, f"{ending} .npz", ending)(refuse_damage)


@case("damaged VTKHDF: arrays that do not fit each other are refused in one line", "h5py", ".vtkhdf .npz")
def refuse_vtkhdf():
    points, cells, _, _ = box("tetra")
    steps = {"Steps/Values": [0.0, 1.0], "Steps/PointDataOffsets/u": [0, 0]}
    for number, change in enumerate([{"Steps/PointDataOffsets/u": [0]}, {"Steps/PointDataOffsets/u": [0, 10**9]},
                                     {"Points": [0.0]}, {"PointData/u": [0.0, 1.0]}, {"NumberOfPoints": [7]},
                                     {"Connectivity": np.full(cells.size, 10**6)}, {"NumberOfPoints": [2**62]},
                                     {"Types": np.full(len(cells), 99, "u1")}]):
        path = f"run_{number}.vtkhdf"
        write_vtkhdf(path, points, cells, {"u": points[:, 0]}, {**steps, **change})
        expect_refused(["convert", path, "x.npz"], path)


@case("mesh without data gives its points as coords", "meshio", ".vtu")
def coords_of_bare_mesh():
    points, cells, _, _ = box("tetra")
    meshio.write("bare.vtu", meshio.Mesh(points, [("tetra", cells)]))
    np.save("u.npy", np.outer(TIMES, points[:, 0]))
    run("fit", "--field", "u=u.npy", "--coords", "bare.vtu", "-o", "map.fold")
    expect(json.loads(run("info", "map.fold", "--json"))["dim"] == 3, "another dimension")


@case("NetCDF: numbers never written, time as the last axis, auxiliary coordinates", "netCDF4", ".nc .npz")
def netcdf_traps():
    with netCDF4.Dataset("traps.nc", "w") as file:
        for name, length in (("time", 3), ("lat", 4), ("lon", 5)):
            file.createDimension(name, length)
        for name, unit in (("time", "days since 2000-01-01"), ("lat", "degrees_north"), ("lon", "degrees_east")):
            variable = file.createVariable(name, "f8", (name,))
            variable[:], variable.units = np.arange(len(variable)), unit
        file.createVariable("alt", "f8", ("lat", "lon"))[:] = 7.0
        for kind in ("f4", "i8", "u2"):
            variable = file.createVariable(kind, kind, ("time", "lat", "lon"))
            variable.coordinates = "alt"
            if kind == "f4":
                variable.missing_value = np.float32(-999)
            variable[:2] = 1
        file.createVariable("late", "f8", ("lat", "lon", "time"))[:] = 1.0
    for kind in ("f4", "i8", "u2"):
        run("convert", "traps.nc:" + kind, kind + ".npz")
        with np.load(kind + ".npz") as found:
            expect(np.isnan(found[kind][2]).all() and (found[kind][:2] == 1).all(), kind, "has other missing numbers")
            expect(found["coords"].shape == (4, 5, 2), kind, "has other coordinates")
    expect_refused(["convert", "traps.nc:late", "late.npz"], "before those of the grid")


@case("a series whose files differ in their axes of samples is refused", "netCDF4", ".nc .npz")
def uneven_series():
    for j in range(2):
        with netCDF4.Dataset(f"s_{j}.nc", "w") as file:
            for name, length in (("time", 4), ("time2", 2), ("x", 3)):
                file.createDimension(name, length)
            for name in ("time", "time2"):
                file.createVariable(name, "f8", (name,)).units = "days since 2000-01-01"
            file.createVariable("u", "f8", ("time", "x"))[:] = 1.0
            file.createVariable("v", "f8", ("time2", "x"))[:] = 1.0
    expect_refused(["convert", "s_*.nc", "s.npz"],
                   "expected fields with the same number of samples in a series, got 4 and 2")


@case("HDF5: shapes beyond all numbers, and a name in a file that exists", "h5py", ".h5 .npz")
def hdf5_traps():
    with h5py.File("huge.h5", "w") as file:
        file.create_dataset("u", shape=(2 ** 32, 2 ** 32), chunks=(1, 1024), dtype="f8")
    expect_refused(["convert", "huge.h5:u", "huge.npz"], "expected fewer numbers, got the shape")
    np.save("u.npy", np.ones((2, 3)))
    run("convert", "u.npy", "keep.h5:precious")
    refused = call("convert", "u.npy", "keep.h5:other")
    expect(refused.returncode == 1 and "expected a new file for the array other" in refused.stderr, refused.stderr)
    with h5py.File("keep.h5") as file:
        expect("precious" in file and "loop_axes" not in file["precious"].attrs, "another content")


run_cases()
