// SPDX-License-Identifier: PostgreSQL
// Names for URLs: making one from a name of a workspace, and telling whether a text is one. Called by the guard of
// workspaces and by translit_slug(). A slug that a user chose may keep letters of other alphabets; a made one does not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace atelier::core {

constexpr size_t kSlugCharacters = 50;

// The name in a-z, 0-9 and single hyphens, at most kSlugCharacters long: Cyrillic letters are written in Latin ones,
// everything else separates words. Empty when nothing is left.
std::string slug_from(std::string_view name);

// Whether the text is 1 to kSlugCharacters long and has only a-z, 0-9, hyphens, underscores and characters beyond ASCII
// that show.
bool is_slug(std::string_view text) noexcept;

}  // namespace atelier::core
