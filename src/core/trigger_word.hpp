// SPDX-License-Identifier: PostgreSQL
// The word that calls a LoRA in a prompt, in the one form in which it is kept. Called by the trigger on user_loras;
// pure, like the rest of core.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace atelier::core {

// The word without surrounding white space, in upper case, with `_` for each white space inside; nullopt unless it is
// then 1 to 50 characters of A-Z, 0-9 and _.
std::optional<std::string> normal_trigger_word(std::string_view word);

}  // namespace atelier::core
