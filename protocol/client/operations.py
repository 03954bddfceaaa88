"""What the HTTP API can do, by name: method, path below `/api/v1`, and whether it is done once.

Made by `python -m server.documents`; do not edit.
"""

from typing import NamedTuple


class Operation(NamedTuple):
    """`once`: it takes an Idempotency-Key."""

    method: str
    path: str
    once: bool


# fmt: off
OPERATIONS: dict[str, Operation] = {
    # Log in with login and password, or with a one-time code.
    "logIn": Operation("POST", "/login", False),
    # The account that the token belongs to.
    "me": Operation("GET", "/me", False),
    # Set or change one's password.
    "changePassword": Operation("PUT", "/me/password", False),
    # Whether there is single sign-on, and what it is called.
    "singleSignOn": Operation("GET", "/sso", False),
    # For browsers: on to the provider's page to log in.
    "logInElsewhere": Operation("GET", "/sso/login", False),
    # For browsers: back from the provider, and on to the home page with a one-time code.
    "comeBack": Operation("GET", "/sso/callback", False),
    # All groups; for the server's owner and admins, as everything about groups.
    "listGroups": Operation("GET", "/groups", False),
    # Create a group, with the operator right or without.
    "createGroup": Operation("POST", "/groups", True),
    # A group with its members.
    "lookAtGroup": Operation("GET", "/groups/{group}", False),
    # Give a group the operator right, or take it; who is in a conference has it, or not, at once.
    "changeGroup": Operation("PATCH", "/groups/{group}", False),
    # Remove a group; its members stay.
    "removeGroup": Operation("DELETE", "/groups/{group}", False),
    # Put an account, by identity or login, into a group.
    "addGroupMember": Operation("PUT", "/groups/{group}/members/{account}", False),
    # Take an account out of a group.
    "removeGroupMember": Operation("DELETE", "/groups/{group}/members/{account}", False),
    # Become a guest of a conference by a guest link.
    "enterAsGuest": Operation("POST", "/guests", False),
    # Make a guest link; for organizers and moderators. A moderator's link is for one person.
    "invite": Operation("POST", "/conferences/{conference}/invitations", True),
    # The guest links of a conference; for organizers and moderators. The links themselves are not shown.
    "listGuestLinks": Operation("GET", "/conferences/{conference}/invitations", False),
    # Revoke a guest link: nobody comes in by it, nor by a token that was given out for it.
    "revokeGuestLink": Operation("POST", "/conferences/{conference}/invitations/{invitation}/revoke", False),
    # Who is invited by e-mail or has registered, and what became of the mails; for organizers.
    "listAttendees": Operation("GET", "/conferences/{conference}/attendees", False),
    # Invite people by e-mail, each with a link of their own; again: with another role, or once more.
    "inviteByEmail": Operation("POST", "/conferences/{conference}/attendees", True),
    # Take a speaker who has registered; for organizers.
    "approveAttendee": Operation("POST", "/conferences/{conference}/attendees/{attendee}/approve", False),
    # Do not take a speaker who has registered; for organizers.
    "declineAttendee": Operation("POST", "/conferences/{conference}/attendees/{attendee}/decline", False),
    # Take an invitation or registration back: its link leads nowhere; for organizers.
    "withdrawAttendee": Operation("POST", "/conferences/{conference}/attendees/{attendee}/withdraw", False),
    # Say who may register by themselves; for organizers.
    "setRegistration": Operation("PUT", "/conferences/{conference}/registration", False),
    # What the registration page shows to everybody.
    "showRegistration": Operation("GET", "/conferences/{conference}/registration", False),
    # Register for a conference. The answer tells nobody who has registered; the mail does.
    "register": Operation("POST", "/conferences/{conference}/registration", False),
    # One's own conferences; for organizers by right and security admins all of them.
    "listConferences": Operation("GET", "/conferences", False),
    # Create a conference, or be returned to the one that is running.
    "createConference": Operation("POST", "/conferences", True),
    # What somebody at the door may know about a conference.
    "glanceAtConference": Operation("GET", "/conferences/{conference}", False),
    # Say when a conference is planned to begin and to end; for organizers.
    "planConference": Operation("PATCH", "/conferences/{conference}", False),
    # What the media worker counts of each track; for organizers and moderators.
    "mediaCounters": Operation("GET", "/conferences/{conference}/media", False),
    # What somebody sends and receives, measured now; for organizers, moderators and the person themselves.
    "mediaStatistics": Operation("GET", "/conferences/{conference}/media/{person}", False),
    # Where the state of a conference is, and its fingerprint; for organizers.
    "conferenceState": Operation("GET", "/conferences/{conference}/state", False),
    # End a conference for everybody; for organizers and moderators.
    "endConference": Operation("POST", "/conferences/{conference}/end", False),
    # Create an event of several sessions.
    "createEvent": Operation("POST", "/events", True),
    # One's own events; for organizers by right all of them.
    "listEvents": Operation("GET", "/events", False),
    # An event's sessions and members.
    "lookAtEvent": Operation("GET", "/events/{event}", False),
    # Remove an event; its sessions, and the roles in them, stay.
    "removeEvent": Operation("DELETE", "/events/{event}", False),
    # Make a conference a session; the event's members have their roles in it from now on.
    "addSession": Operation("POST", "/events/{event}/sessions", False),
    # Take a conference out of an event, for the owner of either and its organizers; the roles in it stay.
    "removeSession": Operation("DELETE", "/events/{event}/sessions/{session}", False),
    # Give somebody, by identity or login, a role in every session, live at once; for who organizes each.
    "setEventMember": Operation("PUT", "/events/{event}/members/{identity}", False),
    # Take somebody's role back in every session; for who organizes each.
    "removeEventMember": Operation("DELETE", "/events/{event}/members/{identity}", False),
    # The recordings of a conference and their files; for organizers and security admins.
    "listRecordings": Operation("GET", "/conferences/{conference}/recordings", False),
    # A file of a recording, whole or by ranges; for organizers and security admins.
    "downloadRecording": Operation("GET", "/conferences/{conference}/recordings/{recording}/{file}", False),
    # An address of a file that is good once, within a minute; for browsers, which send no header.
    "recordingTicket": Operation("POST", "/conferences/{conference}/recordings/{recording}/{file}/ticket", False),
    # The file of a ticket, whole or by ranges; for the browser that came first.
    "redeemRecordingTicket": Operation("GET", "/recordings/{ticket}", False),
    # Delete a recording that has ended; for organizers.
    "deleteRecording": Operation("DELETE", "/conferences/{conference}/recordings/{recording}", False),
    # The audit record, by pages or as a download; for organizers and security admins.
    "auditRecord": Operation("GET", "/conferences/{conference}/audit", False),
    # People, attendance, chat, questions, polls or links (`report`), CSV or JSON; for organizers.
    "exportReport": Operation("GET", "/conferences/{conference}/reports/{report}", False),
    # What one may do to the workspace, action by action, with the rows that decide.
    "workspaceCan": Operation("GET", "/workspace/can", False),
    # The workspace's profile, for those inside.
    "workspace": Operation("GET", "/workspace", False),
    # Change the workspace's name, description and time zone.
    "editWorkspace": Operation("PUT", "/workspace", False),
    # Delete everything but the owner's account and the record; for the owner.
    "deleteWorkspace": Operation("POST", "/workspace/delete", False),
    # What the company page shows to everybody.
    "company": Operation("GET", "/workspace/company", False),
    # Switch the company off, which ends everybody's sessions but those of the owner and admins; or on.
    "switchCompany": Operation("PUT", "/workspace/company", False),
    # Another logo: a PNG, JPEG or WebP picture as the body.
    "setLogo": Operation("PUT", "/workspace/logo", False),
    # No logo any more.
    "removeLogo": Operation("DELETE", "/workspace/logo", False),
    # The logo, at the address that the profile gives.
    "logo": Operation("GET", "/workspace/logo/{tag}", False),
    # The custom attributes of people.
    "listAttributes": Operation("GET", "/workspace/attributes", False),
    # A new custom attribute.
    "createAttribute": Operation("POST", "/workspace/attributes", True),
    # Another name and other choices for a custom attribute.
    "editAttribute": Operation("PUT", "/workspace/attributes/{attribute}", False),
    # Delete a custom attribute with everybody's values.
    "deleteAttribute": Operation("DELETE", "/workspace/attributes/{attribute}", False),
    # The e-mail templates, and what they may hold.
    "listTemplates": Operation("GET", "/workspace/templates", False),
    # A new e-mail template.
    "createTemplate": Operation("POST", "/workspace/templates", True),
    # A template with examples in place of its placeholders.
    "previewTemplate": Operation("POST", "/workspace/templates/preview", False),
    # Change an e-mail template.
    "editTemplate": Operation("PUT", "/workspace/templates/{template}", False),
    # Delete an e-mail template.
    "deleteTemplate": Operation("DELETE", "/workspace/templates/{template}", False),
    # Who has changed what in the workspace; for the owner, admins and security admins.
    "workspaceRecord": Operation("GET", "/workspace/record", False),
    # The accounts of this server by name, or those that a search finds.
    "listPeople": Operation("GET", "/workspace/people", False),
    # One's own account with its custom attributes.
    "showMe": Operation("GET", "/workspace/me", False),
    # Change somebody's name, login, role and custom attributes; of oneself name and attributes.
    "editPerson": Operation("PUT", "/workspace/people/{account}", False),
    # Remove somebody's account; for the owner. Its conferences pass to the owner.
    "removePerson": Operation("DELETE", "/workspace/people/{account}", False),
    # Remove one's own account; the owner names an admin who takes over.
    "leaveWorkspace": Operation("POST", "/workspace/leave", False),
    # Pending invitations: one's own; for the owner and admins everybody's.
    "listInvitations": Operation("GET", "/workspace/invitations", False),
    # Make a link with which somebody makes an account here.
    "invitePerson": Operation("POST", "/workspace/invitations", True),
    # Make a pending invitation void.
    "revokeInvitation": Operation("DELETE", "/workspace/invitations/{invitation}", False),
    # What an invitation's link leads to.
    "openInvitation": Operation("POST", "/workspace/invitations/open", False),
    # Make an account with an invitation, and log in.
    "joinWorkspace": Operation("POST", "/workspace/join", False),
    # Why somebody may do something in a conference, or not: which rule decides.
    "explain": Operation("GET", "/conferences/{conference}/explain", False),
    # The files of a conference, and what may be uploaded; for whoever is in it.
    "listFiles": Operation("GET", "/conferences/{conference}/files", False),
    # A handout, or slides as a PDF, as the body; answered when slides are ready to be shown.
    "uploadFile": Operation("POST", "/conferences/{conference}/files", False),
    # A handout, to be kept; never as a page.
    "downloadFile": Operation("GET", "/conferences/{conference}/files/{file}", False),
    # A page of slides, from 1, as a picture.
    "slidesPage": Operation("GET", "/conferences/{conference}/files/{file}/pages/{page}", False),
    # The webhooks, and the kinds of events that they can be told.
    "listWebhooks": Operation("GET", "/webhooks", False),
    # Have another program told what happens in conferences from now on.
    "createWebhook": Operation("POST", "/webhooks", True),
    # A webhook, and where it fails.
    "webhook": Operation("GET", "/webhooks/{webhook}", False),
    # Change a webhook's address, events or secret; pause it, or have it go on.
    "changeWebhook": Operation("PATCH", "/webhooks/{webhook}", False),
    # Remove a webhook.
    "removeWebhook": Operation("DELETE", "/webhooks/{webhook}", False),
    # Tell again what came after a version of a conference, as far as it is kept.
    "replayWebhook": Operation("POST", "/webhooks/{webhook}/replay", False),
}
