# SPDX-License-Identifier: PostgreSQL
# Where requests go, and what happens when they cannot go there: rows wait, nothing fails, no token is shown to a host that
# was not meant.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Atelier;
use Atelier::Listener;
use Atelier::Queue;
use IO::Socket::INET;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $stand_in = Atelier::StandIn->start;
# The safety poll is far away, so what is seen here is what wakes the dispatcher.
my $node = atelier_node('hosts', token => 0, settings => { 'atelier.safety_poll' => '5min', 'atelier.user_concurrency' => 0 });
my $user = add_user($node);

sub go_to {
    my ($url) = @_;
    return set_to($node, api_base_url => "$url/v1");
}

sub waiting {
    my ($prompt) = @_;
    return $node->safe_psql('postgres',
        "SELECT count(*) FROM public.generations WHERE prompt LIKE '$prompt %' AND status = 'queued'");
}

sub complete {
    my ($count, $prompt) = @_;
    return wait_for($node, "SELECT count(*) = $count FROM public.generations WHERE prompt LIKE '$prompt %' AND status = 'completed'",
        "$prompt: all complete");
}

subtest 'no token' => sub {
    go_to($stand_in->url);
    queue_many($node, $user, 3, 'tokenless', 'sim/instant');
    wait_for($node, "SELECT state = 'running' FROM atelier.worker_state() WHERE kind = 'dispatcher'", 'the dispatcher runs');
    is(health($node, 'tokens')->{status}, 'fail', 'health() sees that there is no token');
    is(waiting('tokenless'), 3, 'rows wait');
    add_token($node, 'r8_one_hosts_1');
    complete(3, 'tokenless');
    $node->safe_psql('postgres', 'UPDATE public.replicate_tokens SET is_active = false');
    queue_many($node, $user, 2, 'inactive', 'sim/instant');
    $node->safe_psql('postgres', 'SELECT pg_sleep(0.5)');
    is(waiting('inactive'), 2, 'nor is anything sent with a token that is switched off');
    $node->safe_psql('postgres', 'UPDATE public.replicate_tokens SET is_active = true');
    complete(2, 'inactive');
};

subtest 'all tokens cool down' => sub {
    add_token($node, 'r8_one_hosts_2');
    my $start = time;
    $stand_in->request('PUT', "/_control/tokens/r8_one_hosts_$_", { refuse => '429-header', for_ms => 3000 }) for 1, 2;
    queue_many($node, $user, 20, 'cooling', 'sim/instant');
    wait_for($node, "SELECT status = 'warn' FROM atelier.health() WHERE check_name = 'tokens'", 'health() warns');
    is(waiting('cooling'), 20, 'rows wait');
    complete(20, 'cooling');
    cmp_ok(time - $start, '>', 2, 'not before the time that the provider asked for');
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE settings ? 'auto_retry_count'"), 0,
        'a pause is no retry');
    is(counts($stand_in, "cooling $_") =~ s/^\d+ //r, 1, "row $_ was accepted once") for 1, 20;
};

subtest 'nobody listens' => sub {
    my $before = 'SELECT sum(error_count) FROM public.replicate_tokens WHERE is_active';
    my $errors = $node->safe_psql('postgres', $before);
    go_to('http://127.0.0.1:9');
    queue_many($node, $user, 40, 'unreached', 'sim/instant');
    wait_for($node, "SELECT status = 'fail' FROM atelier.health() WHERE check_name = 'provider'", 'health() fails');
    like(health($node, 'provider')->{hint}, qr/^ALTER SYSTEM SET atelier\.api_base_url = .*pg_reload_conf/, 'with a hint');
    is(waiting('unreached'), 40, 'rows stay queued');
    is($node->safe_psql('postgres', 'SELECT waiting FROM atelier.queue_status'), 40, 'in the queue');
    is($node->safe_psql('postgres', <<'SQL'), 'absent', 'what was tried ended as absent');
SELECT string_agg(DISTINCT a.state, ',') FROM atelier.attempts a JOIN public.generations g ON g.id = a.generation_id
 WHERE g.prompt LIKE 'unreached %' AND a.state <> 'sending'
SQL
    is($node->safe_psql('postgres', "SELECT count(*) FROM public.generations WHERE status = 'failed'"), 0, 'nothing failed');
    is($node->safe_psql('postgres', $before), $errors, 'no token is blamed');
    my $start = time;
    go_to($stand_in->url);
    complete(40, 'unreached');
    # However many requests were out when the provider went away, that was one outage, and a short one.
    cmp_ok(time - $start, '<', 10, 'soon after the host is right');
    is(counts($stand_in, "unreached $_"), '1 1', "row $_ was sent once") for 1, 40;
    is(health($node, 'provider')->{status}, 'ok', 'health() is content');
};

subtest 'which URLs are taken' => sub {
    for my $setting ('api_base_url', 'webhook_url') {
        for my $url ('http://api.replicate.com/v1', 'http://127.0.0.1.example.org/v1', 'http://localhost.example.org/v1',
            'http://[::1].example.org/v1', 'http://user@127.0.0.1/v1', 'http://127.0.0.1@example.org/v1', 'ftp://127.0.0.1/v1',
            'file:///etc/passwd', 'https://', 'https:///v1', 'api.replicate.com', 'https://api.replicate.com/v1 x',
            'http://169.254.169.254/latest', 'http://0.0.0.0/v1', 'http://10.0.0.1/v1') {
            my ($status, $out, $error) = $node->psql('postgres', "SET atelier.$setting = '$url'");
            like($error, qr/invalid value for parameter "atelier\.$setting"/, "$setting: no $url");
        }
        for my $url ('https://api.replicate.com/v1', 'http://127.0.0.1:8080/v1', 'http://localhost/v1', 'http://[::1]:80/v1') {
            my ($status) = $node->psql('postgres', "SET atelier.$setting = '$url'");
            is($status, 0, "$setting: $url");
        }
        my ($status, $out, $error) = $node->psql('postgres', "SET ROLE authenticated; SET atelier.$setting = 'https://example.org'");
        like($error, qr/permission denied/, "$setting: no user may set it");
        ($status, $out, $error) = $node->psql('postgres', "SET ROLE authenticated; SHOW atelier.$setting");
        like($error, qr/must be superuser or have privileges of pg_read_all_settings|permission denied/, "$setting: nor see it");
    }
};

subtest 'a redirect is not followed' => sub {
    my $elsewhere = Atelier::Listener->start(sub { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" });
    my $target = $elsewhere->url;
    my $redirecting = Atelier::Listener->start(
        sub { return "HTTP/1.1 307 Temporary Redirect\r\nLocation: $target/v1/stolen\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" });
    go_to($redirecting->url);
    # A new token is asked for its account: a GET, which would be followed even by careful clients.
    add_token($node, 'r8_two_hosts_3');
    my $id = queue($node, $user, prompt => 'redirected');
    wait_for($node, "SELECT count(*) = 1 FROM atelier.attempts WHERE generation_id = '$id' AND state = 'unknown'",
        'nobody knows what such an answer means');
    eventually('a POST and a GET were answered with a redirect', sub {
        my @seen = $redirecting->requests;
        return (grep {/^POST/} @seen) && (grep {/^GET/} @seen);
    });
    is(scalar(grep {/^POST/} $redirecting->requests), 1, 'the creating request was sent once');
    like((grep {/^POST/} $redirecting->requests)[0], qr/^authorization: bearer r8_/mi, 'with the token');
    my @elsewhere = $elsewhere->requests;
    is(scalar(@elsewhere), 0, 'nothing went elsewhere');
    sql_as($node, $user, "UPDATE public.generations SET status = 'cancelled' WHERE id = '$id'");
    go_to($stand_in->url);
};

# What was sent with a token that has gone meanwhile is nobody else's trouble, also after a restart.
subtest 'a token that has gone' => sub {
    add_token($node, 'r8_gone_hosts_4');
    $node->safe_psql('postgres', "UPDATE public.replicate_tokens SET is_active = token = 'r8_gone_hosts_4'");
    my $id = queue($node, $user, prompt => 'orphan', replicate_model => 'sim/hang-not-created');
    wait_for($node, "SELECT count(*) = 1 FROM atelier.attempts WHERE generation_id = '$id'", 'a request is out');
    $node->stop('immediate');
    $node->start;
    $node->safe_psql('postgres', "DELETE FROM public.replicate_tokens WHERE token = 'r8_gone_hosts_4'");
    $node->restart;
    $node->safe_psql('postgres', 'UPDATE public.replicate_tokens SET is_active = true');
    my $other = queue($node, $user, prompt => 'not an orphan');
    ended($node, $other, 'completed', 'other tokens go on');
};

subtest 'a token that is refused everywhere' => sub {
    add_token($node, 'r8_refused_hosts_5');
    $node->safe_psql('postgres', "UPDATE public.replicate_tokens SET is_active = token = 'r8_refused_hosts_5'");
    my $id = queue($node, $user, prompt => 'refused later', replicate_model => 'sim/hang-not-created');
    wait_for($node, "SELECT count(*) = 1 FROM atelier.attempts WHERE generation_id = '$id'", 'a request is out');
    $stand_in->request('PUT', '/_control/tokens/r8_refused_hosts_5', { refuse => '401', route => 'all' });
    $node->stop('immediate');
    $node->start;
    $node->safe_psql('postgres', "UPDATE public.replicate_tokens SET is_active = token <> 'r8_refused_hosts_5'");
    my $other = queue($node, $user, prompt => 'by another token');
    ended($node, $other, 'completed', 'other tokens go on');
};

sub run_quietly {
    my @command = @_;
    return IPC::Run::run(\@command, '<', \undef, '>', \my $out, '2>', \my $err);
}

# The stand-in speaks no TLS, so openssl speaks it in front of it; one connection at a time is all that it can do.
subtest 'TLS' => sub {
    my $folder = PostgreSQL::Test::Utils::tempdir();
    my @request = (qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stand-in -addext subjectAltName=IP:127.0.0.1),
        '-keyout', "$folder/key", '-out', "$folder/certificate");
    plan skip_all => 'no openssl program' unless eval { run_quietly(@request) };
    my $port = PostgreSQL::Test::Cluster::get_free_port();
    my $pid = fork // die "cannot fork: $!";
    if ($pid == 0) {
        my $behind = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $stand_in->port) or POSIX::_exit(1);
        open STDIN, '<&', $behind or POSIX::_exit(1);
        open STDOUT, '>&', $behind or POSIX::_exit(1);
        exec(qw(openssl s_server -quiet -accept), "127.0.0.1:$port", '-cert', "$folder/certificate", '-key', "$folder/key")
          or POSIX::_exit(127);
    }
    eventually('openssl listens', sub { return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) });
    $node->safe_psql('postgres', <<'SQL');
ALTER SYSTEM SET atelier.max_transfers = 1;
DELETE FROM public.replicate_tokens;
INSERT INTO public.replicate_tokens (token) VALUES ('r8_tls_hosts_6');
SQL
    go_to("https://127.0.0.1:$port");
    my $id = queue($node, $user, prompt => 'over TLS');
    wait_for($node, "SELECT count(*) > 0 FROM atelier.attempts WHERE generation_id = '$id' AND state = 'absent'",
        'a certificate that nobody vouches for is refused');
    like($node->safe_psql('postgres', "SELECT error FROM atelier.attempts WHERE generation_id = '$id' AND state = 'absent' LIMIT 1"),
        qr/certificate/i, 'and that is what is written down');
    status_is($node, $id, 'queued', 'the row waits');
    is(counts($stand_in, 'over TLS'), '0 0', 'nothing has arrived');
    set_to($node, api_ca_file => "$folder/certificate");
    ended($node, $id, 'completed', 'with api_ca_file it is trusted, without a restart');
    is(counts($stand_in, 'over TLS'), '1 1', 'sent once');
    kill 'KILL', $pid;
    waitpid $pid, 0;
};

$node->stop;
done_testing();
