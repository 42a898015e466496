// SPDX-License-Identifier: PostgreSQL
#include "store/wish.hpp"

namespace atelier::store::wish {

namespace {

constinit Wish wish = Wish::none;

}  // namespace

Wish current() noexcept { return wish; }

Expressed::Expressed(Wish expressed) noexcept : previous_(wish) { wish = expressed; }
Expressed::~Expressed() { wish = previous_; }

}  // namespace atelier::store::wish
