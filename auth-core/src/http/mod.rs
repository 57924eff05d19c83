//! HTTP without a framework: what adapters call, and everything they would otherwise have to decide.
//!
//! An adapter shows core its request through [`RequestView`], asks [`Auth::begin`](crate::Auth::begin) what to do, puts the
//! [`Exchange`] into the request's extensions, calls its inner service, and lets [`Exchange::finish`] write on the response.

mod basic;
mod bearer;
mod caller;
mod challenge;
mod client;
mod effects;
mod exchange;
mod flow;
mod hops;
mod negotiate;
mod network;
mod next;
mod node;
mod origin;
mod proxies;
mod refusal;
mod remote_user;
mod scheme;
mod settings;
mod transport;
mod view;

pub use crate::unheard::log_error;
pub use basic::Basic;
pub use bearer::Bearer;
pub use caller::{Caller, Guarded, Resolved, act_as, caller, guard, overrule, session};
pub use challenge::Challenge;
pub use exchange::{AnyExchange, Exchange, Saving, Shown};
pub use flow::{Begin, Found, Layered, Resolving};
pub use negotiate::Audience;
pub use refusal::{Refusal, unconfigured};
pub use scheme::{Read, Scheme};
pub use view::{Header, RequestView, ResponseHeader, ResponseView};

pub(crate) use effects::apply as apply_effects;
pub(crate) use flow::{Presented, facts_of, resolve_both, resolve_credentials};
pub(crate) use negotiate::is_navigation;
pub(crate) use network::Networks;
pub(crate) use scheme::{Accepted, DynScheme};
pub(crate) use settings::{Settings, SettingsBuilder};
#[cfg(test)]
pub(crate) use view::TestRequest;
pub(crate) use view::{MAX_NAME_LEN, is_plain_name};
