-- SPDX-License-Identifier: PostgreSQL
-- The end of the script of every update: the steps of install(), and what the new version has no use for goes.

DELETE FROM pg_temp.atelier_former f
 USING pg_catalog.pg_proc p
 WHERE p.oid OPERATOR(pg_catalog.=) f.function AND p.ctid OPERATOR(pg_catalog.<>) f.place;

SELECT atelier.grant_functions();

DO $script$
BEGIN
  -- The tables may not be there yet, and with atelier.install = off they wait for a call of install().
  IF pg_catalog.to_regclass('atelier.identity') IS NOT NULL
     AND pg_catalog.current_setting('atelier.install') OPERATOR(pg_catalog.<>) 'off' THEN
    PERFORM atelier.install();
  END IF;
  PERFORM atelier.drop_former(ARRAY(SELECT f.function FROM pg_temp.atelier_former f JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) f.function));
  DROP TABLE pg_temp.atelier_former;
  PERFORM atelier.let_go();
END
$script$;
