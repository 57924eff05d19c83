//! Writing what a plan contains: all of it, or nothing.

use std::collections::BTreeSet;

use auth_core::UserId;
use auth_core::provisioning::{Account, Change, NewUser, Right, Update, Write};
use auth_core::random::RandomError;

use super::accounts::{finds, read};
use super::manage::new_stamp;
use super::provision::name_value;
use super::statements::{TRUTH, VALUE, insert};
use super::{SqlUsers, UserTable};
use crate::database::Transaction;
use crate::driver::Value;
use crate::error::DbError;
use crate::identifier::Identifier;
use crate::{TableUser, canonical};

/// Why nothing was written.
pub(super) enum Unwritten {
    Db(DbError),
    Random(RandomError),
}

impl From<DbError> for Unwritten {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl From<RandomError> for Unwritten {
    fn from(error: RandomError) -> Self {
        Self::Random(error)
    }
}

/// The writes. Dropping a transaction rolls it back.
impl<U: TableUser> SqlUsers<U> {
    /// `None` if the user changed since the plan was made.
    pub(super) async fn write_all(&self, write: &Write) -> Result<Option<UserId>, Unwritten> {
        match self.try_write(write).await {
            Err(Unwritten::Db(error)) if self.turns_out_earlier(&error).await => self.try_write(write).await,
            written => written,
        }
    }

    async fn try_write(&self, write: &Write) -> Result<Option<UserId>, Unwritten> {
        let mut transaction = self.database.begin().await?;
        let written = match write {
            Write::Create(new) => self.create_provisioned(&mut transaction, new).await,
            Write::Update(update) => self.update(&mut transaction, update).await,
        };
        if let Ok(Some(_)) = &written {
            transaction.commit().await?;
        } else {
            transaction.undo().await;
        }
        written
    }

    async fn create_provisioned(
        &self,
        transaction: &mut Transaction,
        new: &NewUser,
    ) -> Result<Option<UserId>, Unwritten> {
        let Ok(key) = canonical(&new.username) else { return Ok(None) };
        self.insert_new(transaction, new, &key).await?;
        let (made, _) = self.accounts_of(transaction, &new.issuer, &new.subject).await?;
        let Some(Account { id, .. }) = made else {
            return Err(DbError::unreadable("a new user is not there").into());
        };
        for change in &new.changes {
            if !is_inserted(change) {
                self.write(transaction, &id, change).await?;
            }
        }
        Ok(Some(id))
    }

    /// Inserts the row of a new user with all columns that have a value: some may have no default.
    async fn insert_new(
        &self,
        transaction: &mut Transaction,
        new: &NewUser,
        key: &str,
    ) -> Result<(), Unwritten> {
        let (table, stamp) = (&*self.table, new_stamp()?);
        let mut values = vec![Value::from(key), Value::Text(None)];
        values.extend(table.stamp.as_ref().map(|_| Value::from(&stamp[..])));
        if table.has_display_name() {
            values.push(new.username.as_str().into());
        }
        values.extend([Value::from(new.issuer.as_str()), Value::from(new.subject.as_str())]);
        let mut columns: Vec<_> = table.identity.iter().flatten().map(|column| (column, VALUE)).collect();
        for (column, value) in texts(table, &new.changes) {
            columns.push((column, VALUE));
            values.push(value.into());
        }
        for (column, truth) in truths(table, &new.changes) {
            columns.push((column, TRUTH));
            values.push(i64::from(truth).into());
        }
        columns.extend(table.active.iter().map(|active| (active, "TRUE")));
        let sql = insert(table, columns, self.database.dialect());
        transaction.execute(&sql, &values).await?;
        Ok(())
    }

    async fn update(
        &self,
        transaction: &mut Transaction,
        update: &Update,
    ) -> Result<Option<UserId>, Unwritten> {
        let (sql, id) = (self.accounts()?, &update.before.id);
        let Some(value) = self.table.id_value(id) else { return Ok(None) };
        // Before the user's row: a transaction that revokes the same right from another user waits here, which avoids
        // a deadlock.
        for right in guarded(&update.changes) {
            let Some(holders) = self.holders(right)? else { continue };
            let values: Vec<_> = name_value(right).into_iter().collect();
            finds(transaction, &holders.lock, &values).await?;
        }
        finds(transaction, &sql.lock, &[value]).await?;
        let now = read(transaction, &sql.by_id, &[value], &self.table, sql.tracking.as_ref()).await?;
        if now.first() != Some(&update.before) {
            return Ok(None);
        }
        for right in guarded(&update.changes) {
            if !self.is_held_by_another(transaction, right, id).await? {
                return Ok(None);
            }
        }
        for change in &update.changes {
            self.write(transaction, id, change).await?;
        }
        Ok(Some(id.clone()))
    }

    async fn write(
        &self,
        transaction: &mut Transaction,
        id: &UserId,
        change: &Change,
    ) -> Result<(), Unwritten> {
        let Some(user) = self.table.id_value(id) else { return Ok(()) };
        match change {
            Change::Link { issuer, subject } => {
                let values = [issuer.as_str().into(), subject.as_str().into(), user];
                transaction.execute(&self.accounts()?.link, &values).await?;
            }
            Change::Claim => {
                let stamp = new_stamp()?;
                let stamp = self.table.stamp.as_ref().map(|_| Value::from(&stamp[..]));
                let values: Vec<_> = [Value::Text(None)].into_iter().chain(stamp).chain([user]).collect();
                transaction.execute(&self.sql.set_password, &values).await?;
            }
            Change::Email(email) => {
                let sql = self.accounts()?.email.as_ref().ok_or_else(no_place)?;
                let values = [email.address.as_str().into(), i64::from(email.verified).into(), user];
                transaction.execute(sql, &values).await?;
            }
            Change::Attribute { field, value } => {
                self.set(transaction, field, Value::Text(value.as_deref()), user).await?;
            }
            Change::Track { field, value } => self.track(transaction, user, field, value.as_deref()).await?,
            Change::Give(right) => self.hold(transaction, user, right, true).await?,
            Change::Take { right, .. } => self.hold(transaction, user, right, false).await?,
            // A change that this version does not know must not be left out silently.
            _ => return Err(no_place().into()),
        }
        Ok(())
    }

    async fn set(
        &self,
        transaction: &mut Transaction,
        column: &str,
        value: Value<'_>,
        user: Value<'_>,
    ) -> Result<(), DbError> {
        let sql = self.accounts()?.set.get(column).ok_or_else(no_place)?;
        transaction.execute(sql, &[value, user]).await?;
        Ok(())
    }

    async fn hold(
        &self,
        transaction: &mut Transaction,
        user: Value<'_>,
        right: &Right,
        holds: bool,
    ) -> Result<(), DbError> {
        match right {
            Right::Flag(name) => self.set(transaction, name, i64::from(holds).into(), user).await,
            Right::Permission(name) => {
                let sql = self.sql.permissions.as_ref().ok_or_else(no_place)?;
                let sql = if holds { &sql.grant } else { &sql.revoke };
                transaction.execute(sql, &[Value::from(&**name), user]).await?;
                Ok(())
            }
        }
    }

    async fn track(
        &self,
        transaction: &mut Transaction,
        user: Value<'_>,
        field: &str,
        value: Option<&str>,
    ) -> Result<(), DbError> {
        let sql = self.accounts()?.tracking.as_ref().ok_or_else(no_place)?;
        transaction.execute(&sql.forget, &[user, field.into()]).await?;
        if let Some(value) = value {
            transaction.execute(&sql.remember, &[user, field.into(), value.into()]).await?;
        }
        Ok(())
    }
}

fn no_place() -> DbError {
    DbError::unreadable("the user table has no place for a change")
}

fn guarded(changes: &[Change]) -> BTreeSet<&Right> {
    let guarded = changes.iter().filter_map(|change| match change {
        Change::Take { right, guarded: true } => Some(right),
        _ => None,
    });
    guarded.collect()
}

/// Whether a change of a new user is in its row from the start.
fn is_inserted(change: &Change) -> bool {
    matches!(change, Change::Attribute { .. } | Change::Email(_) | Change::Give(Right::Flag(_)))
}

/// The text columns of a new user, with their values.
fn texts<'a>(table: &'a UserTable, changes: &'a [Change]) -> impl Iterator<Item = (&'a Identifier, &'a str)> {
    changes.iter().filter_map(|change| match change {
        Change::Attribute { field, value: Some(value) } => {
            let column = table.attributes.iter().find(|column| column.as_str() == field)?;
            Some((column, value.as_str()))
        }
        Change::Email(email) => Some((&table.email.as_ref()?[0], email.address.as_str())),
        _ => None,
    })
}

/// The truth-value columns of a new user, with their values.
fn truths<'a>(table: &'a UserTable, changes: &'a [Change]) -> impl Iterator<Item = (&'a Identifier, bool)> {
    let verified = changes.iter().any(|change| matches!(change, Change::Email(email) if email.verified));
    let has = |flag: &Identifier| {
        changes
            .iter()
            .any(|change| matches!(change, Change::Give(Right::Flag(name)) if **name == *flag.as_str()))
    };
    let verified = table.email.iter().map(move |[_, column]| (column, verified));
    verified.chain(table.flags.iter().map(move |flag| (flag, has(flag))))
}
