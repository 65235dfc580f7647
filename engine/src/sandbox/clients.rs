//! What is remembered of each client.

use std::{collections::HashMap, net::IpAddr};

/// Most clients remembered by one behaviour; at some hundred octets each, some MB.
const MAX_CLIENTS: usize = 65_536;

/// A value for each client address.
#[derive(Debug, Clone)]
pub(super) struct PerClient<T>(HashMap<IpAddr, T>);

impl<T> Default for PerClient<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Default> PerClient<T> {
    /// The value of a client. One client more than [`MAX_CLIENTS`], and all the others are forgotten: a sandbox
    /// may be lenient, but must not grow for ever.
    pub(super) fn of(&mut self, client: IpAddr) -> &mut T {
        if self.0.len() >= MAX_CLIENTS && !self.0.contains_key(&client) {
            self.0.clear();
        }
        self.0.entry(client).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn remembers_a_bounded_number_of_clients() {
        let mut clients = PerClient::<u32>::default();
        for client in 0..=65_536_u32 {
            *clients.of(Ipv4Addr::from(client).into()) = 1;
        }
        assert_eq!(clients.0.len(), 1);
        assert_eq!(*clients.of(Ipv4Addr::from(65_536).into()), 1);
    }
}
