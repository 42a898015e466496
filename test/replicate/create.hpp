// SPDX-License-Identifier: PostgreSQL
// The requests that make predictions and trainings, which are the ones that cost money: every one is counted, whatever
// becomes of it. The router calls these also for callers whom it would refuse, so that those requests count too.
#pragma once

#include "call.hpp"

namespace stand_in {

Answer create_by_version(const Call& call);     // POST predictions
Answer create_by_model(const Call& call);       // POST models/{owner}/{name}/predictions
Answer create_by_deployment(const Call& call);  // POST deployments/{owner}/{name}/predictions
Answer create_training(const Call& call);       // POST models/{owner}/{name}/versions/{id}/trainings

}  // namespace stand_in
