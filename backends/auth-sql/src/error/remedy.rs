//! What to do about an error, where that is known: in words of this crate, which name the setting.

use sqlx::error::DatabaseError;

/// What to do if the database says that something is missing, refused or mixed up. `None` for all other errors.
pub(super) fn of(error: &dyn DatabaseError) -> Option<String> {
    not_migrated(error)
        .or_else(|| read_only(error))
        .or_else(|| mixed_up(error))
        .or_else(|| startup_parameter(error))
        .or_else(|| forbidden(error))
}

/// A table or a column is missing: usually nobody has called `migrate`.
fn not_migrated(error: &dyn DatabaseError) -> Option<String> {
    let what = if is(error, &TABLE_MISSING) {
        let table = named(error.message(), &TABLE_MISSING);
        table.map_or_else(|| "a table is missing".into(), |table| format!("the table `{table}` is missing"))
    } else if lacks_column(error) {
        // PostgreSQL does not quote a column that it names with its table.
        let column = named(error.message(), &COLUMN_MISSING).or_else(|| unquoted(error.message()));
        let column = column.map_or_else(|| "a column".into(), |column| format!("the column `{column}`"));
        format!("a table of an earlier version lacks {column}")
    } else {
        return None;
    };
    Some(format!("{what}: call `migrate()` when the program starts, or run `auth-admin migrate`"))
}

/// Whether a column is missing.
pub(super) fn lacks_column(error: &dyn DatabaseError) -> bool {
    is(error, &COLUMN_MISSING)
}

fn read_only(error: &dyn DatabaseError) -> Option<String> {
    #[cfg(feature = "sqlite")]
    if crate::driver::sqlite::is_of(error) {
        let code = error.code().unwrap_or_default();
        let text = "the database's file is read-only: let this program write to it and to its folder";
        return crate::driver::sqlite::is_read_only(&code).then(|| text.into());
    }
    let text =
        "the server refuses writes: connect to the primary and not to a replica, or end its read-only mode";
    is(error, &READ_ONLY).then(|| text.into())
}

/// A prepared statement belongs to another client, or does not exist: a pooler shares the connection.
fn mixed_up(error: &dyn DatabaseError) -> Option<String> {
    is(error, &OTHERS_STATEMENT).then(|| MIXED_UP.into())
}

/// What to do if a pooler assigns each transaction to another connection of the server.
pub(super) const MIXED_UP: &str = "the statements of several clients meet on one connection of the server: behind a \
    pooler such as PgBouncer with `pool_mode = transaction`, add `statement-cache-capacity=0` to the database's URL, or \
    let PgBouncer keep them apart by `max_prepared_statements` (from 1.21), or set `pool_mode = session`";

/// A pooler that does not accept a parameter that clients send when they connect.
fn startup_parameter(error: &dyn DatabaseError) -> Option<String> {
    let (_, name) = error.message().split_once("unsupported startup parameter")?;
    let name = name.rsplit([':', ' ']).next().filter(|name| is_word(name)).unwrap_or("…");
    Some(format!(
        "the pooler refuses the parameter `{name}`: set `ignore_startup_parameters = {name}` in PgBouncer's \
         configuration"
    ))
}

/// A permission is missing. [`grant`] derives which one from the statement.
fn forbidden(error: &dyn DatabaseError) -> Option<String> {
    let (kind, name) = on_what(error.message()).filter(|_| is(error, &FORBIDDEN))?;
    Some(format!("permission denied for {kind} `{name}`"))
}

/// On what a permission is missing, as GRANT names it; the empty text if the server's message does not tell. `None`
/// for all other errors.
pub(super) fn forbids(error: &dyn DatabaseError) -> Option<Box<str>> {
    is(error, &FORBIDDEN).then(|| match on_what(error.message()) {
        Some(("table", name)) => name.into(),
        Some((kind, name)) => format!("{} {name}", kind.to_uppercase()).into(),
        None => "".into(),
    })
}

/// The permission that a statement lacks, on what [`forbids`] returned.
pub(super) fn grant(sql: &str, on: &str) -> Option<String> {
    let of_rows = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    let needs = match sql.split_whitespace().next()? {
        "SELECT" if sql.contains(" FOR UPDATE") => "SELECT, UPDATE",
        // The statement looks for the rows before it deletes them.
        "WITH" => "DELETE",
        word => word,
    };
    match on.split_once(' ') {
        Some(("SCHEMA", _)) if needs != "CREATE" => Some(format!("GRANT USAGE ON {on}")),
        Some(("SEQUENCE", _)) => Some(format!("GRANT USAGE ON {on}")),
        _ if !on.is_empty() => Some(format!("GRANT {needs} ON {on}")),
        _ => of_rows.contains(&needs).then(|| format!("GRANT {needs}")),
    }
}

/// On what a permission is missing: its kind and its name. Only for servers that speak English.
fn on_what(message: &str) -> Option<(&'static str, &str)> {
    let kinds = [
        ("permission denied for table ", "table"),
        ("permission denied for relation ", "table"),
        ("permission denied for view ", "table"),
        ("permission denied for sequence ", "sequence"),
        ("permission denied for schema ", "schema"),
        // The user's name and address precede it.
        (" in table ", "table"),
        (" for table ", "table"),
    ];
    kinds.into_iter().find_map(|(before, kind)| {
        let name = message.split_once(before)?.1.split(' ').next()?.rsplit('.').next()?;
        let quotes = ['`', '\'', '"'];
        let name = if name.ends_with(quotes) { name.trim_matches(quotes) } else { name };
        is_word(name).then_some((kind, name))
    })
}

/// Whether the log may quote it: a name, and nothing that a value could be.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// How each database says something. `SQLite` has one code for everything that is wrong with a statement.
struct Said {
    postgres: &'static [&'static str],
    #[cfg(feature = "mysql")]
    mysql: &'static [u16],
    sqlite: &'static [&'static str],
}

const TABLE_MISSING: Said = Said {
    postgres: &["42P01"],
    #[cfg(feature = "mysql")]
    mysql: &[1146],
    sqlite: &["no such table: "],
};

const COLUMN_MISSING: Said = Said {
    postgres: &["42703"],
    #[cfg(feature = "mysql")]
    mysql: &[1054],
    sqlite: &["no such column: ", " has no column named "],
};

const FORBIDDEN: Said = Said {
    postgres: &["42501"],
    // For a table, for a column.
    #[cfg(feature = "mysql")]
    mysql: &[1142, 1143],
    sqlite: &[],
};

const READ_ONLY: Said = Said {
    postgres: &["25006"],
    // `read_only` is set: for the server, the transaction or the storage engine.
    #[cfg(feature = "mysql")]
    mysql: &[1290, 1792, 1836],
    sqlite: &[],
};

/// A prepared statement of this name exists already, or does not exist.
const OTHERS_STATEMENT: Said = Said {
    postgres: &["42P05", "26000"],
    #[cfg(feature = "mysql")]
    mysql: &[],
    sqlite: &[],
};

fn is(error: &dyn DatabaseError, said: &Said) -> bool {
    #[cfg(feature = "mysql")]
    if let Some(number) = crate::driver::mysql::number(error) {
        return said.mysql.contains(&number);
    }
    let of_sqlite = said.sqlite.iter().any(|text| error.message().contains(text));
    of_sqlite || error.code().is_some_and(|code| said.postgres.contains(&&*code))
}

/// The name after one of these texts, or the first one in quotes.
fn named<'a>(message: &'a str, said: &Said) -> Option<&'a str> {
    let behind = said.sqlite.iter().find_map(|text| Some(message.split_once(text)?.1));
    let named = behind.or_else(|| message.split(['"', '\'']).nth(1))?;
    named.rsplit('.').next()
}

/// The column in `column u.name does not exist`.
fn unquoted(message: &str) -> Option<&str> {
    let column = message.strip_prefix("column ")?.split(' ').next()?.rsplit('.').next()?;
    is_word(column).then_some(column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forbidden_is_found_in_the_servers_words() {
        let table = [
            ("permission denied for table auth_users", Some(("table", "auth_users"))),
            ("permission denied for schema public", Some(("schema", "public"))),
            (
                "DELETE command denied to user 'a'@'b' for table `app`.`auth_sessions`",
                Some(("table", "auth_sessions")),
            ),
            ("SELECT command denied to user 'a'@'b' for table 'people'", Some(("table", "people"))),
            (
                "SELECT command denied to user 'a'@'b' for column 'password' in table 'people'",
                Some(("table", "people")),
            ),
            ("keine Berechtigung für Tabelle auth_users", None),
            ("permission denied for table \"a b\"", None),
        ];
        for (message, what) in table {
            assert_eq!(on_what(message), what, "{message}");
        }
    }

    #[test]
    fn what_is_to_be_granted_follows_from_the_statement() {
        let table = [
            ("DELETE FROM t", "auth_sessions", Some("GRANT DELETE ON auth_sessions")),
            ("WITH expired AS (SELECT 1) DELETE", "t", Some("GRANT DELETE ON t")),
            ("SELECT id FROM t FOR UPDATE", "t", Some("GRANT SELECT, UPDATE ON t")),
            ("SELECT 1", "SCHEMA app", Some("GRANT USAGE ON SCHEMA app")),
            ("CREATE TABLE t", "SCHEMA public", Some("GRANT CREATE ON SCHEMA public")),
            ("INSERT INTO t", "SEQUENCE t_id_seq", Some("GRANT USAGE ON SEQUENCE t_id_seq")),
            ("UPDATE t", "", Some("GRANT UPDATE")),
            // Who is no owner may be granted nothing.
            ("ALTER TABLE t", "", None),
        ];
        for (sql, on, granted) in table {
            assert_eq!(grant(sql, on).as_deref(), granted, "{sql} on {on:?}");
        }
    }
}
