// SPDX-License-Identifier: PostgreSQL
#include "store/assistant.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::assistant {

namespace {

pg::Statement touch_statement(R"sql(
  UPDATE @app@.assistant_conversations SET updated_at = now() WHERE id = $1 AND updated_at <> now())sql");

pg::Statement preview_statement(R"sql(
  UPDATE @app@.assistant_conversations c
     SET preview_text = left(m.content, 150),
         title = coalesce(nullif(c.title, ''), left(m.content, 100)),
         preview_image_url = coalesce(nullif(c.preview_image_url, ''), m.images[array_lower(m.images, 1)])
    FROM @app@.assistant_messages m
   WHERE m.id = $1 AND c.id = $2 AND m.role = 'user' AND coalesce(c.preview_text, '') = '')sql");

pg::Statement toggle_statement(R"sql(
  UPDATE @app@.assistant_conversations c SET is_favorite = NOT c.is_favorite
   WHERE c.id = $1 AND c.user_id = $2 AND c.deleted_at IS NULL
  RETURNING c.is_favorite)sql");

}  // namespace

void note_message(const core::Uuid& message, const core::Uuid& conversation) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  touch_statement(conversation);
  preview_statement(message, conversation);
}

std::optional<bool> toggle_favorite(const core::Uuid& conversation, const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = toggle_statement(conversation, user);
  if (rows.empty()) return std::nullopt;
  return rows[0].get<bool>(0);
}

}  // namespace atelier::store::assistant
