//! The rules for every [`SessionStore`].

mod fixture;
mod lifecycle;
mod many;
mod owners;
mod races;
mod rotation;
mod writes;

use crate::session::SessionStore;
pub use fixture::sample_record;

/// Checks a session store against its contract; `fresh` returns an empty one for each case.
///
/// Its times are around the year 2096, so that a store that also expires sessions by its own clock keeps them. Run it
/// on a multi-threaded runtime: the last cases race.
///
/// ```
/// use auth_core::conformance::store::session_store;
/// use auth_core::session::MemorySessions;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// // In a function with `#[tokio::test(flavor = "multi_thread")]`:
/// # runtime.block_on(async {
/// session_store(async || MemorySessions::new(1_000)).await;
/// # });
/// ```
///
/// # Panics
/// With the rule that the store breaks.
pub async fn session_store<S: SessionStore>(fresh: impl AsyncFn() -> S) {
    lifecycle::check(&fresh).await;
    writes::check(&fresh).await;
    rotation::check(&fresh).await;
    many::check(&fresh).await;
    owners::check(&fresh).await;
    races::check(&fresh).await;
}
