//! What the tests share: a directory, a chain over it, and a user type.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::backend::{
    BackendError, DeclineReason, DenyReason, Groups, Identity, Outcome, Provisioned, Provisioner, UserSource,
};
use auth_core::provisioning::Reports;
use auth_core::{Auth, BackendPolicy, Denied, DeniedKind, Password, RequestFacts, User, UserId};
use auth_ldap::{Ldap, LdapBuilder};
use test_servers::OpenLdap;

pub(crate) const PEOPLE: &str = "ou=people,dc=example,dc=org";
pub(crate) const GROUPS: &str = "ou=groups,dc=example,dc=org";
/// Beyond every limit of ours that a test meets, however busy the machine is.
pub(crate) const SOON: Duration = Duration::from_secs(120);

/// A user who is what the directory says.
#[derive(Clone, Debug)]
pub(crate) struct Person(pub(crate) Identity);

impl User for Person {
    fn id(&self) -> UserId {
        UserId::new(self.0.subject()).unwrap()
    }

    fn security_stamp(&self) -> &[u8] {
        b"stamp"
    }

    fn is_active(&self) -> bool {
        true
    }
}

/// Any user of the directory.
#[derive(Default)]
pub(crate) struct Everybody(Mutex<BTreeMap<String, Identity>>);

impl UserSource for Everybody {
    type User = Person;

    async fn get_user(&self, id: &UserId) -> Result<Option<Person>, BackendError> {
        Ok(self.0.lock().unwrap().get(id.as_str()).cloned().map(Person))
    }
}

impl Provisioner for Everybody {
    async fn provision(&self, identity: Identity, _: &Reports) -> Result<Outcome<Person>, BackendError> {
        self.0.lock().unwrap().insert(identity.subject().to_owned(), identity.clone());
        Ok(Outcome::Accept(Person(identity)))
    }
}

pub(crate) fn backend(verifier: &Ldap) -> Provisioned<Ldap, Everybody> {
    Provisioned { verifier: verifier.clone(), users: Everybody::default() }
}

/// Settings for the directory, by `StartTLS`.
pub(crate) fn settings(server: &OpenLdap) -> LdapBuilder {
    Ldap::builder("example.org")
        .server(server.url())
        .authorities(server.authority())
        .service_account(OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD)
        .users(PEOPLE, "(&(objectClass=inetOrgPerson)(uid={username}))")
        .connect_timeout(SOON)
        .operation_timeout(SOON)
        .timeout(SOON)
}

pub(crate) fn directory(server: &OpenLdap) -> Ldap {
    settings(server).build().unwrap()
}

/// The accounts that others bound as, besides the one that filled the directory.
pub(crate) fn bound(server: &OpenLdap) -> Vec<String> {
    server.binds().into_iter().filter(|dn| dn != OpenLdap::ADMIN).collect()
}

/// A chain over the directory alone. A new one for each login, so that no breaker has opened.
pub(crate) async fn login(directory: &Ldap, username: &str, password: &str) -> Result<Identity, DeniedKind> {
    let policy = BackendPolicy::new().timeout(SOON);
    let auth = Auth::builder().chain_timeout(SOON);
    let auth = auth.backend_with::<Password>("directory", backend(directory), policy).build().unwrap();
    let answer = auth.authenticate(Password::new(username, password), &RequestFacts::none()).await;
    answer.map(|authenticated| authenticated.user().0.clone()).map_err(|denied: Denied| denied.kind())
}

/// Who it is, or what happened, for tables.
pub(crate) async fn told(directory: &Ldap, username: &str, password: &str) -> Result<String, DeniedKind> {
    login(directory, username, password).await.map(|identity| identity.username().to_owned())
}

/// The groups of somebody who signs in.
pub(crate) async fn groups(directory: &Ldap, name: &str) -> Groups {
    login(directory, name, &format!("{name}pw")).await.unwrap().groups().clone()
}

pub(crate) fn known(names: &[&str]) -> Groups {
    Groups::Known(names.iter().map(|name| (*name).to_owned()).collect())
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged on this thread, until it is dropped.
pub(crate) struct Log {
    lines: Lines,
    _until: tracing::subscriber::DefaultGuard,
}

impl Log {
    pub(crate) fn new() -> Self {
        let lines = Lines::default();
        let to = lines.clone();
        let to = tracing_subscriber::fmt().with_ansi(false).with_writer(move || to.clone()).finish();
        Self { lines, _until: tracing::subscriber::set_default(to) }
    }

    /// The lines that say this.
    pub(crate) fn saying(&self, text: &str) -> Vec<String> {
        let lines = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        lines.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

/// Groups of this member as the administrator adds them: `g0`, `g1` and so on.
pub(crate) fn numbered_groups(count: usize, member: &str) -> String {
    let group =
        |n| format!("dn: cn=g{n},{GROUPS}\nobjectClass: groupOfNames\ncn: g{n}\nmember: {member}\n\n");
    (0..count).map(group).collect()
}

pub(crate) const UNKNOWN: DeniedKind = DeniedKind::UnknownUser;
pub(crate) const WRONG: DeniedKind = DeniedKind::WrongSecret;
pub(crate) const UNAVAILABLE: DeniedKind = DeniedKind::Unavailable;

pub(crate) fn denied(reason: DenyReason) -> DeniedKind {
    DeniedKind::Denied(reason)
}

/// What the chain makes of a decline.
pub(crate) fn declined(reason: DeclineReason) -> DeniedKind {
    match reason {
        DeclineReason::WrongSecret => WRONG,
        DeclineReason::UnknownUser => UNKNOWN,
        _ => DeniedKind::Malformed,
    }
}

/// Waits until something is so.
pub(crate) async fn eventually<T>(what: &str, is: impl AsyncFn() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(value) = is().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| panic!("{what}: not within {SOON:?}"))
}
