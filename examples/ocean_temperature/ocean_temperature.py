#!/usr/bin/env python3
"""Sea-surface temperature under clouds, from modes of two years of maps.

Writes maps with land and clouds to sst.nc, and those of a later, cloudy day to cloudy.nc; learns the modes; fills the
clouds by least squares over what is seen; and compares with the true temperature, which is a closed form.

With a file as argument, prints the error of the map that it holds for the cloudy day.
"""
import sys

import netCDF4
import numpy as np

import fieldfold

LATITUDES = np.arange(-78.0, 79.0, 3.0)
LONGITUDES = np.arange(0.0, 360.0, 3.0)
DAYS = np.arange(0.0, 730.0, 10.0)
CLOUDY_DAY = 812.0
YEAR = 365.25
RANK = 14
EPOCH = "days since 2001-01-01"
GRID = np.meshgrid(LATITUDES, LONGITUDES, indexing="ij")


def eastward(longitudes, origin):
    """Degrees to the east of an origin, in [-180, 180)."""
    return (longitudes - origin + 180) % 360 - 180


def land():
    """Whether each point, (latitudes, longitudes), is land: five continents with coast lines in closed form."""
    latitudes, longitudes = GRID
    north, east = np.radians(latitudes), np.radians(longitudes)
    width = 14 + 9 * np.cos(6 * north) + np.sin(19 * north)
    americas = (np.abs(eastward(longitudes, 275 - 25 * np.sin(1.5 * north))) < width) & (latitudes > -56)
    africa = (np.abs(eastward(longitudes, 20 + np.sin(17 * north))) < 17 + 8 * np.cos(4 * north)) & (latitudes > -35)
    asia = np.hypot(eastward(longitudes, 90) / 55, (latitudes - 52) / 26) < 1 + 0.1 * np.sin(11 * east)
    australia = np.hypot(eastward(longitudes, 134) / 19, (latitudes + 25) / 11) < 1 + 0.1 * np.cos(40 * east)
    antarctica = latitudes < -70 + 3 * np.sin(4 * east)
    return americas | africa | asia | australia | antarctica


def temperature(day):
    """The true temperature in degrees Celsius, (latitudes, longitudes): warm at the equator and in the west of the
    Pacific, a season that comes later in the east of an ocean, and a warm anomaly that goes round in 600 days."""
    latitudes, longitudes = GRID
    north, east = np.radians(latitudes), np.radians(longitudes)
    season = -5 * np.sin(2 * north) * np.cos(2 * np.pi * (day - 45 - 12 * np.sin(3 * east)) / YEAR)
    anomaly = 2.5 * np.exp(-(latitudes / 12) ** 2 - (eastward(longitudes, 150 + 0.6 * day) / 25) ** 2)
    return -1 + 28 * np.cos(north) ** 2 + 1.5 * np.cos(north) ** 4 * np.cos(east - 2.6) + season + anomaly


def clouds(day):
    """Whether clouds hide each point, (latitudes, longitudes): bands of weather that move to the east."""
    north, east = np.radians(GRID[0]), np.radians(GRID[1] - 5 * day)
    return np.sin(3 * east + 4 * north) + np.sin(2 * east - 7 * north + 0.1 * day) + np.cos(5 * north) > 0.4


def write_maps(path, days, cloudy):
    """Writes what is seen on days to a NetCDF file with the CF conventions. cloudy: which days have clouds."""
    with netCDF4.Dataset(path, "w") as file:
        file.Conventions = "CF-1.8"
        for name, values, unit in [("time", days, EPOCH), ("latitude", LATITUDES, "degrees_north"),
                                   ("longitude", LONGITUDES, "degrees_east")]:
            file.createDimension(name, len(values))
            axis = file.createVariable(name, "f8", (name,))
            axis.standard_name, axis.units = name, unit
            axis[:] = values
        sst = file.createVariable("sst", "f4", ("time", "latitude", "longitude"), fill_value=-999.0)
        sst.standard_name, sst.units = "sea_surface_temperature", "degree_Celsius"
        for index, (day, has_clouds) in enumerate(zip(days, cloudy)):
            hidden = land() | clouds(day) if has_clouds else land()
            sst[index] = np.ma.array(temperature(day), mask=hidden)


def read_maps(path):
    """The maps of a file, (days, points), with NaN where nothing is seen."""
    with netCDF4.Dataset(path) as file:
        sst = file["sst"][:].astype(float)
    return np.ma.filled(sst, np.nan).reshape(-1, GRID[0].size)


def areas():
    """Areas of the cells around the points on the unit sphere, (points,)."""
    height, width = np.radians(LATITUDES[1] - LATITUDES[0]), np.radians(LONGITUDES[1] - LONGITUDES[0])
    return (2 * np.sin(height / 2) * width * np.cos(np.radians(GRID[0]))).ravel()


def rms(difference, where):
    """The root mean square over the area of some points."""
    return np.sqrt(np.average(difference[where] ** 2, weights=areas()[where]))


def main():
    truth = temperature(CLOUDY_DAY).ravel()
    ocean = ~land().ravel()
    hidden = ocean & clouds(CLOUDY_DAY).ravel()
    seen = ocean & ~hidden
    if len(sys.argv) > 1:
        filled = read_maps(sys.argv[1])[-1]
        print(f"error under the clouds of {sys.argv[1]}: {rms(filled - truth, hidden):.6f} K")
        return

    write_maps("sst.nc", DAYS, np.arange(DAYS.size) % 3 == 1)
    write_maps("cloudy.nc", [CLOUDY_DAY], [True])
    svd = fieldfold.SVD(read_maps("sst.nc").T, fields=["sst"], rank=RANK, field_opts={
        "point_weights": areas(), "mask": "auto", "center": True, "gappy_snapshots": "fill"})
    cloudy = read_maps("cloudy.nc")[0]
    assessed = svd.assess(cloudy)
    filled = svd.reconstruct(assessed.latent)
    best = svd.reconstruct(svd.compress(np.where(ocean, truth, np.nan)))  # of all maps in the span of the modes

    print(f"{ocean.sum()} points of the ocean; {svd.num_samples} days, a third of them cloudy; rank {svd.rank}")
    print(f"on day {CLOUDY_DAY:.0f} clouds hide {areas()[hidden].sum() / areas()[ocean].sum():.0%} of the ocean\n")
    print("root mean square error, K     where seen   under clouds")
    for name, estimate in [("mean of the days", svd.mean), ("least squares", filled), ("best in the span", best)]:
        print(f"{name:28} {rms(estimate - truth, seen):11.6f} {rms(estimate - truth, hidden):14.6f}")

    # What the modes cannot represent where it is seen changes the coefficients by at most the amplification times it.
    outside = rms(best - truth, ocean)
    outside_seen = rms(best - truth, seen) * np.sqrt(areas()[seen].sum() / areas()[ocean].sum())
    error, bound = rms(filled - truth, ocean), np.hypot(outside, assessed.condition * outside_seen)
    print(f"\namplification by the clouds {assessed.condition:12.6f}")
    print(f"error in the whole ocean, K {error:12.6f}")
    print(f"  its bound, K              {bound:12.6f}")
    if not error <= bound:
        sys.exit("the error is above its bound")


if __name__ == "__main__":
    main()
