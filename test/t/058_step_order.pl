# SPDX-License-Identifier: PostgreSQL
# What is known of an attempt is written in the order in which it became known, also when somebody holds its row: a request
# whose answer was lost and whose prediction has been found meanwhile is recorded as found, and a crash then pays for nothing
# twice.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Queue;
use PostgreSQL::Test::Utils;
use Test::More;

my $stand_in = Atelier::StandIn->start;
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $node = atelier_node('step_order', stand_in => $stand_in, settings => {
    'atelier.fault_folder' => $folder, 'atelier.fault_time_scale' => '0.03', max_prepared_transactions => 2 });
my $user = add_user($node);

sub arm {
    my ($point) = @_;
    append_to_file("$folder/$point.new", 'hang');
    rename "$folder/$point.new", "$folder/$point" or die "$point: $!";
    return;
}

arm($_) for 'answer_read', 'look_read';
my $id = queue($node, $user, prompt => 'a lost kettle', replicate_model => 'sim/reset-after-body-created-x1--run-3s');
eventually('the answer is lost', sub { return -e "$folder/answer_read.hanging" });
$node->safe_psql('postgres', "BEGIN; SELECT FROM atelier.attempts WHERE generation_id = '$id' FOR UPDATE; PREPARE TRANSACTION 'holder'");
unlink "$folder/answer_read.hanging";
eventually('it is found and looked at while its row is held', sub { return -e "$folder/look_read.hanging" });
is(value($node, $id, 'status'), 'queued', 'of which nothing could be written');
# Both steps are due when the dispatcher goes on: what is refused by a lock is tried again after a tenth of a second.
$node->safe_psql('postgres', "COMMIT PREPARED 'holder'");
$node->safe_psql('postgres', 'SELECT pg_sleep(0.3)');
unlink "$folder/look_read.hanging";
wait_for($node, "SELECT replicate_prediction_id <> '' FROM public.generations WHERE id = '$id'", 'it is written then');
is($node->safe_psql('postgres', "SELECT state FROM atelier.attempts WHERE generation_id = '$id'"), 'running', 'as one that runs');
$node->stop('immediate');
$node->start;
ended($node, $id, 'completed', 'it is completed after a crash');
is(counts($stand_in, 'a lost kettle'), '1 1', 'and was posted and accepted once');
done_testing();
