// Made by `npm run docs` from the files of handlers/; a test fails when it is out of date.

/** Every handler group, and the declarations of its commands. */
export interface Groups {
  contacts: {
    accept_contact: typeof import('../../handlers/contacts/accept_contact.ts').default
    block_user: typeof import('../../handlers/contacts/block_user.ts').default
    cancel_contact_request: typeof import('../../handlers/contacts/cancel_contact_request.ts').default
    get_block_list: typeof import('../../handlers/contacts/get_block_list.ts').default
    get_contact_list: typeof import('../../handlers/contacts/get_contact_list.ts').default
    reject_contact: typeof import('../../handlers/contacts/reject_contact.ts').default
    remove_contact: typeof import('../../handlers/contacts/remove_contact.ts').default
    request_contact: typeof import('../../handlers/contacts/request_contact.ts').default
    unblock_user: typeof import('../../handlers/contacts/unblock_user.ts').default
  }
  groups: {
    add_member: typeof import('../../handlers/groups/add_member.ts').default
    change_group_title: typeof import('../../handlers/groups/change_group_title.ts').default
    create_group: typeof import('../../handlers/groups/create_group.ts').default
    get_group: typeof import('../../handlers/groups/get_group.ts').default
    get_group_list: typeof import('../../handlers/groups/get_group_list.ts').default
    leave_group: typeof import('../../handlers/groups/leave_group.ts').default
    remove_member: typeof import('../../handlers/groups/remove_member.ts').default
    set_member_role: typeof import('../../handlers/groups/set_member_role.ts').default
  }
  messaging: {
    ack_message: typeof import('../../handlers/messaging/ack_message.ts').default
    delete_message: typeof import('../../handlers/messaging/delete_message.ts').default
    edit_message: typeof import('../../handlers/messaging/edit_message.ts').default
    get_messages: typeof import('../../handlers/messaging/get_messages.ts').default
    mark_read: typeof import('../../handlers/messaging/mark_read.ts').default
    search_messages: typeof import('../../handlers/messaging/search_messages.ts').default
    send_message: typeof import('../../handlers/messaging/send_message.ts').default
    set_receipts: typeof import('../../handlers/messaging/set_receipts.ts').default
    typing: typeof import('../../handlers/messaging/typing.ts').default
  }
  presence: {
    get_user_list: typeof import('../../handlers/presence/get_user_list.ts').default
    presence_changed: typeof import('../../handlers/presence/presence_changed.ts').default
    set_status: typeof import('../../handlers/presence/set_status.ts').default
  }
  profiles: {
    get_profile: typeof import('../../handlers/profiles/get_profile.ts').default
    search_profiles: typeof import('../../handlers/profiles/search_profiles.ts').default
    update_profile: typeof import('../../handlers/profiles/update_profile.ts').default
  }
  push: {
    push_again: typeof import('../../handlers/push/push_again.ts').default
    push_wanted: typeof import('../../handlers/push/push_wanted.ts').default
    remove_push_subscription: typeof import('../../handlers/push/remove_push_subscription.ts').default
    save_push_subscription: typeof import('../../handlers/push/save_push_subscription.ts').default
  }
  signaling: {
    create_conference: typeof import('../../handlers/signaling/create_conference.ts').default
    end_conference: typeof import('../../handlers/signaling/end_conference.ts').default
    get_call_list: typeof import('../../handlers/signaling/get_call_list.ts').default
    invite_to_conference: typeof import('../../handlers/signaling/invite_to_conference.ts').default
    join_conference: typeof import('../../handlers/signaling/join_conference.ts').default
    leave_conference: typeof import('../../handlers/signaling/leave_conference.ts').default
    participant_expired: typeof import('../../handlers/signaling/participant_expired.ts').default
    participant_hidden: typeof import('../../handlers/signaling/participant_hidden.ts').default
    participant_presence: typeof import('../../handlers/signaling/participant_presence.ts').default
    ring_timed_out: typeof import('../../handlers/signaling/ring_timed_out.ts').default
    send_conference_message: typeof import('../../handlers/signaling/send_conference_message.ts').default
    signal: typeof import('../../handlers/signaling/signal.ts').default
    signal_conference: typeof import('../../handlers/signaling/signal_conference.ts').default
  }
  turn: {
    get_turn_credentials: typeof import('../../handlers/turn/get_turn_credentials.ts').default
  }
}
