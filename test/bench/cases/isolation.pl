#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Writers of one user in the stricter isolation levels: how many are refused (40001), with the counts kept and without.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Counting;
use Bench::Data;
use Bench::Pgbench;
use Bench::Server;

my $case = Bench::Case->new('isolation', 'Writers of one user in REPEATABLE READ and SERIALIZABLE', 'counts');
my $transactions = $case->pick(500, 20);
my $copy = copy_of(main_data());
my $server = Bench::Server->new($copy);
my (%share, $kept);

# Each client works on a row of its own, so the table itself refuses some in a hundred thousand only, when two of them meet on a
# page of an index. Counts that got in the way would be refused by the dozen.
my $script = <<'SQL';
BEGIN ISOLATION LEVEL @level@;
INSERT INTO generations (user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, status)
VALUES (bench.user_id(1), bench.workspace_id(2), 'create', 'm', 'M', 'owner/name', 'counted', 'pending') RETURNING id \gset
UPDATE generations SET status = 'failed', is_favorite = true WHERE id = :id;
COMMIT
SQL

for my $level ('REPEATABLE READ', 'SERIALIZABLE') {
    (my $at_level = $script) =~ s/\@level\@/$level/;
    for (1 .. $case->rounds(3)) {
        for my $on (1, 0) {
            $kept = counting($server, $on);
            my $run = pgbench($at_level, database => $copy, clients => 8, transactions => $transactions, latencies => 0,
                settings => as_service());
            push @{ $share{$level}{$on} }, 100 * $run->{failed} / ($run->{failed} + $run->{count});
        }
    }
    $case->row("$level: transactions refused, percent", product => $share{$level}{1}, reference => $share{$level}{0},
        target => 'as many as without counts', met => sub { $_[0]{product} <= $_[0]{reference} + 0.1 });
}
$case->note('8 clients.' . ($kept ? '' : ' Nothing keeps counts yet, so both sides are the same.'));
$case->command("pgbench -M prepared -c 8 -t $transactions");
$server->leave;
drop_copy($copy);
$case->finish;
