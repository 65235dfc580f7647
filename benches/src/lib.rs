//! One bench a question.
