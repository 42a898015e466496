# SPDX-License-Identifier: PostgreSQL
# What the lints share: finding files, reading them without comments, and one TAP line per rule. A lint names each rule
# once and gives the list of places that break it, so that the output of a failed rule is a list to work off.
package Lint;
use strict;
use warnings;
use Cwd 'abs_path';
use Exporter 'import';
use File::Basename 'dirname';
use File::Find 'find';

our @EXPORT = qw(source_files read_lines code_lines rule note_line skip_all finish);

my $root = abs_path(dirname(__FILE__) . '/../../..');
my ($count, $failed) = (0, 0);
$| = 1;
chdir $root or die "$root: $!";

# The files of the tree whose path matches, sorted; what make and git own is left out.
sub source_files {
    my ($pattern) = @_;
    my @found;
    find({
        no_chdir => 1,
        wanted   => sub {
            (my $path = $_) =~ s{^\./}{};
            if (-d $_ && $path =~ m{^(?:\.git|build|\.cache)$}) { $File::Find::prune = 1; return }
            push @found, $path if -f $_ && $path =~ $pattern;
        } }, '.');
    return sort @found;
}

sub read_lines {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    my @lines = <$file>;
    chomp @lines;
    return @lines;
}

# The lines of a C++ file with comments emptied, so that line numbers stay.
sub code_lines {
    my ($path) = @_;
    my $text = join "\n", read_lines($path);
    $text =~ s{("(?:[^"\\\n]|\\.)*")|(//[^\n]*)|(/\*.*?\*/)}{defined $1 ? $1 : blank($2 // $3)}gse;
    return split /\n/, $text, -1;
}

sub blank {
    my ($comment) = @_;
    return "\n" x ($comment =~ tr/\n//);
}

# One TAP line; @places are "file:line: what" strings, none of them when the rule holds.
sub rule {
    my ($name, @places) = @_;
    $count++;
    $failed++ if @places;
    print @places ? 'not ' : '', "ok $count - $name\n";
    print "#   $_\n" for @places;
    return;
}

sub note_line {
    my ($text) = @_;
    print "# $text\n";
    return;
}

sub skip_all {
    my ($reason) = @_;
    print "1..0 # SKIP $reason\n";
    exit 0;
}

sub finish {
    print "1..$count\n";
    exit($failed ? 1 : 0);
}

1;
