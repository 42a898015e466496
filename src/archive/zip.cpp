// SPDX-License-Identifier: PostgreSQL
#include "archive/zip.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace atelier::archive {

namespace {

constexpr int kMode = 0644;
constexpr size_t kPiece = 64 * 1024;

}  // namespace

struct ZipWriter::Inside {
  ::archive* handle = nullptr;

  void check(int code) const {
    if (code == ARCHIVE_OK) return;
    const char* reason = archive_error_string(handle);
    throw std::runtime_error(reason == nullptr ? "the ZIP cannot be written" : reason);
  }

  void begin(const std::string& name, int64_t size) const {
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(), archive_entry_free);
    if (!entry) throw std::runtime_error("out of memory");
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), size);
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), kMode);
    check(archive_write_header(handle, entry.get()));
  }

  void data(const char* bytes, size_t length) const {
    const la_ssize_t written = archive_write_data(handle, bytes, length);
    if (written != static_cast<la_ssize_t>(length)) {
      const char* reason = archive_error_string(handle);
      throw std::runtime_error(reason == nullptr ? "the ZIP cannot be written" : reason);
    }
  }
};

ZipWriter::ZipWriter(int fd) : inside_(std::make_unique<Inside>()) {
  inside_->handle = archive_write_new();
  if (inside_->handle == nullptr) throw std::runtime_error("out of memory");
  try {
    inside_->check(archive_write_set_format_zip(inside_->handle));
    inside_->check(archive_write_zip_set_compression_store(inside_->handle));
    inside_->check(archive_write_set_bytes_in_last_block(inside_->handle, 1));
    inside_->check(archive_write_open_fd(inside_->handle, fd));
  } catch (...) {
    archive_write_free(inside_->handle);
    throw;
  }
}

ZipWriter::~ZipWriter() {
  // Closes what was not finished, too: an archive that is marked as failed first keeps its buffer for ever.
  archive_write_free(inside_->handle);
}

void ZipWriter::add_file(const std::string& name, int fd, int64_t size) {
  inside_->begin(name, size);
  std::array<char, kPiece> piece;
  for (int64_t at = 0; at < size;) {
    const auto wanted = static_cast<size_t>(std::min<int64_t>(size - at, static_cast<int64_t>(piece.size())));
    const ssize_t length = pread(fd, piece.data(), wanted, at);
    if (length <= 0) throw std::runtime_error("a file for the ZIP cannot be read");
    inside_->data(piece.data(), static_cast<size_t>(length));
    at += length;
  }
  inside_->check(archive_write_finish_entry(inside_->handle));
}

void ZipWriter::add_text(const std::string& name, std::string_view text) {
  inside_->begin(name, static_cast<int64_t>(text.size()));
  inside_->data(text.data(), text.size());
  inside_->check(archive_write_finish_entry(inside_->handle));
}

void ZipWriter::finish() { inside_->check(archive_write_close(inside_->handle)); }

}  // namespace atelier::archive
