// SPDX-License-Identifier: PostgreSQL
// Which addresses lie in the public internet. Asked when a socket is about to be opened to what a name has been
// resolved to, so that a name that changes its address gains nothing. Used by transfer.cpp only.
#pragma once

#include <sys/socket.h>

namespace atelier::http {

// Not loopback, private, link-local, shared, reserved, multicast or an IPv4 address of these in IPv6 clothes.
bool is_public_address(const sockaddr* address) noexcept;

}  // namespace atelier::http
