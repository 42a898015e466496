-- SPDX-License-Identifier: PostgreSQL
-- The beginning of the script of every update; make puts the number of the last install step in the place of @TABLES@.

-- Preloaded, the old library stays until the server is restarted, and it does not know the functions that follow.
DO $script$
BEGIN
  IF atelier.code_table_version() OPERATOR(pg_catalog.<>) @TABLES@ THEN
    RAISE EXCEPTION 'the server still runs another version of the library of atelier'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Restart the server, then run ALTER EXTENSION atelier UPDATE; again.';
  END IF;
END
$script$;

-- The members before the update. What the script does not make anew is not wanted any more, and goes at its end.
CREATE TEMP TABLE pg_temp.atelier_former AS
SELECT p.oid AS function, p.ctid AS place
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
  JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) d.objid
 WHERE e.extname OPERATOR(pg_catalog.=) 'atelier' AND d.deptype OPERATOR(pg_catalog.=) 'e'
   AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
   AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass;
