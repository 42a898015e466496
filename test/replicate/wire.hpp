// SPDX-License-Identifier: PostgreSQL
// An answer as bytes of HTTP/1.1: head and body, compressed or in chunks when the answer says so. Used by the session.
#pragma once

#include <string>

#include "message.hpp"

namespace stand_in {

struct WireAnswer {
  std::string head;
  std::string body;
};

// `accepts_gzip`: the client takes gzip; without it a body stays as it is.
WireAnswer encode(Answer answer, bool keep_alive, bool accepts_gzip);

}  // namespace stand_in
