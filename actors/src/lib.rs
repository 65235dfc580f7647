//! The delivery engine's actors and its network I/O.
