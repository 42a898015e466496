// SPDX-License-Identifier: PostgreSQL
#include "pg/temp_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "pg/entry.hpp"
#include "pg/error.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "storage/fd.h"
}

namespace atelier::pg {

TempFile::TempFile() {
  file_ = guard([] { return static_cast<int>(OpenTemporaryFile(true)); });
  // The server may close its own descriptor to open other files.
  fd_ = guard([&] { return fcntl(FileGetRawDesc(file_), F_DUPFD_CLOEXEC, 0); });
  if (fd_ < 0) {
    guard([&] { FileClose(file_); });
    fail(Code::internal_error, "no descriptor for a temporary file");
  }
}

TempFile::~TempFile() {
  close(fd_);
  enter_callback("end of a temporary file", [&] { guard([&] { FileClose(file_); }); });
}

int64_t TempFile::size() const noexcept { return lseek(fd_, 0, SEEK_END); }

void TempFile::clear() noexcept {
  lseek(fd_, 0, SEEK_SET);
  if (ftruncate(fd_, 0) != 0) lseek(fd_, 0, SEEK_SET);
}

}  // namespace atelier::pg
