// SPDX-License-Identifier: PostgreSQL
#include "pg/request.hpp"

#include "pg/compat.hpp"
#include "pg/guard.hpp"

namespace atelier::pg {

std::string_view RequestSetting::value() {
  const char* value = guard([&] { return compat::setting_value(name_, place_); });
  return value == nullptr ? std::string_view() : std::string_view(value);
}

void set_request_setting(const char* name, const char* value) {
  guard([&] { set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false); });
}

}  // namespace atelier::pg
