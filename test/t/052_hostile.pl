# SPDX-License-Identifier: PostgreSQL
# The workers write into tables whose owner may be anybody's friend. Whatever a trigger, a deferred constraint, a cursor or a
# rule does when they come by, it does as the owner: nobody climbs to their superuser, and nobody stops them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('hostile', stand_in => $stand_in,
    settings => { 'atelier.user_concurrency' => 0, 'atelier.notify' => 'all', 'atelier.safety_poll' => '300ms' });
my $user = add_user($node);
dispatcher_state($node, 'running', 'the dispatcher runs');
my $dispatcher = $node->safe_psql('postgres', "SELECT pid FROM atelier.worker_state() WHERE kind = 'dispatcher'");

# Mallory may do with the tables what their owner may. What he tries stands in tricks; what he finds himself to be is noted.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE mallory LOGIN;
GRANT atelier_owner TO mallory;
CREATE SCHEMA mallory AUTHORIZATION mallory;
GRANT USAGE ON SCHEMA mallory TO PUBLIC;
SQL

sub as_mallory {
    my ($sql) = @_;
    return $node->safe_psql('postgres', $sql, extra_params => ['-U', 'mallory']);
}

as_mallory(<<'SQL');
CREATE TABLE mallory.seen (trick text, role name, superuser text);
GRANT ALL ON mallory.seen TO PUBLIC;
CREATE TABLE mallory.tricks (name text PRIMARY KEY, command text);
GRANT ALL ON mallory.tricks TO PUBLIC;
INSERT INTO mallory.tricks VALUES
  ('reset role', 'RESET ROLE'), ('set role', 'SET ROLE postgres'), ('session', 'SET SESSION AUTHORIZATION postgres'),
  ('reset session', 'RESET SESSION AUTHORIZATION'), ('default session', 'SET SESSION AUTHORIZATION DEFAULT'),
  ('superuser', 'ALTER ROLE mallory SUPERUSER'), ('new role', 'CREATE ROLE climber SUPERUSER'),
  ('program', 'COPY mallory.seen TO PROGRAM ''cat'''), ('file', 'SELECT pg_read_file(''postgresql.conf'')'),
  ('host', 'SELECT set_config(''atelier.api_base_url'', ''https://example.org'', false)'),
  ('replica', 'SET session_replication_role = replica'), ('library', 'LOAD ''plpgsql'''),
  ('terminate', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = ''atelier launcher''');

-- In the dispatcher: says who it runs as, and tries to become somebody else; errors do not show.
CREATE FUNCTION mallory.climb(trick text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  command text;
BEGIN
  IF pg_backend_pid() <> (SELECT t.command::integer FROM mallory.tricks t WHERE t.name = 'pid') THEN
    RETURN;
  END IF;
  INSERT INTO mallory.seen VALUES (trick, current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user));
  FOR command IN SELECT t.command FROM mallory.tricks t WHERE t.name NOT IN ('pid', 'terminate') LOOP
    BEGIN
      EXECUTE command;
    EXCEPTION WHEN OTHERS THEN
      NULL;
    END;
  END LOOP;
  INSERT INTO mallory.seen VALUES (trick, current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user));
END $$;

-- Fails with the error of the trick that the prompt names.
CREATE FUNCTION mallory.raise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE (SELECT t.command FROM mallory.tricks t WHERE 'trick ' || t.name = NEW.prompt);
  RETURN NEW;
END $$;
CREATE FUNCTION mallory.climb_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM mallory.climb(TG_ARGV[0]);
  RETURN NEW;
END $$;
SQL
as_mallory("INSERT INTO mallory.tricks VALUES ('pid', '$dispatcher')");

sub nobody_climbed {
    my ($test) = @_;
    is($node->safe_psql('postgres', 'SELECT string_agg(rolname, \',\' ORDER BY rolname) FROM pg_roles WHERE rolsuper'), 'postgres',
        "$test: nobody has become superuser");
    is($node->safe_psql('postgres', "SELECT count(*) FROM pg_roles WHERE rolname = 'climber'"), 0, "$test: nor been made one");
    is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT role || ' ' || superuser, ', ') FROM mallory.seen"),
        'atelier_owner false', "$test: it was always the owner who ran it");
    return is($node->safe_psql('postgres', "SELECT pid FROM atelier.worker_state() WHERE kind = 'dispatcher'"), $dispatcher,
        "$test: the dispatcher goes on");
}

sub forget {
    my (@sql) = @_;
    as_mallory("@sql; TRUNCATE mallory.seen;");
    return;
}

subtest 'tricks that fail' => sub {
    as_mallory(<<'SQL');
CREATE TRIGGER zz_raise BEFORE UPDATE ON public.generations FOR EACH ROW WHEN (NEW.prompt LIKE 'trick %')
  EXECUTE FUNCTION mallory.raise();
SQL
    my @tricks = split /\n/, as_mallory("SELECT name FROM mallory.tricks WHERE name NOT IN ('library', 'pid', 'terminate') ORDER BY name");
    queue($node, $user, prompt => "trick $_") for @tricks;
    queue_many($node, $user, 20, 'honest', 'sim/ok');
    wait_for($node, "SELECT count(*) = 20 FROM public.generations WHERE prompt LIKE 'honest %' AND status = 'completed'",
        'other rows are completed');
    my $count = @tricks;
    wait_for($node, "SELECT count(*) = $count FROM atelier.attempts a JOIN public.generations g ON g.id = a.generation_id "
          . "WHERE g.prompt LIKE 'trick %' AND a.state = 'lost' AND a.error LIKE 'result could not be recorded: %'",
        'what cannot be written is set aside');
    my $errors = $node->safe_psql('postgres', "SELECT string_agg(DISTINCT a.error, '; ') FROM atelier.attempts a WHERE a.state = 'lost'");
    like($errors, qr/cannot set parameter "role" within security-definer function/, 'RESET ROLE is an error');
    like($errors, qr/cannot set parameter "session_authorization" within security-definer function/, 'so is another session user');
    like($errors, qr/must be superuser|permission denied/, 'and so is what only a superuser may');
    is(counts($stand_in, "trick $_") =~ s/^(\d+) .*/$1/r, 1, "trick $_: sent once") for 'reset role', 'new role';
    like(slurp_file($node->logfile), qr/WARNING:  atelier: attempt \d+ is set aside: /, 'the server log says so');
    forget('DROP TRIGGER zz_raise ON public.generations; INSERT INTO mallory.seen VALUES (NULL, \'x\', NULL)');
    is($node->safe_psql('postgres', 'SELECT string_agg(rolname, \',\') FROM pg_roles WHERE rolsuper'), 'postgres', 'nobody has climbed');
};

# Every table that a worker writes, at once and at the commit.
my @written = ('public.generations', 'public.users', 'public.replicate_tokens', 'public.api_logs', 'public.notifications',
    'atelier.attempts', 'atelier.queue', 'atelier.token_state');

subtest 'triggers that hide their errors' => sub {
    for my $table (@written) {
        as_mallory("CREATE TRIGGER zz_now BEFORE INSERT OR UPDATE ON $table FOR EACH ROW EXECUTE FUNCTION mallory.climb_now('$table now')");
    }
    add_token($node, 'r8_second_hostile_1');
    my $id = queue($node, $user, prompt => 'now', replicate_model => 'sim/ok');
    ended($node, $id, 'completed', 'a row is completed');
    nobody_climbed('at once');
    cmp_ok($node->safe_psql('postgres', 'SELECT count(DISTINCT trick) FROM mallory.seen'), '>=', 5, 'the triggers have run');
    forget(map {"DROP TRIGGER zz_now ON $_;"} @written);
};

subtest 'triggers that wait for the commit' => sub {
    for my $table (@written) {
        as_mallory("CREATE CONSTRAINT TRIGGER zz_late AFTER INSERT OR UPDATE ON $table DEFERRABLE INITIALLY DEFERRED "
              . "FOR EACH ROW EXECUTE FUNCTION mallory.climb_now('$table late')");
    }
    my $id = queue($node, $user, prompt => 'late', replicate_model => 'sim/fail-pa-x1');
    ended($node, $id, 'completed', 'a row is completed');
    wait_for($node, "SELECT count(DISTINCT trick) >= 4 FROM mallory.seen WHERE trick LIKE '% late'", 'the triggers have run');
    nobody_climbed('at the commit');
    forget(map {"DROP TRIGGER zz_late ON $_;"} @written);
};

subtest 'a cursor that outlives its transaction' => sub {
    as_mallory(<<'SQL');
CREATE FUNCTION mallory.hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_cursors WHERE name = 'held') THEN
    EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT mallory.climb(''held'')';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER zz_hold BEFORE UPDATE ON public.generations FOR EACH ROW EXECUTE FUNCTION mallory.hold();
SQL
    my $id = queue($node, $user, prompt => 'hold', replicate_model => 'sim/ok');
    ended($node, $id, 'completed', 'a row is completed');
    nobody_climbed('a cursor');
    forget('DROP TRIGGER zz_hold ON public.generations');
};

# What a trigger sets stays set for the worker's session.
subtest 'another search_path' => sub {
    as_mallory(<<'SQL');
CREATE FUNCTION mallory.max(integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN PERFORM mallory.climb('max'); RETURN $1; END $$;
CREATE FUNCTION mallory.equal(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM mallory.climb('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE FUNCTION mallory.equal(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM mallory.climb('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR mallory.= (FUNCTION = mallory.equal, LEFTARG = oid, RIGHTARG = oid);
CREATE FUNCTION mallory.lead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', 'mallory, pg_catalog', false);
  INSERT INTO mallory.seen VALUES ('lead', current_user, 'false');
  RETURN NEW;
END $$;
CREATE TRIGGER zz_lead BEFORE UPDATE ON public.generations FOR EACH ROW EXECUTE FUNCTION mallory.lead();
SQL
    ended($node, queue($node, $user, prompt => "lead $_", replicate_model => 'sim/ok'), 'completed', "row $_ is completed") for 1, 2;
    $node->safe_psql('postgres', 'SELECT atelier.wake(), pg_sleep(0.5)');
    nobody_climbed('another search_path');
    forget('DROP TRIGGER zz_lead ON public.generations; DROP OPERATOR mallory.= (oid, oid)');
};

# Until 15 an owner can turn an empty table into a view, which runs his functions as whoever reads it.
subtest 'a table that becomes a view' => sub {
    plan skip_all => 'PostgreSQL 16 and later do not allow that' if $node->pg_version >= 16;
    as_mallory(<<'SQL');
CREATE FUNCTION mallory.version() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN PERFORM mallory.climb('view'); RETURN 1; END $$;
DROP POLICY owner_only ON atelier.migrations;
DELETE FROM atelier.migrations;
ALTER TABLE atelier.migrations DROP CONSTRAINT migrations_pkey;
ALTER TABLE atelier.migrations DROP CONSTRAINT migrations_outcome_check;
ALTER TABLE atelier.migrations ALTER version DROP NOT NULL, ALTER name DROP NOT NULL, ALTER outcome DROP NOT NULL,
  ALTER applied_at DROP NOT NULL, ALTER applied_at DROP DEFAULT;
ALTER TABLE atelier.migrations DISABLE ROW LEVEL SECURITY;
VACUUM atelier.migrations;
CREATE RULE "_RETURN" AS ON SELECT TO atelier.migrations DO INSTEAD SELECT mallory.version() AS version, ''::text AS name, ''::text AS outcome, now() AS applied_at;
SQL
    my $id = queue($node, $user, prompt => 'view', replicate_model => 'sim/instant');
    $node->safe_psql('postgres', 'SELECT pg_sleep(1)');
    cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM mallory.seen WHERE trick = 'view'"), '>', 0, 'the view was read');
    nobody_climbed('a view');
};

$node->stop;
done_testing();
