// SPDX-License-Identifier: PostgreSQL
// The provider's input of a generation, built from its columns the way the app's create route does. Called by the
// insert trigger when replicate_input is null. It fetches nothing and does not know the models' schemas.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/json.hpp"

namespace atelier::replicate {

// The columns of a generation; views that need to live only during the call.
struct InputSource {
  std::string_view action;
  std::string_view model;  // replicate_model
  std::optional<std::string_view> prompt;
  std::optional<std::string_view> image_url;
  std::optional<std::string_view> video_url;
  core::json::Value settings;  // absent, null or an object; everything else counts as empty
};

// The input as compact JSON text, or why there is none: lower case, without full stop, for the user.
struct BuiltInput {
  std::string json;
  std::string error;

  explicit operator bool() const noexcept { return error.empty(); }
};

// settings without the internal keys, then prompt, image and video, which win over settings of the same name. Then
// cleaned: empty values are removed; numeric texts of known fields become numbers, whole ones rounded; aspect_ratio
// match_input_image becomes 1:1 where there is no image and is left out where there is one; duration is moved to what
// the model's family offers; fields for URLs that hold neither http(s) URL nor data: URI are removed. Errors: remove_bg
// without image, inpaint without image or mask.
BuiltInput build_input(const InputSource& source);

// Whether a key of settings is the product's or the app's own and never goes to the provider.
bool is_internal_setting(std::string_view key) noexcept;

}  // namespace atelier::replicate
