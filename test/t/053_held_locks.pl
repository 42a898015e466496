# SPDX-License-Identifier: PostgreSQL
# A user with a session of his own locks all that he may lock, and does not end his transaction: the results of others arrive
# all the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('held', stand_in => $stand_in, settings => {
    'atelier.user_concurrency' => 0, 'atelier.safety_poll' => '300ms', log_lock_waits => 'off' });
my ($user, $mallory) = map { add_user($node) } 1 .. 2;
my $flow = '00000000-0000-4000-8000-0000000000f1';

sub completed {
    my ($prompt, $count, $test) = @_;
    return wait_for($node, "SELECT count(*) = $count FROM public.generations WHERE prompt LIKE '$prompt %' AND status = 'completed'", $test);
}

$node->safe_psql('postgres', <<"SQL");
INSERT INTO flows (id, user_id, name) VALUES ('$flow', '$user', 'shared');
INSERT INTO flow_members (flow_id, user_id, role, accepted_at) VALUES ('$flow', '$mallory', 'editor', now());
SELECT atelier.pause();
SQL
queue_many($node, $user, 20, 'of the user', 'sim/instant');
queue_many($node, $mallory, 5, 'of mallory', 'sim/instant');
queue_many($node, $user, 1, 'shared', 'sim/instant');
$node->safe_psql('postgres', "INSERT INTO flow_nodes (flow_id, block_type, status, generation_id) "
      . "SELECT '$flow', 'image', 'pending', id FROM generations WHERE prompt LIKE 'shared %'");

$stand_in->request('PATCH', '/_control/settings', { create_delay_ms => 1500 });
$node->safe_psql('postgres', 'SELECT atelier.resume()');
outstanding($stand_in, 26, 'requests are out');
my $session = $node->background_psql('postgres');
$session->query_safe("BEGIN; SET LOCAL ROLE authenticated; SET LOCAL request.jwt.claims = '{\"sub\": \"$mallory\"}';");
$session->query_safe("SELECT FROM $_ FOR UPDATE;") for 'public.users', 'public.generations', 'public.flow_nodes', 'public.flows';
completed('of the user', 20, 'what has nothing to do with it is completed');
is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE status = 'completed' AND prompt NOT LIKE 'of the user %'"), 0, 'what has waits');
$session->query_safe('COMMIT;');
completed('of mallory', 5, 'and follows');
completed('shared', 1, 'with its node');
is($stand_in->request('GET', '/_control/stats')->{inputs}{max_posts}, 1, 'nothing was sent twice');
$session->quit;
done_testing();
