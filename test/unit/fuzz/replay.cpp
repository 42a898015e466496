// SPDX-License-Identifier: PostgreSQL
// What runs a fuzz target without a fuzzer: every file of the folder that is named on the command line is fed to it
// once. A corpus that is missing or empty is a failure, since it would test nothing.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <system_error>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

std::set<std::filesystem::path> files_of(const char* folder) {
  std::set<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_regular_file(error)) files.insert(entry.path());
  }
  return files;
}

bool replay(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return false;
  const std::string data{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(data.data()), data.size());
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
    return 2;
  }
  const auto files = files_of(arguments[1]);
  if (files.empty()) {
    std::fprintf(stderr, "no files in %s\n", arguments[1]);
    return 1;
  }
  for (const auto& path : files) {
    if (replay(path)) continue;
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return 1;
  }
  std::printf("%zu files\n", files.size());
  return 0;
}
