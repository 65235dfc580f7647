//! Sources: the addresses mail leaves from, their pools, weights and warm-up.
