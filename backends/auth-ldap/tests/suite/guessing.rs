//! Guessing at a directory's people.

use std::sync::Arc;
use std::time::Duration;

use auth_core::throttle::{MemoryThrottle, Throttle};
use auth_core::time::{ManualClock, Timestamp};
use auth_core::{Auth, BackendPolicy, DeniedKind, Password, RequestFacts};
use auth_ldap::{Ldap, LdapBuilder};
use test_servers::OpenLdap;

use crate::support::{Person, SOON, backend, directory, settings, told};

const ALICE: &str = "uid=alice,ou=people,dc=example,dc=org";

/// People may type their name or their address.
fn by_either(server: &OpenLdap) -> LdapBuilder {
    let filter = "(&(objectClass=inetOrgPerson)(|(uid={username})(mail={username})))";
    settings(server).users("ou=people,dc=example,dc=org", filter)
}

fn site(directory: &Ldap) -> (Arc<Auth<Person>>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let auth = Auth::builder()
        .backend_with::<Password>("directory", backend(directory), BackendPolicy::new().timeout(SOON))
        .chain_timeout(SOON)
        .throttle(Throttle::new(MemoryThrottle::new(10_000)))
        .clock(Arc::clone(&clock))
        .build();
    (Arc::new(auth.unwrap()), clock)
}

async fn tried(auth: &Auth<Person>, name: &str, password: String) -> Result<(), DeniedKind> {
    let answer = auth.authenticate(Password::new(name, password), &RequestFacts::none()).await;
    answer.map(|_| ()).map_err(|denied| denied.kind())
}

/// This server locks who types three wrong passwords. However many are tried, by whichever name, it does not come to that.
#[tokio::test(flavor = "multi_thread")]
async fn it_stops_before_the_directory_locks() {
    let server = OpenLdap::new().start();
    let half_an_hour = Duration::from_secs(30 * 60);
    let (auth, clock) = site(&by_either(&server).lockout_threshold(3, half_an_hour).build().unwrap());
    let guesses: Vec<_> = (0..100)
        .map(|n| {
            let auth = Arc::clone(&auth);
            let name = ["alice", "alice@example.org", "Alice", "ALICE@example.org"][n % 4];
            tokio::spawn(async move { tried(&auth, name, format!("guess {n}")).await })
        })
        .collect();
    for guess in guesses {
        let answer = guess.await.unwrap();
        assert!(matches!(answer, Err(DeniedKind::WrongSecret | DeniedKind::Throttled)), "{answer:?}");
    }
    assert_eq!(server.binds().iter().filter(|dn| *dn == ALICE).count(), 2, "one fewer than it takes");
    assert_eq!(told(&directory(&server), "alice", "alicepw").await, Ok("alice".into()), "it is not locked");
    clock.advance(half_an_hour);
    assert_eq!(tried(&auth, "alice", "alicepw".into()).await, Ok(()));
}

/// The names of one entry share its tries, by whichever way it is found.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_one_account() {
    let server = OpenLdap::new().start();
    let by_dn = settings(&server).bind_dn("uid={username},ou=people,dc=example,dc=org").build().unwrap();
    for (directory, names) in [
        (by_either(&server).build().unwrap(), ["u001", "u001@example.org", "U001"]),
        (by_dn, ["u002", "U002", "u002"]),
    ] {
        let (auth, _) = site(&directory);
        for n in 0..30 {
            tried(&auth, names[n % 3], format!("guess {n}")).await.unwrap_err();
        }
        let dn = format!("uid={},", names[0]);
        let binds = server.binds().into_iter().filter(|bound| bound.to_lowercase().starts_with(&dn)).count();
        assert!((1..=5).contains(&binds), "{binds} binds of {dn}");
    }
}

#[test]
fn a_threshold_that_leaves_nothing_does_not_build() {
    for (failures, within) in [(0, 60), (1, 60), (3, 0)] {
        let built = Ldap::builder("example.org")
            .server("ldaps://ldap.example.org")
            .users("dc=example,dc=org", "(uid={username})")
            .lockout_threshold(failures, Duration::from_secs(within))
            .build();
        assert!(built.unwrap_err().to_string().contains("`lockout_threshold` needs"));
    }
}
