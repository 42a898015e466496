// SPDX-License-Identifier: PostgreSQL
// Pictures for trainings, made up on the spot: /_pictures/KIND-BYTES/NAME. KIND is jpg, png, webp or text; the contents
// follow from kind, size and name. Further paths misbehave: redirect, status-CODE, slow (answered after 2 s). No token.
#pragma once

#include <string>
#include <vector>

#include "message.hpp"

namespace stand_in {

Answer picture(const std::vector<std::string>& parts);

}  // namespace stand_in
