//! Attacks that succeeded against others, one test per lesson.
#![allow(missing_docs)]

mod caches;
mod client_address;
mod clocks;
mod confirmation;
mod cross_user;
mod guessing;
mod half_done;
mod identities;
mod logs;
mod outages;
mod passwords;
mod proxies;
mod realms;
mod redirects;
mod resurrection;
mod sessions;
mod tokens;
mod work;
