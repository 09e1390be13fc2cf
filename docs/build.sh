#!/bin/sh
# Builds the manual as a static site, build/manual/site/index.html: the pages of this folder, with the options of each
# command as the program prints them, and the references of the interfaces. Warnings are errors.
# Usage: build.sh [PROGRAM]; default: the program of demo.sh, which is built if it is not there
set -eu
cd "$(dirname "$0")/.."

./install-packages.sh mkdocs mkdocs-material doxygen libjs-katex fonts-katex python3
program=${1:-build/demo/src/fieldfold}
[ -x "$program" ] || ./demo.sh
out=build/manual
rm -rf "$out"
mkdir -p "$out/pages/tutorials" "$out/site/reference"
cp docs/mkdocs.yml "$out"
cp -rL /usr/share/javascript/katex "$out/pages/katex"
echo 'renderMathInElement(document.body);' > "$out/pages/katex/render.js"
cp docs/*.png "$out/pages"
python3 docs/assemble.py "$out/pages" "$program"
(cd "$out" && mkdocs build --quiet --strict)

version=$("$program" --version | awk 'NR == 1 { print $2 }')
reference() {  # FOLDER NAME INPUT OPTIONS...
    folder=$1 name=$2 input=$3
    shift 3
    { cat docs/Doxyfile
      echo "PROJECT_NAME = \"fieldfold, $name\""
      echo "PROJECT_NUMBER = $version"
      echo "INPUT = $input"
      echo "STRIP_FROM_PATH = $input"
      echo "OUTPUT_DIRECTORY = $out/site/reference"
      echo "HTML_OUTPUT = $folder"
      for option in "$@"; do echo "$option"; done
    } | doxygen -
}
reference modules "C++20 modules" modules 'FILE_PATTERNS = *.cppm'
reference cpp "C++17" interfaces/cpp
reference c C interfaces/c 'FILE_PATTERNS = *.h' 'OPTIMIZE_OUTPUT_FOR_C = YES'
reference fortran Fortran interfaces/fortran 'FILE_PATTERNS = *.f90' 'OPTIMIZE_FOR_FORTRAN = YES' 'EXTRACT_PRIVATE = NO'
reference python Python interfaces/python 'FILE_PATTERNS = *.py' 'OPTIMIZE_OUTPUT_JAVA = YES' 'PYTHON_DOCSTRING = NO'
echo "$out/site/index.html"
