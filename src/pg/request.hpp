// SPDX-License-Identifier: PostgreSQL
// Settings that the REST gateway makes for each request (request.jwt.claims and its like). Used by store/ at every call
// of a policy, so reading one costs a look-up and no copy. The answer's own settings (response.status) go the other
// way.
#pragma once

#include <string_view>

namespace atelier::pg {

class RequestSetting {
 public:
  constexpr explicit RequestSetting(const char* name) : name_(name) {}
  // Empty when it does not exist. Valid until the setting changes.
  std::string_view value();

 private:
  const char* name_;
  int place_ = 0;
};

// Sets it until the transaction ends.
void set_request_setting(const char* name, const char* value);

}  // namespace atelier::pg
