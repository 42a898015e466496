// SPDX-License-Identifier: PostgreSQL
#include "pg/hmac.hpp"

#include "pg/error.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
}

namespace atelier::pg {

namespace {

const uint8* bytes_of(std::string_view text) { return reinterpret_cast<const uint8*>(text.data()); }

bool compute(pg_hmac_ctx* context, std::string_view key, std::initializer_list<std::string_view> parts, uint8* code) {
  if (pg_hmac_init(context, bytes_of(key), key.size()) < 0) return false;
  for (const std::string_view part : parts)
    if (pg_hmac_update(context, bytes_of(part), part.size()) < 0) return false;
  return pg_hmac_final(context, code, PG_SHA256_DIGEST_LENGTH) >= 0;
}

}  // namespace

std::string hmac_sha256(std::string_view key, std::initializer_list<std::string_view> parts) {
  std::string code(PG_SHA256_DIGEST_LENGTH, '\0');
  const bool done = guard([&] {
    pg_hmac_ctx* context = pg_hmac_create(PG_SHA256);
    if (context == nullptr) return false;
    const bool computed = compute(context, key, parts, reinterpret_cast<uint8*>(code.data()));
    pg_hmac_free(context);
    return computed;
  });
  if (!done) fail(Code::internal_error, "a signature could not be computed");
  return code;
}

}  // namespace atelier::pg
