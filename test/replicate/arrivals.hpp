// SPDX-License-Identifier: PostgreSQL
// When creating requests arrived and how they were answered: the first ones since the last reset, for measurements and
// for assertions about order and rate. Written by the creating handler, read by the control endpoint.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "json.hpp"

namespace stand_in {

struct Arrival {
  int64_t at_us = 0;
  std::string account;
  std::string token;
  std::string model;
  std::string prompt;  // its first 200 bytes
  int status = 0;
};

class Arrivals {
 public:
  // True while fewer than `limit` are kept; asked first, since making an Arrival costs more than asking.
  bool wanted(size_t limit);
  void add(Arrival arrival);

  void write(JsonWriter& json, size_t limit) const;  // members `arrivals` and `dropped`
  void reset();

 private:
  mutable std::mutex mutex_;
  std::vector<Arrival> kept_;
  int64_t dropped_ = 0;
};

}  // namespace stand_in
