// SPDX-License-Identifier: PostgreSQL
// What a prediction cost: the run time times the price of the hardware that the model runs on. The provider's API
// returns no price, so both tables are kept here, as the app keeps them. Called when a result is applied.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atelier::core {

// The hardware of a model reference: by its exact name, by the name before ":", else by its family; a guess in the end.
std::string_view hardware_of(std::string_view model) noexcept;

// The price of a hardware in millionths of a dollar per second; nullopt for a name that is not in the table.
std::optional<int64_t> price_micro_usd(std::string_view hardware) noexcept;

// The cost in dollars with six decimals, as generations.cost_usd takes it; nullopt when the run time (seconds) is
// unknown or no number a run can have.
std::optional<std::string> cost_usd(std::string_view model, std::optional<double> predict_time);

}  // namespace atelier::core
