// SPDX-License-Identifier: PostgreSQL
// Latest versions of community models, which the API runs by version only. Kept for minutes: their authors push new
// ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace atelier::worker {

class Models {
 public:
  void put(const std::string& model, const std::string& version, int64_t now_us) {
    versions_[model] = {version, now_us + kKeptUs};
  }
  std::optional<std::string> version_of(const std::string& model, int64_t now_us) const {
    const auto place = versions_.find(model);
    if (place == versions_.end() || place->second.until_us < now_us) return std::nullopt;
    return place->second.version;
  }

 private:
  static constexpr int64_t kKeptUs = 10LL * 60 * 1'000'000;
  struct Known {
    std::string version;
    int64_t until_us;
  };
  std::unordered_map<std::string, Known> versions_;
};

}  // namespace atelier::worker
