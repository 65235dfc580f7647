//! Delivery status notifications: writing and reading reports (RFC 3464), asking for them (RFC 3461).
