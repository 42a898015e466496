// SPDX-License-Identifier: PostgreSQL
// Numbers of JSON as text: where one ends, whether PostgreSQL's numeric can hold it, whether two are the same number.
// For the sources of core/json.hpp only. Nothing is converted to a machine number, so nothing is rounded.
#pragma once

#include <cstddef>
#include <string_view>

namespace atelier::core::json {

// The length of the number that begins at `at`; 0 when none does, or when it goes on in a way that numbers do not.
size_t number_length(std::string_view text, size_t at) noexcept;

// Whether numeric takes the number, with room to spare: at most 8,000 characters, an exponent of at most 8,000.
bool fits_numeric(std::string_view number) noexcept;

// Whether two numbers are equal: 1, 1.0 and 10e-1 are.
bool same_number(std::string_view a, std::string_view b) noexcept;

}  // namespace atelier::core::json
