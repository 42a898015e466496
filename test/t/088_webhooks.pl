# SPDX-License-Identifier: PostgreSQL
# Webhooks of the stand-in, through a small gateway: they bring the look at a prediction forward, whatever their order and
# number, and polling does the work where they do not come. The first poll is a minute away here, so what ends soon has been
# told by a webhook.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Gateway;
use HTTP::Tiny;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('webhooks', stand_in => $stand_in, token => 0, settings => { 'atelier.user_concurrency' => 0, 'atelier.poll_interval' => '60s' });
my $user = add_user($node);
my $gateway = Atelier::Gateway->start($node, 'postgres');

sub value {
    my ($sql) = @_;
    return $node->safe_psql('postgres', $sql);
}

sub queue {
    my ($prompt, $model) = @_;
    return sql_as($node, $user, <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)
VALUES ('$user', 'create', 'test', 'Test', '$model', '$prompt') RETURNING id
SQL
}

sub completes {
    my ($prompt, $model) = @_;
    my $id = queue($prompt, $model);
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE id = '$id'", "$prompt: completes");
    is(value("SELECT count(*) FROM atelier.attempts WHERE generation_id = '$id'"), 1, "$prompt: by one prediction");
    return $id;
}

# Waits until the stand-in has sent all it will about this model, and returns the statuses of the answers.
sub answers {
    my ($id) = @_;
    my $prediction = value("SELECT prediction_id FROM atelier.attempts WHERE generation_id = '$id'");
    my @statuses;
    for (1 .. 100) {
        @statuses = map { $_->{status} } grep { $_->{prediction} eq $prediction }
          @{ $stand_in->request('GET', '/_control/webhooks')->{deliveries} };
        last if @statuses;
        select undef, undef, undef, 0.1;
    }
    return "@statuses";
}

sub health { return value("SELECT status || ' ' || detail FROM atelier.health() WHERE check_name = 'webhooks'") }

like(health(), qr/^ok none are asked for/, 'health() says that there are none');
configure($node, 'atelier.webhook_url' => $gateway->url);

subtest 'no secret is known' => sub {
    $stand_in->request('PUT', '/_control/tokens/r8_acme_hooks_1', { refuse => '500', route => 'secret' });
    $node->reload;
    add_token($node, 'r8_acme_hooks_1');
    my $id = completes('unsigned', 'sim/run-500ms--hook-unsigned');
    is(answers($id), '204', 'answered with 204');
    like(health(), qr/^warn no secret is known/, 'health() says so');
    my $attempt = value("SELECT id FROM atelier.attempts WHERE generation_id = '$id'");
    is(post($attempt, '{"id": "what"}'), 204, 'an unknown prediction is answered like any other');
    is(post($attempt, 'no json'), 500, 'what is no JSON the server refuses itself, before it calls us');
    is(post($attempt, '[]'), 400, 'what is no prediction we refuse');
    is(value('SELECT count(*) FROM atelier.webhook_secrets'), 0, 'the provider gave no secret');
};

sub post {
    my ($attempt, $body, %headers) = @_;
    my $answer = HTTP::Tiny->new->post($gateway->url . "?attempt=eq.$attempt",
        { content => $body, headers => { 'content-type' => 'application/json', %headers } });
    return $answer->{status};
}

subtest 'secrets are fetched' => sub {
    $stand_in->request('DELETE', '/_control/tokens/r8_acme_hooks_1');
    add_token($node, 'r8_other_hooks_2');
    $node->restart;
    wait_for($node, 'SELECT count(*) = 2 FROM atelier.webhook_secrets WHERE fetched_at IS NOT NULL', 'of both accounts');
    like(health(), qr/^ok signatures of 2 accounts are checked/, 'health() is content');
};

subtest 'signed' => sub {
    for my $words ('hook-two-signatures', 'hook-twice', 'hook-early', 'hook-big', 'hook-disorder') {
        my $id = completes($words, "sim/run-500ms--$words");
        like(answers($id), qr/\A204(?: 204)*\z/, "$words: answered with 204");
    }
    for my $account ('acme', 'other') {
        value("UPDATE public.replicate_tokens SET is_active = token LIKE 'r8_${account}_%'");
        my $id = completes("of $account", 'sim/run-500ms');
        is(answers($id), '204', "$account: answered with 204");
        is(value("SELECT s.account FROM atelier.attempts a JOIN atelier.token_state s USING (token_id) WHERE a.generation_id = '$id'"),
            $account, 'as signed by that account');
    }
    value('UPDATE public.replicate_tokens SET is_active = true');
    is(value("SELECT count(*) - count(DISTINCT prediction_id) FROM atelier.webhook_events e WHERE message_id LIKE 'msg_%'"), 0, 'each once');
};

subtest 'lost answers' => sub {
    my $id = queue('lost', 'sim/run-500ms--created-but-500');
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE id = '$id'", 'a webhook finds the prediction whose answer was lost');
    is(value("SELECT count(*) FROM atelier.attempts WHERE generation_id = '$id'"), 1, 'at its only attempt');
};

subtest 'H29: what is not accepted' => sub {
    configure($node, 'atelier.poll_interval' => '200ms');
    $node->reload;
    for my $case ([ 'hook-forged', 403 ], [ 'hook-v9', 403 ], [ 'hook-unsigned', 400 ], [ 'hook-old', 400 ]) {
        my ($words, $status) = @$case;
        my $id = completes($words, "sim/run-500ms--$words");
        like(answers($id), qr/\A$status\b/, "$words: answered with $status, and polling does the work");
    }
    completes('none', 'sim/run-500ms--hook-none');
    my $id = completes('unknown', 'sim/run-500ms--hook-unknown-id');
    is(value("SELECT count(*) > 0 FROM atelier.webhook_events WHERE attempt_id IS NULL"), 't', 'one about a prediction that does not exist is remembered');
};

subtest 'late' => sub {
    my $id = completes('late', 'sim/run-500ms--hook-twice');
    answers($id);
    # What was not accepted before is still being repeated.
    my $attempt = value("SELECT id FROM atelier.attempts WHERE generation_id = '$id'");
    my ($head, $body) = split /\r\n\r\n/, (grep { /attempt=eq\.$attempt / } $gateway->requests)[0], 2;
    my %headers = map { /\A(webhook-[a-z]+): *(.*)\z/i ? (lc $1 => $2) : () } split /\r\n/, $head;
    is(post($attempt, $body, %headers), 204, 'a repetition of what has ended is answered with 204');
    is(post($attempt, "$body ", %headers), 403, 'changed bytes are not');
    my $had = value("SELECT credits FROM public.users WHERE id = '$user'");
    is(post($attempt, $body, %headers), 204, 'again');
    is(value("SELECT credits FROM public.users WHERE id = '$user'"), $had, 'H27: whoever ends it first has ended it, and nobody pays twice');
};

subtest 'secrets set by hand stay' => sub {
    value("UPDATE atelier.webhook_secrets SET secret = 'whsec_AAAA', fetched_at = NULL WHERE account = 'acme'");
    $node->restart;
    completes('by hand', 'sim/run-500ms--hook-none') for 1 .. 2;
    is(value("SELECT secret FROM atelier.webhook_secrets WHERE account = 'acme'"), 'whsec_AAAA', 'the dispatcher leaves them alone');
    unlike(slurp_file($node->logfile), qr/whsec_(?!AAAA)/, 'no secret is in the log');
    is(value("SELECT count(*) FROM public.api_logs l WHERE l::text LIKE '%whsec_%'"), 0, 'nor in api_logs');
};

$node->stop;
done_testing();
