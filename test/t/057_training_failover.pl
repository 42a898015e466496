# SPDX-License-Identifier: PostgreSQL
# A new timeline and trainings: the standby has trainings of which it knows only that they are queued, though the primary
# had started them. None is started before the provider's lists have been compared; each is told by the name of its set.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue qw(dispatcher_state eventually health run_hint);
use Atelier::Training;
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $primary = atelier_node('primary', stand_in => $stand_in, token => 0, init => [ allows_streaming => 1 ],
    settings => { 'atelier.download_hosts' => '127.0.0.1' });
add_token($primary, $_) for 'r8_acme_failover_1', 'r8_other_failover_2';
my $studio = Atelier::Training->new($primary, $stand_in);
$studio->trainer('sim/run-300ms');
$studio->ended($studio->start(add_user($primary)), 'completed', 'the primary trains');
$studio->trainer('sim/run-15s--list-late-2s');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# Trainings that wait, since their users may do nothing; the same word, so that the input alone would tell nothing.
my %user = map { $_ => add_user($primary) } 'lost', 'waiting', 'unwanted', 'later';
$primary->safe_psql('postgres', 'UPDATE users SET is_active = false');
my %lora;
for my $name ('lost', 'waiting', 'unwanted') {
    $lora{$name} = $studio->lora($user{$name}, 'SAME');
    $primary->safe_psql('postgres', "SELECT start_lora_training('$lora{$name}')");
}
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$standby->append_conf('postgresql.conf', "primary_conninfo = ''");
$standby->reload;
$primary->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_stat_replication') or die 'still connected';
$primary->safe_psql('postgres', "UPDATE users SET is_active = true WHERE id IN ('$user{lost}', '$user{unwanted}')");
$studio->becomes($lora{$_}, 'running', "$_: was started by the primary") for 'lost', 'unwanted';
my $trained = $studio->training($lora{lost}, 'training_id');
$primary->stop('immediate');
my $there = $studio->on($standby);
is($there->training($lora{$_}, 'state'), 'queued', "$_: of which the standby knows nothing") for 'lost', 'unwanted';

subtest 'failover' => sub {
    my ($posts, $uploads) = ($there->posts, $there->uploads);
    $stand_in->request('POST', '/_control/fail', { route => 'training', error => '500', times => 100000 });
    $standby->promote;
    $standby->safe_psql('postgres', 'UPDATE users SET is_active = true');
    dispatcher_state($standby, 'rescuing', 'the new primary looks up what was sent');
    sql_as($standby, $user{unwanted}, "DELETE FROM user_loras WHERE id = '$lora{unwanted}'");
    my $lists = sub { return $there->stats->{requests}{by_route}{training} };
    my $before = $lists->();
    eventually('it asks for the list of trainings', sub { return $lists->() >= $before + 3 });
    is($there->posts . ' ' . $there->uploads, "$posts $uploads", 'and starts nothing while that cannot be read');
    $stand_in->request('DELETE', '/_control/fail');
    $there->becomes($lora{lost}, 'running', 'then what was lost is adopted');
    is($there->training($lora{lost}, 'training_id'), $trained, 'the very one');
    $there->becomes($lora{unwanted}, 'cancelled', 'what nobody wants any more is cancelled');
    is($there->canceled, 1, 'at the provider');
    $there->ended($lora{$_}, 'completed', "$_: is completed") for 'lost', 'waiting';
    is($there->stored, 4, 'nothing was trained twice');
    isnt($there->value($lora{waiting}, 'replicate_training_id'), $trained, 'and each LoRA has its own');
    is(health($standby, 'trainings')->{status}, 'ok', 'health() is content');
};

# Nothing shows any more whose set the training was made from.
subtest 'a set that is gone' => sub {
    $there->trainer('sim/run-300ms');
    my $lora = $there->lora($user{later}, 'SAME');
    $standby->safe_psql('postgres', "UPDATE users SET is_active = false WHERE id = '$user{later}'; SELECT start_lora_training('$lora')");
    my %headers = (authorization => 'Bearer r8_acme_failover_1', 'content-type' => 'application/json');
    HTTP::Tiny->new->post($stand_in->url . '/v1/models', { headers => \%headers,
        content => encode_json({ owner => 'acme', name => 'atelier-loras', visibility => 'private', hardware => 'cpu' }) });
    my $version = $standby->safe_psql('postgres', "SELECT encode(sha256('sim/ok'), 'hex')");
    my $answer = HTTP::Tiny->new->post($stand_in->url . "/v1/models/sim/ok/versions/$version/trainings", { headers => \%headers, content => encode_json({
        destination => 'acme/atelier-loras',
        input => { input_images => $stand_in->url . '/v1/files/0123', trigger_word => 'SAME', lora_type => 'subject' } }) });
    is($answer->{status}, 201, 'the former timeline has started something');
    my $posts = $there->posts;
    $standby->stop('immediate');
    $standby->append_conf('standby.signal', '');
    $standby->start;
    $standby->promote;
    dispatcher_state($standby, 'held', 'dispatch is held');
    like(health($standby, 'dispatch')->{detail}, qr/^held: the provider has deleted what would show which queued rows/, 'health() says why');
    $standby->safe_psql('postgres', 'UPDATE users SET is_active = true; SELECT atelier.wake()');
    $standby->safe_psql('postgres', 'SELECT pg_sleep(0.6)');
    is($there->posts, $posts, 'nothing is started');
    run_hint($standby, 'dispatch');
    $there->ended($lora, 'completed', 'until resume()');
};

# A training that runs, of which this database then forgets: all, or that it was sent anew with another set.
sub forget {
    my ($lora, $state) = @_;
    return $standby->safe_psql('postgres', <<"SQL");
UPDATE atelier.trainings SET state = '$state', training_id = NULL, number = 0, sent_at = now(), deadline = now() + interval '2 h',
       input = CASE WHEN '$state' = 'sending' THEN '{"input_images": "https://lost.test/1"}'::jsonb END,
       token_id = CASE WHEN '$state' = 'sending' THEN token_id END
 WHERE lora_id = '$lora';
UPDATE user_loras SET status = 'uploading', replicate_training_id = NULL WHERE id = '$lora';
SQL
}

subtest 'another set, and a token that is switched off' => sub {
    $there->trainer('sim/run-20s');
    my ($stored, $posts) = ($there->stored, $there->posts);
    my %lora = (sending => $there->start($user{later}), queued => $there->start($user{lost}));
    $there->becomes($lora{$_}, 'running', "$_: runs") for sort keys %lora;
    my %training = map { $_ => $there->training($lora{$_}, 'training_id') } sort keys %lora;
    # The dispatcher learns nothing of what is written while it stands still.
    $standby->safe_psql('postgres', 'ALTER SYSTEM SET atelier.databases = elsewhere');
    $standby->restart;
    forget($lora{$_}, $_) for sort keys %lora;
    $standby->safe_psql('postgres', "UPDATE replicate_tokens SET is_active = false");
    add_token($standby, 'r8_third_failover_3');
    $standby->safe_psql('postgres', 'ALTER SYSTEM RESET atelier.databases');
    $standby->stop('fast');
    $standby->append_conf('standby.signal', '');
    $standby->start;
    $standby->promote;
    for my $name (sort keys %lora) {
        $there->ended($lora{$name}, 'completed', "$name: is completed");
        is($there->training($lora{$name}, 'training_id'), $training{$name}, "$name: by the very one");
    }
    is($there->stored, $stored + 2, 'two trainings');
    is($there->posts, $posts + 2, 'and two requests');
    $standby->safe_psql('postgres', 'UPDATE replicate_tokens SET is_active = true');
};

# Claimed and sent, which the new timeline knows; and running.
subtest 'nothing lost' => sub {
    $there->trainer('sim/run-2s');
    my $stored = $there->stored;
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 2000 });
    my $sending = $there->start($user{later});
    my $running = $there->start($user{lost});
    $there->becomes($sending, 'sending', 'one is being sent');
    $standby->stop('immediate');
    $stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 0 });
    $standby->append_conf('standby.signal', '');
    $standby->start;
    $standby->promote;
    $there->ended($_, 'completed', 'it ends') for $sending, $running;
    is($there->stored, $stored + 2, 'two trainings');
};

# What was lost is beyond a page that does not say where the list goes on.
subtest 'a list that is cut' => sub {
    $there->trainer('sim/run-20s');
    my ($stored, $posts) = ($there->stored, $there->posts);
    my $lost = $there->start($user{later});
    $there->becomes($lost, 'running', 'one runs');
    my $trained = $there->training($lost, 'training_id');
    $there->becomes($there->start($user{lost}), 'running', 'and another, started later');
    $standby->safe_psql('postgres', 'ALTER SYSTEM SET atelier.databases = elsewhere');
    $standby->restart;
    forget($lost, 'queued');
    $standby->safe_psql('postgres', 'ALTER SYSTEM RESET atelier.databases');
    $stand_in->request('PATCH', '/_control/settings', { page_size => 1, cut_lists => JSON::PP::true });
    $standby->stop('fast');
    $standby->append_conf('standby.signal', '');
    $standby->start;
    $standby->promote;
    eventually('the list is found to be cut', sub {
        return slurp_file($standby->logfile) =~ /WARNING: .* the trainings of token \d+ cannot be listed to their end/ });
    dispatcher_state($standby, 'rescuing', 'the search goes on');
    is($there->training($lost, 'state'), 'queued', 'and what was lost waits');
    $stand_in->request('PATCH', '/_control/settings', { cut_lists => JSON::PP::false });
    $there->becomes($lost, 'running', 'until the list can be read');
    is($there->training($lost, 'training_id'), $trained, 'and shows it');
    is($there->stored . ' ' . $there->posts, ($stored + 2) . ' ' . ($posts + 2), 'nothing was started twice');
    $stand_in->request('PATCH', '/_control/settings', { page_size => 100 });
};

$standby->stop;
done_testing();
