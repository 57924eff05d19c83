//! Sends requests to a site in this process: no socket, no parser, nothing but the framework and what is in it.

mod actix;
mod axum;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use crate::ask::Ask;
use crate::sites::{self, Framework, Place, Site};

/// How many requests are sent first: what only they cost (a remembered hash, a table's growth) is not counted.
const WARM_UP: usize = 10;
/// The cookie that a bare site is sent: as long as a real one.
pub(crate) const ANY_COOKIE: &str = "__Host-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What was allocated, growing included: nothing, unless this is the program that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allocated {
    pub(crate) times: u64,
    pub(crate) bytes: u64,
}

/// Sends this many requests, and says what all of them together allocated, on whatever thread.
///
/// # Errors
/// If the site cannot be built.
pub(crate) fn send(site: Site, ask: Ask, requests: usize, place: &Place) -> Result<Allocated, String> {
    match site.framework() {
        Framework::Axum => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(async {
                let site = axum::Driven::new(site, sites::router(site, place).await?);
                Ok(site.send(ask, requests).await)
            })
        }
        Framework::Actix => {
            let system = actix_web::rt::System::new();
            system.block_on(sites::app(site, place, actix::Driver { site, ask, requests }))
        }
    }
}

/// Counts the allocations of what it is kept around.
struct Counter(Region<'static, std::alloc::System>);

impl Counter {
    fn start() -> Self {
        Self(Region::new(&INSTRUMENTED_SYSTEM))
    }

    fn stop(&self) -> Allocated {
        let stats = self.0.change();
        let growth = u64::try_from(stats.bytes_reallocated).unwrap_or_default();
        Allocated {
            times: (stats.allocations + stats.reallocations) as u64,
            bytes: (stats.bytes_allocated as u64) + growth,
        }
    }
}

/// The cookie that a `Set-Cookie` header asks the browser to send.
fn pair(set_cookie: &str) -> String {
    set_cookie.split(';').next().unwrap_or_default().to_owned()
}
