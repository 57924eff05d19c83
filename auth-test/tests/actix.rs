//! Over actix-web.
