// SPDX-License-Identifier: PostgreSQL
#include "pg/time_zone.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "pgtime.h"
}

namespace atelier::pg {

namespace {

pg_tz* find(const std::string& name) {
  return guard([&] { return pg_tzset(name.c_str()); });
}

}  // namespace

bool is_time_zone(const std::string& name) {
  pg_tz* zone = find(name);
  return zone != nullptr && pg_tz_acceptable(zone);
}

int64_t seconds_ahead_of_utc(const std::string& zone, int64_t utc_s) {
  pg_tz* found = find(zone);
  if (found == nullptr) return 0;
  const pg_time_t time = utc_s;
  const pg_tm* local = pg_localtime(&time, found);
  return local == nullptr ? 0 : local->tm_gmtoff;
}

}  // namespace atelier::pg
