//! Importing users with the password hashes of another system.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use auth_core::Passwords;
use auth_core::session::SessionStore;
use auth_sql::{Existing, ImportedUser};
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};

use crate::Admin;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::shown::shown;
use crate::users::say;

/// How many users each transaction creates: an interruption rolls back no more.
const BATCH: usize = 500;

impl<S: SessionStore> Admin<S> {
    pub(crate) async fn import_users(&self, file: &Path, dry_run: bool) -> Result<(), Failure> {
        let checked = self.check_file(file).await?;
        if checked.problems > 0 {
            return Err(Failure::Refused(format!("{} problems: nobody was created", checked.problems)));
        }
        let Checked { new, existing, .. } = checked;
        if dry_run {
            return say(&format!("would create {new} users; {existing} are there already"));
        }
        let (created, existing) = self.create_from(file, new + existing).await?;
        say(&format!("created {created} users; {existing} were there already"))
    }

    /// Reads all lines, and reports each problem.
    async fn check_file(&self, file: &Path) -> Result<Checked, Failure> {
        let mut lines = Lines::open(file)?;
        let mut progress = Progress::without_end("checked");
        let (mut checked, mut seen) = (Checked::default(), HashMap::new());
        while let Some(line) = lines.next(self.users.passwords())? {
            match self.check_line(&line, &mut seen).await? {
                Ok(Existing::None) => checked.new += 1,
                Ok(_) => checked.existing += 1,
                Err(problem) => {
                    checked.problems += 1;
                    progress.tell(&format!("line {}: {problem}", line.number));
                }
            }
            progress.advance(1);
        }
        progress.finish();
        Ok(checked)
    }

    /// Whether the user of a line exists, or what is wrong with the line. `seen` contains the lines of the names so
    /// far.
    async fn check_line(
        &self,
        line: &Line,
        seen: &mut HashMap<String, u64>,
    ) -> Result<Result<Existing, String>, Failure> {
        let user = match &line.user {
            Ok(user) => user,
            Err(problem) => return Ok(Err(problem.clone())),
        };
        if let Some(first) = seen.insert(user.key().into(), line.number) {
            return Ok(Err(format!("{} is the name in line {first} too", shown(user.username()))));
        }
        Ok(match self.users.existing(user).await? {
            Existing::Other => Err(taken(user)),
            existing => Ok(existing),
        })
    }

    /// Creates the users of all lines. Returns how many, and how many existed already.
    async fn create_from(&self, file: &Path, lines_checked: u64) -> Result<(u64, u64), Failure> {
        let mut lines = Lines::open(file)?;
        let mut progress = Progress::new("imported", lines_checked);
        let (mut created, mut existing) = (0, 0);
        loop {
            let batch = lines.batch(self.users.passwords())?;
            if batch.is_empty() {
                progress.finish();
                return Ok((created, existing));
            }
            let so_far = format!("{created} users were created");
            let made =
                self.users.import(&batch).await.map_err(|error| Failure::from(error).after(&so_far))?;
            for (user, made) in batch.iter().zip(&made) {
                created += u64::from(*made);
                existing += u64::from(!*made);
                // The name was taken after the check.
                if !made && self.users.existing(user).await? == Existing::Other {
                    return Err(Failure::Refused(taken(user)).after(&format!("{created} users were created")));
                }
            }
            progress.advance(batch.len() as u64);
        }
    }
}

#[derive(Default)]
struct Checked {
    new: u64,
    existing: u64,
    problems: u64,
}

fn taken(user: &ImportedUser) -> String {
    format!("the name {} is taken by a user with another password", shown(user.username()))
}

/// The users in a file.
struct Lines {
    reader: Reader<File>,
    columns: Columns,
}

/// The positions of the columns.
struct Columns {
    username: usize,
    password: usize,
    active: Option<usize>,
    count: usize,
}

/// A line, with its user or what is wrong. It does not repeat a password hash.
struct Line {
    number: u64,
    user: Result<ImportedUser, String>,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, Failure> {
        let unreadable = |error: &dyn std::fmt::Display| {
            Failure::Refused(format!("{} cannot be read: {error}", shown(&path.display().to_string())))
        };
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        // A line with more or fewer values is reported as a problem, and reading goes on.
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(file);
        let columns = Columns::of(reader.headers().map_err(|error| unreadable(&error))?)?;
        Ok(Self { reader, columns })
    }

    fn next(&mut self, passwords: &Passwords) -> Result<Option<Line>, Failure> {
        let mut record = StringRecord::new();
        match self.reader.read_record(&mut record) {
            Ok(false) => Ok(None),
            Ok(true) => {
                let number = record.position().map_or(0, csv::Position::line);
                Ok(Some(Line { number, user: self.columns.user(&record, passwords) }))
            }
            Err(error) => match error.kind() {
                ErrorKind::Utf8 { pos, .. } => {
                    let number = pos.as_ref().map_or(0, csv::Position::line);
                    Ok(Some(Line { number, user: Err("it is not UTF-8".into()) }))
                }
                _ => Err(Failure::Refused(format!("the file cannot be read: {error}"))),
            },
        }
    }

    /// The next users, all of which were valid when the file was checked.
    fn batch(&mut self, passwords: &Passwords) -> Result<Vec<ImportedUser>, Failure> {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            let Some(line) = self.next(passwords)? else { break };
            let changed =
                |problem| format!("the file was changed meanwhile: line {}: {problem}", line.number);
            batch.push(line.user.map_err(|problem| Failure::Refused(changed(problem)))?);
        }
        Ok(batch)
    }
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, Failure> {
        let at = |column: &str| header.iter().position(|name| name == column);
        let unknown = header.iter().find(|name| !["username", "password", "active"].contains(name));
        match (at("username"), at("password"), unknown) {
            (Some(username), Some(password), None) => {
                Ok(Self { username, password, active: at("active"), count: header.len() })
            }
            // The name is not repeated: without a header line it may be a hash.
            _ => Err(Failure::refused(
                "the first line must name the columns: `username`, `password` and perhaps `active`",
            )),
        }
    }

    fn user(&self, record: &StringRecord, passwords: &Passwords) -> Result<ImportedUser, String> {
        if record.len() != self.count {
            return Err(format!("it has {} values instead of {}", record.len(), self.count));
        }
        let value = |at: usize| record.get(at).unwrap_or_default();
        let hash = match value(self.password) {
            "" => None,
            hash => Some(passwords.recognise(hash).map_err(|error| error.to_string())?),
        };
        let user = ImportedUser::new(value(self.username), hash).map_err(|error| error.to_string())?;
        match self.active.map(|at| value(at).to_ascii_lowercase()).as_deref() {
            None | Some("true" | "t" | "1") => Ok(user),
            Some("false" | "f" | "0") => Ok(user.disabled()),
            Some(_) => Err("`active` is neither true nor false".into()),
        }
    }
}
