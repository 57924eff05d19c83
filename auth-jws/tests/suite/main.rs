//! The reader against published vectors, and against tokens and keys that are made to fool one.
#![allow(missing_docs)]

mod keys;
mod odd;
mod tokens;
mod vectors;
mod wycheproofs;
