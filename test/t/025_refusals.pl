# SPDX-License-Identifier: PostgreSQL
# The decision table against the stand-in: refusals, throttling, tokens that are not accepted, accounts that cannot pay,
# ambiguous answers, and answers that no parser likes. Counted at the stand-in: what was accepted is never sent again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('refusals', stand_in => $stand_in, token => 0, settings => { 'atelier.user_concurrency' => 0 });
my $user = add_user($node);
add_token($node, 'r8_acme_refusals_1');
add_token($node, 'r8_other_refusals_2');

sub queue {
    my ($prompt, $model) = @_;
    return sql_as($node, $user, <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)
VALUES ('$user', 'create', 'test', 'Test', '$model', '$prompt') RETURNING id
SQL
}

sub ended {
    my ($prompt, $status) = @_;
    return wait_for($node, "SELECT status = '$status' FROM public.generations WHERE prompt = '$prompt'", "$prompt is $status");
}

# posts and accepted predictions of the input with this prompt
sub counts {
    my ($prompt) = @_;
    my $answer = $stand_in->request('GET', '/_control/inputs');
    my $inputs = ref $answer eq 'HASH' ? $answer->{inputs} : $answer;
    my ($found) = grep { ($_->{prompt} // '') eq $prompt } @$inputs;
    return $found ? ($found->{posts}, $found->{accepted}) : (0, 0);
}

sub runs_once {
    my ($prompt, $model, $posts) = @_;
    queue($prompt, $model);
    ended($prompt, 'completed');
    my ($posted, $accepted) = counts($prompt);
    is($accepted, 1, "$prompt: one prediction");
    is($posted, $posts, "$prompt: $posts requests") if defined $posts;
    return;
}

sub fails {
    my ($prompt, $model) = @_;
    queue($prompt, $model);
    ended($prompt, 'failed');
    my ($posted, $accepted) = counts($prompt);
    is($accepted, 0, "$prompt: no prediction");
    return;
}

subtest 'definite refusals' => sub {
    fails("refused $_", "sim/refuse-$_") for '400', '413', '415', '422-input';
    fails('community without a version', 'missing/none');
};

subtest 'throttled, whatever the form of the waiting time' => sub {
    for my $form ('429-text', '429-old-text', '429-header', '429-date', '429-body', '429-reset', '429-bare') {
        runs_once("throttled $form", "sim/refuse-$form-x1", 2);
        $node->safe_psql('postgres', 'DELETE FROM atelier.token_state');
        $node->safe_psql('postgres', 'UPDATE public.replicate_tokens SET token = token');
    }
    is($node->safe_psql('postgres', 'SELECT bool_and(is_active) FROM public.replicate_tokens'), 't', 'tokens stay active');
};

subtest 'requests that did not arrive or were lost' => sub {
    runs_once('reset, not created', 'sim/reset-after-body-not-created-x1', 2) if $ENV{ATELIER_SLOW_TESTS};
    runs_once("lost $_", "sim/$_", 1)
      for 'reset-after-body-created', 'close-after-body-created', 'truncated', 'no-id', 'not-json', 'empty-body',
      'created-but-500', 'created-but-502-html', 'created-but-503-seconds', 'created-but-408';
};

subtest 'hostile answers' => sub {
    runs_once("hostile $_", "sim/$_", 1)
      for 'logs-nul', 'logs-2048', 'time-9', 'exponent', 'other-model', 'chunked', 'gzip', 'sparse', 'end-successful',
      'unknown-status', 'no-metrics', 'poll-404-x1', 'poll-500-x2', 'poll-502-html-x1', 'poll-429-header-x1';
    is($node->safe_psql('postgres',
        "SELECT max(length(replicate_output ->> 'logs')) <= 8192 FROM public.generations"), 't', 'logs are cut to 8 kB');
    queue('nul in a text', 'sim/out-nul');
    wait_for($node, "SELECT status IN ('completed', 'failed') FROM public.generations WHERE prompt = 'nul in a text'",
        'a NUL in the output ends the row');
};

subtest 'ended by the provider' => sub {
    queue('canceled there', 'sim/end-canceled');
    ended('canceled there', 'failed');
    queue('out of memory', 'sim/fail-oom');
    ended('out of memory', 'failed');
    is((counts('out of memory'))[1], 1, 'is not paid for again');
};

subtest 'tokens' => sub {
    $stand_in->request('PUT', '/_control/tokens/r8_acme_refusals_1', { refuse => '401' });
    runs_once("other token $_", 'sim/instant') for 1 .. 4;
    wait_for($node, "SELECT NOT is_active FROM public.replicate_tokens WHERE token = 'r8_acme_refusals_1'",
        'a token that is refused twice is deactivated');
    my $tokens = $node->safe_psql('postgres', 'SELECT t::text FROM atelier.tokens t');
    unlike($tokens, qr/r8_/, 'the view shows no secret');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE error_message ~ 'r8_'"), 0,
        'nor does an error message');
    unlike(what_workers_log(), qr/r8_/, 'nor the server log');
};

# The test cluster logs every statement, so the INSERTs of this test are in its log; the workers' lines must not be like that.
sub what_workers_log {
    return join "\n", grep { !/LOG:  statement: / } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile);
}

$node->stop;
done_testing();
