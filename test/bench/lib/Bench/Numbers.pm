# SPDX-License-Identifier: PostgreSQL
# Medians and percentiles of a list of numbers, and how the report writes them.
package Bench::Numbers;
use strict;
use warnings;
use Exporter 'import';
use List::Util qw(max min);

our @EXPORT = qw(median percentile summary written);

sub median { return percentile(50, @_) }

# The value below or at which this part of the list lies, interpolated between neighbours.
sub percentile {
    my ($percent, @values) = @_;
    die 'no values were measured' unless @values;
    my @sorted = sort { $a <=> $b } @values;
    my $place = $percent / 100 * $#sorted;
    my $below = int $place;
    my $above = min($below + 1, $#sorted);
    return $sorted[$below] + ($place - $below) * ($sorted[$above] - $sorted[$below]);
}

# A list of rounds, as the report keeps it.
sub summary {
    my (@values) = @_;
    return { median => median(@values), min => min(@values), max => max(@values), rounds => scalar @values };
}

# Three significant digits, large numbers whole with thousands apart.
sub written {
    my ($number) = @_;
    return '0' if $number == 0;
    my $digits = 2 - int(log(abs $number) / log(10) + (abs $number < 1 ? -1 : 0));
    my $text = sprintf '%.' . max(0, min(6, $digits)) . 'f', $number;
    1 while $text =~ s/^(-?\d+)(\d{3})(?=,|$)/$1,$2/;
    return $text;
}

1;
