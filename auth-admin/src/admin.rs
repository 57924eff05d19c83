//! [`Admin`]: users and sessions, for an operator.

use std::fmt;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use auth_core::api_keys::{ApiKeyStore, ApiKeys};
use auth_core::factors::FactorStore;
use auth_core::password::PasswordPolicy;
use auth_core::session::{Realm, SessionStore};
use auth_core::throttle::ThrottleStore;
use auth_core::{BackendName, ConfigError};
use auth_sql::{SqlUser, SqlUsers, TableUser};
use tokio::time::timeout;

use crate::Command;
use crate::factors::Enrolled;
use crate::failure::Failure;
use crate::keys::Keys;
#[cfg(all(unix, feature = "ldap"))]
use crate::plan::Planner;
use crate::terminal::Terminal;
use crate::throttled::Counted;

/// How long a question may take to notice an interruption by Ctrl-C. It does not notice signals from elsewhere.
const PATIENCE: Duration = Duration::from_secs(1);

/// The users and sessions of an application, and its password policy.
///
/// ```
/// # use auth_core::Passwords;
/// # use auth_sql::{SqlSessions, SqlUsers};
/// # use sqlx::sqlite::SqlitePoolOptions;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
/// # let users: SqlUsers = SqlUsers::new(pool.clone(), Passwords::new()?);
/// # let sessions = SqlSessions::new(pool.clone());
/// # users.migrate().await?;
/// # sessions.migrate().await?;
/// use auth_admin::{Admin, Command};
///
/// // In `main`, instead of serving: `shop admin log-out-everywhere --username alice`.
/// let admin = Admin::new(users, sessions, "local")?;
/// # let command = Command::Purge;
/// let exit_code = admin.run(command).await;
/// # Ok(())
/// # }
/// ```
pub struct Admin<S> {
    pub(crate) users: SqlUsers,
    pub(crate) sessions: S,
    pub(crate) backend: BackendName,
    pub(crate) realm: Option<Realm>,
    pub(crate) policy: PasswordPolicy,
    pub(crate) counted: Option<Box<dyn Counted>>,
    pub(crate) keys: Option<Box<dyn Keys>>,
    pub(crate) enrolled: Option<Box<dyn Enrolled>>,
    #[cfg(all(unix, feature = "ldap"))]
    pub(crate) planner: Option<Planner>,
    pub(crate) terminal: Terminal,
}

impl<S: SessionStore> Admin<S> {
    /// Administers these users and sessions. `backend` is the name of the users' backend in
    /// [`Auth::builder`](auth_core::Auth::builder). New passwords have to pass [`PasswordPolicy::new`].
    ///
    /// ```
    /// # use auth_core::Passwords;
    /// # use auth_sql::{SqlSessions, SqlUsers};
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users: SqlUsers = SqlUsers::new(pool.clone(), Passwords::new()?);
    /// # let sessions = SqlSessions::new(pool.clone());
    /// # users.migrate().await?;
    /// # sessions.migrate().await?;
    /// # use auth_admin::Admin;
    /// let admin = Admin::new(users, sessions, "local")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if `backend` is not a valid name.
    pub fn new<U: TableUser>(users: SqlUsers<U>, sessions: S, backend: &str) -> Result<Self, ConfigError> {
        let backend = BackendName::new(backend).ok_or_else(|| {
            ConfigError::new("a backend's name has 1 to 64 letters, digits, `-`, `_` or `.`")
        })?;
        Ok(Self {
            users: users.with_user()?,
            sessions,
            backend,
            realm: None,
            policy: PasswordPolicy::new(),
            counted: None,
            keys: None,
            enrolled: None,
            #[cfg(all(unix, feature = "ldap"))]
            planner: None,
            terminal: Terminal::new(),
        })
    }

    /// Administers only the sessions of this site, if several sites share a store: their users have separate ids. It
    /// is the value of [`SessionConfig::realm`](auth_core::SessionConfig::realm). Without it, a user's sessions end
    /// on all sites, which is the safer error.
    ///
    /// ```
    /// # use auth_core::Passwords;
    /// # use auth_sql::{SqlSessions, SqlUsers};
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users: SqlUsers = SqlUsers::new(pool.clone(), Passwords::new()?);
    /// # let sessions = SqlSessions::new(pool.clone());
    /// # users.migrate().await?;
    /// # sessions.migrate().await?;
    /// # use auth_admin::Admin;
    /// let admin = Admin::new(users, sessions, "local")?.with_realm("shop")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if it is not a valid name of a realm.
    pub fn with_realm(mut self, realm: &str) -> Result<Self, ConfigError> {
        let named = Realm::new(realm)
            .ok_or_else(|| ConfigError::new("a realm has 1 to 64 letters, digits, `-`, `_` or `.`"))?;
        self.realm = Some(named);
        Ok(self)
    }

    /// Sets another policy for new passwords: the one of the application's registration.
    ///
    /// ```
    /// # use auth_core::Passwords;
    /// # use auth_sql::{SqlSessions, SqlUsers};
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users: SqlUsers = SqlUsers::new(pool.clone(), Passwords::new()?);
    /// # let sessions = SqlSessions::new(pool.clone());
    /// # users.migrate().await?;
    /// # sessions.migrate().await?;
    /// # use auth_admin::Admin;
    /// use auth_core::password::PasswordPolicy;
    ///
    /// let policy = PasswordPolicy::new().with_context_words(["Wonder Shop"]);
    /// let admin = Admin::new(users, sessions, "local")?.with_policy(policy);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_policy(mut self, policy: PasswordPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the store of the application's [`Throttle`](auth_core::Throttle), for `list-throttled` and `unlock`.
    ///
    /// ```
    /// # use auth_core::Passwords;
    /// # use auth_sql::{SqlSessions, SqlUsers};
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users: SqlUsers = SqlUsers::new(pool.clone(), Passwords::new()?);
    /// # let sessions = SqlSessions::new(pool.clone());
    /// # users.migrate().await?;
    /// # sessions.migrate().await?;
    /// # use auth_admin::Admin;
    /// use auth_sql::SqlThrottle;
    ///
    /// let admin = Admin::new(users, sessions, "local")?.with_throttle(SqlThrottle::new(pool));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_throttle(mut self, store: impl ThrottleStore) -> Self {
        self.counted = Some(Box::new(store));
        self
    }

    /// Sets the application's API keys, for `create-key`, `list-keys` and `revoke-key`: with the application's
    /// prefix, and with this backend among the [owners](ApiKeys::owners).
    ///
    /// ```
    /// # use auth_core::Passwords;
    /// # use auth_sql::{SqlSessions, SqlUsers};
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users: SqlUsers = SqlUsers::new(pool.clone(), Passwords::new()?);
    /// # let sessions = SqlSessions::new(pool.clone());
    /// # users.migrate().await?;
    /// # sessions.migrate().await?;
    /// # use auth_admin::Admin;
    /// use auth_core::api_keys::ApiKeys;
    /// use auth_sql::SqlApiKeys;
    ///
    /// let keys = ApiKeys::new("shop", SqlApiKeys::new(pool))?.owners("local", users.clone())?;
    /// let admin = Admin::new(users, sessions, "local")?.with_api_keys(keys);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_api_keys(mut self, keys: ApiKeys<impl ApiKeyStore, SqlUser>) -> Self {
        self.keys = Some(Box::new(keys));
        self
    }

    /// Sets the store of the application's [`Factors`](auth_core::factors::Factors), for `list-factors` and
    /// `reset-factors`.
    ///
    /// ```
    /// # use auth_core::Passwords;
    /// # use auth_sql::{SqlSessions, SqlUsers};
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users: SqlUsers = SqlUsers::new(pool.clone(), Passwords::new()?);
    /// # let sessions = SqlSessions::new(pool.clone());
    /// # users.migrate().await?;
    /// # sessions.migrate().await?;
    /// # use auth_admin::Admin;
    /// use auth_sql::SqlFactors;
    ///
    /// let admin = Admin::new(users, sessions, "local")?.with_factors(SqlFactors::new(pool));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_factors(mut self, store: impl FactorStore) -> Self {
        self.enrolled = Some(Box::new(store));
        self
    }

    /// Sets the directory and the policy of the application's logins, for `plan-users`. No login waits for it: if the
    /// directory is large, give it more [time for an answer](auth_ldap::LdapBuilder::operation_timeout) than a login
    /// has.
    ///
    /// # Errors
    /// [`ConfigError`] if the users' table lacks a column for something that the policy writes.
    #[cfg(all(unix, feature = "ldap"))]
    pub fn with_directory(
        mut self,
        directory: auth_ldap::Ldap,
        policy: &auth_core::provisioning::Provisioning,
    ) -> Result<Self, ConfigError> {
        self.planner = Some(Planner::new(directory, policy.on(self.users.clone())?));
        Ok(self)
    }

    /// Runs a command, in the terminal if there is one, and returns the exit code.
    ///
    /// ```
    /// # use auth_core::Passwords;
    /// # use auth_sql::{SqlSessions, SqlUsers};
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users: SqlUsers = SqlUsers::new(pool.clone(), Passwords::new()?);
    /// # let sessions = SqlSessions::new(pool.clone());
    /// # users.migrate().await?;
    /// # sessions.migrate().await?;
    /// # use auth_admin::{Admin, Command};
    /// let admin = Admin::new(users, sessions, "local")?;
    /// assert_eq!(admin.run(Command::Purge).await, std::process::ExitCode::SUCCESS);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run(&self, command: Command) -> ExitCode {
        let mut done = pin!(self.execute(command));
        let done = tokio::select! {
            done = &mut done => done,
            Ok(()) = tokio::signal::ctrl_c() => {
                // An interrupted hidden question ends by itself, and only then restores the terminal.
                if self.terminal.is_hidden() {
                    let _ = timeout(PATIENCE, done).await;
                }
                Err(Failure::Interrupted)
            }
        };
        self.terminal.restore();
        match done {
            Ok(code) => code,
            Err(failure) => {
                self.terminal.tell(&format!("error: {failure}"));
                failure.code()
            }
        }
    }

    async fn execute(&self, command: Command) -> Result<ExitCode, Failure> {
        let done = match command {
            #[cfg(all(unix, feature = "ldap"))]
            Command::PlanUsers { changes } => return self.plan_users(changes).await,
            Command::CreateUser { username, permissions, password } => {
                self.create_user(username, &permissions, &password).await
            }
            Command::SetPassword { username, password } => self.set_password(&username, &password).await,
            Command::Disable { username } => self.disable(&username).await,
            Command::Enable { username } => self.enable(&username).await,
            Command::Grant { username, permissions } => self.grant(&username, &permissions).await,
            Command::Revoke { username, permissions } => self.revoke(&username, &permissions).await,
            Command::ShowUser { username, json } => self.show_user(&username, json).await,
            Command::LogOutEverywhere { username } => self.log_out_everywhere(&username).await,
            Command::ListSessions { username, json } => self.list_sessions(&username, json).await,
            Command::EndSession { username, ids } => self.end_sessions(&username, &ids).await,
            Command::Purge => self.purge().await,
            Command::ListThrottled { json } => self.list_throttled(json).await,
            Command::Unlock { username, account } => {
                self.unlock(username.as_deref(), account.as_deref()).await
            }
            Command::CreateKey { username, key } => self.create_key(&username, &key).await,
            Command::ListKeys { username, json } => self.list_keys(&username, json).await,
            Command::RevokeKey { username, ids } => self.revoke_keys(&username, &ids).await,
            Command::ListFactors { username, json } => self.list_factors(&username, json).await,
            Command::ResetFactors { username, reason, yes } => {
                self.reset_factors(&username, &reason, yes).await
            }
            Command::ImportUsers { file, dry_run } => self.import_users(&file, dry_run).await,
        };
        done.map(|()| ExitCode::SUCCESS)
    }

    /// The user with this name.
    pub(crate) async fn user(&self, username: &str) -> Result<SqlUser, Failure> {
        let found = self.users.find(username).await?;
        found.ok_or_else(|| Failure::refused("there is no such user"))
    }
}

impl<S> fmt::Debug for Admin<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("users", &self.users)
            .field("backend", &self.backend)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
