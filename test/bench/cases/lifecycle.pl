#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# One generation from its insert to its completion, as the app's own routes write it, beside the original with its 34 indexes
# and its trigger in plpgsql.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Cost;
use Bench::Data;
use Bench::Pgbench;
use Bench::Server;

my $case = Bench::Case->new('lifecycle', 'One lifecycle: insert, processing, completed', 'writes');
my $seconds = $case->pick(10, 1);
my $clients = 4;
my $copy = copy_of(main_data());
my $server = Bench::Server->new($copy);
my @rounds;

sub script {
    my ($table) = @_;
    return <<"SQL";
\\set user random(1, 10000)
\\set number random(1, 1000000000000000000)
INSERT INTO $table (user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, settings, status, replicate_input)
VALUES (bench.user_id(:user), bench.workspace_id(1 + :user % 500), 'create', 'flux-schnell', 'FLUX schnell',
        'black-forest-labs/flux-schnell', 'a red kettle on a wooden table beside a window, evening light',
        '{"aspect_ratio": "1:1", "num_outputs": 1}', 'pending',
        '{"prompt": "a red kettle on a wooden table", "aspect_ratio": "1:1", "num_outputs": 1}') RETURNING id \\gset
UPDATE $table SET status = 'processing', replicate_prediction_id = 'p' || md5(:number\:\:bigint\:\:text), replicate_token_index = 1
 WHERE id = :id;
UPDATE $table SET status = 'completed', output_urls = ARRAY['https://files.example.org/generations/output-0.webp'], cost_usd = 0.003
 WHERE id = :id
SQL
}

# Updates of the table so far, those in place among them; the backends have ended, so all of theirs are counted.
sub updates {
    my ($table) = @_;
    $server->rows('SELECT pg_stat_clear_snapshot()');
    my ($row) = $server->rows("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_all_tables WHERE relid = '$table'::regclass");
    return @$row;
}

# Whoever waits for the disk at each commit measures the disk; so the rate is that of clients that do not, and the other is shown.
sub run {
    my ($table, $commit) = @_;
    my @before = updates($table);
    my $spent = spent($server, sub {
        pgbench(script($table), database => $copy, clients => $clients, seconds => $seconds, latencies => 0,
            settings => as_service() . " -c synchronous_commit=$commit");
    });
    my @after = updates($table);
    my $run = $spent->{result};
    my $updates = $after[0] - $before[0];
    return { rate => $run->{rate}, wal => $spent->{wal} / $run->{count}, cpu => $spent->{cpu_ms} * 1000 / $run->{count},
        hot => $updates ? 100 * ($after[1] - $before[1]) / $updates : 0 };
}

for my $n (1 .. $case->rounds(5)) {
    my @order = $n % 2 ? qw(generations original.generations) : qw(original.generations generations);
    my (%found, %waiting);
    $found{$_} = run($_, 'off') for @order;
    $waiting{$_} = run($_, 'on')->{rate} for @order;
    push @rounds, { product => { %{ $found{generations} }, waiting => $waiting{generations} },
        original => { %{ $found{'original.generations'} }, waiting => $waiting{'original.generations'} } };
    $server->rows('CHECKPOINT');
}

sub both {
    my ($what) = @_;
    return (product => [ map { $_->{product}{$what} } @rounds ], reference => [ map { $_->{original}{$what} } @rounds ]);
}

$case->row('lifecycles per second', both('rate'), ratio_at_least => 1.5);
$case->row('lifecycles per second, waiting for the disk', both('waiting'));
$case->row('WAL per lifecycle, bytes', both('wal'), ratio_at_most => 0.5);
$case->row('processor time per lifecycle, us', both('cpu'));
$case->row('updates in place (HOT), percent', both('hot'));
$case->note("Three statements, each a transaction, $clients clients as service_role, full_page_writes off; synchronous_commit is off"
      . ' but for the second line. An index of the mission document names the status, so no change of the status can be in place.');
$case->command("pgbench -M prepared -c $clients -T $seconds");
$server->leave;
drop_copy($copy);
$case->finish;
