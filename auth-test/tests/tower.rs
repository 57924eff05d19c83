//! Over axum.
