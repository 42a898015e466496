#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The report at the end of the bench, as Markdown: report.pl FOLDER CASE ... reads what each case wrote to FOLDER/CASE.json
# and prints it by groups, with the machine above and the targets that were missed below. Each group gets a chart,
# FOLDER/GROUP.svg.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Bench::Chart;
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
    return $row->{met} ? 'PASS' : '**MISS**';
}

sub print_case {
    my ($case) = @_;
    print "\n## $case->{title}\n\n";
    print_table([ 'figure', 'product', 'reference', 'ratio', 'target', '' ],
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

my @groups = (
    [ install => 'Machine and installation' ], [ reads => 'What users read' ], [ writes => 'The life of a generation' ],
    [ counts => 'Counts' ], [ tokens => 'Tokens' ], [ stats => 'Statistics' ], [ dispatch => 'Dispatch' ]);

my ($folder, @names) = @ARGV or die "usage: report.pl FOLDER CASE ...\n";
my ($targets, @missed, @failed, %cases_of) = (0);
for my $name (@names) {
    my $text = contents("$folder/$name.json");
    my $case = defined $text ? decode_json($text) : undef;
    push @failed, $name unless $case;
    push @{ $cases_of{ $case->{group} } }, $case if $case;
}
print_machine();
for my $group (grep { $cases_of{ $_->[0] } } @groups) {
    my ($name, $title) = @$group;
    print "\n# $title\n";
    if (my $svg = chart($title, @{ $cases_of{$name} })) {
        open my $file, '>', "$folder/$name.svg" or die "$folder/$name.svg: $!";
        print {$file} $svg;
        close $file;
        print "\n![$title]($name.svg)\n";
    }
    for my $case (@{ $cases_of{$name} }) {
        print_case($case);
        my @judged = grep { exists $_->{met} } @{ $case->{rows} };
        $targets += @judged;
        push @missed, map {"$case->{name}: $_->{name} ($_->{target})"} grep { !$_->{met} } @judged;
    }
}
print "\n# Targets\n\n" . ($targets - @missed) . " of $targets are met.\n";
print "- missed: $_\n" for @missed;
print "- no figures, because the case failed: $_\n" for @failed;
