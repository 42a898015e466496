-- SPDX-License-Identifier: PostgreSQL
-- The end of the script that CREATE EXTENSION runs: rights, and the tables unless a dump brings them. The script of an update has
-- an end of its own, sql/upgrade/end.sql.

SELECT atelier.grant_functions();

DO $script$
BEGIN
  IF atelier.install_is_wanted() THEN
    PERFORM atelier.install();
    PERFORM atelier.let_go();
  ELSE
    RAISE NOTICE 'atelier has made no tables'
      USING DETAIL = 'A dump is being replayed, or atelier.install is off.',
            HINT = 'Run SELECT atelier.install(); when they do not come with the dump.';
    PERFORM atelier.announce();
  END IF;
END
$script$;
