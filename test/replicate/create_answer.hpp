// SPDX-License-Identifier: PostgreSQL
// Makes the prediction of a creating request that passed all checks, and the answer to it, with every way in which that
// answer can come late, get lost or lie. Used by create.cpp.
#pragma once

#include <string>

#include "call.hpp"

namespace stand_in {

struct Making {
  Service& service;
  Prediction prediction;
  Pace pace;
  std::string token;
  Fault fault = Fault::kNone;  // what to answer though the prediction is made
  Loss loss = Loss::kNone;
  std::string prefer = {};
};

// Makes the prediction, now or later, and tells about it.
Answer created_answer(const Making& making);

// The same answer about a prediction that is not made.
Answer imagined_answer(const Making& making);

}  // namespace stand_in
