"""E-mail: who is invited to a conference or has registered for it, what they are told, and the sending of it.

Everything hangs on two tables. `attendees` are the people outside: an address, a role, a personal guest link. `mails`
are what one of them is to be told, by kind and occasion: a row is made with the deed that causes it, in the same
transaction, so neither exists without the other. What a mail says is made when it is sent, of what is so then; the
database holds neither texts nor links that let anybody in.

Whatever follows from a plan (another time, calling off, reminders) follows from the state and not from the request
that changed it: `agenda` compares what was announced with what is so, and what is due with what was written, again and
again.

A mail is sent at least once. Who is about to send it counts its attempt first, in the database; where several servers
share that, one of them succeeds (server/storage/replicated.py). What was handed over and not noted, because the process
was killed in between, goes out again under the same Message-ID.
"""
