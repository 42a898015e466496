# SPDX-License-Identifier: PostgreSQL
# Dumps and copies: whatever a DBA made of the tables comes back identical, and a database that is a copy sends nothing
# before somebody says so, since the original may be sending the same rows.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Catalog;
use Atelier::Queue;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('dump', stand_in => $stand_in, settings => { max_worker_processes => 24 });
my $folder = PostgreSQL::Test::Utils::tempdir();
my @tables = qw(public.users public.generations public.replicate_tokens public.notifications public.api_logs
  atelier.queue atelier.attempts atelier.token_state atelier.identity atelier.migrations);

# Every row of every table as text.
sub rows {
    my ($where, $database) = @_;
    return { map { $_ => $where->safe_psql($database, "SELECT t::text FROM $_ t ORDER BY 1") } @tables };
}

sub same_rows {
    my ($have, $want, $test) = @_;
    for my $table (@tables) {
        is($have->{$table}, $want->{$table}, "$test: $table") if $have->{$table} ne $want->{$table};
    }
    return is(scalar(grep { $have->{$_} ne $want->{$_} } @tables), 0, "$test: the rows are the same");
}

sub holds {
    my ($where, $database, $test) = @_;
    ok($where->poll_query_until($database, "SELECT count(*) = 1 FROM atelier.worker_state() WHERE kind = 'dispatcher'"),
        "$test: a dispatcher runs");
    # Nothing woke it when the identity came after the extension.
    $where->safe_psql($database, 'SELECT atelier.wake()');
    dispatcher_state($where, 'held: another database', "$test: it holds", $database);
    my $dispatch = health($where, 'dispatch', $database);
    is($dispatch->{status}, 'fail', "$test: health() fails");
    like($dispatch->{detail}, qr/^held: this database is a copy/, "$test: and says why");
    return is($dispatch->{hint}, 'SELECT atelier.resume();', "$test: and what to do");
}

my $user = add_user($node);
ended($node, queue($node, $user, prompt => 'before'), 'completed', 'a row completes');
$node->safe_psql('postgres', 'SELECT atelier.pause()');
dispatcher_state($node, 'paused', 'then dispatch is paused');
queue_many($node, $user, 5, 'dumped', 'sim/instant');
# What a DBA does to tables that are his own.
$node->safe_psql('postgres', <<'SQL');
ALTER TABLE public.generations ADD campaign text DEFAULT 'none' CHECK (length(campaign) < 50);
CREATE INDEX campaign_idx ON public.generations (campaign) WHERE campaign <> 'none';
CREATE POLICY campaign_policy ON public.generations AS RESTRICTIVE FOR SELECT TO authenticated USING (campaign <> 'secret');
CREATE FUNCTION public.mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.campaign := 'marked'; RETURN NEW; END $$;
CREATE TRIGGER mark BEFORE INSERT ON public.generations FOR EACH ROW EXECUTE FUNCTION public.mark();
DROP INDEX public.notifications_user_unread_idx;
ALTER TABLE public.notifications ALTER message SET NOT NULL;
COMMENT ON TABLE public.users IS 'people';
GRANT SELECT ON public.api_logs TO authenticated;
ALTER TABLE public.users SET (fillfactor = 90);
SQL
my $catalog = catalog($node, 'postgres');
my $rows = rows($node, 'postgres');
my $sent = creates($stand_in);

subtest 'pg_dump and pg_restore in the same server' => sub {
    $node->command_ok(['pg_dump', '-Fc', '-f', "$folder/custom", $node->connstr('postgres')], 'pg_dump -Fc');
    $node->command_ok(['pg_dump', '-f', "$folder/plain", $node->connstr('postgres')], 'pg_dump');
    $node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0") for 'custom', 'plain';
    $node->command_ok(['pg_restore', '-e', '-j2', '-d', $node->connstr('custom'), "$folder/custom"], 'pg_restore -j2');
    $node->command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/plain", '-d', $node->connstr('plain')], 'psql');
    for my $database ('custom', 'plain') {
        same_catalog(catalog($node, $database), $catalog, "$database: the catalog is the same");
        same_rows(rows($node, $database), $rows, $database);
        holds($node, $database, $database);
    }
    $node->command_ok(['pg_dumpall', '--roles-only', '-f', "$folder/roles", '-d', $node->connstr('postgres')], 'pg_dumpall');
};

# What hosts and their tools make: everything belongs to whoever restores it, and nothing is granted.
subtest 'a restore without owners and rights' => sub {
    my @dump = ('pg_dump', '-O', '-x', '-f', "$folder/bare", $node->connstr('postgres'));
    $node->command_ok(\@dump, 'pg_dump -O -x');
    $node->safe_psql('postgres', 'CREATE DATABASE bare TEMPLATE template0');
    $node->command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-1', '-f', "$folder/bare", '-d', $node->connstr('bare')], 'psql -1');
    my $owner = health($node, 'owner', 'bare');
    is($owner->{status}, 'fail', 'health() fails');
    is($owner->{hint}, 'SELECT atelier.install();', 'and says what to do');
    $node->safe_psql('bare', $owner->{hint});
    # But for what the DBA has granted.
    my ($have, $want) = map { [ grep { !/^relation public\.api_logs / } @$_ ] } catalog($node, 'bare'), $catalog;
    same_catalog($have, $want, 'then the catalog is the same');
    same_rows(rows($node, 'bare'), $rows, 'bare');
    is($node->safe_psql('bare', 'TABLE public.mv_admin_stats'), $node->safe_psql('postgres', 'TABLE public.admin_stats'), 'statistics are there');
    holds($node, 'bare', 'bare');
};

subtest 'a copy by TEMPLATE' => sub {
    $node->safe_psql('postgres', 'CREATE DATABASE middle');
    my ($status, $out, $error) = $node->psql('middle', 'CREATE DATABASE copied TEMPLATE postgres');
    is($status, 0, 'is made while workers run') or diag($error);
    $node->safe_psql('copied', 'SELECT atelier.start_workers()');
    same_catalog(catalog($node, 'copied'), $catalog, 'the catalog is the same');
    same_rows(rows($node, 'copied'), $rows, 'copied');
    holds($node, 'copied', 'copied');
    ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM atelier.worker_state() WHERE kind = 'dispatcher' AND state = 'paused'"),
        'the original has its workers back');
};

my $other = PostgreSQL::Test::Cluster->new('other');
subtest 'another server' => sub {
    $other->init;
    my %settings = ('atelier.api_base_url' => $stand_in->url . '/v1', 'atelier.safety_poll' => '300ms',
        'atelier.poll_interval' => '100ms', shared_preload_libraries => 'atelier');
    configure($other, %settings);
    $other->start;
    $other->command_ok(['psql', '-X', '-q', '-f', "$folder/roles", '-d', $other->connstr('postgres')], 'roles first');
    $other->command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/plain", '-d', $other->connstr('postgres')],
        'then the dump');
    same_catalog(catalog($other, 'postgres'), $catalog, 'the catalog is the same');
    same_rows(rows($other, 'postgres'), $rows, 'other');
    holds($other, 'postgres', 'other');
    # Whatever else happens to a database that holds, it sends nothing.
    queue($other, $user, prompt => 'new in the copy');
    $other->safe_psql('postgres', 'SELECT atelier.wake(); SELECT atelier.install(); SELECT atelier.pause()');
    $other->restart;
    holds($other, 'postgres', 'after a restart');
    is(creates($stand_in), $sent, 'nothing has been sent by any copy');
    run_hint($other, 'dispatch');
    wait_for_all($other);
    is(counts($stand_in, "dumped $_"), '1 1', "row $_ was sent once") for 1 .. 5;
    is(counts($stand_in, 'new in the copy'), '1 1', 'so was the new one');
    is(counts($stand_in, 'before'), '1 1', 'and what was complete has not been sent again');
    is(health($other, 'dispatch')->{status}, 'ok', 'health() is content');
};

sub wait_for_all {
    my ($where) = @_;
    return ok($where->poll_query_until('postgres',
        "SELECT count(*) = 0 FROM public.generations WHERE status NOT IN ('completed', 'failed')"), 'all rows end');
}

subtest 'a restore into the database itself' => sub {
    # A row whose token cools down: the dispatcher has it in mind, and no safety poll comes to its help.
    set_to($other, safety_poll => '1min');
    $stand_in->request('PUT', '/_control/tokens/' . Atelier::StandIn::kToken(), { refuse => '429-header', for_ms => 5000 });
    my $requests = $other->safe_psql('postgres', 'SELECT max(request_count) FROM public.replicate_tokens');
    queue($other, $user, prompt => 'restored in place');
    wait_for($other, "SELECT max(cooling_until) > now() FROM atelier.token_state", 'the token cools down');
    wait_for($other, "SELECT max(request_count) > $requests FROM public.replicate_tokens", 'and has its request counted');
    $other->command_ok(['pg_dump', '-Fc', '-f', "$folder/own", $other->connstr('postgres')], 'pg_dump');
    my $before = rows($other, 'postgres');
    my $names = join ', ', @tables;
    $other->safe_psql('postgres', "SET atelier.allow_drop = on; DROP TABLE $names CASCADE");
    local $ENV{PGOPTIONS} = '-c atelier.allow_drop=on';
    $other->command_ok(['pg_restore', '--clean', '--if-exists', '-d', $other->connstr('postgres'), "$folder/own"], 'pg_restore --clean');
    same_rows(rows($other, 'postgres'), $before, 'in place');
    same_catalog(catalog($other, 'postgres'), $catalog, 'the catalog is the same');
    my $sent_before = creates($stand_in);
    wait_for($other, "SELECT max(cooling_until) < now() - interval '1 s' FROM atelier.token_state", 'the token has cooled down');
    is(creates($stand_in), $sent_before, 'nothing is sent');
    holds($other, 'postgres', 'in place');
    $requests = $other->safe_psql('postgres', 'SELECT max(request_count) FROM public.replicate_tokens');
    run_hint($other, 'dispatch');
    wait_for_all($other);
    is(counts($stand_in, 'restored in place'), '2 1', 'until it is resumed');
    # So that the rows stay as they are from here on.
    $requests += creates($stand_in) - $sent_before;
    wait_for($other, "SELECT max(request_count) >= $requests FROM public.replicate_tokens", 'and has what was sent counted');
    set_to($other, safety_poll => '300ms');
};

# Into a fresh install, which would dispatch if it did not see that the rows are those of another database.
subtest 'data only' => sub {
    $other->command_ok(['pg_dump', '-Fc', '--data-only', '-f', "$folder/data", $other->connstr('postgres')], 'pg_dump --data-only');
    $other->safe_psql('postgres', 'CREATE DATABASE data_only TEMPLATE template0');
    create_extension($other, 'data_only');
    $other->safe_psql('data_only', 'ALTER TABLE public.generations ADD campaign text');
    dispatcher_state($other, 'running', 'a fresh install dispatches', 'data_only');
    my $sent_before = creates($stand_in);
    $other->command_ok(['pg_restore', '-e', '--data-only', '--disable-triggers', '-d', $other->connstr('data_only'), "$folder/data"],
        'pg_restore --data-only --disable-triggers');
    my ($have, $want) = (rows($other, 'data_only'), rows($other, 'postgres'));
    # What the fresh install put in goes with resume().
    my @apart = ('atelier.identity', 'atelier.migrations', 'atelier.models', 'atelier.prices');
    delete @$_{@apart} for $have, $want;
    is_deeply($have, $want, 'the rows are the same');
    $other->safe_psql('data_only', 'UPDATE public.generations SET status = \'queued\' WHERE prompt = \'dumped 1\'');
    holds($other, 'data_only', 'data only');
    is(creates($stand_in), $sent_before, 'nothing is sent');
    run_hint($other, 'dispatch', 'data_only');
    ($have, $want) = (rows($other, 'data_only'), rows($other, 'postgres'));
    is_deeply($have->{$_}, $want->{$_}, "$_ too") for 'atelier.models', 'atelier.prices';
    ok($other->poll_query_until('data_only', "SELECT count(*) = 0 FROM public.generations WHERE status NOT IN ('completed', 'failed')"),
        'until it is resumed');
    is($other->safe_psql('data_only', 'SELECT count(*) FROM atelier.identity'), 1, 'and is one database again');
};

# The original has waited all the time; it was never a copy.
$node->safe_psql('postgres', 'SELECT atelier.resume()');
wait_for_all($node);
is(counts($stand_in, 'dumped 1'), '2 2', 'the original and the resumed copy have each sent their own row');

$node->stop;
$other->stop;
done_testing();
