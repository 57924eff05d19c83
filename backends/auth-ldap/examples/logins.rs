//! Compares logins through this crate with what the LDAP library does by itself, against the same server in the same
//! run: `cargo run --release -p auth-ldap --example logins`. Needs slapd and ldap-utils.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use auth_core::backend::{BackendError, Identity, Outcome, Provisioned, Provisioner, UserSource};
use auth_core::provisioning::Reports;
use auth_core::{Auth, Password, RequestFacts, User, UserId};
use auth_ldap::{Ldap, LdapBuilder};
use ldap3::{LdapConnAsync, Scope};
use test_servers::OpenLdap;

const LOGINS: usize = 2_000;
const USERS: usize = 200;
const AT_ONCE: usize = 32;
const CONNECTIONS: usize = 8;
const ROUNDS: usize = 9;
const PEOPLE: &str = "ou=people,dc=example,dc=org";

type Failed = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let server = OpenLdap::new().start();
    let searching = auth(
        Ldap::builder("example.org").service_account(OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD),
        &server,
    )?;
    let direct =
        Ldap::builder("example.org").without_service_account().bind_dn(format!("uid={{username}},{PEOPLE}"));
    let direct = auth(direct, &server)?;
    println!("{LOGINS} logins of {USERS} users in the clear, {ROUNDS} rounds: logins per second");
    println!(
        "   ldap3, connect+bind   ldap3, kept, bind   kept, search+bind   auth-ldap, search+bind   bind+read"
    );
    let (mut to_same, mut to_connect) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let url = server.url();
        let connect = rate(move |user| fresh_bind(url.clone(), user)).await?;
        let (bind, search) = (kept(&server, false).await?, kept(&server, true).await?);
        let (ours, own) = (through(&searching).await?, through(&direct).await?);
        println!("{connect:22.0}{bind:20.0}{search:20.0}{ours:25.0}{own:12.0}");
        to_same.push(ours / search);
        to_connect.push(ours / connect);
    }
    println!(
        "auth-ldap's search+bind to that of ldap3: {:.2}; to connect+bind: {:.2} (medians)",
        median(to_same),
        median(to_connect)
    );
    Ok(())
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// Logins per second.
async fn rate<F>(login: impl Fn(String) -> F + Send + Sync + 'static) -> Result<f64, Failed>
where
    F: Future<Output = Result<(), Failed>> + Send,
{
    let (next, login) = (Arc::new(AtomicUsize::new(0)), Arc::new(login));
    let start = Instant::now();
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (next, login) = (Arc::clone(&next), Arc::clone(&login));
            tokio::spawn(async move {
                while let n @ ..LOGINS = next.fetch_add(1, Ordering::Relaxed) {
                    login(format!("u{:03}", n % USERS)).await?;
                }
                Ok::<_, Failed>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    Ok(LOGINS as f64 / start.elapsed().as_secs_f64())
}

async fn through(auth: &Auth<Person>) -> Result<f64, Failed> {
    let auth = auth.clone();
    rate(move |user| login(auth.clone(), user)).await
}

async fn connection(url: &str) -> Result<ldap3::Ldap, Failed> {
    let (driver, handle) = LdapConnAsync::new(url).await?;
    tokio::spawn(driver.drive());
    Ok(handle)
}

async fn fresh_bind(url: String, user: String) -> Result<(), Failed> {
    let mut connection = connection(&url).await?;
    bind(&mut connection, &user).await
}

async fn bind(connection: &mut ldap3::Ldap, user: &str) -> Result<(), Failed> {
    connection.simple_bind(&format!("uid={user},{PEOPLE}"), &format!("{user}pw")).await?.success()?;
    Ok(())
}

/// As many connections as this crate keeps, each used by one login at a time.
async fn kept(server: &OpenLdap, with_search: bool) -> Result<f64, Failed> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::new();
    for _ in 0..CONNECTIONS {
        let (mut searcher, mut binder) = (connection(&server.url()).await?, connection(&server.url()).await?);
        searcher.simple_bind(OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD).await?.success()?;
        let next = Arc::clone(&next);
        workers.push(async move {
            while let n @ ..LOGINS = next.fetch_add(1, Ordering::Relaxed) {
                let user = format!("u{:03}", n % USERS);
                if with_search {
                    let filter = format!("(uid={user})");
                    searcher
                        .search(PEOPLE, Scope::Subtree, &filter, ["entryUUID", "uid", "mail", "cn"])
                        .await?;
                }
                bind(&mut binder, &user).await?;
            }
            Ok::<_, Failed>(())
        });
    }
    let start = Instant::now();
    let tasks: Vec<_> = workers.into_iter().map(tokio::spawn).collect();
    for task in tasks {
        task.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    Ok(LOGINS as f64 / start.elapsed().as_secs_f64())
}

fn auth(builder: LdapBuilder, server: &OpenLdap) -> Result<Auth<Person>, Failed> {
    let directory = builder
        .server(server.url())
        .insecure_without_tls()
        .users(PEOPLE, "(uid={username})")
        .connections(CONNECTIONS)
        .build()?;
    let backend = Provisioned { verifier: directory, users: Everybody };
    Ok(Auth::builder().backend::<Password>("directory", backend).build()?)
}

async fn login(auth: Auth<Person>, user: String) -> Result<(), Failed> {
    let password = Password::new(user.as_str(), format!("{user}pw"));
    let person = auth.authenticate(password, &RequestFacts::none()).await?;
    if person.user().0.username() == user { Ok(()) } else { Err(format!("{user} is another").into()) }
}

/// Any user of the directory.
#[derive(Debug)]
struct Everybody;

#[derive(Clone, Debug)]
struct Person(Identity);

impl User for Person {
    fn id(&self) -> UserId {
        UserId::from(1)
    }

    fn security_stamp(&self) -> &[u8] {
        b""
    }

    fn is_active(&self) -> bool {
        true
    }
}

impl UserSource for Everybody {
    type User = Person;

    async fn get_user(&self, _: &UserId) -> Result<Option<Person>, BackendError> {
        Ok(None)
    }
}

impl Provisioner for Everybody {
    async fn provision(&self, identity: Identity, _: &Reports) -> Result<Outcome<Person>, BackendError> {
        Ok(Outcome::Accept(Person(identity)))
    }
}
