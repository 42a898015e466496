#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# cleanup_old_generations() over 100,000 rows that are due, with the counts kept and without.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Counting;
use Bench::Data;
use Bench::Server;
use Time::HiRes 'time';

my $case = Bench::Case->new('cleanup', 'Bulk cleanup', 'counts');
my $rows = $case->pick(100_000, 1_000);
my $copy = copy_of(main_data());
my $server = Bench::Server->new($copy);
my (%seconds, $kept);

sub insert_due {
    my ($table) = @_;
    $server->rows(<<"SQL");
INSERT INTO $table (user_id, workspace_id, action, model_id, model_name, replicate_model, prompt, status, created_at)
SELECT bench.user_id(1 + n % 10000), CASE WHEN n % 2 = 0 THEN bench.workspace_id(1 + n % 500) END, 'create', 'm', 'M', 'owner/name',
       'due', 'failed', now() - interval '100 days'
  FROM generate_series(1, $rows) n
SQL
    $server->rows('CHECKPOINT');
    return;
}

# Both leave nothing but what a round puts there.
sub clean {
    my ($function) = @_;
    my $start = time;
    my $deleted = $server->value("SELECT $function(90)");
    return (time - $start, $deleted);
}

# Rows of the data that would become due while the rounds run go before.
$server->rows("DELETE FROM $_ WHERE status IN ('failed', 'cancelled') AND created_at < now() - interval '80 days'")
  for qw(generations original.generations);
clean($_) for qw(cleanup_old_generations original.cleanup_old_generations);
$server->rows('VACUUM ANALYZE');
for my $n (1 .. $case->rounds(3)) {
    for my $way ($n % 2 ? qw(with without original) : qw(original without with)) {
        my $original = $way eq 'original' ? 'original.' : '';
        $kept = counting($server, $way eq 'without' ? 0 : 1);
        insert_due("${original}generations");
        my ($seconds, $deleted) = clean("${original}cleanup_old_generations");
        die "$deleted rows were deleted instead of $rows" unless $deleted == $rows;
        push @{ $seconds{$way} }, $seconds;
        $server->rows("VACUUM ${original}generations");
    }
}

$case->row("seconds for $rows rows, beside none counted", product => $seconds{with}, reference => $seconds{without},
    ratio_at_most => 1.3);
$case->row("seconds for $rows rows, beside the original", product => $seconds{with}, reference => $seconds{original});
$case->note($kept ? 'Each deletion is also remembered for those who poll, in both columns of the first line.'
    : 'Nothing keeps counts yet, so both sides of the first line are the same.');
$case->command('SELECT cleanup_old_generations(90)');
$server->leave;
drop_copy($copy);
$case->finish;
