# SPDX-License-Identifier: PostgreSQL
# Webhooks of trainings: they bring the look at a training forward, by the same rules as those of predictions. The first poll
# is a minute away here.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Gateway;
use Atelier::Queue qw(eventually);
use Atelier::Training;
use HTTP::Tiny;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('hooks', stand_in => $stand_in, token => 0, settings => {
    'atelier.download_hosts' => '127.0.0.1', 'atelier.poll_interval' => '60s', 'atelier.max_trainings_per_user' => 0 });
my $gateway = Atelier::Gateway->start($node, 'postgres');
configure($node, 'atelier.webhook_url' => $gateway->url);
$node->reload;
my $studio = Atelier::Training->new($node, $stand_in);
my $user = add_user($node);

sub sql { return $node->safe_psql('postgres', $_[0]) }

# Statuses of the answers to the messages about a training.
sub answers {
    my ($lora) = @_;
    my $training = $studio->training($lora, 'training_id');
    my @statuses;
    eventually('a message was answered', sub {
        @statuses = map { $_->{status} } grep { $_->{prediction} eq $training } @{ $stand_in->request('GET', '/_control/webhooks')->{deliveries} };
        return @statuses > 0;
    });
    return "@statuses";
}

sub completes {
    my ($trainer) = @_;
    $studio->trainer($trainer);
    my $had = $studio->stored;
    my $lora = $studio->start($user);
    $studio->ended($lora, 'completed', "$trainer: completes");
    is($studio->stored, $had + 1, "$trainer: one training");
    return $lora;
}

sub is_early {
    my ($lora, $test) = @_;
    return is($studio->training($lora, "ended_at - sent_at < interval '50 s'"), 't', "$test: before the first poll");
}

sub post {
    my ($training, $body, %headers) = @_;
    return HTTP::Tiny->new->post($gateway->url . "?attempt=eq.$training",
        { content => $body, headers => { 'content-type' => 'application/json', %headers } })->{status};
}

subtest 'no secret is known' => sub {
    $stand_in->request('PUT', '/_control/tokens/r8_acme_hooks_1', { refuse => '500', route => 'secret' });
    add_token($node, 'r8_acme_hooks_1');
    my $lora = completes('sim/run-500ms--hook-unsigned');
    is(answers($lora), '204', 'answered with 204');
    is_early($lora, 'a hint');
    is(sql("SELECT count(*) FROM atelier.webhook_events WHERE message_id = 'unsigned: t' || training_id AND noticed"), 1, 'it was taken as one of a training');
    is(post('t99', '{"id": "what"}'), 204, 'an unknown training is answered like any other');
};

subtest 'signed' => sub {
    $stand_in->request('DELETE', '/_control/tokens/r8_acme_hooks_1');
    $node->restart;
    wait_for($node, 'SELECT count(*) = 1 FROM atelier.webhook_secrets', 'the secret is known');
    for my $words ('hook-two-signatures', 'hook-twice', 'hook-early', 'hook-big', 'hook-disorder') {
        my $lora = completes("sim/run-500ms--$words");
        like(answers($lora), qr/\A204(?: 204)*\z/, "$words: answered with 204");
        is_early($lora, $words);
    }
    is(sql("SELECT count(*) - count(DISTINCT prediction_id) FROM atelier.webhook_events WHERE message_id LIKE 'msg_%'"), 0, 'each once');
    my $lora = completes('sim/run-500ms--created-but-500');
    is_early($lora, 'an answer that was lost');
};

subtest 'what is not accepted' => sub {
    configure($node, 'atelier.poll_interval' => '200ms');
    $node->reload;
    for my $case ([ 'hook-forged', 403 ], [ 'hook-v9', 403 ], [ 'hook-unsigned', 400 ], [ 'hook-old', 400 ]) {
        my ($words, $status) = @$case;
        my $lora = completes("sim/run-500ms--$words");
        like(answers($lora), qr/\A$status\b/, "$words: answered with $status, and polling does the work");
    }
    completes('sim/run-500ms--hook-unknown-id');
    my $lora = completes('sim/run-500ms--hook-twice');
    answers($lora);
    my $training = $studio->training($lora, 'id');
    my ($head, $body) = split /\r\n\r\n/, (grep { /attempt=eq\.t$training / } $gateway->requests)[0], 2;
    my %headers = map { /\A(webhook-[a-z]+): *(.*)\z/i ? (lc $1 => $2) : () } split /\r\n/, $head;
    is(post("t$training", $body, %headers), 204, 'a repetition of what has ended is answered with 204');
    is(post("t$training", "$body ", %headers), 403, 'changed bytes are not');
};

$node->stop;
done_testing();
