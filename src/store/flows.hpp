// SPDX-License-Identifier: PostgreSQL
// What the triggers and functions about flows ask the tables and write into them: nodes that a save deletes and inserts
// again, the generations behind nodes, invitations. Reads and writes as the owner of the tables, whoever calls, but for
// set_status(). Who may do what is decided by the callers in trigger/ and rpc/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pg/datum.hpp"
#include "store/uuid.hpp"

namespace atelier::store::flows {

// What a node keeps when it is deleted and inserted again.
struct KeptNode {
  std::optional<core::Uuid> generation;
  std::string status;
  std::optional<std::string> error_message;
  std::optional<double> width;
  std::optional<double> height;
  std::optional<core::Uuid> created_by;
  std::optional<std::string> created_by_email;
};
// Does nothing when the flow itself is gone.
void remember_node(const core::Uuid& flow, const core::Uuid& node, const KeptNode& kept);
// Takes it out of the memory of that flow; nothing after a day. Leaves out a generation or user that is gone.
std::optional<KeptNode> recall_node(const core::Uuid& flow, const core::Uuid& node);
// Removes what is too old, some rows at a time.
void forget_old_nodes();

// Forgets all nodes of a flow that is deleted: whoever makes one anew with its id learns nothing of it.
void forget_flow(const core::Uuid& flow);

struct GenerationPlace {
  core::Uuid owner;
  std::optional<core::Uuid> workspace;
};
std::optional<GenerationPlace> generation_place(const core::Uuid& generation);

// The generation as it is now. Keeps it from changing until the end of the transaction, so that either this reader sees
// its end or whoever ends it sees what this transaction wrote.
struct GenerationResult {
  bool ended;
  std::string status;  // from here on: what a node shows of it
  std::optional<std::string> error_message;
  std::optional<std::string> output;
  std::string output_type;
};
std::optional<GenerationResult> generation_result(const core::Uuid& generation);
// Writes the same into the nodes that are linked to these generations. Whoever changes a generation calls this after it
// in the same transaction: all lock the generation first, then its nodes.
void show_results(const std::vector<core::Uuid>& generations);

// Deletes the flows of a user, and with them all that is in them.
void remove_flows(const core::Uuid& owner);

bool has_nodes(const core::Uuid& flow, const core::Uuid& source, const core::Uuid& target);
std::optional<core::Uuid> flow_of_comment(const core::Uuid& comment);

// Makes other invitations of this address to this flow wait for the end of the transaction.
void lock_invitations(const core::Uuid& flow, const std::string& email);
// The flow's owner, or an accepted member.
bool belongs(const core::Uuid& flow, const std::string& email);
bool is_invited(const core::Uuid& flow, const std::string& email);

struct Acceptance {
  core::Uuid flow;
  core::Uuid member;
};
// Makes the user a member by an invitation to his address that is neither used nor expired, once.
std::optional<Acceptance> accept_invitation(const std::string& token, const core::Uuid& user);

struct Preview {
  core::Uuid flow;
  std::string name;
  std::string role;
  pg::Timestamp expires_at;
  std::optional<std::string> invited_by;
};
// What accept_invitation() would accept.
std::optional<Preview> preview_invitation(const std::string& token, const core::Uuid& user);

// With the rights of the caller: false when there is no such flow or he may not change it.
bool set_status(const core::Uuid& flow, const std::string& status);

}  // namespace atelier::store::flows
