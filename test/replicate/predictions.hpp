// SPDX-License-Identifier: PostgreSQL
// Reading, listing and cancelling predictions and trainings. Making them is create.hpp.
#pragma once

#include "call.hpp"

namespace stand_in {

Answer get_prediction(const Call& call);     // GET predictions/{id}
Answer list_predictions(const Call& call);   // GET predictions
Answer cancel_prediction(const Call& call);  // POST predictions/{id}/cancel

Answer get_training(const Call& call);     // GET trainings/{id}
Answer list_trainings(const Call& call);   // GET trainings
Answer cancel_training(const Call& call);  // POST trainings/{id}/cancel

}  // namespace stand_in
