// SPDX-License-Identifier: PostgreSQL
#include "worker/catalogue.hpp"

#include <utility>

#include "pg/shmem.hpp"

namespace atelier::worker {

void Catalogue::refresh() {
  const uint64_t version = pg::tokens_version();
  if (version_ == version) return;
  models_.clear();
  names_.clear();
  for (store::models::Model& model : store::models::all()) {
    if (!model.version.empty()) names_.emplace(model.version, model.name);
    std::string name = model.name;
    models_.emplace(std::move(name), std::move(model));
  }
  prices_ = store::models::prices();
  version_ = version;
}

// A version behind the name, or alone, is still that model.
const store::models::Model* Catalogue::find(const std::string& reference) const {
  auto place = models_.find(reference);
  if (place == models_.end()) {
    if (const auto name = names_.find(reference); name != names_.end())
      place = models_.find(name->second);
    else if (const size_t colon = reference.rfind(':'); colon != std::string::npos)
      place = models_.find(reference.substr(0, colon));
  }
  return place == models_.end() ? nullptr : &place->second;
}

std::optional<std::string> Catalogue::pinned_version(const std::string& reference) const {
  const store::models::Model* model = find(reference);
  return model == nullptr || model->version.empty() ? std::nullopt : std::optional<std::string>(model->version);
}

std::optional<int64_t> Catalogue::deadline_us(const std::string& reference) const {
  const store::models::Model* model = find(reference);
  return model == nullptr || model->deadline_us == 0 ? std::nullopt : std::optional<int64_t>(model->deadline_us);
}

std::optional<Catalogue::Cost> Catalogue::cost(const std::string& reference, const core::Run& run) const {
  const store::models::Model* model = find(reference);
  if (model == nullptr) return std::nullopt;
  const auto usd = prices_.cost_usd(model->price_rule, run);
  if (!usd) return std::nullopt;
  return Cost{*usd, model->price_rule};
}

}  // namespace atelier::worker
