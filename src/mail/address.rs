//! Mailboxes: parsed at the door, so that whatever holds a [`Mailbox`] may be written into a command or a header.
