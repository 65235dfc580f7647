//! The spool journal, the queue state and the control data.
