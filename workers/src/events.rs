//! Which messages a process is handling, so that what its code asks for finds its way to the right one.

use crate::EventDesk;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Octets of a token.
const TOKEN: usize = 16;

/// The messages that one process is handling, by tokens that nobody can guess. A clone is the same register.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<HashMap<String, Arc<dyn EventDesk>>>>);

/// A message's place in the register of [`Events`]; it is free again once this is dropped.
#[derive(Debug)]
pub struct Ticket {
    events: Events,
    token: String,
}

impl Events {
    /// Registers a message. `None` if the system has no random numbers, which no Linux is known for.
    pub fn enter(&self, desk: Arc<dyn EventDesk>) -> Option<Ticket> {
        let token = token()?;
        self.lock().insert(token.clone(), desk);
        Some(Ticket { events: self.clone(), token })
    }

    /// Who answers for the message with this token, while it is under way.
    pub fn desk(&self, token: &str) -> Option<Arc<dyn EventDesk>> {
        self.lock().get(token).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<dyn EventDesk>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("under_way", &self.lock().len()).finish()
    }
}

impl Ticket {
    /// The token, as the header field [`EVENT`](crate::wire::EVENT) has it.
    pub fn token(&self) -> &str {
        &self.token
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.events.lock().remove(&self.token);
    }
}

/// Hexadecimal digits that nobody can guess.
pub(crate) fn token() -> Option<String> {
    let mut bytes = [0; TOKEN];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).ok()?;
    (filled == TOKEN).then(|| data_encoding::HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::worker::ActionError;

    struct Anything;

    impl EventDesk for Anything {
        fn may_forward(&self, _: &str) -> Result<(), ActionError> {
            Ok(())
        }

        fn reply(&self, _: &str, _: &str, _: Vec<u8>) -> Result<(), ActionError> {
            Ok(())
        }
    }

    #[test]
    fn a_message_is_found_by_its_token_for_as_long_as_it_is_under_way() {
        let events = Events::default();
        let ticket = events.enter(Arc::new(Anything)).unwrap();
        let other = events.enter(Arc::new(Anything)).unwrap();
        let token = ticket.token().to_owned();
        assert_ne!(token, other.token());
        assert!(events.desk(&token).is_some());
        drop(ticket);
        assert!(events.desk(&token).is_none());
        assert!(events.desk(other.token()).is_some());
    }
}
