# SPDX-License-Identifier: PostgreSQL
# The workers as the server's guests: they come and go with the extension and the database, never block a command, hold no
# snapshot while they wait, end quickly, and survive a kill -9 without losing a row or paying twice.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Test::More;
use Time::HiRes qw(time);

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('workers', stand_in => $stand_in, settings => { 'atelier.user_concurrency' => 0, 'atelier.max_transfers' => 1000 });
my $user = add_user($node);

sub insert_many {
    my ($count, $model, $prompt) = @_;
    return sql_as($node, $user, <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)
SELECT '$user', 'create', 'test', 'Test', '$model', '$prompt ' || n FROM generate_series(1, $count) n
SQL
}

sub wait_for_workers {
    my ($database, $test, $count) = @_;
    return wait_for($node,
        'SELECT count(*) = ' . ($count // 2) . " FROM pg_stat_activity WHERE datname = '$database' AND backend_type LIKE 'atelier %'",
        $test);
}

subtest 'they come at commit' => sub {
    wait_for($node, "SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type IN ('atelier dispatcher', 'atelier keeper')",
        'a dispatcher and a keeper run');
    is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'atelier launcher'"), 1,
        'and one launcher');
};

subtest 'commands on databases are not blocked' => sub {
    # Each command, and the databases that have workers afterwards.
    my @cases = (
        [ 'DROP DATABASE studio' ],
        [ 'ALTER DATABASE studio RENAME TO atelier_two', 'atelier_two' ],
        [ 'CREATE DATABASE copy TEMPLATE studio', 'studio' ]);
    for (@cases) {
        my ($command, @served) = @$_;
        $node->safe_psql('postgres', 'DROP DATABASE IF EXISTS studio');
        $node->safe_psql('postgres', 'CREATE DATABASE studio');
        create_extension($node, 'studio');
        wait_for_workers('studio', 'workers run there');
        my ($status, $out, $error) = $node->psql('postgres', $command);
        is($status, 0, $command) or diag($error);
        wait_for_workers($_, "workers are back in $_") for @served;
    }
    $node->safe_psql('studio', 'DROP EXTENSION atelier CASCADE');
    wait_for_workers('studio', 'they leave after DROP EXTENSION', 0);
};

subtest 'nothing is held while answers are awaited' => sub {
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 1500 });
    insert_many(500, 'sim/ok', 'awaited');
    wait_for($node, "SELECT in_flight >= 500 FROM atelier.worker_state() WHERE kind = 'dispatcher'", '500 requests are out');
    is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'atelier %' AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE '%transaction%')"),
        0, 'no snapshot and no transaction is open');
    my $start = time;
    $node->stop('fast');
    cmp_ok(time - $start, '<', 2 * ($ENV{PG_TEST_TIMEOUT_FACTOR} // 1), 'a fast shutdown is fast');
    $node->start;
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
    wait_for($node, "SELECT count(*) = 0 FROM public.generations WHERE status NOT IN ('completed', 'failed')",
        'all rows end after the restart');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE status = 'completed'"), 500, 'as completed');
    my $stats = $stand_in->request('GET', '/_control/stats');
    is($stats->{inputs}{max_accepted}, 1, 'no input was paid twice');
    is($stats->{creates}{accepted}, 500, 'each was paid once');
};

subtest 'kill -9' => sub {
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 300 });
    $node->append_conf('postgresql.conf', 'restart_after_crash = on');
    $node->reload;
    insert_many(200, 'sim/ok', 'killed');
    wait_for($node, "SELECT in_flight > 50 FROM atelier.worker_state() WHERE kind = 'dispatcher'", 'requests are out');
    my $pid = $node->safe_psql('postgres', "SELECT pid FROM atelier.worker_state() WHERE kind = 'dispatcher'");
    kill 'KILL', $pid;
    $node->poll_query_until('postgres', 'SELECT true');
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
    wait_for($node, "SELECT count(*) = 0 FROM public.generations WHERE status NOT IN ('completed', 'failed')",
        'all rows end after the crash');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE status = 'completed'"), 700, 'as completed');
    my $stats = $stand_in->request('GET', '/_control/stats');
    is($stats->{inputs}{max_accepted}, 1, 'no input was paid twice');
    is($node->safe_psql('postgres', "SELECT 100 - credits FROM public.users WHERE id = '$user'"), 100, 'credits stop at zero');
};

subtest 'a lock does not end the dispatcher' => sub {
    my $pid = sub { $node->safe_psql('postgres', "SELECT pid FROM atelier.worker_state() WHERE kind = 'dispatcher'") };
    wait_for($node, "SELECT count(*) = 2 FROM atelier.worker_state() WHERE kind <> 'launcher'", 'the workers run');
    my $before = $pid->();
    # The reload makes it look around while it cannot.
    $node->safe_psql('postgres',
        'BEGIN; LOCK TABLE atelier.identity, atelier.migrations, public.replicate_tokens; SELECT pg_reload_conf(); SELECT pg_sleep(1); COMMIT');
    insert_many(1, 'sim/instant', 'locked');
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE prompt = 'locked 1'", 'the next row is completed');
    is($pid->(), $before, 'by the same process');
};

subtest 'pause and resume' => sub {
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    wait_for($node, "SELECT state = 'paused' FROM atelier.worker_state() WHERE kind = 'dispatcher'", 'dispatch is paused');
    insert_many(1, 'sim/instant', 'paused');
    my $before = $stand_in->request('GET', '/_control/stats')->{creates}{posts};
    $node->safe_psql('postgres', 'SELECT pg_sleep(1)');
    is($stand_in->request('GET', '/_control/stats')->{creates}{posts}, $before, 'nothing is sent');
    $node->safe_psql('postgres', 'SELECT atelier.resume()');
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE prompt = 'paused 1'", 'until it is resumed');
};

$node->stop;
done_testing();
