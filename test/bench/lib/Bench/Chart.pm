# SPDX-License-Identifier: PostgreSQL
# The charts of the report, as SVG: one picture per group of cases. Above, for each figure that has a reference, how many times
# the reference it is (bar: median, whisker: least to most, tick: the target), on a logarithmic axis; below, the line charts
# that the cases ask for.
package Bench::Chart;
use strict;
use warnings;
use Bench::Numbers;
use Exporter 'import';
use List::Util qw(max min);
use POSIX qw(ceil floor);

our @EXPORT = qw(chart);

my ($width, $left, $right) = (900, 430, 110);
my %colour = (bar => '#4878a8', miss => '#c0504d', line => '#333333', grid => '#dddddd', tick => '#e08a00');
my @line_colours = ('#4878a8', '#c0504d', '#6a9a3a', '#8064a2', '#e08a00');

sub chart {
    my ($title, @cases) = @_;
    my @bars = map { my $case = $_; map { [ $case, $_ ] } grep { $_->{ratio} && $_->{ratio}{median} > 0 } @{ $case->{rows} } } @cases;
    my @series = map { @{ $_->{series} // [] } } @cases;
    return unless @bars || @series;
    my ($y, @parts) = (40);
    push @parts, text($width / 2, 22, $title, size => 16, anchor => 'middle');
    if (@bars) {
        push @parts, bars($y, @bars);
        $y += 20 * @bars + 60;
    }
    for my $series (@series) {
        push @parts, lines($y, $series);
        $y += 290;
    }
    return qq{<svg xmlns="http://www.w3.org/2000/svg" width="$width" height="$y" viewBox="0 0 $width $y" }
      . qq{font-family="sans-serif">\n<rect width="$width" height="$y" fill="white"/>\n} . join('', @parts) . "</svg>\n";
}

sub escaped {
    my ($text) = @_;
    my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;');
    $text =~ s/([&<>])/$entity{$1}/g;
    return $text;
}

sub text {
    my ($x, $y, $text, %option) = @_;
    return sprintf qq{<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" fill="%s">%s</text>\n}, $x, $y,
      $option{size} // 11, $option{anchor} // 'start', $option{fill} // $colour{line}, escaped($text);
}

sub rule {
    my ($x1, $y1, $x2, $y2, $stroke, $thick) = @_;
    return sprintf qq{<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%s"/>\n}, $x1, $y1, $x2, $y2,
      $stroke, $thick // 1;
}

sub log10_of { return log($_[0]) / log 10 }

# A function from values to places between two ends, and the powers of ten on the way.
sub log_axis {
    my ($from, $to, @values) = @_;
    my @powers = map { log10_of($_) } grep { $_ > 0 } @values;
    my ($least, $most) = (floor(min(@powers)), ceil(max(@powers) + 1e-9));
    $most = $least + 1 if $most == $least;
    my $place = sub { $from + ($to - $from) * (log10_of(max($_[0], 10**$least)) - $least) / ($most - $least) };
    return ($place, map { 10**$_ } $least .. $most);
}

sub bars {
    my ($top, @bars) = @_;
    my @values = map { my $row = $_->[1]; (@{ $row->{ratio} }{qw(median min max)}, $row->{limit} // 1, 1) } @bars;
    my ($place, @powers) = log_axis($left, $width - $right, @values);
    my $bottom = $top + 14 + 20 * @bars;
    my $out = text($left - 8, $top + 4, 'times the reference', anchor => 'end');
    for my $power (@powers) {
        $out .= rule($place->($power), $top + 8, $place->($power), $bottom, $colour{grid});
        $out .= text($place->($power), $top + 4, short($power), anchor => 'middle');
    }
    my $y = $top + 14;
    for my $bar (@bars) {
        my ($case, $row) = @$bar;
        my ($one, $at) = ($place->(1), $place->($row->{ratio}{median}));
        my $fill = exists $row->{met} && !$row->{met} ? $colour{miss} : $colour{bar};
        $out .= text($left - 8, $y + 12, "$case->{name}: $row->{name}", anchor => 'end', size => 10);
        $out .= sprintf qq{<rect x="%.1f" y="%d" width="%.1f" height="12" fill="%s"/>\n}, min($one, $at), $y + 2,
          max(abs($at - $one), 1), $fill;
        $out .= rule($place->($row->{ratio}{min}), $y + 8, $place->($row->{ratio}{max}), $y + 8, $colour{line})
          if $row->{ratio}{rounds} > 1;
        $out .= rule($place->($row->{limit}), $y, $place->($row->{limit}), $y + 16, $colour{tick}, 2) if defined $row->{limit};
        $out .= text($width - $right + 8, $y + 12, written($row->{ratio}{median}), size => 10);
        $y += 20;
    }
    $out .= rule($place->(1), $top + 8, $place->(1), $bottom, $colour{line});
    return $out;
}

sub short {
    my ($number) = @_;
    return $number >= 1e6 ? $number / 1e6 . 'M' : $number >= 1e3 ? $number / 1e3 . 'k' : $number + 0;
}

sub lines {
    my ($top, $series) = @_;
    my ($from, $to, $high, $low) = (80, $width - 250, $top + 30, $top + 240);
    my %lines = %{ $series->{lines} };
    my ($first, $last) = map { log10_of($_) } @{ $series->{x} }[ 0, -1 ];
    my $x_place = sub { $from + 20 + ($to - $from - 40) * ($last > $first ? (log10_of($_[0]) - $first) / ($last - $first) : 0) };
    my ($y_place, @powers) = log_axis($low, $high, grep {defined} map {@$_} values %lines);
    my $out = text($from, $top + 14, $series->{title}, size => 13);
    for my $power (@powers) {
        $out .= rule($from, $y_place->($power), $to, $y_place->($power), $colour{grid});
        $out .= text($from - 6, $y_place->($power) + 4, short($power), anchor => 'end');
    }
    $out .= text($x_place->($_), $low + 16, short($_), anchor => 'middle') for @{ $series->{x} };
    $out .= text(($from + $to) / 2, $low + 34, $series->{x_title}, anchor => 'middle');
    my ($n, %used) = (0);
    for my $name (sort keys %lines) {
        my $stroke = $line_colours[ $n++ % @line_colours ];
        my @points = map { defined $lines{$name}[$_] ? [ $x_place->($series->{x}[$_]), $y_place->($lines{$name}[$_]) ] : () }
          0 .. $#{ $lines{$name} };
        next unless @points;
        $out .= sprintf qq{<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>\n},
          join(' ', map { sprintf '%.1f,%.1f', @$_ } @points), $stroke;
        $out .= sprintf qq{<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>\n}, @$_, $stroke for @points;
        my $y = $points[-1][1] + 4;
        $y += 12 while grep { abs($_ - $y) < 11 } keys %used;
        $used{$y} = 1;
        $out .= text($to + 8, $y, $name, fill => $stroke);
    }
    return $out;
}

1;
