// SPDX-License-Identifier: PostgreSQL
// Base64 of RFC 4648 with padding, as signatures and keys are written in it. Pure; for replicate/ and rpc/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace atelier::core::base64 {

// The bytes; nullopt unless it is exactly what encode() makes of them: no line breaks, no missing or needless bits.
std::optional<std::string> decode(std::string_view text);
std::string encode(std::string_view bytes);

}  // namespace atelier::core::base64
