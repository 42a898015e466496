#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# What the built library shows to the server: its module functions, its SQL functions, its worker mains, nothing else.
# ATELIER_LIBRARY names the library (default: the one that plain make leaves).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Lint;

my $library = $ENV{ATELIER_LIBRARY} || 'atelier.so';
skip_all("$library is not built") unless -e $library;
open my $nm, '-|', 'nm', '-D', '--defined-only', $library or skip_all('nm is not installed');
my %exported = map { /^\S+ \w (\S+)/ ? ($1 => 1) : () } <$nm>;
close $nm or die "nm failed on $library";

my %known = map { $_ => 1 } qw(Pg_magic_func _PG_init);
my (@foreign, @lost);
for my $symbol (sort keys %exported) {
    next if $known{$symbol} || $symbol =~ /^atelier_\w+_main$/;
    if ($symbol =~ /^pg_finfo_(atelier_\w+)$/) {
        push @lost, "$symbol without $1" unless $exported{$1};
    }
    elsif ($symbol =~ /^atelier_\w+$/) {
        push @foreign, "$symbol is neither an SQL function nor a worker main" unless $exported{"pg_finfo_$symbol"};
    }
    else { push @foreign, $symbol }
}
rule('the module shows its magic and its start', grep { !$exported{$_} } sort keys %known);
rule('no other symbol leaves the library', @foreign);
rule('every described function exists', @lost);
finish();
