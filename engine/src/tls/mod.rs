//! TLS policies of recipient domains: MTA-STS (RFC 8461), DANE (RFC 7672), and reports about both (RFC 8460).
