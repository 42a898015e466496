// SPDX-License-Identifier: PostgreSQL
// Settings that the REST gateway makes for each request (request.jwt.claims and its like). Used by rpc/ at every call
// of a policy, so reading one costs a look-up and no copy. The answer's own settings (response.status) go the other
// way.
#pragma once

#include <string_view>

namespace atelier::pg {

// The value of a setting, empty when it does not exist. Valid until the setting changes.
std::string_view request_setting(const char* name);

// Sets it until the transaction ends.
void set_request_setting(const char* name, const char* value);

}  // namespace atelier::pg
