/** What the HTTP API can do, by name: method, path below `/api/v1`, and whether it is done once. Made by `python -m server.documents`; do not edit. */
export const OPERATIONS = /** @type {const} */ ({
  /** Log in with login and password, or with a one-time code. */
  logIn: ["POST", "/login", false],
  /** The account that the token belongs to. */
  me: ["GET", "/me", false],
  /** Set or change one's password. */
  changePassword: ["PUT", "/me/password", false],
  /** Whether there is single sign-on, and what it is called. */
  singleSignOn: ["GET", "/sso", false],
  /** For browsers: on to the provider's page to log in. */
  logInElsewhere: ["GET", "/sso/login", false],
  /** For browsers: back from the provider, and on to the home page with a one-time code. */
  comeBack: ["GET", "/sso/callback", false],
  /** All groups; for the server's owner and admins, as everything about groups. */
  listGroups: ["GET", "/groups", false],
  /** Create a group, with the operator right or without. */
  createGroup: ["POST", "/groups", true],
  /** A group with its members. */
  lookAtGroup: ["GET", "/groups/{group}", false],
  /** Give a group the operator right, or take it; who is in a conference has it, or not, at once. */
  changeGroup: ["PATCH", "/groups/{group}", false],
  /** Remove a group; its members stay. */
  removeGroup: ["DELETE", "/groups/{group}", false],
  /** Put an account, by identity or login, into a group. */
  addGroupMember: ["PUT", "/groups/{group}/members/{account}", false],
  /** Take an account out of a group. */
  removeGroupMember: ["DELETE", "/groups/{group}/members/{account}", false],
  /** Become a guest of a conference by a guest link. */
  enterAsGuest: ["POST", "/guests", false],
  /** Make a guest link; for organizers and moderators. A moderator's link is for one person. */
  invite: ["POST", "/conferences/{conference}/invitations", true],
  /** The guest links of a conference; for organizers and moderators. The links themselves are not shown. */
  listGuestLinks: ["GET", "/conferences/{conference}/invitations", false],
  /** Revoke a guest link: nobody comes in by it, nor by a token that was given out for it. */
  revokeGuestLink: ["POST", "/conferences/{conference}/invitations/{invitation}/revoke", false],
  /** Who is invited by e-mail or has registered, and what became of the mails; for organizers. */
  listAttendees: ["GET", "/conferences/{conference}/attendees", false],
  /** Invite people by e-mail, each with a link of their own; again: with another role, or once more. */
  inviteByEmail: ["POST", "/conferences/{conference}/attendees", true],
  /** Take a speaker who has registered; for organizers. */
  approveAttendee: ["POST", "/conferences/{conference}/attendees/{attendee}/approve", false],
  /** Do not take a speaker who has registered; for organizers. */
  declineAttendee: ["POST", "/conferences/{conference}/attendees/{attendee}/decline", false],
  /** Take an invitation or registration back: its link leads nowhere; for organizers. */
  withdrawAttendee: ["POST", "/conferences/{conference}/attendees/{attendee}/withdraw", false],
  /** Say who may register by themselves; for organizers. */
  setRegistration: ["PUT", "/conferences/{conference}/registration", false],
  /** What the registration page shows to everybody. */
  showRegistration: ["GET", "/conferences/{conference}/registration", false],
  /** Register for a conference. The answer tells nobody who has registered; the mail does. */
  register: ["POST", "/conferences/{conference}/registration", false],
  /** One's own conferences; for organizers by right and security admins all of them. */
  listConferences: ["GET", "/conferences", false],
  /** Create a conference, or be returned to the one that is running. */
  createConference: ["POST", "/conferences", true],
  /** What somebody at the door may know about a conference. */
  glanceAtConference: ["GET", "/conferences/{conference}", false],
  /** Say when a conference is planned to begin and to end; for organizers. */
  planConference: ["PATCH", "/conferences/{conference}", false],
  /** What the media worker counts of each track; for organizers and moderators. */
  mediaCounters: ["GET", "/conferences/{conference}/media", false],
  /** What somebody sends and receives, measured now; for organizers, moderators and the person themselves. */
  mediaStatistics: ["GET", "/conferences/{conference}/media/{person}", false],
  /** Where the state of a conference is, and its fingerprint; for organizers. */
  conferenceState: ["GET", "/conferences/{conference}/state", false],
  /** End a conference for everybody; for organizers and moderators. */
  endConference: ["POST", "/conferences/{conference}/end", false],
  /** Create an event of several sessions. */
  createEvent: ["POST", "/events", true],
  /** One's own events; for organizers by right all of them. */
  listEvents: ["GET", "/events", false],
  /** An event's sessions and members. */
  lookAtEvent: ["GET", "/events/{event}", false],
  /** Remove an event; its sessions, and the roles in them, stay. */
  removeEvent: ["DELETE", "/events/{event}", false],
  /** Make a conference a session; the event's members have their roles in it from now on. */
  addSession: ["POST", "/events/{event}/sessions", false],
  /** Take a conference out of an event, for the owner of either and its organizers; the roles in it stay. */
  removeSession: ["DELETE", "/events/{event}/sessions/{session}", false],
  /** Give somebody, by identity or login, a role in every session, live at once; for who organizes each. */
  setEventMember: ["PUT", "/events/{event}/members/{identity}", false],
  /** Take somebody's role back in every session; for who organizes each. */
  removeEventMember: ["DELETE", "/events/{event}/members/{identity}", false],
  /** The recordings of a conference and their files; for organizers and security admins. */
  listRecordings: ["GET", "/conferences/{conference}/recordings", false],
  /** A file of a recording, whole or by ranges; for organizers and security admins. */
  downloadRecording: ["GET", "/conferences/{conference}/recordings/{recording}/{file}", false],
  /** An address of a file that is good once, within a minute; for browsers, which send no header. */
  recordingTicket: ["POST", "/conferences/{conference}/recordings/{recording}/{file}/ticket", false],
  /** The file of a ticket, whole or by ranges; for the browser that came first. */
  redeemRecordingTicket: ["GET", "/recordings/{ticket}", false],
  /** Delete a recording that has ended; for organizers. */
  deleteRecording: ["DELETE", "/conferences/{conference}/recordings/{recording}", false],
  /** The audit record, by pages or as a download; for organizers and security admins. */
  auditRecord: ["GET", "/conferences/{conference}/audit", false],
  /** People, attendance, chat, questions, polls or links (`report`), CSV or JSON; for organizers. */
  exportReport: ["GET", "/conferences/{conference}/reports/{report}", false],
  /** What one may do to the workspace, action by action, with the rows that decide. */
  workspaceCan: ["GET", "/workspace/can", false],
  /** The workspace's profile, for those inside. */
  workspace: ["GET", "/workspace", false],
  /** Change the workspace's name, description and time zone. */
  editWorkspace: ["PUT", "/workspace", false],
  /** Delete everything but the owner's account and the record; for the owner. */
  deleteWorkspace: ["POST", "/workspace/delete", false],
  /** What the company page shows to everybody. */
  company: ["GET", "/workspace/company", false],
  /** Switch the company off, which ends everybody's sessions but those of the owner and admins; or on. */
  switchCompany: ["PUT", "/workspace/company", false],
  /** Another logo: a PNG, JPEG or WebP picture as the body. */
  setLogo: ["PUT", "/workspace/logo", false],
  /** No logo any more. */
  removeLogo: ["DELETE", "/workspace/logo", false],
  /** The logo, at the address that the profile gives. */
  logo: ["GET", "/workspace/logo/{tag}", false],
  /** The custom attributes of people. */
  listAttributes: ["GET", "/workspace/attributes", false],
  /** A new custom attribute. */
  createAttribute: ["POST", "/workspace/attributes", true],
  /** Another name and other choices for a custom attribute. */
  editAttribute: ["PUT", "/workspace/attributes/{attribute}", false],
  /** Delete a custom attribute with everybody's values. */
  deleteAttribute: ["DELETE", "/workspace/attributes/{attribute}", false],
  /** The e-mail templates, and what they may hold. */
  listTemplates: ["GET", "/workspace/templates", false],
  /** A new e-mail template. */
  createTemplate: ["POST", "/workspace/templates", true],
  /** A template with examples in place of its placeholders. */
  previewTemplate: ["POST", "/workspace/templates/preview", false],
  /** Change an e-mail template. */
  editTemplate: ["PUT", "/workspace/templates/{template}", false],
  /** Delete an e-mail template. */
  deleteTemplate: ["DELETE", "/workspace/templates/{template}", false],
  /** Who has changed what in the workspace; for the owner, admins and security admins. */
  workspaceRecord: ["GET", "/workspace/record", false],
  /** The accounts of this server by name, or those that a search finds. */
  listPeople: ["GET", "/workspace/people", false],
  /** One's own account with its custom attributes. */
  showMe: ["GET", "/workspace/me", false],
  /** Change somebody's name, login, role and custom attributes; of oneself name and attributes. */
  editPerson: ["PUT", "/workspace/people/{account}", false],
  /** Remove somebody's account; for the owner. Its conferences pass to the owner. */
  removePerson: ["DELETE", "/workspace/people/{account}", false],
  /** Remove one's own account; the owner names an admin who takes over. */
  leaveWorkspace: ["POST", "/workspace/leave", false],
  /** Pending invitations: one's own; for the owner and admins everybody's. */
  listInvitations: ["GET", "/workspace/invitations", false],
  /** Make a link with which somebody makes an account here. */
  invitePerson: ["POST", "/workspace/invitations", true],
  /** Make a pending invitation void. */
  revokeInvitation: ["DELETE", "/workspace/invitations/{invitation}", false],
  /** What an invitation's link leads to. */
  openInvitation: ["POST", "/workspace/invitations/open", false],
  /** Make an account with an invitation, and log in. */
  joinWorkspace: ["POST", "/workspace/join", false],
  /** Why somebody may do something in a conference, or not: which rule decides. */
  explain: ["GET", "/conferences/{conference}/explain", false],
  /** The files of a conference, and what may be uploaded; for whoever is in it. */
  listFiles: ["GET", "/conferences/{conference}/files", false],
  /** A handout, or slides as a PDF, as the body; answered when slides are ready to be shown. */
  uploadFile: ["POST", "/conferences/{conference}/files", false],
  /** A handout, to be kept; never as a page. */
  downloadFile: ["GET", "/conferences/{conference}/files/{file}", false],
  /** A page of slides, from 1, as a picture. */
  slidesPage: ["GET", "/conferences/{conference}/files/{file}/pages/{page}", false],
  /** The webhooks, and the kinds of events that they can be told. */
  listWebhooks: ["GET", "/webhooks", false],
  /** Have another program told what happens in conferences from now on. */
  createWebhook: ["POST", "/webhooks", true],
  /** A webhook, and where it fails. */
  webhook: ["GET", "/webhooks/{webhook}", false],
  /** Change a webhook's address, events or secret; pause it, or have it go on. */
  changeWebhook: ["PATCH", "/webhooks/{webhook}", false],
  /** Remove a webhook. */
  removeWebhook: ["DELETE", "/webhooks/{webhook}", false],
  /** Tell again what came after a version of a conference, as far as it is kept. */
  replayWebhook: ["POST", "/webhooks/{webhook}/replay", false],
});
