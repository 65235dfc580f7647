//! Classification of failures: what a reply is about, whether it is final, and whose fault it is.
