//! How many connections all sites together may have.

use std::cell::Cell;

/// A budget of connections; each costs a file descriptor. Used on one thread.
#[derive(Debug)]
pub struct ConnectionBudget {
    left: Cell<usize>,
}

impl ConnectionBudget {
    /// A budget of `most` connections.
    pub fn new(most: usize) -> Self {
        Self { left: Cell::new(most) }
    }

    /// Takes up to `wanted` connections out of the budget; says how many.
    pub fn grant(&self, wanted: usize) -> usize {
        let granted = wanted.min(self.left.get());
        self.left.set(self.left.get() - granted);
        granted
    }

    /// Puts connections back.
    pub fn put_back(&self, connections: usize) {
        self.left.set(self.left.get() + connections);
    }
}
