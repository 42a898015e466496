// SPDX-License-Identifier: PostgreSQL
// The number of votes of an idea, which the trigger on idea_votes keeps. Runs as the owner of the tables, whoever
// votes: nobody else may write that number.
#pragma once

#include "store/uuid.hpp"

namespace atelier::store::ideas {

// Adds to the number of votes, never below zero. Voters of one idea wait for each other until they commit.
void count_votes(const core::Uuid& idea, int32_t change);

}  // namespace atelier::store::ideas
