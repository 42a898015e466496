-- SPDX-License-Identifier: PostgreSQL
-- The trigger that several topics put on their tables.

CREATE FUNCTION atelier.touch_updated_at() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'atelier_touch_updated_at';
COMMENT ON FUNCTION atelier.touch_updated_at() IS 'trigger: updated_at is the time of the last UPDATE';
