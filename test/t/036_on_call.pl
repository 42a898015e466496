# SPDX-License-Identifier: PostgreSQL
# Every statement of docs/on-call.md, in its order, on a database with something under way. Those marked with (s) are run as
# service_role.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $node = atelier_node('on_call', stand_in => $stand_in, settings => { 'atelier.user_concurrency' => 2 });
my $user = add_user($node);
sql_as($node, $user, <<"SQL");
INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt)
SELECT '$user', 'create', 'test', 'Test', 'sim/' || m, m || n FROM unnest('{ok,stuck,fail-text}'::text[]) m CROSS JOIN generate_series(1, 3) n
SQL
$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM public.generations WHERE status = 'processing'") or die 'nothing runs';

open my $page, '<', "$FindBin::RealBin/../../docs/on-call.md" or die $!;
my ($statements, $inside, $section) = (0, 0, '');
while (my $line = <$page>) {
    chomp $line;
    $section = $1 if $line =~ /^#+ (.*)/;
    if ($line =~ /^```/) { $inside = $line eq '```sql'; next }
    next unless $inside;
    my $by_service = $line =~ /-- \(s\)/ ? 'SET ROLE service_role;' : '';
    my ($status, $out, $error) = $node->psql('postgres', "$by_service $line", on_error_stop => 1);
    is($status, 0, "$section: $line") or diag($error);
    $statements++;
    is($node->safe_psql('postgres', "SELECT dispatch FROM atelier.identity"), 'paused', 'it is paused') if $line =~ /\.(?:pause|drain)\(/;
    is($node->safe_psql('postgres', "SELECT dispatch FROM atelier.identity"), 'running', 'it dispatches') if $line =~ /\.resume\(/;
    if ($line =~ /'cancelled'/) {
        wait_for($node, "SELECT count(*) = 0 FROM public.generations WHERE status IN ('queued', 'processing')", 'all has ended');
        my $state = $stand_in->request('GET', '/_control/stats');
        ok($state, 'the provider knows');
    }
}
cmp_ok($statements, '>', 15, 'the page has statements');

subtest 'paused and drained over a restart' => sub {
    sql_as($node, $user, "INSERT INTO public.generations (user_id, action, model_id, model_name, replicate_model, prompt) VALUES ('$user', 'create', 't', 'T', 'sim/stuck', 'last')");
    add_token($node, Atelier::StandIn::kToken());
    wait_for($node, "SELECT count(*) = 1 FROM atelier.attempts WHERE state = 'running'", 'one runs');
    is($node->safe_psql('postgres', 'SELECT atelier.drain()'), 1, 'drain() counts it');
    $node->restart;
    is($node->safe_psql('postgres', "SELECT dispatch FROM atelier.identity"), 'paused', 'still paused');
    $node->safe_psql('postgres', "UPDATE public.generations SET status = 'cancelled' WHERE status = 'processing'");
    wait_for($node, 'SELECT atelier.drain() = 0', 'and down to nothing');
};

subtest 'a database that holds' => sub {
    $node->safe_psql('postgres', "UPDATE atelier.identity SET dispatch = 'held'");
    my ($status, $out, $error) = $node->psql('postgres', 'SET ROLE service_role; SELECT atelier.resume()', on_error_stop => 1);
    like($error, qr/permission denied to release a database that holds/, 'is not released by the app');
    $node->safe_psql('postgres', 'SET ROLE service_role; SELECT atelier.pause(), atelier.drain()');
    is($node->safe_psql('postgres', "SELECT dispatch FROM atelier.identity"), 'held', 'nor does pausing change it');
    $node->safe_psql('postgres', 'SELECT atelier.resume()');
    is($node->safe_psql('postgres', "SELECT dispatch FROM atelier.identity"), 'running', 'a superuser releases it');
};

done_testing();
