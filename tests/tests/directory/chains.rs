//! The chains, one for each policy, and who asks them.

use std::time::{Duration, Instant};

use auth_core::backend::{DenyReason, Provisioned};
use auth_core::provisioning::Provisioning;
use auth_core::{Auth, BackendPolicy, DeniedKind, OutagePolicy, Password, RequestFacts, Secret, User as _};
use auth_ldap::{GroupSource, Ldap};
use auth_sql::{SqlUser, SqlUsers, UserTable};
use futures_util::future::join_all;
use integration_tests::world::weak_passwords;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;
use test_servers::OpenLdap;

use crate::Answer;
use crate::faults::Servers;

/// How long the directory may take: a busy machine's answers in time.
const DIRECTORY_WITHIN: Duration = Duration::from_secs(3);
/// How long an answer may take on a machine that has much else to do: what the directory may take, and a hash.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);
/// How long a directory that is back may be taken for one that is not, on such a machine.
const RECOVERY: Duration = Duration::from_secs(120);

const FAIL_CLOSED: &str = "`FailClosed`";
const CONTINUE: &str = "`Continue`";
const BOTH_WAYS: &str = "`Continue`, passwords of linked users";
pub(crate) const POLICIES: [&str; 3] = [FAIL_CLOSED, CONTINUE, BOTH_WAYS];

/// Somebody who signs in.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) name: &'static str,
    username: &'static str,
    password: &'static str,
}

/// Alice is the directory's, and has a row in the table with a password from before. Carol is the table's.
pub(crate) const ASKED: [Asked; 5] = [
    Asked { name: "the directory's, its password", username: "alice", password: "alicepw" },
    Asked { name: "the directory's, a stale local password", username: "alice", password: "stale" },
    Asked { name: "the table's", username: "carol", password: "local" },
    Asked { name: "the table's, wrong", username: "carol", password: "wrong" },
    Asked { name: "nobody", username: "mallory", password: "mallorypw" },
];

impl Asked {
    /// What is said while all is well. The directory's no is final.
    pub(crate) fn healthy(&self) -> Result<(), DeniedKind> {
        match (self.username, self.password) {
            ("alice", "alicepw") | ("carol", "local") => Ok(()),
            ("alice", _) => Err(DeniedKind::Denied(DenyReason::WrongSecret)),
            ("carol", _) => Err(DeniedKind::WrongSecret),
            _ => Err(DeniedKind::UnknownUser),
        }
    }

    /// What is said while the directory fails: nobody hears that a password is wrong who might be the directory's.
    pub(crate) fn in_outage(&self, policy: &str) -> Result<(), DeniedKind> {
        match (self.username, self.password) {
            ("carol", "local") if policy != FAIL_CLOSED => Ok(()),
            ("alice", "stale") if policy == BOTH_WAYS => Ok(()),
            _ => Err(DeniedKind::Unavailable),
        }
    }
}

/// A chain of the directory and the table for each policy.
pub(crate) struct Chains {
    policies: Vec<(&'static str, Auth<SqlUser>)>,
    /// Where the table is. One in memory would be gone with its connection, which a query that is given up closes.
    _folder: TempDir,
}

impl Chains {
    pub(crate) async fn new(servers: &Servers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options =
            SqliteConnectOptions::new().filename(folder.path().join("users.db")).create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let users = SqlUsers::new(pool, weak_passwords());
        users.migrate().await.unwrap();
        users.create_user("carol", Some(&Secret::new("local"))).await.unwrap();
        let both_ways = users.clone().with_table(UserTable::default().with_passwords_of_linked_users());
        let policies = vec![
            (FAIL_CLOSED, chain(servers, &users, OutagePolicy::FailClosed)),
            (CONTINUE, chain(servers, &users, OutagePolicy::Continue)),
            (BOTH_WAYS, chain(servers, &both_ways, OutagePolicy::Continue)),
        ];
        let chains = Self { policies, _folder: folder };
        chains.warm().await;
        let alice = users.find("alice").await.unwrap().expect("she signed in");
        both_ways.set_password(&alice.id(), Some(&Secret::new("stale"))).await.unwrap();
        chains
    }

    /// Signs in by each: afterwards there are connections that a fault can break.
    pub(crate) async fn warm(&self) {
        self.recover("none").await;
    }

    /// Everybody asks each, all at once. One after the other, or the wrong passwords would lock Alice.
    pub(crate) async fn ask_all(&self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for (policy, chain) in &self.policies {
            answers.extend(join_all(ASKED.iter().map(|asked| ask(policy, chain, asked))).await);
        }
        answers
    }

    /// Waits until all is well again, for everybody.
    pub(crate) async fn recover(&self, fault: &str) {
        let back = Instant::now();
        for (policy, chain) in &self.policies {
            while ask(policy, chain, &ASKED[0]).await.said.is_err() {
                assert!(back.elapsed() < RECOVERY, "{fault}: {policy} has not recovered");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn chain(servers: &Servers, users: &SqlUsers, outage: OutagePolicy) -> Auth<SqlUser> {
    let directory = Ldap::builder("example.org")
        .server(servers.url())
        .authorities(servers.authorities())
        .service_account(OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD)
        .users(format!("ou=people,{}", OpenLdap::BASE), "(uid={username})")
        .groups(GroupSource::member_of(format!("ou=groups,{}", OpenLdap::BASE)))
        .connect_timeout(DIRECTORY_WITHIN / 2)
        .operation_timeout(DIRECTORY_WITHIN / 2)
        .timeout(DIRECTORY_WITHIN * 9 / 10)
        .build()
        .unwrap();
    let staff =
        Provisioned { verifier: directory, users: Provisioning::default().on(users.clone()).unwrap() };
    // Without a breaker, so that each answer is the directory's own.
    let policy =
        BackendPolicy::new().authoritative().outage(outage).timeout(DIRECTORY_WITHIN).without_breaker();
    Auth::builder()
        .backend_with::<Password>("directory", staff, policy)
        .backend::<Password>("local", users.clone())
        .build()
        .unwrap()
}

async fn ask(policy: &'static str, chain: &Auth<SqlUser>, asked: &'static Asked) -> Answer {
    let (began, credentials) = (Instant::now(), Password::new(asked.username, asked.password));
    let said = chain.authenticate(credentials, &RequestFacts::none()).await;
    Answer { policy, asked, said: said.map(drop).map_err(|denied| denied.kind()), took: began.elapsed() }
}
