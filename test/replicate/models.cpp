// SPDX-License-Identifier: PostgreSQL
#include "models.hpp"

#include "crypto.hpp"

namespace stand_in {

namespace {

ModelKind kind_of_owner(std::string_view owner) {
  if (owner == "community") return ModelKind::kCommunity;
  if (owner == "private") return ModelKind::kPrivate;
  if (owner == "missing") return ModelKind::kMissing;
  return ModelKind::kOfficial;
}

bool has_words(std::string_view owner) { return owner == "sim" || owner == "community" || owner == "private"; }

}  // namespace

std::string_view kind_name(ModelKind kind) {
  switch (kind) {
    case ModelKind::kOfficial:
      return "official";
    case ModelKind::kCommunity:
      return "community";
    case ModelKind::kPrivate:
      return "private";
    case ModelKind::kMissing:
      return "missing";
    case ModelKind::kDestination:
      return "destination";
  }
  return {};
}

Catalog::Catalog(Behaviours& behaviours) : behaviours_(behaviours) { mention_well_known(); }

const Model* Catalog::find(std::string_view name, std::string_view account) {
  const std::string key(name);
  {
    const std::lock_guard lock(mutex_);
    const auto known = by_name_.find(key);
    if (known != by_name_.end()) return known->second->kind == ModelKind::kMissing ? nullptr : known->second;
  }
  const size_t slash = key.find('/');
  if (slash == std::string::npos) return nullptr;
  const std::string owner = key.substr(0, slash);
  Model model;
  model.name = key;
  model.kind = kind_of_owner(owner);
  if (model.kind == ModelKind::kMissing || owner == account) return nullptr;
  // A community model that is no case of its own, to have a plain name in examples.
  if (has_words(owner) && key != "community/paint") model.words = key.substr(slash + 1);
  std::string unknown;
  model.behaviour = behaviours_.find(model.words, unknown);
  if (model.behaviour == nullptr) return nullptr;
  const std::lock_guard lock(mutex_);
  return keep(std::move(model));
}

const Model* Catalog::find_version(std::string_view version) {
  const std::lock_guard lock(mutex_);
  const auto known = by_version_.find(std::string(version));
  return known == by_version_.end() ? nullptr : known->second;
}

void Catalog::set(Model model) {
  const std::lock_guard lock(mutex_);
  by_name_.erase(model.name);
  keep(std::move(model));
}

void Catalog::forget(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto known = by_name_.find(std::string(name));
  if (known == by_name_.end()) return;
  by_version_.erase(known->second->version);
  by_name_.erase(known);
}

bool Catalog::add_destination(const std::string& name, const std::string& visibility) {
  const std::lock_guard lock(mutex_);
  if (by_name_.contains(name)) return false;
  Model model;
  model.name = name;
  model.kind = ModelKind::kDestination;
  model.visibility = visibility;
  std::string unknown;
  model.behaviour = behaviours_.find("", unknown);
  keep(std::move(model));
  return true;
}

void Catalog::reset() {
  {
    const std::lock_guard lock(mutex_);
    by_name_.clear();
    by_version_.clear();
  }
  mention_well_known();
}

const Model* Catalog::keep(Model model) {
  const auto known = by_name_.find(model.name);
  if (known != by_name_.end()) return known->second;
  if (model.version.empty()) model.version = sha256_hex(model.name);
  all_.push_back(std::make_unique<const Model>(std::move(model)));
  const Model* kept = all_.back().get();
  by_name_[kept->name] = kept;
  by_version_[kept->version] = kept;
  return kept;
}

void Catalog::mention_well_known() {
  for (const char* name : {"community/ok", "community/instant", "community/fail-once", "community/paint", "sim/ok"}) {
    find(name);
  }
}

}  // namespace stand_in
