#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Flows and workspaces of a user who is in 200 of each, beside the same queries of a superuser.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Data;
use Bench::Pgbench;
use Bench::Plan;

my $case = Bench::Case->new('members', 'Flows and workspaces of a user in 200 of each', 'reads');
my $database = main_data();
my $transactions = $case->pick(200, 10);
my $me = sprintf "'00000000-0000-4000-8000-%012d'", wide();
my @lists = (
    [ 'flows, newest page', 'SELECT * FROM flows ORDER BY updated_at DESC LIMIT 20' ],
    [ 'flows, own page', "SELECT * FROM flows WHERE user_id = $me ORDER BY updated_at DESC LIMIT 20" ],
    [ 'flows, count', 'SELECT count(*) FROM flows' ],
    [ 'flows of a workspace', "SELECT * FROM flows WHERE workspace_id = '00000000-0000-4000-8001-000000000007'"
          . ' ORDER BY updated_at DESC LIMIT 20' ],
    [ 'workspaces, all', 'SELECT * FROM workspaces WHERE is_active ORDER BY created_at' ],
    [ 'workspaces by membership', 'SELECT m.role, w.* FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id'
          . " WHERE m.user_id = $me AND w.is_active ORDER BY m.joined_at" ]);
my (%user, %super, @plans);

for (1 .. $case->rounds(5)) {
    for my $list (@lists) {
        my ($name, $query) = @$list;
        my @run = (database => $database, transactions => $transactions);
        push @{ $user{$name} }, pgbench($query, @run, settings => as_user(wide()))->{p50};
        push @{ $super{$name} }, pgbench($query, @run)->{p50};
    }
}
for my $list (@lists) {
    my ($name, $query) = @$list;
    (my $other = $query) =~ s/\b(FROM|JOIN) /$1 original./g;
    my ($ours, $theirs) = map { plan_of($_, database => $database, user => wide()) } $query, $other;
    push @plans, [ $name, @$ours{qw(rows buffers cost jit)}, @$theirs{qw(ms cost jit)} ];
}

for my $name (map { $_->[0] } @lists) {
    # A count over all that there is looks at every row, which is no list of the app; it is here for comparison.
    my @target = $name eq 'flows, count' ? () : (ratio_at_most => 3);
    $case->row("$name: p50, ms", product => $user{$name}, reference => $super{$name}, @target);
}
my ($dearest) = sort { $b <=> $a } map { $_->[3] } @plans;
$case->row('highest cost of a plan', product => [$dearest], target => 'below jit_above_cost (100,000), nothing compiled',
    met => sub { $_[0]{product} < 100_000 && !grep { $_->[4] } @plans });
$case->table('Plans as the user',
    [ 'list', 'rows', 'buffers', 'cost', 'compiled', "original's ms", "original's cost", "original's compiled" ], @plans);
$case->note('20,000 flows, 500 workspaces. The superuser sees all of them, so his pages cost less than a filter would.');
$case->finish;
