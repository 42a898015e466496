// SPDX-License-Identifier: PostgreSQL
#include "pg/kept_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "pg/error.hpp"

extern "C" {
#include "miscadmin.h"
#include "pgstat.h"
}

namespace atelier::pg {

namespace {

// The server's processes run in its data directory.
struct Path {
  char text[64];
  explicit Path(unsigned database) { snprintf(text, sizeof(text), "%s/atelier.%u", PG_STAT_TMP_DIR, database); }
};

}  // namespace

void* kept_memory(size_t bytes) {
  const Path path(MyDatabaseId);
  void* memory = MAP_FAILED;
  int error = 0;
  const int fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (fd < 0) {
    error = errno;
  } else {
    // Places are taken beforehand: a full disk must not end the process later.
    error = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
    if (error == 0) memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (error == 0 && memory == MAP_FAILED) error = errno;
    close(fd);
  }
  if (memory != MAP_FAILED) return memory;
  report(Level::log, std::string("atelier: file \"") + path.text + "\" cannot be used: " + strerror(error));
  return nullptr;
}

void forget_kept_memory(unsigned database) noexcept { unlink(Path(database).text); }

}  // namespace atelier::pg
