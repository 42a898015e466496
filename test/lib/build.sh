# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: PostgreSQL
# The builds of the checks, the demo and the bench, each in a folder of its own below build/, so that none disturbs
# another or what the developer made with plain `make`. Sourced after cluster.sh. A second call compiles only what changed.
#
#   build_extension NAME [MAKE-VARIABLE ...]   into `extension_folder NAME`; for example: build_extension test FAULTS=1
#   build_stand_in                             makes $stand_in_program
#   build_unit_tests                           into $unit_build, with the address and undefined-behaviour sanitizers

jobs=${JOBS:-$(nproc)}
unit_build=$atelier_root/build/unit
stand_in_build=$atelier_root/build/stand-in
stand_in_program=$stand_in_build/bin/replicate-stand-in

extension_folder() {
  echo "$atelier_root/build/$1-$pg_major"
}

# PGXS leaves the library in the current folder, and a VPATH build would take up what lies in the checkout. A folder of
# links to the sources has neither trouble.
build_extension() {
  local folder entry
  folder=$(extension_folder "$1")
  shift
  mkdir -p "$folder"
  for entry in Makefile extension.control src sql; do
    ln -sfn "$atelier_root/$entry" "$folder/$entry"
  done
  make -C "$folder" -j"$jobs" PG_CONFIG="$PG_CONFIG" "$@"
}

cmake_build() {
  local folder=$1 target=$2
  shift 2
  cmake -S "$atelier_root" -B "$folder" -DCMAKE_RUNTIME_OUTPUT_DIRECTORY="$folder/bin" "$@" &&
    cmake --build "$folder" --target "$target" -j"$jobs"
}

build_stand_in() {
  cmake_build "$stand_in_build" replicate-stand-in -DCMAKE_BUILD_TYPE=Release
}

build_unit_tests() {
  cmake_build "$unit_build" all -DCMAKE_BUILD_TYPE=Debug -DATELIER_SANITIZE=ON
}
