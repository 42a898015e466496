# SPDX-License-Identifier: PostgreSQL
# Very many running predictions: the lists of their accounts answer for them, so that each is looked at in time within what an
# account may ask in a minute, which is scaled to six seconds here. Cancels get through, and results come.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use Test::More;

# 300 requests in six seconds: 50,000 predictions of ten accounts against 3,000 in a minute are 500 of an account here.
my ($limit, $window_s, $each) = (300, 6, 500);
my $stand_in = Atelier::StandIn->start;
# As behind a gateway: the lists name the host of the provider, which is not the one that is asked.
my $node = atelier_node('roll_call', stand_in => $stand_in, token => 0, settings => {
    'atelier.api_base_url' => 'http://localhost:' . $stand_in->port . '/v1',
    'atelier.requests_per_minute' => $limit, 'atelier.rate_window' => "${window_s}s", 'atelier.user_concurrency' => 0 });
$stand_in->request('PATCH', '/_control/settings', { requests_per_minute => $limit, rate_window_ms => 1000 * $window_s });
$node->safe_psql('postgres', "INSERT INTO public.replicate_tokens (token) VALUES ('r8_left_00000000000000000000000000000000'), "
      . "('r8_right_0000000000000000000000000000000')");
wait_for($node, 'SELECT count(*) = 2 FROM atelier.token_state WHERE account IS NOT NULL', 'the accounts are known');
my $user = add_user($node);

sub stats { return $stand_in->request('GET', '/_control/stats')->{requests} }

queue_many($node, $user, 2 * $each, 'watched', 'sim/stuck');
wait_for($node, "SELECT count(*) = 2 * $each FROM public.generations WHERE status = 'processing'", 'all are running');

subtest 'every one is looked at within a minute' => sub {
    my $lists = stats()->{by_route}{list} // 0;
    my $gets = stats()->{by_route}{get} // 0;
    $node->safe_psql('postgres', "SELECT pg_sleep(2 * $window_s)");
    my $after = stats()->{by_route};
    my $pages = ($after->{list} // 0) - $lists;
    # A round through both accounts is ten pages of a hundred.
    cmp_ok($pages, '>=', 2 * 2 * $each / 100, "$pages pages in two minutes");
    cmp_ok(($after->{get} // 0) - $gets, '<=', $limit, 'few single looks');
    is(stats()->{by_status}{429} // 0, 0, 'nothing was refused');
};

subtest 'an end is seen within a minute' => sub {
    my @ids = split /\n/, $node->safe_psql('postgres', 'SELECT replicate_prediction_id FROM public.generations ORDER BY random() LIMIT 20');
    $stand_in->request('POST', "/_control/predictions/$_/finish", { status => 'succeeded' }) for @ids;
    my $start = time;
    wait_for($node, "SELECT count(*) = 20 FROM public.generations WHERE status = 'completed'", 'the results are there');
    cmp_ok(time - $start, '<=', 2 * $window_s, 'soon');
    is(stats()->{by_status}{429} // 0, 0, 'nothing was refused');
};

subtest 'a cancel does not wait behind the looks' => sub {
    my $id = $node->safe_psql('postgres', "SELECT id FROM public.generations WHERE status = 'processing' LIMIT 1");
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    ended($node, $id, 'cancelled', 'it is cancelled');
};

subtest 'a list that cannot be read' => sub {
    $stand_in->request('POST', '/_control/fail', { route => 'list', error => '500', times => 50 });
    my $id = $node->safe_psql('postgres', "SELECT replicate_prediction_id FROM public.generations WHERE status = 'processing' LIMIT 1");
    $stand_in->request('POST', "/_control/predictions/$id/finish", { status => 'succeeded' });
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE replicate_prediction_id = '$id'",
        'single looks take its place');
};

subtest 'after a restart' => sub {
    $node->restart;
    wait_for($node, "SELECT running > 900 FROM atelier.worker_state() WHERE kind = 'dispatcher'", 'they are watched again');
    my $id = $node->safe_psql('postgres', "SELECT replicate_prediction_id FROM public.generations WHERE status = 'processing' LIMIT 1");
    $stand_in->request('POST', "/_control/predictions/$id/finish", { status => 'succeeded' });
    wait_for($node, "SELECT status = 'completed' FROM public.generations WHERE replicate_prediction_id = '$id'", 'and results come');
    is(stats()->{by_status}{429} // 0, 0, 'nothing was refused');
};

$node->stop;
done_testing();
