# SPDX-License-Identifier: PostgreSQL
# Asynchronous failover and a new timeline: the standby has rows of which it knows only that they are queued, though the
# primary had sent them. Nothing is sent before the provider's list has been compared with them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $primary = atelier_node('primary', stand_in => $stand_in, token => 0, init => [allows_streaming => 1],
    settings => { 'atelier.user_concurrency' => 0 });
add_token($primary, $_) for 'r8_acme_failover_1', 'r8_acme_failover_2', 'r8_other_failover_3';
my $user = add_user($primary);
ended($primary, queue($primary, $user, prompt => 'before'), 'completed', 'the primary dispatches');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# Rows that wait: they are queued, and not due.
sub hold_back {
    my ($node, $sql) = @_;
    return $node->safe_psql('postgres', "BEGIN; $sql; UPDATE atelier.queue SET not_before = now() + interval '1 hour'; COMMIT;");
}

sub let_go {
    my ($node, $where) = @_;
    return $node->safe_psql('postgres', "UPDATE atelier.queue q SET not_before = now() FROM public.generations g"
          . " WHERE g.id = q.generation_id AND ($where); SELECT atelier.wake()");
}

sub rows_sql {
    my ($count, $prompt, $model) = @_;
    return "INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)"
      . " SELECT '$user', 'create', 'test', 'Test', '$model', $prompt FROM generate_series(1, $count) n";
}

hold_back($primary, join '; ', rows_sql(15, "'lost ' || n", 'sim/run-3s'), rows_sql(3, "'twins'", 'sim/run-3s'),
    rows_sql(2, "'late ' || n", 'sim/run-3s--list-late-2s'), rows_sql(5, "'waiting ' || n", 'sim/ok'),
    rows_sql(1, "'two models'", 'sim/run-2s'), rows_sql(1, "'two models'", 'sim/run-3s'));
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

# From here on the standby hears nothing more.
$standby->append_conf('postgresql.conf', "primary_conninfo = ''");
$standby->reload;
$primary->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_stat_replication') or die 'still connected';
$stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 3000 });
let_go($primary, "g.prompt LIKE 'lost %' OR g.prompt LIKE 'late %' OR g.prompt = 'two models'"
      . " OR g.id IN (SELECT t.id FROM public.generations t WHERE t.prompt = 'twins' LIMIT 2)");
outstanding($stand_in, 21, 'twenty-one requests are out, of which the standby knows nothing');
$primary->stop('immediate');
is($standby->safe_psql('postgres', "SELECT count(*) FROM atelier.attempts WHERE state = 'sending'"), 0, 'nothing at all');
$stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });

subtest 'failover' => sub {
    $stand_in->request('POST', '/_control/fail', { route => 'list', error => '500', times => 100000 });
    my $posts = creates($stand_in);
    $standby->promote;
    dispatcher_state($standby, 'rescuing', 'the new primary looks up what was sent');
    my $lists = sub { $stand_in->request('GET', '/_control/stats')->{requests}{by_route}{list} };
    my $before = $lists->();
    queue($standby, $user, prompt => 'a new row', replicate_model => 'sim/ok');
    eventually('it asks for the list', sub { $lists->() >= $before + 3 });
    is(counts($stand_in, 'a new row'), '0 0', 'and sends nothing while the list cannot be read');
    is(creates($stand_in), $posts, 'nothing at all');
    $stand_in->request('DELETE', '/_control/fail');
    wait_for($standby, "SELECT status = 'completed' FROM public.generations WHERE prompt = 'a new row'", 'then it dispatches');
    wait_for($standby, "SELECT count(*) = 21 FROM public.generations WHERE status = 'completed' AND prompt ~ '^(lost|late|twins|two)'",
        'what the primary had sent is adopted and completed');
    is($standby->safe_psql('postgres', "SELECT count(*) FROM public.generations g WHERE g.prompt ~ '^(lost|late|two)' AND NOT EXISTS"
          . " (SELECT FROM atelier.attempts a WHERE a.generation_id = g.id AND a.prediction_id = g.replicate_prediction_id AND a.state = 'succeeded')"),
        0, 'each by an attempt of its own');
    is(counts($stand_in, "lost $_"), '1 1', "lost $_: was not sent again") for 1, 15;
    is(counts($stand_in, "late $_"), '1 1', "late $_: neither was what the list shows late") for 1, 2;
    is($standby->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE prompt ~ '^(waiting|twins)' AND status = 'queued'"),
        6, 'what was not sent waits');
    is($standby->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE prompt = 'two models'"
          . " AND replicate_output ->> 'model' = replicate_model"), 2, 'of equal inputs each generation got the prediction of its model');
    let_go($standby, 'true');
    wait_for($standby, "SELECT count(*) = 29 FROM public.generations WHERE status = 'completed'", 'and is sent now');
    is(counts($stand_in, 'twins'), '3 3', 'three equal ones are three predictions');
    is(counts($stand_in, 'waiting 3'), '1 1', 'the others are one each');
    is($stand_in->request('GET', '/_control/stats')->{creates}{accepted}, 29, 'nothing was paid twice');
    is($standby->safe_psql('postgres', "SELECT 100 - credits FROM public.users WHERE id = '$user'"), 29, 'each was charged once');
    is(health_line($standby), 'models warn', 'health() warns of nothing but that every model may be queued');
};

# The end of the server and a new timeline of the same files.
sub new_timeline {
    my ($node) = @_;
    $node->stop('immediate');
    $node->append_conf('standby.signal', '');
    $node->start;
    return $node->promote;
}

subtest 'a new timeline with nothing lost' => sub {
    queue_many($standby, $user, 10, 'same files', 'sim/run-2s');
    wait_for($standby, "SELECT count(*) = 10 FROM atelier.attempts WHERE state = 'running'", 'ten are running');
    new_timeline($standby);
    wait_for($standby, "SELECT count(*) = 10 FROM public.generations WHERE status = 'completed' AND prompt LIKE 'same files %'", 'they end');
    ended($standby, queue($standby, $user, prompt => 'afterwards'), 'completed', 'and new ones are sent');
    is($stand_in->request('GET', '/_control/stats')->{creates}{accepted}, 40, 'nothing was sent twice');
    is($standby->safe_psql('postgres', 'SELECT i.timeline = d.timeline FROM atelier.identity i, atelier.database_identity() d'), 't',
        'the timeline is written down');
};

sub sent_by_the_former {
    my ($prompt) = @_;
    my $answer = HTTP::Tiny->new->post($stand_in->url . '/v1/predictions', {
        headers => { authorization => 'Bearer r8_acme_failover_2', 'content-type' => 'application/json' },
        content => encode_json({ version => 'sim/instant', input => { prompt => $prompt } }) });
    return is($answer->{status}, 201, "the former timeline has sent '$prompt'");
}

# What would tell is beyond a page that does not say where the list goes on.
subtest 'a list that is cut' => sub {
    hold_back($standby, rows_sql(1, "'beyond the cut'", 'sim/ok'));
    sent_by_the_former($_) for 'beyond the cut', 'something else', 'and more';
    $stand_in->request('PATCH', '/_control/settings', { page_size => 2, cut_lists => JSON::PP::true });
    my $lists = sub { $stand_in->request('GET', '/_control/stats')->{requests}{by_route}{list} };
    my $before = $lists->();
    new_timeline($standby);
    dispatcher_state($standby, 'rescuing', 'the new timeline looks up what was sent');
    let_go($standby, 'true');
    eventually('the list is asked for again and again', sub { $lists->() >= $before + 4 });
    is($standby->safe_psql('postgres', "SELECT status FROM public.generations WHERE prompt = 'beyond the cut'"), 'queued', 'the row waits');
    is(counts($stand_in, 'beyond the cut'), '1 1', 'and is not sent');
    my $log = slurp_file($standby->logfile);
    like($log, qr/WARNING: .* the predictions of token \d+ cannot be listed to their end/, 'the log says why');
    unlike($log, qr/(predictions of token \d+ cannot be listed to their end).*\1/s, 'once for a token');
    $stand_in->request('PATCH', '/_control/settings', { cut_lists => JSON::PP::false });
    wait_for($standby, "SELECT status = 'completed' FROM public.generations WHERE prompt = 'beyond the cut'", 'read to its end, the list shows it');
    is(counts($stand_in, 'beyond the cut'), '1 1', 'so it was not sent again');
    $stand_in->request('PATCH', '/_control/settings', { page_size => 100 });
};

# What would tell has been deleted by the provider: a prediction of that time whose input nobody can read any more.
subtest 'a restore to a time that is too long ago' => sub {
    hold_back($standby, rows_sql(1, "'sent or not'", 'sim/ok'));
    sent_by_the_former('sent or not');
    $stand_in->request('PATCH', '/_control/settings', { retention_ms => 1 });
    new_timeline($standby);
    dispatcher_state($standby, 'held', 'dispatch is held');
    my $check = health($standby, 'dispatch');
    is($check->{status}, 'fail', 'health() says so');
    like($check->{detail}, qr/^held: the provider has deleted/, 'and why');
    let_go($standby, 'true');
    $standby->safe_psql('postgres', 'SELECT pg_sleep(0.6)');
    is(counts($stand_in, 'sent or not'), '1 1', 'nothing is sent');
    $stand_in->request('PATCH', '/_control/settings', { retention_ms => 3600000 });
    run_hint($standby, 'dispatch');
    wait_for($standby, "SELECT status = 'completed' FROM public.generations WHERE prompt = 'sent or not'", 'until resume()');
    is(health_line($standby), 'models warn', 'health() warns of nothing but that every model may be queued');
};

$standby->stop;
done_testing();
