# SPDX-License-Identifier: PostgreSQL
# The life of a generation from a user's INSERT to its end: every way of ending, and what is written where.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('life', stand_in => $stand_in);
my $user = add_user($node);

# Queues one generation as the user; returns its id.
sub queue {
    my (%row) = @_;
    my %columns = (
        user_id => $user, action => 'create', model_id => 'test', model_name => 'Test', replicate_model => 'sim/ok',
        prompt => 'a red kettle', %row);
    my @names = sort keys %columns;
    my $values = join ', ', map { my $text = $columns{$_}; $text =~ s/'/''/g; "'$text'" } @names;
    return sql_as($node, $user,
        'INSERT INTO public.generations (' . join(', ', @names) . ") VALUES ($values) RETURNING id");
}

sub ended {
    my ($id, $status, $test) = @_;
    return wait_for($node, "SELECT status = '$status' FROM public.generations WHERE id = '$id'", $test);
}

sub value {
    my ($id, $expression) = @_;
    return $node->safe_psql('postgres', "SELECT $expression FROM public.generations g WHERE id = '$id'");
}

# How often the input with this prompt was posted and accepted.
sub counts {
    my ($prompt) = @_;
    my $answer = $stand_in->request('GET', '/_control/inputs');
    my $inputs = ref $answer eq 'HASH' ? $answer->{inputs} : $answer;
    my ($found) = grep { ($_->{prompt} // '') eq $prompt } @$inputs;
    return $found ? "$found->{posts} $found->{accepted}" : '0 0';
}

subtest 'an image' => sub {
    my $id = queue(prompt => 'an image', replicate_model => 'black-forest-labs/flux-dev');
    is(value($id, 'status'), 'queued', 'is queued') unless value($id, 'status') =~ /processing|completed/;
    ended($id, 'completed', 'is completed');
    is(value($id, "replicate_prediction_id <> ''"), 't', 'has a prediction id');
    is(value($id, 'cardinality(output_urls)'), 1, 'has one output');
    is(value($id, "replicate_token_index = (SELECT min(id) FROM public.replicate_tokens)"), 't', 'names its token');
    is(value($id, 'started_at IS NOT NULL AND completed_at >= started_at AND processing_time_ms >= 0'), 't', 'has its times');
    is(value($id, 'cost_usd > 0'), 't', 'has its cost');
    is(value($id, "replicate_output ->> 'status'"), 'succeeded', 'keeps the answer');
    is($node->safe_psql('postgres', "SELECT credits FROM public.users WHERE id = '$user'"), 99, 'was charged once');
    is($node->safe_psql('postgres', "SELECT count(*) FROM atelier.queue"), 0, 'has left the queue');
    is($node->safe_psql('postgres', "SELECT state FROM atelier.attempts WHERE generation_id = '$id'"), 'succeeded',
        'has one attempt');
    is(counts('an image'), '1 1', 'was created once');
};

subtest 'a model that answers at once' => sub {
    my $id = queue(prompt => 'at once', replicate_model => 'sim/instant');
    ended($id, 'completed', 'is completed');
    is(value($id, 'started_at IS NOT NULL AND processing_time_ms >= 0'), 't', 'has its times');
    is(counts('at once'), '1 1', 'was created once');
};

subtest 'a text' => sub {
    my $id = queue(prompt => 'describe', action => 'analyze_describe', replicate_model => 'sim/out-chunks',
        input_image_url => 'https://example.org/a.png');
    ended($id, 'completed', 'is completed');
    is(value($id, 'output_text IS NOT NULL AND output_urls = ARRAY[output_text]'), 't', 'text is the only output too');
};

subtest 'output forms' => sub {
    my %urls = ('out-urls-3' => 3, 'out-object' => 2, 'out-data' => 1, 'out-video' => 1, 'out-svg' => 1);
    for my $form (sort keys %urls) {
        my $id = queue(prompt => $form, replicate_model => "sim/$form");
        ended($id, 'completed', "$form is completed");
        cmp_ok(value($id, 'cardinality(output_urls)'), '>=', $urls{$form}, "$form has its outputs");
    }
    for my $form ('out-null', 'out-empty', 'out-number', 'data-removed') {
        my $id = queue(prompt => $form, replicate_model => "sim/$form");
        ended($id, 'failed', "$form fails");
        isnt(value($id, 'error_message'), '', "$form has a message");
    }
};

subtest 'refused and failed' => sub {
    my $id = queue(prompt => 'refused', replicate_model => 'sim/refuse-422-input');
    ended($id, 'failed', 'a refused input fails');
    is(counts('refused'), '1 0', 'after one request');
    $id = queue(prompt => 'sensitive', replicate_model => 'sim/fail-e005');
    ended($id, 'failed', 'a filtered content fails');
    is(counts('sensitive'), '1 1', 'and is not tried again');
    unlike(value($id, 'error_message'), qr/E005|replicate/i, 'without naming provider or code');
    like($node->safe_psql('postgres', "SELECT error FROM atelier.attempts WHERE generation_id = '$id'"), qr/E005/,
        'the raw error is kept for admins');
    $id = queue(prompt => 'missing', replicate_model => 'missing/model');
    ended($id, 'failed', 'an unknown model fails');
    is($node->safe_psql('postgres', "SELECT credits > 80 FROM public.users WHERE id = '$user'"), 't', 'failures are free');
};

subtest 'an upstream failure is tried again' => sub {
    my $id = queue(prompt => 'again', replicate_model => 'sim/fail-pa-x1');
    ended($id, 'completed', 'is completed');
    is(counts('again'), '2 2', 'by the second prediction');
    is(value($id, 'settings'), '{}', 'nothing is written into the settings');
    is($node->safe_psql('postgres', "SELECT string_agg(state || ' ' || number || ' ' || series, ', ' ORDER BY number) FROM atelier.attempts WHERE generation_id = '$id'"),
        'failed 1 1, succeeded 2 1', 'both attempts are kept');
    is(value($id, 'error_message IS NULL'), 't', 'no error stays');
};

subtest 'references' => sub {
    my $id = queue(prompt => 'community', replicate_model => 'community/paint');
    ended($id, 'completed', 'a community model runs by its latest version');
    is(counts('community'), '2 1', 'found out after one refusal');
    $id = queue(prompt => 'community again', replicate_model => 'community/paint');
    ended($id, 'completed', 'and again');
    is(counts('community again'), '1 1', 'without asking');
    $id = queue(prompt => 'deployed', replicate_model => 'deployment:acme/fast');
    ended($id, 'completed', 'a deployment runs by its prefix');
    my $version = $node->safe_psql('postgres', "SELECT encode(sha256('community/ok'), 'hex')");
    $id = queue(prompt => 'by version', replicate_model => $version);
    ended($id, 'completed', 'a bare version runs');
    $id = queue(prompt => 'by both', replicate_model => "community/ok:$version");
    ended($id, 'completed', 'a name with version runs');
};

subtest 'cancelling' => sub {
    my $id = queue(prompt => 'long', replicate_model => 'sim/stuck');
    ended($id, 'processing', 'is processing');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    ended($id, 'cancelled', 'is cancelled at the provider');
    is($stand_in->request('GET', '/_control/stats')->{predictions}{canceled}, 1, 'which says so too');
    $id = queue(prompt => 'race', replicate_model => 'sim/run-2s--cancel-race');
    ended($id, 'processing', 'another one is processing');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    ended($id, 'completed', 'what succeeds nevertheless is completed');
};

subtest 'lost answers' => sub {
    my $id = queue(prompt => 'lost', replicate_model => 'sim/reset-after-body-created');
    ended($id, 'completed', 'a prediction whose answer was lost is found and adopted');
    is(counts('lost'), '1 1', 'and was created once');
};

subtest 'what is logged' => sub {
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.api_logs WHERE path LIKE '%?%'"), 0, 'no query');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.api_logs l WHERE l::text LIKE '%r8\\_%'"), 0, 'no secret');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.api_logs l WHERE l::text LIKE '%kettle%'"), 0, 'no prompt');
    is($node->safe_psql('postgres',
        "SELECT count(*) FROM public.api_logs WHERE method = 'GET' AND status_code = 200 AND error_category IS NULL"), 0,
        'no poll that found nothing wrong');
    is($node->safe_psql('postgres',
        "SELECT DISTINCT error_category FROM public.api_logs WHERE generation_id IN (SELECT id FROM public.generations WHERE prompt = 'sensitive') AND method = 'GET'"),
        'nsfw', 'a failed prediction with its category');
    is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT provider, ',') FROM public.api_logs"), 'replicate',
        'the provider');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.api_logs WHERE status_code = 0"), 1, 'the lost answer');
    is($node->safe_psql('postgres', 'SELECT count(*) FROM public.notifications'), 0, 'nobody is notified by default');
};

$node->stop;
done_testing();
