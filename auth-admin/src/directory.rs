//! The directory and the policy of `plan-users`, on the command line.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use auth_admin::Admin;
use auth_core::provisioning::{Creation, NameCollision, Provisioning, ProvisioningBuilder, Right};
use auth_core::session::SessionStore;
use auth_ldap::{GroupSource, Ldap, LdapBuilder};
use clap::{Args, ValueEnum};

use crate::place::Unavailable;

/// The variable with the password of the searching account.
const PASSWORD: &str = "LDAP_PASSWORD";
/// How long the directory may take for an answer: no login waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The settings that the application's login uses. Repeat those of its `Ldap::builder` and its
/// `Provisioning::builder` here.
#[derive(Args)]
#[command(next_help_heading = "Directory and policy, for plan-users: as in the application (more by --help)")]
pub(crate) struct DirectoryOptions {
    /// Server of the directory: `ldaps://HOST`, `ldap://HOST`, which is asked for `StartTLS`, or `ldapi://SOCKET`; may be
    /// repeated
    #[arg(long = "directory", value_name = "URL")]
    servers: Vec<String>,
    /// Name of the directory in identities
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    issuer: Option<String>,
    /// Domain, if it is an Active Directory: it is the issuer, and knows where people are
    #[arg(long, value_name = "DOMAIN", conflicts_with = "issuer", hide_short_help = true)]
    active_directory: Option<String>,
    /// File with the certificates of the authorities that vouch for the servers [default: those of the system]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    authorities: Option<PathBuf>,
    /// Account that searches; its password is in the variable `LDAP_PASSWORD` [default: anonymous]
    #[arg(long, value_name = "DN", hide_short_help = true)]
    service_account: Option<String>,
    /// Where people are
    #[arg(long, value_name = "DN", hide_short_help = true)]
    people: Option<String>,
    /// Filter that finds one of them by name [default: `(uid={username})`]
    #[arg(long, value_name = "FILTER", hide_short_help = true)]
    filter: Option<String>,
    /// Only people right below that place
    #[arg(long, hide_short_help = true)]
    one_level: bool,
    /// Attribute that identifies a person permanently [default: entryUUID, or objectGUID]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    subject_attribute: Option<String>,
    /// Attribute with the login name [default: uid, or sAMAccountName]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    username_attribute: Option<String>,
    /// How groups are found
    #[arg(long, value_enum, value_name = "SOURCE", requires = "group_base", hide_short_help = true)]
    groups: Option<Source>,
    /// Where groups are
    #[arg(long, value_name = "DN", requires = "groups", hide_short_help = true)]
    group_base: Option<String>,
    /// Call groups by their whole DN, and not by their name alone
    #[arg(long, hide_short_help = true)]
    groups_by_dn: bool,
    /// Group that may sign in; may be repeated
    #[arg(long, value_name = "GROUP", hide_short_help = true)]
    require_group: Vec<String>,
    /// Group that may not sign in; may be repeated
    #[arg(long, value_name = "GROUP", hide_short_help = true)]
    deny_group: Vec<String>,
    /// How many entries to ask for at a time [default: 500]
    #[arg(long, value_name = "ENTRIES", hide_short_help = true)]
    page_size: Option<u16>,
    /// How many groups a user may be in [default: 10000]
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    max_groups: Option<usize>,

    /// Which people may be created or updated
    #[arg(long, value_enum, value_name = "PEOPLE", default_value = "create", hide_short_help = true)]
    creation: Creating,
    /// What happens if the name of a new user is taken
    #[arg(long, value_enum, value_name = "WHAT", default_value = "refuse", hide_short_help = true)]
    on_taken_name: Collision,
    /// Permission that a group gives; may be repeated
    #[arg(long, value_name = "GROUP=PERMISSION", hide_short_help = true)]
    grant: Vec<String>,
    /// Permission that users lose without a group that gives it; may be repeated
    #[arg(long, value_name = "PERMISSION", hide_short_help = true)]
    manage: Vec<String>,
    /// Permission that the last user with it keeps; may be repeated
    #[arg(long, value_name = "PERMISSION", hide_short_help = true)]
    guard_last: Vec<String>,
    /// Guarded permission that groups may also give; may be repeated
    #[arg(long, value_name = "PERMISSION", hide_short_help = true)]
    allow_raising: Vec<String>,
    /// Admit people whose groups are unknown, with the rights that they had
    #[arg(long, hide_short_help = true)]
    keep_rights_if_groups_are_unknown: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Source {
    /// By `memberOf` in the person's entry
    MemberOf,
    /// By `member` and `uniqueMember` in the groups' entries
    Members,
    /// The same, and the groups that contain those
    NestedMembers,
    /// By `memberUid` and `gidNumber`
    Posix,
    /// As Active Directory does, nested
    ActiveDirectory,
}

#[derive(Clone, Copy, ValueEnum)]
enum Creating {
    /// Every authenticated person gets a user, which is kept up to date
    Create,
    /// Only people with a user are admitted; it is kept up to date
    UpdateOnly,
    /// Only people with a user are admitted, and nothing is written
    ExistingOnly,
}

#[derive(Clone, Copy, ValueEnum)]
enum Collision {
    /// The new user is refused
    Refuse,
    /// A number is appended to the name of the new user
    Suffix,
}

impl DirectoryOptions {
    /// Passes the directory and the policy to `admin`, if the options name a directory.
    ///
    /// # Errors
    /// [`Unavailable`] if the options cannot be right. Its exit code differs from that of a malformed command line,
    /// which would mean that something would change.
    pub(crate) fn give_to<S: SessionStore>(&self, admin: Admin<S>) -> Result<Admin<S>, Unavailable> {
        if self.servers.is_empty() {
            return Ok(admin);
        }
        let refused = |error: auth_core::ConfigError| Unavailable::refused(error.to_string());
        let directory = self.settings()?.build().map_err(refused)?;
        admin.with_directory(directory, &self.policy()?).map_err(refused)
    }

    fn settings(&self) -> Result<LdapBuilder, Unavailable> {
        let ldap = match (&self.active_directory, &self.issuer) {
            (Some(domain), _) => Ldap::active_directory(domain),
            (None, Some(issuer)) => Ldap::builder(issuer),
            (None, None) => {
                return Err(Unavailable::refused("name the directory: --issuer or --active-directory"));
            }
        };
        let ldap = self.servers.iter().fold(ldap, LdapBuilder::server);
        let ldap = with(ldap, self.authorities()?, LdapBuilder::authorities);
        let ldap = self.searcher(ldap)?;
        let ldap = with(ldap, self.users()?, |ldap, (people, filter)| ldap.users(people, filter));
        let ldap = if self.one_level { ldap.one_level() } else { ldap };
        let ldap = with(ldap, self.subject_attribute.as_ref(), LdapBuilder::subject_attribute);
        let ldap = with(ldap, self.username_attribute.as_ref(), LdapBuilder::username_attribute);
        let ldap = with(ldap, self.group_source(), LdapBuilder::groups);
        let ldap = self.require_group.iter().fold(ldap, LdapBuilder::require_group);
        let ldap = self.deny_group.iter().fold(ldap, LdapBuilder::deny_group);
        let ldap = with(ldap, self.page_size, LdapBuilder::page_size);
        let ldap = with(ldap, self.max_groups, LdapBuilder::max_groups);
        Ok(ldap.connect_timeout(PATIENCE).operation_timeout(PATIENCE).timeout(2 * PATIENCE))
    }

    /// The base and the filter of people, unless the directory knows them.
    fn users(&self) -> Result<Option<(&str, &str)>, Unavailable> {
        match (self.people.as_deref(), self.filter.as_deref(), &self.active_directory) {
            (Some(people), Some(filter), _) => Ok(Some((people, filter))),
            (Some(people), None, None) => Ok(Some((people, "(uid={username})"))),
            (None, None, _) => Ok(None),
            (Some(_), None, Some(_)) => Err(Unavailable::refused("with --people, name the --filter, too")),
            (None, Some(_), _) => Err(Unavailable::refused("with --filter, name --people, too")),
        }
    }

    fn authorities(&self) -> Result<Option<Vec<u8>>, Unavailable> {
        let Some(file) = &self.authorities else { return Ok(None) };
        let unreadable = |error| Unavailable::refused(format!("{} cannot be read: {error}", file.display()));
        fs::read(file).map(Some).map_err(unreadable)
    }

    fn searcher(&self, ldap: LdapBuilder) -> Result<LdapBuilder, Unavailable> {
        let Some(account) = &self.service_account else { return Ok(ldap.anonymous_search()) };
        let missing =
            |_| Unavailable::refused(format!("the variable {PASSWORD} has no password of the account"));
        Ok(ldap.service_account(account, env::var(PASSWORD).map_err(missing)?))
    }

    fn group_source(&self) -> Option<GroupSource> {
        let base = self.group_base.clone()?;
        let source = match self.groups? {
            Source::MemberOf => GroupSource::member_of(base),
            Source::Members => GroupSource::members(base),
            Source::NestedMembers => GroupSource::members(base).nested(),
            Source::Posix => GroupSource::posix(base),
            Source::ActiveDirectory => GroupSource::active_directory(base),
        };
        Some(if self.groups_by_dn { source.by_dn() } else { source })
    }

    fn policy(&self) -> Result<Provisioning, Unavailable> {
        let policy = Provisioning::builder().creation(self.creation.into());
        let mut policy = policy.on_taken_name(self.on_taken_name.into());
        for grant in &self.grant {
            // Split from the right, because the DN of a group contains `=`, too.
            let written = || Unavailable::refused("a grant is written as GROUP=PERMISSION");
            let (group, permission) = grant.rsplit_once('=').ok_or_else(written)?;
            policy = policy.grant(group, Right::permission(permission));
        }
        policy = rights(&self.manage).fold(policy, ProvisioningBuilder::manage);
        policy = rights(&self.guard_last).fold(policy, ProvisioningBuilder::guard_last);
        policy = rights(&self.allow_raising).fold(policy, ProvisioningBuilder::allow_raising);
        if self.keep_rights_if_groups_are_unknown {
            policy = policy.keep_rights_if_groups_are_unknown();
        }
        policy.build().map_err(|error| Unavailable::refused(error.to_string()))
    }
}

/// Applies a setting if it is given.
fn with<T>(
    ldap: LdapBuilder,
    value: Option<T>,
    set: impl FnOnce(LdapBuilder, T) -> LdapBuilder,
) -> LdapBuilder {
    match value {
        Some(value) => set(ldap, value),
        None => ldap,
    }
}

fn rights(permissions: &[String]) -> impl Iterator<Item = Right> {
    permissions.iter().map(|name| Right::permission(name.as_str()))
}

impl From<Creating> for Creation {
    fn from(creating: Creating) -> Self {
        match creating {
            Creating::Create => Self::Create,
            Creating::UpdateOnly => Self::UpdateOnly,
            Creating::ExistingOnly => Self::ExistingOnly,
        }
    }
}

impl From<Collision> for NameCollision {
    fn from(collision: Collision) -> Self {
        match collision {
            Collision::Refuse => Self::Refuse,
            Collision::Suffix => Self::Suffix,
        }
    }
}
