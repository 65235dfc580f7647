//! End-to-end scenarios against the binary, with third-party servers and clients.
