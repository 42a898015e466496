// SPDX-License-Identifier: PostgreSQL
// This backend's map of what its transaction has changed in the numbers of generations, and how it gets into the tables
// at the end: lines that nobody else is writing are raised, at most a few at once; for all others a line is added to
// atelier.generation_count_deltas, so that no writer waits for another and none fails because of another. The keeper
// folds those. Used by store/counts.cpp only.
#pragma once

#include "core/counts.hpp"

namespace atelier::store::counts {

const core::counts::Deltas& own_changes() noexcept;

}  // namespace atelier::store::counts
