//! Fair shares: which tenant, priority and domain is served next.
