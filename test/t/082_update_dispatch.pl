# SPDX-License-Identifier: PostgreSQL
# Dispatch and ALTER EXTENSION atelier UPDATE: a database that has not been updated sends nothing and says so, afterwards all
# that waited goes out once, and what was under way is watched to its end; also while users go on inserting, and while a
# dispatcher is in the middle of it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Catalog;
use Atelier::Queue;
use Atelier::Update;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('update', stand_in => $stand_in, extension => 0, settings => { 'atelier.user_concurrency' => 0, 'atelier.max_queued_per_user' => 0 });
skip_without_old_script($node);
my $bin = $node->config_data('--bindir');

# Inserts one row per transaction from four sessions until it is told to stop; each of them must succeed.
sub start_writers {
    my ($user, $prompt) = @_;
    my $script = PostgreSQL::Test::Utils::tempdir() . "/$prompt.sql";
    append_to_file($script, "INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)
VALUES ('$user', 'create', 'm', 'M', 'sim/instant', '$prompt ' || gen_random_uuid());\n\\sleep 20 ms\n");
    my $errors = '';
    my $writers = IPC::Run::start(['pgbench', '-n', '-c', 4, '-T', 600, '-f', $script, $node->connstr('postgres')], '>', '/dev/null', '2>', \$errors);
    wait_for($node, "SELECT count(*) > 20 FROM public.generations WHERE prompt LIKE '$prompt %'", "users insert $prompt");
    return [$writers, \$errors];
}

sub stop_writers {
    my ($running) = @_;
    my ($writers, $errors) = @$running;
    $writers->pump_nb;
    is($$errors, '', 'no user has got an error');
    $writers->signal('TERM');
    $writers->finish;
    return;
}

sub all_once {
    my ($prompt, $test) = @_;
    wait_for($node, "SELECT count(*) = 0 FROM public.generations WHERE prompt LIKE '$prompt %' AND status NOT IN ('completed', 'failed')", "$test: all rows end");
    my $rows = $node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE prompt LIKE '$prompt %' AND status = 'completed'");
    my @inputs = grep { ($_->{prompt} // '') =~ /^\Q$prompt\E / } @{ $stand_in->request('GET', '/_control/inputs?limit=100000')->{inputs} };
    is(scalar(@inputs), $rows, "$test: $rows completed rows, and as many inputs at the provider");
    return is(scalar(grep { $_->{posts} != 1 } @inputs), 0, "$test: each was posted once");
}

$node->safe_psql('postgres', "CREATE EXTENSION atelier VERSION '@{[kOld]}'");
my $token = add_token($node);
my $user = add_user($node);

# What a dispatcher of the old version had under way: a prediction that runs, and a request whose answer nobody has recorded.
my @under_way;
for my $prompt ('running 1', 'lost 1') {
    my $answer = HTTP::Tiny->new->post($stand_in->url . '/v1/models/sim/run-1s/predictions',
        { content => encode_json({ input => { prompt => $prompt } }), headers => { authorization => "Bearer $token", 'content-type' => 'application/json' } });
    is($answer->{status}, 201, "$prompt: the provider has it");
    push @under_way, decode_json($answer->{content})->{id};
}
$node->safe_psql('postgres', <<"SQL");
INSERT INTO public.generations (id, user_id, action, model_id, model_name, replicate_model, prompt, replicate_input, status, replicate_prediction_id, replicate_token_index)
VALUES ('00000000-0000-4000-8000-00000000aa01', '$user', 'create', 'm', 'M', 'sim/run-1s', 'running 1', '{"prompt": "running 1"}', 'processing', '$under_way[0]', 1),
       ('00000000-0000-4000-8000-00000000aa02', '$user', 'create', 'm', 'M', 'sim/run-1s', 'lost 1', '{"prompt": "lost 1"}', 'processing', NULL, 1);
INSERT INTO atelier.attempts (generation_id, user_id, sent_at, deadline, lease_until, token_id, number, state, prediction_id)
VALUES ('00000000-0000-4000-8000-00000000aa01', '$user', now() - interval '1 s', now() + interval '10 min', NULL, 1, 1, 'running', '$under_way[0]'),
       ('00000000-0000-4000-8000-00000000aa02', '$user', now() - interval '1 s', now() + interval '10 min', now(), 1, 1, 'sending', NULL);
SQL
queue_many($node, $user, 50, 'queued', 'sim/instant');

subtest 'before the update nothing is sent' => sub {
    dispatcher_state($node, 'held: extension version', 'the dispatcher holds');
    my $sent = creates($stand_in);
    $node->safe_psql('postgres', 'SELECT atelier.wake()');
    sleep 1.5;
    $node->restart;
    dispatcher_state($node, 'held: extension version', 'also after a restart');
    sleep 1;
    is(creates($stand_in), $sent, 'no request is made');
    is($node->safe_psql('postgres', 'SELECT count(*) FROM atelier.queue'), 50, 'the queue waits');
    like(health($node, 'tables')->{hint}, qr/ALTER EXTENSION atelier UPDATE;$/, 'health() says what to run');
};

subtest 'under load' => sub {
    my $writers = start_writers($user, 'inserted');
    update_extension($node, 'postgres');
    dispatcher_state($node, 'running', 'after the update it runs, without a restart');
    wait_for($node, "SELECT count(*) > 50 FROM public.generations WHERE prompt LIKE 'inserted %' AND status = 'completed'", 'and sends what users insert');
    stop_writers($writers);
    all_once('queued', 'what had waited');
    all_once('inserted', 'what was inserted meanwhile');
    all_once('running', 'what the old version had sent');
    all_once('lost', 'what it had sent without an answer');
};

# The library is that of this version already, so the version is turned back to what the dispatcher may not serve.
subtest 'in the middle of it' => sub {
    my $writers = start_writers($user, 'meanwhile');
    queue_many($node, $user, 60, 'slow', 'sim/slow-2s');
    outstanding($stand_in, 10, 'requests are outstanding');
    $node->safe_psql('postgres', "UPDATE pg_extension SET extversion = '@{[kOld]}' WHERE extname = 'atelier'; SELECT atelier.wake()");
    dispatcher_state($node, 'held: extension version', 'the dispatcher stops sending');
    eventually('what was under way is over', sub { $stand_in->request('GET', '/_control/stats')->{requests}{outstanding} == 0 });
    my $sent = creates($stand_in);
    sleep 1;
    is(creates($stand_in), $sent, 'nothing new goes out');
    update_extension($node, 'postgres');
    dispatcher_state($node, 'running', 'after the update it goes on');
    wait_for($node, "SELECT count(*) = 60 FROM public.generations WHERE prompt LIKE 'slow %' AND status = 'completed'", 'the rows that had waited are sent');
    stop_writers($writers);
    all_once('slow', 'what was under way');
    all_once('meanwhile', 'what was inserted');
};

# Again and again while it sends: nothing is lost between two of them.
subtest 'install() while it runs' => sub {
    my $writers = start_writers($user, 'installing');
    $node->safe_psql('postgres', 'SELECT atelier.install()') for 1 .. 5;
    stop_writers($writers);
    all_once('installing', 'what was inserted');
    is(health($node, $_)->{status}, 'ok', "health() is content with $_") for qw(tables guards changes dispatch);
};

$node->stop;
done_testing();
