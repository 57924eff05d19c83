//! HTTP without a framework: what adapters call, and everything they would otherwise have to decide.
//!
//! An adapter shows core its request through [`RequestView`], asks [`Auth::begin`](crate::Auth::begin) what to do, puts the
//! [`Exchange`](adapter::Exchange) into the request's extensions, calls its inner service, and lets
//! [`Exchange::finish`](adapter::Exchange::finish) write on the response.

mod auth;
mod base;
mod basic;
mod basic_token;
mod bearer;
mod caching;
mod caller;
mod challenge;
mod client;
mod device;
mod effects;
mod excepted;
mod exchange;
mod flow;
mod handler_error;
mod hops;
mod kept;
mod layered;
mod login;
mod native;
mod negotiate;
mod next;
mod node;
mod offer;
mod origin;
mod peers;
mod presented;
mod proxies;
mod refusal;
mod remembered;
mod require;
mod resolve;
mod scheme;
pub mod sealed;
mod session;
mod settings;
mod token_header;
mod transport;
mod trusted;
mod view;

/// What adapters call: a handler or a guard of an application meets none of it.
pub mod adapter {
    pub use super::caller::{
        Caller, Guarded, Resolved, act_as, caller, exchange_of, guard, guard_of, overrule, session_of,
    };
    pub use super::exchange::{Exchange, Saving};
    pub use super::flow::{Begin, FoundCaller, Resolving};
    pub use super::handler_error::HandlerError;
    pub use super::layered::{AnyExchange, Layered, RequestExtensions, Shown};
    pub use super::view::ResponseView;
    pub use crate::unheard::log_error;
}

pub use auth::{Auth, AuthBuilder};
pub use basic::Basic;
pub use basic_token::BasicToken;
pub use bearer::Bearer;
pub use challenge::Challenge;
pub use login::{Login, SignedIn, Unfinished};
pub use negotiate::Audience;
pub use refusal::{Refusal, RefusalReason};
pub use require::Require;
pub use scheme::{Keeps, Read, Scheme, authorization};
pub use session::{Ended, OwnFactors, Pending, Session};
pub use token_header::TokenHeader;
pub use view::{Header, RequestView, ResponseHeader, Single};

pub(crate) use device::DeviceCookies;
pub(crate) use layered::{AnyExchange, Layered, RequestExtensions};
pub(crate) use offer::{Configured, DynScheme};
pub(crate) use peers::Peers;
pub(crate) use settings::SettingsBuilder;
pub(crate) use trusted::TrustedCookies;
pub(crate) use view::ResponseView;
#[cfg(test)]
pub(crate) use view::TestRequest;
pub(crate) use view::{MAX_NAME_LEN, is_plain_name};
