//! `auth-admin`: administration on the tables that `auth-sql` makes.

#[cfg(unix)]
mod directory;
mod place;

use std::process::ExitCode;

use auth_admin::{Admin, Command, EXIT_CODES};
use auth_core::Passwords;
use auth_core::api_keys::ApiKeys;
use auth_core::password::{Argon2Cost, Format};
use auth_core::session::SessionStore;
use auth_sql::{Database, SqlApiKeys, SqlFactors, SqlOnce, SqlSessions, SqlThrottle, SqlUser, SqlUsers};
use clap::{Parser, Subcommand, ValueEnum};

use place::{Place, Unavailable, redis};

/// Administer users and sessions
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Options {
    /// Database of the users: `sqlite:FILE`, `postgres://…` or `mysql://…`. If the URL contains a password, set
    /// the variable instead
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database: String,

    /// Redis server of the sessions, `redis://:PASSWORD@HOST:PORT` [default: the database]
    #[arg(long, value_name = "URL", env = "SESSIONS_URL", hide_env_values = true)]
    sessions: Option<String>,

    /// Name of these users' backend in the application
    #[arg(long, value_name = "NAME", default_value = "local")]
    backend: String,

    /// Prefix of the application's API keys, for `create-key`: the argument of `ApiKeys::new`
    #[arg(long, value_name = "PREFIX", env = "API_KEY_PREFIX")]
    key_prefix: Option<String>,

    /// Site whose sessions to administer, if several sites share a store: the name that the application gave
    /// to `SessionConfig::realm`, or its cookie's [default: all]
    #[arg(long, value_name = "NAME")]
    realm: Option<String>,

    /// Formats of imported password hashes that the application accepts besides Argon2; may be repeated
    #[arg(long, value_name = "FORMAT")]
    accept: Vec<AcceptedFormat>,

    #[cfg(unix)]
    #[command(flatten)]
    directory: directory::DirectoryOptions,

    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Create the tables that are missing
    Migrate,
    #[command(flatten)]
    Admin(Command),
}

#[derive(Clone, Copy, ValueEnum)]
enum AcceptedFormat {
    /// All formats that Django reads
    Django,
    /// `$2a$`, `$2b$`, `$2y$`
    Bcrypt,
    /// `$pbkdf2-sha256$`, `$pbkdf2-sha512$`
    Pbkdf2,
    /// `$scrypt$`
    Scrypt,
    /// `$5$`, `$6$`
    Crypt,
}

impl AcceptedFormat {
    /// Their costs make the program start quickly: the limits for stored hashes are separate.
    fn formats(self) -> Vec<Format> {
        match self {
            Self::Django => vec![
                Format::django_pbkdf2_sha256(1_000),
                Format::django_pbkdf2_sha1(1_000),
                Format::django_argon2(Argon2Cost::MINIMUM),
                Format::django_bcrypt_sha256(4),
                Format::django_bcrypt(4),
                Format::django_scrypt(4, 8, 1),
            ],
            Self::Bcrypt => vec![Format::bcrypt(4)],
            Self::Pbkdf2 => vec![Format::pbkdf2_sha256(1_000), Format::pbkdf2_sha512(1_000)],
            Self::Scrypt => vec![Format::scrypt(4, 8, 1)],
            Self::Crypt => vec![Format::sha256_crypt(1_000), Format::sha512_crypt(1_000)],
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(Options::parse())).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            error.code()
        }
    }
}

async fn run(options: Options) -> Result<ExitCode, Unavailable> {
    let place = Place::of(&options.database)?;
    let database = place.open(matches!(options.task, Task::Migrate)).await?;
    let formats = options.accept.iter().flat_map(|accepted| accepted.formats());
    let passwords = Passwords::builder().accept(formats).build()?;
    let users = SqlUsers::new(database.clone(), passwords);
    match &options.task {
        Task::Migrate => migrate(&users, database, options.sessions.is_none()).await,
        Task::Admin(command) => {
            let keys = keys(&users, database.clone(), &options, command)?;
            let factors = SqlFactors::new(database.clone());
            if let Some(url) = &options.sessions {
                let (sessions, counted) = redis(url)?;
                let admin = Admin::new(users, sessions, &options.backend)?.with_throttle(counted);
                let admin = admin.with_api_keys(keys).with_factors(factors);
                return administer(admin, &options, command).await;
            }
            let (sessions, counted) = (SqlSessions::new(database.clone()), SqlThrottle::new(database));
            let admin = Admin::new(users, sessions, &options.backend)?.with_throttle(counted);
            administer(admin.with_api_keys(keys).with_factors(factors), &options, command).await
        }
    }
}

async fn migrate(users: &SqlUsers, database: Database, sessions: bool) -> Result<ExitCode, Unavailable> {
    users.migrate().await?;
    SqlApiKeys::new(database.clone()).migrate().await?;
    SqlOnce::new(database.clone()).migrate().await?;
    SqlFactors::new(database.clone()).migrate().await?;
    if sessions {
        SqlSessions::new(database.clone()).migrate().await?;
        SqlThrottle::new(database).migrate().await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Keys that are listed or revoked contain their prefix already.
fn keys(
    users: &SqlUsers,
    database: Database,
    options: &Options,
    command: &Command,
) -> Result<ApiKeys<SqlApiKeys, SqlUser>, Unavailable> {
    let prefix = match (&options.key_prefix, command) {
        (Some(prefix), _) => prefix,
        (None, Command::CreateKey { .. }) => {
            return Err(Unavailable::usage("name the application's prefix of keys by --key-prefix"));
        }
        (None, _) => "key",
    };
    Ok(ApiKeys::new(prefix, SqlApiKeys::new(database))?.owners(&options.backend, users.clone())?)
}

async fn administer<S: SessionStore>(
    mut admin: Admin<S>,
    options: &Options,
    command: &Command,
) -> Result<ExitCode, Unavailable> {
    if let Some(realm) = &options.realm {
        admin = admin.with_realm(realm)?;
    }
    #[cfg(unix)]
    if let Command::PlanUsers { .. } = command {
        admin = options.directory.give_to(admin)?;
    }
    Ok(admin.run(command.clone()).await)
}
