#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# How many pages the first page of every tab reads at the largest size, for users of every kind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Data;
use Bench::Plan;
use Bench::Tabs;
use List::Util 'max';

my $case = Bench::Case->new('tabs', 'Buffers of the first page of every tab', 'reads');
my $database = largest_data();
my ($size) = (data_sizes())[-1];
my @users = (heavy(), 1, 500, 9000, wide());
my (%most, %original);

for my $user (@users) {
    for my $tab (tabs($user)) {
        my ($name, $query) = @$tab;
        (my $other = $query) =~ s/\bFROM /FROM original./g;
        $most{$name} = max($most{$name} // 0, plan_of($query, database => $database, user => $user)->{buffers});
        $original{$name} = max($original{$name} // 0, plan_of($other, database => $database)->{buffers});
    }
}

$case->row("$_->[0]", product => [ $most{ $_->[0] } ], reference => [ $original{ $_->[0] } ], at_most => 30) for tabs(1);
$case->note("$size rows; the most that any of these users needs: the one with a fifth of the rows (at most 200,000), the busiest,"
      . ' a middling and a rare one of the others, and one in 200 workspaces. As a user through row level security; the'
      . " reference is the original as a superuser, whom no policy holds up.");
$case->command('EXPLAIN (ANALYZE, BUFFERS)');
$case->finish;
