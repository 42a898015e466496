#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# refresh_admin_stats() over the sizes of the table: after a change, and when nothing has changed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Case;
use Bench::Cost;
use Bench::Data;
use Bench::Numbers;
use Bench::Server;
use Time::HiRes 'time';

my $case = Bench::Case->new('admin_stats', 'Refresh of the statistics', 'stats');
my @sizes = data_sizes();
my (%found, %line);

# Seconds and WAL of one call, the first of which in a session reads the catalog.
sub refresh {
    my ($server, $schema) = @_;
    my $spent = spent($server, sub {
        my $start = time;
        $server->rows("SELECT ${schema}refresh_admin_stats()");
        return (time - $start) * 1000;
    });
    return { ms => $spent->{result}, wal => $spent->{wal} };
}

for my $size (@sizes) {
    my $server = Bench::Server->new(data_database($size));
    my $any = "(SELECT id FROM %sgenerations WHERE status = 'completed' AND id > gen_random_uuid() LIMIT 1)";
    refresh($server, $_) for '', 'original.';
    for (1 .. $case->rounds(3)) {
        for my $schema ('', 'original.') {
            my $key = $schema ? 'original' : 'product';
            push @{ $found{$size}{"$key idle"} }, refresh($server, $schema);
            $server->rows("UPDATE ${schema}generations SET cost_credits = cost_credits + 1 WHERE id = " . sprintf $any, $schema);
            push @{ $found{$size}{"$key changed"} }, refresh($server, $schema);
        }
    }
    $server->leave;
}

sub rounds_of {
    my ($size, $way, $what) = @_;
    return [ map { $_->{$what} } @{ $found{$size}{$way} } ];
}

for my $size (@sizes) {
    for my $way ('changed', 'idle') {
        my $when = $way eq 'changed' ? 'one row changed' : 'nothing changed';
        $case->row("$size rows, $when: ms", product => rounds_of($size, "product $way", 'ms'),
            reference => rounds_of($size, "original $way", 'ms'), below => 20);
        push @{ $line{"$when, $_"} }, median(@{ rounds_of($size, "$_ $way", 'ms') }) for qw(product original);
    }
    $case->row("$size rows, nothing changed: WAL, bytes", product => rounds_of($size, 'product idle', 'wal'),
        reference => rounds_of($size, 'original idle', 'wal'), target => 'none', met => sub { $_[0]{product} == 0 });
    $case->row("$size rows, one row changed: WAL, bytes", product => rounds_of($size, 'product changed', 'wal'),
        reference => rounds_of($size, 'original changed', 'wal'));
}
$case->series('one refresh, ms', 'rows of generations', \@sizes, %line);
$case->command('SELECT refresh_admin_stats()');
$case->finish;
