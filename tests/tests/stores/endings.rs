//! Logouts and revocations that meet a rotation, at one instance and between two.

use std::sync::Arc;
use std::time::Duration;

use auth_core::session::{SessionKey, SessionStore, UserSessions};
use auth_core::time::Clock;
use auth_core::{BackendName, UserId};
use integration_tests::actix;
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, Setup, World};

use crate::place::on_every_store;

on_every_store![a_logout_ends_whatever_becomes_of_the_session, a_device_that_rotates_is_revoked];

/// How often they meet, at each adapter's site.
const ROUNDS: usize = 1_000;

async fn log_in(site: &dyn Site) -> String {
    let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    site.send(login).await.token().expect("a session")
}

/// Two instances over a store, each served by one of the adapters.
async fn instances(store: &Arc<impl SessionStore>) -> [World; 2] {
    // Nothing here is about a store that is slow.
    let patience = Duration::from_secs(60);
    let setup = Setup::default().sessions(|config| config.store_timeouts(patience, patience));
    [setup.world_over(Arc::clone(store)).await, setup.world_over(Arc::clone(store)).await]
}

async fn keys(store: &impl SessionStore, world: &World) -> Vec<SessionKey> {
    let (backend, user) = (BackendName::new("local").unwrap(), UserId::from(1));
    let whose = UserSessions::everywhere(&backend, &user);
    let list = store.list_user(whose, world.clock.now()).await.unwrap();
    list.into_iter().map(|(key, _)| key).collect()
}

/// Whichever comes first, and whichever instance gets which: who has logged out is out, by the id that the browser had and
/// by the one that it is about to get.
async fn a_logout_ends_whatever_becomes_of_the_session(store: Arc<impl SessionStore>) {
    let worlds = instances(&store).await;
    let (tower, actix) = (Tower::new(&worlds[0]), actix::site(&worlds[1]).await);
    let sites: [&dyn Site; 2] = [&tower, &*actix];
    for round in 0..2 * ROUNDS {
        let (here, there) = (sites[round % 2], sites[(round / 2) % 2]);
        let token = log_in(here).await;
        let logout = async {
            let logout = here.send(Request::post("/logout", &[]).cookie(&token)).await;
            assert_eq!(logout.status, 303, "{logout:?}");
        };
        let rotate = there.send(Request::post("/act/rotate", &[]).cookie(&token));
        let moved =
            if round % 4 < 2 { tokio::join!(logout, rotate).1 } else { tokio::join!(rotate, logout).0 };
        for token in [Some(token), moved.token()].into_iter().flatten() {
            let who = there.send(Request::get("/who").cookie(&token)).await;
            assert_eq!(who.body, "anonymous", "round {round}: {moved:?}");
        }
    }
    assert_eq!(keys(&*store, &worlds[0]).await, [], "nothing is left in the store");
}

/// A device gets a new id while another one revokes it.
async fn a_device_that_rotates_is_revoked(store: Arc<impl SessionStore>) {
    let worlds = instances(&store).await;
    let (tower, actix) = (Tower::new(&worlds[0]), actix::site(&worlds[1]).await);
    let sites: [&dyn Site; 2] = [&tower, &*actix];
    let own = log_in(&tower).await;
    let own_keys = keys(&*store, &worlds[0]).await;
    for round in 0..2 * ROUNDS {
        let (here, there) = (sites[round % 2], sites[(round / 2) % 2]);
        let token = log_in(there).await;
        let all = keys(&*store, &worlds[0]).await;
        let key = all.into_iter().find(|key| !own_keys.contains(key)).expect("the device is listed");
        let revoke = Request::post("/act/revoke", &[("key", &key.to_string())]).cookie(&own);
        let rotate = Request::post("/act/rotate", &[]).cookie(&token);
        let (revoked, moved) = tokio::join!(here.send(revoke), there.send(rotate));
        assert_eq!(revoked.status, 200, "{revoked:?}");
        for token in [Some(token), moved.token()].into_iter().flatten() {
            let who = here.send(Request::get("/who").cookie(&token)).await;
            assert_eq!(who.body, "anonymous", "round {round}: {moved:?}");
        }
    }
    assert_eq!(keys(&*store, &worlds[0]).await, own_keys, "the one that revoked goes on");
}
