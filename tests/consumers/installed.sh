#!/bin/sh
# Installs a build into a folder, and builds and runs one consumer of each kind from there.
# Usage: installed.sh SOURCE_ROOT BUILD_FOLDER WORK_FOLDER
set -u
source=$1
build=$2
work=$3
passed=0
failed=0

attempt() {  # NAME COMMAND...
    name=$1
    shift
    if "$@" > "$work/$name.log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $name"
        cat "$work/$name.log"
    fi
}

rm -rf "$work"
mkdir -p "$work"
DESTDIR=$work/root meson install -C "$build" --no-rebuild > "$work/install.log" || { cat "$work/install.log"; exit 1; }
prefix=$(dirname "$(dirname "$(find "$work/root" -name fieldfold.h)")")
libdir=$(dirname "$(find "$work/root" -name libfieldfold.so)")
export PKG_CONFIG_PATH="$libdir/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$work/root" LD_LIBRARY_PATH="$libdir"
# A consumer has its own arguments, and so has a sanitizer.
unset CFLAGS CXXFLAGS LDFLAGS
cp -r "$source"/tests/consumers/* "$work"
cd "$work"

exports_the_interface_alone() {
    nm -D --defined-only "$libdir/libfieldfold.so.0" | awk '{ print $NF }' | sed 's/@.*//' | sort > exported
    grep -o 'fieldfold_[a-z0-9_]*(' "$prefix/include/fieldfold.h" | tr -d '(' | sort -u > declared
    diff declared exported
}
attempt symbols exports_the_interface_alone

c_with_make() { make -C c clean main CC=gcc && (cd c && ./main); }
attempt c c_with_make

c_static() {
    # shellcheck disable=SC2046 # several words
    gcc -std=c99 -I"$prefix/include" -o c/static c/main.c "$libdir/libfieldfold.a" \
        $(pkg-config --static --libs fieldfold | sed 's/-lfieldfold//') -lm && (cd c && LD_LIBRARY_PATH='' ./static)
}
attempt c_static c_static

cpp_with_openmp() {
    for standard in c++17 c++20; do
        # shellcheck disable=SC2046 # several words
        g++ -std=$standard -O1 -fopenmp -Wall -Wextra -Werror -o cpp/main cpp/main.cpp \
            $(pkg-config --cflags --libs fieldfold) && (cd cpp && ./main) || return 1
    done
}
attempt cpp cpp_with_openmp

with_cmake() {
    CC=gcc CXX=g++ cmake -S cmake -B cmake/build -DCMAKE_PREFIX_PATH="$prefix" &&
        cmake --build cmake/build && (cd cmake/build && ./c_consumer && ./cpp_consumer)
}
attempt cmake with_cmake

modules_with_cmake() {
    cmake -G Ninja -S cmake_modules -B cmake_modules/build -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_FLAGS=-O0 &&
        cmake --build cmake_modules/build && cmake_modules/build/consumer
}
if cmake --version | awk 'NR == 1 { split($3, v, "."); exit !(v[1] > 3 || (v[1] == 3 && v[2] >= 28)) }'; then
    attempt cmake_modules modules_with_cmake
else
    echo "not tried: modules with CMake, which needs version 3.28"
fi

in_fortran() {
    module=$(pkg-config --variable=fortran_module fieldfold)
    # Warnings of temporary arrays are what the check of arguments is told to give for sections.
    # shellcheck disable=SC2046 # several words
    gfortran -std=f2008 -Wall -Wextra -Werror -Wno-compare-reals -fcheck=all,no-array-temps -Jfortran -o fortran/main \
        "$module" fortran/main.f90 $(pkg-config --libs fieldfold) && (cd fortran && ./main)
}
attempt fortran in_fortran

in_python() {
    package=$(find "$work/root" -name fieldfold -path '*-packages/*')
    for python in python3 /usr/bin/python3; do
        "$python" -c 'import numpy, scipy' 2> /dev/null && break
    done
    for test in python/test_fieldfold.py python/test_amisc.py; do
        PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$(dirname "$package") "$python" -W error::ResourceWarning "$test" || return 1
    done
}
attempt python in_python

# The examples, by the commands of their READMEs. What they print is checked against mathematics.
mkdir -p bin examples
ln -s "$(command -v "$python")" bin/python3
example() (
    # Without what was built in place.
    cp -r "$source/examples/$1" examples && cd "examples/$1" && rm -rf build "$1" &&
        awk '/^```/ { kind = kind == "" ? substr($0, 4) : ""; next } kind == "sh"' README.md > commands || exit 1
    warnings='-Wall -Wextra -Werror'
    export PATH="$work/bin:$prefix/bin:$PATH" CMAKE_PREFIX_PATH="$prefix" PYTHONDONTWRITEBYTECODE=1 \
        PYTHONPATH="$(dirname "$package")" OMP_WAIT_POLICY=passive CXX=g++ \
        CXXFLAGS="$warnings -Wpedantic -Wconversion -Wshadow" \
        FFLAGS="$warnings -std=f2008 -Wno-compare-reals -fcheck=all,no-array-temps -O1"
    sh -e commands > printed 2> messages || { cat printed messages; exit 1; }
    python3 "$source/tests/consumers/examples.py" "$1" || { cat printed; exit 1; }
    [ "$1" = heat_equation ] || exit 0
    for threads in 1 3; do OMP_NUM_THREADS=$threads ./heat_equation | sed 's/, threads.*//' > "on_$threads"; done
    cmp on_1 on_3
)
for name in heat_equation boundary_load; do attempt "example_$name" example "$name"; done
if bin/python3 -W ignore -c 'import netCDF4' &&
    "$prefix/bin/fieldfold" formats | grep -q '^NetCDF .* reads, writes'; then
    attempt example_ocean_temperature example ocean_temperature
else
    echo "not tried: the example ocean_temperature, which needs NetCDF"
fi

# On ranks of MPI, for which the environment allows more of them than processors. A rank that waits in vain is an error.
mpicc=$(meson introspect --buildoptions "$build" | python3 -c \
    'import json, sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "mpicc"))')
mpi=${mpicc#mpicc}
on_ranks() {
    for number in 1 3; do timeout 100 "mpirun$mpi" -n "$number" "$@" || return 1; done
}
ranks_in() {
    case $1 in
    # shellcheck disable=SC2046 # several words
    c) "$mpicc" -std=c99 -Wall -Wextra -Werror -o ranks/main ranks/main.c $(pkg-config --cflags --libs fieldfold-mpi) -lm &&
        (cd ranks && on_ranks ./main) ;;
    cmake) cmake -S ranks -B ranks/build -DCMAKE_PREFIX_PATH="$prefix" -DMPI_C_COMPILER="$(command -v "$mpicc")" &&
        cmake --build ranks/build && (cd ranks && on_ranks build/ranks) ;;
    # shellcheck disable=SC2046 # several words
    fortran) "mpif90$mpi" -std=f2008 -Wall -Wextra -Werror -Wno-compare-reals -fcheck=all,no-array-temps -Jranks \
        -o ranks/main_f $(pkg-config --variable=fortran_module fieldfold) \
        $(pkg-config --variable=fortran_module fieldfold-mpi) ranks/main.f90 $(pkg-config --libs fieldfold-mpi) &&
        (cd ranks && on_ranks ./main_f) ;;
    python) (cd ranks && PYTHONPATH=$(dirname "$package") on_ranks /usr/bin/python3 -m mpi4py test_ranks.py) ;;
    esac
}
if [ -f "$prefix/include/fieldfold_mpi.h" ]; then
    for language in c cmake fortran; do attempt "ranks_$language" ranks_in "$language"; done
    # The mpi4py of Debian is that of the default MPI library.
    if [ "$mpicc" = mpicc ] && /usr/bin/python3 -c 'import mpi4py, numpy' 2> /dev/null; then
        attempt ranks_python ranks_in python
    fi
fi

# The blocks of the manual, with the program and Python of a user's PATH. Each is a case of this script.
PATH="$work/bin:$prefix/bin:$build/examples:$PATH" CC=gcc CXX=g++ CMAKE_PREFIX_PATH=$prefix PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=$(dirname "$package") \
    python3 "$source/tests/manual/blocks.py" "$work/manual" > manual.log 2>&1
manual=$?
grep -v -E '^[0-9]+ test cases? out of ' manual.log
blocks() { awk -v what="$1" '$0 ~ "^[0-9]+ test cases? out of [0-9]+ " what { n = $1 } END { print n + 0 }' manual.log; }
passed=$((passed + $(blocks passed)))
failed=$((failed + $(blocks failed)))
# A crash is a failure, too.
[ "$manual" -eq 0 ] || [ "$(blocks failed)" -gt 0 ] || failed=$((failed + 1))

if [ "$failed" -gt 0 ]; then
    echo "$failed test cases out of $((passed + failed)) failed"
    exit 1
fi
echo "$passed test cases out of $passed passed"
