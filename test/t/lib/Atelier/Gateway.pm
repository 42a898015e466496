# SPDX-License-Identifier: PostgreSQL
# What a REST gateway does for a webhook, in a few lines: POST /rpc/replicate_webhook?attempt=eq.<id> becomes a call as role
# anon with the body as it came and the headers as JSON, filtered by the query; the answer is the status that the function
# asks for. It stands in for PostgREST and is not it. Ends with the test.
#
#   my $gateway = Atelier::Gateway->start($node, 'postgres');
#   configure($node, 'atelier.webhook_url' => $gateway->url);
package Atelier::Gateway;
use strict;
use warnings;
use Atelier::Listener;
use JSON::PP;
use PostgreSQL::Test::Utils;

# The listener may be started before the server is: only a request needs it.
sub start {
    my ($class, $node, $database) = @_;
    my $directory = PostgreSQL::Test::Utils::tempdir();
    my $connection = $node->connstr($database);
    my $listener = Atelier::Listener->start(sub { return answer($connection, $directory, @_) });
    return bless { listener => $listener }, $class;
}

sub url { return $_[0]{listener}->url . '/rpc/replicate_webhook' }

# The requests so far, as Listener gives them.
sub requests { return $_[0]{listener}->requests }

sub answer {
    my ($connection, $directory, $head, $body) = @_;
    my ($attempt) = $head =~ m{\APOST /rpc/replicate_webhook\?attempt=eq\.(t?\d+) };
    return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" unless defined $attempt;
    my %headers = map { /\A([^:]+): *(.*)\z/ ? (lc $1 => $2) : () } split /\r\n/, $head;
    my $headers = encode_json(\%headers);
    my $mark = 'body';
    $mark .= 'x' while index($body, "\$$mark\$") >= 0;
    PostgreSQL::Test::Utils::append_to_file("$directory/call.sql", '') unless -e "$directory/call.sql";
    open my $file, '>', "$directory/call.sql" or die "cannot write: $!";
    print {$file} <<"SQL";
\\set VERBOSITY sqlstate
BEGIN;
SET LOCAL ROLE anon;
SELECT set_config('request.headers', \$headers\$$headers\$headers\$, true) IS NULL;
SELECT count(*) < 0 FROM public.replicate_webhook(\$$mark\$$body\$$mark\$::json) WHERE attempt = '$attempt';
SELECT 'status ' || current_setting('response.status', true);
COMMIT;
SQL
    close $file;
    my $out = `psql -X -A -t -q -v ON_ERROR_STOP=1 -d '$connection' -f $directory/call.sql 2>&1`;
    my $status = $out =~ /status (\d{3})/ ? $1 : $out =~ /ERROR:  PT(\d{3})/ ? $1 : 500;
    return "HTTP/1.1 $status Answer\r\n" . ($status == 204 ? '' : "Content-Length: 0\r\n") . "Connection: close\r\n\r\n";
}

1;
