// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

#include "core/json_number.hpp"
#include "core/json_rapidjson.hpp"
#include "core/json_storage.hpp"

namespace atelier::core::json {
namespace {

using rapidjson::SizeType;

constexpr unsigned kParseFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;

// Positions are 32 bits wide.
constexpr size_t kMostBytes = size_t{1} << 30;

constexpr bool is_number_char(char c) noexcept {
  return std::string_view("0123456789+-.eE").find(c) != std::string_view::npos;
}

// RapidJSON refuses numbers beyond the range of double. In a copy of the text each number that may be one becomes a 0
// and spaces, so that all places stay; the digits are taken from the text itself.
std::string without_large_numbers(std::string_view text) {
  constexpr size_t kSurelySmall = 300;
  std::string copy(text);
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') in_string = !in_string;
    if (in_string && text[i] == '\\') ++i;
    if (in_string || i >= text.size() || !is_number_char(text[i])) continue;
    const size_t length = number_length(text, i);
    const std::string_view number = text.substr(i, length);
    if (length > kSurelySmall || number.find_first_of("eE") != std::string_view::npos) {
      copy.replace(i, length, length, ' ');
      copy[i] = '0';
    }
    while (i + 1 < text.size() && is_number_char(text[i + 1])) ++i;
  }
  return copy;
}

// RapidJSON lets the escape of a low surrogate without a high one pass and writes it as if it were a character. In
// UTF-8 its first byte begins characters only, so it cannot be found inside another one.
bool holds_surrogate(std::string_view text) noexcept {
  for (size_t i = text.find('\xED'); i < text.size(); i = text.find('\xED', i + 1)) {
    if (i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0xA0) return true;
  }
  return false;
}

// Receives RapidJSON's events and writes the nodes.
class Builder {
 public:
  Builder(std::string_view text, std::string_view read, const rapidjson::MemoryStream& stream, const Limits& limits)
      : text_(text), read_(read), stream_(stream), limits_(limits), storage_(std::make_shared<Storage>()) {
    storage_->buffer.reserve(text.size());
  }

  bool Null() { return add({Type::null, 0, 0, 0}); }
  bool Bool(bool value) { return add({Type::boolean, value ? 1U : 0U, 0, 0}); }
  bool Int(int) { return number(); }
  bool Uint(unsigned) { return number(); }
  bool Int64(int64_t) { return number(); }
  bool Uint64(uint64_t) { return number(); }
  bool Double(double) { return number(); }
  bool RawNumber(const char*, SizeType, bool) { return number(); }
  bool String(const char* chars, SizeType length, bool) { return add_string({chars, length}); }
  bool Key(const char* chars, SizeType length, bool) { return add_string({chars, length}); }
  bool StartObject() { return open(Type::object); }
  bool EndObject(SizeType members) { return close(members); }
  bool StartArray() { return open(Type::array); }
  bool EndArray(SizeType elements) { return close(elements); }

  const char* refusal() const noexcept { return refusal_; }
  std::shared_ptr<Storage> take() { return std::move(storage_); }

 private:
  bool add(Node node) {
    std::vector<Node>& nodes = storage_->nodes;
    if (nodes.size() >= limits_.max_values) return refuse("too many values");
    node.next = static_cast<uint32_t>(nodes.size() + 1);
    nodes.push_back(node);
    return true;
  }

  bool add_text(Type type, std::string_view text) {
    const size_t begin = storage_->buffer.size();
    storage_->buffer += text;
    return add({type, static_cast<uint32_t>(begin), static_cast<uint32_t>(text.size()), 0});
  }

  bool add_string(std::string_view text) {
    if (holds_surrogate(text)) return refuse("the surrogate pair in string is invalid");
    return add_text(Type::string, text);
  }

  // RapidJSON has just read a number, in full. Where it begins is the same in both texts.
  bool number() {
    size_t begin = stream_.Tell();
    while (begin > 0 && is_number_char(read_[begin - 1])) --begin;
    return add_text(Type::number, text_.substr(begin, number_length(text_, begin)));
  }

  bool open(Type type) {
    if (open_.size() >= limits_.max_depth) return refuse("nested too deeply");
    open_.push_back(static_cast<uint32_t>(storage_->nodes.size()));
    return add({type, 0, 0, 0});
  }

  bool close(SizeType size) {
    Node& node = storage_->nodes[open_.back()];
    node.length = size;
    node.next = static_cast<uint32_t>(storage_->nodes.size());
    open_.pop_back();
    return true;
  }

  bool refuse(const char* why) {
    refusal_ = why;
    return false;
  }

  std::string_view text_;
  std::string_view read_;
  const rapidjson::MemoryStream& stream_;
  const Limits& limits_;
  std::shared_ptr<Storage> storage_;
  std::vector<uint32_t> open_;
  const char* refusal_ = nullptr;
};

std::string message(rapidjson::ParseErrorCode code) {
  std::string text = rapidjson::GetParseError_En(code);
  if (!text.empty() && text.back() == '.') text.pop_back();
  if (!text.empty() && text.front() >= 'A' && text.front() <= 'Z') text.front() = static_cast<char>(text.front() + 32);
  return text;
}

Parsed failed(std::string error, size_t offset) { return {std::nullopt, std::move(error), offset}; }

// `read` is what RapidJSON gets: the text itself or its copy without large numbers.
Parsed parse_as(std::string_view text, std::string_view read, const Limits& limits) {
  rapidjson::MemoryStream stream(read.data(), read.size());
  Builder builder(text, read, stream, limits);
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kParseFlags>(stream, builder);
  if (!result.IsError()) return {Document(builder.take()), {}, 0};
  if (builder.refusal() != nullptr) return failed(builder.refusal(), result.Offset());
  if (result.Code() == rapidjson::kParseErrorNumberTooBig && text.data() == read.data()) {
    return parse_as(text, without_large_numbers(text), limits);
  }
  return failed(message(result.Code()), result.Offset());
}

}  // namespace

Parsed parse(std::string_view text, const Limits& limits) {
  if (text.size() > std::min(limits.max_bytes, kMostBytes)) {
    return failed("longer than " + std::to_string(std::min(limits.max_bytes, kMostBytes)) + " bytes", 0);
  }
  // RapidJSON takes a NUL byte for the end.
  const size_t nul = text.find('\0');
  if (nul != std::string_view::npos) return failed("the text holds a NUL byte", nul);
  return parse_as(text, text, limits);
}

}  // namespace atelier::core::json
