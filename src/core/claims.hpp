// SPDX-License-Identifier: PostgreSQL
// Who is calling, as the claims of a verified JWT say. Called for atelier.uid() and atelier.role(); whoever calls
// caches the answer. Malformed claims mean nobody: it never throws and never tells why. It verifies no signature.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/uuid.hpp"

namespace atelier::core {

// The caller. Without a subject and with an empty role it is nobody.
struct Identity {
  std::optional<Uuid> sub;
  std::string role;

  friend bool operator==(const Identity&, const Identity&) = default;
};

// Reads the settings that PostgREST makes. `claims` is request.jwt.claims, a JSON object; `legacy_sub` and
// `legacy_role` are request.jwt.claim.sub and request.jwt.claim.role, which older versions set. An empty text means
// that the setting is not set. When `claims` is set it decides alone, even when it is malformed: the two sources are
// never mixed. A `sub` that is no UUID is no subject; the role beside it still counts.
Identity identity_from(std::string_view claims, std::string_view legacy_sub, std::string_view legacy_role) noexcept;

}  // namespace atelier::core
