//! What every listener says when it hands a message to intake.

use super::Reaction;
use crate::intake::IntakeError;
use mailwright_engine::{
    id::QueueId,
    limits::Refusal,
    message::{hops, split_header},
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        server::Answer,
    },
};

/// `Received` fields with which a message is taken to go round in circles (RFC 5321 section 6.3: at least 100).
const MAX_HOPS: usize = 100;

/// The message is ours, under this name.
pub fn taken(id: QueueId) -> Reaction {
    let text = format!("Ok: queued as {id}");
    Reaction::Answer(Answer::AcceptWith(Reply::new(SmtpCode::OK, Some(EnhancedCode::new(2, 0, 0)), text)))
}

/// Refuses a message that has been through too many hands: sent on, it would come back here for ever.
pub fn refuse_loop(content: &[u8]) -> Option<Reaction> {
    too_many_hops(content).map(|reply| Reaction::Answer(Answer::Refuse(reply)))
}

/// What such a message is told.
pub fn too_many_hops(content: &[u8]) -> Option<Reply> {
    let hops = hops(split_header(content).0);
    let why = || format!("{hops} Received fields: the message goes round in circles");
    (hops > MAX_HOPS)
        .then(|| Reply::new(SmtpCode::TRANSACTION_FAILED, Some(EnhancedCode::new(5, 4, 6)), why()))
}

/// What intake's refusal is to a client. All but one are temporary, so that nothing is lost, and say whose turn it
/// is. What the disk said is for our log, not for clients.
pub fn refused(error: &IntakeError) -> Reaction {
    Reaction::Answer(Answer::Refuse(reply_of(error)))
}

/// The same as a reply.
pub fn reply_of(error: &IntakeError) -> Reply {
    let refuse = |code, status, why: String| Reply::new(code, Some(status), why);
    let full = SmtpCode::INSUFFICIENT_STORAGE;
    match error {
        IntakeError::TooManyRecipients(_) => refuse(full, EnhancedCode::new(4, 5, 3), error.to_string()),
        IntakeError::Limited(refusal) => limited(refusal),
        IntakeError::NotAllowed(_) => {
            let why =
                "the account may only send to its verified destination addresses and to its own domains";
            refuse(SmtpCode::MAILBOX_UNAVAILABLE, EnhancedCode::new(5, 7, 1), why.to_owned())
        }
        IntakeError::Busy => refuse(full, EnhancedCode::new(4, 3, 2), error.to_string()),
        IntakeError::QueueFull => refuse(full, EnhancedCode::new(4, 3, 1), error.to_string()),
        // The same message will be wrong again.
        IntakeError::Hint(_) | IntakeError::Unsubscribe(_) | IntakeError::ChangedTooOften => {
            refuse(SmtpCode::TRANSACTION_FAILED, EnhancedCode::new(5, 6, 0), error.to_string())
        }
        IntakeError::Storage(storage) if storage.is_disk_full() => refuse(
            full,
            EnhancedCode::new(4, 3, 1),
            "there is no room for more mail; try again later".to_owned(),
        ),
        IntakeError::Signing(_) | IntakeError::Storage(_) => {
            let why = "the message could not be taken for now; try again later";
            refuse(SmtpCode::LOCAL_ERROR, EnhancedCode::new(4, 3, 0), why.to_owned())
        }
    }
}

/// What a limit is to a client: a reason to wait, and where that would not help, to send to fewer at a time. Never one
/// to lose mail: 4yz.
fn limited(refusal: &Refusal) -> Reply {
    // The address of a recipient may be UTF-8.
    let why = refusal.to_string().replace(|c: char| !c.is_ascii(), "?");
    match refusal.again {
        Some(_) => Reply::new(SmtpCode::LOCAL_ERROR, Some(EnhancedCode::new(4, 7, 1)), why),
        None => Reply::new(SmtpCode::INSUFFICIENT_STORAGE, Some(EnhancedCode::new(4, 5, 3)), why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_storage::StorageError;

    #[test]
    fn refuses_what_has_come_by_too_often() {
        let message = |hops: usize| {
            let trace = "Received: from a by b; Sat, 21 Nov 2026 10:04:05 +0000\r\n".repeat(hops);
            format!("{trace}Subject: Received: x\r\n\r\nReceived: in the body\r\n").into_bytes()
        };
        assert!(refuse_loop(&message(MAX_HOPS)).is_none());
        let Some(Reaction::Answer(Answer::Refuse(reply))) = refuse_loop(&message(MAX_HOPS + 1)) else {
            panic!("not refused");
        };
        assert_eq!(reply.code(), SmtpCode::TRANSACTION_FAILED);
    }

    #[test]
    fn tells_clients_nothing_of_our_disk() {
        let dir = std::path::PathBuf::from("/var/lib/mailwright/spool");
        let failures = [
            StorageError::DiskFull { dir, min_free: 7 },
            StorageError::JournalFailed { reason: "sync /var/lib/mailwright/spool/0.journal: EIO".into() },
        ];
        for failure in failures {
            let Reaction::Answer(Answer::Refuse(reply)) = refused(&failure.into()) else {
                panic!("not refused");
            };
            assert!(!reply.to_string().contains("/var"), "{reply}");
            assert_eq!(reply.code().as_u16() / 100, 4);
        }
    }
}
