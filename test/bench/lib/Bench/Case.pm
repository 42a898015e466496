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
    my ($class, $name, $title) = @_;
    return bless { name => $name, title => $title, rows => [], notes => [], tables => [], commands => [] }, $class;
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
# target is met.
sub row {
    my ($self, $name, %row) = @_;
    my ($product, $reference) = @row{qw(product reference)};
    for my $value (@{ $product // [] }, @{ $reference // [] }) {
        die "$self->{name}: '$name' has no number" unless defined $value && looks_like_number($value);
    }
    my %line = (name => $name, target => $row{target}, product => summary(@$product));
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
