// SPDX-License-Identifier: PostgreSQL
#include "pg/jsonb.hpp"

#include <cstring>

#include "pg/guard.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
}

namespace atelier::pg::jsonb {

bool is_object(Datum value) {
  return guard([&] { return JB_ROOT_IS_OBJECT(DatumGetJsonbP(value)); });
}

bool is_deeper_than(Datum value, int levels) {
  return guard([&] {
    JsonbIterator* iterator = JsonbIteratorInit(&DatumGetJsonbP(value)->root);
    JsonbValue item;
    int depth = 0;
    for (;;) {
      switch (JsonbIteratorNext(&iterator, &item, false)) {
        case WJB_BEGIN_ARRAY:
        case WJB_BEGIN_OBJECT:
          if (++depth > levels) return true;
          break;
        case WJB_END_ARRAY:
        case WJB_END_OBJECT:
          --depth;
          break;
        case WJB_DONE:
          return false;
        default:
          break;
      }
    }
  });
}

std::optional<std::string> scalar_member(Datum object, const char* key) {
  const char* text = nullptr;
  int length = 0;
  guard([&] {
    Jsonb* document = DatumGetJsonbP(object);
    if (!JB_ROOT_IS_OBJECT(document)) return;
    JsonbValue member;
    if (getKeyJsonValueFromContainer(&document->root, key, static_cast<int>(strlen(key)), &member) == nullptr) return;
    if (member.type == jbvString) {
      text = member.val.string.val;
      length = member.val.string.len;
    } else if (member.type == jbvNumeric) {
      text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(member.val.numeric)));
      length = static_cast<int>(strlen(text));
    }
  });
  if (text == nullptr) return std::nullopt;
  return std::string(text, static_cast<size_t>(length));
}

}  // namespace atelier::pg::jsonb
