# SPDX-License-Identifier: PostgreSQL
# What the demo's programs share: one psql session that stays open, and the control endpoints of the provider's stand-in.
# run.sh sets PGHOST and the like, and DEMO_PROVIDER, the stand-in's address.
package Demo;
use strict;
use warnings;
use Exporter 'import';
use HTTP::Tiny;
use IO::Handle;
use IPC::Open2;
use JSON::PP;

our @EXPORT = qw(sql answer control);

my $end_mark = '--- end of answer ---';
my ($to_psql, $from_psql);

sub start_psql {
    open2($from_psql, $to_psql, 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1');
    $to_psql->autoflush(1);
    return;
}

# Runs statements or psql commands and returns the lines they print. An error ends the program.
sub sql {
    my ($text) = @_;
    start_psql() unless $to_psql;
    print {$to_psql} "$text\n\\echo $end_mark\n";
    my @lines;
    while (defined(my $line = readline $from_psql)) {
        chomp $line;
        return @lines if $line eq $end_mark;
        push @lines, $line;
    }
    die "this failed: $text\n";
}

# The value of a query that returns one row with one json column.
sub answer {
    my ($query) = @_;
    return JSON::PP->new->utf8->decode(join "\n", sql("$query;"));
}

# Asks one of the stand-in's control endpoints; dies when it refuses.
sub control {
    my ($method, $path, $body) = @_;
    my %options;
    %options = (content => encode_json($body), headers => { 'content-type' => 'application/json' }) if $body;
    my $reply = HTTP::Tiny->new(timeout => 10)->request($method, "$ENV{DEMO_PROVIDER}/_control/$path", \%options);
    die "$method $path: $reply->{status} $reply->{content}\n" unless $reply->{success};
    return $reply->{content} =~ /\S/ ? decode_json($reply->{content}) : undef;
}

1;
