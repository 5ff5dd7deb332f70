// Made by `npm run docs` from the handlers; a test fails when it is out of date.

/** Command name to its fields. */
export interface Commands {
  whoami: Record<string, never>
  refresh_session: { token: string }
  sync_events: { epoch?: string; since?: number; limit?: number }
  kick_user: { user_id: string; client_id?: string }
  ban_user: { user_id: string; seconds?: number }
  unban_user: { user_id: string }
  revoke_token: { jti: string; exp?: number }
  accept_contact: { user_id: string }
  block_user: { user_id: string }
  cancel_contact_request: { user_id: string }
  get_block_list: { cursor?: string; limit?: number }
  get_contact_list: { cursor?: string; limit?: number }
  reject_contact: { user_id: string }
  remove_contact: { user_id: string }
  request_contact: { user_id: string; note?: string }
  unblock_user: { user_id: string }
  add_member: { group_id: string; user_id: string }
  change_group_title: { group_id: string; title: string }
  create_group: { title: string; members?: (string)[] }
  get_group: { group_id: string; cursor?: string; limit?: number }
  get_group_list: { cursor?: string; limit?: number }
  leave_group: { group_id: string }
  remove_member: { group_id: string; user_id: string }
  set_member_role: { group_id: string; user_id: string; role: "owner" | "admin" | "member" }
  ack_message: { message_ids: (string)[] }
  delete_message: { message_id: string }
  edit_message: { message_id: string; body?: string; ciphertext?: string }
  get_messages: { with?: string; group_id?: string; before?: number; after?: number; limit?: number }
  mark_read: { with?: string; group_id?: string; up_to: number }
  search_messages: { q: string; cursor?: string; limit?: number }
  send_message: { to?: string; group_id?: string; body?: string; ciphertext?: string; hash?: string; prev_hash?: string; attachments?: ({ file_id: string; type: string; size: number; name?: string; width?: number; height?: number })[] }
  set_receipts: { delivered?: boolean; read?: boolean }
  typing: { to?: string; group_id?: string }
  get_user_list: { cursor?: string; limit?: number }
  set_status: { status: "available" | "away" | "busy" | "invisible"; text?: "" | string; last_seen?: boolean }
  get_profile: { user_id: string }
  search_profiles: { q: string; cursor?: string; limit?: number }
  update_profile: { fields: Record<string, unknown> }
  remove_push_subscription: { endpoint: string }
  save_push_subscription: { endpoint: string; p256dh: string; auth: string }
  create_conference: { title?: string; invite?: (string)[] }
  end_conference: { conference_id: string }
  get_call_list: { cursor?: string; limit?: number }
  invite_to_conference: { conference_id: string; invite: (string)[] }
  join_conference: { conference_id: string; token: string }
  leave_conference: { conference_id: string }
  send_conference_message: { conference_id: string; body: string }
  signal: { target: string; type: "offer" | "answer" | "candidate" | "bye" | "ringing" | "decline" | "busy" | "cancel"; body?: unknown; call_id?: string }
  signal_conference: { conference_id: string; target?: string; type: "offer" | "answer" | "candidate" | "bye" | "ringing" | "decline" | "busy" | "cancel"; body?: unknown }
  get_turn_credentials: { ttl?: number }
}

/**
 * What every event bears besides its fields: when it happened, the id of the command it answers, and its number among the
 * events of its receiver, if it is one that `sync_events` can bring back.
 */
export interface Envelope {
  at: string
  re?: string
  event_seq?: number
}

/** Event name to its fields, besides those of the envelope. */
export interface Events {
  command_rejected: { command: string; code: "bad_payload" | "unknown_command" | "forbidden" | "not_found" | "conflict" | "rate_limited" | "too_large" | "unavailable" | "timeout" | "offline" | "hash_mismatch" | "internal"; message: string; fields?: Record<string, string>; retry_after_ms?: number }
  command_failed: { command: string; code: "bad_payload" | "unknown_command" | "forbidden" | "not_found" | "conflict" | "rate_limited" | "too_large" | "unavailable" | "timeout" | "offline" | "hash_mismatch" | "internal"; message: string; fields?: Record<string, string>; retry_after_ms?: number }
  command_queued: { command: string }
  session_expiring: { client_id: string; exp: number }
  session_info: { user_id: string; client_id: string; name?: string; expires_at: string; epoch: string; last: number }
  session_refreshed: { exp: number }
  events_synced: { recovered: boolean; epoch: string; events: ({ event: string; event_seq: number; at: string; re?: string; [field: string]: unknown })[]; last: number; more: boolean }
  user_kicked: { user_id: string; sessions: number }
  user_banned: { user_id: string; sessions: number }
  user_unbanned: { user_id: string }
  token_revoked: { jti: string; sessions: number }
  contact_added: { user_id: string }
  contact_approved: { user_id: string }
  user_online: { user_id: string; status: "available" | "away" | "busy"; text?: string }
  block_list: { users: (string)[]; cursor?: string }
  user_offline: { user_id: string; last_seen?: string }
  contact_updated: { user_id: string; state: "none" }
  contact_request_cancelled: { user_id: string }
  contact_list: { contacts: ({ user_id: string; state: "contact" | "requested" | "requesting"; note?: string })[]; cursor?: string }
  contact_rejected: { user_id: string }
  contact_removed: { user_id: string }
  contact_request_sent: { user_id: string }
  contact_requested: { user_id: string; note?: string }
  group_updated: { group_id: string; change: "created" | "retitled" | "member_added" | "member_removed" | "member_left" | "role_changed"; title?: string; user_id?: string; role?: "owner" | "admin" | "member"; owner?: string; message_id?: string; seq?: number }
  group_changed: { group_id: string; by: string; change: "created" | "retitled" | "member_added" | "member_removed" | "member_left" | "role_changed"; title?: string; user_id?: string; role?: "owner" | "admin" | "member"; owner?: string; message_id?: string; seq?: number; hash?: string; prev_hash?: string }
  group: { group_id: string; title: string; role: "owner" | "admin" | "member"; members: number; list: ({ user_id: string; role: "owner" | "admin" | "member" })[]; cursor?: string }
  group_list: { groups: ({ group_id: string; title: string; role: "owner" | "admin" | "member"; members: number })[]; cursor?: string }
  receipt_recorded: { message_ids?: (string)[]; with?: string; group_id?: string; up_to?: number }
  message_delivered: { by: string; message_ids: (string)[] }
  message_removed: { message_id: string; seq: number; with?: string; group_id?: string; deleted_at: string }
  message_deleted: { message_id: string; seq: number; with?: string; group_id?: string; deleted_at: string }
  message_sent: { message_id: string; seq: number; to?: string; group_id?: string; hash: string }
  message_received: { message_id: string; seq: number; from: string; to?: string; group_id?: string; body?: string; ciphertext?: string; system?: { change: "created" | "retitled" | "member_added" | "member_removed" | "member_left" | "role_changed"; title?: string; user_id?: string; role?: "owner" | "admin" | "member"; owner?: string }; attachments?: ({ file_id: string; type: string; size: number; name?: string; width?: number; height?: number })[]; hash?: string; prev_hash?: string; sent_at: string; edited_at?: string; deleted_at?: string }
  message_updated: { message_id: string; seq: number; with?: string; group_id?: string; body?: string; ciphertext?: string; edited_at: string }
  message_edited: { message_id: string; seq: number; with?: string; group_id?: string; body?: string; ciphertext?: string; edited_at: string }
  messages: { with?: string; group_id?: string; messages: ({ message_id: string; seq: number; from: string; to?: string; group_id?: string; body?: string; ciphertext?: string; system?: { change: "created" | "retitled" | "member_added" | "member_removed" | "member_left" | "role_changed"; title?: string; user_id?: string; role?: "owner" | "admin" | "member"; owner?: string }; attachments?: ({ file_id: string; type: string; size: number; name?: string; width?: number; height?: number })[]; hash?: string; prev_hash?: string; sent_at: string; edited_at?: string; deleted_at?: string })[]; more: boolean }
  message_read: { by: string; group_id?: string; up_to: number }
  message_results: { messages: ({ message_id: string; seq: number; from: string; to?: string; group_id?: string; body?: string; ciphertext?: string; system?: { change: "created" | "retitled" | "member_added" | "member_removed" | "member_left" | "role_changed"; title?: string; user_id?: string; role?: "owner" | "admin" | "member"; owner?: string }; attachments?: ({ file_id: string; type: string; size: number; name?: string; width?: number; height?: number })[]; hash?: string; prev_hash?: string; sent_at: string; edited_at?: string; deleted_at?: string })[]; cursor?: string }
  receipts_set: { delivered: boolean; read: boolean }
  user_typing: { user_id: string; group_id?: string }
  user_list: { users: ({ user_id: string; status: "available" | "away" | "busy"; text?: string })[]; cursor?: string }
  user_status: { user_id: string; status: "available" | "away" | "busy"; text?: string }
  status_set: { status: "available" | "away" | "busy" | "invisible"; text?: string }
  profile: { user_id: string; fields: Record<string, unknown> }
  profile_results: { profiles: ({ user_id: string; fields: { name?: string; avatar?: string } })[]; cursor?: string }
  profile_updated: { user_id: string; fields: Record<string, unknown> }
  push_subscription_removed: Record<string, never>
  push_subscription_saved: Record<string, never>
  conference_created: { conference_id: string; title?: string; token: string; participant_id: string }
  conference_invited: { conference_id: string; title?: string; token: string; by: string }
  conference_ended: { conference_id: string; by: string }
  call_list: { calls: ({ call_id: string; with: string; direction: "in" | "out"; state: "ringing" | "answered" | "declined" | "busy" | "cancelled" | "missed" | "ended"; client_id?: string; started_at: string; answered_at?: string; ended_at?: string })[]; cursor?: string }
  conference_invite_sent: { conference_id: string }
  conference_joined: { conference_id: string; title?: string; participant_id: string; resumed: boolean; participants: ({ user_id: string; participant_id: string; polite: boolean })[] }
  participant_joined: { conference_id: string; user_id: string; participant_id: string; polite: boolean }
  participant_resumed: { conference_id: string; user_id: string; participant_id: string; polite: boolean }
  conference_left: { conference_id: string }
  participant_left: { conference_id: string; user_id: string; participant_id: string; reason: "left" | "gone" }
  call_changed: { call_id: string; with: string; direction: "in" | "out"; state: "ringing" | "answered" | "declined" | "busy" | "cancelled" | "missed" | "ended"; client_id?: string }
  conference_message_sent: { conference_id: string; message_id: string }
  conference_message: { conference_id: string; message_id: string; user_id: string; body: string; sent_at: string }
  signal_relayed: { target?: string; type: "offer" | "answer" | "candidate" | "bye" | "ringing" | "decline" | "busy" | "cancel"; call_id?: string; conference_id?: string; polite?: boolean }
  signal: { origin: string; type: "offer" | "answer" | "candidate" | "bye" | "ringing" | "decline" | "busy" | "cancel"; body?: unknown; call_id?: string; conference_id?: string; polite: boolean }
  turn_credentials: { username: string; password: string; ttl: number; uris: (string)[]; ice_servers: ({ urls: (string)[]; username?: string; credential?: string })[] }
}

/** What each command may cause, `command_rejected` and `command_failed` apart. */
export interface Causes {
  whoami: 'session_info'
  refresh_session: 'session_refreshed'
  sync_events: 'events_synced'
  kick_user: 'user_kicked'
  ban_user: 'user_banned'
  unban_user: 'user_unbanned'
  revoke_token: 'token_revoked'
  accept_contact: 'contact_added' | 'contact_approved' | 'user_online'
  block_user: 'block_list' | 'user_offline'
  cancel_contact_request: 'contact_updated' | 'contact_request_cancelled'
  get_block_list: 'block_list'
  get_contact_list: 'contact_list'
  reject_contact: 'contact_updated' | 'contact_rejected'
  remove_contact: 'contact_updated' | 'contact_removed' | 'user_offline'
  request_contact: 'contact_request_sent' | 'contact_requested' | 'contact_added' | 'contact_approved' | 'user_online'
  unblock_user: 'block_list' | 'user_online'
  add_member: 'group_updated' | 'group_changed'
  change_group_title: 'group_updated' | 'group_changed'
  create_group: 'group_updated' | 'group_changed'
  get_group: 'group'
  get_group_list: 'group_list'
  leave_group: 'group_updated' | 'group_changed'
  remove_member: 'group_updated' | 'group_changed'
  set_member_role: 'group_updated' | 'group_changed'
  ack_message: 'receipt_recorded' | 'message_delivered'
  delete_message: 'message_removed' | 'message_deleted' | 'message_sent' | 'message_received' | 'message_updated' | 'message_edited'
  edit_message: 'message_updated' | 'message_edited'
  get_messages: 'messages'
  mark_read: 'receipt_recorded' | 'message_read'
  search_messages: 'message_results'
  send_message: 'message_sent' | 'message_received'
  set_receipts: 'receipts_set'
  typing: 'user_typing'
  get_user_list: 'user_list'
  set_status: 'status_set' | 'user_online' | 'user_offline' | 'user_status'
  get_profile: 'profile'
  search_profiles: 'profile_results'
  update_profile: 'profile_updated'
  remove_push_subscription: 'push_subscription_removed'
  save_push_subscription: 'push_subscription_saved'
  create_conference: 'conference_created' | 'conference_invited'
  end_conference: 'conference_ended'
  get_call_list: 'call_list'
  invite_to_conference: 'conference_invite_sent' | 'conference_invited'
  join_conference: 'conference_joined' | 'participant_joined' | 'participant_resumed'
  leave_conference: 'conference_left' | 'participant_left'
  send_conference_message: 'conference_message_sent' | 'conference_message'
  signal: 'signal_relayed' | 'signal' | 'call_changed'
  signal_conference: 'signal_relayed' | 'signal'
  get_turn_credentials: 'turn_credentials'
}
