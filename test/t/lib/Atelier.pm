# SPDX-License-Identifier: PostgreSQL
# What the TAP tests share: clusters with atelier in them, signed-in users, and waiting. Every test makes its own clusters
# and stand-ins, which end with it. Nothing here ever talks to the real provider.
#
#   use lib 'test/t/lib';
#   use Atelier;
#   my $stand_in = Atelier::StandIn->start('--delay-ms', 50);
#   my $node = atelier_node('main', stand_in => $stand_in, settings => { 'atelier.max_attempts' => 2 });
#   my $user = add_user($node);
#   sql_as($node, $user, "INSERT INTO public.generations (...) VALUES (...)");
#   wait_for($node, "SELECT count(*) = 1 FROM public.generations WHERE status = 'completed'", 'the row is completed');
package Atelier;
use strict;
use warnings;
use Exporter 'import';
use Atelier::StandIn;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(atelier_node configure create_extension add_token add_user sql_as sql_fails_as wait_for);

# A running cluster with the extension in its database postgres. Options:
#   stand_in  => the Atelier::StandIn to send to; without one, requests go to a port where nobody listens
#   settings  => { name => value }, quoted here
#   preload   => 0 for a server without the line in shared_preload_libraries
#   extension => 0 leaves CREATE EXTENSION to the test
#   token     => 0 leaves the token pool empty; else one token is added, which the stand-in accepts
#   init      => [arguments of PostgreSQL::Test::Cluster::init], such as allows_streaming => 1
#   server    => the folder above bin of another server than the one under test
#   start     => 0 leaves starting to the test
sub atelier_node {
    my ($name, %options) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name, $options{server} ? (install_path => $options{server}) : ());
    # From 16 on the framework makes SQL_ASCII databases otherwise.
    $node->init(extra => [ '--encoding=UTF8', '--locale=C' ], @{ $options{init} // [] });
    my $port = $options{stand_in} ? $options{stand_in}->port : 9;
    my %settings = (
        'atelier.api_base_url'        => "http://127.0.0.1:$port/v1",
        'atelier.poll_interval'       => '100ms',
        'atelier.safety_poll'         => '500ms',
        'atelier.request_timeout'     => '5s',
        'atelier.creates_per_minute'  => 0,
        'atelier.requests_per_minute' => 0,
        %{ $options{settings} // {} });
    $settings{shared_preload_libraries} = 'atelier' if $options{preload} // 1;
    configure($node, %settings);
    return $node unless $options{start} // 1;
    $node->start;
    if ($options{extension} // 1) {
        create_extension($node);
        add_token($node) if $options{token} // 1;
    }
    return $node;
}

# Appends settings to postgresql.conf; the caller reloads or restarts.
sub configure {
    my ($node, %settings) = @_;
    for my $name (sort keys %settings) {
        (my $value = $settings{$name}) =~ s/'/''/g;
        $node->append_conf('postgresql.conf', "$name = '$value'");
    }
    return;
}

sub create_extension {
    my ($node, $database) = @_;
    $node->safe_psql($database // 'postgres', 'CREATE EXTENSION atelier');
    return;
}

sub add_token {
    my ($node, $token) = @_;
    $token //= Atelier::StandIn::kToken();
    $node->safe_psql('postgres', "INSERT INTO public.replicate_tokens (token) VALUES ('$token')");
    return $token;
}

# A new user; returns the id.
my $users = 0;

sub add_user {
    my ($node) = @_;
    my $id = sprintf '00000000-0000-4000-8000-%012d', ++$users;
    $node->safe_psql('postgres', "INSERT INTO public.users (id, email) VALUES ('$id', 'user$users\@example.org')");
    return $id;
}

# SQL as PostgREST would run it for this signed-in user: the role, the claims, one transaction.
sub signed_in {
    my ($user, $sql) = @_;
    my $claims = qq({"sub":"$user","role":"authenticated"});
    return "BEGIN; SET LOCAL ROLE authenticated; SET LOCAL request.jwt.claims = '$claims'; $sql; COMMIT;";
}

sub sql_as {
    my ($node, $user, $sql) = @_;
    return $node->safe_psql('postgres', signed_in($user, $sql));
}

# Expects the statement to be refused with a message that matches.
sub sql_fails_as {
    my ($node, $user, $sql, $pattern, $test) = @_;
    my ($status, $out, $error) = $node->psql('postgres', signed_in($user, $sql), on_error_stop => 1);
    isnt($status, 0, "$test: refused");
    like($error, $pattern, "$test: says why");
    return;
}

# Passes as soon as the query answers true; fails after the timeout of the PostgreSQL test suite.
sub wait_for {
    my ($node, $query, $test) = @_;
    return ok($node->poll_query_until('postgres', $query), $test);
}

1;
