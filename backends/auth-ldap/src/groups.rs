//! Where to find the groups of a person.

use std::collections::{BTreeMap, BTreeSet};

use ldap3::Scope;

use crate::connection::{Entry, Search, nothing};
use crate::dn::{first_value, folded};
use crate::error::Failure;
use crate::filter::{FilterValue, all, either, equals};
use crate::reader::Reader;

/// Where a directory stores group membership. Only groups below `base` count: people who may create groups elsewhere
/// must not be able to create one of the same name.
///
/// A group is known by its name alone (the first value of its DN, such as `staff`), or by its whole DN
/// ([`by_dn`](Self::by_dn)).
///
/// Groups are read in pages, and ranges of values to the last one. If a limit of the directory or
/// [`max_groups`](crate::LdapBuilder::max_groups) cuts that short, the groups are
/// [unknown](auth_core::backend::Groups::Unknown), and not fewer; the log names the limit. Referrals are not
/// followed: groups that exist only on another server are not found.
///
/// ```
/// use auth_ldap::GroupSource;
///
/// let groups = GroupSource::members("ou=groups,dc=example,dc=org").nested();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct GroupSource {
    kind: Kind,
    base: String,
    by_dn: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    MemberOf,
    Members { levels: usize },
    Posix,
    ActiveDirectory,
}

/// The attribute of a person with the DNs of their groups.
const MEMBER_OF: &str = "memberOf";
/// How deeply groups may be nested.
const MAX_LEVELS: usize = 16;
/// How many groups one search covers when it looks for the groups that contain them.
const AT_ONCE: usize = 100;

impl GroupSource {
    /// Reads the values of `memberOf` in the person's own entry.
    ///
    /// ```
    /// let groups = auth_ldap::GroupSource::member_of("ou=groups,dc=example,dc=org");
    /// ```
    pub fn member_of(base: impl Into<String>) -> Self {
        Self::new(Kind::MemberOf, base)
    }

    /// Finds entries of the classes `groupOfNames` and `groupOfUniqueNames` that have the person as a member.
    ///
    /// ```
    /// let groups = auth_ldap::GroupSource::members("ou=groups,dc=example,dc=org");
    /// ```
    pub fn members(base: impl Into<String>) -> Self {
        Self::new(Kind::Members { levels: 1 }, base)
    }

    /// Finds entries of the class `posixGroup` that have the person's name as a `memberUid`, or are their primary
    /// group.
    ///
    /// ```
    /// let groups = auth_ldap::GroupSource::posix("ou=groups,dc=example,dc=org");
    /// ```
    pub fn posix(base: impl Into<String>) -> Self {
        Self::new(Kind::Posix, base)
    }

    /// Finds the groups of Active Directory, including the groups that contain them. The primary group, usually
    /// "Domain Users", is not among them.
    ///
    /// ```
    /// let groups = auth_ldap::GroupSource::active_directory("ou=groups,dc=example,dc=test");
    /// ```
    pub fn active_directory(base: impl Into<String>) -> Self {
        Self::new(Kind::ActiveDirectory, base)
    }

    fn new(kind: Kind, base: impl Into<String>) -> Self {
        Self { kind, base: base.into(), by_dn: false }
    }

    /// Also finds the groups that contain the groups of [`members`](Self::members), at most 16 deep, by one search
    /// for each level. It does not change the other sources.
    ///
    /// ```
    /// let groups = auth_ldap::GroupSource::members("ou=groups,dc=example,dc=org").nested();
    /// ```
    pub fn nested(mut self) -> Self {
        if let Kind::Members { levels } = &mut self.kind {
            *levels = MAX_LEVELS;
        }
        self
    }

    /// Names groups by their whole DN instead of by their name alone.
    ///
    /// ```
    /// let groups = auth_ldap::GroupSource::member_of("ou=groups,dc=example,dc=org").by_dn();
    /// ```
    pub fn by_dn(mut self) -> Self {
        self.by_dn = true;
        self
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The attributes of a person that this source needs.
    pub(crate) fn attributes(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::MemberOf => &[MEMBER_OF],
            Kind::Posix => &["gidNumber"],
            Kind::Members { .. } | Kind::ActiveDirectory => &[],
        }
    }

    /// A group's name in a canonical spelling, for comparison.
    pub(crate) fn folded(&self, group: &str) -> String {
        if self.by_dn { folded(group) } else { group.to_lowercase() }
    }

    /// The groups of the person with this entry and name.
    ///
    /// # Errors
    /// [`Failure`] if they could not be read completely: a part of the groups is no answer.
    pub(crate) async fn of(
        &self,
        entry: &mut Entry,
        username: &str,
        reader: &mut Reader<'_>,
    ) -> Result<BTreeSet<String>, Failure> {
        let dns = match self.kind {
            Kind::MemberOf => {
                reader.complete(entry, MEMBER_OF).await?;
                self.named_by(entry)
            }
            Kind::Members { levels } => self.layers(entry, levels, reader).await?,
            Kind::Posix => {
                let mut filters = vec![equals("memberUid", &FilterValue::of(username))];
                filters.extend(entry.text("gidNumber").map(|id| equals("gidNumber", &FilterValue::of(id))));
                let filter = either(filters.iter().map(String::as_str));
                self.search(&all(["(objectClass=posixGroup)", &filter]), reader).await?
            }
            Kind::ActiveDirectory => {
                // LDAP_MATCHING_RULE_IN_CHAIN ([MS-ADTS] §3.1.1.3.4.4.3).
                let member = FilterValue::of(&entry.dn);
                let filter = format!("(member:1.2.840.113556.1.4.1941:={})", member.as_str());
                self.search(&all(["(objectClass=group)", &filter]), reader).await?
            }
        };
        reader.bounds().check(dns.len())?;
        self.names(&dns)
    }

    /// The groups that the entry itself names.
    fn named_by(&self, entry: &Entry) -> Vec<String> {
        let base = format!(",{}", folded(&self.base));
        let below = |dn: &&str| base == "," || folded(dn).ends_with(&base);
        entry.texts(MEMBER_OF).filter(below).map(str::to_owned).collect()
    }

    /// The groups that the person is in, the groups that contain these, and so on.
    async fn layers(
        &self,
        entry: &Entry,
        levels: usize,
        reader: &mut Reader<'_>,
    ) -> Result<Vec<String>, Failure> {
        let mut known = BTreeMap::new();
        let mut layer = vec![entry.dn.clone()];
        for level in 0.. {
            if layer.is_empty() || (level == levels && levels == 1) {
                break;
            }
            if level == levels {
                return Err(Failure::limit(format!("groups are in each other more than {levels} deep")));
            }
            let mut above = Vec::new();
            for members in layer.chunks(AT_ONCE) {
                let found = self.search(&with_members(members), reader).await?;
                let new = found.into_iter().filter(|dn| known.insert(folded(dn), dn.clone()).is_none());
                above.extend(new);
                reader.bounds().check(known.len())?;
            }
            layer = above;
        }
        Ok(known.into_values().collect())
    }

    /// The names of the groups that a filter finds.
    async fn search(&self, filter: &str, reader: &mut Reader<'_>) -> Result<Vec<String>, Failure> {
        let search = Search { base: &self.base, scope: Scope::Subtree, filter, attributes: &nothing() };
        reader.names(&search).await
    }

    fn names(&self, dns: &[String]) -> Result<BTreeSet<String>, Failure> {
        let name = |dn: &String| if self.by_dn { Some(dn.clone()) } else { first_value(dn) };
        let names: Option<_> = dns.iter().map(name).collect();
        names.ok_or_else(|| Failure::unclear("the DN of a group cannot be read"))
    }
}

fn with_members(members: &[String]) -> String {
    let filters = members.iter().flat_map(|dn| {
        let dn = FilterValue::of(dn);
        [equals("member", &dn), equals("uniqueMember", &dn)]
    });
    let filters: Vec<_> = filters.collect();
    let members = either(filters.iter().map(String::as_str));
    all(["(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))", &members])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attribute: &str, values: &[&str]) -> Entry {
        let values = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        Entry { dn: "uid=alice".into(), attributes: [(attribute.to_owned(), values)].into() }
    }

    /// Whoever may make groups elsewhere cannot make one that counts.
    #[test]
    fn groups_elsewhere_do_not_count() {
        let source = GroupSource::member_of("ou=Groups,dc=example");
        let told = source.named_by(&entry(
            "memberof",
            &[
                "cn=staff,OU=groups, dc=example",
                "cn=admins,ou=people,dc=example",
                r"cn=x\,ou=groups,dc=example",
            ],
        ));
        assert_eq!(told, ["cn=staff,OU=groups, dc=example"]);
    }

    #[test]
    fn groups_are_called_by_name_or_dn() {
        let dns = [r"cn=R\2cD,ou=groups,dc=example".to_owned()];
        let names = |source: GroupSource| source.names(&dns).unwrap();
        assert_eq!(names(GroupSource::member_of("")), ["R,D".to_owned()].into());
        assert_eq!(names(GroupSource::member_of("").by_dn()), dns.clone().into());
    }
}
