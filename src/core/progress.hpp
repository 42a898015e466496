// SPDX-License-Identifier: PostgreSQL
// How far a running prediction has come, as far as its logs tell: models print progress bars. Called by the dispatcher.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace atelier::core {

// The last percentage in the logs, from 0 to 100 without its fraction: 45 of " 45.7%|####". nullopt when there is none.
std::optional<int16_t> last_percent(std::string_view logs) noexcept;

}  // namespace atelier::core
