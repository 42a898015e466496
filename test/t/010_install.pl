# SPDX-License-Identifier: PostgreSQL
# What CREATE EXTENSION, install() and DROP EXTENSION leave behind, compared catalog against catalog: whatever way a
# database came to have atelier, it has the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Catalog;
use Atelier::Queue;
use PostgreSQL::Test::Utils;
use Test::More;

# Workers in two databases only: the others are here for their catalogs.
my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('install', stand_in => $stand_in, extension => 0,
    settings => { 'atelier.databases' => 'postgres, second, undone', max_worker_processes => 16 });

sub database {
    my ($name, $before, $settings) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0");
    $node->safe_psql($name, join ' ', $before // '', $settings // '', 'CREATE EXTENSION atelier');
    return;
}

sub workers_in {
    my ($database) = @_;
    return $node->safe_psql('postgres',
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND backend_type LIKE 'atelier %'");
}

sub come_to {
    my ($database, $count, $test) = @_;
    return wait_for($node,
        "SELECT count(*) = $count FROM pg_stat_activity WHERE datname = '$database' AND backend_type LIKE 'atelier %'", $test);
}

database('fresh');
my $fresh = catalog($node, 'fresh');

subtest 'what a fresh install has' => sub {
    my %kinds;
    $kinds{ (split / /, $_)[0] }++ for @$fresh;
    cmp_ok($kinds{$_} // 0, '>', 0, "$_ in the catalog") for qw(relation column constraint index policy trigger function sequence view);
    is(scalar(grep {/^relation .* kind r .* rls f /} @$fresh), 0, 'every table has row level security');
    is(scalar(grep { /^relation / && !/ owner atelier_owner / } @$fresh), 0, 'every relation belongs to atelier_owner');
    my @bare = grep { /^(?:relation .* kind [rv]|column (?!atelier\.(?:tokens|workers|queue_status) )|function) / && /comment (?:source .*)?$/ } @$fresh;
    is(scalar(@bare), 0, 'tables, their columns, views and functions are described') or diag(join "\n", map { substr $_, 0, 60 } @bare);
    my @open = grep {/^relation .* acl .*\b(?:anon|=)\S*\/.* comment/ && / (?:anon)?=/} @$fresh;
    is(join(' ', map { (split / /, $_)[1] } @open), 'public.ideas', 'anon and PUBLIC may touch no table but the list of ideas');
    is(scalar(grep {/^grants that a dump would leave out/} @$fresh), 0, 'a dump takes every grant along');
    my $members = $node->safe_psql('fresh', <<'SQL');
SELECT string_agg(DISTINCT i.type || ' in ' || i.schema, ', ')
  FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'atelier'
 CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
SQL
    is($members, 'function in atelier, procedure in atelier', 'the extension has no members but routines in its schema');
    my $listed = $node->safe_psql('fresh', '\dx+ atelier');
    is(scalar(grep { !/^(?:function|procedure) atelier\./ } split /\n/, $listed), 0, 'and \dx+ says the same');
};

subtest 'installed twice' => sub {
    $node->safe_psql('fresh', 'SELECT atelier.install(); SELECT atelier.install()');
    same_catalog(catalog($node, 'fresh'), $fresh, 'install() changes nothing that is there');
    database('later', "SET atelier.install = off;");
    is($node->safe_psql('later', "SELECT count(*) FROM pg_class WHERE relnamespace = 'atelier'::regnamespace AND relkind = 'r'"),
        0, 'atelier.install = off makes no tables');
    $node->safe_psql('later', 'SELECT atelier.install()');
    same_catalog(catalog($node, 'later'), $fresh, 'install() makes the same afterwards');
};

subtest 'dropped and created anew' => sub {
    my $user = '00000000-0000-4000-8000-00000000d00d';
    database('dropped');
    $node->safe_psql('dropped', "INSERT INTO users (id) VALUES ('$user')");
    queue_many($node, $user, 3, 'kept', 'sim/instant', 'dropped');
    my ($status, $out, $error) = $node->psql('dropped', 'DROP EXTENSION atelier');
    isnt($status, 0, 'DROP EXTENSION is refused while the tables need it');
    like($error, qr/depend/, 'and says why');
    $node->safe_psql('dropped', 'DROP EXTENSION atelier CASCADE');
    is($node->safe_psql('dropped', 'SELECT count(*) FROM generations'), 3, 'CASCADE keeps the rows');
    is($node->safe_psql('dropped', <<'SQL'), 't', 'and row level security');
SELECT bool_and(relrowsecurity) AND count(*) > 8 FROM pg_class
 WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'atelier'::regnamespace)
SQL
    is($node->safe_psql('dropped',
        qq(SET request.jwt.claims = '{"sub":"$user","role":"authenticated"}'; SET ROLE authenticated; SELECT count(*) FROM generations)),
        0, 'a user sees nothing without its policies');
    $node->safe_psql('dropped', 'CREATE EXTENSION atelier');
    same_catalog(catalog($node, 'dropped'), $fresh, 'CREATE EXTENSION puts back what went');
    is($node->safe_psql('dropped', 'SELECT count(*) FROM atelier.queue'), 3, 'the queue is still there');
    is(health($node, 'dispatch', 'dropped')->{status}, 'ok', 'and the database is the same one, so it dispatches');
};

subtest 'another app schema' => sub {
    database('studio', '', "SET atelier.app_schema = 'studio';");
    my @renamed = map { s/\bstudio\b/public/gr } @{ catalog($node, 'studio', 'studio') };
    # The source of a function is shown as a checksum, which knows the schema.
    my $without_source = sub { [map { s/^(function public\S+ .*) source \w+$/$1/r } @{ $_[0] }] };
    same_catalog($without_source->([sort @renamed]), $without_source->($fresh), 'is made as public is');
    is($node->safe_psql('studio', "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), 0,
        'with nothing in public');
    is(health_line($node, 'studio') =~ s/,? ?tokens fail, workers fail//r, 'models warn', 'is well but for the models, which are free');
    for my $name ('pg_mine', 'atelier', 'auth', '') {
        my ($status, $out, $error) = $node->psql('template1', "SET atelier.app_schema = '$name'; CREATE EXTENSION atelier");
        like($error, qr/schema "\Q$name\E" cannot be the app schema/, "\"$name\" cannot be one");
    }
};

# As hosted databases have it, and a little worse.
subtest 'hostile default privileges' => sub {
    my $hostile = <<'SQL';
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon, authenticated, service_role, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO anon, authenticated, service_role, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO anon, authenticated, service_role, PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
SQL
    database('hostile', $hostile);
    same_catalog(catalog($node, 'hostile'), $fresh, 'grant nothing of ours to anybody');
    $node->safe_psql('hostile', 'DROP EXTENSION atelier CASCADE; CREATE EXTENSION atelier');
    same_catalog(catalog($node, 'hostile'), $fresh, 'nor the second time');
};

subtest 'a schema auth that is there' => sub {
    my $own = 'CREATE SCHEMA auth; CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql AS $$ SELECT NULL::uuid $$;';
    database('hosted', $own);
    is($node->safe_psql('hosted', "SELECT string_agg(proname, ',') FROM pg_proc WHERE pronamespace = 'auth'::regnamespace"),
        'uid', 'gets no further functions');
    is($node->safe_psql('hosted', "SELECT nspowner::regrole || ' ' || (nspacl IS NULL) FROM pg_namespace WHERE nspname = 'auth'"),
        'postgres true', 'and keeps its owner and its grants');
    my $ours = [grep { !/^(?:schema auth|function auth)/ } @$fresh];
    same_catalog([grep { !/^(?:schema auth|function auth)/ } @{ catalog($node, 'hosted') }], $ours, 'all else is the same');
};

subtest 'workers come with the commit' => sub {
    create_extension($node);
    $node->safe_psql('postgres', 'CREATE DATABASE second');
    $node->safe_psql('postgres', 'CREATE DATABASE undone');
    $node->safe_psql('undone', 'BEGIN; CREATE EXTENSION atelier; ROLLBACK');
    create_extension($node, 'second');
    come_to('postgres', 2, 'to the first database');
    come_to('second', 2, 'and to the second');
    is(workers_in('undone'), 0, 'a CREATE EXTENSION that was rolled back has none');
    is($node->safe_psql('undone', "SELECT count(*) FROM pg_namespace WHERE nspname IN ('atelier', 'auth')"), 0,
        'and leaves nothing');
    my $user = add_user($node);
    add_token($node);
    $node->safe_psql('second', "INSERT INTO users (id) VALUES ('$user'); INSERT INTO replicate_tokens (token) VALUES ('r8_other_second_1')");
    queue_many($node, $user, 2, "in $_", 'sim/instant', $_) for 'postgres', 'second';
    ok($node->poll_query_until($_, "SELECT count(*) = 2 FROM generations WHERE status = 'completed'"), "rows of $_ complete")
      for 'postgres', 'second';
    is(counts($stand_in, 'in second 1'), '1 1', 'each once');
};

subtest 'tables of another version' => sub {
    my $user = add_user($node);
    my $version = $node->safe_psql('postgres', 'SELECT atelier.code_table_version()');
    my $newer = $version + 1;
    $node->safe_psql('postgres',
        "INSERT INTO atelier.migrations (version, name, outcome) VALUES ($newer, 'newer', 'created'); SELECT atelier.wake()");
    dispatcher_state($node, 'held: table version', 'newer tables: the dispatcher holds');
    is(health($node, 'tables')->{status}, 'fail', 'health() fails');
    like(health($node, 'tables')->{hint}, qr/ALTER EXTENSION atelier UPDATE/, 'and says what to run');
    my $id = queue($node, $user, prompt => 'other version');
    my ($status, $out, $error) = $node->psql('postgres', 'SELECT atelier.install()');
    like($error, qr/the tables have version $newer, this code knows version $version/, 'install() refuses to go back');
    $node->restart;
    dispatcher_state($node, 'held: table version', 'a new dispatcher holds too');
    status_is($node, $id, 'queued', 'a row waits');
    is(counts($stand_in, 'other version'), '0 0', 'and is not sent');
    $node->safe_psql('postgres', "DELETE FROM atelier.migrations WHERE version = $newer; SELECT atelier.install()");
    ended($node, $id, 'completed', 'it is sent after install() has found the right version');

    # What an older version left is brought up by what health() says.
    $node->safe_psql('postgres', 'DELETE FROM atelier.migrations; SELECT atelier.wake()');
    dispatcher_state($node, 'held: table version', 'older tables: the dispatcher holds');
    is(health($node, 'tables')->{hint}, 'SELECT atelier.install();', 'health() says to install');
    run_hint($node, 'tables');
    is(health($node, 'tables')->{status}, 'ok', 'which helps');
    same_catalog(catalog($node, 'postgres'), $fresh, 'and the catalog is that of a fresh install');
    is(health($node, 'dispatch')->{status}, 'fail', 'tables that had rows before there was a version are held');
    run_hint($node, 'dispatch');
    ended($node, queue($node, $user, prompt => 'right version'), 'completed', 'until resume()');
};

$node->stop;

# A server that does not preload the library, and that had roles of these names before.
my $plain = atelier_node('plain', stand_in => $stand_in, preload => 0, extension => 0, token => 0);

subtest 'without preload' => sub {
    $plain->safe_psql('postgres', <<'SQL');
CREATE ROLE authenticated LOGIN NOINHERIT CONNECTION LIMIT 7;
COMMENT ON ROLE authenticated IS 'mine';
SQL
    my ($status, $out, $error) = $plain->psql('postgres', 'CREATE EXTENSION atelier');
    is($status, 0, 'CREATE EXTENSION works');
    my @warnings = $error =~ /^(?:.*?: )?WARNING: .*$/mg;
    is(scalar(@warnings), 1, 'with one warning');
    like($error, qr/HINT:.*shared_preload_libraries = 'atelier'/, 'that says which line to add');
    same_catalog(catalog($plain, 'postgres'), $fresh, 'the catalog is the same');
    is($plain->safe_psql('postgres', <<'SQL'), 't|f|7|mine', 'a role that was there is kept as it was');
SELECT rolcanlogin, rolinherit, rolconnlimit, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'authenticated'
SQL
    is($plain->safe_psql('postgres', <<'SQL'), 'anon f f, atelier_owner f f, service_role f t', 'the others are made');
SELECT string_agg(format('%s %s %s', rolname, rolcanlogin, rolbypassrls), ', ' ORDER BY rolname) FROM pg_roles
 WHERE rolname IN ('anon', 'atelier_owner', 'service_role') AND NOT rolsuper
SQL
    my $user = add_user($plain);
    add_token($plain);
    my $id = queue($plain, $user, prompt => 'by hand');
    is(health($plain, 'preload')->{status}, 'fail', 'health() sees that there is no launcher');
    is(health($plain, 'workers')->{hint}, 'SELECT atelier.start_workers();', 'and how to start workers by hand');
    run_hint($plain, 'workers');
    ended($plain, $id, 'completed', 'workers that were started by hand complete a row');
    is(health($plain, 'preload')->{status}, 'warn', 'which health() finds half right');
    is(health($plain, 'workers')->{status}, 'ok', 'since they run');
    $plain->safe_psql('postgres', 'SELECT atelier.start_workers()');
    is($plain->safe_psql('postgres', "SELECT count(*) FROM atelier.worker_state()"), 2, 'a second call starts no more');
};

$plain->stop;
done_testing();
