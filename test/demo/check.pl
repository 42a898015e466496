#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Compares how the demo ended with how it must end: each generation with the table below, and the counts of the provider's
# stand-in with what that table adds up to. Says what is not as expected; the status is 0 when everything is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Demo;
use List::Util qw(max sum0);

# The forms of output: how many there are, and what each looks like.
my %forms = (
    ''       => [ 0, qr/^$/ ],
    picture  => [ 1, qr{^http://\S+/out-\d\.webp$} ],
    pictures => [ 4, qr{^http://\S+/out-\d\.webp$} ],
    drawing  => [ 1, qr{^http://\S+/out\.svg$} ],
    film     => [ 1, qr{^http://\S+/out\.mp4$} ],
    text     => [ 1, qr/a cat on a mat/ ]);

my $failures = 0;

sub expect {
    my ($holds, $otherwise) = @_;
    return if $holds;
    $failures++;
    print "Not as expected: $otherwise\n";
    return;
}

sub expect_equal {
    my ($found, $wanted, $what) = @_;
    $found //= 'nothing';
    return expect($found eq $wanted, "$what: $found instead of $wanted");
}

sub expect_match {
    my ($found, $pattern, $what) = @_;
    my $matches = $found =~ $pattern;
    return expect($matches, "$what: " . ($found eq '' ? 'nothing' : $found));
}

# By prompt: who asked, how it must end, how many predictions the provider makes for it, the form of the output, the error.
sub expected_rows {
    my %rows;
    while (my $line = <DATA>) {
        chomp $line;
        my ($prompt, %row);
        ($prompt, @row{qw(user status predictions output error)}) = split /\s*\|\s*/, $line;
        $rows{$prompt} = \%row;
    }
    return \%rows;
}

sub check_generation {
    my ($prompt, $wanted, $row) = @_;
    return expect(0, "\"$prompt\" is missing") unless $row;
    expect_equal($row->{user}, $wanted->{user}, "user of \"$prompt\"");
    expect_equal($row->{status}, $wanted->{status}, "status of \"$prompt\"");
    my ($count, $form) = @{ $forms{ $wanted->{output} // '' } };
    expect_equal(scalar @{ $row->{outputs} }, $count, "outputs of \"$prompt\"");
    expect_match($_, $form, "output of \"$prompt\"") for @{ $row->{outputs} };
    my $error = $wanted->{error} ? qr/$wanted->{error}/i : qr/^$/;
    return expect_match($row->{error}, $error, "error of \"$prompt\"");
}

sub check_generations {
    my ($expected) = @_;
    my $found = answer(<<'SQL');
SELECT json_object_agg(g.prompt, json_build_object(
         'user', u.display_name, 'status', g.status, 'outputs', coalesce(g.output_urls, '{}'),
         'error', coalesce(g.error_message, '')))
  FROM generations g JOIN users u ON u.id = g.user_id
SQL
    check_generation($_, $expected->{$_}, $found->{$_}) for sort keys %$expected;
    expect($expected->{$_}, "a generation \"$_\"") for sort keys %$found;
    return;
}

# Nothing is made, and paid for, more often than it must be.
sub check_predictions {
    my ($expected, $stats) = @_;
    my %made = map { $_->{prompt} => $_->{accepted} } @{ control('GET', 'inputs?limit=1000')->{inputs} };
    my @wanted = map { $_->{predictions} } values %$expected;
    expect_equal($made{$_} // 0, $expected->{$_}{predictions}, "predictions made for \"$_\"") for sort keys %$expected;
    expect_equal($stats->{creates}{accepted}, sum0(@wanted), 'predictions made');
    expect_equal($stats->{inputs}{max_accepted}, max(@wanted), 'most predictions made for one input');
    expect_equal($stats->{predictions}{canceled}, 1, 'predictions cancelled at the provider');
    return;
}

# One token was throttled: it was refused, the rows it should have sent were not, and it is in use again.
sub check_tokens {
    my ($stats) = @_;
    my @refused = grep { $_->{creates} > $_->{accepted} && $_->{account} eq 'acme' } values %{ $stats->{tokens} };
    expect(@refused > 0, 'no token was throttled');
    my $tokens = answer('SELECT json_agg(json_build_object(\'active\', t.is_active, \'text\', t::text)) FROM atelier.tokens t');
    expect_equal(scalar(grep { $_->{active} } @$tokens), 3, 'active tokens');
    expect_match($_->{text}, qr/^(?!.*r8_)/, 'a secret in atelier.tokens') for @$tokens;
    return;
}

sub check_sight {
    for my $user (qw(ada ben cleo)) {
        my ($rows) = sql(<<"SQL");
\\i $FindBin::RealBin/people.sql
\\set user :$user
\\i $FindBin::RealBin/sign_in.sql
SELECT count(*) FROM generations;
COMMIT;
SQL
        expect_equal($rows, 10, "generations that $user sees");
    }
    return;
}

sub check_rest {
    my ($stats) = @_;
    my $rest = answer(<<'SQL');
SELECT json_build_object(
  'waiting', (SELECT count(*) FROM atelier.queue),
  'open', (SELECT count(*) FROM atelier.attempts WHERE ended_at IS NULL),
  'charged', (SELECT json_object_agg(u.display_name, 100 - u.credits) FROM users u),
  'completed', (SELECT json_object_agg(c.display_name, c.rows)
                  FROM (SELECT u.display_name, count(*) FILTER (WHERE g.status = 'completed') AS rows
                          FROM users u JOIN generations g ON g.user_id = u.id GROUP BY 1) c),
  'creating', (SELECT count(*) FROM api_logs l WHERE l.method = 'POST' AND l.path NOT LIKE '%/cancel'),
  'secrets', (SELECT count(*) FROM api_logs l WHERE l::text LIKE '%r8\_%'),
  'failing', (SELECT coalesce(string_agg(h.check_name || ': ' || h.detail, '; '), '')
                FROM atelier.health() h WHERE h.status = 'fail'))
SQL
    expect_equal($rest->{waiting}, 0, 'rows left in the queue');
    expect_equal($rest->{open}, 0, 'attempts left open');
    expect_equal($rest->{charged}{$_}, $rest->{completed}{$_}, "credits charged to $_") for sort keys %{ $rest->{charged} };
    expect_equal($rest->{creating}, $stats->{creates}{posts}, 'creating requests in api_logs');
    expect_equal($rest->{secrets}, 0, 'secrets in api_logs');
    expect_equal($rest->{failing}, '', 'failing checks of atelier.health()');
    return;
}

my $expected = expected_rows();
my $stats = control('GET', 'stats');
check_generations($expected);
check_predictions($expected, $stats);
check_tokens($stats);
check_sight();
check_rest($stats);
printf "As expected: %d generations, each ended as it should; %d predictions at the provider.\n", scalar keys %$expected,
  $stats->{creates}{accepted}
  unless $failures;
exit($failures ? 1 : 0);

__DATA__
a red kettle                | Ada  | completed | 1 | picture
a film that takes too long  | Ada  | cancelled | 1
a lighthouse in fog         | Ada  | completed | 1 | picture
a logo for a bakery         | Ada  | completed | 1 | drawing
four studies of a hand      | Ada  | completed | 1 | pictures
a paper boat                | Ada  | completed | 1 | picture
make the kettle blue        | Ada  | completed | 1 | picture
the kettle, larger          | Ada  | completed | 1 | picture
the kettle, cut out         | Ada  | completed | 1 | picture
a street in the rain        | Ada  | completed | 1 | picture
an owl, interrupted once    | Ben  | completed | 2 | picture
a poster of an odd shape    | Ben  | failed    | 0 |          | aspect_ratio
a picture nobody should see | Ben  | failed    | 1 |          | content
a shoe on white             | Ben  | completed | 1 | picture
a bicycle                   | Ben  | completed | 1 | picture
a bicycle, from above       | Ben  | completed | 1 | picture
a bicycle at night          | Ben  | completed | 1 | picture
four cats                   | Ben  | completed | 1 | pictures
a glass of water            | Ben  | completed | 1 | picture
a glass of milk             | Ben  | completed | 1 | picture
waves on a beach            | Cleo | completed | 1 | film
What is in this picture?    | Cleo | completed | 1 | text
a tree whose answer is lost | Cleo | completed | 1 | picture
a mountain                  | Cleo | completed | 1 | picture
a mountain in spring        | Cleo | completed | 1 | picture
a door in the wall          | Cleo | completed | 1 | picture
the wall, wider             | Cleo | completed | 1 | picture
a paper plane               | Cleo | completed | 1 | picture
a mountain in autumn        | Cleo | completed | 1 | picture
a glass of tea              | Cleo | completed | 1 | picture
