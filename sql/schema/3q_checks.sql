-- SPDX-License-Identifier: PostgreSQL
-- Install step: the lists of values that checks of generations allow, as one constant each.

CREATE FUNCTION atelier.step_checks() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $step$
-- The server reads the text of a check anew in each statement that writes, and puts an array that is written as ARRAY[...]
-- together anew. Of a lifecycle's time that was about a twentieth. All in one command, which reads the rows once.
DECLARE
  generations CONSTANT regclass := atelier.in_app_schema('@app@.generations');
  lists record;
  allowed text[];
  changes text[];
BEGIN
  FOR lists IN
    SELECT c.conname AS name, a.attname AS column_name, m.part[1] AS elements
      FROM pg_constraint c
      JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
     CROSS JOIN LATERAL regexp_match(pg_get_constraintdef(c.oid), '^CHECK \(\(\w+ = ANY \((ARRAY\[[^]]+\])\)\)\)$') AS m (part)
     WHERE c.conrelid = generations AND c.contype = 'c' AND a.atttypid = 'text'::regtype AND m.part IS NOT NULL
       AND c.conname IN ('generations_action_check', 'generations_status_check')
  LOOP
    EXECUTE 'SELECT ' || lists.elements INTO allowed;
    changes := changes || format('DROP CONSTRAINT %1$I, ADD CONSTRAINT %1$I CHECK (%2$I = ANY (%3$L::text[]))',
      lists.name, lists.column_name, allowed);
  END LOOP;
  IF changes IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s %s', generations, array_to_string(changes, ', '));
  END IF;
END
$step$;
COMMENT ON FUNCTION atelier.step_checks() IS 'install step: checks of generations that cost little';
