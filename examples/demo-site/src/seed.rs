//! What the database is filled with.

use auth_core::factors::{FactorOwner, Factors, StoredFactor, Totp};
use auth_core::session::KeyRing;
use auth_core::{BackendName, Secret, User};
use auth_sql::{Database, SqlFactors, SqlUser, SqlUsers, UserErrorKind};

use crate::accounts::{Account, LOCAL, MEMBERS, known_to};
use crate::auth::{Result, cannot};

/// The site's name in authenticator apps.
const ISSUER: &str = "Auth demo";
/// What the app is called that a user has from the start.
const APP: &str = "Demo app";

/// Makes the table's own users, if they are not there.
pub(crate) async fn create_local_users(users: &SqlUsers) -> Result<()> {
    for account in known_to(LOCAL) {
        if users.find(account.username).await?.is_some() {
            continue;
        }
        let user = match users.create_user(account.username, Some(&Secret::new(account.password))).await {
            Ok(user) => user,
            // The other demo was faster.
            Err(error) if error.kind() == UserErrorKind::NameTaken => continue,
            Err(error) => return Err(error.into()),
        };
        if account.member {
            users.grant(&user.id(), MEMBERS).await?;
        }
    }
    Ok(())
}

/// Second factors in the database, with those that the demo's own users have.
pub(crate) async fn factors_of(
    users: &SqlUsers,
    database: Database,
    ring: &KeyRing,
) -> Result<Factors<SqlFactors>> {
    let kept = SqlFactors::new(database);
    kept.migrate().await.map_err(cannot("the database takes no tables for second factors"))?;
    kept.check().await.map_err(cannot("the database cannot keep second factors"))?;
    let factors = Factors::new(ISSUER, kept, ring)?;
    for Account { username, app, .. } in known_to(LOCAL) {
        if let Some((user, secret)) = users.find(username).await?.zip(*app) {
            import_app(&factors, &user, secret).await?;
        }
    }
    Ok(factors)
}

/// Gives a user an app, if they have no factor.
async fn import_app(factors: &Factors<SqlFactors>, user: &SqlUser, secret: &str) -> Result<()> {
    let backend = BackendName::new(LOCAL).ok_or("the backend has a name")?;
    let owner = FactorOwner { backend, user: user.id() };
    if factors.list(&owner).await?.iter().any(StoredFactor::is_confirmed) {
        return Ok(());
    }
    factors.import_totp(&owner, APP, &secret.parse::<Totp>()?).await?;
    // Of two demos that start together each may have found none; a code of an app that is there twice would be good twice.
    // Whoever is last sees both, and both would keep the same.
    let all = factors.list(&owner).await?;
    let mut imported: Vec<_> = all.iter().filter(|one| &*one.name == APP).map(|one| one.id).collect();
    imported.sort_unstable();
    for twice in imported.iter().skip(1) {
        factors.remove(&owner, *twice).await?;
    }
    Ok(())
}
