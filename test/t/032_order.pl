# SPDX-License-Identifier: PostgreSQL
# Who is next: users in round robin, within a user by priority, then first in first out; nobody is passed over, and nobody
# runs more than his share. Seen in the order in which the requests arrive at the stand-in.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use List::Util qw(max);
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('order', stand_in => $stand_in, settings => { 'atelier.user_concurrency' => 1, 'atelier.max_transfers' => 4 });

sub insert_rows {
    my ($user, $count, $prompt, $settings) = @_;
    $settings //= '{}';
    return sql_as($node, $user, <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt, settings)
SELECT '$user', 'create', 'test', 'Test', 'sim/instant', '$prompt ' || n, '$settings' FROM generate_series(1, $count) n
SQL
}

# The prompts in the order of arrival, since the last reset.
sub arrivals {
    return map { $_->{prompt} } @{ $stand_in->request('GET', '/_control/arrivals?limit=100000')->{arrivals} };
}

sub while_paused {
    my ($work) = @_;
    $node->safe_psql('postgres', 'SELECT atelier.pause()');
    wait_for($node, "SELECT state = 'paused' FROM atelier.worker_state() WHERE kind = 'dispatcher'", 'dispatch is paused');
    $stand_in->request('POST', '/_control/reset');
    $stand_in->request('PATCH', '/_control/settings', { arrivals => 10000 });
    $work->();
    $node->safe_psql('postgres', 'SELECT atelier.resume()');
    wait_for($node, 'SELECT count(*) = 0 FROM atelier.queue', 'the queue is empty');
    wait_for($node, "SELECT count(*) = 0 FROM public.generations WHERE status <> 'completed'", 'everything is completed');
    return;
}

subtest 'neighbours in the ring' => sub {
    # Ids that follow one another, so that the next one begins where the last one ends.
    my @users = map { add_user($node) } 1 .. 3;
    insert_rows($_, 5, 'neighbour') for @users;
    wait_for($node, "SELECT count(*) = 15 FROM public.generations WHERE status = 'completed'", 'none is passed over');
    my $first = '00000000-0000-0000-0000-000000000000';
    my $last = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    $node->safe_psql('postgres', "INSERT INTO public.users (id) VALUES ('$first'), ('$last')");
    insert_rows($_, 3, 'edge') for $first, $last;
    wait_for($node, "SELECT count(*) = 6 FROM public.generations WHERE prompt LIKE 'edge%' AND status = 'completed'",
        'nor is the first or the last id');
};

subtest 'one user does not delay the others' => sub {
    my ($many, @few) = map { add_user($node) } 1 .. 4;
    while_paused(sub {
        insert_rows($many, 1000, 'many');
        insert_rows($_, 1, 'few') for @few;
    });
    my @order = arrivals();
    my @places = grep { $order[$_] =~ /^few/ } 0 .. $#order;
    is(scalar @places, 3, 'three rows of others arrived');
    cmp_ok(max(@places), '<', 12, 'among the first ones');
};

subtest 'priority within a user, then first in first out' => sub {
    my $user = add_user($node);
    while_paused(sub {
        insert_rows($user, 3, 'ordinary');
        insert_rows($user, 2, 'urgent', '{"priority": 5}');
        insert_rows($user, 1, 'low', '{"priority": -1}');
    });
    is_deeply([ arrivals() ], [ 'urgent 1', 'urgent 2', 'ordinary 1', 'ordinary 2', 'ordinary 3', 'low 1' ], 'in order');
};

subtest 'no more than his share at once' => sub {
    my $user = add_user($node);
    $node->safe_psql('postgres', "ALTER SYSTEM SET atelier.user_concurrency = 2");
    $node->reload;
    $stand_in->request('POST', '/_control/reset');
    sql_as($node, $user, <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)
SELECT '$user', 'create', 'test', 'Test', 'sim/stuck', 'share ' || n FROM generate_series(1, 5) n
SQL
    wait_for($node, "SELECT count(*) = 2 FROM public.generations WHERE prompt LIKE 'share%' AND status = 'processing'", 'two run');
    $node->safe_psql('postgres', 'SELECT pg_sleep(1.2)');    # two rounds of the safety poll
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE prompt LIKE 'share%' AND status = 'queued'"),
        3, 'three wait');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE status IN ('queued', 'processing')");
    wait_for($node, "SELECT count(*) = 0 FROM public.generations WHERE prompt LIKE 'share%' AND status IN ('queued', 'processing')",
        'all are cancelled');
    is($stand_in->request('GET', '/_control/stats')->{creates}{accepted}, 2, 'and never ran');
};

$node->stop;
done_testing();
