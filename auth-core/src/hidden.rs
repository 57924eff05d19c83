//! `Debug` output for the data of people and applications: the amount, and not the content.
//!
//! Records end up in logs and in panics. There, personal text is a leak, and its length is usually enough to see what
//! went wrong.

use std::collections::BTreeMap;
use std::fmt;

/// This many bytes.
pub(crate) struct Bytes(usize);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0)
    }
}

pub(crate) fn text(text: &(impl AsRef<[u8]> + ?Sized)) -> Bytes {
    Bytes(text.as_ref().len())
}

pub(crate) fn optional(text: Option<&str>) -> Option<Bytes> {
    text.map(self::text)
}

/// Names with the amount of each.
pub(crate) struct Names<'a, K, V>(pub(crate) &'a BTreeMap<K, V>, pub(crate) fn(&V) -> usize);

impl<K: fmt::Debug, V> fmt::Debug for Names<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, Bytes((self.1)(value))))).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use crate::backend::{Email, Groups, Identity, Outcome, Standing};
    use crate::provisioning::{Account, Change, NewUser, Query, Right, Update};
    use crate::session::{ClientFacts, SessionRecord};
    use crate::time::Timestamp;
    use crate::*;

    const CANARY: &str = "canary-7f3a";

    struct Stamped;

    impl User for Stamped {
        fn id(&self) -> UserId {
            UserId::from(1)
        }
        fn security_stamp(&self) -> &[u8] {
            CANARY.as_bytes()
        }
        fn is_active(&self) -> bool {
            true
        }
    }

    fn email() -> Email {
        Email { address: CANARY.into(), verified: true }
    }

    fn identity() -> Identity {
        Identity::new("https://sso.example", CANARY)
            .with_username(CANARY)
            .with_name(CANARY)
            .with_verified_email(CANARY)
            .with_groups([CANARY])
            .with_attribute("phone", CANARY)
    }

    fn account() -> Account {
        let mut account = Account::new(UserId::from(1), CANARY);
        account.identity = Some(("https://sso.example".into(), CANARY.into()));
        account.email = Some(email());
        account.attributes.insert("phone".into(), CANARY.into());
        account.tracked.insert("phone".into(), CANARY.into());
        account
    }

    fn facts() -> RequestFacts {
        let peer = "192.0.2.77".parse().ok();
        RequestFacts::none().with_peer(peer).with_user_agent(Some(CANARY.as_bytes()))
    }

    fn record() -> SessionRecord {
        let keys = session::KeyRing::new(b"the tests' secret, of 32 bytes or more").unwrap();
        let (id, backend, now) =
            (UserId::from(1), BackendName::new("local").unwrap(), Timestamp::from_secs(1));
        let stamp = keys.stamp(&backend, &id, &Stamped);
        let owner = session::Owner::User(session::SessionUser { backend, id, stamp });
        let mut record = SessionRecord::new(owner, now, now);
        record.remote_user = Some(Box::new(CANARY.into()));
        record.data = [("cart".into(), CANARY.into())].into_iter().collect();
        record.client = Some(Box::new(ClientFacts::from(&facts())));
        record
    }

    fn changes() -> Vec<Change> {
        vec![
            Change::Link { issuer: "https://sso.example".into(), subject: CANARY.into() },
            Change::Email(email()),
            Change::Attribute { field: "phone".into(), value: Some(CANARY.into()) },
            Change::Give(Right::permission("read")),
        ]
    }

    fn new_user() -> NewUser {
        NewUser {
            issuer: "https://sso.example".into(),
            subject: CANARY.into(),
            username: CANARY.into(),
            changes: changes(),
        }
    }

    /// A table of all that holds what somebody said, each with a name that is shown.
    #[test]
    fn records_show_names_and_no_values() {
        let guarded = std::collections::BTreeSet::new();
        let identity = identity();
        let remote = RemoteUser::dangerous_new(CANARY);
        let stored = session::Stored {
            key: session::SessionKey::from_bytes([7; 32]),
            record: std::sync::Arc::new(record()),
            version: 1,
        };
        let (record, account, facts) = (record(), account(), facts());
        let table: Vec<(&str, Box<dyn Debug + '_>)> = vec![
            ("Secret", Box::new(Secret::new(CANARY))),
            ("Password", Box::new(Password::new(CANARY, CANARY))),
            ("BearerToken", Box::new(BearerToken::new(CANARY))),
            ("RemoteUser", Box::new(remote)),
            ("phone", Box::new(identity.clone())),
            ("Good", Box::new(Standing::Good(identity.clone()))),
            ("Accept", Box::new(Outcome::Accept(identity))),
            ("verified", Box::new(email())),
            ("Known", Box::new(Groups::Known([CANARY.to_owned()].into()))),
            ("user_agent", Box::new(facts.clone())),
            ("user_agent", Box::new(ClientFacts::from(&facts))),
            ("cart", Box::new(record.data.clone())),
            ("backend", Box::new(record)),
            ("version", Box::new(stored)),
            (
                "issuer",
                Box::new(Query::new("https://sso.example", CANARY, CANARY, &guarded).with_email(CANARY)),
            ),
            ("tracked", Box::new(account.clone())),
            ("issuer", Box::new(new_user())),
            ("before", Box::new(Update { before: account, changes: changes() })),
            ("Attribute", Box::new(changes())),
        ];
        for (name, value) in table {
            for shown in [format!("{value:?}"), format!("{value:#?}")] {
                assert!(shown.contains(name), "{name} is missing: {shown}");
                for hidden in [CANARY, "192.0.2.77", "99, 97, 110, 97, 114, 121"] {
                    assert!(!shown.contains(hidden), "{hidden} is shown: {shown}");
                }
            }
        }
    }

    /// Not even the keyed hash of a stamp: with the user's row, a guessed key can be tried on it.
    #[test]
    fn a_stamp_shows_which_key_and_no_hash() {
        let record = record();
        let stamp = &record.owner().user().unwrap().stamp;
        let bytes = stamp.to_bytes();
        let shown = format!("{stamp:?}");
        assert!(shown.starts_with("StampMac(key "), "{shown}");
        assert!(!shown.contains(&format!("{}, {}", bytes[4], bytes[5])) && shown.len() < 30, "{shown}");
    }
}
