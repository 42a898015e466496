# SPDX-License-Identifier: PostgreSQL
# The queries behind the pages of the app: a user's own list and its tabs, and those of a workspace.
package Bench::Tabs;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(filtered list_query tabs);

my $columns = 'id, user_id, workspace_id, action, model_id, model_name, replicate_model, status, prompt, settings, output_urls,'
  . ' error_message, is_favorite, viewed, cost_credits, cost_usd, created_at, started_at, completed_at, processing_time_ms';
my $shown = "is_keyframe_segment IS FALSE AND action <> 'video_keyframes'";

sub user_id { return sprintf "'00000000-0000-4000-8000-%012d'", $_[0] }

sub workspace_of { return sprintf "'00000000-0000-4000-8001-%012d'", 1 + $_[0] % 500 }

sub page {
    my ($filter, $rows) = @_;
    return "SELECT $columns FROM generations WHERE $filter AND $shown ORDER BY created_at DESC LIMIT $rows";
}

# The newest of a user's rows.
sub list_query {
    my ($user, $rows) = @_;
    return page('user_id = ' . user_id($user), $rows);
}

# Name and query of the first page of each tab of a user.
sub tabs {
    my ($user) = @_;
    my $own = 'user_id = ' . user_id($user);
    my $shared = 'workspace_id = ' . workspace_of($user);
    return (
        [ 'all', page($own, 20) ],
        [ 'under way', page("$own AND status IN ('pending', 'queued', 'processing')", 20) ],
        [ 'favourites', page("$own AND is_favorite = true", 20) ],
        [ 'failed', page("$own AND status = 'failed'", 20) ],
        [ 'workspace', page($shared, 20) ],
        [ 'workspace, own', page("$shared AND $own", 20) ]);
}

# The same with a filter on top, which has no index of its own: what it lets through is looked for from the newest on.
sub filtered {
    my ($user) = @_;
    my $own = 'user_id = ' . user_id($user);
    return (
        [ 'one action', page("$own AND action = 'create'", 20) ],
        [ 'one model', page("$own AND model_id = 'flux-schnell'", 20) ],
        [ 'older than a month', page("$own AND created_at < now() - interval '30 days'", 20) ]);
}

1;
