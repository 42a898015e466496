// SPDX-License-Identifier: PostgreSQL
// Writes a ZIP into a file, entry by entry, over libarchive: stored and not compressed, since pictures are compressed
// already, and with no times, so that equal entries give equal bytes. Reads what it adds in small pieces. Called by the
// worker that makes training sets. It opens and closes no file, and knows neither PostgreSQL nor what the entries are.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace atelier::archive {

// All functions throw std::runtime_error when the file cannot be written or read.
class ZipWriter {
 public:
  // `fd` is written from where it stands; it must stay open until finish().
  explicit ZipWriter(int fd);
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  // The first `size` bytes of another file.
  void add_file(const std::string& name, int fd, int64_t size);
  void add_text(const std::string& name, std::string_view text);
  // Writes the directory. Nothing can be added afterwards.
  void finish();

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace atelier::archive
