// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <vector>

#include "core/json.hpp"
#include "core/json_number.hpp"

namespace atelier::core::json {
namespace {

struct Pair {
  Value a;
  Value b;
};

// The members by key, of equal keys the last only.
std::vector<Member> sorted_members(Value object) {
  std::vector<Member> members;
  members.reserve(object.size());
  for (const Member member : object.members()) members.push_back(member);
  std::stable_sort(members.begin(), members.end(), [](const Member& x, const Member& y) { return x.key < y.key; });
  size_t kept = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    if (i + 1 < members.size() && members[i + 1].key == members[i].key) continue;
    members[kept++] = members[i];
  }
  members.resize(kept);
  return members;
}

bool same_scalar(Value a, Value b) noexcept {
  switch (a.type()) {
    case Type::string:
      return a.as_string() == b.as_string();
    case Type::number:
      return same_number(a.number_text(), b.number_text());
    case Type::boolean:
      return a.as_bool() == b.as_bool();
    default:
      return true;
  }
}

// Compares what can be compared here and leaves what is inside for later.
bool same_so_far(const Pair& pair, std::vector<Pair>& later) {
  if (pair.a.type() != pair.b.type()) return false;
  if (pair.a.is_array()) {
    if (pair.a.size() != pair.b.size()) return false;
    const Elements others = pair.b.elements();
    ElementIterator other = others.begin();
    for (const Value element : pair.a.elements()) {
      later.push_back({element, *other});
      ++other;
    }
    return true;
  }
  if (pair.a.is_object()) {
    const std::vector<Member> members = sorted_members(pair.a);
    const std::vector<Member> others = sorted_members(pair.b);
    if (members.size() != others.size()) return false;
    for (size_t i = 0; i < members.size(); ++i) {
      if (members[i].key != others[i].key) return false;
      later.push_back({members[i].value, others[i].value});
    }
    return true;
  }
  return same_scalar(pair.a, pair.b);
}

}  // namespace

bool equal(Value a, Value b) {
  std::vector<Pair> pairs{{a, b}};
  while (!pairs.empty()) {
    const Pair pair = pairs.back();
    pairs.pop_back();
    if (!same_so_far(pair, pairs)) return false;
  }
  return true;
}

}  // namespace atelier::core::json
