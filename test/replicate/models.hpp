// SPDX-License-Identifier: PostgreSQL
// The models that exist: by their names (whose owner says what kind they are), by control requests, and those made by
// POST /models. A model once handed out lives as long as the program, since predictions point to it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "behaviour.hpp"

namespace stand_in {

enum class ModelKind : uint8_t { kOfficial, kCommunity, kPrivate, kMissing, kDestination };

struct Model {
  std::string name;  // owner/name
  std::string version;
  ModelKind kind = ModelKind::kOfficial;
  std::string words;
  const Behaviour* behaviour = nullptr;
  std::string output_json;  // when not empty: instead of what the words say
  std::string error_json;
  std::string visibility = "public";
};

std::string_view kind_name(ModelKind kind);

class Catalog {
 public:
  explicit Catalog(Behaviours& behaviours);

  // Null when there is no such model. `account` is the caller's: of its own models only those exist that were made.
  const Model* find(std::string_view name, std::string_view account = {});

  // The model of a version whose name was mentioned before; null when none has it.
  const Model* find_version(std::string_view version);

  // Replaces what its name says about a model.
  void set(Model model);
  void forget(std::string_view name);

  // Makes an empty model, the destination of trainings; false when there is one of that name.
  bool add_destination(const std::string& name, const std::string& visibility);

  void reset();

 private:
  const Model* keep(Model model);
  void mention_well_known();

  Behaviours& behaviours_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<const Model>> all_;
  std::unordered_map<std::string, const Model*> by_name_;
  std::unordered_map<std::string, const Model*> by_version_;
};

}  // namespace stand_in
