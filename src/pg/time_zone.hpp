// SPDX-License-Identifier: PostgreSQL
// Time zones as the server knows them, for schedules: how far a zone's clocks are ahead of UTC at an instant. Used by
// the setting atelier.timezone and by store/jobs.
#pragma once

#include <cstdint>
#include <string>

namespace atelier::pg {

bool is_time_zone(const std::string& name);

// Seconds ahead of UTC in the zone at an instant, given in seconds since the Unix epoch. 0 for a name that is no zone.
int64_t seconds_ahead_of_utc(const std::string& zone, int64_t utc_s);

}  // namespace atelier::pg
