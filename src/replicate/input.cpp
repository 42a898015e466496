// SPDX-License-Identifier: PostgreSQL
#include "replicate/input.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "core/text.hpp"

namespace atelier::replicate {
namespace {

namespace json = core::json;
namespace text = core::text;
using json::Value;

constexpr std::string_view kInternal[] = {"priority",          "auto_retry_count", "fallback_provider",
                                          "original_provider", "replicate_error",  "fal_error"};
constexpr std::string_view kInternalPrefix = "keyframe_";

// Fields whose texts become numbers. Names that models use for words too, such as megapixels, are not among them.
constexpr std::string_view kWholeNumbers[] = {
    "seed",           "width",       "height",         "duration",         "fps",        "frames_per_second",
    "num_frames",     "num_outputs", "num_images",     "number_of_images", "max_images", "num_inference_steps",
    "steps",          "num_steps",   "sample_steps",   "output_quality",   "quality",    "safety_tolerance",
    "top_k",          "max_tokens",  "max_new_tokens", "min_new_tokens",   "max_length", "max_completion_tokens",
    "image_size",     "target_size", "batch_size",     "motion_bucket_id", "num_beams",  "decoding_t",
    "denoising_steps"};
constexpr std::string_view kNumbers[] = {"guidance", "cfg",          "strength",    "denoise",     "denoising_end",
                                         "scale",    "scale_factor", "creativity",  "resemblance", "dynamic",
                                         "hdr",      "sharpen",      "temperature", "top_p",       "sample_shift"};
constexpr std::string_view kNumberEndings[] = {"_scale", "_strength"};

constexpr std::string_view kUrlFields[] = {
    "image",       "image_input",     "image_prompt", "control_image",     "video",      "video_input",
    "video_files", "reference_video", "audio",        "audio_input",       "audio_file", "mask",
    "mask_path",   "last_frame",      "first_frame",  "subject_reference", "input_audio"};
constexpr std::string_view kUrlEndings[] = {"_image", "_images", "_url", "_urls", "_mask"};

// Where models take the picture to work on, and the mask on it.
constexpr std::string_view kImageFields[] = {"image",      "input_image", "image_input", "image_url",
                                             "image_urls", "images",      "input_images"};
constexpr std::string_view kMaskFields[] = {"mask", "mask_image", "mask_url"};

constexpr std::array<int64_t, 2> kFiveOrTen{5, 10};
constexpr std::array<int64_t, 2> kSixOrTen{6, 10};
constexpr std::array<int64_t, 3> kFourSixEight{4, 6, 8};
constexpr std::array<int64_t, 11> kTwoToTwelve{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

struct Family {
  std::string_view name;
  const int64_t* durations;
  size_t count;
};

template <size_t n>
constexpr Family family(std::string_view name, const std::array<int64_t, n>& durations) {
  return {name, durations.data(), n};
}

constexpr std::array<Family, 7> kFamilies{{
    family("kling", kFiveOrTen),
    family("wan", kFiveOrTen),
    family("gen4", kFiveOrTen),
    family("hailuo", kSixOrTen),
    family("minimax", kSixOrTen),
    family("seedance", kTwoToTwelve),
    family("veo", kFourSixEight),
}};

template <typename Names>
bool is_one_of(std::string_view key, const Names& names) noexcept {
  return std::find(std::begin(names), std::end(names), key) != std::end(names);
}

template <typename Endings>
bool ends_with_one_of(std::string_view key, const Endings& endings) noexcept {
  return std::any_of(std::begin(endings), std::end(endings), [&](auto ending) { return key.ends_with(ending); });
}

bool is_number_field(std::string_view key) noexcept {
  return is_one_of(key, kNumbers) || ends_with_one_of(key, kNumberEndings);
}

bool is_url_field(std::string_view key) noexcept {
  return is_one_of(key, kUrlFields) || is_one_of(key, kImageFields) || ends_with_one_of(key, kUrlEndings);
}

bool is_url(std::string_view url) noexcept { return text::is_http_url(url) || text::is_data_uri(url); }

constexpr bool is_letter(char c) noexcept { return c >= 'a' && c <= 'z'; }

// Whether the name of the family stands in the reference as a word, so that "wan" is not found in "swan".
bool is_of_family(std::string_view lower_model, std::string_view name) noexcept {
  for (size_t at = lower_model.find(name); at != std::string_view::npos; at = lower_model.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || !is_letter(lower_model[at - 1])) && (end == lower_model.size() || !is_letter(lower_model[end])))
      return true;
  }
  return false;
}

// The duration that the model's family offers and that is nearest; of two as near the shorter, which costs less.
int64_t offered_duration(std::string_view model, int64_t asked) {
  const std::string lower = text::lower(model);
  for (const Family& one : kFamilies) {
    if (!is_of_family(lower, one.name)) continue;
    asked = std::clamp(asked, one.durations[0], one.durations[one.count - 1]);
    return *std::min_element(one.durations, one.durations + one.count,
                             [&](int64_t a, int64_t b) { return std::abs(a - asked) < std::abs(b - asked); });
  }
  return asked;
}

using Content = std::variant<Value, std::string_view, int64_t, double, std::vector<Value>>;

struct Field {
  std::string_view key;
  Content content;
};

class Builder {
 public:
  explicit Builder(const InputSource& source) : source_(source) {}

  BuiltInput build() {
    collect();
    for (Field& field : fields_) clean(field);
    drop_empty();
    settle_aspect_ratio();
    if (source_.action == "remove_bg" && !has_any(kImageFields)) return {{}, "remove_bg needs an image"};
    if (source_.action == "inpaint" && !(has_any(kImageFields) && has_any(kMaskFields)))
      return {{}, "inpaint needs an image and a mask"};
    return {write(), {}};
  }

 private:
  void collect() {
    std::unordered_map<std::string_view, size_t> places;
    const auto set = [&](std::string_view key, Content content) {
      const auto [place, added] = places.emplace(key, fields_.size());
      if (added)
        fields_.push_back({key, std::move(content)});
      else
        fields_[place->second].content = std::move(content);
    };
    for (const json::Member member : source_.settings.members()) {
      if (!is_internal_setting(member.key)) set(member.key, member.value);
    }
    if (source_.prompt && !text::trim(*source_.prompt).empty()) set("prompt", *source_.prompt);
    for (const auto& [key, url] : {std::pair("image", source_.image_url), std::pair("video", source_.video_url)}) {
      if (url && !text::trim(*url).empty()) set(key, text::trim(*url));
    }
  }

  std::vector<Field>::iterator find(std::string_view key) {
    return std::find_if(fields_.begin(), fields_.end(), [&](const Field& field) { return field.key == key; });
  }

  static std::optional<std::string_view> text_of(const Field& field) {
    if (const auto* column = std::get_if<std::string_view>(&field.content)) return *column;
    const auto* value = std::get_if<Value>(&field.content);
    return value == nullptr ? std::nullopt : value->as_string();
  }

  static bool is_empty(const Field& field) {
    if (const auto string = text_of(field)) return text::trim(*string).empty();
    if (const auto* elements = std::get_if<std::vector<Value>>(&field.content)) return elements->empty();
    const auto* value = std::get_if<Value>(&field.content);
    if (value == nullptr) return false;
    return value->is_null() || !value->exists() || ((value->is_array() || value->is_object()) && value->size() == 0);
  }

  void clean(Field& field) const {
    if (is_one_of(field.key, kWholeNumbers)) {
      round(field);
      if (field.key == "duration") {
        if (auto* duration = std::get_if<int64_t>(&field.content))
          *duration = offered_duration(source_.model, *duration);
      }
    } else if (is_number_field(field.key)) {
      if (const auto number = number_in(field); number && text_of(field)) {
        // As a program of the app's language writes it: 4, not 4.0.
        constexpr double kExact = 9.0e15;
        if (*number == std::trunc(*number) && std::fabs(*number) < kExact)
          field.content = static_cast<int64_t>(*number);
        else
          field.content = *number;
      }
    } else if (is_url_field(field.key)) {
      keep_urls(field);
    }
  }

  // The number that a value is, or that its text says.
  static std::optional<double> number_in(const Field& field) {
    const auto string = text_of(field);
    if (!string) {
      const auto* value = std::get_if<Value>(&field.content);
      return value == nullptr ? std::nullopt : value->as_double();
    }
    const std::string_view digits = text::trim(*string);
    if (digits.find_first_not_of("0123456789.-+eE") != std::string_view::npos) return std::nullopt;
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(number)) return std::nullopt;
    return number;
  }

  static std::optional<int64_t> whole_number_in(const Field& field) {
    // A seed may have more digits than a double.
    if (const auto string = text_of(field)) {
      const std::string_view digits = text::trim(*string);
      int64_t number = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (error == std::errc() && end == digits.data() + digits.size()) return number;
    } else if (const auto* value = std::get_if<Value>(&field.content)) {
      if (const auto number = value->as_int64()) return number;
    }
    const auto number = number_in(field);
    constexpr double kLimit = 9.0e18;
    if (!number || std::fabs(*number) > kLimit) return std::nullopt;
    return std::llround(*number);
  }

  static void round(Field& field) {
    if (const auto number = whole_number_in(field)) field.content = *number;
  }

  // Texts that are no URL leave the field, or the list in it; what is no text is left to the provider.
  static void keep_urls(Field& field) {
    if (const auto url = text_of(field)) {
      if (!is_url(*url)) field.content = std::string_view();
      return;
    }
    const auto* value = std::get_if<Value>(&field.content);
    if (value == nullptr || !value->is_array()) return;
    std::vector<Value> kept;
    for (const Value element : value->elements()) {
      const auto url = element.as_string();
      if (url ? is_url(*url) : !element.is_null()) kept.push_back(element);
    }
    field.content = std::move(kept);
  }

  void drop_empty() { fields_.erase(std::remove_if(fields_.begin(), fields_.end(), is_empty), fields_.end()); }

  template <typename Names>
  bool has_any(const Names& names) const {
    return std::any_of(fields_.begin(), fields_.end(), [&](const Field& field) { return is_one_of(field.key, names); });
  }

  void settle_aspect_ratio() {
    const auto field = find("aspect_ratio");
    if (field == fields_.end() || text_of(*field) != "match_input_image") return;
    if (has_any(kImageFields))
      fields_.erase(field);
    else
      field->content = std::string_view("1:1");
  }

  std::string write() const {
    json::Writer out;
    out.begin_object();
    for (const Field& field : fields_) {
      out.key(field.key);
      std::visit([&](const auto& content) { write_content(out, content); }, field.content);
    }
    return out.end_object().take();
  }

  static void write_content(json::Writer& out, Value value) { out.value(value); }
  static void write_content(json::Writer& out, std::string_view string) { out.string(string); }
  static void write_content(json::Writer& out, int64_t number) { out.integer(number); }
  static void write_content(json::Writer& out, double number) { out.number(number); }
  static void write_content(json::Writer& out, const std::vector<Value>& elements) {
    out.begin_array();
    for (const Value element : elements) out.value(element);
    out.end_array();
  }

  const InputSource& source_;
  std::vector<Field> fields_;
};

}  // namespace

BuiltInput build_input(const InputSource& source) { return Builder(source).build(); }

bool is_internal_setting(std::string_view key) noexcept {
  return key.starts_with(kInternalPrefix) || is_one_of(key, kInternal);
}

}  // namespace atelier::replicate
