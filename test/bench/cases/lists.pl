#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The pages that the app shows, asked for by a signed-in user through row level security, beside the same query of a superuser.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Data;
use Bench::Numbers;
use Bench::Pgbench;
use Bench::Tabs;

my $case = Bench::Case->new('lists', 'Pages of a list, as a user beside the same query of a superuser', 'reads');
my $database = main_data();
my $transactions = $case->pick(400, 20);
my @pages = (tabs(heavy()), filtered(heavy()));
my (%user, %super, %original);

for (1 .. $case->rounds(5)) {
    for my $tab (@pages) {
        my ($name, $query) = @$tab;
        my @run = (database => $database, transactions => $transactions);
        push @{ $user{$name} }, pgbench($query, @run, settings => as_user(heavy()))->{p50};
        push @{ $super{$name} }, pgbench($query, @run)->{p50};
        (my $other = $query) =~ s/\bFROM /FROM original./g;
        push @{ $original{$name} }, pgbench($other, @run, transactions => $case->pick(20, 2), settings => as_user(heavy()))->{p50};
    }
}

my @names = map { $_->[0] } @pages;
$case->row("$_: p50, ms", product => $user{$_}, reference => $super{$_}, ratio_at_most => 1.5) for @names;
$case->table("The original's rules, as the same user, p50 in ms", [ 'page', 'product', 'original', 'ratio' ],
    map { [ $_, median(@{ $user{$_} }), median(@{ $original{$_} }), median(@{ $user{$_} }) / median(@{ $original{$_} }) ] } @names);
$case->note('The user has 200,000 of 1,000,000 rows. A page has 20 rows, newest first. The filters are those of the app: by'
      . ' equality, boolean and timestamp. What is not leakproof, such as ILIKE, cannot use an index of its own for users.');
$case->note("The original's own policies end in an endless recursion; here the tables of members have none.");
$case->command("PGOPTIONS='" . as_user(heavy()) . "' pgbench -M prepared -t $transactions");
$case->finish;
