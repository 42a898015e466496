// SPDX-License-Identifier: PostgreSQL
// HMAC-SHA256 by the server's own implementation. For rpc/.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace atelier::pg {

// The 32 bytes of the code of `parts`, one after the other.
std::string hmac_sha256(std::string_view key, std::initializer_list<std::string_view> parts);

}  // namespace atelier::pg
