// SPDX-License-Identifier: PostgreSQL
#include "http/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>

namespace atelier::http {

namespace {

struct Block {
  uint32_t network;
  int bits;
};

constexpr uint32_t ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) { return a << 24 | b << 16 | c << 8 | d; }

// What the registry of special purposes lists as not globally reachable, and multicast.
constexpr Block kSpecial[] = {
    {ip(0, 0, 0, 0), 8},      {ip(10, 0, 0, 0), 8},     {ip(100, 64, 0, 0), 10}, {ip(127, 0, 0, 0), 8},
    {ip(169, 254, 0, 0), 16}, {ip(172, 16, 0, 0), 12},  {ip(192, 0, 0, 0), 24},  {ip(192, 0, 2, 0), 24},
    {ip(192, 88, 99, 0), 24}, {ip(192, 168, 0, 0), 16}, {ip(198, 18, 0, 0), 15}, {ip(198, 51, 100, 0), 24},
    {ip(203, 0, 113, 0), 24}, {ip(224, 0, 0, 0), 4},    {ip(240, 0, 0, 0), 4},
};

bool is_public_v4(uint32_t address) noexcept {
  for (const Block& block : kSpecial)
    if ((address >> (32 - block.bits)) == (block.network >> (32 - block.bits))) return false;
  return true;
}

uint32_t v4_at(const uint8_t* bytes) noexcept { return ip(bytes[0], bytes[1], bytes[2], bytes[3]); }

// Only global unicast, 2000::/3, and of that nothing that leads to an IPv4 address or is for documents.
bool is_public_v6(const uint8_t* b) noexcept {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::memcmp(b, kMapped, sizeof kMapped) == 0) return is_public_v4(v4_at(b + 12));
  if ((b[0] & 0xE0) != 0x20) return false;
  if (b[0] == 0x20 && b[1] == 0x02) return is_public_v4(v4_at(b + 2));
  if (b[0] == 0x20 && b[1] == 0x01 && b[2] < 0x02) return false;
  if (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0D && b[3] == 0xB8) return false;
  return !(b[0] == 0x3F && b[1] == 0xFF && b[2] < 0x10);
}

}  // namespace

bool is_public_address(const sockaddr* address) noexcept {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    return is_public_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    return is_public_v6(v6.sin6_addr.s6_addr);
  }
  return false;
}

}  // namespace atelier::http
