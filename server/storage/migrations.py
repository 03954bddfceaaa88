"""The tables of the database (store.py), as the steps that make them."""

from __future__ import annotations

# Applied in order, each once, each in a transaction of its own. Append only: never edit one that has been released.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE keys (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE accounts (
            id TEXT PRIMARY KEY,
            login TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            server_role TEXT NOT NULL CHECK (server_role IN ('owner', 'admin', 'member')),
            password TEXT,
            created INTEGER NOT NULL,
            tokens_after INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE UNIQUE INDEX one_owner ON accounts (server_role) WHERE server_role = 'owner'",
        """CREATE TABLE login_codes (
            hash BLOB PRIMARY KEY,
            account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
            expires INTEGER NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE conferences (
            id TEXT PRIMARY KEY,
            title TEXT NOT NULL,
            owner TEXT NOT NULL REFERENCES accounts (id),
            created INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX conferences_of ON conferences (owner, created)",
    ),
    # The room log (server/roomlog) and the chat (server/chatlog).
    (
        "CREATE TABLE rooms (id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID",
        """CREATE TABLE commits (
            room TEXT NOT NULL,
            version INTEGER NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (room, version)
        ) WITHOUT ROWID""",
        "CREATE TABLE snapshots (room TEXT PRIMARY KEY, version INTEGER NOT NULL, state BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE chat (
            conference TEXT NOT NULL,
            number INTEGER NOT NULL,
            time INTEGER NOT NULL,
            person TEXT NOT NULL,
            name TEXT NOT NULL,
            text TEXT NOT NULL,
            command TEXT NOT NULL,
            PRIMARY KEY (conference, number),
            UNIQUE (conference, command)
        ) WITHOUT ROWID""",
    ),
    # The audit record of the rooms (server/roomlog). AUTOINCREMENT: a number is never given twice, also after the
    # newest lines were let go. Nothing is changed, and nothing younger than a day can go, whatever is set.
    (
        """CREATE TABLE audit (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            node TEXT NOT NULL,
            actor TEXT NOT NULL,
            name TEXT NOT NULL,
            command TEXT NOT NULL,
            target TEXT NOT NULL,
            reached TEXT NOT NULL,
            details TEXT NOT NULL,
            events TEXT NOT NULL,
            before INTEGER NOT NULL,
            version INTEGER NOT NULL,
            room TEXT NOT NULL
        )""",
        "CREATE INDEX audit_of ON audit (room, number)",
        "CREATE INDEX audit_by_time ON audit (time)",
        """CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
            SELECT RAISE(ABORT, 'the audit record is not changed');
        END""",
        """CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit WHEN OLD.time > (strftime('%s', 'now') - 86400) * 1000
        BEGIN
            SELECT RAISE(ABORT, 'the audit record is let go by age only');
        END""",
    ),
    # The workspace (server/workspace).
    (
        """CREATE TABLE workspace (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            time_zone TEXT NOT NULL,
            enabled INTEGER NOT NULL
        )""",
        "INSERT INTO workspace VALUES (1, 'Podium', '', 'UTC', 1)",
        """CREATE TABLE workspace_logo (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            type TEXT NOT NULL,
            tag TEXT NOT NULL,
            data BLOB NOT NULL
        )""",
        """CREATE TABLE invitations (
            id TEXT PRIMARY KEY,
            hash BLOB NOT NULL UNIQUE,
            email TEXT NOT NULL,
            server_role TEXT NOT NULL,
            inviter TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
            created INTEGER NOT NULL,
            expires INTEGER NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE attributes (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE COLLATE NOCASE,
            kind TEXT NOT NULL,
            choices TEXT NOT NULL,
            creator TEXT NOT NULL,
            created INTEGER NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE attribute_values (
            account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
            attribute TEXT NOT NULL REFERENCES attributes (id) ON DELETE CASCADE,
            value TEXT NOT NULL,
            PRIMARY KEY (account, attribute)
        ) WITHOUT ROWID""",
        """CREATE TABLE email_templates (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE COLLATE NOCASE,
            subject TEXT NOT NULL,
            body TEXT NOT NULL,
            creator TEXT NOT NULL,
            created INTEGER NOT NULL,
            changed INTEGER NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE workspace_record (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            account TEXT NOT NULL,
            login TEXT NOT NULL,
            action TEXT NOT NULL,
            target TEXT NOT NULL,
            note TEXT NOT NULL
        )""",
        # Append only, whoever writes; what goes is what is older than the newest hundred thousand.
        """CREATE TRIGGER workspace_record_stays BEFORE UPDATE ON workspace_record
            BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END""",
        """CREATE TRIGGER workspace_record_kept BEFORE DELETE ON workspace_record
            WHEN OLD.number > (SELECT max(number) FROM workspace_record) - 100000
            BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END""",
    ),
    # Who somebody is and by what they prove it (server/identity, server/identity/guestlinks.py), events, planned times.
    (
        # A column's list of words cannot be changed: another column takes its place.
        """ALTER TABLE accounts ADD COLUMN role TEXT NOT NULL DEFAULT 'member'
            CHECK (role IN ('owner', 'admin', 'security_admin', 'member'))""",
        "UPDATE accounts SET role = server_role",
        "DROP INDEX one_owner",
        "ALTER TABLE accounts DROP COLUMN server_role",
        "ALTER TABLE accounts RENAME COLUMN role TO server_role",
        "CREATE UNIQUE INDEX one_owner ON accounts (server_role) WHERE server_role = 'owner'",
        """CREATE TABLE groups (
            name TEXT PRIMARY KEY,
            operator INTEGER NOT NULL,
            created INTEGER NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE group_members (
            name TEXT NOT NULL REFERENCES groups (name) ON DELETE CASCADE,
            account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
            by_provider INTEGER NOT NULL,
            PRIMARY KEY (account, name)
        ) WITHOUT ROWID""",
        """CREATE TABLE guest_links (
            id TEXT PRIMARY KEY,
            conference TEXT NOT NULL REFERENCES conferences (id),
            role TEXT NOT NULL,
            label TEXT NOT NULL,
            made_by TEXT NOT NULL,
            created INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            max_uses INTEGER,
            uses INTEGER NOT NULL DEFAULT 0,
            revoked INTEGER,
            ends_sessions INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID""",
        "CREATE INDEX guest_links_of ON guest_links (conference, created)",
        """CREATE TABLE api_keys (
            id TEXT PRIMARY KEY,
            label TEXT NOT NULL,
            secret TEXT NOT NULL,
            names_groups INTEGER NOT NULL,
            created INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE TABLE peers (name TEXT PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID",
        # Without an account: it was removed, and the provider's word alone does not bring it back.
        """CREATE TABLE sso_subjects (
            issuer TEXT NOT NULL,
            subject TEXT NOT NULL,
            account TEXT REFERENCES accounts (id) ON DELETE SET NULL,
            email TEXT NOT NULL,
            PRIMARY KEY (issuer, subject)
        ) WITHOUT ROWID""",
        "ALTER TABLE conferences ADD COLUMN starts INTEGER",
        "ALTER TABLE conferences ADD COLUMN ends INTEGER",
        """CREATE TABLE events (
            id TEXT PRIMARY KEY,
            title TEXT NOT NULL,
            owner TEXT NOT NULL REFERENCES accounts (id),
            created INTEGER NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE event_sessions (
            event TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
            conference TEXT NOT NULL UNIQUE REFERENCES conferences (id),
            added INTEGER NOT NULL,
            PRIMARY KEY (event, conference)
        ) WITHOUT ROWID""",
        """CREATE TABLE event_members (
            event TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
            identity TEXT NOT NULL,
            role TEXT NOT NULL,
            PRIMARY KEY (event, identity)
        ) WITHOUT ROWID""",
    ),
    # The chat has channels, each with numbers of its own.
    (
        """CREATE TABLE chat_with_channels (
            conference TEXT NOT NULL,
            channel TEXT NOT NULL,
            number INTEGER NOT NULL,
            time INTEGER NOT NULL,
            person TEXT NOT NULL,
            name TEXT NOT NULL,
            text TEXT NOT NULL,
            command TEXT NOT NULL,
            PRIMARY KEY (conference, channel, number),
            UNIQUE (conference, command)
        ) WITHOUT ROWID""",
        """INSERT INTO chat_with_channels
            SELECT conference, 'everyone', number, time, person, name, text, command FROM chat""",
        "DROP TABLE chat",
        "ALTER TABLE chat_with_channels RENAME TO chat",
    ),
    # Webhooks (server/webhooks), and how far each has been told of each conference.
    (
        """CREATE TABLE webhooks (
            id TEXT PRIMARY KEY,
            url TEXT NOT NULL,
            secret TEXT NOT NULL,
            events TEXT NOT NULL,
            conference TEXT,
            made_by TEXT NOT NULL,
            created INTEGER NOT NULL,
            resumed INTEGER NOT NULL,
            paused INTEGER NOT NULL,
            reason TEXT NOT NULL,
            revision INTEGER NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE webhook_positions (
            webhook TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
            conference TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            version INTEGER NOT NULL,
            failing INTEGER NOT NULL,
            error TEXT NOT NULL,
            PRIMARY KEY (webhook, conference)
        ) WITHOUT ROWID""",
    ),
    # Where a replica is in the log of a directory that is kept in Redis (server/storage/replicated.py).
    (
        """CREATE TABLE replica (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            directory TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            version INTEGER NOT NULL,
            last BLOB NOT NULL
        )""",
    ),
    # The chat has messages to one person, replies, mentions (identities with spaces between) and changes of its texts.
    (
        "ALTER TABLE chat ADD COLUMN recipient TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE chat ADD COLUMN reply_to INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE chat ADD COLUMN mentions TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE chat ADD COLUMN edited INTEGER NOT NULL DEFAULT 0",
    ),
    # Who is invited from outside or has registered, what those were told of a conference, and the mails (server/mail).
    (
        """CREATE TABLE announcements (
            conference TEXT PRIMARY KEY REFERENCES conferences (id),
            sequence INTEGER NOT NULL,
            title TEXT NOT NULL,
            starts INTEGER,
            ends INTEGER,
            registration TEXT NOT NULL,
            told INTEGER NOT NULL,
            was INTEGER
        ) WITHOUT ROWID""",
        """CREATE TABLE attendees (
            id TEXT PRIMARY KEY,
            conference TEXT NOT NULL REFERENCES conferences (id),
            email TEXT NOT NULL,
            name TEXT NOT NULL,
            role TEXT NOT NULL,
            registered INTEGER NOT NULL,
            state TEXT NOT NULL,
            link TEXT NOT NULL,
            made_by TEXT NOT NULL,
            template TEXT NOT NULL,
            note TEXT NOT NULL,
            created INTEGER NOT NULL,
            UNIQUE (conference, email)
        ) WITHOUT ROWID""",
        "CREATE INDEX attendees_at ON attendees (email)",
        "ALTER TABLE guest_links ADD COLUMN personal INTEGER NOT NULL DEFAULT 0",
        """CREATE TABLE mails (
            id TEXT PRIMARY KEY,
            attendee TEXT NOT NULL REFERENCES attendees (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            occasion INTEGER NOT NULL,
            made_by TEXT NOT NULL,
            created INTEGER NOT NULL,
            due INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            state TEXT NOT NULL,
            error TEXT NOT NULL,
            finished INTEGER NOT NULL,
            UNIQUE (attendee, kind, occasion)
        ) WITHOUT ROWID""",
        "CREATE INDEX mails_due ON mails (state, due)",
        "CREATE INDEX mails_by ON mails (made_by, created)",
    ),
    # Requests with an Idempotency-Key, and their sealed answers (server/http/once.py); no answer: not settled.
    (
        """CREATE TABLE requests_once (
            id BLOB PRIMARY KEY,
            identity TEXT NOT NULL,
            made INTEGER NOT NULL,
            request BLOB NOT NULL,
            answer BLOB
        ) WITHOUT ROWID""",
        "CREATE INDEX requests_once_of ON requests_once (identity)",
        "CREATE INDEX requests_once_made ON requests_once (made)",
    ),
    # What is measured of each stay, by the room's version at which it began (server/attendance).
    (
        """CREATE TABLE attendance (
            conference TEXT NOT NULL,
            identity TEXT NOT NULL,
            since INTEGER NOT NULL,
            written INTEGER NOT NULL,
            speaking INTEGER NOT NULL,
            excellent INTEGER NOT NULL,
            good INTEGER NOT NULL,
            poor INTEGER NOT NULL,
            lost INTEGER NOT NULL,
            loss INTEGER NOT NULL,
            losses INTEGER NOT NULL,
            rtt INTEGER NOT NULL,
            rtts INTEGER NOT NULL,
            worst_loss INTEGER NOT NULL,
            PRIMARY KEY (conference, identity, since)
        ) WITHOUT ROWID""",
        "CREATE INDEX attendance_written ON attendance (written)",
    ),
    # Conferences that were removed: each server has recordings of its own to delete (server/conference/rooms.py).
    ("CREATE TABLE removed_conferences (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",),
)
