//! Every scenario is sent through both adapters, eager and lazy, on the same configuration: the answers must be
//! equal in status, headers and body, and equal to what the table says.
#![allow(missing_docs)]

mod access;
mod after_errors;
mod api_keys;
mod bearer;
mod caching;
mod causes;
mod cleartext;
mod client_address;
mod confirmation;
mod cookies;
mod credentials;
mod data;
mod ended;
mod excepted;
mod exchange;
mod grants;
mod handed_on;
mod jwt;
mod kept;
mod login;
mod nesting;
mod outages;
mod paths;
mod prefix;
mod protocols;
mod registered;
mod remote_user;
mod second_factor;
mod throttle;
mod told;
mod user_cache;
mod users;
