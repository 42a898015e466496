// SPDX-License-Identifier: PostgreSQL
#include "pg/request.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace atelier::pg {

std::string_view request_setting(const char* name) {
  const char* value = guard([&] { return GetConfigOption(name, true, false); });
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace atelier::pg
