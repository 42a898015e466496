// SPDX-License-Identifier: PostgreSQL
// A temporary file of the server, below pgsql_tmp: it goes with this object, with the process, and at the next start
// after a crash. It counts for temp_file_limit no more than the server's own descriptors do, so whoever fills it
// limits its size. Used by the workers; it lives over transactions.
#pragma once

#include <cstdint>

namespace atelier::pg {

class TempFile {
 public:
  // Raises what the server raises when it cannot make one.
  TempFile();
  ~TempFile();
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  // For reading and writing, as long as this object lives.
  int fd() const noexcept { return fd_; }
  int64_t size() const noexcept;
  // Empties it, to be written from its beginning.
  void clear() noexcept;

 private:
  int file_ = -1;
  int fd_ = -1;
};

}  // namespace atelier::pg
