// SPDX-License-Identifier: PostgreSQL
// A UUID as sixteen bytes, in the order in which PostgreSQL keeps and compares them. Used wherever ids cross a layer;
// it makes no new ids.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atelier::core {

struct Uuid {
  std::array<uint8_t, 16> bytes{};

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// Reads the one form that PostgreSQL writes, 8-4-4-4-12 hex digits of either case; nullopt for everything else, also
// for the other forms that PostgreSQL would read (braces, no dashes, spaces around it).
std::optional<Uuid> parse_uuid(std::string_view text) noexcept;

// The lower-case form with dashes.
std::string to_string(const Uuid& uuid);

// For unordered containers. The bytes are random enough as they are.
struct UuidHash {
  size_t operator()(const Uuid& uuid) const noexcept;
};

}  // namespace atelier::core
