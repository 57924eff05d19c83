//! The one configuration of both demos.

use std::error::Error;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use auth_core::api_keys::ApiKeys;
use auth_core::backend::{Identity, MemoryDirectory, Provisioned};
use auth_core::http::{Basic, Bearer};
use auth_core::second_factor::{Enrolled, Needs, SecondFactor};
use auth_core::session::{KeyRing, SessionConfig};
use auth_core::{Auth, BackendPolicy, BearerToken, Password, Passwords, Secret, Throttle, UserCache};
use auth_passkeys::PasskeyAssertion;
use auth_sql::{Database, SqlApiKeys, SqlOnce, SqlSessions, SqlThrottle, SqlUser, SqlUsers};

use crate::accounts::{DIRECTORY, LOCAL, MEMBERS, directory_users, known_to};
use crate::database::Place;
use crate::keys::Keys;
use crate::seed::{create_local_users, factors_of};
#[cfg(feature = "redis")]
use crate::sessions;
use crate::{Options, People, Site, database, people, secret};

/// About how often expired sessions and counters are removed.
const PURGED_EVERY: Duration = Duration::from_mins(10);

/// For users in a table, which are asked for with every request: it answers soon or not at all, and a breaker would
/// spare the database nothing, but keep logins waiting when it is back.
const IN_TABLE: BackendPolicy = BackendPolicy::new().timeout(Duration::from_secs(2)).without_breaker();

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the servers are made with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Who is who.
    pub auth: Auth<SqlUser>,
    /// The API keys of people, in the database.
    pub keys: Keys,
    /// What people do with their own passkeys and passwords.
    pub people: Arc<People>,
}

/// How recently somebody who makes an API key, or changes their second factors, must have signed in.
pub(crate) const FRESH: Duration = Duration::from_mins(15);
/// How long a browser is trusted whose user said so: the pages say it in days.
pub(crate) const TRUSTED: Duration = Duration::from_hours(24 * 30);

/// Asks the directory first and the table second, keeps sessions in the same database or in Redis, accepts
/// HTTP Basic and API keys from programs, and limits guessing by the defaults.
///
/// The socket is bound before: passkeys are made for the port that it has.
///
/// # Errors
/// If the database, the secret beside it, or Redis cannot be opened or made, or the origin is none for passkeys.
pub async fn demo(site: Site, options: &Options, listener: &TcpListener) -> Result<Demo> {
    let passwords = Passwords::new()?;
    let place = Place::of(&options.database)?;
    let pool = database::open(&place).await?;
    let users = users_in(pool.clone(), passwords.clone()).await?;
    let keys = keys_of(&users, pool.clone()).await?;
    // The same for sessions and for second factors.
    let ring = secret::keys(options, &place)?;
    let factors = Arc::new(factors_of(&users, pool.clone(), &ring).await?);
    let people =
        people::of(site, options, listener, (&users, used_in(pool.clone()).await?, &factors, &ring))?;
    let second = SecondFactor::new(factors).page("/login/factor").fresh_within(FRESH).trust_browsers(TRUSTED);
    let directory =
        Provisioned { verifier: directory(passwords).await?, users: directory_users(users.clone())? };
    let auth = Auth::builder()
        .backend_with::<Password>(DIRECTORY, directory, IN_TABLE)
        .backend_with::<Password>(LOCAL, users, IN_TABLE)
        .backend_with::<BearerToken>("keys", Arc::clone(&keys), IN_TABLE)
        .backend_with::<PasskeyAssertion>("passkeys", people.passkeys(), IN_TABLE)
        .scheme(Basic::new("demo")?)
        .scheme(Bearer::new("demo")?)
        .login_page("/login")
        .second_factor(second.policy(policy));
    let auth = if options.cache_users { auth.cache_users(UserCache::new()) } else { auth };
    let config = session_config(options, ring);
    let auth = match &options.sessions {
        #[cfg(feature = "redis")]
        Some(url) => {
            let (kept, counted) = sessions::in_redis(url).await?;
            auth.sessions(kept, config).throttle(Throttle::new(counted))
        }
        #[cfg(not(feature = "redis"))]
        Some(_) => return Err(database::built_without("Redis", "redis")),
        None => {
            let counted = counted_in(pool.clone()).await?;
            auth.sessions(in_database(pool).await?, config).throttle(Throttle::new(counted))
        }
    };
    Ok(Demo { auth: auth.build()?, keys, people: Arc::new(people) })
}

/// A second factor of who has one, and a new password of who was given theirs by somebody else.
fn policy(user: &SqlUser, enrolled: Enrolled) -> Needs {
    Needs::second_factor_if(enrolled).and_new_password_if(user.must_change_password())
}

/// Users in the database, where all is there that they need.
async fn users_in(database: Database, passwords: Passwords) -> Result<SqlUsers> {
    let users = SqlUsers::new(database, passwords);
    users.migrate().await.map_err(cannot("the database takes no tables for users"))?;
    users.check().await.map_err(cannot("the database cannot serve users"))?;
    create_local_users(&users).await?;
    Ok(users)
}

async fn in_database(database: Database) -> Result<SqlSessions> {
    let sessions = SqlSessions::new(database);
    sessions.migrate().await.map_err(cannot("the database takes no table for sessions"))?;
    sessions.check().await.map_err(cannot("the database cannot keep sessions"))?;
    tokio::spawn(sessions.clone().purge_every(PURGED_EVERY));
    Ok(sessions)
}

/// Whoever may sign in may have keys: people of the directory as well.
async fn keys_of(users: &SqlUsers, database: Database) -> Result<Keys> {
    let kept = SqlApiKeys::new(database);
    kept.migrate().await.map_err(cannot("the database takes no table for API keys"))?;
    kept.check().await.map_err(cannot("the database cannot keep API keys"))?;
    tokio::spawn(kept.clone().purge_every(PURGED_EVERY));
    let keys = ApiKeys::new("demo", kept)?.fresh_within(FRESH);
    Ok(Arc::new(keys.owners(LOCAL, users.clone())?.owners(DIRECTORY, directory_users(users.clone())?)?))
}

/// What limits guessing is counted for all instances on the database.
async fn counted_in(database: Database) -> Result<SqlThrottle> {
    let counted = SqlThrottle::new(database);
    counted.migrate().await.map_err(cannot("the database takes no table for the throttle"))?;
    counted.check().await.map_err(cannot("the database cannot count attempts"))?;
    tokio::spawn(counted.clone().purge_every(PURGED_EVERY));
    Ok(counted)
}

/// Which challenges were answered, for all instances on the database.
async fn used_in(database: Database) -> Result<SqlOnce> {
    let used = SqlOnce::new(database);
    used.migrate().await.map_err(cannot("the database takes no table for used challenges"))?;
    used.check().await.map_err(cannot("the database cannot keep used challenges"))?;
    tokio::spawn(used.clone().purge_every(PURGED_EVERY));
    Ok(used)
}

/// Says with an error what cannot be done, and all that lies behind it: the last part is what to do.
pub(crate) fn cannot<E: Error>(what: &str) -> impl FnOnce(E) -> Box<dyn Error> {
    move |error| {
        let why = std::iter::successors(error.source(), |&error| error.source());
        let why: Vec<_> = why.map(ToString::to_string).collect();
        let why = if why.is_empty() { error.to_string() } else { why.join(": ") };
        format!("{what}: {why}").into()
    }
}

/// A dictionary in place of an LDAP server.
async fn directory(passwords: Passwords) -> Result<MemoryDirectory> {
    let directory = MemoryDirectory::new(passwords);
    for account in known_to(DIRECTORY) {
        let identity = Identity::new("demo:directory", account.username);
        let identity = identity.with_groups(account.member.then_some(MEMBERS));
        directory.insert(identity, &Secret::new(account.password)).await?;
    }
    Ok(directory)
}

fn session_config(options: &Options, ring: KeyRing) -> SessionConfig {
    let config = SessionConfig::new(ring);
    if options.insecure_cookies { config.insecure_cookies() } else { config }
}
