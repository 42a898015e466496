// SPDX-License-Identifier: PostgreSQL
// What kind of file an output is, told by its address alone. Called when a result is written into atelier.outputs. It
// downloads nothing.
#pragma once

#include <string_view>

namespace atelier::core {

// image, video, audio or model by the ending of the name in a URL, or by the type of a data: URI; file for what is
// not known.
std::string_view media_kind(std::string_view url);

}  // namespace atelier::core
