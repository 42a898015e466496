#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Writers of one user in one workspace, all at once, with the counts kept and without.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Counting;
use Bench::Data;
use Bench::Pgbench;
use Bench::Server;

my $case = Bench::Case->new('counts_writers', '32 writers on one user and one workspace', 'counts');
my $clients = $case->pick(32, 8);
my $seconds = $case->pick(8, 1);
my $copy = copy_of(main_data());
my $server = Bench::Server->new($copy);
my (@with, @without, $kept);

my $script = <<'SQL';
BEGIN;
INSERT INTO generations (user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, status)
VALUES (bench.user_id(1), bench.workspace_id(2), 'create', 'm', 'M', 'owner/name', 'counted', 'pending') RETURNING id \gset
UPDATE generations SET status = 'processing' WHERE id = :id;
SELECT pg_sleep(0.005);
UPDATE generations SET status = 'completed' WHERE id = :id;
COMMIT
SQL

for my $n (1 .. $case->rounds(5)) {
    for my $on ($n % 2 ? (1, 0) : (0, 1)) {
        $kept = counting($server, $on);
        push @{ $on ? \@with : \@without }, pgbench($script, database => $copy, clients => $clients, seconds => $seconds,
            latencies => 0, settings => as_service())->{rate};
    }
}

$case->row('transactions per second, beside none counted', product => \@with, reference => \@without, ratio_at_least => 0.9);
$case->note('Insert, processing, 5 ms of other work, completed, commit.'
      . ($kept ? '' : ' Nothing keeps counts yet, so both sides are the same.'));
$case->command("pgbench -M prepared -c $clients -T $seconds");
$server->leave;
drop_copy($copy);
$case->finish;
