"""Spack package of fieldfold, built from a checkout:

    spack repo add packaging/spack
    spack dev-build --source-path . fieldfold@0.1.0
"""
from spack.package import *


class Fieldfold(MesonPackage):
    """Compression of fields to latent coefficients, and interpolation between point sets."""

    license("BSD-3-Clause")

    # Without an address: dev-build takes the checkout.
    version("0.1.0")

    variant("cholmod", default=True, description="Sparse systems of compactly supported kernels")
    variant("delaunay", default=True, description="Linear interpolation on a Delaunay triangulation")
    variant("cli", default=True, description="The program fieldfold")
    variant("python", default=True, description="The Python package")

    depends_on("cxx", type="build")
    depends_on("meson@1.0.1:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("xtensor@0.24.3:", type="build")
    depends_on("xtensor-blas", type="build")
    depends_on("xsimd", type="build")
    depends_on("cereal", type="build")
    depends_on("nanoflann", type="build")
    depends_on("nlohmann-json", type="build")
    depends_on("openblas")
    depends_on("xxhash")
    depends_on("suite-sparse", when="+cholmod")
    depends_on("qhull", when="+delaunay")
    depends_on("cli11", type="build", when="+cli")
    extends("python@3.9:", when="+python")
    depends_on("py-numpy", type="run", when="+python")

    # The modules are compiled by clang; users of the library may have any compiler.
    requires("%clang@19:", msg="fieldfold consists of C++20 modules")

    def meson_args(self):
        def feature(name):
            return f"-D{name}={'enabled' if self.spec.satisfies('+' + name) else 'disabled'}"

        return ["-Ddefault_library=both", "-Dtests=disabled", "-Dexamples=disabled",
                *(feature(name) for name in ("cholmod", "delaunay", "cli", "python"))]
