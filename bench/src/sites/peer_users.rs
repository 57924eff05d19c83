//! The users of all sites but ours: the same Alice, in a map or in a table.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use sqlx::SqlitePool;

use super::{ALICE, PASSWORD};

/// A user. Texts are shared: a copy costs two counters.
#[derive(Clone, Debug)]
pub struct PeerUser {
    /// Her number in the table.
    pub id: i64,
    /// What she logs in with.
    pub name: Arc<str>,
    /// A PHC string.
    pub password: Arc<str>,
    /// Sessions end when it changes. In axum-login's documentation it is the password's hash.
    pub(crate) stamp: Arc<[u8]>,
}

/// Where they are.
#[derive(Clone, Debug)]
pub struct PeerUsers(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Memory(Arc<Map>),
    Sqlite(SqlitePool),
}

#[derive(Debug)]
struct Map {
    by_id: HashMap<i64, PeerUser>,
    by_name: HashMap<Arc<str>, i64>,
}

impl PeerUsers {
    /// Alice, with a hash that is as cheap as ours is here: the hash is not what is measured.
    pub(crate) fn memory() -> Self {
        Self::of(PeerUser::alice(cheap()))
    }

    /// The same, with a stamp of 16 bytes: axum-login keeps it in each session.
    pub(crate) fn memory_with_stamp() -> Self {
        Self::of(PeerUser { stamp: [7; 16].into(), ..PeerUser::alice(cheap()) })
    }

    /// Alice, with a hash of 19 MiB and two passes, which is the default of Argon2's crate too.
    pub(crate) fn memory_with_real_hash() -> Self {
        Self::of(PeerUser::alice(Params::DEFAULT))
    }

    fn of(alice: PeerUser) -> Self {
        let by_name = HashMap::from([(alice.name.clone(), alice.id)]);
        Self(Kept::Memory(Arc::new(Map { by_id: HashMap::from([(alice.id, alice)]), by_name })))
    }

    /// The same in a table such as that of axum-login's `sqlite` example.
    ///
    /// # Errors
    /// If the database refuses.
    pub(crate) async fn sqlite(pool: SqlitePool) -> Result<Self, String> {
        let table = "create table if not exists users \
                     (id integer primary key not null, username text not null unique, password text not null)";
        sqlx::query(table).execute(&pool).await.map_err(|error| error.to_string())?;
        let alice = sqlx::query("insert into users (username, password) values (?, ?)");
        let alice = alice.bind(ALICE).bind(hash(cheap())).execute(&pool).await;
        alice.map_err(|error| error.to_string())?;
        Ok(Self(Kept::Sqlite(pool)))
    }

    /// The user with a number.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn by_id(&self, id: i64) -> io::Result<Option<PeerUser>> {
        match &self.0 {
            Kept::Memory(map) => Ok(map.by_id.get(&id).cloned()),
            Kept::Sqlite(pool) => {
                let row = sqlx::query_as("select * from users where id = ?").bind(id);
                Ok(row.fetch_optional(pool).await.map_err(io::Error::other)?.map(PeerUser::from_row))
            }
        }
    }

    /// The user with a name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn by_name(&self, name: &str) -> io::Result<Option<PeerUser>> {
        match &self.0 {
            Kept::Memory(map) => Ok(map.by_name.get(name).and_then(|id| map.by_id.get(id)).cloned()),
            Kept::Sqlite(pool) => {
                let row = sqlx::query_as("select * from users where username = ?").bind(name);
                Ok(row.fetch_optional(pool).await.map_err(io::Error::other)?.map(PeerUser::from_row))
            }
        }
    }

    /// Checks a password on tokio's blocking threads, as axum-login's examples do.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn authenticate(&self, name: &str, password: String) -> io::Result<Option<PeerUser>> {
        let user = self.by_name(name).await?;
        let checked = tokio::task::spawn_blocking(move || user.filter(|user| user.has_password(&password)));
        checked.await.map_err(io::Error::other)
    }
}

impl PeerUser {
    fn alice(params: Params) -> Self {
        Self::from_row((1, ALICE.to_owned(), hash(params)))
    }

    fn from_row((id, name, password): (i64, String, String)) -> Self {
        let stamp = password.as_bytes().into();
        Self { id, name: name.into(), password: password.into(), stamp }
    }

    fn has_password(&self, password: &str) -> bool {
        PasswordHash::new(&self.password)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }
}

fn cheap() -> Params {
    Params::new(64, 1, 1, None).expect("valid costs")
}

fn hash(params: Params) -> String {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let salt = b"sixteen bytes 16";
    let hash = argon2.hash_password_customized(PASSWORD.as_bytes(), salt, None, None, params);
    hash.expect("valid costs").to_string()
}
