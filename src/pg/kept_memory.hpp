// SPDX-License-Identifier: PostgreSQL
// A piece of memory of one database that outlives its processes, also a crash of the server: a file of pg_stat_tmp,
// mapped. No backup has it, and nobody reads it but the dispatcher of that database. What a former process of another
// version or a broken disk has left in it is for the caller to tell.
#pragma once

#include <cstddef>

namespace atelier::pg {

// Of the process's own database, aligned to a page and mapped until the process ends; zeros when it is new. Null, with
// a line in the server log, when there is none.
void* kept_memory(size_t bytes);

// After its database has been dropped.
void forget_kept_memory(unsigned database) noexcept;

}  // namespace atelier::pg
