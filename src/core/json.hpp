// SPDX-License-Identifier: PostgreSQL
// JSON for the whole product, and the only door to RapidJSON: its headers are included by the sources of this header
// alone. Parsing never recurses, is limited in size, depth and number of values, and reports errors as values. Reading
// is total: asking a value for what it is not gives nothing, never an abort. Numbers keep the digits they were written
// with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace atelier::core::json {

// A mistake of the caller, such as a value where a key is due. What comes from outside never causes one.
class Error : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

enum class Type : uint8_t { absent, null, boolean, number, string, array, object };

struct Storage;
class Elements;
class Members;

// A view of one value of a Document, which must outlive it. Cheap to copy. A default-made one is absent: not even null.
class Value {
 public:
  Value() noexcept = default;

  Type type() const noexcept;
  bool exists() const noexcept { return type() != Type::absent; }
  bool is_null() const noexcept { return type() == Type::null; }
  bool is_bool() const noexcept { return type() == Type::boolean; }
  bool is_number() const noexcept { return type() == Type::number; }
  bool is_string() const noexcept { return type() == Type::string; }
  bool is_array() const noexcept { return type() == Type::array; }
  bool is_object() const noexcept { return type() == Type::object; }

  // The member of an object; absent when there is none or this is no object. Of equal keys the last counts, as in
  // jsonb.
  Value find(std::string_view key) const noexcept;
  // How many elements or members; 0 for everything else.
  size_t size() const noexcept;
  Elements elements() const noexcept;  // of an array, else none
  Members members() const noexcept;    // of an object in written order, else none

  std::optional<std::string_view> as_string() const noexcept;
  std::optional<bool> as_bool() const noexcept;
  // A number without fraction and exponent that fits.
  std::optional<int64_t> as_int64() const noexcept;
  // A number in the range of double, rounded to it.
  std::optional<double> as_double() const noexcept;
  // The digits as written; empty when this is no number.
  std::string_view number_text() const noexcept;

  // A text for the one who asks with a default in mind: the string, or empty.
  std::string_view string_or_empty() const noexcept { return as_string().value_or(std::string_view()); }

 private:
  friend class Document;
  friend struct Access;
  friend class ElementIterator;
  friend class MemberIterator;
  friend class Elements;
  friend class Members;
  Value(const Storage* storage, uint32_t index) noexcept : storage_(storage), index_(index) {}

  const Storage* storage_ = nullptr;
  uint32_t index_ = 0;
};

struct Member {
  std::string_view key;
  Value value;
};

class ElementIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Value;
  using difference_type = std::ptrdiff_t;
  using pointer = const Value*;
  using reference = Value;

  ElementIterator(const Storage* storage, uint32_t index) noexcept : storage_(storage), index_(index) {}
  Value operator*() const noexcept { return {storage_, index_}; }
  ElementIterator& operator++() noexcept;
  bool operator==(const ElementIterator& other) const noexcept { return index_ == other.index_; }

 private:
  const Storage* storage_;
  uint32_t index_;
};

class MemberIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Member;
  using difference_type = std::ptrdiff_t;
  using pointer = const Member*;
  using reference = Member;

  MemberIterator(const Storage* storage, uint32_t index) noexcept : storage_(storage), index_(index) {}
  Member operator*() const noexcept;
  MemberIterator& operator++() noexcept;
  bool operator==(const MemberIterator& other) const noexcept { return index_ == other.index_; }

 private:
  const Storage* storage_;
  uint32_t index_;
};

class Elements {
 public:
  ElementIterator begin() const noexcept { return {storage_, begin_}; }
  ElementIterator end() const noexcept { return {storage_, end_}; }

 private:
  friend class Value;
  Elements(const Storage* storage, uint32_t begin, uint32_t end) noexcept
      : storage_(storage), begin_(begin), end_(end) {}
  const Storage* storage_;
  uint32_t begin_;
  uint32_t end_;
};

class Members {
 public:
  MemberIterator begin() const noexcept { return {storage_, begin_}; }
  MemberIterator end() const noexcept { return {storage_, end_}; }

 private:
  friend class Value;
  Members(const Storage* storage, uint32_t begin, uint32_t end) noexcept
      : storage_(storage), begin_(begin), end_(end) {}
  const Storage* storage_;
  uint32_t begin_;
  uint32_t end_;
};

// Owns a parsed text. Copies share it; it never changes.
class Document {
 public:
  Document() noexcept = default;
  explicit Document(std::shared_ptr<const Storage> storage) noexcept : storage_(std::move(storage)) {}

  Value root() const noexcept;  // absent for a default-made document

 private:
  std::shared_ptr<const Storage> storage_;
};

struct Limits {
  size_t max_bytes = size_t{16} << 20;
  size_t max_depth = 64;
  size_t max_values = 1'000'000;  // a key counts as one too
};

// A document, or what is wrong and at which byte.
struct Parsed {
  std::optional<Document> document;
  std::string error;  // lower case, without full stop
  size_t offset = 0;

  explicit operator bool() const noexcept { return document.has_value(); }
  Value root() const noexcept { return document ? document->root() : Value(); }
};

// Parses one JSON value with nothing but white space around it. Strings must be valid UTF-8 without lone surrogates;
// pass a text that may break this through clean_for_jsonb() first.
Parsed parse(std::string_view text, const Limits& limits = {});

// The same JSON text, with what PostgreSQL's jsonb refuses replaced: NUL escapes and NUL bytes, invalid UTF-8 and lone
// surrogates by U+FFFD, numbers beyond the range of numeric by null. Text that is no JSON stays no JSON.
std::string clean_for_jsonb(std::string_view text);

// Whether two values are equal as jsonb: members in any order, of equal keys the last, numbers by value (1 = 1.0 =
// 10e-1).
bool equal(Value a, Value b);

// The value as compact JSON text.
std::string to_text(Value value);

// Writes compact JSON that jsonb accepts. Strings are cleaned as clean_for_jsonb() does. Throws Error when calls do not
// make up one JSON value.
class Writer {
 public:
  Writer();
  ~Writer();
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;

  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view key);

  Writer& string(std::string_view text);
  Writer& integer(int64_t number);
  Writer& number(double number);  // null when it is not finite
  Writer& boolean(bool value);
  Writer& null();
  Writer& value(Value value);  // a copy, numbers digit by digit; null when absent

  Writer& member(std::string_view name, std::string_view text) { return key(name).string(text); }
  Writer& member(std::string_view name, Value copied) { return key(name).value(copied); }

  // The finished text; the writer is empty afterwards.
  std::string take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace atelier::core::json
