# SPDX-License-Identifier: PostgreSQL
# Failover: a standby has no workers; once promoted it goes on with what the primary had received, and what the primary had
# sent is looked up before anything is sent, so that nothing is paid for twice.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $primary = atelier_node('primary', stand_in => $stand_in, init => [allows_streaming => 1],
    settings => { 'atelier.user_concurrency' => 0 });
my $user = add_user($primary);
ended($primary, queue($primary, $user, prompt => 'before'), 'completed', 'the primary dispatches');

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub workers {
    my ($node) = @_;
    return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'atelier %'");
}

subtest 'a standby' => sub {
    $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
    is(workers($standby), 0, 'has no workers, not even a launcher');
    is($standby->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE status = 'completed'"), 1, 'has the rows');
    my $log = slurp_file($standby->logfile);
    unlike($log, qr/atelier (?:launcher|dispatcher|keeper)/, 'and nothing of ours has started there');
    is(health($standby, 'tables')->{status}, 'ok', 'health() can be asked there');
    is(health($standby, 'dispatch')->{status}, 'ok', 'it is no copy');
};

# Twenty requests are out, their answers seconds away, and ten rows more wait for the end of a pause.
$stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 4000 });
queue_many($primary, $user, 20, 'under way', 'sim/ok');
outstanding($stand_in, 20, 'twenty requests are out');
$primary->safe_psql('postgres', 'SELECT atelier.pause()');
queue_many($primary, $user, 10, 'waiting', 'sim/ok');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', "SELECT count(*) FROM atelier.attempts WHERE state = 'sending'"), 20, 'the standby knows of twenty requests');
$primary->stop('immediate');
is($stand_in->request('GET', '/_control/stats')->{creates}{accepted}, 21, 'the provider has received them');

$stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
$standby->promote;

subtest 'promoted' => sub {
    ok($standby->poll_query_until('postgres', "SELECT count(*) = 2 FROM atelier.worker_state() WHERE kind <> 'launcher'"), 'workers start');
    is(health($standby, 'dispatch')->{detail}, 'paused', 'what the primary was told holds here too');
    ok($standby->poll_query_until('postgres',
        "SELECT count(*) = 20 FROM public.generations WHERE prompt LIKE 'under way %' AND status = 'completed'"),
        'what the primary had sent is adopted and completed, paused or not');
    is(counts($stand_in, 'under way 1'), '1 1', 'without being sent again');
    is(counts($stand_in, 'waiting 1'), '0 0', 'what waited waits');
    $standby->safe_psql('postgres', 'SELECT atelier.resume()');
    ok($standby->poll_query_until('postgres', "SELECT count(*) = 31 FROM public.generations WHERE status = 'completed'"),
        'all is completed after resume()');
    my $stats = $stand_in->request('GET', '/_control/stats');
    is($stats->{inputs}{max_accepted}, 1, 'nothing was paid for twice');
    is($stats->{creates}{accepted}, 31, 'and everything once');
};

# A promotion without pause: the new timeline is taken for what it is.
subtest 'promoted once more' => sub {
    $standby->backup('again');
    my $second = PostgreSQL::Test::Cluster->new('second');
    $second->init_from_backup($standby, 'again', has_streaming => 1);
    $second->start;
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 4000 });
    queue_many($standby, $user, 10, 'once more', 'sim/ok');
    outstanding($stand_in, 10, 'ten requests are out');
    $standby->wait_for_catchup($second, 'replay', $standby->lsn('insert'));
    $standby->stop('immediate');
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
    $second->promote;
    ok($second->poll_query_until('postgres', "SELECT count(*) = 41 FROM public.generations WHERE status = 'completed'"),
        'it goes on by itself');
    ended($second, queue($second, $user, prompt => 'the new primary'), 'completed', 'and dispatches what is new');
    my $stats = $stand_in->request('GET', '/_control/stats');
    is($stats->{inputs}{max_accepted}, 1, 'nothing was paid for twice');
    is($stats->{creates}{accepted}, 42, 'and everything once');
    ok($second->poll_query_until('postgres', <<'SQL'), 'the new timeline is written down');
SELECT i.timeline = (pg_control_checkpoint()).timeline_id OR i.timeline > 1 FROM atelier.identity i
SQL
    is(health_line($second), 'models warn', 'health() is content, but for the models, which are free');
    $second->stop;
};

done_testing();
