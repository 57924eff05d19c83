//! [`SqlFactors`]: second factors in tables.

#[cfg(test)]
mod plans;
mod statements;

use std::fmt;
use std::sync::Arc;

use auth_core::factors::{
    CodeHash, FactorId, FactorKind, FactorLookup, FactorOwner, FactorStore, Reservation, StoredFactor, Tries,
    Try, TryEnd, check_store,
};
use auth_core::session::{StoreError, StoreErrorKind};
use auth_core::time::Timestamp;
use auth_core::{BackendName, ConfigError, UserId};
use sqlx::SqlStr;

use crate::Database;
use crate::database::{self, Transaction};
use crate::driver::{Columns, Rows, Value, number as number_in};
use crate::error::{DbError, DbErrorKind};
use crate::identifier::Identifier;
use crate::sessions::{millis, number};
use statements::{Statements, Tables};

/// A [`FactorStore`] in tables, for all instances that share the database. Cheap to clone.
///
/// The tables hold the secrets as sealed by [`Factors`](auth_core::factors::Factors), hashes of recovery codes, and
/// how many wrong codes each user entered.
///
/// ```
/// use auth_core::factors::Factors;
/// use auth_core::session::KeyRing;
/// use auth_sql::SqlFactors;
/// # use sqlx::sqlite::SqlitePoolOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
/// let kept = SqlFactors::new(pool);
/// kept.migrate().await?;
/// kept.check().await?;
/// let factors = Factors::new("Shop", kept, &KeyRing::generate()?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlFactors {
    database: Database,
    sql: Arc<Statements>,
}

impl SqlFactors {
    /// Keeps factors in the tables `auth_factors`, `auth_recovery_codes` and `auth_factor_tries`.
    ///
    /// ```
    /// # use auth_sql::SqlFactors;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let kept = SqlFactors::new(pool);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(database: impl Into<Database>) -> Self {
        let database = database.into();
        let sql = Arc::new(Statements::new(&Tables::default(), database.dialect()));
        Self { database, sql }
    }

    /// Keeps factors in other tables.
    ///
    /// ```
    /// use auth_sql::SqlFactors;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let kept = SqlFactors::new(pool).with_tables("shop_factors", "shop_codes", "shop_tries")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] unless each of them is a letter or `_`, followed by at most 62 letters, digits or `_`.
    pub fn with_tables(mut self, factors: &str, codes: &str, tries: &str) -> Result<Self, ConfigError> {
        let tables = Tables {
            factors: Identifier::new(factors)?,
            codes: Identifier::new(codes)?,
            tries: Identifier::new(tries)?,
        };
        self.sql = Arc::new(Statements::new(&tables, self.database.dialect()));
        Ok(self)
    }

    /// Loads the codes of those factors that are sets of recovery codes.
    async fn fill(&self, owner: &FactorOwner, factors: &mut [StoredFactor]) -> Result<(), StoreError> {
        if factors.iter().all(|factor| factor.kind != FactorKind::RecoveryCodes) {
            return Ok(());
        }
        let read = |rows: &mut Rows<'_>| rows.map(code).collect::<Result<Vec<_>, _>>();
        for (id, code) in self.database.fetch(&self.sql.codes_of_owner, &of(owner), read).await? {
            if let Some(factor) = factors.iter_mut().find(|factor| factor.id == id) {
                factor.codes.push(code);
            }
        }
        Ok(())
    }

    /// Creates the tables and their indexes where they are missing.
    ///
    /// ```
    /// # use auth_sql::SqlFactors;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let kept = SqlFactors::new(pool);
    /// kept.migrate().await?; // when the program starts
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses or cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(self.database.migrate(&self.sql.migrate).await?)
    }

    /// Tries all that factors will need: see [`check_store`]. Call it when the program starts, after
    /// [`migrate`](Self::migrate).
    ///
    /// ```
    /// # use auth_sql::SqlFactors;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let kept = SqlFactors::new(pool);
    /// # kept.migrate().await?;
    /// kept.check().await?; // after `migrate`, before the first request
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] of what failed first. Its sources name the table, the permission or the setting that is missing.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.database.check().await?;
        check_store(self).await
    }

    /// Runs a statement on a factor: the values to set, which factor it is, and the values of the conditions.
    async fn change(
        &self,
        sql: &SqlStr,
        set: &[Value<'_>],
        (owner, id): (&FactorOwner, FactorId),
        is: &[Value<'_>],
    ) -> Result<bool, StoreError> {
        let values = [set, &which(owner, id), is].concat();
        Ok(self.database.execute(sql, &values).await? > 0)
    }

    /// Writes in a transaction, all of it or nothing, and tries again if the database rolled it back in favour of
    /// others. Returns how many rows the last statement changed; `None` if there was nothing to change.
    async fn write(&self, write: &Write<'_>) -> Result<Option<u64>, DbError> {
        let mut tries = database::Tries::new();
        loop {
            match self.write_once(write).await {
                Err(error) if error.kind() == DbErrorKind::Undone && tries.again_after(&error).await => {}
                done => return done,
            }
        }
    }

    async fn write_once(&self, write: &Write<'_>) -> Result<Option<u64>, DbError> {
        let mut on = self.database.begin().await?;
        let done = match write {
            Write::Add(factor) => self.insert(&mut on, factor).await.map(Some),
            Write::Replace(factor) => self.replace(&mut on, factor).await.map(Some),
            Write::UseCode { which, code, now } => self.use_code(&mut on, which, code, *now).await,
            Write::Remove(which) => self.remove_one(&mut on, which).await.map(Some),
            Write::RemoveAll(owner) => self.remove_owner(&mut on, owner).await.map(Some),
        };
        if let Ok(Some(_)) = done {
            on.commit().await?;
        } else {
            on.undo().await;
        }
        done
    }

    async fn replace(&self, on: &mut Transaction, factor: &StoredFactor) -> Result<u64, DbError> {
        let [backend, user] = of(&factor.owner);
        on.execute(&self.sql.remove_all_codes, &[backend, user]).await?;
        let kind = i64::from(FactorKind::RecoveryCodes.code()).into();
        on.execute(&self.sql.remove_kind, &[backend, user, kind]).await?;
        self.insert(on, factor).await
    }

    /// Deleting the row uses the code: a concurrent use waits for that and finds no row.
    async fn use_code(
        &self,
        on: &mut Transaction,
        which: &[Value<'_>; 3],
        code: &CodeHash,
        now: Timestamp,
    ) -> Result<Option<u64>, DbError> {
        let values = [&which[..], &[code.as_slice().into()]].concat();
        if on.execute(&self.sql.use_code, &values).await? == 0 {
            return Ok(None);
        }
        let values = [&[millis(now).into()], &which[..]].concat();
        on.execute(&self.sql.note_use, &values).await.map(Some)
    }

    async fn remove_one(&self, on: &mut Transaction, which: &[Value<'_>; 3]) -> Result<u64, DbError> {
        on.execute(&self.sql.remove_codes, which).await?;
        on.execute(&self.sql.remove, which).await
    }

    async fn remove_owner(&self, on: &mut Transaction, owner: &FactorOwner) -> Result<u64, DbError> {
        on.execute(&self.sql.remove_all_codes, &of(owner)).await?;
        on.execute(&self.sql.remove_tries, &of(owner)).await?;
        on.execute(&self.sql.remove_all, &of(owner)).await
    }

    async fn insert(&self, on: &mut Transaction, factor: &StoredFactor) -> Result<u64, DbError> {
        let id = id_value(factor.id);
        let [backend, user] = of(&factor.owner);
        let values = [
            id,
            backend,
            user,
            i64::from(factor.kind.code()).into(),
            millis(factor.created).into(),
            Value::Int(factor.confirmed.map(millis)),
            Value::Int(factor.last_used.map(millis)),
            factor.last_step.map_or(Value::Int(None), number),
            (&*factor.name).into(),
            (&*factor.secret).into(),
            Value::Bytes(factor.lookup.as_ref().map(<[u8; 32]>::as_slice)),
        ];
        let inserted = on.execute(&self.sql.insert, &values).await?;
        for code in &factor.codes {
            on.execute(&self.sql.insert_code, &[id, backend, user, code.as_slice().into()]).await?;
        }
        Ok(inserted)
    }

    async fn tries(&self, owner: &FactorOwner) -> Result<Option<Tries>, DbError> {
        let read = |row: &dyn Columns| {
            let counted = u32::try_from(number_in(row, 0)?).unwrap_or(u32::MAX);
            let blocked_until = time(Some(number_in(row, 1)?)).unwrap_or_default();
            Ok(Some(Tries { counted, blocked_until }))
        };
        self.database.first(&self.sql.tries, &of(owner), read).await
    }

    /// Replaces what was read; `false` if that is no longer there.
    async fn replace_tries(
        &self,
        owner: &FactorOwner,
        old: Option<Tries>,
        new: Tries,
    ) -> Result<bool, DbError> {
        let values = |tries: Tries| [i64::from(tries.counted).into(), millis(tries.blocked_until).into()];
        let Some(old) = old else {
            return self.database.insert(&self.sql.first_try, &[values(new), of(owner)].concat()).await;
        };
        let all = [values(new), of(owner), values(old)].concat();
        Ok(self.database.execute(&self.sql.replace_tries, &all).await? > 0)
    }
}

/// Writes that take more than one statement. Dropping a transaction rolls it back.
enum Write<'a> {
    Add(&'a StoredFactor),
    /// Replaces all recovery codes.
    Replace(&'a StoredFactor),
    UseCode {
        which: [Value<'a>; 3],
        code: &'a CodeHash,
        now: Timestamp,
    },
    Remove([Value<'a>; 3]),
    RemoveAll(&'a FactorOwner),
}

impl FactorStore for SqlFactors {
    async fn add(&self, factor: &StoredFactor, max: usize) -> Result<bool, StoreError> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let count = |row: &dyn Columns| number_in(row, 0).map(Some);
        let has = self.database.first(&self.sql.count, &of(&factor.owner), count).await?;
        if has.unwrap_or_default() >= max {
            return Ok(false);
        }
        self.write(&Write::Add(factor)).await.map_err(taken)?;
        Ok(true)
    }

    async fn replace_codes(&self, factor: &StoredFactor) -> Result<(), StoreError> {
        self.write(&Write::Replace(factor)).await.map_err(taken)?;
        Ok(())
    }

    async fn of_owner(&self, owner: &FactorOwner) -> Result<Vec<StoredFactor>, StoreError> {
        let read = |rows: &mut Rows<'_>| rows.map(factor).collect::<Result<Vec<_>, _>>();
        let found = self.database.fetch(&self.sql.of_owner, &of(owner), read).await?;
        // A user with a factor that this version does not know must not pass for a user without factors.
        let mut factors = found.into_iter().collect::<Option<Vec<_>>>().ok_or_else(newer)?;
        self.fill(owner, &mut factors).await?;
        Ok(factors)
    }

    async fn by_lookup(&self, lookup: &FactorLookup) -> Result<Option<StoredFactor>, StoreError> {
        let read = |row: &dyn Columns| factor(row).map(Some);
        let found = self.database.first(&self.sql.by_lookup, &[lookup.as_slice().into()], read).await?;
        let Some(found) = found else { return Ok(None) };
        let mut found = [found.ok_or_else(newer)?];
        let owner = found[0].owner.clone();
        self.fill(&owner, &mut found).await?;
        let [found] = found;
        Ok(Some(found))
    }

    async fn note_use(&self, owner: &FactorOwner, id: FactorId, now: Timestamp) -> Result<bool, StoreError> {
        self.change(&self.sql.note_any_use, &[millis(now).into()], (owner, id), &[]).await
    }

    async fn confirm(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change(&self.sql.confirm, &[millis(now).into(), number(step)], (owner, id), &[]).await
    }

    async fn use_step(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let set = [millis(now).into(), number(step)];
        self.change(&self.sql.use_step, &set, (owner, id), &[number(step)]).await
    }

    async fn use_recovery_code(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        code: &CodeHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let write = Write::UseCode { which: which(owner, id), code, now };
        Ok(self.write(&write).await?.is_some())
    }

    async fn replace_secret(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        old: &[u8],
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.change(&self.sql.replace_secret, &[new.into()], (owner, id), &[old.into()]).await
    }

    async fn rename(&self, owner: &FactorOwner, id: FactorId, name: &str) -> Result<bool, StoreError> {
        self.change(&self.sql.rename, &[name.into()], (owner, id), &[]).await
    }

    async fn remove(&self, owner: &FactorOwner, id: FactorId) -> Result<bool, StoreError> {
        Ok(self.write(&Write::Remove(which(owner, id))).await? > Some(0))
    }

    async fn remove_all(&self, owner: &FactorOwner) -> Result<u64, StoreError> {
        Ok(self.write(&Write::RemoveAll(owner)).await?.unwrap_or_default())
    }

    async fn reserve_try(&self, owner: &FactorOwner, now: Timestamp) -> Result<Reservation, StoreError> {
        // A try that another one overtook reads again. After as many tries as are free, everybody finds that they
        // have to wait.
        loop {
            let old = self.tries(owner).await?;
            let reserved = match old.unwrap_or_default().reserve(now) {
                Ok(reserved) => reserved,
                Err(delay) => return Ok(Reservation::RetryAfter(delay)),
            };
            if self.replace_tries(owner, old, reserved).await? {
                return Ok(Reservation::Allowed(Try::of(reserved)));
            }
        }
    }

    async fn settle_try(&self, owner: &FactorOwner, tried: Try, end: TryEnd) -> Result<(), StoreError> {
        if end == TryEnd::Right {
            self.database.execute(&self.sql.remove_tries, &of(owner)).await?;
            return Ok(());
        }
        while let Some(old) = self.tries(owner).await? {
            let Some(new) = old.settle(tried, end) else { break };
            if self.replace_tries(owner, Some(old), new).await? {
                break;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SqlFactors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlFactors").field("database", &self.database).finish_non_exhaustive()
    }
}

fn of(owner: &FactorOwner) -> [Value<'_>; 2] {
    [owner.backend.as_str().into(), owner.user.as_str().into()]
}

fn which(owner: &FactorOwner, id: FactorId) -> [Value<'_>; 3] {
    let [backend, user] = of(owner);
    [id_value(id), backend, user]
}

/// All 64 bits of it, in a signed number.
fn id_value(id: FactorId) -> Value<'static> {
    Value::Int(Some(id.number().cast_signed()))
}

fn newer() -> StoreError {
    StoreError::new(StoreErrorKind::Newer)
}

fn taken(error: DbError) -> StoreError {
    match error.kind() {
        DbErrorKind::Taken => StoreError::because(StoreErrorKind::Exists, error),
        _ => error.into(),
    }
}

fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.and_then(|millis| u64::try_from(millis).ok()).map(Timestamp::from_millis)
}

/// The columns that queries begin with; `None` for a kind that this version does not know. A row that cannot be read
/// is an error: it could be the only factor of a user.
fn factor(row: &dyn Columns) -> Result<Option<StoredFactor>, DbError> {
    let unreadable = || DbError::unreadable("a stored factor cannot be read");
    let backend = row.text(1)?.and_then(BackendName::new);
    let user = row.text(2)?.and_then(|user| UserId::new(user).ok());
    let (backend, user) = backend.zip(user).ok_or_else(unreadable)?;
    let Some(kind) = u8::try_from(number_in(row, 3)?).ok().and_then(FactorKind::from_code) else {
        return Ok(None);
    };
    Ok(Some(StoredFactor {
        id: FactorId::from_number(number_in(row, 0)?.cast_unsigned()),
        owner: FactorOwner { backend, user },
        kind,
        name: row.text(8)?.ok_or_else(unreadable)?.into(),
        created: time(row.int(4)?).ok_or_else(unreadable)?,
        confirmed: time(row.int(5)?),
        last_used: time(row.int(6)?),
        last_step: row.int(7)?.and_then(|step| u64::try_from(step).ok()),
        secret: row.bytes(9)?.ok_or_else(unreadable)?.into(),
        codes: Vec::new(),
        lookup: row.bytes(10)?.map(TryInto::try_into).transpose().map_err(|_| unreadable())?,
    }))
}

fn code(row: &dyn Columns) -> Result<(FactorId, CodeHash), DbError> {
    let code = row.bytes(1)?.and_then(|code| code.try_into().ok());
    let code = code.ok_or_else(|| DbError::unreadable("a stored recovery code cannot be read"))?;
    Ok((FactorId::from_number(number_in(row, 0)?.cast_unsigned()), code))
}
