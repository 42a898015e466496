// SPDX-License-Identifier: PostgreSQL
// Hashes and signatures, from OpenSSL: version ids of models, checksums of files, secrets and signatures of webhooks.
#pragma once

#include <string>
#include <string_view>

namespace stand_in {

std::string sha256(std::string_view data);                             // 32 bytes
std::string sha256_hex(std::string_view data);                         // 64 lower-case digits
std::string md5_hex(std::string_view data);                            // 32 lower-case digits
std::string hmac_sha256(std::string_view key, std::string_view data);  // 32 bytes
std::string base64(std::string_view data);

}  // namespace stand_in
