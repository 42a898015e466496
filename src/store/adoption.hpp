// SPDX-License-Identifier: PostgreSQL
// Columns of adopted tables that install() has left to be filled, for adopt_backfill(). The work itself is done by
// functions of schema atelier that run as the owner of the tables.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace atelier::store::adoption {

struct Unfilled {
  std::string table;  // in the app schema, unquoted
  int64_t pages;
};
std::vector<Unfilled> unfilled();

// Nulls in these columns on the pages from `first` on and before `end` become the defaults.
void fill_pages(const std::string& table, int64_t first, int64_t end);
// Fills what was written meanwhile, under a lock, and makes the columns NOT NULL.
void end_backfill(const std::string& table);

}  // namespace atelier::store::adoption
