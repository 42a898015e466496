# SPDX-License-Identifier: PostgreSQL
# One case of the bench: what it found, row by row, written to a file for the report at the end. A case measures and
# states its target; it never fails because a number is bad, only when there is none.
#
#   my $case = Bench::Case->new('dispatch', 'Dispatch rate');
#   $case->row('jobs per second', product => \@rates, reference => \@reference_rates, target => 'at least 0.10',
#              met => sub { $_[0]{ratio} >= 0.10 });
#   $case->finish;
package Bench::Case;
use strict;
use warnings;
use Bench::Numbers;
use JSON::PP;
use Scalar::Util 'looks_like_number';

sub new {
    my ($class, $name, $title, $group) = @_;
    return bless { name => $name, title => $title, group => $group // 'dispatch', rows => [], notes => [], tables => [],
        series => [], commands => [] }, $class;
}

# The short form is a smoke test with small counts.
sub is_short { return $ENV{BENCH_SHORT} ? 1 : 0 }

sub pick {
    my ($self, $full, $short) = @_;
    return is_short() ? $short : $full;
}

sub rounds {
    my ($self, $full) = @_;
    return is_short() ? 1 : $ENV{BENCH_ROUNDS} || $full;
}

# A line of the report. product and reference are lists with one number per round; the ratio is taken round by round, since
# both sides of a round share the machine's mood. met gets the medians { product, reference, ratio } and says whether the
# target is met; shorter, for the usual targets: ratio_at_most, ratio_at_least, at_most, below => a number.
sub row {
    my ($self, $name, %row) = @_;
    %row = (%row, usual_target(%row));
    my ($product, $reference) = @row{qw(product reference)};
    for my $value (@{ $product // [] }, @{ $reference // [] }) {
        die "$self->{name}: '$name' has no number" unless defined $value && looks_like_number($value);
    }
    my %line = (name => $name, target => $row{target}, limit => $row{limit}, product => summary(@$product));
    if ($reference) {
        $line{reference} = summary(@$reference);
        my @ratios = map { $reference->[$_] ? $product->[$_] / $reference->[$_] : () } 0 .. $#$product;
        $line{ratio} = summary(@ratios) if @ratios && @$product == @$reference;
    }
    if ($row{met}) {
        my %medians = map { $_ => $line{$_}{median} } grep { $line{$_} } qw(product reference ratio);
        $line{met} = $row{met}->(\%medians) ? JSON::PP::true : JSON::PP::false;
    }
    push @{ $self->{rows} }, \%line;
    return;
}

my %usual = (
    ratio_at_most => [ 'at most %s times', sub { $_[0]{ratio} <= $_[1] } ],
    ratio_at_least => [ 'at least %s times', sub { $_[0]{ratio} >= $_[1] } ],
    at_most => [ 'at most %s', sub { $_[0]{product} <= $_[1] } ],
    below => [ 'below %s', sub { $_[0]{product} < $_[1] } ]);

# limit is what the chart marks on the axis of the ratio.
sub usual_target {
    my (%row) = @_;
    for my $kind (grep { defined $row{$_} } keys %usual) {
        my ($text, $met) = @{ $usual{$kind} };
        my $number = $row{$kind};
        return (target => sprintf($text, $number), met => sub { $met->($_[0], $number) },
            $kind =~ /^ratio/ ? (limit => $number) : ());
    }
    return;
}

# A line chart: over the numbers x, for each name of %lines, a list of medians (undef where there is none).
sub series {
    my ($self, $title, $x_title, $x, %lines) = @_;
    push @{ $self->{series} }, { title => $title, x_title => $x_title, x => $x, lines => \%lines };
    return;
}

# A sentence below the table.
sub note {
    my ($self, $text) = @_;
    push @{ $self->{notes} }, $text;
    return;
}

# A table of its own: headings, then rows of texts and numbers.
sub table {
    my ($self, $title, $headings, @rows) = @_;
    push @{ $self->{tables} }, { title => $title, headings => $headings, rows => \@rows };
    return;
}

# A command that somebody would type to do the same.
sub command {
    my ($self, $text) = @_;
    push @{ $self->{commands} }, $text;
    return;
}

sub finish {
    my ($self) = @_;
    die "$self->{name}: nothing was measured" unless @{ $self->{rows} };
    open my $file, '>', "$ENV{BENCH_RESULTS}/$self->{name}.json" or die "cannot write the result: $!";
    print {$file} JSON::PP->new->canonical->pretty->encode({%$self});
    close $file or die "cannot write the result: $!";
    return;
}

1;
