#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The report at the end of the bench, as Markdown: report.pl FOLDER CASE ... reads what each case wrote to FOLDER/CASE.json
# and prints it, with the machine above and the targets that were missed below.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Bench::Numbers;
use JSON::PP;
use List::Util 'max';
use POSIX ();
use Scalar::Util 'looks_like_number';

sub contents {
    my ($path) = @_;
    open my $file, '<', $path or return;
    local $/ = undef;
    return readline $file;
}

# The first match in a file of /proc, or a word that says that there is none.
sub found {
    my ($path, $pattern) = @_;
    return (contents($path) // '') =~ $pattern ? $1 : 'unknown';
}

sub print_machine {
    my ($system, $release) = (POSIX::uname())[ 0, 2 ];
    my $processors = () = (contents('/proc/cpuinfo') // '') =~ /^processor\s/mg;
    my $memory = found('/proc/meminfo', qr/^MemTotal:\s+(\d+)/m);
    $memory = sprintf '%.1f GB', $memory / 2**20 if looks_like_number($memory);
    my @lines = (
        [ 'server', $ENV{BENCH_SERVER} ], [ 'atelier', $ENV{BENCH_COMMIT} ],
        [ 'processors', "$processors, " . found('/proc/cpuinfo', qr/^model name\s*:\s*(.*\S)/m) ],
        [ 'memory', $memory ], [ 'system', "$system $release" ],
        [ 'file system of the cluster', $ENV{BENCH_FILE_SYSTEM} ],
        [ 'measured at', POSIX::strftime('%Y-%m-%d %H:%M UTC', gmtime) ]);
    print "# What atelier does, in figures\n\n";
    print "- $_->[0]: $_->[1]\n" for grep { ($_->[1] // '') ne '' } @lines;
    print "\n**A smoke test with small counts: these figures mean nothing.**\n" if $ENV{BENCH_SHORT};
    return;
}

# Numbers get three digits; texts stay as they are.
sub cell {
    my ($value) = @_;
    return '' unless defined $value;
    return looks_like_number($value) ? written($value) : $value;
}

# Columns of numbers stand to the right.
sub print_table {
    my ($headings, @rows) = @_;
    my @numeric = map { my $i = $_; $i > 0 && !grep { ($_->[$i] // '') !~ /^(?:-?\d|$)/ } @rows } 0 .. $#$headings;
    my @lines = map { [ map { cell($_) } @$_ ] } $headings, @rows;
    my @widths = map { my $i = $_; max map { length($_->[$i] // '') } @lines } 0 .. $#$headings;
    my $print_line = sub {
        my (@cells) = @_;
        my @padded = map { sprintf $numeric[$_] ? '%*s' : '%-*s', $widths[$_], $cells[$_] // '' } 0 .. $#widths;
        print '| ' . join(' | ', @padded) . " |\n";
    };
    $print_line->(@{ shift @lines });
    print '|' . join('|', map { '-' x ($widths[$_] + 1) . ($numeric[$_] ? ':' : '-') } 0 .. $#widths) . "|\n";
    $print_line->(@$_) for @lines;
    print "\n";
    return;
}

# The median of the rounds, and how far they lay apart.
sub spread {
    my ($summary) = @_;
    return '' unless $summary;
    my $text = written($summary->{median});
    return $text unless $summary->{rounds} > 1;
    return "$text (" . written($summary->{min}) . ' to ' . written($summary->{max}) . ')';
}

sub verdict {
    my ($row) = @_;
    return '' unless exists $row->{met};
    return $row->{met} ? 'yes' : '**no**';
}

sub print_case {
    my ($case) = @_;
    print "\n## $case->{title}\n\n";
    print_table([ 'figure', 'product', 'reference', 'ratio', 'target', 'met' ],
        map { [ $_->{name}, spread($_->{product}), spread($_->{reference}), spread($_->{ratio}), $_->{target}, verdict($_) ] }
          @{ $case->{rows} });
    for my $table (@{ $case->{tables} }) {
        print "$table->{title}\n\n";
        print_table($table->{headings}, @{ $table->{rows} });
    }
    print "$_\n\n" for @{ $case->{notes} };
    print 'Commands: ' . join(', ', map {"`$_`"} @{ $case->{commands} }) . "\n" if @{ $case->{commands} };
    return;
}

my ($folder, @names) = @ARGV or die "usage: report.pl FOLDER CASE ...\n";
my ($targets, @missed) = (0);
print_machine();
for my $name (@names) {
    my $text = contents("$folder/$name.json");
    if (!defined $text) {
        print "\n## $name\n\nThe case failed, so there are no figures.\n";
        next;
    }
    my $case = decode_json($text);
    print_case($case);
    my @judged = grep { exists $_->{met} } @{ $case->{rows} };
    $targets += @judged;
    push @missed, map {"$name: $_->{name} ($_->{target})"} grep { !$_->{met} } @judged;
}
print "\n## Targets\n\n" . ($targets - @missed) . " of $targets are met.\n";
print "- missed: $_\n" for @missed;
